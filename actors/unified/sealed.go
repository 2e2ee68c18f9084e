package unified

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"countersign/actors"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// The sealed messages that begin an exchange (profile section 2.1).
const (
	passTokenRequest      = "pass-token-request"
	authenticationRequest = "authentication-request"
	statusRequest         = "status-request"
	batchLogoutRequest    = "batch-logout-request"
)

// batchLogoutResponse is the one answer that comes from a third-party platform.
const batchLogoutResponse = "batch-logout-response"

// answerTo names the message that answers a request.
func answerTo(request string) string { return strings.TrimSuffix(request, "-request") + "-response" }

const (
	joseType = "application/jose"
	// messageWindow is how far the time of a message may be away, before or after.
	messageWindow = 300 * time.Second
	// patience is how long an answer is waited for.
	patience = 10 * time.Second
)

// line is a communication key with the two who speak under it.
type line struct {
	key  token.Key
	self string // how this side is named: the issuer, or the client_id at that platform
	peer string // how the other side is named
}

// message is a request that was opened and judged.
type message struct {
	line
	members
	id    string // its jti
	plain bool   // it came unsealed
}

// outbox seals what a role sends.
type outbox struct {
	actors.Env
	newVectors   bool // a new initialization vector for every message
	sealAnswers  bool // answers are sealed, not plain JSON
	nameRequests bool // answers carry in_reply_to
}

// payload writes a message out. inReplyTo is empty in a request.
func (o outbox) payload(l line, inReplyTo string, own map[string]any) (payload []byte, id string, err error) {
	// The jti is new also for a message that is sent again.
	id, err = secret.Unguessable(o.Entropy("message IDs"))
	if err != nil {
		return nil, "", err
	}
	all := map[string]any{"iss": l.self, "aud": l.peer, "iat": o.Clock.Now().Unix(), "jti": id}
	if inReplyTo != "" {
		all["in_reply_to"] = inReplyTo
	}
	maps.Copy(all, own)
	payload, err = json.Marshal(all)
	return payload, id, err
}

func (o outbox) seal(l line, name string, payload []byte) (string, error) {
	random := o.Entropy("initialization vectors")
	if !o.newVectors {
		random = zeros{}
	}
	return token.Seal(random, l.key, map[string]any{"typ": name + "+jwt"}, payload)
}

// zeros is the source of one initialization vector for all messages.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// answer gives the answer to a request that succeeded: sealed under the key of the request, plain to a plain one.
func (o outbox) answer(to message, name string, own map[string]any) (wire.Answer, error) {
	inReplyTo := to.id
	if !o.nameRequests {
		inReplyTo = ""
	}
	payload, _, err := o.payload(to.line, inReplyTo, own)
	if err != nil {
		return wire.Answer{}, err
	}
	if to.plain || !o.sealAnswers {
		return wire.Answer{Status: http.StatusOK, ContentType: wire.JSONType, Body: string(payload)}, nil
	}
	sealed, err := o.seal(to.line, name, payload)
	return wire.Answer{Status: http.StatusOK, ContentType: joseType, Body: sealed}, err
}

// reply is what came back to a request. The members are there only when it may be used.
type reply struct {
	status int // 0 when nothing came back
	header http.Header
	members
}

// replyJudge is what a role refuses in answers beyond what cannot be read.
type replyJudge struct {
	refusePlain    bool // not sealed under the key of the request
	compareRequest bool // in_reply_to is the jti of the request
}

// errReply is an answer that may not be used.
var errReply = errors.New("the answer may not be used")

