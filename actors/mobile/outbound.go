package mobile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"countersign/actors"
	"countersign/actors/wire"
)

// patience is how long an answer is waited for (profile sections 5.1 and 6.2).
const patience = 5 * time.Second

// reply is an answer as a caller sees it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call is a request to another role.
type call struct {
	method, url   string
	authorization string // the header's value, empty for none
	proof         string // of the header DPoP, empty for none
	contentType   string
	body          []byte // nil for none
}

// callWith is a POST of a JSON object.
func callWith(url string, object any) (call, error) {
	body, err := json.Marshal(object)
	return call{method: http.MethodPost, url: url, contentType: wire.JSONType, body: body}, err
}

// basic writes credentials for HTTP Basic (RFC 7617).
func basic(id, shared string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+shared))
}

// errNoAnswer says that an answer was waited for in vain.
var errNoAnswer = errors.New("no answer in time")

// do sends the call and waits that long for its answer. A client that knows a limit is held to it; the wait for one that knows none is timed by the actor's clock.
func (c call) do(env actors.Env, limit time.Duration) (reply, error) {
	bounded := *env.HTTP
	if bounded.Timeout > 0 {
		bounded.Timeout = min(bounded.Timeout, limit)
		return c.exchange(&bounded)
	}
	var answer reply
	var err error
	var came atomic.Bool
	env.Go("wait for an answer", func() {
		answer, err = c.exchange(&bounded)
		came.Store(true)
	})
	const firstBeat = 4 * time.Millisecond
	begun := env.Clock.Now()
	for !came.Load() {
		waited := env.Clock.Now().Sub(begun)
		if waited >= limit {
			return reply{}, fmt.Errorf("%w: %s was waited for %v", errNoAnswer, c.url, waited)
		}
		// Longer the longer it takes, so that a wait costs few looks and is late by little.
		env.Clock.Sleep(min(max(firstBeat, waited/8), limit-waited))
	}
	return answer, err
}

// exchange sends the call and reads the whole answer.
func (c call) exchange(client *http.Client) (reply, error) {
	request, err := http.NewRequest(c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return reply{}, err
	}
	if c.authorization != "" {
		request.Header.Set("Authorization", c.authorization)
	}
	if c.proof != "" {
		request.Header.Set("DPoP", c.proof)
	}
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody+1))
	if err != nil {
		return reply{}, err
	}
	if len(body) > wire.MaxBody {
		return reply{}, fmt.Errorf("the answer of %s is larger than %d bytes", c.url, wire.MaxBody)
	}
	return reply{response.StatusCode, response.Header, body}, nil
}
