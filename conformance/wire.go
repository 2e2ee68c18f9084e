package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance/redact"
)

// Stage holds the addresses at which the harness plays parties on real connections. A party that nobody plays answers 204 to everything,
// so that a target which tells it something is content.
type Stage struct {
	mu      sync.Mutex
	parties map[string]*party
	news    chan struct{} // closed and renewed whenever a party has answered
	moved   time.Duration // by how much the target's clock is ahead of this machine's
}

type party struct {
	listener net.Listener
	server   *http.Server
	origin   string
	roles    []role
}

// role is how one check plays a party.
type role struct {
	by      *Wire
	handler http.Handler
}

// playing is the role of the check that took it last and is not waiting aside; the zero value for none.
func (p *party) playing() role {
	for _, r := range slices.Backward(p.roles) {
		if !r.by.aside {
			return r
		}
	}
	return role{}
}

// Listen opens an address for a party and returns its origin. Port 0 takes any free one.
func (st *Stage) Listen(name, address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("the harness cannot listen as %s at %s: %w", name, address, err)
	}
	return st.Serve(name, l), nil
}

// Serve plays a party on a listener that is open, as one over TLS, which it closes, and returns the origin that it would have over plain HTTP.
func (st *Stage) Serve(name string, l net.Listener) string {
	p := &party{listener: l, origin: "http://" + l.Addr().String()}
	p.server = partyServer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == heldPath {
			tellHeld(w, name)
			return
		}
		st.mu.Lock()
		playing := p.playing()
		st.mu.Unlock()
		defer st.announce()
		if playing.by == nil {
			idle(w, r)
			return
		}
		defer st.notice(name, playing.by)
		playing.handler.ServeHTTP(w, r)
	})
	st.mu.Lock()
	if st.parties == nil {
		st.parties = map[string]*party{}
		st.news = make(chan struct{})
	}
	st.parties[name] = p
	st.mu.Unlock()
	go func() { _ = p.server.Serve(l) }() // ends with Close
	return p.origin
}

// notice keeps a panic of a party for the check that plays it; it goes on to end the connection.
func (st *Stage) notice(name string, by *Wire) {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		st.mu.Lock()
		by.broken = fmt.Errorf("the harness broke as %s: %v", name, v)
		st.mu.Unlock()
	}
	panic(http.ErrAbortHandler)
}

func (st *Stage) announce() {
	st.mu.Lock()
	defer st.mu.Unlock()
	close(st.news)
	st.news = make(chan struct{})
}

func (st *Stage) play(by *Wire, name string, h http.Handler) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	p, ok := st.parties[name]
	if !ok {
		return fmt.Errorf("it has no address of that name")
	}
	p.roles = append(slices.DeleteFunc(p.roles, func(r role) bool { return r.by == by }), role{by, h})
	return nil
}

// leave ends all roles of a check.
func (st *Stage) leave(by *Wire) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, p := range st.parties {
		p.roles = slices.DeleteFunc(p.roles, func(r role) bool { return r.by == by })
	}
}

// setAside lets others play the parties of a check, or no longer.
func (st *Stage) setAside(w *Wire, aside bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	w.aside = aside
}

func (st *Stage) await(ctx context.Context, limit time.Duration, done func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		st.mu.Lock()
		news := st.news
		st.mu.Unlock()
		if done() {
			return true
		}
		select {
		case <-news:
		case <-timer.C:
			return done()
		case <-ctx.Done():
			return done()
		}
	}
}

// Close stops listening.
func (st *Stage) Close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, p := range st.parties {
		_ = p.server.Close()
		_ = p.listener.Close() // the server does not know it before Serve has begun
	}
}

// Wire is the Env of checks on real connections.
type Wire struct {
	// Context ends waits and exchanges when it ends; nil for one that never does.
	Context context.Context
	Stage   *Stage
	// Limit bounds one exchange with the target; 0 means 10 s.
	Limit time.Duration
	// Bound bounds all exchanges and waits of the check together, without the time that Advance lets pass; 0 means 20 times Limit.
	Bound time.Duration
	// MaxWait is how long Advance waits in real time when Clock is nil.
	MaxWait time.Duration
	// Clock moves the target's clock forward and gives its new time; nil when it offers none.
	Clock func(time.Duration) (time.Time, error)
	// Random is the harness's random stream.
	Random io.Reader
	// Aliases are the origins that reports call by name.
	Aliases []redact.Name
	// Through, if set, gives the transport that exchanges go over, made of the harness's own: for TLS, and for metadata that a configuration says.
	Through func(*http.Transport) http.RoundTripper
	// OnClose, if set, is called by Close.
	OnClose func()

	mu        sync.Mutex
	client    *http.Client
	allowance *allowance

	// Both belong to the Stage.
	aside  bool  // it waits while others have their turn
	broken error // what broke in a party that it plays
}

