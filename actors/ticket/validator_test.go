package ticket_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/store"
	"countersign/actors/store/shared"
	"countersign/actors/ticket"
)

// accounts is an account server that says what it is told to, and counts how often it is asked.
type accounts struct {
	mu     sync.Mutex
	now    time.Time
	asked  int
	answer string
	arrive func()        // before it answers
	takes  time.Duration // for how long each answer is under way
	silent int           // so many verification requests get none at first
	script []saying      // what the first verification requests get in place of answer and takes
}

type saying struct {
	answer string
	takes  time.Duration
}

// What a validator asks about, and what it is told.
const (
	validUser = "0123456789abcdefghijklmn"
	validKey  = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	confirmed = `{"active":true,"user_id":"` + validUser + `","app_id":"one","exp":2000,"cache_lifetime":30}`
	refused   = `{"active":false}`
)

// server is an app server that asks these accounts.
func (a *accounts) server(clock actors.Clock) *ticket.AppServer {
	return &ticket.AppServer{
		Env: actors.Env{Clock: clock, HTTP: &http.Client{Transport: a, Timeout: time.Minute}, Store: &store.Memory{}},
		ID:  "one", Issuer: issuer, Secret: "a secret", BaseURL: "http://one.localhost",
	}
}

func (a *accounts) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

func (a *accounts) Sleep(time.Duration) { panic("nobody sleeps") }

func (a *accounts) pass(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(d)
}

