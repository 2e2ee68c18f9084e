package unified

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// leg is a message of a third-party platform that the platform under test has to take, not yet sent.
type leg struct {
	message
	what, endpoint string
}

// legs are one of each kind, in logins of their own. At level core there is no status request.
func (t *test) legs(s site) []leg {
	in := t.browser()
	passed := t.exchange(t.approve(in, t.alice(), t.newLogin(s)))
	all := []leg{
		{t.passTokenRequest(t.approve(in, t.alice(), t.newLogin(s))), "a pass-token request", t.tokenEndpoint()},
		{t.authenticationRequest(passed), "an authentication request", t.authenticationEndpoint()},
	}
	if t.metadata.StatusEndpoint != "" {
		all = append(all, t.statusLeg(in, s))
	}
	return all
}

// statusLeg is a message that may come again and again.
func (t *test) statusLeg(in *conformance.Browser, s site) leg {
	l := t.enter(in, t.alice(), s)
	return leg{t.statusRequest(s, l.person.sub, l.person.generation), "a status request", t.statusEndpoint()}
}

// taken sends a message that has to be accepted.
func (t *test) taken(l leg, what string) (*conformance.Response, opened) {
	resp := t.send(l.from, l.endpoint, l.message)
	return resp, t.opens(resp, l.message, what)
}

// spoilt sends what has to be refused in place of each kind of message.
func (t *test) spoilt(how string, errors []string, send func(leg) *conformance.Response) {
	for _, l := range t.legs(t.siteA()) {
		t.refused(send(l), l.what+" "+how, errors...)
	}
}

// allTaken is the control of checks that spoil messages.
func (t *test) allTaken(s site) {
	for _, l := range t.legs(s) {
		t.taken(l, l.what)
	}
}

// UN-PL-16: an answer can be read by nobody but the two, and says whose it is.
func answersAreSealed(t *test) {
	for _, s := range []site{t.siteA(), t.settle(t.newSite())} {
		for _, l := range t.legs(s) {
			resp, o := t.taken(l, l.what)
			answer := strings.TrimSuffix(l.name, "request") + "response"
			if problem := o.wrong(l.back(), answer, "", t.Env.Now()); problem != "" {
				t.FailAt(resp.Exchange, "an answer to "+l.what+" that is a sealed "+answer+" under the key of the request", problem)
			}
		}
	}
}

// UN-PL-17: who has not the key that the message names is nobody.
func messageUnderAnotherKeyRefused(t *test) {
	t.allTaken(t.siteA())
	a, b := t.siteA().newest(), t.siteB().newest()
	stranger := jose.Key{ID: a.ID, Secret: []byte(t.Random(24))} // 32 characters
	for _, c := range []struct {
		how  string
		seal func(message) message
	}{
		{"under an unknown kid", func(m message) message { return m.headed("kid", "no-key-"+t.Random(9)) }},
		{"without kid", func(m message) message { return m.headed("kid", nil) }},
		{"under the kid of another third-party platform", func(m message) message { return m.headed("kid", b.ID) }},
		{"under a key that nobody was given", func(m message) message { m.line = m.under(stranger); return m }},
		{"under another third-party platform's key", func(m message) message { m.line = m.under(jose.Key{ID: a.ID, Secret: b.Secret}); return m }},
	} {
		t.spoilt(c.how, []string{"invalid_client"}, func(l leg) *conformance.Response { return t.send(l.from, l.endpoint, c.seal(l.message)) })
	}
	t.spoilt("whose ciphertext was changed on the way", []string{"invalid_client"}, func(l leg) *conformance.Response {
		parts := strings.Split(t.sealed(l.message), ".")
		parts[3] = swapped(parts[3], 8)
		return t.Do(l.from, t.posting(l.endpoint, joseType, strings.Join(parts, ".")))
	})
}

