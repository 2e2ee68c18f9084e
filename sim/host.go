package sim

import (
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// Host is a machine in the world on which processes run.
type Host struct {
	world *World
	name  string
	boot  Boot
	clock Clock

	handler   http.Handler
	booted    bool
	down      bool
	downUntil time.Duration
	restart   *event
	backlog   []*packet // requests that came while it boots
	bootEvent int       // the end of its latest boot

	first, last *process // its processes, in order of beginning
	streams     map[string]*rand.ChaCha8
	durable     map[string]any
	skews       []Fault

	date       string // the Date header of second dateSecond
	dateSecond int64
}

// Name returns the host's name.
func (h *Host) Name() string { return h.name }

// Clock returns the host's clock.
func (h *Host) Clock() *Clock { return &h.clock }

// Clock is a host's clock. It tells virtual time, wrong by the host's skew.
type Clock struct{ host *Host }

// Now returns the virtual time that the host believes it is, in UTC.
func (c *Clock) Now() time.Time {
	w := c.host.world
	t := w.config.Start.Add(w.now)
	for i := range c.host.skews {
		if f := &c.host.skews[i]; f.active(w.now) {
			t = t.Add(f.Min)
		}
	}
	return t
}

// Sleep parks the calling process for d of virtual time.
func (c *Clock) Sleep(d time.Duration) {
	w := c.host.world
	p := w.process("Clock.Sleep on", c.host.name)
	w.wakeAt(p, w.after(d))
	p.park("its sleep on", c.host.name)
}

// Entropy returns the host's stream of random bytes for a purpose. Each
// stream depends on the world's seed, the host's name and the purpose only,
// and goes on where it stopped, also after a crash: a restarted host does not
// repeat itself.
func (h *Host) Entropy(purpose string) io.Reader {
	h.world.enter("Host.Entropy of", h.name)
	s := h.streams[purpose]
	if s == nil {
		s = stream(h.world.config.Seed, "host", h.name, purpose)
		if h.streams == nil {
			h.streams = make(map[string]*rand.ChaCha8)
		}
		h.streams[purpose] = s
	}
	return s
}

// Client returns an HTTP client whose requests leave from this host. It
// follows no redirect, keeps no cookies and has no timeout but the world's.
func (h *Host) Client() *http.Client { return h.ClientWithin(h.world.config.Timeout) }

// ClientWithin is Client with a timeout of its own, in virtual time.
func (h *Host) ClientWithin(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport:     transport{h, timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Durable returns what the host keeps under that key through crashes, as a
// disk would; mk makes it at first use.
func (h *Host) Durable(key string, mk func() any) any {
	h.world.enter("Host.Durable of", h.name)
	v, ok := h.durable[key]
	if !ok {
		v = mk()
		if h.durable == nil {
			h.durable = make(map[string]any)
		}
		h.durable[key] = v
	}
	return v
}

// Go starts a process on the host. It begins at the present virtual time,
// after what is already due. It is killed when the host crashes, and on a
// host that is down it never begins.
func (h *Host) Go(name string, fn func()) {
	w := h.world
	w.enter("Host.Go of", name)
	if h.down || w.ended {
		return
	}
	var p *process
	p = w.newProcess(h, name, func() {
		w.record(p, Event{Kind: EventStart})
		fn()
		w.record(p, Event{Kind: EventFinish})
	})
	if parent := w.current.Load(); parent != nil {
		p.cause = parent.last
	}
	w.wakeAt(p, w.now)
}

// Note puts a remark into the trace, in the name of the running process.
func (h *Host) Note(text string) {
	w := h.world
	w.enter("Host.Note of", h.name)
	w.record(w.current.Load(), Event{Kind: EventNote, Host: h.name, Text: text})
}

// Crash kills the host's processes where they wait: each is unwound, its
// deferred functions run, but cannot wait. The host is down for that long;
// then it boots again, with nothing left but what is durable. While it is
// down connections to it are refused, and what it was asked before stays
// unanswered. A negative downFor means for good. A process that crashes its own host does not return from Crash.
func (h *Host) Crash(downFor time.Duration) {
	w := h.world
	w.enter("Host.Crash of", h.name)
	self := w.current.Load()
	if w.ended || self != nil && self.killed {
		return
	}
	until := time.Duration(math.MaxInt64)
	if downFor >= 0 {
		until = w.after(downFor)
	}
	if h.down {
		if until > h.downUntil {
			h.planRestart(until)
		}
		return
	}
	e := Event{Kind: EventCrash, Host: h.name, Text: "for good"}
	if downFor >= 0 {
		e.Text = "for " + downFor.String()
	}
	cause := w.record(self, e)
	h.down, h.booted, h.handler, h.backlog = true, false, nil, nil
	for p := h.first; p != nil; p = p.after {
		p.kill()
		if p != self {
			w.wakeAt(p, w.now)
		}
	}
	h.bootEvent = cause
	h.planRestart(until)
	if self != nil && self.killed {
		panic(killed{})
	}
}

func (h *Host) planRestart(at time.Duration) {
	w := h.world
	if h.restart != nil {
		w.queue.remove(h.restart)
		h.restart = nil
	}
	if h.downUntil = at; at == math.MaxInt64 {
		return
	}
	h.restart = w.queue.add(at)
	h.restart.fire = func() {
		h.restart, h.down = nil, false
		h.bootEvent = w.record(nil, Event{Kind: EventRestart, Host: h.name}, h.bootEvent)
		h.start()
	}
}

// start boots the host.
func (h *Host) start() {
	w := h.world
	if h.booted || h.down {
		return
	}
	if h.boot == nil {
		h.booted = true
		return
	}
	var p *process
	p = w.newProcess(h, "boot", func() {
		w.record(p, Event{Kind: EventStart})
		handler := h.boot(h)
		if p.killed {
			return
		}
		h.handler, h.booted = handler, true
		h.bootEvent = w.record(p, Event{Kind: EventFinish})
		for _, packet := range h.backlog {
			w.queue.add(w.now).packet = packet
		}
		h.backlog = nil
	})
	p.cause = h.bootEvent
	w.step(p)
}

func (h *Host) adopt(p *process) {
	if p.before = h.last; h.last != nil {
		h.last.after = p
	} else {
		h.first = p
	}
	h.last = p
}

func (h *Host) release(p *process) {
	if p.before != nil {
		p.before.after = p.after
	} else if h.first == p {
		h.first = p.after
	} else {
		return
	}
	if p.after != nil {
		p.after.before = p.before
	} else {
		h.last = p.before
	}
	p.before = nil
}