func (w *Wire) context() context.Context {
	if w.Context == nil {
		return context.Background()
	}
	return w.Context
}

// HTTP implements Env.
func (w *Wire) HTTP() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		// Each exchange has a connection of its own: what a target sends unasked is then the answer of no other request, and net/http does not log it.
		own := &http.Transport{MaxResponseHeaderBytes: maxHeader, DisableCompression: true, DisableKeepAlives: true}
		var next http.RoundTripper = own
		if w.Through != nil {
			next = w.Through(own)
		}
		w.client = &http.Client{
			Timeout:       w.limit(),
			Transport:     contextTransport{w.allowed(), next, own},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return w.client
}

func (w *Wire) limit() time.Duration {
	if w.Limit == 0 {
		return 10 * time.Second
	}
	return w.Limit
}

// allowed is the check's allowance, which begins when it is first asked for; w.mu is held.
func (w *Wire) allowed() *allowance {
	if w.allowance == nil {
		bound := w.Bound
		if bound == 0 {
			bound = limitsInBound * w.limit()
		}
		w.allowance = newAllowance(w.context(), bound)
	}
	return w.allowance
}

// time is allowed where w.mu is not held.
func (w *Wire) time() *allowance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.allowed()
}

// contextTransport ends exchanges with the run, or when the check has used up its time.
type contextTransport struct {
	allowance *allowance
	next      http.RoundTripper
	own       *http.Transport // below next
}

func (t contextTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, end := context.WithCancel(context.WithValue(req.Context(), allowanceKey{}, t.allowance))
	context.AfterFunc(t.allowance.ctx, end) // and not earlier: the body is yet to be read
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.allowance.overdue(err)
	}
	resp.Body = hastened{resp.Body, t.allowance}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (t contextTransport) CloseIdleConnections() { t.own.CloseIdleConnections() }

// Play implements Env.
func (w *Wire) Play(name string, h http.Handler) error { return w.Stage.play(w, name, h) }

// Now implements Env.
func (w *Wire) Now() time.Time {
	w.Stage.mu.Lock()
	defer w.Stage.mu.Unlock()
	return time.Now().Add(w.Stage.moved)
}

// Advance implements Env.
func (w *Wire) Advance(d time.Duration) error {
	if w.Clock != nil {
		now, err := w.Clock(d)
		if err != nil {
			return err
		}
		w.Stage.mu.Lock()
		w.Stage.moved = time.Until(now)
		w.Stage.mu.Unlock()
		return nil
	}
	if d > w.MaxWait {
		return ErrNoClock
	}
	defer w.time().wait()()
	if turn := asideIn(w.context()); turn != nil {
		w.Stage.setAside(w, true)
		turn.end()
		defer func() {
			turn.goOn()
			w.Stage.setAside(w, false)
		}()
	}
	w.Stage.await(w.time().ctx, d, func() bool { return false })
	return w.context().Err()
}

// Await implements Env.
func (w *Wire) Await(limit time.Duration, done func() bool) bool {
	return w.Stage.await(w.time().ctx, limit, done)
}

// Together implements Env.
func (w *Wire) Together(functions ...func()) {
	var running sync.WaitGroup
	for _, f := range functions {
		running.Go(f)
	}
	running.Wait()
}

// Entropy implements Env.
func (w *Wire) Entropy() io.Reader { return w.Random }

// Within implements Env.
func (w *Wire) Within(check func()) error {
	check()
	w.Stage.mu.Lock()
	defer w.Stage.mu.Unlock()
	return w.broken
}

// Names implements Env.
func (w *Wire) Names() []redact.Name { return w.Aliases }

// Close implements Env.
func (w *Wire) Close() {
	w.Stage.leave(w)
	w.HTTP().CloseIdleConnections()
	w.time().close()
	if w.OnClose != nil {
		w.OnClose()
	}
}

// PostClock moves a clock through the target's test clock endpoint, section 9 of the profiles.
func PostClock(client *http.Client, endpoint string) func(time.Duration) (time.Time, error) {
	return func(d time.Duration) (time.Time, error) {
		form := url.Values{"advance": {fmt.Sprint(int64((d + time.Second - 1) / time.Second))}}
		resp, err := client.Post(endpoint, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		if err != nil {
			return time.Time{}, err
		}
		defer resp.Body.Close()
		var told struct {
			Now int64 `json:"now"`
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, MaxBody)).Decode(&told); err != nil || resp.StatusCode != http.StatusOK || told.Now == 0 {
			return time.Time{}, fmt.Errorf("the test clock at %s answered %s and not 200 with the new time, as {\"now\": 1767225600}", endpoint, resp.Status)
		}
		return time.Unix(told.Now, 0), nil
	}
}
