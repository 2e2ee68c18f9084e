package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/store"
	"countersign/actors/store/shared"
	"countersign/actors/ticket"
)

// clock is real time for an actor that never sleeps.
type clock struct{}

func (clock) Now() time.Time        { return time.Now() }
func (clock) Sleep(d time.Duration) { panic("a validator has slept") }

// accounts is an account server on loopback that confirms every pair at once.
type accounts struct {
	issuer string
	server *http.Server
	served chan struct{}
}

const (
	ticketApp = "app-a"
	ticketKey = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

func serveAccounts() (*accounts, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no loopback port is to be had for the account server: %w", err)
	}
	a := &accounts{issuer: "http://" + listener.Addr().String(), served: make(chan struct{})}
	a.server = &http.Server{Handler: a.handler(), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(a.served)
		_ = a.server.Serve(listener) // that it was closed
	}()
	return a, nil
}

func (a *accounts) close() {
	_ = a.server.Close() // nobody waits for an answer any more
	<-a.served
}

// validator is that of an app server, which keeps its answers in a shared store, or in memory without one.
func (a *accounts) validator(common shared.Store) *ticket.Validator {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	return &ticket.Validator{Shared: common, Server: &ticket.AppServer{
		Env: actors.Env{Clock: clock{}, HTTP: client, Store: &store.Memory{}},
		ID:  ticketApp, Issuer: a.issuer, Secret: "a secret of the app's",
	}}
}

// TicketPath is the contest of a ticket that was confirmed a short time ago with a verification over loopback HTTP. done ends the server.
func TicketPath() (path Path, done func(), err error) {
	a, err := serveAccounts()
	if err != nil {
		return Path{}, nil, err
	}
	v, ctx := a.validator(nil), context.Background()
	asking := func(user string) func() error {
		return func() error { return v.Validate(ctx, user, ticketKey) }
	}
	if err := asking(keptUser)(); err != nil {
		a.close()
		return Path{}, nil, err
	}
	return Path{
		Name: "ticket", Floor: "the same, not kept: a verification by net/http over loopback, with a kept connection, at a server that answers at once", Slice: 2 * time.Millisecond,
		Variants: []Variant{variant("uncached", Aim{}, asking("nobody-keeps")), variant("ours, a hit", Aim{AtMost: 1. / 300, NoAllocations: true}, asking(keptUser))},
	}, a.close, nil
}

// keptUser is the one whose confirmations may be kept.
const keptUser = "alice"

func (a *accounts) handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, members map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(members) // the caller sees that it is cut short
	}
	mux.HandleFunc("GET /.well-known/ticket-accounts", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"profile": ticket.Profile, "issuer": a.issuer, "verification_endpoint": a.issuer + "/verification"})
	})
	mux.HandleFunc("POST /verification", func(w http.ResponseWriter, r *http.Request) {
		var shown struct {
			User string `json:"user_id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&shown); err != nil {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		lifetime := 0
		if shown.User == keptUser {
			lifetime = 60
		}
		answer(w, map[string]any{"active": true, "user_id": shown.User, "app_id": ticketApp, "exp": time.Now().Unix() + 86400, "cache_lifetime": lifetime})
	})
	return mux
}
