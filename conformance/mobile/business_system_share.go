package mobile

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance/jose"
)

// MO-BS-24: a token under a key that the system has never seen makes it read its keys, whatever it has kept.
func (t *systemTest) downloadIsAuthenticated() {
	t.opens(t.sharedPass(t.alice()), control)
	t.Advance(readingPause)
	key := t.newSealingKey(t.Fresh("key", 9))
	t.server.offer(0, key, t.key)
	mark := t.server.Mark()
	resp := t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key that is new in the set")
	for _, c := range []struct{ what, endpoint string }{{"a reading of keys", atSealingKeys}, {"a download", atSharedToken}} {
		if len(t.server.asked(c.endpoint, mark)) == 0 {
			t.FailAt(resp.Exchange, c.what+" for a token under a key that is new in the set", "none")
		}
		for _, a := range t.server.asked(c.endpoint, 0) {
			if a.system != t.crm().ID || a.secret != t.crm().Secret {
				actual := "no HTTP Basic credentials"
				if a.system != "" {
					actual = fmt.Sprintf("the identifier %q with another secret or none", a.system)
				}
				t.FailAt(a.exchange, fmt.Sprintf("%s with HTTP Basic, %s and its secret", c.what, t.crm().ID), actual)
			}
		}
	}
}

// under is the pass with its token sealed under another key of the system.
func (t *systemTest) under(p pass, key jose.Key) pass {
	p.sealed = t.seal(p.contents.statement(), key)
	return p
}

// MO-BS-25
func (t *systemTest) downloadNamesOneToken() {
	var shown []pass
	for _, user := range []AccountSetup{t.alice(), t.bob()} {
		p := t.sharedPass(user)
		mark := t.server.Mark()
		resp := t.opens(p, rightToken)
		t.downloaded(p, mark, resp, "a token")
		shown = append(shown, p)
	}
	for _, a := range t.server.asked(atSharedToken, 0) {
		if a.problem != "" {
			t.FailAt(a.exchange, "a download as in section 4.7 of the profile", a.problem)
		}
	}
	for _, endpoint := range []string{atSharedToken, atSealingKeys, wellKnown} {
		for _, a := range t.server.asked(endpoint, 0) {
			for _, p := range shown {
				for _, secret := range []string{p.sealed, p.contents.token} {
					if discloses(a.url, secret) || discloses(a.body, secret) {
						t.FailAt(a.exchange, "a request to the authorization server with the token_id in its body, and no token in URL or body", "a token in a request to "+endpoint)
					}
				}
			}
		}
	}
}

// discloses reports whether a secret stands in a text, as it is or escaped for a URL.
func discloses(text, secret string) bool {
	return secret != "" && (strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, url.PathEscape(secret)))
}

// MO-BS-26
func (t *systemTest) cacheEndsWithItsLifetime() {
	cached := func(lifetime int64) pass {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, lifetime))
		t.opens(p, fmt.Sprintf("a token that is shared with a cache_lifetime of %d", lifetime))
		t.server.share(p.contents.id, nil)
		return p
	}
	absent := t.newPass(t.alice())
	t.server.share(absent.contents.id, recordOf(absent.contents, -1))
	t.opens(absent, "a token that is shared without cache_lifetime")
	t.server.share(absent.contents.id, nil)
	t.tokenRefused(t.show(absent), "a token that was shared without cache_lifetime, and is no longer")

	p := cached(4)
	t.Advance(3 * time.Second)
	t.show(p) // a use in between makes nothing last longer, whichever way it ends
	t.Advance(3 * time.Second)
	t.tokenRefused(t.show(p), "a token that was shared 6 s ago, with a cache_lifetime of 4, and is no longer")

	p = cached(120)
	if t.Passes(32 * time.Second) {
		t.tokenRefused(t.show(p), "a token that was shared 32 s ago, with a cache_lifetime of 120 which counts as 30, and is no longer")
	}
}

// MO-BS-27
func (t *systemTest) recordAndTokenAgree() {
	t.opens(t.sharedPass(t.alice()), control)
	for _, c := range []struct{ name, value string }{{"username", t.bob().Name}, {"appid", t.second().ID}, {"deviceid", t.newDeviceID()}} {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, 0).With(c.name, c.value))
		t.tokenRefused(t.show(p), "a token that matches a record with another "+c.name)
	}
}

// MO-BS-37: whoever has a sealing key writes what is in a token, but not what is shared.
func (t *systemTest) keyInTheRecordCompared() {
	t.opens(t.sharedPass(t.alice()), control)
	for _, c := range []struct {
		what   string
		shared func(thumbprint string) any
		// malformed: what has such a member is no record, and so as good as an outage, or the token's fault.
		malformed bool
	}{
		{"with the jkt of another key", func(string) any { return t.newSigner("").Thumbprint() }, false},
		{"without jkt", func(string) any { return nil }, false},
		{"with an empty jkt", func(string) any { return "" }, true},
		{"with the jkt in another case", func(right string) any { return swapCase(right) }, false},
		{"with the beginning of the jkt", func(right string) any { return right[:len(right)-1] }, false},
		{"with the jkt in a list", func(right string) any { return []string{right} }, true},
	} {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, 0).With("jkt", c.shared(p.contents.thumbprint)))
		resp, what := t.show(p), "a token that matches a record "+c.what
		if c.malformed && resp.Status == http.StatusServiceUnavailable {
			t.outage(resp, "a resource request with "+what)
		} else {
			t.tokenRefused(resp, what)
		}
	}
	for _, lifetime := range []int64{0, 30} {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, lifetime))
		t.opens(p, fmt.Sprintf("a token that is shared with a cache_lifetime of %d", lifetime))
		t.tokenRefused(t.show(t.resealed(p)), fmt.Sprintf("that token, sealed anew for another key and with a right proof by that key, with a cache_lifetime of %d", lifetime))
		t.opens(p, "the token as it was given, after that")
	}
}

