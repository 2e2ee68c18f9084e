package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// endpointCall is a request that an endpoint of the account server takes.
type endpointCall struct {
	what, endpoint string
	body           members
	required       []string
	by             *AppSetup // who asks by HTTP Basic; nil for nobody
}

// TI-AM-10: what is not understood is refused in a form that a program can read, and changes nothing.
func badRequestsRefused(t *test) {
	a := t.newAccount()
	k := t.ticket(a, t.one())
	free, one := t.stranger(), t.one()
	for _, c := range []endpointCall{
		{"a registration", t.registrationEndpoint(), t.registration(free), []string{"user_name", "password"}, nil},
		{"an authentication", t.authenticationEndpoint(), t.authentication(a, one), []string{"user_name", "password", "app_id"}, nil},
		{"a refresh", t.refreshEndpoint(), t.refreshing(k, t.newRequestID()), []string{"user_id", "refresh_key"}, nil},
		{"a verification", t.verificationEndpoint(), members{"user_id": k.userID, "authorization_key": k.authorizationKey}, []string{"user_id", "authorization_key"}, &one},
	} {
		t.malformedRefused(c)
	}
	t.badRegistrationsRefused()
	resp := t.authenticate(a, AppSetup{ID: "app-nobody"})
	t.Refused(resp, "an authentication for an app that is not registered", http.StatusBadRequest, "invalid_target")
	t.MachineReadable(resp, t.authenticate(a.wrong(), one))

	t.registered(free, t.register(free)) // what was refused above has not taken the name
	t.alive(k, "the ticket after all that")
	withMore := t.Do("terminal", t.request(t.authenticationEndpoint(), t.authentication(a, one).with("colour", "blue")))
	t.Accepted(withMore, "an authentication with a member that the profile does not know")

	const pair, escaped = "\U0001f600", `\ud83d\ude00`
	face := t.stranger()
	face.password = pair + face.password
	written := strings.Replace(jsonOf(t.registration(face)), pair, escaped, 1)
	face = t.registered(face, t.Do("terminal", t.rawRequest(t.registrationEndpoint(), "application/json", []byte(written))))
	t.Accepted(t.authenticate(face, one), "an authentication with a password whose first character was escaped at registration, as "+escaped)
}

// malformedRefused sends a request with one thing wrong at a time.
func (t *test) malformedRefused(c endpointCall) {
	for _, name := range c.required {
		without := c.body.with(name, nil)
		delete(without, name)
		t.badRequest(c, t.request(c.endpoint, without), "without "+name)
		for _, value := range []any{nil, 7, true, []string{"a"}, members{}} {
			t.badRequest(c, t.request(c.endpoint, c.body.with(name, value)), fmt.Sprintf("whose %s is %s", name, jsonOf(value)))
		}
		if text, ok := c.body[name].(string); ok {
			for _, half := range []string{`\ud83d`, `\ude00`, `\ude00\ud83d`} {
				odd := strings.Replace(jsonOf(c.body), jsonOf(text), `"`+half+jsonOf(text)[1:], 1)
				t.badRequest(c, t.rawRequest(c.endpoint, "application/json", []byte(odd)), "whose "+name+" has "+half+", which is no character")
			}
			t.badRequest(c, t.request(c.endpoint+separator(c.endpoint)+url.Values{name: {text}}.Encode(), without), "with "+name+" in the query instead of the body")
		}
	}
	whole := jsonOf(c.body)
	for _, wrong := range [][2]string{
		{"with an empty body", ""}, {"whose body is an array", "[" + whole + "]"}, {"whose body is a string", `"text"`},
		{"whose body breaks off", whole[:len(whole)-1]}, {"whose body is null", "null"},
		{"of more than 16 KiB", `{"padding":"` + strings.Repeat("x", 17<<10) + `",` + whole[1:]},
	} {
		t.badRequest(c, t.rawRequest(c.endpoint, "application/json", []byte(wrong[1])), wrong[0])
	}
	resp := t.send(c, t.rawRequest(c.endpoint, "text/plain", []byte(whole)))
	if (resp.Status != http.StatusBadRequest && resp.Status != http.StatusUnsupportedMediaType) || judge.Refusal(resp) != "invalid_request" {
		t.FailAt(resp.Exchange, "status 400 or 415 and error invalid_request for "+c.what+" of type text/plain", judge.Describe(resp))
	}
	t.MachineReadable(resp)
}

func (t *test) send(c endpointCall, req *http.Request) *conformance.Response {
	if c.by != nil {
		req.SetBasicAuth(c.by.ID, c.by.Secret)
	}
	return t.Do("terminal", req)
}

func (t *test) badRequest(c endpointCall, req *http.Request, how string) {
	resp := t.send(c, req)
	t.Refused(resp, c.what+" "+how, http.StatusBadRequest, "invalid_request")
	t.MachineReadable(resp)
}

// badRegistrationsRefused is section 2 of the profile: names and passwords that no account can have.
func (t *test) badRegistrationsRefused() {
	name := t.stranger().name
	for _, c := range []struct{ what, name, password string }{
		{"a name in capitals", strings.ToUpper(name), "long enough"},
		{"a name that begins with a dot", "." + name, "long enough"},
		{"a name with a space", name + " x", "long enough"},
		{"an empty name", "", "long enough"},
		{"a name of 65 characters", (name + strings.Repeat("x", 65))[:65], "long enough"},
		{"a password of 7 characters", name, "7 chars"},
		{"a password of 129 characters", name, strings.Repeat("x", 129)},
	} {
		resp := t.register(account{name: c.name, password: c.password})
		t.Refused(resp, "a registration with "+c.what, http.StatusBadRequest, "invalid_request")
		t.MachineReadable(resp)
	}
}

func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func separator(endpoint string) string {
	if strings.Contains(endpoint, "?") {
		return "&"
	}
	return "?"
}
