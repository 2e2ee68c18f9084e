package growth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/store"
	"countersign/actors/ticket"
	"countersign/actors/token/opaque"
)

// anyOf gives one of so many, by chance: memory that was used a moment ago would be flattered.
func anyOf(live int) func() int {
	random := rand.New(rand.NewPCG(1, uint64(live)))
	return func() int { return random.IntN(live) }
}

func nothing() {}

var errNotThere = errors.New("a live token is not found")

func nameOf(i int) string { return fmt.Sprintf("%043d", i) }

func recordOf(i int) opaque.Record {
	return opaque.Record{Secret: fmt.Sprintf("secret-%032d", i), Client: "client-b", User: fmt.Sprint("user-", i), Expires: time.Now().Unix() + 86400}
}

func bareMap(live int) (func() error, func(), error) {
	all := make(map[[sha256.Size]byte]opaque.Record, live)
	names := make([]string, live)
	for i := range live {
		names[i] = nameOf(i)
		all[sha256.Sum256([]byte(names[i]))] = recordOf(i)
	}
	next := anyOf(live)
	return func() error {
		var room [64]byte
		if r, there := all[sha256.Sum256(append(room[:0], names[next()]...))]; !there || time.Now().Unix() >= r.Expires {
			return errNotThere
		}
		return nil
	}, nothing, nil
}

func opaqueTokens(live int) (func() error, func(), error) {
	tokens := &opaque.Tokens{Now: time.Now}
	names := make([]string, live)
	for i := range live {
		names[i] = nameOf(i)
		if err := tokens.HandOver(names[i], recordOf(i)); err != nil {
			return nil, nil, err
		}
	}
	next := anyOf(live)
	return func() error {
		_, err := tokens.Find(names[next()])
		return err
	}, nothing, nil
}

// still is a clock that stands, so that nothing ends while it is measured.
type still time.Time

func (s still) Now() time.Time      { return time.Time(s) }
func (still) Sleep(d time.Duration) { panic("a validator has slept") }

// confirming is an account server without a network, which confirms every pair.
type confirming struct{ issuer string }

func (c confirming) RoundTrip(r *http.Request) (*http.Response, error) {
	members := map[string]any{"profile": ticket.Profile, "issuer": c.issuer, "verification_endpoint": c.issuer + "/verification"}
	if r.Method == http.MethodPost {
		var shown struct {
			User string `json:"user_id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&shown); err != nil {
			return nil, err
		}
		members = map[string]any{"active": true, "user_id": shown.User, "app_id": "app-a", "exp": time.Now().Unix() + 86400, "cache_lifetime": 60}
	}
	body, err := json.Marshal(members)
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, err
}

func keptTickets(live int) (func() error, func(), error) {
	const issuer, key = "http://127.0.0.1:1", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	v := &ticket.Validator{Server: &ticket.AppServer{
		Env: actors.Env{Clock: still(time.Now()), HTTP: &http.Client{Transport: confirming{issuer}}, Store: &store.Memory{}},
		ID:  "app-a", Issuer: issuer, Secret: "a secret of the app's",
	}}
	ctx, users := context.Background(), make([]string, live)
	for i := range live {
		users[i] = fmt.Sprintf("user-%09d", i)
		if err := v.Validate(ctx, users[i], key); err != nil {
			return nil, nil, err
		}
	}
	next := anyOf(live)
	return func() error { return v.Validate(ctx, users[next()], key) }, nothing, nil
}
