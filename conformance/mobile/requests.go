package mobile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

const jsonType = "application/json"

// request makes a POST with a JSON body.
func (t *test) request(endpoint string, body members) *http.Request {
	text, err := json.Marshal(body)
	if err != nil {
		t.Broken("a body cannot be written: %v", err)
	}
	return t.rawRequest(http.MethodPost, endpoint, jsonType, text)
}

// rawRequest makes a request with any body; an empty mediaType says nothing of it.
func (t *test) rawRequest(method, endpoint, mediaType string, body []byte) *http.Request {
	req, err := http.NewRequest(method, endpoint, bytes.NewReader(body))
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", fmt.Sprintf("%q: %v", endpoint, err))
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	return req
}

// newSigner makes a key pair; one without a name is a device key.
func (t *test) newSigner(id string) jose.Signer {
	s, err := jose.NewSigner(t.Env.Entropy(), id)
	if err != nil {
		t.Broken("%v", err)
	}
	return s
}

// proof makes a right proof for a request to the target, with a new jti. accessToken is empty where none is presented.
func (t *test) proof(device jose.Signer, method, url, accessToken string) statement {
	return newProof(device, t.Random(18), method, url, accessToken, t.Env.Now())
}

// prove puts a proof into a request.
func (t *test) prove(req *http.Request, device jose.Signer, p statement) *http.Request {
	compact, err := proofBy(device, p)
	if err != nil {
		t.Broken("a proof cannot be signed: %v", err)
	}
	req.Header.Set("DPoP", compact)
	return req
}

// belie puts what a lie tells in the place of the proof of a request. other is a key that is not the device's.
func (t *test) belie(req *http.Request, l lie, right statement, device, other jose.Signer) *http.Request {
	values, err := l.tell(right, device, other)
	if err != nil {
		t.Broken("%s cannot be made: %v", l.what, err)
	}
	req.Header.Del("DPoP")
	for _, value := range values {
		req.Header.Add("DPoP", value)
	}
	return req
}

// object reads the JSON object that an answer is.
func (t *test) object(resp *conformance.Response, what string) members {
	body, err := judge.ReadMembers(resp.Body)
	if err != nil {
		t.FailAt(resp.Exchange, what+" that is a JSON object", err.Error())
	}
	return body
}

// text reads a string that an answer has to have.
func (t *test) text(resp *conformance.Response, name, what string) string {
	body := t.object(resp, what)
	s := body.Text(name)
	if s == "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s with the string %s", what, name), fmt.Sprintf("%s is %s", name, judge.Shown(body[name])))
	}
	return s
}

// whole reads a whole number that an answer has to have.
func (t *test) whole(resp *conformance.Response, name, what string) int64 {
	body := t.object(resp, what)
	n, ok := body.Whole(name)
	if !ok {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s with the whole number %s", what, name), fmt.Sprintf("%s is %s", name, judge.Shown(body[name])))
	}
	return n
}

// changed is a text with its first character another, of the same alphabet.
func changed(text string) string {
	if strings.HasPrefix(text, "A") {
		return "B" + text[1:]
	}
	return "A" + text[min(1, len(text)):]
}
