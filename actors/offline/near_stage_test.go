package offline_test

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
)

const (
	tillURL    = "https://till.example"
	gateURL    = "https://gate.example"
	handsetURL = "http://localhost:8834"
)

// shop is the whole cast on a stage: a server, two devices, and the handset of alice before them.
type shop struct {
	*stage
	server     *offline.ServiceServer
	till, gate *offline.VerificationDevice
	handset    *offline.Handset
	visits     byte
}

// newShop lifts guards at device and handset; the server is hardened, unless the level is core.
func newShop(guards guard.Set) *shop {
	s := newStage()
	link, _ := nearfield.Find("acoustic")
	pinned := offline.PinnedKeys{"server-1": signer("server-1").Public()}
	p := &shop{stage: s, server: newServer(s, guard.Set{Level: guards.Level})}
	p.till = &offline.VerificationDevice{
		Env: s.env("till", guards), BaseURL: tillURL, Device: "till-1", Secret: "secret-of-till-1", Issuer: issuer, ServerKeys: pinned, Link: link,
	}
	p.gate = &offline.VerificationDevice{
		Env: s.env("gate", guards), BaseURL: gateURL, Device: "till-2", Secret: "secret-of-till-2", Issuer: issuer, ServerKeys: pinned, Link: link,
	}
	p.handset = &offline.Handset{
		Env: s.env("handset", guards), BaseURL: handsetURL, ID: "handset-1", Key: signer("handset-1").Key, Account: "alice", Issuer: issuer, ServerKeys: pinned,
		PasswordCost: 16, Near: []offline.NearDevice{{Device: "till-1", NearField: tillURL + "/near-field", FrameSize: 64, Link: "acoustic"}},
	}
	p.open()
	return p
}

// open starts device and handset; again, after a crash that left nothing but their stores.
func (p *shop) open() {
	p.hosts["till.example"], p.hosts["gate.example"] = p.till.Handler(), p.gate.Handler()
	p.hosts["localhost:8834"] = p.handset.Handler()
}

// wish is a coffee at the till.
func (p *shop) wish() offline.Wish {
	return offline.Wish{NearDevice: p.handset.Near[0], Service: "coffee", Amount: 350, Currency: "EUR"}
}

// large is one that needs the password.
func (p *shop) large() offline.Wish {
	w := p.wish()
	w.Amount = 5000
	return w
}

func token(b offline.Began) string {
	return b.ConfirmationURI[strings.LastIndex(b.ConfirmationURI, "/")+1:]
}

func (p *shop) setsPassword() {
	Expect(p.handset.SetPassword("alice-account-password", password1)).To(Succeed())
}

// buys is a user who wishes, and approves what is shown.
func (p *shop) buys(w offline.Wish, password string) (offline.Outcome, error) {
	began, err := p.handset.Start(w)
	if err != nil {
		return "", err
	}
	return p.handset.Confirm(token(began), offline.Approve, password)
}

// frames are the frames that went to the devices, in order.
func (p *shop) frames() (all []nearfield.Frame) {
	for _, r := range p.to("/near-field") {
		f, err := nearfield.Parse(r.body)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, f)
	}
	return all
}

// spoken are the messages of that number that handsets sent to the devices, in the order in which they began.
func (p *shop) spoken(message byte) (all [][]byte) {
	var order []nearfield.Session
	parts := map[nearfield.Session]*nearfield.Assembly{}
	for _, f := range p.frames() {
		if f.Type != nearfield.Data || f.Message != message {
			continue
		}
		if parts[f.Session] == nil {
			order, parts[f.Session] = append(order, f.Session), &nearfield.Assembly{}
		}
		if parts[f.Session].Fragment(f.Index) == nil {
			parts[f.Session].Add(f)
		}
	}
	for _, s := range order {
		all = append(all, parts[s].Join())
	}
	return all
}

// answering lets a function stand in for the server at an endpoint.
func (p *shop) answering(end string, answer func(sent) *http.Response) {
	p.tap = func(r sent) *http.Response {
		if !strings.HasSuffix(r.url, end) {
			return nil
		}
		return answer(r)
	}
}

// says is an answer with a body.
func says(status int, body []byte) *http.Response {
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(status)
	_, _ = recorder.Write(body)
	return recorder.Result()
}

