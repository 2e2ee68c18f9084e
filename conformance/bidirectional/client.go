package bidirectional

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// clientChecks are the checks of BI-CL, one for each role that a requirement binds. They are all Alone: the client is configured with the harness's addresses.
func clientChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*clientTest)
	}{
		{"BI-CL-01", (*clientTest).firstCredentialFromOwnServer},
		{"BI-CL-02", (*clientTest).secondCredentialFromPeer},
		{"BI-CL-03", (*clientTest).credentialPutToUser},
		{"BI-CL-04", (*clientTest).verifierExchangedAtPeer},
		{"BI-CL-05", (*clientTest).resourcesReadAtPeer},
		{"BI-CL-06", (*clientTest).firstCredentialDelegated},
		{"BI-CL-07", (*clientTest).credentialPutToUser},
		{"BI-CL-08", (*clientTest).verifierExchangedAtPeer},
		{"BI-CL-09", (*clientTest).resourcesReadAtPeer},
		{"BI-CL-10", (*clientTest).refusalLeavesFirstLeg},
		{"BI-CL-11", (*clientTest).ownFailureLeavesSecondLeg},
		{"BI-CL-12", (*clientTest).peerFailureLeavesFirstLeg},
		{"BI-CL-13", (*clientTest).tokenShownWhereItBelongs},
		{"BI-CL-14", (*clientTest).bothSidesAtOnce},
		{"BI-CL-15", (*clientTest).delegateNamed},
		{"BI-CL-16", (*clientTest).delegationSigned},
		{"BI-CL-17", (*clientTest).unsignedDelegationRefused},
		{"BI-CL-18", (*clientTest).wronglySignedDelegationRefused},
		{"BI-CL-19", (*clientTest).strangersDelegationRefused},
		{"BI-CL-20", (*clientTest).issuerIsSenders},
		{"BI-CL-21", (*clientTest).delegationCountedOnce},
		{"BI-CL-22", (*clientTest).delegationFresh},
		{"BI-CL-23", (*clientTest).continueURIGoodOnce},
		{"BI-CL-24", (*clientTest).callbackNeedsSession},
		{"BI-CL-25", (*clientTest).callbackInOtherSessionRefused},
		{"BI-CL-26", (*clientTest).unknownCredentialInCallbackRefused},
		{"BI-CL-27", (*clientTest).callbackTakenOnce},
		{"BI-CL-28", (*clientTest).callbackConfirmationRequired},
		{"BI-CL-29", (*clientTest).freshNonceAndTimestamp},
		{"BI-CL-30", (*clientTest).noPlaintextWithoutTLS},
		{"BI-CL-31", (*clientTest).noSecretInURL},
		{"BI-CL-32", (*clientTest).issuerOfMetadataCompared},
		{"BI-CL-33", (*clientTest).sessionCookieProtected},
		{"BI-CL-34", (*clientTest).lateHandoverWaitedFor},
		{"BI-CL-35", (*clientTest).triesBounded},
		{"BI-CL-36", (*clientTest).startOnlyByPost},
		{"BI-CL-37", (*clientTest).credentialForSomebodyElseRefused},
		{"BI-CL-38", (*clientTest).browserOnlyOverTLS},
		{"BI-CL-39", (*clientTest).callbackWithItsState},
	} {
		for _, role := range catalog.MustLookup(c.id).Roles {
			checks = append(checks, conformance.Check{ID: c.id, Role: role, Alone: true, Run: withSites(c.run)})
		}
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "BI-CL-23")
}

// clientTest is a test of a client, with the two sites that the harness plays around it.
// Whether it initiates or receives, the leg under test is the one by which it gets to read at site B: the credential is always one that site B issued.
type clientTest struct {
	*test
	// own is site A, the client's own side; peer is site B, the other one.
	own, peer *site
}

func withSites(f func(*clientTest)) func(*conformance.Session) {
	return against(func(t *test) {
		own, peer := t.Clients[0], t.Clients[1]
		c := &clientTest{test: t,
			own: &site{
				t: t, name: "site-a", issuer: t.OwnIssuer, clientID: own.ID, delegationEndpoint: t.metadata.DelegationEndpoint,
				secrets: map[string]string{}, seed: []byte(t.Random(32)),
			},
			peer: &site{
				t: t, name: "site-b", issuer: t.PeerIssuer, clientID: peer.ID,
				secrets: map[string]string{own.ID: t.SecretAtPeer, peer.ID: t.Random(18)}, seed: []byte(t.Random(32)),
			},
		}
		for _, known := range t.Clients {
			c.own.secrets[known.ID] = known.Secret
		}
		c.peer.delegationEndpoint = c.peer.in("delegation")
		t.Play(c.own.name, c.own)
		t.Play(c.peer.name, c.peer)
		f(c)
	})
}

