package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/wire"
)

// The media types of messages (profile sections 5.1 and 5.2).
const (
	applicationType = "application/cbor"
	envelopeType    = `application/cose; cose-type="cose-sign1"`
)

// call is a request to another role.
type call struct {
	method, url   string
	contentType   string
	authorization string // the header's value, empty for none
	body          []byte
}

// reply is an answer as a caller sees it.
type reply struct {
	status      int
	contentType string
	body        []byte
}

// code is the error member of a refusal, empty when there is none.
func (r reply) code() string {
	var said wire.Refusal
	_ = json.Unmarshal(r.body, &said) // what is no JSON object has no code
	return said.Error
}

// do sends the call. A client that would wait longer than the limit is held to it; one without a limit has its world's.
func (c call) do(client *http.Client, limit time.Duration) (reply, error) {
	request, err := http.NewRequest(c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return reply{}, err
	}
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	if c.authorization != "" {
		request.Header.Set("Authorization", c.authorization)
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
	return reply{response.StatusCode, response.Header.Get("Content-Type"), body}, nil
}

// discover reads the server's metadata under the issuer (profile section 3).
func discover(env actors.Env, issuer string, limit time.Duration) (m Metadata, err error) {
	answer, err := call{method: http.MethodGet, url: issuer + wellKnown}.do(env.HTTP, limit)
	if err != nil {
		return m, err
	}
	if answer.status != http.StatusOK || json.Unmarshal(answer.body, &m) != nil {
		return m, fmt.Errorf("there are no metadata of a service server under %s", issuer)
	}
	return m, nil
}

// strangeIssuer says that a document is not the issuer's own.
func strangeIssuer(asked, said string) error {
	return fmt.Errorf("the metadata under %s name the issuer %s; let the server publish its own", asked, said)
}

// overheard says that a URL may be read by others than its receiver.
func overheard(url string) error {
	return fmt.Errorf("%s is neither on TLS nor on loopback: let the server publish its endpoints under https", url)
}
