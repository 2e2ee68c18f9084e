package unified_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

// Each observation is false of a platform that meets all requirements, and true of one that lacks the guard in question.
var _ = DescribeTable("A platform without one guard of logout",
	func(id catalog.ID, observe func(h *hall) bool) {
		for _, lifted := range []bool{false, true} {
			guards := guard.Set{}
			if lifted {
				guards = guards.Without(id)
			}
			h := newHall(guards)
			observed := false
			h.run(func() { observed = observe(h) })
			Expect(observed).To(Equal(lifted), "with the guard lifted: %v", lifted)
		}
	},
	Entry("answers when the batch requests are through", catalog.ID("UN-PL-22"), func(h *hall) bool {
		u := h.user("u1").enters("tp-a")
		before := h.world.Now()
		u.leaves()
		return h.world.Now()-before >= hallIdle
	}),
	Entry("leaves the platform session alive", catalog.ID("UN-PL-23"), func(h *hall) bool {
		here, there := h.user("u1").enters("tp-a"), h.user("u1").enters("tp-a")
		here.leaves()
		Expect(there.knows()).To(BeFalse())
		return here.knows()
	}),
	Entry("tells every third-party platform in force", catalog.ID("UN-PL-24"), func(h *hall) bool {
		h.logOut("tp-a", "u1")
		h.sleep(time.Minute)
		Expect(h.parties["tp-a"].heard).To(HaveLen(1))
		return len(h.parties["tp-b"].heard) == 1 && len(h.parties["tp-d"].heard) == 1
	}),
	Entry("sends every task at once", catalog.ID("UN-PL-26"), func(h *hall) bool {
		h.logOut("tp-a", "u1")
		h.sleep(time.Second)
		return len(h.parties["tp-a"].heard) == 1
	}),
	Entry("waits for the idle time only", catalog.ID("UN-PL-27"), func(h *hall) bool {
		h.logOut("tp-a", names(hallLimit)...)
		h.logOut("tp-d", "u1")
		h.sleep(time.Second)
		Expect(h.parties["tp-d"].heard).To(HaveLen(1))
		early := len(h.parties["tp-a"].heard)
		h.sleep(hallIdle)
		return early == 0 && len(h.parties["tp-a"].heard) == 1
	}),
	Entry("keeps one queue for all", catalog.ID("UN-PL-28"), func(h *hall) bool {
		h.logOut("tp-a", "u1")
		h.logOut("tp-b", "u2")
		h.sleep(time.Minute)
		Expect(h.parties["tp-b"].heard).To(HaveLen(1))
		Expect(h.parties["tp-b"].heard[0].subs()).To(Equal([]string{"sub-u2"}))
		return len(h.parties["tp-a"].heard[0].tasks) == 2
	}),
	Entry("refuses to log out for a third-party platform without a logout path", catalog.ID("UN-PL-29"), func(h *hall) bool {
		u := h.user("u1").enters("tp-a", "tp-c")
		from := func(id string) int {
			response, _ := u.open(http.MethodGet, hallIssuer+"/logout?client_id="+id, nil)
			return response.StatusCode
		}
		Expect(from("tp-a")).To(Equal(http.StatusOK))
		return from("tp-c") == http.StatusForbidden
	}),
	Entry("ends the session of this browser only", catalog.ID("UN-PL-47"), func(h *hall) bool {
		here, there := h.user("u1").enters("tp-a"), h.user("u1").enters("tp-a")
		here.leaves()
		Expect(here.knows()).To(BeFalse())
		return there.knows()
	}),
	Entry("logs out on GET", catalog.ID("UN-PL-51"), func(h *hall) bool {
		u := h.user("u1").enters("tp-a")
		u.open(http.MethodGet, hallIssuer+"/logout", nil)
		return !u.knows()
	}),
	Entry("lets every new task restart the wait", catalog.ID("UN-PL-74"), func(h *hall) bool {
		for _, name := range names(7) {
			h.logOut("tp-a", name)
			h.sleep(4 * time.Second)
		}
		return len(h.parties["tp-a"].heard) == 0
	}),
	Entry("sends all waiting tasks in one request", catalog.ID("UN-PL-75"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = refusing(http.StatusInternalServerError)
		h.logOut("tp-a", names(hallLimit+5)...)
		h.sleep(time.Minute)
		return len(a.heard[len(a.heard)-1].tasks) == hallLimit+5
	}),
	Entry("tries once", catalog.ID("UN-PL-76"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = refusing(http.StatusInternalServerError)
		h.logOut("tp-a", "u1")
		h.sleep(10 * time.Minute)
		return len(a.heard) == 1
	}),
	Entry("tries every second", catalog.ID("UN-PL-77"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = refusing(http.StatusInternalServerError)
		h.logOut("tp-a", "u1")
		h.sleep(time.Minute)
		return len(a.heard) > 20
	}),
	Entry("ignores Retry-After", catalog.ID("UN-PL-78"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, _ telling) bool {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		h.logOut("tp-a", "u1")
		h.sleep(time.Minute)
		return len(a.heard) > 1
	}),
	Entry("takes 200 as done for the whole batch", catalog.ID("UN-PL-79"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, b telling) bool {
			a.reply(w, b, b.ids()[:1], nil)
			return true
		}
		h.logOut("tp-a", "u1", "u2")
		h.sleep(time.Minute)
		return len(a.heard) == 1
	}),
	Entry("does not compare in_reply_to of the answer", catalog.ID("UN-PL-80"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, b telling) bool {
			b.jti = "another"
			a.reply(w, b, b.ids(), nil)
			return true
		}
		h.logOut("tp-a", "u1")
		h.sleep(time.Minute)
		return len(a.heard) == 1
	}),
	Entry("sends the batches one after the other", catalog.ID("UN-PL-81"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = func(http.ResponseWriter, telling) bool {
			a.host.Clock().Sleep(time.Minute)
			return true
		}
		h.user("u1").enters("tp-a", "tp-b").leaves()
		h.sleep(hallIdle + 2*time.Second)
		Expect(a.heard).To(HaveLen(1))
		late := len(h.parties["tp-b"].heard) == 0
		h.sleep(time.Minute)
		Expect(h.parties["tp-b"].heard).To(HaveLen(1))
		return late
	}),
	Entry("keeps the queue in memory only", catalog.ID("UN-PL-82"), func(h *hall) bool {
		h.logOut("tp-a", "u1")
		h.platform.Crash(time.Second)
		h.sleep(time.Minute)
		Expect(h.user("u2").enters("tp-b").leaves()).To(Equal(http.StatusOK))
		h.sleep(time.Minute)
		Expect(h.parties["tp-b"].heard).To(HaveLen(1))
		return len(h.parties["tp-a"].heard) == 0
	}),
	Entry("gives a task a new task_id at every try", catalog.ID("UN-PL-83"), func(h *hall) bool {
		a := h.parties["tp-a"]
		a.answer = func(w http.ResponseWriter, _ telling) bool {
			if len(a.heard) == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
			return len(a.heard) == 1
		}
		h.logOut("tp-a", "u1")
		h.sleep(time.Minute)
		Expect(a.heard).To(HaveLen(2))
		return a.heard[0].ids()[0] != a.heard[1].ids()[0]
	}),
	Entry("keeps generation at 1", catalog.ID("UN-PL-84"), func(h *hall) bool {
		h.logOut("tp-a", "u1", "u1")
		h.sleep(time.Minute)
		tasks := h.parties["tp-a"].heard[0].tasks
		Expect(tasks).To(HaveLen(2))
		return tasks[0].Generation == tasks[1].Generation
	}),
	Entry("leaves out the events claim", catalog.ID("UN-PL-87"), func(h *hall) bool {
		h.logOut("tp-d", "u1")
		h.sleep(time.Second)
		_, there := h.parties["tp-d"].heard[0].claims["events"]
		return !there
	}),
	Entry("signs with a key that jwks_uri does not hold", catalog.ID("UN-PL-88"), func(h *hall) bool {
		h.logOut("tp-d", "u1")
		h.sleep(time.Second)
		return !h.published(h.parties["tp-d"].heard[0])
	}),
	Entry("sends the same token again when it tries again", catalog.ID("UN-PL-89"), func(h *hall) bool {
		d := h.parties["tp-d"]
		d.answer = refusing(http.StatusInternalServerError)
		h.logOut("tp-d", "u1")
		h.sleep(time.Minute)
		Expect(len(d.heard)).To(BeNumerically(">", 3))
		return d.heard[0].raw == d.heard[1].raw && d.heard[1].raw == d.heard[2].raw
	}),
	Entry("tries a logout token once", catalog.ID("UN-PL-90"), func(h *hall) bool {
		d := h.parties["tp-d"]
		d.answer = refusing(http.StatusInternalServerError)
		h.logOut("tp-d", "u1")
		h.sleep(time.Minute)
		return len(d.heard) == 1
	}),
)
