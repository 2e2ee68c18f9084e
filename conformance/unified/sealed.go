package unified

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

const (
	joseType = "application/jose"
	jsonType = "application/json"
	// messageWindow is how far iat may lie from the receiver's time: section 2.1 of the profile.
	messageWindow = 300 * time.Second
)

// members are those of a JSON object, as judge has them.
type members map[string]any

// with is a copy in which one member is another; nil leaves it out.
func (m members) with(name string, value any) members {
	return members(judge.Members(m).With(name, value))
}

// text is a member that is a string; empty where there is none.
func (m members) text(name string) string { return judge.Members(m).Text(name) }

// whole is a member that is a whole number.
func (m members) whole(name string) (n int64, ok bool) { return judge.Members(m).Whole(name) }

// object is a member that is an object; nil where there is none.
func (m members) object(name string) members { return members(judge.Members(m).Object(name)) }

// line is one direction between two who share a communication key. They are named as in iss and aud.
type line struct {
	from, to string
	key      jose.Key
}

// back is the other direction.
func (l line) back() line { return line{from: l.to, to: l.from, key: l.key} }

// under is the same direction under another key.
func (l line) under(key jose.Key) line {
	l.key = key
	return l
}

// message is a sealed message that the harness makes: section 2.1 of the profile. A check changes in it what it wants to be wrong.
type message struct {
	line
	// name is typ without its +jwt.
	name string
	// header stands against what would be right; a member set to nil is left out.
	header map[string]any
	// payload has all members, those of every message too.
	payload members
}

// newMessage makes a right message with a new jti. inReplyTo is empty in a request.
func newMessage(id string, now time.Time, on line, name, inReplyTo string, own members) message {
	m := message{line: on, name: name, payload: members{"iss": on.from, "aud": on.to, "iat": now.Unix(), "jti": id}}
	if inReplyTo != "" {
		m.payload["in_reply_to"] = inReplyTo
	}
	maps.Copy(m.payload, own)
	return m
}

// id is the message's jti.
func (m message) id() string { return m.payload.text("jti") }

// with is a copy with another member in its payload; nil leaves it out.
func (m message) with(name string, value any) message {
	m.payload = m.payload.with(name, value)
	return m
}

// headed is a copy with another member in its protected header; nil leaves it out.
func (m message) headed(name string, value any) message {
	header := maps.Clone(m.header)
	if header == nil {
		header = map[string]any{}
	}
	header[name] = value
	m.header = header
	return m
}

// seal gives the body, with an initialization vector from random.
func (m message) seal(random io.Reader) (string, error) {
	header := map[string]any{"typ": m.name + "+jwt"}
	maps.Copy(header, m.header)
	text, err := json.Marshal(m.payload)
	if err != nil {
		return "", err
	}
	return jose.Seal(random, m.key, header, text)
}

// plain is the payload as it is.
func (m message) plain() (string, error) {
	text, err := json.Marshal(m.payload)
	return string(text), err
}

// request makes a message with a request of the harness's own.
func (t *test) request(on line, name string, own members) message {
	return newMessage(t.Random(18), t.Env.Now(), on, name, "", own)
}

// sealed is the body of a message.
func (t *test) sealed(m message) string {
	body, err := m.seal(t.Env.Entropy())
	if err != nil {
		t.Broken("a message cannot be sealed: %v", err)
	}
	return body
}

// posting makes a POST with any body.
func (t *test) posting(endpoint, mediaType, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", fmt.Sprintf("%q: %v", endpoint, err))
	}
	req.Header.Set("Content-Type", mediaType)
	return req
}

// send posts a sealed message, in the name of the party as.
func (t *test) send(as, endpoint string, m message) *conformance.Response {
	return t.Do(as, t.posting(endpoint, joseType, t.sealed(m)))
}

// sendPlain posts the payload of a message as it is.
func (t *test) sendPlain(as, endpoint string, m message) *conformance.Response {
	text, err := m.plain()
	if err != nil {
		t.Broken("a payload cannot be written: %v", err)
	}
	return t.Do(as, t.posting(endpoint, jsonType, text))
}

// opened is a message that came from the target.
type opened struct {
	// compact is the body as it came; header is empty where it came plain.
	compact string
	header  map[string]any
	payload members
	// key is the one that it opened under.
	key jose.Key
	// plain says that it came as JSON and not sealed.
	plain bool
}

