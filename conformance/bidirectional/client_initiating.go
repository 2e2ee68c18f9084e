package bidirectional

import (
	"fmt"
	"net/url"
	"strings"

	"countersign/conformance"
)

func (t *clientTest) asksForCredential(s *site) {
	start := t.start(t.browser())
	t.awaitRequest(start, s, "temporary-credential", fmt.Sprintf("to ask %s for a temporary credential under %q, signed, with oauth_callback=%s", s.name, t.id(), t.document.Named("callback_endpoint", t.metadata.CallbackEndpoint)), inOrder(t.underOwnName))
}

func (t *clientTest) underOwnName(r received) string {
	if client := r.oauth["oauth_consumer_key"]; client != t.id() {
		return fmt.Sprintf("signed under %q", client)
	}
	return ""
}

// BI-CL-01
func (t *clientTest) firstCredentialFromOwnServer() { t.asksForCredential(t.own) }

// BI-CL-02
func (t *clientTest) secondCredentialFromPeer() { t.asksForCredential(t.peer) }

// BI-CL-03, BI-CL-07: the legs differ in how they come to the user, and not in what the user is shown.
func (t *clientTest) credentialPutToUser() { t.begin(t.browser()) }

// BI-CL-04, BI-CL-08: on either side it is site B that issued the credential.
func (t *clientTest) verifierExchangedAtPeer() {
	l := t.begin(t.browser())
	t.exchanged(l, t.approve(l))
}

func (t *clientTest) exchanged(l leg, ended *conformance.Response) {
	t.awaitRequest(ended, t.peer, "token",
		fmt.Sprintf("to exchange the temporary credential %s at site B under %q, with oauth_verifier=%s, signed with the credential's secret", l.credential.token, t.id(), l.credential.verifier),
		inOrder(func(r received) string {
			if token := r.oauth["oauth_token"]; token != l.credential.token {
				return "with the credential " + token
			}
			return t.underOwnName(r)
		}))
}

// BI-CL-05, BI-CL-09
func (t *clientTest) resourcesReadAtPeer() { t.complete(t.browser()) }

// BI-CL-06
func (t *clientTest) firstCredentialDelegated() { t.firstDelegated(t.start(t.browser())) }

// firstDelegated fails the check unless site B's client has been handed the first credential, with all that it needs. The signature is BI-CL-16's business.
func (t *clientTest) firstDelegated(start *conformance.Response) received {
	return t.awaitRequest(start, t.peer, "delegation",
		fmt.Sprintf("to hand site B's client the temporary credential that site A issued, its secret, client_id=%s and issuer=%s", t.id(), t.OwnIssuer),
		inOrder(func(r received) string {
			first := t.own.credentialOf(r.form.Get("temporary_credential"))
			switch {
			case first == nil:
				return fmt.Sprintf("temporary_credential=%s, which site A has not issued", r.form.Get("temporary_credential"))
			case r.form.Get("temporary_credential_secret") != first.secret:
				return fmt.Sprintf("temporary_credential_secret=%s where the credential's is %s", r.form.Get("temporary_credential_secret"), first.secret)
			case r.form.Get("client_id") != t.id():
				return fmt.Sprintf("client_id=%s", r.form.Get("client_id"))
			case r.form.Get("issuer") != t.OwnIssuer:
				return fmt.Sprintf("issuer=%s", r.form.Get("issuer"))
			}
			return ""
		}))
}

func (t *clientTest) sentToContinue(resp *conformance.Response, uri string) {
	if !redirects(resp) || resp.Location() != uri {
		t.FailAt(resp.Exchange, "a redirect to the continue_uri "+uri, fmt.Sprintf("status %d, Location %q", resp.Status, resp.Location()))
	}
}

// BI-CL-10
func (t *clientTest) refusalLeavesFirstLeg() {
	l := t.begin(t.browser())
	delegated := t.firstDelegated(l.begun)
	before := t.tokenRequests()
	ended := t.callback(l.browser, l.back(url.Values{"oauth_token": {l.credential.token}, "error": {"access_denied"}}))
	t.noTokenRequest(before, "the user's refusal")
	t.sentToContinue(ended, delegated.continueURI)
}

// BI-CL-11
func (t *clientTest) ownFailureLeavesSecondLeg() {
	t.own.misbehave(conduct{noCredentials: true})
	t.complete(t.browser())
}