// patience is how long the harness waits for a request that the client owes it; silence is how long it listens for one that must not come.
const (
	patience = 5 * time.Second
	silence  = 500 * time.Millisecond
)

// id is the identifier of the client under test.
func (t *clientTest) id() string { return t.Clients[0].ID }

// leg is one direction of the flow on its way.
type leg struct {
	browser    *conformance.Browser
	credential *credential
	// begun is the answer that sent the terminal to site B: of the start endpoint, or of the continue_uri.
	begun *conformance.Response
}

func (t *clientTest) browser() *conformance.Browser { return &conformance.Browser{Session: t.Session} }

// begin brings a leg to the point where the user is asked, on the side that is under test.
func (t *clientTest) begin(b *conformance.Browser) leg {
	if t.Check.Role == catalog.ClientReceiving {
		return t.receive(b)
	}
	return t.initiate(b)
}

func (t *clientTest) initiate(b *conformance.Browser) leg {
	start := t.start(b)
	return leg{browser: b, credential: t.putToUser(start), begun: start}
}

func (t *clientTest) receive(b *conformance.Browser) leg {
	uri, first := t.delegate()
	opened := b.Open(uri)
	if sent := t.putToUser(opened); sent != first {
		t.FailAt(opened.Exchange, fmt.Sprintf("the terminal sent to site B with the delegated credential %s", first.token), "sent with "+sent.token)
	}
	return leg{browser: b, credential: first, begun: opened}
}

// start posts the start endpoint, with site B as the peer.
func (t *clientTest) start(b *conformance.Browser) *conformance.Response {
	return b.Post(t.document.Named("start_endpoint", t.metadata.StartEndpoint), url.Values{"peer": {t.PeerIssuer}})
}

// delegation is what client B sends when it delegates a fresh first credential of site B to the client under test.
func (t *clientTest) delegation() (request, *credential) {
	sender := t.Clients[1]
	first := t.peer.issue(sender.ID)
	return request{
		method: http.MethodPost, url: t.document.Named("delegation_endpoint", t.metadata.DelegationEndpoint), by: credentials{client: sender.ID, clientSecret: sender.Secret},
		form: url.Values{
			"temporary_credential": {first.token}, "temporary_credential_secret": {first.secret},
			"client_id": {sender.ID}, "issuer": {t.PeerIssuer},
		},
	}, first
}

// delegate sends a delegation that is in order and returns the continue_uri.
func (t *clientTest) delegate() (string, *credential) {
	r, first := t.delegation()
	resp := t.Do("client-b", t.sign(r))
	return t.continueURI(resp), first
}

func (t *clientTest) continueURI(resp *conformance.Response) string {
	t.ExpectStatus(resp, "a delegation that is in order", http.StatusOK)
	var doc struct {
		ContinueURI string `json:"continue_uri"`
	}
	const expected = "a JSON object whose continue_uri is a URL"
	if err := json.Unmarshal(resp.Body, &doc); err != nil {
		t.FailAt(resp.Exchange, expected, err.Error())
	}
	if u, err := url.Parse(doc.ContinueURI); err != nil || !u.IsAbs() || u.Host == "" {
		t.FailAt(resp.Exchange, expected, fmt.Sprintf("continue_uri is %q", doc.ContinueURI))
	}
	return doc.ContinueURI
}

// putToUser judges the answer that sends the terminal to site B: its credential goes to the authorization endpoint, with the identifier of the client under test.
func (t *clientTest) putToUser(resp *conformance.Response) *credential {
	c, problem := t.sentToPeer(resp)
	if problem != "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("a redirect to %s with a temporary credential of site B as oauth_token, and client_id=%s", t.peer.in("authorize"), t.id()), problem)
	}
	return c
}

func (t *clientTest) sentToPeer(resp *conformance.Response) (*credential, string) {
	if !redirects(resp) {
		return nil, fmt.Sprintf("status %d and no redirect", resp.Status)
	}
	u, err := url.Parse(resp.Location())
	if err != nil {
		return nil, fmt.Sprintf("a Location that is no URL: %q", resp.Location())
	}
	query := u.Query()
	u.RawQuery = ""
	c := t.peer.credentialOf(query.Get("oauth_token"))
	switch {
	case u.String() != t.peer.in("authorize"):
		return nil, "a redirect to " + resp.Location()
	case len(query["oauth_token"]) != 1:
		return nil, fmt.Sprintf("oauth_token %d times in %s", len(query["oauth_token"]), resp.Location())
	case c == nil:
		return nil, fmt.Sprintf("oauth_token=%s, which site B has not issued", query.Get("oauth_token"))
	case len(query["client_id"]) != 1 || query.Get("client_id") != t.id():
		return nil, fmt.Sprintf("client_id=%q", query["client_id"])
	}
	return c, ""
}