// resealed is what a thief of the sealing key makes of a token that he has copied: the same, bound to a key of his own.
func (t *systemTest) resealed(p pass) pass {
	thief := t.newSigner("")
	c := p.contents
	c.thumbprint = thief.Thumbprint()
	return t.passWith(c, thief, c.statement())
}

// MO-BS-32
func (t *systemTest) garbageCostsNoDownload() {
	p := t.sharedPass(t.alice())
	mark := t.server.Mark()
	t.downloaded(p, mark, t.opens(p, control), control)
	garbage := t.spoilt(p)
	for _, f := range []faulty{
		{"a token for another system", func(s statement) statement { return s.headed("aud", t.erp().ID).with("aud", t.erp().ID) }},
		{"a token of another issuer", func(s statement) statement { return s.with("iss", "https://test.example") }},
	} {
		garbage = append(garbage, spoilt{f.what, t.altered(f.change).sealed})
	}
	mark = t.server.Mark()
	for _, c := range garbage {
		t.tokenRefused(t.show(pass{p.contents, p.device, c.sealed}), c.what)
		t.noDownload(mark, "for "+c.what)
	}
	stolen := pass{p.contents, t.newSigner(""), p.sealed}
	t.closed(t.show(stolen), "a resource request with a proof by another key", []int{http.StatusUnauthorized}, unproved()...)
	t.noDownload(mark, "for a token with a proof by another key")
}

func (t *systemTest) noDownload(mark int, why string) {
	if found := t.server.asked(atSharedToken, mark); len(found) > 0 {
		t.FailAt(found[0].exchange, "no download "+why, "a download")
	}
}

// MO-BS-33
func (t *systemTest) recoversByItself() {
	t.opens(t.sharedPass(t.alice()), control)
	for _, c := range []struct {
		what string
		conduct
	}{
		{"answered 500", conduct{status: http.StatusInternalServerError, raw: "{}"}},
		{"broke the connection", conduct{broken: true}},
		{"answered 429", conduct{status: http.StatusTooManyRequests, raw: "{}"}},
	} {
		p := t.sharedPass(t.alice())
		t.server.behave(atSharedToken, c.conduct)
		t.outage(t.show(p), "a resource request while the authorization server "+c.what)
		t.server.behave(atSharedToken, conduct{})
		t.opens(p, "the same token, now that the authorization server is back, which "+c.what)
	}
	p := t.newPass(t.alice())
	t.tokenRefused(t.show(p), "a token that is not shared yet")
	t.server.share(p.contents.id, recordOf(p.contents, 0))
	t.opens(p, "the same token, now that it is shared")
}

// MO-BS-34
func (t *systemTest) resourcesNotStored() {
	p := t.newPass(t.alice())
	t.server.share(p.contents.id, recordOf(p.contents, 30))
	t.NotStored(t.opens(p, rightToken), "a resource")
	t.NotStored(t.opens(p, rightToken+" and whose download may be kept"), "a resource for a token whose download may be kept")
}

// MO-BS-35
func (t *systemTest) tokenInTheURLNotTaken() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	endpoint, separator := t.metadata.ResourceEndpoint, "?"
	if strings.Contains(endpoint, "?") {
		separator = "&"
	}
	for _, c := range []struct {
		what, name, authorization string
		proved                    bool
	}{
		{"the token in the query, with a right proof", "access_token", "", true},
		{"the token in the query, without a proof", "access_token", "", false},
		{"the token in the query as token, with a right proof", "token", "", true},
		{"the token in the query beside another scheme", "access_token", "Basic " + jose.Encode([]byte("alice:alice")), true},
		{"the token in the query beside a right Authorization", "access_token", "DPoP " + p.sealed, true},
	} {
		req := t.rawRequest(http.MethodGet, endpoint+separator+c.name+"="+url.QueryEscape(p.sealed), "", nil)
		if c.authorization != "" {
			req.Header.Set("Authorization", c.authorization)
		}
		if c.proved {
			t.prove(req, p.device, t.proof(p.device, http.MethodGet, endpoint, p.sealed))
		}
		t.closed(t.Do("app", req), "a resource request with "+c.what, []int{http.StatusBadRequest, http.StatusUnauthorized}, "invalid_token", "invalid_request")
	}
	t.opens(p, rightToken+", after that")
}

// MO-BS-36
func (t *systemTest) otherMethodsRefused() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	head := t.Do("app", t.resourceRequest(http.MethodHead, p))
	t.Accepted(head, "a HEAD of the resource with "+rightToken)
	if len(head.Body) > 0 {
		t.FailAt(head.Exchange, "no body of the answer to a HEAD", fmt.Sprintf("%d bytes", len(head.Body)))
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "LIST"} {
		t.closed(t.Do("app", t.resourceRequest(method, p)), "a "+method+" of the resource with "+rightToken, []int{http.StatusMethodNotAllowed})
	}
}
