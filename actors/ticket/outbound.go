package ticket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"countersign/actors/wire"
)

// patience is how long a terminal waits for an answer (profile section 6.2), and anybody for a document.
const patience = 5 * time.Second

// reply is an answer as a caller sees it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// code is the error member of a refusal, empty when there is none.
func (r reply) code() string {
	var said wire.Refusal
	_ = json.Unmarshal(r.body, &said) // what is no JSON object has no code
	return said.Error
}

// call is a request to another role.
type call struct {
	method, url   string
	authorization string // the header's value, empty for none
	body          any    // nil for none
}

func (c call) request() (*http.Request, error) {
	var body io.Reader
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequest(c.method, c.url, body)
	if err != nil {
		return nil, err
	}
	if c.authorization != "" {
		request.Header.Set("Authorization", c.authorization)
	}
	if c.body != nil {
		request.Header.Set("Content-Type", wire.JSONType)
	}
	return request, nil
}

// do sends the call. A client that would wait longer than the limit is held to it; one without a limit has its world's.
func (c call) do(client *http.Client, limit time.Duration) (reply, error) {
	request, err := c.request()
	if err != nil {
		return reply{}, err
	}
	bounded := *client
	if bounded.Timeout > limit {
		bounded.Timeout = limit
	}
	response, err := bounded.Do(request)
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
