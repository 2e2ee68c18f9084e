package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"countersign/conformance"
	"countersign/conformance/redact"
)

// Open is what gives a check its surroundings and its target, as conformance.Runner.Open.
type Open func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error)

// Recorder records every check that is opened through it. The zero value is ready; several checks may run at a time.
type Recorder struct {
	// Secrets are those of the configuration, which the report does not show.
	Secrets []conformance.Secret
	// Spool, if set, takes the steps of each check when it is over; nil: they stay in memory.
	Spool Spool

	mu      sync.Mutex
	runs    []*run
	spooled int64 // bytes
	lost    error // why steps are not in the spool
}

// run is one check under way, or over.
type run struct {
	check  conformance.Check
	target conformance.Target
	names  []redact.Name
	setup  json.RawMessage
	// unopened is why the check could not begin; broken what Within said.
	unopened, broken error
	// steps are nil once they are on the shelf.
	steps []Step
	shelf *shelf
}

// Wrap gives an Open whose checks are recorded.
func (r *Recorder) Wrap(open Open) Open {
	return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
		env, target, err := open(ctx, c)
		kept := &run{check: c, target: target, unopened: err}
		if err == nil {
			kept.names = env.Names()
			if kept.setup, err = json.Marshal(target.Setup); err != nil {
				env.Close()
				err = fmt.Errorf("the setup of %s cannot be recorded: %w", c.Name(), err)
				kept.unopened = err
			}
		}
		r.mu.Lock()
		r.runs = append(r.runs, kept)
		r.mu.Unlock()
		if err != nil {
			return nil, conformance.Target{}, err
		}
		return &recordingEnv{Env: env, recorder: r, run: kept}, target, nil
	}
}

// recordingEnv is an Env that writes down what passes through it.
type recordingEnv struct {
	conformance.Env
	recorder *Recorder
	run      *run

	// waiting counts the bytes of requests that are read, or have been and wait for the baton.
	waiting atomic.Int64
	// baton is held by the one thread of the check that runs.
	baton    sync.Mutex
	current  *thread
	threads  int
	handlers int
	unread   int // requests of which a party has read nothing
	began    time.Time
	over     bool // what still happens is not the check's
}

// thread is the check itself, a handler of a party, or a function of Together.
type thread struct {
	number int
	holds  bool // the baton
}

func (e *recordingEnv) take(t *thread) {
	if t == nil {
		return
	}
	e.baton.Lock()
	t.holds, e.current = true, t
}

// give lets other threads run, and names the one that has to take the baton again: none where a dying world unwinds a thread that holds no baton.
func (e *recordingEnv) give() *thread {
	t := e.current
	if t == nil {
		return nil
	}
	t.holds, e.current = false, nil
	e.baton.Unlock()
	return t
}

// add writes a step of the current thread down and gives its place, -1 when it is not written.
func (e *recordingEnv) add(s Step) int {
	if e.over || e.current == nil {
		return -1
	}
	s.Thread = e.current.number
	e.run.steps = append(e.run.steps, s)
	return len(e.run.steps) - 1
}

// Within implements conformance.Env.
func (e *recordingEnv) Within(check func()) error {
	err := e.Env.Within(func() {
		main := &thread{}
		e.take(main)
		defer func() {
			if main.holds {
				e.add(Step{Op: opOver})
				e.over = true
				e.give()
			}
		}()
		check()
	})
	e.baton.Lock()
	defer e.baton.Unlock()
	e.over = true
	e.run.broken = err
	e.recorder.shelve(e.run)
	return err
}

// HTTP implements conformance.Env. The time limit is moved into the transport, so that the check sees the one error that is recorded.
func (e *recordingEnv) HTTP() *http.Client {
	client := *e.Env.HTTP()
	client.Transport = recordingTransport{e, client.Transport, client.Timeout}
	client.Timeout = 0
	return &client
}

type recordingTransport struct {
	env   *recordingEnv
	next  http.RoundTripper
	limit time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t recordingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(req)
	if err != nil {
		return nil, err
	}
	e := t.env
	e.add(Step{Op: opSend, Request: sent(req, body)})
	waiting := e.give()
	answer, problem := t.exchange(req, body)
	e.take(waiting)
	e.add(Step{Op: opAnswer, Answer: answer, Problem: problem, Shown: shownOf(req)})
	if problem != nil {
		return nil, problem
	}
	resp := answer.toCheck(req)
	watched := &watched{ReadCloser: resp.Body}
	watched.closed = func() { answer.Body = beginning(answer.Body, watched.read) }
	resp.Body = watched
	return resp, nil
}

// beginning is the first part of a body, and lets go of the rest.
func beginning(body []byte, n int) []byte {
	if n >= len(body) {
		return body
	}
	return bytes.Clone(body[:n])
}

// exchange sends a copy of the request and reads the whole answer.
func (t recordingTransport) exchange(req *http.Request, body []byte) (*Answer, *Problem) {
	ctx := req.Context()
	if t.limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, t.limit)
		defer end()
	}
	out := req.Clone(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, problemOf(err)
	}
	return answered(resp), nil
}