// visitor is a handset played by hand before a device.
type visitor struct {
	*shop
	device  *offline.VerificationDevice
	session nearfield.Session
}

func (p *shop) visitor() *visitor {
	p.visits++
	return &visitor{p, p.till, nearfield.Session{'v', p.visits}}
}

// application is a coffee of handset-1 at till-1, under a serial of this visitor's.
func (v *visitor) application() offline.Application {
	serial := sha256.Sum256(v.session[:])
	return offline.Application{Serial: serial[:16], Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"}
}

// hands gives the device bytes over the link; nil when it does not answer.
func (v *visitor) hands(frame []byte) *nearfield.Frame {
	answer, err := v.device.Receive(frame)
	Expect(err).NotTo(HaveOccurred())
	if answer == nil {
		return nil
	}
	Expect(nearfield.Intact(answer)).To(BeTrue())
	f, err := nearfield.Parse(answer)
	Expect(err).NotTo(HaveOccurred())
	return &f
}

func (v *visitor) says(f nearfield.Frame) *nearfield.Frame {
	f.Session = v.session
	return v.hands(f.Bytes())
}

// cut are the frames of a message.
func (v *visitor) cut(message byte, content []byte) []nearfield.Frame {
	frames, err := nearfield.Cut(v.session, message, content, 64)
	Expect(err).NotTo(HaveOccurred())
	return frames
}

// tells sends a whole message and reports whether every frame was acknowledged.
func (v *visitor) tells(message byte, content []byte) bool {
	for _, f := range v.cut(message, content) {
		if ack := v.says(f); ack == nil || ack.Type != nearfield.Ack {
			return false
		}
	}
	return true
}

// hears polls for a message; nil when the device is silent or says WAIT.
func (v *visitor) hears(message byte) []byte {
	var m nearfield.Assembly
	for index := byte(0); !m.Complete(); index++ {
		f := v.says(nearfield.Frame{Type: nearfield.Poll, Message: message, Index: index})
		if f == nil || f.Type != nearfield.Data {
			return nil
		}
		m.Add(*f)
	}
	return m.Join()
}

// applies sends the application and reads the information.
func (v *visitor) applies(a offline.Application) offline.Information {
	Expect(v.tells(nearfield.Application, encode(a.Fields()))).To(BeTrue())
	return readInformation(answer{status: http.StatusOK, body: v.hears(nearfield.Information)})
}

// countersigns sends what the handset of alice would.
func (v *visitor) countersigns(i offline.Information) bool {
	return v.tells(nearfield.Countersign, plain(i))
}

// decision is what the device decided; nil while it is silent or says WAIT.
func (v *visitor) decision() *offline.Decision {
	heard := v.hears(nearfield.Decision)
	if heard == nil {
		return nil
	}
	d, err := offline.ParseDecision(heard, offline.Leniency{})
	Expect(err).NotTo(HaveOccurred())
	return &d
}

// buys goes through everything.
func (v *visitor) buys() *offline.Decision {
	v.countersigns(v.applies(v.application()))
	return v.decision()
}

// forged is the decision on a result that a function makes in the server's place.
func (v *visitor) forged(forge func(offline.Result) []byte) *offline.Decision {
	i := v.applies(v.application())
	v.answering("/verification", func(sent) *http.Response {
		r := offline.Result{Application: i.Application, Level: i.Level, Challenge: i.Challenge, IssuedAt: i.IssuedAt, Issuer: i.Issuer, Verified: true}
		return says(http.StatusOK, forge(r))
	})
	v.countersigns(i)
	return v.decision()
}

// resulting signs a result as the server does.
func resulting(r offline.Result) []byte {
	return signedAs("server-1", offline.DomainResult, encode(r.Fields()))
}

// altered is a result with one thing changed.
func altered(change func(*offline.Result)) func(offline.Result) []byte {
	return func(r offline.Result) []byte {
		r.Serial, r.Challenge = slices.Clone(r.Serial), slices.Clone(r.Challenge)
		change(&r)
		return resulting(r)
	}
}

// count is how many of the requests so far went to an endpoint with that body.
func (p *shop) count(end string, body []byte) (n int) {
	for _, r := range p.to(end) {
		if bytes.Equal(r.body, body) {
			n++
		}
	}
	return n
}
