package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/conformance/judge"
)

// BI-OS-01: the document is found, is this server's own, and names what a peer needs.
func metadataNamesTheEndpoints(t *test) {
	base := strings.TrimSuffix(t.Target.URL, "/")
	req, err := http.NewRequest(http.MethodGet, base+wellKnown, nil)
	if err != nil {
		t.Broken("the target's URL %q cannot be asked: %v", t.Target.URL, err)
	}
	resp := t.Do("client", req)
	t.Accepted(resp, "the metadata document")
	t.OfType(resp, "the metadata document", "application/json")
	m := t.metadata
	t.Expect(m.Profile == "bidirectional@1", "profile bidirectional@1", fmt.Sprintf("profile %q", m.Profile))
	t.Expect(m.Issuer == base, "issuer "+base, fmt.Sprintf("issuer %q", m.Issuer))
	t.Expect(m.ClientID == t.own().ID, "client_id "+t.own().ID+", the site's own client", fmt.Sprintf("client_id %q", m.ClientID))
	for _, e := range []param{
		{"temporary_credential_endpoint", m.TemporaryCredentialEndpoint}, {"authorization_endpoint", m.AuthorizationEndpoint},
		{"token_endpoint", m.TokenEndpoint}, {"revocation_endpoint", m.RevocationEndpoint},
		{"resource_endpoint", m.ResourceEndpoint}, {"delegation_endpoint", m.DelegationEndpoint},
	} {
		u, err := url.Parse(e.value)
		absolute := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
		t.Expect(absolute, "an absolute URL as "+e.name, fmt.Sprintf("%s %q", e.name, e.value))
	}
}

// BI-OS-02: a right request of a registered client gives a temporary credential, whoever asks.
func temporaryCredentialOnRequest(t *test) {
	for _, client := range []ClientSetup{t.own(), t.peer()} {
		what := "the temporary credential for " + client.ID
		temporary := t.temporaryCredential(client, "")
		at := temporary.answer.Exchange
		t.OfType(temporary.answer, what, "application/x-www-form-urlencoded")
		t.once(at, temporary.values, "oauth_token", what)
		t.once(at, temporary.values, "oauth_token_secret", what)
		t.onceAs(at, temporary.values, "oauth_callback_confirmed", "true", what)
		t.wholeNumber(at, temporary.values, "expires_in", what)
	}
}

// BI-OS-03: the answer says whose credential it is.
func temporaryCredentialCarriesTheIdentifier(t *test) {
	for _, client := range []ClientSetup{t.own(), t.peer()} {
		temporary := t.temporaryCredential(client, "")
		t.onceAs(temporary.answer.Exchange, temporary.values, "client_id", client.ID, "the temporary credential for "+client.ID)
	}
	delegated := t.temporaryCredential(t.own(), t.peer().ID)
	t.onceAs(delegated.answer.Exchange, delegated.values, "client_id", t.own().ID, "the temporary credential that is to be handed to "+t.peer().ID)
}

// BI-OS-06: without oauth_callback nothing is issued.
func missingCallbackRefused(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	t.control(r, "a request with oauth_callback")
	r.without = "oauth_callback"
	t.Refused(t.send(r), "the request without oauth_callback", http.StatusBadRequest, "parameter_absent")
}

// BI-OS-26: only a registered client can be named as delegate.
func unregisteredDelegateRefused(t *test) {
	t.control(t.temporaryCredentialRequest(t.own(), t.peer().ID), "a request with the delegate "+t.peer().ID)
	t.Refused(t.send(t.temporaryCredentialRequest(t.own(), nobody.ID)), "the request with the delegate "+nobody.ID, http.StatusBadRequest, "parameter_rejected")
}

// BI-OS-34: what is to be kept secret, or bears power, cannot be told from what came before.
func credentialsCannotBeGuessed(t *test) {
	kinds := []string{"oauth_token of temporary credentials", "oauth_token_secret of temporary credentials", "oauth_verifier", "oauth_token of access tokens", "oauth_token_secret of access tokens"}
	values := map[string][]string{}
	add := func(kind int, value string) { values[kinds[kind]] = append(values[kinds[kind]], value) }
	for i := range 16 {
		temporary := t.temporaryCredential(t.own(), "")
		add(0, temporary.token)
		add(1, temporary.secret)
		if i%4 == 0 {
			verifier := t.consent(temporary, t.own(), t.alice())
			token := t.exchange(t.own(), temporary, verifier)
			add(2, verifier)
			add(3, token.token)
			if token.secret != "" { // that it comes at all is the matter of BI-OS-15
				add(4, token.secret)
			}
		}
	}
	var all []string
	for _, kind := range kinds {
		for _, v := range values[kind] {
			t.Expect(len(v) >= 22 && strings.Trim(v, judge.URLSafe) == "", "an "+kind+" of 22 or more characters A-Z a-z 0-9 - _", fmt.Sprintf("%d characters: %s", len(v), v))
		}
		if n := len(values[kind]); n >= 16 {
			bits := judge.RandomBits(values[kind])
			t.Expect(bits >= 126, fmt.Sprintf("%d different %s with 128 bits of randomness", n, kind), fmt.Sprintf("only %.0f bits differ between them", bits))
		}
		all = append(all, values[kind]...)
	}
	for i, a := range all {
		for _, b := range all[:i] {
			t.Expect(judge.Differing(a, b) >= 11, "tokens, secrets and verifiers that differ in half of their characters or more", fmt.Sprintf("%s and %s differ in %d", b, a, judge.Differing(a, b)))
		}
	}
}

// BI-OS-40: the verifier goes to the registered callback, so that no other may be asked for.
func unregisteredCallbackRefused(t *test) {
	t.control(t.temporaryCredentialRequest(t.own(), ""), "a request with the registered callback")
	registered := t.own().Callback
	scheme, rest, _ := strings.Cut(registered, ":")
	for _, callback := range []string{
		"http://127.0.0.1:9/callback", t.peer().Callback, registered + "/", registered + "?more=1", registered + "#more",
		strings.ToUpper(scheme) + ":" + rest, "oob",
	} {
		r := t.temporaryCredentialRequest(t.own(), "")
		r.oauth = []param{{"oauth_callback", callback}}
		t.Refused(t.send(r), "the request with the callback "+callback+", which is not the registered one", http.StatusBadRequest, "parameter_rejected")
	}
}
