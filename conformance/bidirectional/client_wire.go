package bidirectional

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// BI-CL-29
func (t *clientTest) freshNonceAndTimestamp() {
	t.complete(t.browser())
	t.complete(t.browser())
	seen := map[string]received{}
	for _, r := range append(t.own.all(), t.peer.all()...) {
		if r.oauth == nil {
			continue // that a request has to be signed is for others to say
		}
		nonce := r.oauth["oauth_nonce"]
		if nonce == "" {
			t.FailAt(r.exchange, "an oauth_nonce in every signed request", "none in "+r.String())
		}
		if before, used := seen[nonce]; used {
			t.FailAt(r.exchange, "a nonce not used before in every signed request", fmt.Sprintf("oauth_nonce=%s in both %s and %s", nonce, before, r))
		}
		seen[nonce] = r
		stamp, err := strconv.ParseInt(r.oauth["oauth_timestamp"], 10, 64)
		if off := stamp - r.at.Unix(); err != nil || off < -60 || off > 60 {
			t.FailAt(r.exchange, "the current time, within 60 s, in every signed request", fmt.Sprintf("oauth_timestamp=%q where it was %d in %s", r.oauth["oauth_timestamp"], r.at.Unix(), r))
		}
	}
}

// attempt walks a leg as far as the client goes, and judges nothing.
func (t *clientTest) attempt() {
	b := t.browser()
	var begun *conformance.Response
	if t.Check.Role == catalog.ClientReceiving {
		r, _ := t.delegation()
		taken := t.Do("client-b", t.sign(r))
		if taken.Status != http.StatusOK {
			return
		}
		begun = b.Open(t.continueURI(taken))
	} else {
		begun = t.start(b)
	}
	u, err := url.Parse(begun.Location())
	if !redirects(begun) || err != nil {
		return
	}
	if c := t.peer.credentialOf(u.Query().Get("oauth_token")); c != nil {
		t.approve(leg{b, c, begun})
	}
}

// deceived lets a site serve a false document, attempts a leg and fails the check when a request comes in that must not be. A client that did not read the document could not be deceived: the check says nothing of it.
func (t *clientTest) deceived(s *site, document func(map[string]any), expected string, wrong func(received) bool) {
	s.misbehave(conduct{document: document})
	defer s.behave()
	own, peer := len(t.own.all()), len(t.peer.all())
	read := len(s.at("bidirectional-authorization"))
	t.attempt()
	var found []received
	t.Env.Await(silence, func() bool {
		found = nil
		for _, r := range append(t.own.all()[own:], t.peer.all()[peer:]...) {
			if wrong(r) {
				found = append(found, r)
			}
		}
		return len(found) > 0
	})
	if len(found) > 0 {
		t.FailAt(found[0].exchange, expected, found[0].String())
	}
	if len(s.at("bidirectional-authorization")) == read {
		t.Skip("the client did not read the metadata of %s again, so it could not be shown a false document", s.name)
	}
}

// BI-CL-30
func (t *clientTest) noPlaintextWithoutTLS() {
	if strings.HasPrefix(t.PeerIssuer, "https:") {
		t.Skip("site B is reached over TLS, where PLAINTEXT is allowed")
	}
	t.complete(t.browser())
	t.deceived(t.peer, func(d map[string]any) { d["signature_methods_supported"] = []string{"PLAINTEXT"} },
		"no request signed with PLAINTEXT over a connection without TLS, though site B announces nothing else",
		func(r received) bool { return r.oauth["oauth_signature_method"] == "PLAINTEXT" })
}

// BI-CL-32
func (t *clientTest) issuerOfMetadataCompared() {
	t.complete(t.browser())
	sites := []*site{t.peer}
	if t.Check.Role == catalog.ClientInitiating {
		sites = append(sites, t.own)
	}
	for _, s := range sites {
		poser := t.own.issuer
		if s == t.own {
			poser = t.peer.issuer
		}
		t.deceived(s, func(d map[string]any) {
			d["issuer"] = poser
			for _, member := range slices.Sorted(maps.Keys(d)) {
				if name, ok := strings.CutSuffix(member, "_endpoint"); ok {
					d[member] = s.in("poser/" + strings.ReplaceAll(name, "_", "-"))
				}
			}
		}, fmt.Sprintf("no signed request to an endpoint of the document at %s, whose issuer is %s", s.issuer, poser),
			func(r received) bool { return r.oauth != nil && strings.Contains(r.path, "/poser/") })
	}
}

