package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"time"

	"countersign/conformance/redact"
)

// DivergedError says that a check does not do now what it did when it was recorded: the recording was changed, or the check was.
type DivergedError struct {
	Check string
	// Step is the place in the check's recording, counted from 1.
	Step int
	What string
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%s cannot be judged again from the recording: at step %d %s; use the recording as it was written, with the version that wrote it", e.Check, e.Step, e.What)
}

// player is the Env of a check that is played back.
type player struct {
	check string
	names []redact.Name
	steps []Step
	// broken is what Within said when the check was recorded.
	broken string

	mu       sync.Mutex
	turn     sync.Cond
	at       int
	running  *thread
	waiting  map[int]bool // by number of thread
	handlers map[int]http.Handler
	stopped  bool
	diverged *DivergedError
	work     sync.WaitGroup
}

func newPlayer(r Record) *player {
	p := &player{check: r.Check, steps: r.Steps, broken: string(r.Broken), waiting: map[int]bool{}, handlers: map[int]http.Handler{}}
	for _, n := range r.Names {
		p.names = append(p.names, redact.Name{Origin: n.Origin, As: n.As})
	}
	p.turn.L = &p.mu
	return p
}

// Within implements conformance.Env. Its error is a *DivergedError, or what was recorded.
func (p *player) Within(check func()) error {
	main := &thread{}
	p.waiting[main.number] = true
	p.work.Go(func() {
		p.await(main)
		check()
		p.next(opOver)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.at < len(p.steps) {
			p.fault("the recording goes on, although the check has ended")
		}
		p.stop()
	})
	p.work.Wait()
	switch {
	case p.diverged != nil:
		return p.diverged
	case p.broken != "":
		return errors.New(p.broken)
	}
	return nil
}

// await returns when it is the thread's turn. It ends the goroutine when there will be no more turns.
func (p *player) await(t *thread) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && !(p.running == nil && p.at < len(p.steps) && p.steps[p.at].Thread == t.number) {
		p.turn.Wait()
	}
	if p.stopped {
		runtime.Goexit()
	}
	delete(p.waiting, t.number)
	p.running = t
}

// yield gives the turn away until the recording goes on with the thread.
func (p *player) yield() {
	p.mu.Lock()
	t := p.running
	if !p.stopped {
		p.waiting[t.number] = true
		p.hand()
	}
	p.mu.Unlock()
	p.await(t)
}

// leave is yield for a thread that ends.
func (p *player) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.hand()
	}
}

// hand gives the turn to whoever has the next step. The caller holds mu.
func (p *player) hand() {
	p.running = nil
	defer p.turn.Broadcast()
	if p.at == len(p.steps) {
		if p.broken == "" {
			p.fault("the recording ends, although the check goes on")
		}
		p.stopped = true // a world that broke took the check with it
		return
	}
	s := p.steps[p.at]
	switch {
	case p.waiting[s.Thread]:
	case s.Op == opArrive:
		p.waiting[s.Thread] = true
		p.work.Go(func() { p.serve(s) })
	default:
		p.fault(fmt.Sprintf("the recording goes on with thread %d, which has ended or never began", s.Thread))
	}
}

// fault keeps the first divergence and stops everything. The caller holds mu.
func (p *player) fault(what string) {
	if p.diverged == nil && !p.stopped {
		p.diverged = &DivergedError{Check: p.check, Step: p.at + 1, What: what}
	}
	p.stop()
}

func (p *player) stop() {
	p.stopped = true
	p.turn.Broadcast()
}

// diverge ends the check.
func (p *player) diverge(what string, args ...any) {
	p.mu.Lock()
	p.fault(fmt.Sprintf(what, args...))
	p.mu.Unlock()
	runtime.Goexit()
}

// peek is the running thread's next step, if there is one.
func (p *player) peek() (Step, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.running == nil {
		runtime.Goexit()
	}
	if p.at == len(p.steps) || p.steps[p.at].Thread != p.running.number {
		return Step{}, false
	}
	return p.steps[p.at], true
}