// UN-PL-60: who leaves the seal out needs no key.
func plainMessageRefused(t *test) {
	t.allTaken(t.siteA())
	t.statusEndpoint()
	for _, kind := range []string{jsonType, joseType} {
		t.spoilt("that is plain JSON, sent as "+kind, []string{"invalid_request"}, func(l leg) *conformance.Response {
			text, err := l.plain()
			if err != nil {
				t.Broken("a payload cannot be written: %v", err)
			}
			return t.Do(l.from, t.posting(l.endpoint, kind, text))
		})
	}
	t.spoilt("that is an unsecured JWS", []string{"invalid_request"}, func(l leg) *conformance.Response {
		text, err := l.plain()
		if err != nil {
			t.Broken("a payload cannot be written: %v", err)
		}
		token, err := jose.Unsecured(map[string]any{"typ": l.name + "+jwt", "kid": l.key.ID}, []byte(text))
		if err != nil {
			t.Broken("a token cannot be made: %v", err)
		}
		return t.Do(l.from, t.posting(l.endpoint, joseType, token))
	})
	t.spoilt("that is sealed and sent as application/json", []string{"invalid_request"}, func(l leg) *conformance.Response {
		return t.Do(l.from, t.posting(l.endpoint, jsonType, t.sealed(l.message)))
	})
}

// UN-PL-61: the receiver, and not the sender, says how a message is sealed. A key that is too short or wrapped also fails to open, and may be refused for that.
func noOtherAlgorithm(t *test) {
	t.allTaken(t.siteA())
	t.statusEndpoint()
	unopened := []string{"invalid_request", "invalid_client"}
	for _, size := range []int{16, 32} {
		alg := fmt.Sprintf("A%dKW", 8*size)
		t.spoilt("with alg "+alg, unopened, func(l leg) *conformance.Response {
			return t.Do(l.from, t.posting(l.endpoint, joseType, t.wrapped(l.message, alg, size)))
		})
	}
	t.spoilt("with enc A128GCM", unopened, func(l leg) *conformance.Response {
		short := l.headed("enc", "A128GCM")
		short.key.Secret = l.key.Secret[:16]
		return t.send(l.from, l.endpoint, short)
	})
	only := []string{"invalid_request"}
	t.spoilt("with zip DEF", only, func(l leg) *conformance.Response {
		text, err := l.plain()
		if err != nil {
			t.Broken("a payload cannot be written: %v", err)
		}
		return t.Do(l.from, t.posting(l.endpoint, joseType, t.sealedText(l.headed("zip", "DEF"), deflated(text))))
	})
	t.spoilt("with crit", only, func(l leg) *conformance.Response {
		return t.send(l.from, l.endpoint, l.headed("crit", []string{"urgent"}).headed("urgent", true))
	})
	t.spoilt("with an encrypted key", only, func(l leg) *conformance.Response {
		parts := strings.Split(t.sealed(l.message), ".")
		parts[1] = jose.Encode([]byte(t.Random(30)))
		return t.Do(l.from, t.posting(l.endpoint, joseType, strings.Join(parts, ".")))
	})
}

// wrapped is a message under a content key of its own, wrapped (RFC 3394) under the beginning of the communication key.
func (t *test) wrapped(m message, alg string, size int) string {
	content := jose.Key{ID: m.key.ID, Secret: []byte(t.Random(24))} // 32 characters
	block, err := aes.NewCipher(m.key.Secret[:size])
	if err != nil {
		t.Broken("a communication key is none: %v", err)
	}
	encrypted, err := josecipher.KeyWrap(block, content.Secret)
	if err != nil {
		t.Broken("a content key cannot be wrapped: %v", err)
	}
	under := m.headed("alg", alg)
	under.line = m.under(content)
	parts := strings.Split(t.sealed(under), ".")
	parts[1] = jose.Encode(encrypted)
	return strings.Join(parts, ".")
}

