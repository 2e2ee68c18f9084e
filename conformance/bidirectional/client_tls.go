package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// inTheClear are beginnings of URLs on which anybody may listen. The last one only begins as a loopback address does.
// Nothing answers there, and nothing is asked: the browser of the harness follows no redirect.
var inTheClear = []string{"http://192.0.2.7", "http://accounts.example", "http://127.0.0.1.accounts.example"}

// BI-CL-38: only what the client does with the browser is seen. Of a request that goes to another host nothing reaches the harness.
func (t *clientTest) browserOnlyOverTLS() {
	t.complete(t.browser())
	for _, origin := range inTheClear {
		t.peer.misbehave(conduct{document: func(d map[string]any) { d["authorization_endpoint"] = origin + "/authorize" }})
		if t.Check.Role == catalog.ClientReceiving {
			t.notContinuedAt(origin)
		} else {
			t.notBegunAt(origin)
			t.notLedBackTo(origin + "/continue")
		}
	}
	t.peer.behave()
	t.complete(t.browser())
}

// notBegunAt starts a flow with a peer whose authorization page lies in the clear: the first leg goes on alone.
func (t *clientTest) notBegunAt(origin string) {
	read := t.documentsRead()
	start := t.start(t.browser())
	t.notSentTo(start, origin)
	t.readAgain(read, origin)
	t.firstDelegated(start)
	all := t.peer.at("delegation")
	t.sentToContinue(start, all[len(all)-1].continueURI)
}

// notContinuedAt opens a continue_uri whose credential is to be put to the user in the clear: nothing is left to go on.
func (t *clientTest) notContinuedAt(origin string) {
	uri, _ := t.delegate()
	read := t.documentsRead()
	opened := t.browser().Open(uri)
	t.notSentTo(opened, origin)
	t.readAgain(read, origin)
	t.ExpectStatus(opened, "the continue_uri opened when the authorization page of the issuer lies at "+origin, http.StatusBadGateway)
}

// notLedBackTo has the peer's client name a continue_uri in the clear: the second leg goes on alone.
func (t *clientTest) notLedBackTo(uri string) {
	t.peer.misbehave(conduct{continueURI: uri})
	l := t.begin(t.browser())
	t.firstDelegated(l.begun)
	ended := t.approve(l)
	t.notSentTo(ended, uri)
	t.delivered(l, ended)
}

func (t *clientTest) documentsRead() int { return len(t.peer.at("bidirectional-authorization")) }

// readAgain skips the check for a client that has not read the document again: it could not be deceived by it, and nothing is known of it.
func (t *clientTest) readAgain(read int, origin string) {
	if t.documentsRead() == read {
		t.peer.behave()
		t.Skip("the client did not read the metadata of %s again, so it was not told that the authorization page lies at %s", t.peer.name, origin)
	}
}

// notSentTo fails the check when the browser is sent to a URL without TLS, or given one to follow.
func (t *clientTest) notSentTo(resp *conformance.Response, target string) {
	for _, given := range urlsIn(resp) {
		if plain, err := url.QueryUnescape(given); strings.HasPrefix(given, target) || err == nil && strings.Contains(plain, "url="+target) {
			t.FailAt(resp.Exchange, fmt.Sprintf("no way for the browser to %s, which is neither on TLS nor on loopback", target), fmt.Sprintf("status %d, to %s", resp.Status, given))
		}
	}
}
