package unified

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// UN-TP-34
func (t *thirdPartyTest) plainBatchRefused() {
	t.batchEndpoint()
	t.control(t.p)
	g := t.guest(t.p)
	g.spared(t.sendPlain(t.p.name, t.batchEndpoint(), t.batch(t.p, t.taskFor(g.who))), "in plain JSON", "invalid_request")
	for _, mediaType := range []string{joseType, "application/jwt"} {
		text, err := t.batch(t.p, t.taskFor(g.who)).plain()
		if err != nil {
			t.Broken("a payload cannot be written: %v", err)
		}
		g.spared(t.Do(t.p.name, t.posting(t.batchEndpoint(), mediaType, text)), "in plain JSON, as "+mediaType, "invalid_request")
	}
	unsecured, err := jose.Unsecured(members{"typ": "batch-logout-request+jwt", "kid": t.p.line().key.ID}, t.payload(t.batch(t.p, t.taskFor(g.who))))
	if err != nil {
		t.Broken("an unsecured message cannot be made: %v", err)
	}
	g.spared(t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, unsecured)), "in a JWS without a signature", "invalid_request")
}

// payload is what a message seals.
func (t *thirdPartyTest) payload(m message) []byte {
	text, err := json.Marshal(m.payload)
	if err != nil {
		t.Broken("a payload cannot be written: %v", err)
	}
	return text
}

// UN-TP-35: a receiver that takes each message for what section 2.1 allows finds that some do not open, and may say so.
func (t *thirdPartyTest) noOtherAlgorithm() {
	t.batchEndpoint()
	t.control(t.p)
	g := t.guest(t.p)
	m := func() message { return t.batch(t.p, t.taskFor(g.who)) }
	direct := strings.Split(t.sealed(m()), ".")
	direct[1] = jose.Encode(t.stranger())
	for _, w := range []struct{ what, body string }{
		{"with alg A128KW, its content key wrapped under the first 128 bits of the communication key", t.wrapped(m(), "A128KW", 16)},
		{"with alg A256KW, its content key wrapped under the communication key", t.wrapped(m(), "A256KW", 32)},
		{"with the enc A128GCM, under the first 128 bits of the communication key", t.halved(m())},
		{"with the alg A256KW in its header only", t.sealed(m().headed("alg", "A256KW"))},
		{"with the enc A256CBC-HS512 in its header only", t.sealed(m().headed("enc", "A256CBC-HS512"))},
		{"without alg", t.sealed(m().headed("alg", nil))},
		{"without enc", t.sealed(m().headed("enc", nil))},
		{"with an encrypted key", strings.Join(direct, ".")},
	} {
		g.spared(t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, w.body)), w.what, "invalid_request", "invalid_client")
	}
	for _, w := range []struct{ what, body string }{
		{"with zip", t.sealed(m().headed("zip", "DEF"))},
		{"with zip, and compressed", t.compressed(m())},
		{"with crit", t.sealed(m().headed("crit", []string{"exp"}).headed("exp", t.Env.Now().Unix()+600))},
	} {
		g.spared(t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, w.body)), w.what, "invalid_request")
	}
	t.logsOut(t.p, "the right batch-logout request", t.taskFor(g.who))
}

// compressed is a message whose payload is compressed: RFC 7516 section 4.1.3.
func (t *thirdPartyTest) compressed(m message) string {
	var text bytes.Buffer
	w, err := flate.NewWriter(&text, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(t.payload(m))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Broken("a message cannot be compressed: %v", err)
	}
	return t.sealedWith(m.key, members{"typ": m.name + "+jwt", "zip": "DEF"}, text.Bytes())
}

// halved is a message under half of the key.
func (t *thirdPartyTest) halved(m message) string {
	return t.sealedWith(jose.Key{ID: m.key.ID, Secret: m.key.Secret[:16]}, members{"typ": m.name + "+jwt", "enc": "A128GCM"}, t.payload(m))
}

func (t *thirdPartyTest) sealedWith(key jose.Key, header members, text []byte) string {
	body, err := jose.Seal(t.Env.Entropy(), key, header, text)
	if err != nil {
		t.Broken("a message cannot be sealed: %v", err)
	}
	return body
}

// wrapped is a message under a content key of its own, which is wrapped under the first bytes of the communication key: RFC 7518 section 4.4.
func (t *thirdPartyTest) wrapped(m message, alg string, first int) string {
	content := make([]byte, 32)
	if _, err := io.ReadFull(t.Env.Entropy(), content); err != nil {
		t.Broken("no randomness: %v", err)
	}
	parts := strings.Split(t.sealedWith(jose.Key{ID: m.key.ID, Secret: content}, members{"typ": m.name + "+jwt", "alg": alg}, t.payload(m)), ".")
	wrapped, err := wrapKey(m.key.Secret[:first], content)
	if err != nil {
		t.Broken("a key cannot be wrapped: %v", err)
	}
	parts[1] = jose.Encode(wrapped)
	return strings.Join(parts, ".")
}