func redirects(resp *conformance.Response) bool {
	return (resp.Status == http.StatusSeeOther || resp.Status == http.StatusFound) && resp.Location() != ""
}

// callback opens the client's callback endpoint with the parameters that site B's authorization endpoint would add.
func (t *clientTest) callback(b *conformance.Browser, params url.Values) *conformance.Response {
	return b.Open(t.callbackURL(params))
}

func (t *clientTest) callbackURL(params url.Values) string {
	return withQuery(t.document.Named("callback_endpoint", t.metadata.CallbackEndpoint), params)
}

func withQuery(endpoint string, params url.Values) string {
	separator := "?"
	if strings.Contains(endpoint, "?") {
		separator = "&"
	}
	return endpoint + separator + params.Encode()
}

// consent is the user's yes at site B. It returns what the terminal brings back.
func (t *clientTest) consent(l leg) url.Values {
	t.peer.approve(l.credential, t.id())
	return l.back(url.Values{"oauth_token": {l.credential.token}, "oauth_verifier": {l.credential.verifier}})
}

// states are those that the terminal was sent to site B with.
func (l leg) states() []string {
	u, err := url.Parse(l.begun.Location())
	if err != nil {
		return nil
	}
	return u.Query()["state"]
}

// back adds to what the terminal brings back the state of the page, as site B's authorization endpoint would.
func (l leg) back(params url.Values) url.Values {
	if sent := l.states(); len(sent) > 0 {
		params["state"] = sent
	}
	return params
}

// approve ends a leg with the user's yes.
func (t *clientTest) approve(l leg) *conformance.Response {
	return t.callback(l.browser, t.consent(l))
}

// complete walks a leg from beginning to end. The check fails unless the client gets to read at site B: what a client that refuses everything does not.
func (t *clientTest) complete(b *conformance.Browser) (leg, *conformance.Response) {
	l := t.begin(b)
	ended := t.approve(l)
	t.delivered(l, ended)
	return l, ended
}

// delivered fails the check unless the client has read site B's resource with a token from the leg's credential.
func (t *clientTest) delivered(l leg, ended *conformance.Response) {
	t.awaitRequest(ended, t.peer, "resource", "to read site B's resource with the access token that it got for the temporary credential "+l.credential.token,
		inOrder(func(r received) string {
			if token := t.peer.tokenFrom(l.credential); token == nil || r.oauth["oauth_token"] != token.token {
				return "with another token"
			}
			return ""
		}))
}

// inOrder wants the whole request to be what the profile asks for, and the judge to be content besides.
func inOrder(judge func(received) string) func(received) string {
	return func(r received) string {
		if r.problem != "" {
			return r.problem
		}
		return judge(r)
	}
}

// awaitRequest waits for a request in which the judge finds nothing wrong, and fails the check when none comes: at the last one that came instead, or else at the exchange given.
func (t *clientTest) awaitRequest(at *conformance.Response, s *site, endpoint, what string, judge func(received) string) received {
	var right received
	var wrong []string
	shownBy := at.Exchange
	found := t.Env.Await(patience, func() bool {
		wrong = nil
		for _, r := range s.at(endpoint) {
			problem := judge(r)
			if problem == "" {
				right = r
				return true
			}
			wrong, shownBy = append(wrong, problem), r.exchange
		}
		return false
	})
	if !found {
		actual := fmt.Sprintf("%s received no request at its %s endpoint", s.name, endpoint)
		if len(wrong) > 0 {
			actual = fmt.Sprintf("%s received %d at its %s endpoint: %s", s.name, len(wrong), endpoint, strings.Join(wrong, "; "))
		}
		t.FailAt(shownBy, "the client "+what, actual)
	}
	return right
}

// tokenRequests counts the token requests to either site, whatever is wrong with them.
func (t *clientTest) tokenRequests() int { return len(t.own.at("token")) + len(t.peer.at("token")) }

// noTokenRequest fails the check when there are more token requests than before. An answered callback has made its own by then; silence covers what is sent later.
func (t *clientTest) noTokenRequest(before int, after string) {
	if t.Env.Await(silence, func() bool { return t.tokenRequests() > before }) {
		last := t.lastTokenRequest()
		t.FailAt(last.exchange, "no token request after "+after, fmt.Sprintf("%d token requests, of which the last is: %s", t.tokenRequests()-before, last))
	}
}

func (t *clientTest) lastTokenRequest() received {
	all := append(t.own.at("token"), t.peer.at("token")...)
	last := all[0]
	for _, r := range all {
		if r.at.After(last.at) {
			last = r
		}
	}
	return last
}
