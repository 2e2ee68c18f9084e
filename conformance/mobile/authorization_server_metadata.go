package mobile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// MO-AS-01: the document is the server's own and names what it offers.
func metadataNamesTheEndpoints(t *test) {
	at, m := t.document.Exchange, t.metadata
	t.OfType(t.document.Response, "metadata", "application/json")
	if m.Profile != "mobile@1" {
		t.FailAt(at, "metadata with the profile mobile@1", fmt.Sprintf("profile %q", m.Profile))
	}
	if m.Issuer != t.Base() {
		t.FailAt(at, fmt.Sprintf("the issuer %q, under which the document was asked for", t.Base()), fmt.Sprintf("issuer %q", m.Issuer))
	}
	hardened := [][2]string{
		{"sealing_keys_endpoint", m.SealingKeysEndpoint}, {"key_rotation_endpoint", m.KeyRotationEndpoint},
		{"rules_audit_endpoint", m.RulesAuditEndpoint}, {"jwks_uri", m.JWKSURI},
	}
	named := [][2]string{
		{"authentication_endpoint", m.AuthenticationEndpoint}, {"registration_endpoint", m.RegistrationEndpoint},
		{"deregistration_endpoint", m.DeregistrationEndpoint}, {"wipe_acknowledgement_endpoint", m.WipeAcknowledgementEndpoint},
		{"shared_token_endpoint", m.SharedTokenEndpoint}, {"rules_endpoint", m.RulesEndpoint},
	}
	for _, endpoint := range hardened {
		if endpoint[1] != "" || m.ProofWindow != 0 { // a server at level hardened names them all
			named = append(named, hardened...)
			break
		}
	}
	for _, endpoint := range named {
		if u, err := url.Parse(t.document.Named(endpoint[0], endpoint[1])); err != nil || !u.IsAbs() || u.Host == "" {
			t.FailAt(at, "metadata whose "+endpoint[0]+" is a URL", fmt.Sprintf("%q", endpoint[1]))
		}
	}
	t.lifetime()
	if m.ProofWindow != 0 && m.ProofWindow != 60 {
		t.FailAt(at, "metadata with the proof_window 60", fmt.Sprintf("proof_window %d", m.ProofWindow))
	}
}

// MO-AS-22: whatever is refused, a program can read why.
func refusalsAreMachineReadable(s *scene) {
	d, unregistered := s.enrolled(s.alice()), s.allowed(s.alice())[0]
	s.Accepted(s.authenticate(s.first(), d), "a right authentication, as a control")
	refused := func(resp *conformance.Response, what string, statuses ...int) {
		s.ExpectStatus(resp, what, statuses...)
		s.MachineReadable(resp)
		if resp.Status == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
			s.FailAt(resp.Exchange, "status 401 with WWW-Authenticate for "+what, "no WWW-Authenticate")
		}
	}
	refused(s.authenticate(AppSetup{ID: "app-" + s.stranger()}, d), "an authentication for an unknown app", http.StatusForbidden)
	refused(s.authenticate(s.first(), unregistered), "an authentication from a device that is not registered", http.StatusForbidden)
	refused(s.Do("app", s.proved(d, s.authenticationEndpoint(), members{})), "an authentication with nothing in it", http.StatusBadRequest)
	refused(s.register(unregistered.as(s.alice().wrong())), "a registration with a wrong password", http.StatusForbidden)
	refused(s.deregister(d.as(s.alice().wrong())), "a deregistration with a wrong password", http.StatusForbidden)
	refused(s.downloaded(s.crm(), s.Random(18)), "the download of an unknown token", http.StatusNotFound)
	refused(s.acknowledge(d, s.Random(18)), "an acknowledgement for a device that is not deregistered", http.StatusForbidden)
	for _, endpoint := range []string{s.authenticationEndpoint(), s.registrationEndpoint(), s.deregistrationEndpoint(), s.acknowledgementEndpoint(), s.sharedTokenEndpoint()} {
		noJSON := s.rawRequest(http.MethodPost, endpoint, jsonType, []byte("no JSON"))
		refused(s.Do("harness", s.basic(noJSON, s.crm().ID, s.crm().Secret)), "a body that is no JSON", http.StatusBadRequest)
		get := s.rawRequest(http.MethodGet, endpoint, "", nil)
		refused(s.Do("harness", s.basic(get, s.crm().ID, s.crm().Secret)), "the method GET where POST is wanted", http.StatusMethodNotAllowed)
	}
	long := s.authentication(s.first(), d).With("padding", strings.Repeat("x", 65<<10))
	refused(s.Do("app", s.proved(d, s.authenticationEndpoint(), long)), "a body of more than 64 KiB", http.StatusRequestEntityTooLarge)

	// What only level hardened refuses is judged where it is refused.
	for _, req := range []*http.Request{
		s.readingRules(s.admin().wrong()), s.readingRules(AccountSetup{s.stranger(), s.admin().Password}),
		s.download(SystemSetup{ID: s.crm().ID, Secret: changed(s.crm().Secret)}, s.Random(18)),
		s.request(s.authenticationEndpoint(), s.authentication(s.first(), d)), s.request(s.registrationEndpoint(), s.registration(d)),
	} {
		resp := s.Do("stranger", req)
		if resp.Status >= 400 {
			refused(resp, "a request without the right credentials or proof", http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound)
		}
	}
	s.Accepted(s.authenticate(s.first(), d), "a right authentication after all that, as a control")
	s.registered(unregistered) // and with it, the guesses at alice's password begin anew
}