// wrapKey is AES Key Wrap: RFC 3394 section 2.2.1.
func wrapKey(under, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(under)
	if err != nil {
		return nil, err
	}
	n := len(key) / 8
	wrapped := append(bytes.Repeat([]byte{0xA6}, 8), key...)
	var b [16]byte
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[:8], wrapped[:8])
			copy(b[8:], wrapped[8*i:])
			block.Encrypt(b[:], b[:])
			binary.BigEndian.PutUint64(wrapped, binary.BigEndian.Uint64(b[:8])^uint64(n*j+i))
			copy(wrapped[8*i:], b[8:])
		}
	}
	return wrapped, nil
}

// UN-TP-36
func (t *thirdPartyTest) messageOfAnotherKindRefused() {
	t.batchEndpoint()
	t.control(t.p)
	g := t.guest(t.p)
	m := func() message { return t.batch(t.p, t.taskFor(g.who)) }
	for _, w := range []struct {
		what string
		m    message
	}{
		{"with the typ of an authentication request", m().headed("typ", "authentication-request+jwt")},
		{"with the typ of an answer to it", m().headed("typ", "batch-logout-response+jwt")},
		{"without typ", m().headed("typ", nil)},
		{"whose aud is another third-party platform", m().with("aud", t.p.clientID+"-other")},
		{"whose aud is its sender", m().with("aud", t.p.issuer)},
		{"whose iss is another platform", m().with("iss", t.q.issuer)},
		{"whose iss is its receiver", m().with("iss", t.p.clientID)},
	} {
		g.spared(t.delivers(t.p, w.m), w.what, "invalid_request")
	}
	mark := t.Mark()
	t.guest(t.p)
	for _, e := range t.Since(mark) {
		if messageTo(e.endpoint) == "" {
			continue
		}
		resp := t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, e.compact))
		g.spared(resp, "that is the "+messageTo(e.endpoint)+" request of the third-party platform itself, sent back to it", "invalid_request")
	}
	t.logsOut(t.p, "the right batch-logout request", t.taskFor(g.who))
}

// UN-TP-37
func (t *thirdPartyTest) batchTakenOnce() {
	t.batchEndpoint()
	g, other := t.guest(t.p), t.guest(t.p)
	task := t.taskFor(g.who)
	m := t.batch(t.p, task)
	body := t.sealed(m)
	again := func() *conformance.Response { return t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, body)) }
	t.done(again(), m, "a batch-logout request", task)
	g.goes("after a batch-logout request")
	t.refusedBatch(again(), "that came before, byte for byte", "message_replayed")
	same := t.batch(t.p, t.taskFor(other.who)).with("jti", m.id())
	other.spared(t.delivers(t.p, same), "with the jti of another, which came before", "message_replayed")
	// The other platform has not used it.
	atQ := t.guest(t.q)
	theirs := t.batch(t.q, t.taskFor(atQ.who)).with("jti", m.id())
	t.done(t.delivers(t.q, theirs), theirs, "a batch-logout request with a jti that another platform has used")

	twice := t.sealed(t.batch(t.p, t.taskFor(g.who)))
	var taken, refused int
	answers := t.TryTogether(t.p.name, t.posting(t.batchEndpoint(), joseType, twice), t.posting(t.batchEndpoint(), joseType, twice))
	for _, answer := range answers {
		switch {
		case answer != nil && answer.Status == http.StatusOK:
			taken++
		case answer != nil && answer.Status == http.StatusBadRequest:
			refused++
		}
	}
	if taken != 1 || refused != 1 {
		t.Fail("one of two equal batch-logout requests that come at once taken, and the other refused with 400", fmt.Sprintf("%d taken and %d refused", taken, refused))
	}
	if t.Passes(messageWindow - minute) {
		t.refusedBatch(again(), "that came before, four minutes ago", "message_replayed")
	}
}

// UN-TP-38
func (t *thirdPartyTest) batchIsFresh() {
	t.batchEndpoint()
	dated := func(who person, away time.Duration) (message, members) {
		task := t.taskFor(who)
		return t.batch(t.p, task).with("iat", t.Env.Now().Add(away).Unix()), task
	}
	for _, away := range []time.Duration{minute - messageWindow, messageWindow - minute} {
		g := t.guest(t.p)
		m, task := dated(g.who, away)
		what := fmt.Sprintf("a batch-logout request whose iat is %s away", away)
		t.done(t.delivers(t.p, m), m, what, task)
		g.goes("after " + what)
	}
	g := t.guest(t.p)
	for _, away := range []time.Duration{-messageWindow - minute, messageWindow + minute, -24 * time.Hour} {
		m, _ := dated(g.who, away)
		g.spared(t.delivers(t.p, m), fmt.Sprintf("whose iat is %s away", away), "message_stale")
	}
}
