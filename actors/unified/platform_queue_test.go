package unified_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/store"
	"countersign/actors/store/bolt"
	"countersign/actors/unified"
)

// names are as many users as asked for, the same ones again after nine.
func names(count int) (list []string) {
	for i := range count {
		list = append(list, "u"+string(rune('1'+i%9)))
	}
	return list
}

// refusing answers every request with the status.
func refusing(status int) func(http.ResponseWriter, telling) bool {
	return func(w http.ResponseWriter, _ telling) bool {
		w.WriteHeader(status)
		return true
	}
}

// waits are the times between requests, in whole seconds.
func waits(heard []telling) (list []float64) {
	for i := range heard[1:] {
		list = append(list, (heard[i+1].at - heard[i].at).Seconds())
	}
	return list
}

var _ = Describe("A queue of logout tasks", func() {
	var h *hall
	BeforeEach(func() { h = newHall(guard.Set{}) })

	It("is flushed when no task has come for the idle time", func() {
		h.run(func() {
			h.logOut("tp-a", names(2)...)
			last := h.world.Now()
			h.sleep(hallIdle - time.Second)
			Expect(h.parties["tp-a"].heard).To(BeEmpty())
			h.sleep(2 * time.Second)
			heard := h.parties["tp-a"].heard
			Expect(heard).To(HaveLen(1))
			Expect(heard[0].at).To(BeNumerically("~", last+hallIdle, time.Second))
			Expect(heard[0].subs()).To(Equal([]string{"sub-u1", "sub-u2"}))
			Expect(heard[0].ids()).To(HaveEach(MatchRegexp(`^[A-Za-z0-9_-]{22,}$`)))
			h.sleep(time.Hour)
			Expect(h.parties["tp-a"].heard).To(HaveLen(1), "what is done is done")
		})
	})

	It("is flushed at once when it holds the limit, and goes by the same rules for what is left", func() {
		h.run(func() {
			h.logOut("tp-a", names(hallLimit)...)
			full := h.world.Now()
			h.logOut("tp-a", "u1")
			last := h.world.Now()
			h.sleep(time.Second)
			heard := h.parties["tp-a"].heard
			Expect(heard).To(HaveLen(1))
			Expect(heard[0].tasks).To(HaveLen(hallLimit))
			Expect(heard[0].at).To(BeNumerically("~", full, time.Second))
			h.sleep(hallIdle + time.Second)
			heard = h.parties["tp-a"].heard
			Expect(heard).To(HaveLen(2))
			Expect(heard[1].subs()).To(Equal([]string{"sub-u1"}))
			Expect(heard[1].at).To(BeNumerically("~", last+hallIdle, time.Second))
		})
	})

	It("is flushed at the upper bound when tasks trickle in", func() {
		h.run(func() {
			var first time.Duration
			for i := range 8 {
				h.logOut("tp-a", names(8)[i])
				if i == 0 {
					first = h.world.Now()
				}
				h.sleep(4 * time.Second)
			}
			heard := h.parties["tp-a"].heard
			Expect(heard).NotTo(BeEmpty())
			Expect(heard[0].at).To(BeNumerically("~", first+hallMaxWait, time.Second))
			Expect(heard[0].subs()[0]).To(Equal("sub-u1"))
		})
	})

	It("sends what a partial answer left, and only that, in its order, with the same identity", func() {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, b telling) bool {
			if len(a.heard) > 1 {
				return false
			}
			ids := b.ids()
			a.reply(w, b, []string{ids[1], ids[3], "a task that nobody asked about"}, ids[:1])
			return true
		}
		h.run(func() {
			h.logOut("tp-a", names(5)...)
			h.sleep(time.Minute)
			Expect(a.heard).To(HaveLen(2))
			first := a.heard[0]
			Expect(a.heard[1].tasks).To(Equal([]toldTask{first.tasks[0], first.tasks[2], first.tasks[4]}))
			Expect(waits(a.heard)[0]).To(And(BeNumerically(">=", 1), BeNumerically("<", 2.2)))
			Expect(a.heard[1].jti).NotTo(Equal(first.jti))
		})
	})

	It("keeps all tasks of one that is down for an hour, tries at growing intervals, and delivers them then", func() {
		a := h.parties["tp-a"]
		a.answer = refusing(http.StatusBadGateway)
		h.run(func() {
			h.logOut("tp-a", names(3)...)
			h.sleep(30 * time.Minute)
			h.logOut("tp-a", names(2*hallLimit)...)
			h.sleep(30 * time.Minute)
			tries := len(a.heard)
			between := waits(a.heard)
			for i, wait := range between {
				least := min(float64(int(1)<<i), 300)
				Expect(wait).To(And(BeNumerically(">=", least), BeNumerically("<=", least*1.2+1)), "wait %d of %v", i, between)
			}
			Expect(tries).To(BeNumerically(">", 15))
			down := map[string]bool{}
			for _, b := range a.heard {
				for _, id := range b.ids() {
					down[id] = true
				}
			}
			a.answer = nil
			h.sleep(7 * time.Minute)
			delivered := a.heard[tries:]
			Expect(delivered).To(HaveLen(3))
			Expect(delivered[0].tasks).To(HaveLen(hallLimit))
			Expect(delivered[1].tasks).To(HaveLen(hallLimit))
			Expect(delivered[2].tasks).To(HaveLen(3))
			Expect(delivered[0].subs()[:4]).To(Equal([]string{"sub-u1", "sub-u2", "sub-u3", "sub-u1"}), "the oldest first")
			Expect(down).To(HaveKey(delivered[0].ids()[0]), "under the name that it had all the time")
			Expect(h.workers).To(BeZero())
		})
	})

	It("does not wait for the queue of one that hangs", func() {
		h.parties["tp-a"].answer = func(http.ResponseWriter, telling) bool {
			h.parties["tp-a"].host.Clock().Sleep(time.Minute)
			return true
		}
		h.run(func() {
			h.logOut("tp-a", "u1")
			h.sleep(hallIdle + 2*time.Second)
			Expect(h.parties["tp-a"].heard).To(HaveLen(1))
			h.logOut("tp-b", "u2")
			last := h.world.Now()
			h.sleep(hallIdle + time.Second)
			Expect(h.parties["tp-b"].heard).To(HaveLen(1))
			Expect(h.parties["tp-b"].heard[0].at).To(BeNumerically("~", last+hallIdle, time.Second))
			h.sleep(time.Minute)
			between := waits(h.parties["tp-a"].heard)
			Expect(between[0]).To(And(BeNumerically(">=", 11), BeNumerically("<", 12.3)), "ten seconds of patience, and one second")
		})
	})

	It("has one worker while it holds anything, and none after", func() {
		h.run(func() {
			for range 3 {
				h.logOut("tp-a", names(2*hallLimit)...)
				h.logOut("tp-b", names(2)...)
				h.sleep(time.Minute)
				Expect(h.workers).To(BeZero())
			}
			Expect(h.most).To(Equal(2))
		})
	})

	DescribeTable("waits for as long as it is asked to, up to 300 seconds",
		func(header string, least, most float64) {
			a := h.parties["tp-a"]
			a.answer = func(w http.ResponseWriter, _ telling) bool {
				if len(a.heard) > 1 {
					return false
				}
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			h.run(func() {
				h.logOut("tp-a", "u1")
				h.sleep(10 * time.Minute)
				Expect(waits(a.heard)[0]).To(And(BeNumerically(">=", least), BeNumerically("<", most)))
			})
		},
		Entry("a minute", "60", 60.0, 73.0),
		Entry("the most", "300", 300.0, 361.0),
		Entry("not longer", "301", 1.0, 2.0),
		Entry("not what is no number of seconds", "soon", 1.0, 2.0),
		Entry("not shorter than its own wait", "0", 1.0, 2.0),
	)

	DescribeTable("takes nothing for done but by a sealed answer to this request",
		func(answer func(l *listener, w http.ResponseWriter, b telling)) {
			a := h.parties["tp-a"]
			a.answer = func(w http.ResponseWriter, b telling) bool {
				if len(a.heard) > 1 {
					return false
				}
				answer(a, w, b)
				return true
			}
			h.run(func() {
				h.logOut("tp-a", "u1", "u2")
				h.sleep(time.Minute)
				Expect(a.heard).To(HaveLen(2))
				Expect(a.heard[1].tasks).To(Equal(a.heard[0].tasks))
			})
		},
		Entry("not an empty one", func(_ *listener, w http.ResponseWriter, _ telling) { w.WriteHeader(http.StatusOK) }),
		Entry("not a plain one", func(_ *listener, w http.ResponseWriter, b telling) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"iss":"tp-a","aud":"`+hallIssuer+`","iat":1767225600,"jti":"plain","in_reply_to":"`+b.jti+`","results":[{"task_id":"`+b.ids()[0]+`","status":"done"}]}`)
		}),
		Entry("not one to another request", func(l *listener, w http.ResponseWriter, b telling) {
			b.jti = "another"
			l.reply(w, b, b.ids(), nil)
		}),
		Entry("not one of another third-party platform", func(l *listener, w http.ResponseWriter, b telling) { l.hall.parties["tp-b"].reply(w, b, b.ids(), nil) }),
		Entry("not one with another status", func(l *listener, w http.ResponseWriter, b telling) {
			w.WriteHeader(http.StatusAccepted)
			l.reply(w, b, b.ids(), nil)
		}),
		Entry("not a redirect to a right one", func(_ *listener, w http.ResponseWriter, _ telling) {
			w.Header().Set("Location", "https://tp-a.example/logout")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}),
		Entry("not one whose results are malformed", func(l *listener, w http.ResponseWriter, b telling) {
			w.Header().Set("Content-Type", "application/jose")
			_, _ = io.WriteString(w, l.seal("batch-logout-response", map[string]any{"in_reply_to": b.jti, "results": "done"}))
		}),
	)

	It("survives a crash before the first request, during it, and while it waits to try again", func() {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, _ telling) bool {
			switch len(a.heard) {
			case 1:
				h.platform.Crash(time.Second) // the answer never arrives
			case 2:
				w.WriteHeader(http.StatusInternalServerError)
			default:
				return false
			}
			return true
		}
		h.run(func() {
			h.logOut("tp-a", names(3)...)
			h.platform.Crash(time.Second)
			h.sleep(hallIdle + 1500*time.Millisecond)
			Expect(a.heard).To(HaveLen(2))
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(a.heard).To(HaveLen(3))
			Expect(a.heard[0].tasks).To(HaveLen(3))
			Expect(a.heard[1].tasks).To(Equal(a.heard[0].tasks))
			Expect(a.heard[2].tasks).To(Equal(a.heard[0].tasks))
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(a.heard).To(HaveLen(3))
		})
	})

	It("is taken up again from a file", func() {
		path := filepath.Join(GinkgoT().TempDir(), "platform.db")
		var file *bolt.Store
		h.change = func(p *unified.Platform) {
			if file != nil {
				Expect(file.Close()).To(Succeed())
			}
			var err error
			file, err = bolt.Open(path)
			Expect(err).NotTo(HaveOccurred())
			p.Store = file
		}
		DeferCleanup(func() { Expect(file.Close()).To(Succeed()) })
		h.run(func() {
			u := h.user("u1").enters("tp-a", "tp-b")
			u.leaves()
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(u.knows()).To(BeFalse())
			Expect(h.parties["tp-a"].heard).To(HaveLen(1))
			Expect(h.parties["tp-b"].heard).To(HaveLen(1))
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(h.parties["tp-a"].heard).To(HaveLen(1))
		})
	})

	It("is taken up as soon as a store that failed at the start can be used", func() {
		var broken *failing
		h.change = func(p *unified.Platform) {
			if broken != nil {
				broken.fails = true
			} else {
				broken = &failing{Store: p.Store}
			}
			p.Store = broken
		}
		h.run(func() {
			h.logOut("tp-a", "u1")
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(h.parties["tp-a"].heard).To(BeEmpty())
			broken.fails = false
			h.sleep(3 * time.Second)
			Expect(h.parties["tp-a"].heard).To(HaveLen(1))
		})
	})

	It("sends again what it could not note as done", func() {
		broken := &failing{}
		h.change = func(p *unified.Platform) { broken.Store, p.Store = p.Store, broken }
		a := h.parties["tp-a"]
		a.answer = func(http.ResponseWriter, telling) bool {
			broken.fails = true
			return false
		}
		h.run(func() {
			h.logOut("tp-a", "u1")
			h.sleep(10 * time.Second)
			Expect(a.heard).To(HaveLen(1))
			h.platform.Crash(time.Second)
			h.sleep(5 * time.Second)
			a.answer = nil
			broken.fails = false
			h.sleep(10 * time.Second)
			Expect(a.heard).To(HaveLen(2))
			Expect(a.heard[1].tasks).To(Equal(a.heard[0].tasks))
		})
	})

	It("goes by a logout path that changed while tasks waited", func() {
		a := h.parties["tp-a"]
		h.run(func() {
			h.logOut("tp-a", "u1", "u2")
			h.change = func(p *unified.Platform) {
				p.ThirdParties[0].LogoutURI = ""
				p.ThirdParties[0].BackchannelLogoutURI = "https://tp-a.example/logout"
			}
			h.platform.Crash(time.Second)
			h.sleep(3 * time.Second)
			Expect(a.heard).To(HaveLen(2))
			Expect(a.heard[0].claims).To(HaveKeyWithValue("sub", "sub-u1"))
			Expect(a.heard[1].claims).To(HaveKeyWithValue("sub", "sub-u2"))
		})
	})

	It("keeps tasks for one that gave its path up, until it has one again", func() {
		a := h.parties["tp-a"]
		h.run(func() {
			h.logOut("tp-a", "u1")
			h.change = func(p *unified.Platform) { p.ThirdParties[0].LogoutURI = "" }
			h.platform.Crash(time.Second)
			h.sleep(time.Hour)
			Expect(a.heard).To(BeEmpty())
			h.change = nil
			h.platform.Crash(time.Second)
			h.sleep(7 * time.Minute)
			Expect(a.heard).To(HaveLen(1))
		})
	})

	It("fires within a second of a test clock that makes it due, also while it waits after a failure", func() {
		a := h.parties["tp-a"]
		var ahead time.Duration
		h.change = func(p *unified.Platform) {
			p.Clock = movable{p.Clock, &ahead}
			p.TestClock = func(d time.Duration) time.Time { ahead += d; return p.Clock.Now() }
		}
		advance := func(seconds string) {
			response, err := h.outside.Client().Post(hallIssuer+"/test-clock", "application/x-www-form-urlencoded", strings.NewReader("advance="+seconds))
			Expect(err).NotTo(HaveOccurred())
			Expect(response.StatusCode).To(Equal(http.StatusOK))
		}
		a.answer = refusing(http.StatusServiceUnavailable)
		h.run(func() {
			h.logOut("tp-a", "u1")
			advance("5")
			h.sleep(time.Second)
			Expect(a.heard).To(HaveLen(1))
			for tries, wait := range []string{"3", "3", "5", "10", "20", "40"} {
				advance(wait)
				h.sleep(time.Second)
				Expect(a.heard).To(HaveLen(tries + 2))
			}
		})
	})
})

// movable is a clock that a test clock moves; who sleeps by it is not woken.
type movable struct {
	clock interface {
		Now() time.Time
		Sleep(time.Duration)
	}
	ahead *time.Duration
}

func (m movable) Now() time.Time        { return m.clock.Now().Add(*m.ahead) }
func (m movable) Sleep(d time.Duration) { m.clock.Sleep(d) }

// failing is a store whose disk is full at times.
type failing struct {
	store.Store
	fails bool
}

func (f *failing) Update(change func(store.Tx) error) error {
	if f.fails {
		return errors.New("the disk is full")
	}
	return f.Store.Update(change)
}