// MO-AS-61: no cache keeps what bears secrets.
func secretsNotStoredOnTheWay(s *scene) {
	d := s.enrolled(s.alice())
	for _, app := range []AppSetup{s.first(), s.second()} {
		g := s.token(app, d, "a right authentication")
		s.NotStored(g.answer, "an answer with a token")
		s.NotStored(s.shared(s.systemOf(app), s.tokenID(g), "a live token"), "a shared token")
		_, keys := s.keySet(s.systemOf(app))
		s.NotStored(keys, "sealing keys")
	}
}

// MO-AS-62: what can be read in two ways is not read at all.
func repeatedMemberRefused(s *scene) {
	pair := s.allowed(s.alice(), s.alice())
	d, fresh := s.registered(pair[0]), pair[1]
	g := s.token(s.first(), d, "a right authentication, as a control")
	twice := func(body members, name string) []byte {
		text, err := judge.Repeated(body, name)
		if err != nil {
			s.Broken("a body cannot be written: %v", err)
		}
		return text
	}
	refused := func(what string, req *http.Request) {
		s.Refused(s.Do("harness", req), what, http.StatusBadRequest, "invalid_request")
	}
	posting := func(endpoint string, body []byte) *http.Request {
		req := s.rawRequest(http.MethodPost, endpoint, jsonType, body)
		return s.prove(req, d.key, s.proof(d.key, http.MethodPost, endpoint, ""))
	}
	authentication := s.authentication(s.first(), d)
	for _, name := range []string{"appid", "deviceid", "username"} {
		refused("an authentication with "+name+" twice", posting(s.authenticationEndpoint(), twice(authentication, name)))
	}
	refused("an authentication with an unknown member twice", posting(s.authenticationEndpoint(), twice(authentication.With("colour", "blue"), "colour")))
	escaped := strings.Replace(string(twice(authentication, "username")), `"username"`, `"user\u006eame"`, 1)
	refused("an authentication with username twice, once with an escaped letter", posting(s.authenticationEndpoint(), []byte(escaped)))
	half := json.RawMessage(`"\ud83d"`) // of a surrogate pair
	for _, name := range []string{"appid", "deviceid", "username", "colour"} {
		refused("an authentication whose "+name+" has half a character", posting(s.authenticationEndpoint(), jsonOf(s.test, authentication.With(name, half))))
	}

	registering := s.rawRequest(http.MethodPost, s.registrationEndpoint(), jsonType, twice(s.registration(fresh), "password"))
	refused("a registration with password twice", s.prove(registering, fresh.key, s.proof(fresh.key, http.MethodPost, s.registrationEndpoint(), "")))
	s.denied(s.first(), fresh, "an authentication from the device that such a registration named")
	registering = s.rawRequest(http.MethodPost, s.registrationEndpoint(), jsonType, jsonOf(s.test, s.registration(fresh).With("password", half)))
	refused("a registration whose password has half a character", s.prove(registering, fresh.key, s.proof(fresh.key, http.MethodPost, s.registrationEndpoint(), "")))
	refused("a deregistration with deviceid twice", s.rawRequest(http.MethodPost, s.deregistrationEndpoint(), jsonType, twice(s.deregistration(d), "deviceid")))
	downloading := s.rawRequest(http.MethodPost, s.sharedTokenEndpoint(), jsonType, twice(members{"token_id": s.tokenID(g)}, "token_id"))
	refused("a download with token_id twice", s.basic(downloading, s.crm().ID, s.crm().Secret))
	rotating := s.rawRequest(http.MethodPost, s.keyRotationEndpoint(), jsonType, twice(members{"system_id": s.crm().ID}, "system_id"))
	refused("a key rotation with system_id twice", s.basic(rotating, s.admin().Name, s.admin().Password))

	version, _, _ := s.readRules()
	body := string(s.rules.body())
	refused("rules with devices twice", s.change(s.admin(), []byte(strings.Replace(body, "{", `{"devices":[],`, 1)), entityTag(version)))
	nested := strings.Replace(body, `{"appid":`, `{"appid":"app-another","appid":`, 1)
	refused("rules with an app that has appid twice", s.change(s.admin(), []byte(nested), entityTag(version)))
	if after, _, resp := s.readRules(); after != version {
		s.FailAt(resp.Exchange, fmt.Sprintf("rules_version %d still, after rules that were refused", version), fmt.Sprintf("rules_version %d", after))
	}
	s.token(s.first(), d, "a right authentication after all that, as a control")
}
