package stage

import (
	"net/http"
	"time"

	"countersign/sim"
)

// Person is somebody at a machine of their own, honest or not, who goes through a script. A person whose machine crashed begins again, unless the script was done.
type Person struct {
	Name string
	Host *sim.Host

	boot   sim.Boot
	script func()
	done   bool
}

// NewPerson adds a person. work names the process that the script runs in. prepare, if not nil, is called at each boot, before the script begins.
func (st *Stage) NewPerson(name, work string, prepare func(*sim.Host)) *Person {
	return st.NewReachablePerson(name, work, func(h *sim.Host) http.Handler {
		if prepare != nil {
			prepare(h)
		}
		return nil
	})
}

// NewReachablePerson is NewPerson with a machine that takes requests; prepare gives what serves them.
func (st *Stage) NewReachablePerson(name, work string, prepare func(*sim.Host) http.Handler) *Person {
	p := &Person{Name: name}
	p.boot = func(h *sim.Host) http.Handler {
		handler := prepare(h)
		if p.script != nil && !p.done {
			h.Go(work, func() {
				p.script()
				p.done = true
			})
		}
		return handler
	}
	p.Host = st.Host(name, p.boot)
	return p
}

// Follows gives the person what to do.
func (p *Person) Follows(script func()) { p.script = script }

// Wait lets time pass.
func (p *Person) Wait(d time.Duration) { p.Host.Clock().Sleep(d) }

// Note puts a remark into the trace.
func (p *Person) Note(text string) { p.Host.Note(text) }

// Meanwhile lets something else happen at the person's machine at the same time.
func (p *Person) Meanwhile(do func()) { p.Host.Go("user, at the same time", do) }

// Letter is what one party of a scenario gets to another outside of the network: a link in a mail, a word among accomplices.
type Letter struct {
	gate *sim.Gate
	text string
}

// NewLetter returns a letter that has not been sent.
func (st *Stage) NewLetter(about string) *Letter { return &Letter{gate: st.World.NewGate(about)} }

// Send sends the letter. Only the first text arrives.
func (l *Letter) Send(text string) {
	if !l.gate.Opened() {
		l.text = text
		l.gate.Open()
	}
}

// Await waits for the letter, and reports false when none has come in two minutes.
func (l *Letter) Await() (string, bool) {
	if !l.gate.WaitFor(2 * time.Minute) {
		return "", false
	}
	return l.text, true
}
