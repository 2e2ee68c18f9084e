package offline

import (
	"errors"
	"net/http"
	"time"

	"countersign/actors/nearfield"
	"countersign/actors/outbound"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// What the device itself says in refusals and decisions (profile section 4.5).
const (
	errInvalidRequest    = "invalid_request"
	errAccessDenied      = "access_denied"
	errServerRefused     = "server_refused"
	errServerUnreachable = "server_unreachable"
	errNotVerified       = "not_verified"
	errResultRejected    = "result_rejected"
	errAlreadyApproved   = "already_approved"
	errNoResult          = "no_result"
)

const (
	maxTries     = 4 // of one message (profile section 4.5)
	oneTry       = 5 * time.Second
	oneQuestion  = 4 * time.Second // a try to read the metadata, so that three leave the message one try within allTries
	betweenTries = 500 * time.Millisecond
	allTries     = 20 * time.Second
	documentKept = 10 * time.Minute
	approvalKept = 24 * time.Hour
)

// apply sends the application to the server; what the server answers becomes message 1.
func (d *VerificationDevice) apply(key string, opened time.Time) {
	s, there := d.session(key, opened)
	if !there {
		return
	}
	message := d.joined(s.Application)
	a, err := ParseApplication(message, reading(d.Env))
	if err != nil {
		d.refuse(key, opened, Refusal{Error: errInvalidRequest})
		return
	}
	// flows, relay to a distant device
	if a.Device != d.Device && d.Guards.On("OF-VD-28") {
		d.refuse(key, opened, Refusal{Error: errAccessDenied, Serial: a.Serial})
		return
	}
	if message, err = d.asSent(message, a); err != nil {
		return
	}
	begun := d.Clock.Now()
	document, err := d.serverMetadata(begun.Add(allTries - oneTry))
	var answer outbound.Reply
	if err == nil {
		answer, err = d.relay(relayed{
			key: key, opened: opened, message: nearfield.Application, body: message, contentType: applicationType,
			target: document.ApplicationEndpoint, authorization: outbound.Basic(d.Device, d.Secret), tries: d.tries(), begun: begun,
		})
	}
	switch {
	case err != nil:
		d.refuse(key, opened, Refusal{Error: errServerUnreachable, Serial: a.Serial})
	case answer.Status != http.StatusOK && answer.Code() != "" && len(answer.Code()) <= 64:
		d.refuse(key, opened, Refusal{Error: answer.Code(), Serial: a.Serial})
	case answer.Status != http.StatusOK || len(answer.Body) == 0 || len(answer.Body) > MaxMessage:
		d.refuse(key, opened, Refusal{Error: errServerRefused, Serial: a.Serial})
	default:
		d.inform(key, opened, answer.Body, document.VerificationEndpoint)
	}
}

// asSent is the application as it goes to the server: byte for byte as it came.
func (d *VerificationDevice) asSent(message []byte, a Application) ([]byte, error) {
	as := a
	as.Device = d.Device // only where another device's application is not refused
	// abstract: sends the application information to the service server
	if !d.Guards.On("OF-VD-02") {
		as.Amount = (a.Amount/100 + 1) * 100
	}
	if as.Device == a.Device && as.Amount == a.Amount {
		return message, nil
	}
	return as.Fields().Encode()
}

// inform makes the server's answer message 1, byte for byte. The countersign goes where the metadata said then, whatever they say later.
func (d *VerificationDevice) inform(key string, opened time.Time, information []byte, verification string) {
	// abstract: sends the information to be signed to the client
	if !d.Guards.On("OF-VD-03") {
		information = payload(information)
	}
	d.become(key, opened, func(_ store.Tx, s *session) error {
		if s.Information == nil {
			s.Information, s.Verification = information, verification
		}
		return nil
	})
}

// payload is what is in an envelope; what is no envelope stays as it is.
func payload(message []byte) []byte {
	e, err := ParseEnvelope(message, Core())
	if err != nil {
		return message
	}
	return e.Payload
}

// refuse makes a refusal message 1.
func (d *VerificationDevice) refuse(key string, opened time.Time, r Refusal) {
	message, err := r.Fields().Encode()
	if err != nil {
		return
	}
	// abstract: information comes from the service server
	if !d.Guards.On("OF-VD-09") {
		_ = d.Store.Update(func(tx store.Tx) error { return tx.Delete(sessions, key) }) // a store that fails is silent too
		return
	}
	d.become(key, opened, func(_ store.Tx, s *session) error {
		if s.Information == nil {
			s.Information, s.Refused = message, true
		}
		return nil
	})
}

// become writes what the work for a session brought. Where the store fails the handset waits in vain, and gives up.
func (d *VerificationDevice) become(key string, opened time.Time, change func(store.Tx, *session) error) {
	_ = d.update(key, opened, change)
}

// session is the session that was opened at that time, if it is still there.
func (d *VerificationDevice) session(key string, opened time.Time) (session, bool) {
	s, there, err := store.Load[session](d.Store, sessions, key)
	return s, err == nil && there && s.Opened.Equal(opened)
}

// verify sends the countersign to the server; what the server answers is decided upon, and the decision becomes message 3.
func (d *VerificationDevice) verify(key string, opened time.Time) {
	s, there := d.session(key, opened)
	if !there {
		return
	}
	message, authorization, tries := d.joined(s.Countersign), outbound.Basic(d.Device, d.Secret), d.tries()
	// abstract: sends the countersign information to the server
	if !d.Guards.On("OF-VD-04") {
		message = payload(message)
	}
	// RFC 6749 section 2.3.1. It is sent at level core too.
	if !d.Guards.On("OF-VD-24") && d.Guards.Hardened() {
		authorization = ""
	}
	// flows, faults
	if !d.Guards.On("OF-VD-26") {
		tries = 1
	}
	answer, err := d.relay(relayed{
		key: key, opened: opened, message: nearfield.Countersign, body: message, contentType: envelopeType,
		target: s.Verification, authorization: authorization, tries: tries, begun: d.Clock.Now(),
	})
	d.settle(key, opened, d.decide(s, answer, err))
}

// tries is how often one message is sent to the server at most.
func (d *VerificationDevice) tries() int {
	// flows, bounded retry; at level core the bound holds too, since nothing asks for more
	if !d.Guards.On("OF-VD-27") && d.Guards.Hardened() {
		return 40
	}
	return maxTries
}

// relayed is a message on its way to the server.
type relayed struct {
	key           string
	opened        time.Time
	message       byte
	target        string // an endpoint of the server
	contentType   string
	authorization string
	body          []byte
	tries         int
	begun         time.Time // from then on the time of all tries counts
}

// errGivenUp says that no try had an answer.
var errGivenUp = errors.New("the server gave no answer")

// relay sends a message to the server, again when there is no answer or a 5xx. A 4xx is final. The last answer stands; the error says that there was none.
func (d *VerificationDevice) relay(r relayed) (answer outbound.Reply, err error) {
	// RFC 9700 section 2.6: the device's secret goes over TLS, or stays on loopback
	if d.Guards.Forbids("OF-VD-32", !wire.Private(r.target) || !wire.Private(d.Issuer)) {
		return outbound.Reply{}, overheard(r.target)
	}
	err = errGivenUp
	for try := 0; d.mayTry(r); try++ {
		if try > 0 {
			d.Clock.Sleep(betweenTries)
		}
		answer, err = outbound.Call{Method: http.MethodPost, URL: r.target, ContentType: r.contentType, Authorization: r.authorization, Body: r.body}.Do(d.Env, oneTry)
		if err == nil && answer.Status < http.StatusInternalServerError {
			return answer, nil
		}
		if r.tries <= maxTries && d.Clock.Now().Sub(r.begun)+betweenTries+oneTry > allTries {
			break
		}
	}
	return answer, err
}

// mayTry counts a try, unless all of them have been used up.
func (d *VerificationDevice) mayTry(r relayed) (may bool) {
	d.become(r.key, r.opened, func(_ store.Tx, s *session) error {
		if may = s.Tried[r.message] < r.tries; may {
			if s.Tried == nil {
				s.Tried = map[byte]int{}
			}
			s.Tried[r.message]++
		}
		return nil
	})
	return may
}

// keptDocument is the server's document as the device keeps it.
type keptDocument struct {
	At       time.Time
	Document Metadata
}

// serverMetadata is the server's document, read anew after ten minutes. All tries end by that time.
func (d *VerificationDevice) serverMetadata(by time.Time) (Metadata, error) {
	kept, found, err := store.Load[keptDocument](d.Store, serverMetadata, d.Issuer)
	if err != nil || found && d.Clock.Now().Sub(kept.At) < documentKept {
		return kept.Document, err
	}
	document, err := d.discovered(by)
	if err != nil {
		return Metadata{}, err
	}
	// RFC 8414 section 3.3
	if d.Guards.Forbids("OF-VD-25", document.Issuer != d.Issuer) {
		return Metadata{}, strangeIssuer(d.Issuer, document.Issuer)
	}
	fresh := keptDocument{d.Clock.Now(), document}
	return document, d.Store.Update(func(tx store.Tx) error { return tx.Put(serverMetadata, d.Issuer, fresh) })
}

// discovered asks for the server's document as messages are sent: again where there is no answer or a 5xx.
func (d *VerificationDevice) discovered(by time.Time) (document Metadata, err error) {
	for try := 1; ; try++ {
		document, err = discover(d.Env, d.Issuer, oneQuestion)
		last := try == maxTries || d.Clock.Now().Add(betweenTries+oneQuestion).After(by)
		// flows, faults
		if !lost(err) || last || !d.Guards.On("OF-VD-33") {
			return document, err
		}
		d.Clock.Sleep(betweenTries)
	}
}
