package ticket_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/actors/live"
	"countersign/actors/store"
	"countersign/actors/store/shared"
	"countersign/actors/ticket"
)

const (
	endless = `{"active":true,"user_id":"` + validUser + `","app_id":"one","cache_lifetime":30}`
	many    = 50
)

// together does the same so many times at a time. In virtual time no answer comes before all wait for one.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// Those that ask about a ticket at a time share the answer, where it may be kept. Of any other, each asks for himself: it is no answer to his question.
func TestAnAnswerIsSharedWhereItMayBeKept(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		silent       int
		asked        int
		failed       int
		denied       bool
	}{
		{what: "a confirmation that may be kept", answer: endless, asked: 1},
		{what: "a confirmation that may not be kept", answer: strings.Replace(endless, "30", "0", 1), asked: many},
		{what: "a denial", answer: refused, asked: many, failed: many, denied: true},
		{what: "an outage", asked: 2 * many, failed: many},
		{what: "an outage of the first one alone", answer: endless, silent: 2, asked: 2 + many - 1, failed: 1},
	} {
		for place, common := range map[string]shared.Store{"memory": nil, "a shared store": shared.Local{Store: &store.Memory{}, Bucket: "b", Now: time.Now}} {
			t.Run(c.what+", in "+place, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					at := &accounts{answer: c.answer, silent: c.silent, takes: time.Second}
					v := &ticket.Validator{Server: at.server(&live.World{}), Shared: common}
					var said [many]error
					together(many, func(i int) { said[i] = v.Validate(t.Context(), validUser, validKey) })
					failed := 0
					for _, err := range said {
						if err != nil {
							failed++
						}
						if errors.Is(err, ticket.ErrDenied) != c.denied {
							t.Errorf("the error is %v", err)
						}
					}
					if at.asked != c.asked || failed != c.failed {
						t.Errorf("asked %d times, and %d of %d failed", at.asked, failed, many)
					}
				})
			})
		}
	}
}

// An app server is to answer within 4 s of the request's arrival, whatever it has waited for (profile section 5.2).
func TestAWaitForAnotherIsAPartOfTheTimeToAnswer(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		takes        time.Duration
	}{
		{"a confirmation that may not be kept", strings.Replace(endless, "30", "0", 1), 3 * time.Second},
		{"a denial", refused, 3 * time.Second},
		{"no answer", "", time.Minute},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := &accounts{answer: c.answer, takes: c.takes}
				one := at.server(&live.World{})
				one.Together = true
				h := one.Handler()
				together(2, func(i int) {
					time.Sleep(time.Duration(i) * 100 * time.Millisecond)
					arrived := time.Now()
					getResource(h)
					if took := time.Since(arrived); took > 4*time.Second {
						t.Errorf("request %d was answered after %v", i, took)
					}
				})
				if at.asked < 2 {
					t.Errorf("asked %d times about two requests", at.asked)
				}
			})
		})
	}
}

// An error is no answer to who comes meanwhile: he asks anew, in the time that is left (profile section 5.3).
func TestWhoComesWhileAnotherIsLeftWithoutAnAnswerAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &accounts{answer: endless, silent: 2, takes: 3 * time.Second}
		one := at.server(&live.World{})
		one.Together = true
		h := one.Handler()
		together(2, func(i int) {
			want := http.StatusServiceUnavailable
			if i == 1 {
				time.Sleep(3400 * time.Millisecond)
				want = http.StatusOK
			}
			if got := getResource(h).Code; got != want {
				t.Errorf("request %d has status %d, and not %d", i, got, want)
			}
		})
	})
}

// Many requests with one ticket cost one verification.
func TestAnAppServerAsksOnceForAllThatComeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &accounts{answer: endless, takes: time.Second}
		one := at.server(&live.World{})
		one.Together = true
		h := one.Handler()
		together(many, func(i int) {
			if got := getResource(h).Code; got != http.StatusOK {
				t.Errorf("request %d has status %d", i, got)
			}
		})
		if at.asked != 1 {
			t.Errorf("asked %d times", at.asked)
		}
	})
}

// What one of them is told is kept for the others, also where he has hung up since.
func TestAnAnswerToWhoHasHungUpIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &accounts{answer: endless, silent: 2, takes: time.Second}
		v := &ticket.Validator{Server: at.server(&live.World{}), Shared: heedful{shared.Local{Store: &store.Memory{}, Bucket: "b", Now: time.Now}}}
		gone, hangUp := context.WithCancel(t.Context())
		together(2, func(i int) {
			if i == 0 {
				if v.Validate(t.Context(), validUser, validKey) == nil {
					t.Error("the account server gave no answer at first, and a ticket was confirmed")
				}
				return
			}
			time.Sleep(time.Millisecond)
			time.AfterFunc(time.Second, hangUp)
			_ = v.Validate(gone, validUser, validKey) // nobody is there to be told
		})
		asked := at.asked
		if err := v.Validate(t.Context(), validUser, validKey); err != nil || at.asked != asked {
			t.Errorf("asked %d times, and then %d times: %v", asked, at.asked, err)
		}
	})
}

// A denial counts from the moment that it is there, whatever was confirmed shortly before to somebody who asked at the same time.
func TestADenialEndsAConfirmationThatIsKept(t *testing.T) {
	for place, common := range map[string]shared.Store{"memory": nil, "a shared store": shared.Local{Store: &store.Memory{}, Bucket: "b", Now: time.Now}} {
		t.Run("in "+place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := &accounts{answer: refused, script: []saying{
					{strings.Replace(endless, "30", "0", 1), time.Second}, // which the others do not share, so that each asks
					{endless, 500 * time.Millisecond}, {refused, time.Second},
				}}
				v := &ticket.Validator{Server: at.server(&live.World{}), Shared: common}
				var denied atomic.Int32
				together(3, func(int) {
					if errors.Is(v.Validate(t.Context(), validUser, validKey), ticket.ErrDenied) {
						denied.Add(1)
					}
				})
				if at.asked != 3 || denied.Load() != 1 {
					t.Errorf("asked %d times, and denied %d times", at.asked, denied.Load())
				}
				if err := v.Validate(t.Context(), validUser, validKey); !errors.Is(err, ticket.ErrDenied) {
					t.Errorf("after the denial the validator says %v", err)
				}
			})
		})
	}
}