// BI-CL-12
func (t *clientTest) peerFailureLeavesFirstLeg() {
	t.peer.misbehave(conduct{noCredentials: true})
	start := t.start(t.browser())
	delegated := t.firstDelegated(start)
	t.sentToContinue(start, delegated.continueURI)
}

// BI-CL-15
func (t *clientTest) delegateNamed() {
	start := t.start(t.browser())
	t.awaitRequest(start, t.own, "temporary-credential", fmt.Sprintf("to ask site A for a temporary credential with delegate=%s in the body", t.peer.clientID), func(r received) string {
		if d := r.form["delegate"]; len(d) != 1 || d[0] != t.peer.clientID {
			return fmt.Sprintf("delegate=%q", d)
		}
		return ""
	})
}

// BI-CL-16
func (t *clientTest) delegationSigned() {
	start := t.start(t.browser())
	t.awaitRequest(start, t.peer, "delegation", fmt.Sprintf("to delegate signed under %q, with its secret at site B", t.id()), func(r received) string {
		switch {
		case r.oauth == nil:
			return "no Authorization header with OAuth parameters"
		case r.signatureProblem != "":
			return r.signatureProblem
		}
		return t.underOwnName(r)
	})
}

// BI-CL-28
func (t *clientTest) callbackConfirmationRequired() {
	t.complete(t.browser())
	t.credentialNotUsed("without oauth_callback_confirmed", func(v url.Values) { v.Del("oauth_callback_confirmed") })
	t.credentialNotUsed("with oauth_callback_confirmed=false", func(v url.Values) { v.Set("oauth_callback_confirmed", "false") })
}

// BI-CL-37
func (t *clientTest) credentialForSomebodyElseRefused() {
	t.complete(t.browser())
	stranger := t.Clients[2].ID
	t.credentialNotUsed("with client_id="+stranger, func(v url.Values) { v.Set("client_id", stranger) })
}

// credentialNotUsed lets one site after the other answer with a faulty credential, and watches that it goes no further.
func (t *clientTest) credentialNotUsed(how string, fault func(url.Values)) {
	for _, s := range []*site{t.peer, t.own} {
		s.misbehave(conduct{credential: fault})
		asked := len(s.at("temporary-credential"))
		start := t.start(t.browser())
		t.awaitRequest(start, s, "temporary-credential", "to ask "+s.name+" for a temporary credential", inOrder(func(received) string { return "" }))
		t.Env.Await(silence, func() bool { return t.anyUsed(s, asked, start) != "" })
		if used := t.anyUsed(s, asked, start); used != "" {
			t.FailAt(start.Exchange, fmt.Sprintf("a temporary credential of %s %s is not used", s.name, how), "it is used: "+used)
		}
		s.behave()
	}
}

// anyUsed says where a credential shows that the site issued after so many requests for one; empty for nowhere.
func (t *clientTest) anyUsed(s *site, asked int, start *conformance.Response) string {
	for _, request := range s.at("temporary-credential")[asked:] {
		if request.issued == nil {
			continue
		}
		token := request.issued.token
		if strings.Contains(start.Location(), token) {
			return "the terminal is sent to " + start.Location()
		}
		for _, r := range append(t.own.all(), t.peer.all()...) {
			if strings.Contains(r.text, token) {
				return r.String()
			}
		}
	}
	return ""
}

// BI-CL-36
func (t *clientTest) startOnlyByPost() {
	t.complete(t.browser())
	asked := func() int { return len(t.own.at("temporary-credential")) + len(t.peer.at("temporary-credential")) }
	before := asked()
	got := t.browser().Open(withQuery(t.document.Named("start_endpoint", t.metadata.StartEndpoint), url.Values{"peer": {t.PeerIssuer}}))
	if _, problem := t.sentToPeer(got); problem == "" {
		t.FailAt(got.Exchange, "no flow begun by a GET", fmt.Sprintf("status %d and a redirect to %s", got.Status, got.Location()))
	}
	if t.Env.Await(silence, func() bool { return asked() > before }) {
		t.FailAt(got.Exchange, "no flow begun by a GET", fmt.Sprintf("status %d, and %d requests for a temporary credential", got.Status, asked()-before))
	}
}
