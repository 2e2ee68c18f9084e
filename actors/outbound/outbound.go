// Package outbound is how actors ask each other: one request, its whole answer, within a limit of time and size.
package outbound

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/wire"
)

// Call is a request to another role.
type Call struct {
	Method, URL   string
	Authorization string      // the header's value, empty for none
	Header        http.Header // further headers
	ContentType   string      // of Body
	Body          []byte
	// Object, where it is set, is sent as a JSON object, in the place of Body.
	Object any
}

// Reply is an answer as a caller sees it.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the error member of a refusal, empty when there is none.
func (r Reply) Code() string {
	var said wire.Refusal
	_ = json.Unmarshal(r.Body, &said) // what is no JSON object has no code
	return said.Error
}

// Basic writes credentials for HTTP Basic (RFC 7617).
func Basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func (c Call) request() (*http.Request, error) {
	if c.Object != nil {
		text, err := json.Marshal(c.Object)
		if err != nil {
			return nil, err
		}
		c.Body, c.ContentType = text, wire.JSONType
	}
	request, err := http.NewRequest(c.Method, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, c.Header)
	if c.ContentType != "" {
		request.Header.Set("Content-Type", c.ContentType)
	}
	if c.Authorization != "" {
		request.Header.Set("Authorization", c.Authorization)
	}
	return request, nil
}

// Do sends the call and reads its answer, of wire.MaxBody bytes at most, as long as the limit, in the time of the actor's world.
func (c Call) Do(env actors.Env, limit time.Duration) (Reply, error) {
	request, err := c.request()
	if err != nil {
		return Reply{}, err
	}
	response, err := env.Client(limit).Do(request)
	if err != nil {
		return Reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody+1))
	if err != nil {
		return Reply{}, err
	}
	if len(body) > wire.MaxBody {
		return Reply{}, fmt.Errorf("the answer of %s is larger than %d bytes", c.URL, wire.MaxBody)
	}
	return Reply{response.StatusCode, response.Header, body}, nil
}
