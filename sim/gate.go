package sim

import (
	"slices"
	"time"
)

// Gate is where processes wait for one another. It starts shut, and once
// opened stays open.
type Gate struct {
	world   *World
	name    string
	open    bool
	cause   int // the opener's last event
	waiters []*process
}

// NewGate returns a shut gate. Its name is used in errors.
func (w *World) NewGate(name string) *Gate {
	return &Gate{world: w, name: name, cause: none}
}

// Open opens the gate and wakes all who wait, in the order they came.
func (g *Gate) Open() {
	g.world.enter("Gate.Open of", g.name)
	if g.open {
		return
	}
	g.open = true
	if p := g.world.current.Load(); p != nil {
		g.cause = p.last
	}
	for _, p := range g.waiters {
		p.gate, p.cause = nil, g.cause
		g.world.wakeAt(p, g.world.now)
	}
	g.waiters = nil
}

// Opened reports whether the gate is open.
func (g *Gate) Opened() bool { return g.open }

// Wait parks the calling process until the gate is open.
func (g *Gate) Wait() {
	p := g.world.process("Gate.Wait at", g.name)
	if g.open {
		g.pass(p)
		return
	}
	g.waiters = append(g.waiters, p)
	p.gate = g
	p.park("gate", g.name)
}

// WaitFor is Wait for at most d of virtual time. It reports whether the gate
// is open.
func (g *Gate) WaitFor(d time.Duration) bool {
	p := g.world.process("Gate.WaitFor at", g.name)
	if g.open {
		g.pass(p)
		return true
	}
	g.waiters = append(g.waiters, p)
	p.gate = g
	g.world.wakeAt(p, g.world.after(d))
	p.park("gate", g.name)
	if p.gate != nil {
		g.leave(p)
		return false
	}
	return true
}

func (g *Gate) pass(p *process) {
	if p.cause < g.cause {
		p.cause = g.cause
	}
}

func (g *Gate) leave(p *process) {
	p.gate = nil
	if i := slices.Index(g.waiters, p); i >= 0 {
		g.waiters = slices.Delete(g.waiters, i, i+1)
	}
}
