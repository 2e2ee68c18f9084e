package sim

import (
	"runtime/debug"
	"time"
)

// Run lets the world run until it is quiescent: no process is alive and no
// message is under way. More work may be added afterwards, and Run be called
// again. Any error ends the world and all its processes; it is one of
// [DeadlockError], [HorizonError], [LivelockError], [PanicError],
// [StallError], [MisuseError], [FaultError], [StoppedError] and [ClosedError].
func (w *World) Run() error {
	if w.abandoned.Load() {
		return &ClosedError{Cause: w.stall}
	}
	w.enter("World.Run", "")
	if w.owner.Load() != nil {
		w.misused("World.Run", "the world runs already: start processes with Host.Go")
	}
	if w.ended {
		return &ClosedError{Cause: w.failure}
	}
	done := make(chan error, 1)
	go w.live(done)
	return w.watch(done)
}

// watch waits for the end of the run, and gives up when the world stands
// still for too long in real time.
func (w *World) watch(done <-chan error) error {
	period := max(w.config.Stall/20, time.Millisecond)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	s := stillness{period: period, last: time.Now(), beat: w.beat.Load()}
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
		}
		if s.tick(time.Now(), w.beat.Load()); s.lasts < w.config.Stall {
			continue
		}
		err := &StallError{Process: "tap or callback", After: s.lasts}
		if p := w.current.Load(); p != nil {
			err.Host, err.Process = p.host.name, p.name
		}
		if owner := w.owner.Load(); owner != nil {
			err.Stack = goroutineStack(owner.number)
		}
		w.stall = err
		w.abandoned.Store(true)
		return err
	}
}

// stillness is how long a world has stood still, by ticks of a period. While
// the ticks themselves come late the machine stands still, or is too busy, and
// not the world: such time does not count.
type stillness struct {
	period time.Duration
	last   time.Time
	beat   int64
	lasts  time.Duration
}

func (s *stillness) tick(now time.Time, beat int64) {
	late := now.Sub(s.last) > 2*s.period
	s.last = now
	switch {
	case beat != s.beat:
		s.beat, s.lasts = beat, 0
	case !late:
		s.lasts += s.period
	}
}

// live is the goroutine of a run.
func (w *World) live(done chan<- error) {
	self := &runner{goroutine(), goroutineNumber()}
	w.owner.Store(self)
	var err error
	whole := false
	defer func() {
		// Goexit in a process ends this goroutine too, in the midst of a step.
		w.owner.Store(self)
		w.current.Store(nil)
		if value := recover(); !whole && w.failure == nil {
			w.failure = &PanicError{Process: "tap or callback", Value: value, Stack: string(debug.Stack())}
		}
		if !whole {
			err = w.failure
		}
		if misuse := w.misuse.Load(); misuse != nil {
			err = misuse
		}
		if err != nil {
			w.failure = err
			w.end()
		}
		w.dismiss()
		w.owner.Store(nil)
		done <- err
	}()
	err = w.loop()
	whole = true
}

// loop takes one event after the other.
func (w *World) loop() error {
	if err := w.begin(); err != nil {
		return err
	}
	for {
		switch {
		case w.failure != nil:
			return w.failure
		case w.misuse.Load() != nil, w.abandoned.Load():
			return &ClosedError{}
		}
		if w.steps == w.config.MaxSteps {
			return &LivelockError{Steps: w.steps, At: w.now}
		}
		e := w.next()
		if e == nil {
			if w.alive > 0 {
				return &DeadlockError{At: w.now, Waiting: w.waiting()}
			}
			return nil
		}
		if e.at > w.config.Horizon {
			w.now = max(w.now, w.config.Horizon)
			w.queue.put(e)
			if w.alive > 0 {
				return &HorizonError{Horizon: w.config.Horizon, Waiting: w.waiting()}
			}
			return nil
		}
		w.steps++
		w.beat.Add(1)
		w.now = e.at
		p, packet, fire := e.process, e.packet, e.fire
		w.queue.release(e)
		switch {
		case p != nil:
			p.wake = nil
			w.step(p)
		case packet != nil:
			w.arrive(packet)
		default:
			fire()
		}
	}
}

// begin puts the faults in force, once.
func (w *World) begin() error {
	if w.started {
		return nil
	}
	w.started = true
	return w.applyFaults()
}

// waiting lists the processes that are alive.
func (w *World) waiting() []Waiting {
	var list []Waiting
	for _, h := range w.hosts {
		for p := h.first; p != nil; p = p.after {
			if p.co != nil {
				list = append(list, Waiting{Host: h.name, Process: p.name, For: p.waiting[0] + " " + p.waiting[1]})
			}
		}
	}
	return list
}

// fail ends the run with that error, unless it has failed already.
func (w *World) fail(err error) {
	if w.failure == nil {
		w.failure = err
	}
}

// Close ends the world: processes still alive are unwound, and nothing of it
// stays behind. Run does this itself when it fails; a world that never ran, or
// ran to quiescence, needs no closing but bears it.
func (w *World) Close() {
	if w.abandoned.Load() {
		return
	}
	w.enter("World.Close", "")
	if w.owner.Load() != nil {
		w.misused("World.Close", "the world runs: close it after Run has returned")
	}
	if w.ended {
		return
	}
	w.end()
	w.dismiss()
}

// end unwinds every process that is alive.
func (w *World) end() {
	w.ended = true
	for _, h := range w.hosts {
		for p := h.first; p != nil; p = h.first {
			p.kill()
			w.step(p)
			w.beat.Add(1)
		}
	}
	w.queue = queue{}
}

// dismiss ends the goroutines of idle coroutines.
func (w *World) dismiss() {
	for _, c := range w.idle {
		c.stop()
	}
	w.idle = nil
}