// BI-CL-31
func (t *clientTest) noSecretInURL() {
	type link struct {
		url      string
		exchange int
	}
	var given []link
	l, ended := t.complete(t.browser())
	for _, answer := range []*conformance.Response{l.begun, ended} {
		for _, u := range urlsIn(answer) {
			given = append(given, link{u, answer.Exchange})
		}
	}
	if t.Check.Role == catalog.ClientReceiving {
		r, _ := t.delegation()
		resp := t.Do("client-b", t.sign(r))
		given = append(given, link{t.continueURI(resp), resp.Exchange})
	}
	secrets := slices.Concat(t.own.secretsIssued(), t.peer.secretsIssued(), []string{t.SecretAtPeer, t.Clients[0].Secret, t.Clients[1].Secret})
	for _, g := range given {
		plain, err := url.QueryUnescape(g.url)
		if err != nil {
			plain = g.url
		}
		for _, secret := range secrets {
			// A configured secret may be so short that it stands in a URL by chance.
			if len(secret) >= 8 && strings.Contains(plain, secret) {
				t.FailAt(g.exchange, "no secret in a URL that the terminal is given", fmt.Sprintf("the secret %s in %s", secret, g.url))
			}
		}
	}
}

// urlsIn are the URLs that an answer gives to a browser: to follow, or in the attributes of its page.
func urlsIn(resp *conformance.Response) []string {
	urls := slices.Concat(resp.Header.Values("Location"), resp.Header.Values("Refresh"))
	page := html.NewTokenizer(bytes.NewReader(resp.Body))
	for page.Next() != html.ErrorToken {
		for _, a := range page.Token().Attr {
			if slices.Contains([]string{"href", "src", "action", "formaction", "content"}, a.Key) {
				urls = append(urls, a.Val)
			}
		}
	}
	return urls
}

// BI-CL-33: what counts is that the session is carried by a cookie with the marks, not that every cookie has them.
func (t *clientTest) sessionCookieProtected() {
	l := t.begin(t.browser())
	set := (&http.Response{Header: l.begun.Header}).Cookies()
	if len(set) == 0 {
		t.FailAt(l.begun.Exchange, "a session cookie in the answer that begins the leg", "no Set-Cookie")
	}
	overTLS := strings.HasPrefix(t.metadata.CallbackEndpoint, "https:")
	req, err := http.NewRequest(http.MethodGet, t.callbackURL(t.consent(l)), nil)
	if err != nil {
		t.FailAt(l.begun.Exchange, "a callback_endpoint that a browser can open", err.Error())
	}
	var bare []string
	for _, c := range set {
		if c.HttpOnly && (c.SameSite == http.SameSiteLaxMode || c.SameSite == http.SameSiteStrictMode) && (c.Secure || !overTLS) {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		} else {
			bare = append(bare, c.Raw)
		}
	}
	if len(bare) == 0 {
		return
	}
	marks := "HttpOnly and SameSite=Lax or Strict"
	if overTLS {
		marks += " and Secure"
	}
	if len(bare) == len(set) {
		t.FailAt(l.begun.Exchange, "a session cookie with "+marks, "Set-Cookie: "+strings.Join(bare, "; Set-Cookie: "))
	}
	ended := t.Do("user-terminal", req)
	if t.tokenRequests() == 0 {
		t.FailAt(ended.Exchange, "a leg that completes with those cookies alone that have "+marks, fmt.Sprintf("status %d, so that the session hangs on Set-Cookie: %s", ended.Status, strings.Join(bare, "; Set-Cookie: ")))
	}
}