// ask sends one request on a line and judges the answer. An error means that there is no answer to use; the reply then
// has at most status and header.
func (o outbox) ask(l line, url, name string, own map[string]any, judge replyJudge) (reply, error) {
	payload, id, err := o.payload(l, "", own)
	if err != nil {
		return reply{}, err
	}
	sealed, err := o.seal(l, name, payload)
	if err != nil {
		return reply{}, err
	}
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(sealed))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", joseType)
	response, err := bounded(o.HTTP).Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	back := reply{status: response.StatusCode, header: response.Header}
	body, err := wire.ReadBody(response.Body, wire.MaxBody)
	if err != nil {
		return back, err
	}
	if back.status != http.StatusOK {
		return back, fmt.Errorf("%w: %s was answered with status %d", errReply, name, back.status)
	}
	m, err := o.openReply(l, response.Header, body, answerTo(name), judge.refusePlain)
	if err != nil {
		return back, fmt.Errorf("%w: %w", errReply, err)
	}
	// RFC 8725 section 3.12: an old answer, or another's, is none to this request
	if inReplyTo, _ := m.Optional("in_reply_to"); judge.compareRequest && inReplyTo != id {
		return back, fmt.Errorf("%w: it belongs to another request", errReply)
	}
	back.members = m
	return back, nil
}

// bounded is the client held to patience; one without a limit of its own has its world's.
func bounded(client *http.Client) *http.Client {
	held := *client
	if held.Timeout > patience {
		held.Timeout = patience
	}
	return &held
}

// openReply opens an answer and judges typ, iss, aud and iat.
func (o outbox) openReply(l line, header http.Header, body []byte, name string, refusePlain bool) (members, error) {
	plain := isPlain(body)
	payload, typ := body, any(name+"+jwt")
	switch {
	case plain && refusePlain:
		return nil, errors.New("it is not sealed")
	case !plain:
		if kind := wire.MediaType(header); kind != joseType {
			return nil, fmt.Errorf("its type is %q", kind)
		}
		sealed, err := token.ParseSealed(string(body))
		if err != nil {
			return nil, err
		}
		if sealed.KeyID() != l.key.ID {
			return nil, errors.New("it is sealed under another key than the request")
		}
		typ = sealed.Header["typ"]
		if payload, err = sealed.Open(l.key.Secret); err != nil {
			return nil, err
		}
	}
	e, err := readEnvelope(payload)
	if err != nil {
		return nil, err
	}
	if o.Guards.Hardened() && (typ != name+"+jwt" || e.issuer != l.peer || e.audience != l.self || !e.fresh(o.Clock.Now())) {
		return nil, errors.New("typ, iss, aud or iat is wrong")
	}
	return e.members, nil
}

