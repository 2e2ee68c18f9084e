// Package live is the real world for actors: real time, goroutines, real connections. It is the only package of actors that may touch any of them.
package live

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"time"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/store"
)

// World is what the actors of one process share. The zero value is ready; Close ends its background work.
type World struct {
	// Seed makes all randomness a function of it, for a reference that is run under test; nil takes it from the operating system.
	Seed *uint64
	// TLS is how actors reach others over https; nil trusts whom the machine trusts.
	TLS *tls.Config

	mu       sync.Mutex
	ahead    time.Duration
	advanced chan struct{} // closed, and made anew, when the clock is moved
	closed   chan struct{}
	work     sync.WaitGroup
}

// Env gives one actor what it needs; actor names its random streams.
func (w *World) Env(actor string, guards guard.Set) actors.Env {
	return actors.Env{
		Clock:   w,
		Entropy: w.entropy(actor),
		HTTP: &http.Client{
			Timeout:       10 * time.Second,
			Transport:     &http.Transport{MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, TLSClientConfig: w.TLS.Clone()},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Store:  &store.Memory{},
		Go:     w.run,
		Guards: guards,
	}
}

// Now implements actors.Clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

// Sleep implements actors.Clock. It ends when the world's clock has come so far, by itself or by Advance. When the world closes it ends the work that sleeps.
func (w *World) Sleep(d time.Duration) {
	due := w.Now().Add(d)
	for {
		moved := w.moved() // before the clock is read, so that no move falls in between
		left := due.Sub(w.Now())
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
		case <-w.done():
			timer.Stop()
			panic(http.ErrAbortHandler) // ends a handler quietly, and is caught by run
		}
		timer.Stop()
	}
}

// moved is closed when the clock is next moved.
func (w *World) moved() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.advanced == nil {
		w.advanced = make(chan struct{})
	}
	return w.advanced
}

// Advance moves the world's clock forward, never back, and gives the new time.
func (w *World) Advance(d time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += max(d, 0)
	if w.advanced != nil {
		close(w.advanced)
		w.advanced = nil
	}
	return time.Now().Add(w.ahead)
}

// Close ends background work and waits for it.
func (w *World) Close() {
	done := w.done()
	w.mu.Lock()
	select {
	case <-done:
	default:
		close(w.closed)
	}
	w.mu.Unlock()
	w.work.Wait()
}

func (w *World) done() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed == nil {
		w.closed = make(chan struct{})
	}
	return w.closed
}

func (w *World) run(_ string, work func()) {
	w.work.Go(func() {
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				panic(v)
			}
		}()
		work()
	})
}

func (w *World) entropy(actor string) func(string) io.Reader {
	if w.Seed == nil {
		return func(string) io.Reader { return rand.Reader }
	}
	var mu sync.Mutex
	streams := map[string]io.Reader{}
	return func(purpose string) io.Reader {
		mu.Lock()
		defer mu.Unlock()
		if streams[purpose] == nil {
			streams[purpose] = &stream{source: mathrand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d/%s/%s", *w.Seed, actor, purpose)))}
		}
		return streams[purpose]
	}
}

// stream is a random stream that several requests may draw from at once.
type stream struct {
	mu     sync.Mutex
	source *mathrand.ChaCha8
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Read(p)
}