// deflated is a text as zip DEF compresses it (RFC 1951). Writing into memory does not fail.
func deflated(text string) string {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("compressing into memory failed: %v", err))
	}
	return out.String()
}

// sealedText seals a payload that is no JSON of its own making under the header of a message.
func (t *test) sealedText(m message, text string) string {
	header := map[string]any{"typ": m.name + "+jwt"}
	maps.Copy(header, m.header)
	body, err := jose.Seal(t.Env.Entropy(), m.key, header, []byte(text))
	if err != nil {
		t.Broken("a message cannot be sealed: %v", err)
	}
	return body
}

// UN-PL-62: a message counts at the endpoint, from the sender and at the receiver that it was made for.
func messageOfAnotherKindRefused(t *test) {
	t.allTaken(t.siteA())
	t.statusEndpoint()
	spoil := func(how string, change func(leg) message) {
		t.spoilt(how, []string{"invalid_request"}, func(l leg) *conformance.Response { return t.send(l.from, l.endpoint, change(l)) })
	}
	for _, kind := range []string{"pass-token-request", "authentication-request", "status-request", "pass-token-response", "authentication-response", "batch-logout-request", "batch-logout-response"} {
		spoil("whose typ is that of another message", func(l leg) message {
			if kind == l.name {
				return l.headed("typ", strings.TrimSuffix(kind, "request")+"response+jwt")
			}
			return l.headed("typ", kind+"+jwt")
		})
	}
	spoil("without typ", func(l leg) message { return l.headed("typ", nil) })
	spoil("whose typ is JWT", func(l leg) message { return l.headed("typ", "JWT") })
	b := t.siteB()
	spoil("whose iss is another third-party platform", func(l leg) message { return l.with("iss", b.id) })
	spoil("whose iss is the platform", func(l leg) message { return l.with("iss", t.issuer()) })
	spoil("under the key of another third-party platform", func(l leg) message { m := l.message; m.line = m.under(b.newest()); return m })
	spoil("without iss", func(l leg) message { return l.with("iss", nil) })
	spoil("whose aud is another platform", func(l leg) message { return l.with("aud", strings.TrimSuffix(t.Attacker, "/")) })
	spoil("whose aud is the sender", func(l leg) message { return l.with("aud", l.from) })
	spoil("whose aud is the endpoint", func(l leg) message { return l.with("aud", l.endpoint) })
	spoil("without aud", func(l leg) message { return l.with("aud", nil) })
}

// UN-PL-63: what was seen on the way is worth nothing; what another sender has used does not matter.
func sealedMessageTakenOnce(t *test) {
	a, b := t.statusLeg(t.browser(), t.siteA()), t.statusLeg(t.browser(), t.siteB())
	body := t.sealed(a.message)
	t.opens(t.Do(a.from, t.posting(a.endpoint, joseType, body)), a.message, "a status request")
	replayed := func(resp *conformance.Response, what string) { t.refused(resp, what, "message_replayed") }
	for range 2 {
		replayed(t.Do(a.from, t.posting(a.endpoint, joseType, body)), "the same sealed message once more")
	}
	replayed(t.send(a.from, a.endpoint, a.message), "a message sealed anew with a jti that was used")
	for _, l := range t.legs(t.siteA()) {
		replayed(t.send(l.from, l.endpoint, l.with("jti", a.id())), l.what+" with a jti that was used in a status request")
	}
	t.taken(leg{b.with("jti", a.id()), b.what, b.endpoint}, "a status request with a jti that another third-party platform has used")

	next := leg{t.statusRequest(t.siteA(), a.payload.text("sub"), 1), a.what, a.endpoint}
	stranger := jose.Key{ID: next.key.ID, Secret: []byte(t.Random(24))}
	unopened := next.message
	unopened.line = next.under(stranger)
	t.refused(t.send(next.from, next.endpoint, unopened), "a status request under a key that nobody was given", "invalid_client")
	t.refused(t.send(next.from, next.endpoint, next.with("iat", t.Env.Now().Add(-2*messageWindow).Unix())), "a status request of ten minutes ago", "message_stale")
	t.taken(next, "a status request with a jti that came in messages only that were forged or stale")

	once := t.statusRequest(t.siteA(), a.payload.text("sub"), 1)
	t.oneTaken("jti", "message_replayed", a.endpoint, once, once, once, once)

	const later = messageWindow - 20*time.Second
	late := leg{t.statusRequest(t.siteA(), a.payload.text("sub"), 1), a.what, a.endpoint}
	t.taken(late, "a status request")
	if t.Passes(later) {
		replayed(t.send(late.from, late.endpoint, late.message), fmt.Sprintf("a message with a jti that was used %.0f s ago", later.Seconds()))
	}
}