// isPlain reports whether a body is JSON rather than a sealed message, which no brace begins.
func isPlain(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// envelope is a payload with the members that all messages have.
type envelope struct {
	members
	issuer, audience, id string
	issued               int64
}

func readEnvelope(payload []byte) (e envelope, err error) {
	if e.members, err = wire.StrictObject(payload); err != nil {
		return e, err
	}
	if e.issuer, err = e.Word("iss"); err != nil {
		return e, err
	}
	if e.audience, err = e.Word("aud"); err != nil {
		return e, err
	}
	if e.id, err = e.Word("jti"); err != nil {
		return e, err
	}
	e.issued, err = e.Whole("iat")
	return e, err
}

func (e envelope) fresh(now time.Time) bool {
	window := int64(messageWindow / time.Second)
	return e.issued >= now.Unix()-window && e.issued <= now.Unix()+window
}

// inbox opens and judges the requests that come to a role.
type inbox struct {
	actors.Env
	used string // the bucket of the jti that have come
	// lines are those to try for a key ID: all whose key has it and is not retired.
	lines func(kid string) ([]line, error)
	// from are the lines of a sender, for messages that come plain; the first one counts.
	from func(issuer string) ([]line, error)

	refusePlain         bool
	refuseAlgorithms    bool // other than dir and A256GCM, and zip and crit
	refuseOtherTypes    bool
	refuseOtherIssuer   bool
	refuseOtherAudience bool
	refuseStale         bool
	refuseReplays       bool
}

// open opens a request and judges everything but the members that are the message's own.
func (b inbox) open(r *http.Request, name string) (message, error) {
	body, err := wire.ReadBody(r.Body, wire.MaxBody)
	if err != nil {
		return message{}, err
	}
	var m message
	var e envelope
	if isPlain(body) && !b.refusePlain {
		m, e, err = b.openPlain(body)
	} else {
		m, e, err = b.openSealed(r.Header, body, name)
	}
	if err != nil {
		return message{}, err
	}
	m.members, m.id = e.members, e.id
	switch {
	case b.refuseOtherIssuer && e.issuer != m.peer:
		return message{}, wire.InvalidRequest("iss is not whom the communication key belongs to")
	case b.refuseOtherAudience && e.audience != m.self:
		return message{}, wire.InvalidRequest("aud is not the receiver of this message")
	case b.refuseStale && !e.fresh(b.Clock.Now()):
		return message{}, refusal(http.StatusBadRequest, "message_stale", "iat is more than 300 seconds away; set the clock and send a new message")
	}
	return m, b.use(m)
}

// openPlain takes the payload itself for a message, and its sender from iss.
func (b inbox) openPlain(body []byte) (message, envelope, error) {
	e, err := readEnvelope(body)
	if err != nil {
		return message{}, e, err
	}
	lines, err := b.from(e.issuer)
	if err != nil {
		return message{}, e, err
	}
	if len(lines) == 0 {
		return message{}, e, errKey
	}
	return message{line: lines[0], plain: true}, e, nil
}

// errKey refuses a message under a key that is unknown, retired, or not the one that its kid names.
var errKey = refusal(http.StatusBadRequest, "invalid_client", "the message does not open under a communication key that its kid names and that is in use")

func (b inbox) openSealed(header http.Header, body []byte, name string) (m message, e envelope, err error) {
	if kind := wire.MediaType(header); kind != joseType {
		return m, e, wire.InvalidRequest("the body is no sealed message; send one as " + joseType)
	}
	sealed, err := token.ParseSealed(string(body))
	if err != nil {
		return m, e, wire.InvalidRequest("the body is no sealed message in compact serialization (RFC 7516)")
	}
	if b.refuseAlgorithms && !isDirect(sealed, body) {
		return m, e, wire.InvalidRequest("a sealed message has alg dir, enc A256GCM, no encrypted key, no zip and no crit")
	}
	lines, err := b.lines(sealed.KeyID())
	if err != nil {
		return m, e, err
	}
	for _, l := range lines {
		payload, failed := b.unseal(sealed, body, l.key)
		if failed != nil {
			continue
		}
		if b.refuseOtherTypes && sealed.Header["typ"] != name+"+jwt" {
			return m, e, wire.InvalidRequest("typ is not that of a " + name)
		}
		e, err = readEnvelope(payload)
		return message{line: l}, e, err
	}
	return m, e, errKey
}

// isDirect reports whether a message is sealed in the one way that there is.
func isDirect(sealed token.Sealed, compact []byte) bool {
	_, zip := sealed.Header["zip"]
	_, crit := sealed.Header["crit"]
	parts := bytes.Split(compact, []byte("."))
	return sealed.Header["alg"] == "dir" && sealed.Header["enc"] == "A256GCM" && !zip && !crit && len(parts) == 5 && len(parts[1]) == 0
}

// unseal opens a message under a key; where other algorithms are not refused, also one under a content key that is wrapped
// with A128KW (RFC 7518 section 4.4) and the first half of the communication key.
func (b inbox) unseal(sealed token.Sealed, compact []byte, key token.Key) ([]byte, error) {
	if b.refuseAlgorithms || sealed.Header["alg"] != "A128KW" {
		return sealed.Open(key.Secret)
	}
	wrapped, err := jose.ParseEncryptedCompact(string(compact), []jose.KeyAlgorithm{jose.A128KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, err
	}
	return wrapped.Decrypt(key.Secret[:len(key.Secret)/2])
}

// use takes the jti of a message that was opened and is fresh, once for each sender (RFC 7519 section 4.1.7).
func (b inbox) use(m message) error {
	if !b.refuseReplays {
		return nil
	}
	now := b.Clock.Now()
	return b.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, b.used, now, messageWindow); err != nil {
			return err
		}
		key := secret.Digest(m.peer + "\n" + m.id)
		var before store.Mortal
		seen, err := tx.Get(b.used, key, &before)
		if err != nil {
			return err
		}
		if seen {
			return refusal(http.StatusBadRequest, "message_replayed", "a message with this jti has come before; send a new message")
		}
		// A message from the clock's future is fresh for two windows.
		return tx.Put(b.used, key, store.Mortal{Forget: now.Add(2*messageWindow + time.Second)})
	})
}
