package offline

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"

	"countersign/conformance"
)

// nearDevice is a device that the harness plays, before a handset under test. It answers frames at once, asks the harness server without a request, and records what it hears.
// It takes frames of any length: whether they are too long is for a check to say.
type nearDevice struct {
	t      *test
	server *server
	DeviceSetup

	mu     sync.Mutex
	manner manner
	talks  []*talk
	heard  []heard
}

// manner is what a device does otherwise than an honest one. Its functions are called one at a time.
type manner struct {
	// inform gives message 1, made of the information that the server gave.
	inform func(information fields) []byte
	// decide gives message 3, made of the information and the result that the server gave.
	decide func(information, result fields) []byte
	// answer changes what goes back for a frame; before is how often the same frame came before.
	answer func(asked frame, before int, honest nearAnswer) nearAnswer
}

// nearAnswer is what goes back for a frame: no answer where frame is nil.
type nearAnswer struct {
	frame []byte
	// status is any other than 200 and 204; 0 for none.
	status int
	// lost breaks the connection.
	lost bool
}

// silent is no answer.
func silent() nearAnswer { return nearAnswer{} }

// talk is a session with a handset.
type talk struct {
	session  [4]byte
	messages map[byte]*fragments // 0 and 2, as far as they came
	replies  map[byte][]byte     // 1 and 3, once they are there
	// information is what the server made, nil until it is there.
	information fields
}

// heard is a frame that came.
type heard struct {
	bytes    []byte
	frame    frame
	picture  bool
	problem  string // what is wrong with it; empty when nothing is
	exchange int
}

func newNearDevice(t *test, s *server, party string, as DeviceSetup) *nearDevice {
	d := &nearDevice{t: t, server: s, DeviceSetup: as}
	t.Play(party, d)
	return d
}

// be sets the manner.
func (d *nearDevice) be(m manner) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manner = m
}

// mark is the number of frames heard: what comes later is since it.
func (d *nearDevice) mark() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.heard)
}

// since are the frames after a mark.
func (d *nearDevice) since(mark int) []heard {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard[mark:])
}

// fragmentsOf are the DATA frames of a message after a mark.
func (d *nearDevice) fragmentsOf(message byte, mark int) []heard {
	return slices.DeleteFunc(d.since(mark), func(h heard) bool { return h.problem != "" || h.frame.kind != frameData || h.frame.message != message })
}

// latest is the session that was opened last; nil for none.
func (d *nearDevice) latest() *talk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.talks) == 0 {
		return nil
	}
	return d.talks[len(d.talks)-1]
}

// message gives message 0 or 2 of a session, nil until all of it is there.
func (d *nearDevice) message(of *talk, message byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := of.messages[message]; m != nil {
		return m.joined()
	}
	return nil
}

// informationOf is what the harness server made for a session, nil before.
func (d *nearDevice) informationOf(of *talk) fields {
	d.mu.Lock()
	defer d.mu.Unlock()
	return of.information
}

// ServeHTTP is the near-field endpoint over loopback: sections 4.3 and 4.4.
func (d *nearDevice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // empty where it cannot be read
	switch {
	case r.URL.Path != "/near-field":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case kind != frameType && kind != pictureType:
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	body, _ := io.ReadAll(r.Body) // the session has read it whole
	a := d.hear(body, kind == pictureType, conformance.ExchangeOf(r))
	switch {
	case a.lost:
		panic(http.ErrAbortHandler)
	case a.status != 0:
		w.WriteHeader(a.status)
	case a.frame == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", kind)
		back := a.frame
		if kind == pictureType {
			back = picture(back)
		}
		_, _ = w.Write(back) // the handset has gone when it cannot be written
	}
}

const (
	frameType   = "application/octet-stream"
	pictureType = "image/png"
)

// hear takes what came for a frame.
func (d *nearDevice) hear(body []byte, isPicture bool, exchange int) nearAnswer {
	h := heard{bytes: body, picture: isPicture, exchange: exchange}
	var err error
	if isPicture {
		h.bytes, err = readPicture(body)
	}
	if err == nil {
		h.frame, err = readFrame(h.bytes)
	}
	if err != nil {
		h.problem = err.Error()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := 0
	for _, other := range d.heard {
		if slices.Equal(other.bytes, h.bytes) {
			before++
		}
	}
	d.heard = append(d.heard, h)
	a := silent()
	if h.problem == "" {
		a = d.honest(h.frame)
		if d.manner.answer != nil {
			a = d.manner.answer(h.frame, before, a)
		}
	}
	return a
}

// honest is section 4.2.
func (d *nearDevice) honest(f frame) nearAnswer {
	i := slices.IndexFunc(d.talks, func(t *talk) bool { return t.session == f.session })
	if i < 0 {
		if f.kind != frameData || f.message != linkApplication {
			return silent()
		}
		i = len(d.talks)
		d.talks = append(d.talks, &talk{session: f.session, messages: map[byte]*fragments{linkApplication: {}, linkCountersign: {}}, replies: map[byte][]byte{}})
	}
	t := d.talks[i]
	switch {
	case f.kind == frameData && (f.message == linkApplication || f.message == linkCountersign && t.information != nil):
		m := t.messages[f.message]
		if m.count != 0 && m.count != f.count {
			return silent()
		}
		if m.take(f) {
			d.work(t, f.message)
		}
		return nearAnswer{frame: frame{kind: frameAck, session: f.session, message: f.message, index: f.index}.bytes()}
	case f.kind == framePoll && (f.message == linkInformation || f.message == linkDecision):
		return d.tell(t, f)
	}
	return silent()
}

// tell gives a fragment of message 1 or 3, or WAIT until it is there.
func (d *nearDevice) tell(t *talk, f frame) nearAnswer {
	content := t.replies[f.message]
	if content == nil {
		return nearAnswer{frame: frame{kind: frameWait, session: f.session, message: f.message, index: f.index}.bytes()}
	}
	parts := cut(f.session, f.message, content, frameSize)
	if int(f.index) >= len(parts) {
		return silent()
	}
	return nearAnswer{frame: parts[f.index].bytes()}
}

// work makes the reply to a message that is complete.
func (d *nearDevice) work(t *talk, message byte) {
	said := t.messages[message].joined()
	if message == linkApplication {
		asked, err := peekMessage(said)
		if err != nil {
			t.replies[linkInformation] = newRefusal("invalid_request", nil).encode()
			return
		}
		t.information = d.server.inform(asked)
		t.replies[linkInformation] = d.server.sign(domainInformation, t.information)
		if d.manner.inform != nil {
			t.replies[linkInformation] = d.manner.inform(t.information)
		}
		return
	}
	reply := newDecision(t.information.bytes(keySerial), false, nil, "no_result")
	e, err := openEnvelope(said)
	if err == nil {
		if says, err := peekMessage(e.payload); err == nil {
			if result, known := d.server.judge(e, says); known {
				reply = d.decision(result)
				if d.manner.decide != nil {
					t.replies[linkDecision] = d.manner.decide(t.information, result)
					return
				}
			}
		}
	}
	t.replies[linkDecision] = reply.encode()
}

// decision is that of an honest device for a result: section 4.5.
func (d *nearDevice) decision(result fields) fields {
	signed := d.server.sign(domainResult, result)
	if result.truth(keyVerified) {
		return newDecision(result.bytes(keySerial), true, signed, "")
	}
	return newDecision(result.bytes(keySerial), false, signed, "not_verified")
}
