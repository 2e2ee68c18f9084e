package unified

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// byOperator makes a request of an operator. A nil body makes it a GET.
func (t *test) byOperator(who OperatorSetup, endpoint string, body members) *http.Request {
	method, text := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Broken("a body cannot be written: %v", err)
		}
	}
	req := t.posting(endpoint, jsonType, string(text))
	req.Method = method
	req.SetBasicAuth(who.Name, who.Password)
	return req
}

// olga owns what a check registers, rene reviews it, and victor may not review: section 8 of the profile.
func (t *test) olga() OperatorSetup   { return t.operator(0) }
func (t *test) rene() OperatorSetup   { return t.operator(1) }
func (t *test) victor() OperatorSetup { return t.operator(len(t.Operators) - 1) }

func (t *test) operator(i int) OperatorSetup {
	if len(t.Operators) < 3 {
		t.Broken("the setup names %d operators, not three: complete it by section 8 of the profile", len(t.Operators))
	}
	return t.Operators[i]
}

// newSite makes up a third-party platform at the address for registering. Nobody knows it yet.
func (t *test) newSite() site {
	word := strings.ToLower(t.Target.Run + strings.NewReplacer("-", "x", "_", "y").Replace(t.Random(6)))
	base := strings.TrimSuffix(t.Registering, "/") + "/" + word
	return site{name: "Site " + word, access: base + "/access", callback: base + "/callback"}
}

// withBatchLogout and withBackChannel give a new third-party platform a logout path.
func (s site) withBatchLogout() site {
	s.batchLogout = strings.TrimSuffix(s.callback, "callback") + "logout"
	return s
}

func (s site) withBackChannel() site {
	s.backChannel = strings.TrimSuffix(s.callback, "callback") + "backchannel"
	return s
}

// registration is the body of section 4.2 of the profile.
func (s site) registration() members {
	m := members{"client_name": s.name, "access_uri": s.access, "callback_uri": s.callback}
	for _, further := range [][2]string{{"client_id", s.id}, {"logout_uri", s.batchLogout}, {"backchannel_logout_uri", s.backChannel}} {
		if further[1] != "" {
			m[further[0]] = further[1]
		}
	}
	return m
}

// submit sends a registration of olga's, which has to be taken, and gives the IDs of request and third-party platform.
func (t *test) submit(s site) (requestID, clientID string) {
	resp := t.Do("operator", t.byOperator(t.olga(), t.registrationEndpoint(), s.registration()))
	t.ExpectStatus(resp, "a registration", http.StatusAccepted)
	what := "the answer to a registration"
	return t.field(resp, "request_id", what), t.field(resp, "client_id", what)
}

// approveRequest has rene approve a registration.
func (t *test) approveRequest(requestID string) {
	resp := t.Do("operator", t.byOperator(t.rene(), t.reviewEndpoint(), members{"request_id": requestID, "decision": "approve"}))
	t.Accepted(resp, "the approval of a registration by a reviewer who did not ask for it")
}

// registered puts a new third-party platform into force, or a change of one that has its id.
func (t *test) registered(s site) site {
	requestID, clientID := t.submit(s)
	t.approveRequest(requestID)
	s.id = clientID
	return s
}

// giveKey has olga take a new communication key for a third-party platform of hers.
func (t *test) giveKey(s site) jose.Key {
	resp := t.Do("operator", t.byOperator(t.olga(), t.keyEndpoint(), members{"client_id": s.id}))
	what := "the answer to its owner's request for a communication key"
	t.Accepted(resp, "the owner's request for a communication key")
	secret, err := jose.Decode(t.field(resp, "k", what))
	if err != nil || len(secret) != 32 {
		t.FailAt(resp.Exchange, what+" with k, 32 bytes in base64url without padding", "another k")
	}
	return jose.Key{ID: t.field(resp, "kid", what), Secret: secret}
}

// settle registers a new third-party platform and takes its first key: it can be entered from here on.
func (t *test) settle(s site) site {
	s = t.registered(s)
	s.keys = []jose.Key{t.giveKey(s)}
	return s
}

// field reads a string that a JSON answer has to have.
func (t *test) field(resp *conformance.Response, name, what string) string {
	var body members
	if err := json.Unmarshal(resp.Body, &body); err != nil || body.text(name) == "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s: a JSON object with the string %s", what, name), fmt.Sprintf("%s is %s", name, shown(body[name])))
	}
	return body.text(name)
}