// UN-PL-64: a message from long ago or from the future is none. The margin is for clocks that differ.
func sealedMessageIsFresh(t *test) {
	const margin = 30 * time.Second
	t.statusEndpoint()
	at := func(l leg, away time.Duration) leg {
		l.message = l.with("iat", t.Env.Now().Add(away).Unix())
		return l
	}
	for _, away := range []time.Duration{margin - messageWindow, messageWindow - margin} {
		for _, l := range t.legs(t.siteA()) {
			t.taken(at(l, away), fmt.Sprintf("%s with an iat %.0f s from now", l.what, away.Seconds()))
		}
	}
	for _, away := range []time.Duration{-messageWindow - margin, messageWindow + margin, -24 * time.Hour, 24 * time.Hour} {
		t.spoilt(fmt.Sprintf("with an iat %.0f s from now", away.Seconds()), []string{"message_stale"}, func(l leg) *conformance.Response {
			return t.send(l.from, l.endpoint, at(l, away).message)
		})
	}
	t.spoilt("with the iat 0", []string{"message_stale"}, func(l leg) *conformance.Response { return t.send(l.from, l.endpoint, l.with("iat", 0)) })
}

// UN-PL-65: no vector and no jti comes twice, in answers and in batches that are sent again.
func vectorAndIDNeverUsedTwice(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	vectors, ids := map[string]bool{}, map[string]bool{}
	note := func(at int, what string, o opened) {
		iv, err := jose.Decode(vector(o.compact))
		if err != nil || len(iv) != 12 {
			t.FailAt(at, what+" with an initialization vector of 96 bits", fmt.Sprintf("%d bits", 8*len(iv)))
		}
		id := o.payload.text("jti")
		if id == "" || ids[id] {
			t.FailAt(at, what+" with a jti never used before", "jti is "+shown(o.payload["jti"]))
		}
		if vectors[string(iv)] {
			t.FailAt(at, what+" with an initialization vector never used before", "one that came before")
		}
		vectors[string(iv)], ids[id] = true, true
	}
	for range 3 {
		for _, l := range t.legs(x.site) {
			resp, o := t.taken(l, l.what)
			note(resp.Exchange, "an answer to "+l.what, o)
		}
	}
	v := t.visit(t.own(), x.site)
	x.behave(conduct{status: 503})
	v.leave()
	first := x.flushed(1, t.idleTime(), "a batch request after a logout")
	note(first.exchange, "a batch request", first.opened)
	x.behave(conduct{})
	second := x.flushed(2, 2*time.Second, "a batch request that is sent again after a failure")
	note(second.exchange, "a batch request that is sent again", second.opened)
}

// UN-PL-66: no old answer passes for one to this request.
func answerNamesItsRequest(t *test) {
	t.statusEndpoint()
	for range 2 {
		for _, l := range t.legs(t.siteA()) {
			resp, o := t.taken(l, l.what)
			if got := o.payload["in_reply_to"]; got != l.id() {
				t.FailAt(resp.Exchange, "an answer to "+l.what+" whose in_reply_to is the jti of the request", "in_reply_to is "+shown(got))
			}
		}
	}
}
