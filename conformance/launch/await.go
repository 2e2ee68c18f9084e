package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// DefaultWait is how long a target may take until it answers.
const DefaultWait = 30 * time.Second

// between is the time between two questions whether a target answers; oneTry is how long one of them may take.
const (
	between = 50 * time.Millisecond
	oneTry  = 2 * time.Second
)

// Running is a target that has been started.
type Running interface {
	// Ended is closed once the target has ended, and Cause says then how.
	Ended() <-chan struct{}
	Cause() error
	// Stop ends the target and returns when it has ended. It may be called again.
	Stop()
}

// Door is where a target is to answer.
type Door struct {
	// URL is asked with GET: that of the metadata document, where it is known.
	URL string
	// Through is the transport to it; nil: http.DefaultTransport.
	Through http.RoundTripper
}

// Free finds that nothing answers there yet. The error is a *TakenError.
func (d Door) Free(ctx context.Context) error {
	if d.ask(ctx) == nil {
		return &TakenError{d.URL}
	}
	return nil
}

// Await waits until the target answers, for as long as wait; 0: DefaultWait. The error is an *EndedError, a *CommandError, a *SilentError with the last lines of out,
// or that of ctx.
func (d Door) Await(ctx context.Context, target Running, out *Output, wait time.Duration) error {
	if wait == 0 {
		wait = DefaultWait
	}
	limited, end := context.WithTimeout(ctx, wait)
	defer end()
	pause := time.NewTicker(between)
	defer pause.Stop()
	last := errors.New("it has not been asked")
	for {
		err := d.ask(limited)
		select {
		case <-target.Ended(): // also where another has answered in its place
			return d.before(target.Cause())
		default:
		}
		if err == nil {
			return nil
		}
		if limited.Err() == nil {
			last = err
		}
		select {
		case <-target.Ended():
			return d.before(target.Cause())
		case <-limited.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return &SilentError{URL: d.URL, Wait: wait, Err: last, Output: out.Last()}
		case <-pause.C:
		}
	}
}

// before says of a target that has ended that it had not answered yet.
func (d Door) before(cause error) error {
	var ended *EndedError
	if errors.As(cause, &ended) {
		ended.URL = d.URL
	}
	return cause
}

// ask finds out whether there is any HTTP answer but one that says that nobody is behind it yet.
func (d Door) ask(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, oneTry)
	defer end()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: d.Through, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	_ = answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("the answer is %s", answer.Status)
	}
	return nil
}

// FreePort is a port of the loopback interface that was free a moment ago. It lies below those that systems give to whoever asks for any,
// so that nobody gets it by accident before the target listens there.
func FreePort() (int, error) {
	const lowest, count = 10000, 10000
	var failure error
	for range 100 {
		port := lowest + rand.IntN(count)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
		failure = err
	}
	return 0, &NoPortError{failure}
}

// PortOf is the port of a URL, also where only its scheme tells it; 0 when it is none.
func PortOf(target string) int {
	u, err := url.Parse(target)
	if err != nil {
		return 0
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	return map[string]int{"http": 80, "https": 443}[u.Scheme]
}
