package sim

import (
	"crypto/tls"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Config is what a world is made from. The zero value is usable.
type Config struct {
	// Seed decides every random choice in the world.
	Seed uint64
	// Start is the time at which the world begins; zero means
	// 2026-01-01T00:00:00Z.
	Start time.Time
	// Link is the network between any two hosts that have no link of their
	// own; the zero value stands for 5ms to 25ms one way, without loss.
	Link Link
	// Faults are what goes wrong. Those of hosts act on the hosts that there
	// are when the world first runs.
	Faults []Fault
	// Horizon is the virtual time at which [World.Run] gives up; zero means
	// 24 hours.
	Horizon time.Duration
	// MaxSteps bounds the events of a world, as a guard against processes
	// that turn in a circle; zero means 10 million.
	MaxSteps int
	// Stall is the real time that a process may run without giving way;
	// zero means 10 seconds.
	Stall time.Duration
	// Timeout is the virtual time that a round trip waits for its answer;
	// zero means 30 seconds.
	Timeout time.Duration
	// MaxBody bounds a response's body, in bytes; zero means 4 MiB. The
	// connection breaks after that many.
	MaxBody int
}

// World is a set of hosts on one network under one clock. Worlds are
// independent of each other; any number of them may run side by side, each
// used by one goroutine at a time.
type World struct {
	config Config
	now    time.Duration
	queue  queue
	steps  int
	tls    *tls.ConnectionState // what every secure request shows
	trace  *Trace

	hosts     []*Host // in the order they were made
	hostNames map[string]*Host
	links     map[linkKey]*link
	taps      []Tap
	choose    func([]Ready) int // of [World.Schedule]
	messages  int               // IDs given
	processes int               // numbers given
	alive     int               // processes that began and have not ended
	idle      []*coroutine

	tapping bool // a tap or callback runs
	started bool // faults are in force
	ended   bool // closed, or failed
	failure error
	stall   *StallError

	// What other goroutines may look at.
	owner     atomic.Pointer[runner]  // the goroutine that may use the world; nil when none runs it
	current   atomic.Pointer[process] // the running process
	beat      atomic.Int64            // counts steps
	misuse    atomic.Pointer[MisuseError]
	abandoned atomic.Bool // a process stalled, and Run has returned
}

// New returns a world without hosts.
func New(c Config) *World {
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	c.Start = c.Start.Round(0).UTC()
	c.Faults = slices.Clone(c.Faults)
	if c.Link == (Link{}) {
		c.Link = Link{Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond}
	}
	c.Horizon = orElse(c.Horizon, 24*time.Hour)
	c.MaxSteps = orElse(c.MaxSteps, 10_000_000)
	c.Stall = orElse(c.Stall, 10*time.Second)
	c.Timeout = orElse(c.Timeout, 30*time.Second)
	c.MaxBody = orElse(c.MaxBody, 4<<20)
	return &World{
		config:    c,
		tls:       &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true},
		trace:     new(Trace),
		hostNames: make(map[string]*Host),
		links:     make(map[linkKey]*link),
	}
}

func orElse[T int | time.Duration](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}

// Boot builds the volatile part of the actor that lives on a host, and
// returns its handler, or nil for a host that serves nothing. It runs as a
// process of the host when the world starts and again after each crash, so it
// may use the host's client. Requests that come meanwhile wait.
type Boot func(*Host) http.Handler

// Host adds a host. Its name is also what addresses it in URLs, so it must be
// a valid host name in lower case; a port, where given, is part of it. A nil
// boot makes a host that serves nothing. Host panics for a name that is taken
// or malformed.
func (w *World) Host(name string, boot Boot) *Host {
	w.enter("World.Host of", name)
	switch {
	case name == "" || strings.ToLower(name) != name || strings.ContainsAny(name, " \t\r\n/?#@<>=*+%,;"):
		panic("sim: " + name + " cannot name a host: use lower case letters, digits, dots and dashes")
	case w.hostNames[name] != nil:
		panic("sim: the world already has a host " + name)
	}
	h := &Host{world: w, name: name, boot: boot, bootEvent: none}
	h.clock.host = h
	w.hosts = append(w.hosts, h)
	w.hostNames[name] = h
	w.queue.add(w.now).fire = h.start
	return h
}

// Link returns the directed link between two hosts, to be changed by the
// caller.
func (w *World) Link(from, to string) *Link {
	w.enter("World.Link to", to)
	return &w.link(from, to).Link
}

// Tap adds a tap.
func (w *World) Tap(t Tap) {
	w.enter("World.Tap", "")
	w.taps = append(w.taps, t)
}

// Now returns the virtual time since the world's start.
func (w *World) Now() time.Duration { return w.now }

// Trace returns what has happened so far. It grows while the world runs.
func (w *World) Trace() *Trace { return w.trace }

// after returns the time d from now; a negative d means now.
func (w *World) after(d time.Duration) time.Duration { return later(w.now, max(d, 0)) }

// later adds a duration that is not negative to a time. Beyond all time is never.
func later(t, d time.Duration) time.Duration {
	if d > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + d
}
