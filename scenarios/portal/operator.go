package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Operator registers third-party platforms and may review. Operators are honest where a scenario does not say otherwise.
type Operator struct {
	*stage.Person
	stage *Stage
}

// NewOperator adds an operator at a desk. The platform has to be Operated.
func (st *Stage) NewOperator(name string) *Operator {
	return &Operator{st.NewPerson(name, "operator", nil), st}
}

// Operate sends a request of an operator from a host, and gives the text members of the answer.
func (st *Stage) Operate(from *sim.Host, as, path string, members map[string]string) (status int, said map[string]string) {
	text, err := json.Marshal(members)
	if err != nil {
		return 0, nil
	}
	r, err := http.NewRequest(http.MethodPost, st.Platform.Issuer+path, strings.NewReader(string(text)))
	if err != nil {
		return 0, nil
	}
	r.SetBasicAuth(as, PasswordOf(as))
	r.Header.Set("Content-Type", "application/json")
	response, err := from.Client().Do(r)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	var all map[string]any
	if json.Unmarshal(body, &all) != nil {
		return response.StatusCode, nil
	}
	said = map[string]string{}
	for _, name := range []string{"request_id", "client_id", "status", "kid", "k"} {
		said[name], _ = all[name].(string)
	}
	return response.StatusCode, said
}

// AsksChange asks for a change of a third-party platform's registration, and gives the request_id.
func (st *Stage) AsksChange(from *sim.Host, as string, of *ThirdParty, name, callback string) string {
	_, said := st.Operate(from, as, "/registration", map[string]string{
		"client_id": of.ID, "client_name": name, "access_uri": of.AccessURI(), "callback_uri": callback, "logout_uri": of.LogoutURI(),
	})
	return said["request_id"]
}

// Approves approves a request.
func (st *Stage) Approves(from *sim.Host, as, requestID string) (status int) {
	status, _ = st.Operate(from, as, "/review", map[string]string{"request_id": requestID, "decision": "approve"})
	return status
}

// Rotates gets a new communication key for a third-party platform, which is started anew with it after a pause.
func (o *Operator) Rotates(of *ThirdParty, pause time.Duration) {
	if key, got := o.GetsKey(of); got {
		o.Wait(pause)
		o.Adds(of, key)
	}
}

// GetsKey gets a new communication key for a third-party platform, which does not have it yet.
func (o *Operator) GetsKey(of *ThirdParty) (key jose.Key, got bool) {
	_, said := o.stage.Operate(o.Host, o.Name, "/key", map[string]string{"client_id": of.ID})
	secret, err := jose.Decode(said["k"])
	if err != nil || len(secret) == 0 {
		o.Note("gets no key")
		return key, false
	}
	key = jose.Key{ID: said["kid"], Secret: secret}
	o.stage.keys[key.ID] = sealer{key, of.ID, o.stage.Platform.Issuer}
	return key, true
}

// Adds starts a third-party platform anew with one more key.
func (o *Operator) Adds(of *ThirdParty, key jose.Key) {
	of.keys = append(of.keys, key)
	o.Note("starts " + of.Host.Name() + " anew, with both keys")
	of.Host.Crash(0)
}

// Keeps starts a third-party platform anew with its newest key alone, and gives the key ID of the one before it.
func (o *Operator) Keeps(of *ThirdParty) (before string) {
	last := len(of.keys) - 1
	before, of.keys = of.keys[max(0, last-1)].ID, of.keys[last:]
	o.Note("starts " + of.Host.Name() + " anew, with the new key alone")
	of.Host.Crash(0)
	return before
}

// NewestKey is the key ID of a third-party platform's newest key.
func (t *ThirdParty) NewestKey() string { return t.keys[len(t.keys)-1].ID }

// KeyOf is the key ID under which a message is sealed.
func KeyOf(m sim.Message) string {
	header, err := jose.Header(string(m.Body))
	if err != nil {
		return ""
	}
	kid, _ := header["kid"].(string)
	return kid
}