func (a *accounts) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"profile":"ticket@1","issuer":"` + issuer + `","verification_endpoint":"` + issuer + `/verification"}`
	if r.Method == http.MethodPost {
		a.mu.Lock()
		a.asked++
		arrive := a.arrive
		a.arrive = nil
		takes := a.takes
		if body = a.answer; a.asked <= a.silent {
			body = ""
		}
		if a.asked <= len(a.script) {
			body, takes = a.script[a.asked-1].answer, a.script[a.asked-1].takes
		}
		a.mu.Unlock()
		if arrive != nil {
			arrive()
		}
		if takes > 0 {
			select {
			case <-time.After(takes):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	if body == "" {
		return nil, errors.New("nobody is there")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {jsonType}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// getResource shows the ticket to an app server.
func getResource(h http.Handler) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://one.localhost/resource", nil)
	r.Header.Set("Authorization", `Ticket user_id="`+validUser+`", authorization_key="`+validKey+`"`)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// heedful is a shared store that does nothing for whoever has hung up, as one across a network.
type heedful struct{ shared.Local }

func (h heedful) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return h.Local.Add(ctx, key, value, until)
}

var _ = Describe("A validator of tickets", func() {
	const user, key, yes, no = validUser, validKey, confirmed, refused
	var (
		at  *accounts
		ctx = context.Background()
	)
	BeforeEach(func() { at = &accounts{now: time.Unix(1000, 0), answer: yes} })
	server := func() *ticket.AppServer { return at.server(at) }

	for name, made := range map[string]func() *ticket.Validator{
		"of one server": func() *ticket.Validator { return &ticket.Validator{Server: server()} },
		"with a shared store": func() *ticket.Validator {
			return &ticket.Validator{Server: server(), Shared: shared.Local{Store: &store.Memory{}, Bucket: "b", Now: at.Now}}
		},
	} {
		Context(name, func() {
			var v *ticket.Validator
			BeforeEach(func() { v = made() })

			It("asks once for as long as the answer says, about each pair by itself", func() {
				for range 3 {
					Expect(v.Validate(ctx, user, key)).To(Succeed())
				}
				Expect(at.asked).To(Equal(1))
				at.answer = no
				Expect(v.Validate(ctx, user, key[1:]+"x")).To(MatchError(ticket.ErrDenied))
				Expect(v.Validate(ctx, user[1:]+"x", key)).To(MatchError(ticket.ErrDenied))
				at.pass(29 * time.Second)
				Expect(v.Validate(ctx, user, key)).To(Succeed())
				at.pass(time.Second)
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
			})

			It("keeps nothing beyond the ticket's end, and at most a minute", func() {
				at.answer = strings.Replace(yes, "30", "100000", 1)
				Expect(v.Validate(ctx, user, key)).To(Succeed())
				at.pass(time.Minute)
				Expect(v.Validate(ctx, user, key)).To(Succeed())
				Expect(at.asked).To(Equal(2))
				at.answer = strings.Replace(yes, "2000", "1065", 1)
				at.pass(time.Minute - time.Second)
				at.pass(time.Second)
				Expect(v.Validate(ctx, user, key)).To(Succeed(), "whether it has ended is for the account server to say")
				Expect(v.Validate(ctx, user, key)).To(Succeed())
				Expect(at.asked).To(Equal(4), "an answer about what has ended is not kept")
			})

			It("keeps no denial, unless it is told to", func() {
				at.answer = no
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				Expect(at.asked).To(Equal(2))
				v.DeniedKept = 5 * time.Second
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				at.answer = yes
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				Expect(at.asked).To(Equal(3))
				at.pass(5 * time.Second)
				Expect(v.Validate(ctx, user, key)).To(Succeed())
			})

			It("takes no confirmation of another user or app, and no outage for a denial", func() {
				for _, other := range []string{strings.Replace(yes, user, "somebody", 1), strings.Replace(yes, `"one"`, `"two"`, 1)} {
					at.answer = other
					Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				}
				at.answer = ""
				err := v.Validate(ctx, user, key)
				Expect(err).To(HaveOccurred())
				Expect(errors.Is(err, ticket.ErrDenied)).To(BeFalse())
			})

			It("asks nobody about a pair that cannot be", func() {
				Expect(v.Validate(ctx, user, "a\nb")).NotTo(Succeed())
				Expect(at.asked).To(BeZero())
			})

			It("is told of revocations, and an answer that was under way does not undo one", func() {
				Expect(v.Validate(ctx, user, key)).To(Succeed())
				Expect(v.Revoke(ctx, user, key)).To(Succeed())
				Expect(v.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
				Expect(at.asked).To(Equal(1))

				other := key[1:] + "x"
				at.arrive = func() { Expect(v.Revoke(ctx, user, other)).To(Succeed()) }
				Expect(v.Validate(ctx, user, other)).To(MatchError(ticket.ErrDenied))
				Expect(v.Validate(ctx, user, other)).To(MatchError(ticket.ErrDenied))
				Expect(at.asked).To(Equal(2))
			})
		})
	}

	It("tells all servers of an app of a revocation by the store that they share", func() {
		among := shared.Local{Store: &store.Memory{}, Bucket: "b", Now: at.Now}
		first, second := &ticket.Validator{Server: server(), Shared: among}, &ticket.Validator{Server: server(), Shared: among}
		Expect(first.Validate(ctx, user, key)).To(Succeed())
		Expect(second.Validate(ctx, user, key)).To(Succeed())
		Expect(at.asked).To(Equal(1))
		Expect(first.Revoke(ctx, user, key)).To(Succeed())
		Expect(second.Validate(ctx, user, key)).To(MatchError(ticket.ErrDenied))
	})

	It("keeps the answer for the others when the one who asked first has hung up", func() {
		v := &ticket.Validator{Server: server(), Shared: heedful{shared.Local{Store: &store.Memory{}, Bucket: "b", Now: at.Now}}}
		gone, hangUp := context.WithCancel(ctx)
		at.arrive = hangUp
		Expect(v.Validate(gone, user, key)).To(Succeed())
		Expect(v.Validate(ctx, user, key)).To(Succeed())
		Expect(at.asked).To(Equal(1))
	})

	Describe("of an app server whose requests may wait for each other", func() {
		var one *ticket.AppServer
		BeforeEach(func() {
			one = server()
			one.Together = true
		})

		It("tells a denial from an outage", func() {
			h := one.Handler()
			at.answer = no
			w := getResource(h)
			Expect(w.Code).To(Equal(http.StatusUnauthorized))
			Expect(w.Header().Get("WWW-Authenticate")).To(ContainSubstring(`error="invalid_token"`))
			at.answer = ""
			Expect(getResource(h).Code).To(Equal(http.StatusServiceUnavailable))
		})

		It("leaves it to the guards where one of them is lifted", func() {
			one.Guards = guard.Set{}.Without("TI-AP-02")
			at.answer = no
			Expect(getResource(one.Handler()).Code).To(Equal(http.StatusOK))
		})
	})

	It("takes nothing from the heap for what is kept", func() {
		v := &ticket.Validator{Server: server()}
		Expect(v.Validate(ctx, user, key)).To(Succeed())
		Expect(testing.AllocsPerRun(100, func() { _ = v.Validate(ctx, user, key) })).To(BeZero())
	})
})
