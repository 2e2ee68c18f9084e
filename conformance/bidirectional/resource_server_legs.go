package bidirectional

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// pass is an access token as the harness, being the OAuth server of the target's site, makes and hands it over.
type pass struct {
	token, secret string
	client        ClientSetup
	user          UserSetup
	expires       int64 // seconds since 1970
	// meantFor is the resource server that the hand-over names.
	meantFor string
}

// newPass makes a token that lives an hour; nobody but the harness knows it yet.
func (t *test) newPass(client ClientSetup, user UserSetup) pass {
	return pass{
		token: t.Random(24), secret: t.Random(24), client: client, user: user,
		expires: t.Env.Now().Unix() + 3600, meantFor: t.document.Named("resource_endpoint", t.metadata.ResourceEndpoint),
	}
}

// handoverRequest is section 4.4 of the profile.
func (t *test) handoverRequest(form url.Values) request {
	return request{
		as: "harness as OAuth server", method: http.MethodPost, url: t.document.Named("token_handover_endpoint", t.metadata.TokenHandoverEndpoint),
		form: form, by: credentials{client: t.OwnIssuer, clientSecret: t.HandoverKey},
	}
}

// issuing hands a token over.
func (t *test) issuing(p pass) request {
	return t.handoverRequest(url.Values{
		"event": {"issued"}, "token": {p.token}, "token_secret": {p.secret}, "client_id": {p.client.ID}, "username": {p.user.Name},
		"expires_at": {strconv.FormatInt(p.expires, 10)}, "resource_server": {p.meantFor}, "sequence": {"1"},
	})
}

// revoking takes a token back.
func (t *test) revoking(p pass) request {
	return t.handoverRequest(url.Values{"event": {"revoked"}, "token": {p.token}, "resource_server": {p.meantFor}, "sequence": {"2"}})
}

// acknowledged ends the check as failed unless a hand-over is answered with 204.
func (t *test) acknowledged(resp *conformance.Response, what string) {
	if resp.Status != http.StatusNoContent {
		t.FailAt(resp.Exchange, "status 204 for "+what, judge.Describe(resp))
	}
}

// handedOver is a new token that the target has acknowledged.
func (t *test) handedOver(client ClientSetup, user UserSetup) pass {
	p := t.newPass(client, user)
	t.acknowledged(t.send(t.issuing(p)), "the hand-over of a token for "+client.ID)
	t.after(t.revoking(p))
	return p
}

// reading is step 8.
func (t *test) reading(p pass) request {
	r := request{method: http.MethodGet, url: t.document.Named("resource_endpoint", t.metadata.ResourceEndpoint), by: signedBy(p.client)}
	r.by.token, r.by.tokenSecret = p.token, p.secret
	return r
}

// resources is what the target gives for a token; null where a member is left out.
type resources struct {
	Owner     *string           `json:"owner"`
	Resources []json.RawMessage `json:"resources"`
}

// read reads the resources and gets them.
func (t *test) read(p pass, what string) (resources, *conformance.Response) {
	resp := t.send(t.reading(p))
	t.Accepted(resp, what)
	var got resources
	if err := json.Unmarshal(resp.Body, &got); err != nil {
		t.FailAt(resp.Exchange, "status 200 and a JSON object for "+what, err.Error())
	}
	return got, resp
}

// opens ends the check as failed unless a token works.
func (t *test) opens(p pass, what string) *conformance.Response {
	_, resp := t.read(p, what)
	return resp
}

// belongsTo ends the check as failed unless a token opens the resources of its user.
func (t *test) belongsTo(p pass, what string) {
	got, resp := t.read(p, what)
	if got.Owner == nil || *got.Owner != p.user.Name {
		owner := "no owner"
		if got.Owner != nil {
			owner = fmt.Sprintf("owner %q", *got.Owner)
		}
		t.FailAt(resp.Exchange, fmt.Sprintf("owner %q for %s", p.user.Name, what), owner)
	}
}

// opensNothing ends the check as failed unless a token is refused, with one of the codes; none: any.
func (t *test) opensNothing(p pass, what string, codes ...string) {
	t.Refused(t.send(t.reading(p)), what, http.StatusUnauthorized, codes...)
}