// drain reads a request's body whole.
func drain(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	return body, err
}

// Play implements conformance.Env.
func (e *recordingEnv) Play(party string, h http.Handler) error {
	e.handlers++
	number := e.handlers
	problem := problemOf(e.Env.Play(party, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.serve(party, number, h, w, r) })))
	e.add(Step{Op: opPlay, Party: party, Handler: number, Problem: problem})
	return problem.err()
}

// serve lets a party answer, in a thread of its own.
func (e *recordingEnv) serve(party string, number int, h http.Handler, w http.ResponseWriter, r *http.Request) {
	content := &ahead{Reader: r.Body, waiting: &e.waiting}
	request := arrived(r, content)
	serving := &thread{}
	e.take(serving)
	content.taken()
	e.threads++
	serving.number = e.threads
	at := e.add(Step{Op: opArrive, Party: party, Handler: number, Request: request})
	body := &watched{}
	writer := newAnswerWriter()
	ended := false
	defer func() {
		if !serving.holds {
			return // the world ended while the party waited
		}
		if !ended {
			e.add(Step{Op: opAbort})
			e.give()
			return // and the panic goes on
		}
		answer := writer.answer()
		if e.keep(at, request, body) {
			e.add(Step{Op: opReply, Answer: answer})
		}
		e.give()
		answer.send(w)
	}()
	req, err := request.toHandler()
	if err != nil {
		http.Error(writer, "the request has no URL: "+err.Error(), http.StatusBadRequest)
	} else {
		body.ReadCloser, req.Body = req.Body, body
		h.ServeHTTP(writer, req)
	}
	ended = true
}

// keep keeps of a request, whose step is at a place, what the party has read of it. It reports false for one that is left out as a whole.
func (e *recordingEnv) keep(at int, request *Request, body *watched) bool {
	request.Body = beginning(request.Body, body.read)
	if body.asked || at < 0 || at != len(e.run.steps)-1 {
		return true
	}
	if e.unread++; e.unread <= mostUnread {
		return true
	}
	e.run.steps = e.run.steps[:at]
	return false
}

// Now implements conformance.Env. Differences are those of the monotonic clock where there is one.
func (e *recordingEnv) Now() time.Time {
	now := e.Env.Now()
	if e.began.IsZero() {
		e.began = now
	}
	ns := e.began.UnixNano() + int64(now.Sub(e.began))
	e.add(Step{Op: opNow, Nanoseconds: ns})
	return moment(ns)
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// Advance implements conformance.Env.
func (e *recordingEnv) Advance(d time.Duration) error {
	e.add(Step{Op: opAdvance, Nanoseconds: int64(d)})
	waiting := e.give()
	problem := problemOf(e.Env.Advance(d))
	e.take(waiting)
	e.add(Step{Op: opAdvanced, Problem: problem})
	return problem.err()
}

// Await implements conformance.Env.
func (e *recordingEnv) Await(limit time.Duration, done func() bool) bool {
	e.add(Step{Op: opAwait, Nanoseconds: int64(limit)})
	waiting := e.give()
	found := e.Env.Await(limit, func() bool {
		e.take(waiting)
		found := e.poll(done)
		e.give()
		return found
	})
	e.take(waiting)
	e.add(Step{Op: opAwaited, Found: found})
	return found
}

// poll looks once. Looks in a row that find nothing, and between which nothing happens, are one step.
func (e *recordingEnv) poll(done func() bool) bool {
	at := e.add(Step{Op: opPoll, Count: 1})
	found := done()
	if at < 0 {
		return found
	}
	steps := e.run.steps
	steps[at].Found = found
	if at > 0 && at == len(steps)-1 && !found {
		if before := &steps[at-1]; before.Op == opPoll && before.Thread == steps[at].Thread && !before.Found {
			before.Count++
			e.run.steps = steps[:at]
		}
	}
	return found
}

// Together implements conformance.Env.
func (e *recordingEnv) Together(functions ...func()) {
	first := e.threads + 1
	e.threads += len(functions)
	e.add(Step{Op: opTogether, First: first, Count: len(functions)})
	waiting := e.give()
	var recorded []func()
	for i, f := range functions {
		recorded = append(recorded, func() {
			beside := &thread{number: first + i}
			e.take(beside)
			defer func() {
				if beside.holds {
					e.add(Step{Op: opEnd})
					e.give()
				}
			}()
			e.add(Step{Op: opBegin})
			f()
		})
	}
	e.Env.Together(recorded...)
	e.take(waiting)
	e.add(Step{Op: opJoined})
}

// Entropy implements conformance.Env.
func (e *recordingEnv) Entropy() io.Reader { return recordingEntropy{e, e.Env.Entropy()} }

type recordingEntropy struct {
	env  *recordingEnv
	next io.Reader
}

// Read implements io.Reader.
func (r recordingEntropy) Read(p []byte) (int, error) {
	n, err := r.next.Read(p)
	problem := problemOf(err)
	r.env.add(Step{Op: opRandom, Bytes: bytes.Clone(p[:n]), Problem: problem})
	return n, problem.err()
}
