package sim

import (
	"iter"
	"runtime/debug"
	"time"
)

// process is a blocking function that runs on a host, one among many, one at
// a time.
type process struct {
	world  *World
	host   *Host
	number int // unique in the world, counted from 1
	name   string
	run    func()
	co     *coroutine // that carries it; nil before it began

	wake    *event    // what will wake it, if anything is planned
	gate    *Gate     // where it waits, if at one
	call    *call     // the round trip that it waits for, if for one
	waiting [2]string // what it waits for: kind and name
	killed  bool

	last  int // its latest event in the trace
	cause int // an event elsewhere that its next event follows from

	before, after *process // neighbours on the host, in order of beginning
}

// coroutine carries processes, one after the other, so that few goroutines
// serve many requests.
type coroutine struct {
	runner runner
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	task   *process
}

// runner is a goroutine that runs a world.
type runner struct {
	self   uintptr
	number uint64 // for stack traces
}

// killed is the value with which a process is unwound when its host crashes
// or its world is closed.
type killed struct{}

func (killed) Error() string { return "this process was killed with its host" }

func (w *World) newProcess(h *Host, name string, run func()) *process {
	w.processes++
	p := &process{world: w, host: h, number: w.processes, name: name, run: run, last: none, cause: none}
	h.adopt(p)
	return p
}

func (w *World) coroutine() *coroutine {
	if n := len(w.idle); n > 0 {
		c := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return c
	}
	c := new(coroutine)
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.runner, c.yield = runner{goroutine(), goroutineNumber()}, yield
		w.owner.Store(&c.runner)
		for {
			c.task.perform(c)
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// perform runs the process to its end on its coroutine.
func (p *process) perform(c *coroutine) {
	w, whole := p.world, false
	defer func() {
		value := recover()
		_, unwound := value.(killed)
		switch {
		case whole || unwound && p.killed:
		case value == nil:
			w.fail(&PanicError{Host: p.host.name, Process: p.name, Value: "runtime.Goexit was called", Stack: string(debug.Stack())})
		default:
			w.fail(&PanicError{Host: p.host.name, Process: p.name, Value: value, Stack: string(debug.Stack())})
		}
		c.task = nil
		p.host.release(p)
		w.alive--
	}()
	p.run()
	whole = true
}

// step lets the process run until it waits or ends.
func (w *World) step(p *process) {
	c := p.co
	if c == nil {
		if p.killed {
			p.host.release(p)
			return
		}
		c = w.coroutine()
		p.co, c.task = c, p
		w.alive++
	}
	loop := w.owner.Load()
	w.current.Store(p)
	if c.yield != nil {
		w.owner.Store(&c.runner)
	}
	c.resume()
	w.owner.Store(loop)
	w.current.Store(nil)
	if c.task == nil {
		w.idle = append(w.idle, c)
	}
}

// park gives way until something steps the process again. The caller has
// asked [World.process] who runs.
func (p *process) park(kind, name string) {
	p.waiting = [2]string{kind, name}
	p.co.yield(struct{}{})
	if p.killed {
		panic(killed{})
	}
}

// wakeAt plans that the process steps at that time, in place of any earlier
// plan.
func (w *World) wakeAt(p *process, at time.Duration) {
	w.forgetWake(p)
	p.wake = w.queue.add(at)
	p.wake.process = p
}

func (w *World) forgetWake(p *process) {
	if p.wake != nil {
		w.queue.remove(p.wake)
		p.wake = nil
	}
}

// kill marks the process, and takes it from wherever it waits. It unwinds
// when it is next stepped.
func (p *process) kill() {
	p.killed = true
	if p.gate != nil {
		p.gate.leave(p)
	}
	if p.call != nil {
		p.call.done = true
		p.call = nil
	}
	p.world.forgetWake(p)
}

// enter asserts that the caller may use the world: it is the running process,
// a tap or callback of the world, or the world does not run at all.
func (w *World) enter(call, subject string) {
	if owner := w.owner.Load(); owner != nil && owner.self != goroutine() {
		w.misused(call+" "+subject, "yield from a foreign goroutine: only the running process may use its world, so start no goroutine in it, use Host.Go")
	}
}

// process is enter for calls that wait: it asserts that the caller is the
// running process, and returns it, or unwinds it if it was killed.
func (w *World) process(call, subject string) *process {
	switch owner, p := w.owner.Load(), w.current.Load(); {
	case owner == nil:
		w.misused(call+" "+subject, "yield from a foreign goroutine: the world does not run, so call this from a process, started with Host.Go")
	case owner.self != goroutine():
		w.misused(call+" "+subject, "yield from a foreign goroutine: only the running process may wait, so start no goroutine in a world, use Host.Go")
	case p == nil || w.tapping:
		w.misused(call+" "+subject, "yield outside of a process: a tap or a callback must not wait, so start a process with Host.Go")
	case p.killed:
		panic(killed{})
	default:
		return p
	}
	return nil
}

func (w *World) misused(call, what string) {
	err := &MisuseError{Call: call, What: what}
	w.misuse.CompareAndSwap(nil, err)
	panic(err)
}