// next takes the running thread's next step, which has to be of that kind.
func (p *player) next(op Op) Step {
	s, ok := p.peek()
	switch {
	case !ok:
		p.diverge("the check has a step %q that is not in the recording", op)
	case s.Op != op:
		p.diverge("the check has a step %q where the recording has %q", op, s.Op)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at++
	return s
}

// HTTP implements conformance.Env.
func (p *player) HTTP() *http.Client {
	return &http.Client{Transport: p, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// RoundTrip implements http.RoundTripper: it answers what was answered when this very request was sent.
func (p *player) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(req)
	if err != nil {
		return nil, err
	}
	recorded := p.next(opSend)
	if recorded.Request == nil {
		p.diverge("the recording lacks the request")
	}
	if what := sent(req, body).difference(recorded.Request); what != "" {
		p.diverge("the check sends %s", what)
	}
	p.yield()
	s := p.next(opAnswer)
	s.Shown.tell(req)
	switch {
	case s.Problem != nil:
		return nil, s.Problem
	case s.Answer == nil:
		p.diverge("the recording lacks the answer")
	}
	return s.Answer.toCheck(req), nil
}

// Play implements conformance.Env.
func (p *player) Play(party string, h http.Handler) error {
	s := p.next(opPlay)
	if s.Party != party {
		p.diverge("the harness plays %s, and in the recording %s", party, s.Party)
	}
	p.handlers[s.Handler] = h
	return s.Problem.err()
}

// serve lets a party answer a recorded request, and compares its answer.
func (p *player) serve(s Step) {
	p.await(&thread{number: s.Thread})
	p.next(opArrive)
	h := p.handlers[s.Handler]
	if h == nil || s.Request == nil {
		p.diverge("a request arrives for %s, whom the harness does not play", s.Party)
	}
	req, err := s.Request.toHandler()
	writer := newAnswerWriter()
	switch aborted := false; {
	case err != nil:
		http.Error(writer, "the request has no URL: "+err.Error(), http.StatusBadRequest)
	default:
		if aborted = p.aborts(func() { h.ServeHTTP(writer, req) }); aborted {
			p.next(opAbort)
			p.leave()
			return
		}
	}
	recorded := p.next(opReply)
	if recorded.Answer == nil {
		p.diverge("the recording lacks the answer of %s", s.Party)
	}
	if what := writer.answer().difference(recorded.Answer); what != "" {
		p.diverge("%s answers %s", s.Party, what)
	}
	p.leave()
}

// aborts runs a handler and reports whether it panicked, as it does to break the connection.
func (p *player) aborts(handle func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	handle()
	return false
}

// Now implements conformance.Env.
func (p *player) Now() time.Time { return moment(p.next(opNow).Nanoseconds) }

// Advance implements conformance.Env.
func (p *player) Advance(d time.Duration) error {
	if s := p.next(opAdvance); s.Nanoseconds != int64(d) {
		p.diverge("the check lets %s pass, and in the recording %s", d, time.Duration(s.Nanoseconds))
	}
	p.yield()
	return p.next(opAdvanced).Problem.err()
}

// Await implements conformance.Env.
func (p *player) Await(limit time.Duration, done func() bool) bool {
	if s := p.next(opAwait); s.Nanoseconds != int64(limit) {
		p.diverge("the check waits %s, and in the recording %s", limit, time.Duration(s.Nanoseconds))
	}
	found := false
	for {
		p.yield()
		s, _ := p.peek()
		if s.Op != opPoll {
			break
		}
		p.next(opPoll)
		for range s.Count {
			if found = done(); found != s.Found {
				p.diverge("what the check waits for is there at another moment than in the recording")
			}
		}
	}
	if p.next(opAwaited).Found != found {
		p.diverge("the wait has another end than the last look had")
	}
	return found
}

// Together implements conformance.Env.
func (p *player) Together(functions ...func()) {
	s := p.next(opTogether)
	if s.Count != len(functions) {
		p.diverge("the check does %d things at the same time, and in the recording %d", len(functions), s.Count)
	}
	p.mu.Lock()
	for i := range functions {
		p.waiting[s.First+i] = true
	}
	p.mu.Unlock()
	for i, f := range functions {
		p.work.Go(func() {
			p.await(&thread{number: s.First + i})
			p.next(opBegin)
			f()
			p.next(opEnd)
			p.leave()
		})
	}
	p.yield()
	p.next(opJoined)
}

// Entropy implements conformance.Env.
func (p *player) Entropy() io.Reader { return (*playedEntropy)(p) }

type playedEntropy player

// Read implements io.Reader.
func (r *playedEntropy) Read(into []byte) (int, error) {
	p := (*player)(r)
	s := p.next(opRandom)
	if len(s.Bytes) > len(into) {
		p.diverge("the check draws %d random bytes, and in the recording %d", len(into), len(s.Bytes))
	}
	return copy(into, bytes.Clone(s.Bytes)), s.Problem.err()
}

// Names implements conformance.Env.
func (p *player) Names() []redact.Name { return p.names }

// Close implements conformance.Env.
func (p *player) Close() {}