// openMessage opens a body under the first of the keys that has its kid and opens it, or reads it as JSON where it is that.
// The error says in words what the body is instead.
func openMessage(contentType string, body []byte, keys ...jose.Key) (opened, error) {
	o := opened{compact: string(body)}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		o.plain = true
		return o, o.read(body)
	}
	if kind := mediaType(contentType); kind != joseType {
		return o, fmt.Errorf("a body of type %q", kind)
	}
	header, err := jose.Header(o.compact)
	if err != nil {
		return o, fmt.Errorf("no JWE in compact serialization: %w", err)
	}
	o.header = header
	var failed error
	for _, key := range keys {
		if key.ID != header["kid"] {
			continue
		}
		_, text, err := jose.Open(o.compact, key.Secret)
		if err == nil {
			o.key = key
			return o, o.read(text)
		}
		failed = err
	}
	if failed != nil {
		return o, fmt.Errorf("a message that does not open under the key that its kid %v names: %w", header["kid"], failed)
	}
	return o, fmt.Errorf("a message with the kid %v, which names none of the keys that were given out", header["kid"])
}

// mediaType is a Content-Type without parameters; empty where it cannot be read.
func mediaType(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return kind
}

func (o *opened) read(text []byte) error {
	payload, err := judge.ReadMembers(text)
	if err != nil {
		return fmt.Errorf("a payload that is %w", err)
	}
	o.payload = members(payload)
	return nil
}

// vector is the initialization vector of a compact message, as it stands there.
func vector(compact string) string {
	parts := strings.Split(compact, ".")
	if len(parts) != 5 {
		return ""
	}
	return parts[2]
}

// wrong says what is wrong with a message of that name that came on the line; empty when it is all that section 2.1 of the profile wants.
// inReplyTo is the jti of the request that it answers; empty for a request.
func (o opened) wrong(on line, name, inReplyTo string, now time.Time) string {
	if o.plain {
		return "it is not sealed"
	}
	for _, m := range []struct {
		name string
		want any
	}{{"alg", "dir"}, {"enc", "A256GCM"}, {"kid", on.key.ID}, {"typ", name + "+jwt"}, {"zip", nil}, {"crit", nil}} {
		if got := o.header[m.name]; got != m.want {
			return fmt.Sprintf("%s of its header is %v, not %v", m.name, shown(got), shown(m.want))
		}
	}
	if iv, err := jose.Decode(vector(o.compact)); err != nil || len(iv) != 12 {
		return "its initialization vector does not have 96 bits"
	}
	for _, m := range [][2]string{{"iss", on.from}, {"aud", on.to}} {
		if got := o.payload[m[0]]; got != m[1] {
			return fmt.Sprintf("%s is %v, not %q", m[0], shown(got), m[1])
		}
	}
	if o.payload.text("jti") == "" {
		return "it has no jti"
	}
	if inReplyTo != "" && o.payload["in_reply_to"] != inReplyTo {
		return fmt.Sprintf("in_reply_to is %v, not the jti of the request", shown(o.payload["in_reply_to"]))
	}
	issued, ok := o.payload.whole("iat")
	if away := now.Sub(time.Unix(issued, 0)).Abs(); !ok || away > messageWindow {
		return fmt.Sprintf("iat is %v, not the time in whole seconds", shown(o.payload["iat"]))
	}
	return ""
}

// shown writes a member down; absent for one that is not there.
func shown(v any) string { return judge.Shown(v) }

// opens opens an answer, which has to have status 200, under the key of its request. That it is right in every part, sealed even, is the matter of the checks that ask for it.
func (t *test) opens(resp *conformance.Response, request message, what string) opened {
	t.Accepted(resp, what)
	o, err := openMessage(resp.Header.Get("Content-Type"), resp.Body, request.key)
	if err != nil {
		t.FailAt(resp.Exchange, "an answer that is sealed under the key of its request, for "+what, err.Error())
	}
	return o
}

// member reads a string that an answer has to have.
func (t *test) member(resp *conformance.Response, o opened, name, what string) string {
	s := o.payload.text(name)
	if s == "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s with the string %s", what, name), fmt.Sprintf("%s is %s", name, shown(o.payload[name])))
	}
	return s
}

// mint is a random stream for parties that answer while the check goes on: what they draw must not change what the check draws.
type mint struct {
	mu    sync.Mutex
	seed  []byte
	drawn uint64
}

func (t *test) newMint() *mint { return &mint{seed: []byte(t.Random(32))} }

// Read implements io.Reader.
func (m *mint) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for filled := 0; filled < len(p); m.drawn++ {
		mac := hmac.New(sha256.New, m.seed)
		fmt.Fprintf(mac, "%d", m.drawn)
		filled += copy(p[filled:], mac.Sum(nil))
	}
	return len(p), nil
}

// value is a new one of 24 characters.
func (m *mint) value() string {
	b := make([]byte, 18)
	_, _ = m.Read(b) // which always fills it
	return jose.Encode(b)
}
