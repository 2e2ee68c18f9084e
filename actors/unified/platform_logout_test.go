package unified_test

import (
	"net/http"
	"net/url"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/unified"
	"countersign/conformance/catalog"
)

var _ = Describe("A logout at the platform", func() {
	var h *hall
	BeforeEach(func() { h = newHall(guard.Set{}) })

	told := func(id string) []telling { return h.parties[id].heard }

	It("makes one task for each third-party platform that the user was authenticated at since the last one", func() {
		h.run(func() {
			u := h.user("u1").enters("tp-a", "tp-a")
			u.approve("tp-b") // whose code is never used
			Expect(u.leaves()).To(Equal(http.StatusOK))
			h.sleep(time.Minute)
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-a")[0].subs()).To(Equal([]string{"sub-u1"}))
			Expect(told("tp-b")).To(BeEmpty())
			u.enters("tp-b")
			u.leaves()
			h.sleep(time.Minute)
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-b")).To(HaveLen(1))
		})
	})

	It("ends the user's sessions in every browser, and nobody else's", func() {
		h.run(func() {
			here, there, other := h.user("u1").enters("tp-a"), h.user("u1").enters("tp-b"), h.user("u2").enters("tp-a")
			Expect([]bool{here.knows(), there.knows(), other.knows()}).To(Equal([]bool{true, true, true}))
			here.leaves()
			Expect([]bool{here.knows(), there.knows(), other.knows()}).To(Equal([]bool{false, false, true}))
		})
	})

	It("is durable when it is answered: a crash then loses no task and no end of a session", func() {
		h.run(func() {
			u := h.user("u1").enters("tp-a", "tp-b", "tp-d")
			u.leaves()
			h.platform.Crash(time.Second)
			h.sleep(time.Minute)
			Expect(u.knows()).To(BeFalse())
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-b")).To(HaveLen(1))
			Expect(told("tp-d")).To(HaveLen(2), "the answer to the first token came to nobody")
		})
	})

	It("raises the generation, and refuses codes and pass tokens from before", func() {
		h.run(func() {
			u := h.user("u1").enters("tp-a")
			code, pass := u.approve("tp-a"), u.exchange("tp-b", u.approve("tp-b"))
			u.leaves()
			Expect(u.exchange("tp-a", code)).To(BeEmpty())
			Expect(u.authenticate("tp-b", pass)).To(BeNil())
			Expect(u.authenticate("tp-b", u.exchange("tp-b", u.approve("tp-b")))).To(HaveKeyWithValue("generation", BeNumerically("==", 2)))
			u.leaves()
			h.sleep(time.Minute)
			Expect(told("tp-a")[0].tasks[0].Generation).To(Equal(int64(1)))
			Expect(told("tp-b")[0].tasks[0].Generation).To(Equal(int64(2)))
		})
	})

	It("has no more effect when the form comes again, also at the same moment", func() {
		h.run(func() {
			u := h.user("u1").enters("tp-a")
			_, page := u.open(http.MethodGet, hallIssuer+"/logout", nil)
			form := u.fill(page, "logout")
			for range 3 {
				h.outside.Go("the button, once more", func() {
					defer GinkgoRecover()
					response, _ := u.open(http.MethodPost, hallIssuer+"/logout", form)
					Expect(response.StatusCode).To(Equal(http.StatusOK))
				})
			}
			h.sleep(time.Minute)
			response, _ := u.open(http.MethodPost, hallIssuer+"/logout", form)
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			h.sleep(time.Minute)
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-a")[0].tasks).To(HaveLen(1))
			Expect(u.authenticate("tp-a", u.exchange("tp-a", u.approve("tp-a")))).To(HaveKeyWithValue("generation", BeNumerically("==", 2)))
		})
	})

	DescribeTable("is taken from the platform's own page only",
		func(method string, change func(u *user, form url.Values), status int) {
			h.run(func() {
				u := h.user("u1").enters("tp-a")
				_, page := u.open(http.MethodGet, hallIssuer+"/logout", nil)
				form := u.fill(page, "logout")
				change(u, form)
				target := hallIssuer + "/logout"
				if method == http.MethodGet {
					target, form = target+"?"+form.Encode(), nil
				}
				response, _ := u.open(method, target, form)
				Expect(response.StatusCode).To(Equal(status))
				h.sleep(time.Minute)
				Expect(told("tp-a")).To(BeEmpty())
			})
		},
		Entry("not with a form that lacks the hidden inputs", http.MethodPost, func(_ *user, form url.Values) {
			for name := range form {
				if name != "decision" {
					form.Del(name)
				}
			}
		}, http.StatusForbidden),
		Entry("not with the hidden inputs of another page", http.MethodPost, func(u *user, form url.Values) {
			_, page := u.hall.user("u2").open(http.MethodGet, hallIssuer+"/portal", nil)
			for name, values := range u.fill(page, "logout") {
				form[name] = values
			}
		}, http.StatusForbidden),
		Entry("not without the cookie", http.MethodPost, func(u *user, _ url.Values) { clear(u.cookies) }, http.StatusForbidden),
		Entry("not without the button", http.MethodPost, func(_ *user, form url.Values) { form.Del("decision") }, http.StatusBadRequest),
		Entry("not with another button", http.MethodPost, func(_ *user, form url.Values) { form.Set("decision", "login") }, http.StatusBadRequest),
		Entry("not from a query", http.MethodGet, func(*user, url.Values) {}, http.StatusOK),
	)

	It("does just the same where it is opened from a third-party platform that cannot log out itself, and names it", func() {
		h.run(func() {
			u := h.user("u1").enters("tp-a", "tp-c")
			target := hallIssuer + "/logout?client_id=tp-c"
			_, page := u.open(http.MethodGet, target, nil)
			Expect(page).To(ContainSubstring("tp-c"))
			response, _ := u.open(http.MethodPost, target, u.fill(page, "logout"))
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			h.sleep(time.Minute)
			Expect(u.knows()).To(BeFalse())
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-c")).To(BeEmpty())
		})
	})

	It("shows a page without a form where nobody is logged in", func() {
		h.run(func() {
			u := h.user("u1")
			response, page := u.open(http.MethodGet, hallIssuer+"/logout", nil)
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			Expect(u.fill(page, "logout")).To(BeNil())
		})
	})

	It("ends this browser's session alone at level core, makes the tasks, and sends no logout tokens", func() {
		h = newHall(guard.Set{Level: catalog.Core})
		h.run(func() {
			here, there := h.user("u1").enters("tp-a", "tp-d"), h.user("u1").enters("tp-b")
			Expect(here.leaves()).To(Equal(http.StatusOK))
			Expect([]bool{here.knows(), there.knows()}).To(Equal([]bool{false, true}))
			h.sleep(time.Minute)
			Expect(told("tp-a")).To(HaveLen(1))
			Expect(told("tp-b")).To(HaveLen(1))
			Expect(told("tp-d")).To(BeEmpty())
		})
	})

	It("is answered before any third-party platform is asked, whatever they do", func() {
		h.change = func(p *unified.Platform) { p.BatchIdleTime = time.Nanosecond }
		for _, id := range []string{"tp-a", "tp-b", "tp-d"} {
			h.parties[id].answer = func(http.ResponseWriter, telling) bool {
				h.parties[id].host.Clock().Sleep(time.Hour)
				return true
			}
		}
		h.run(func() {
			u := h.user("u1").enters("tp-a", "tp-b", "tp-d")
			before := h.world.Now()
			u.leaves()
			Expect(h.world.Now() - before).To(BeNumerically("<", 10*time.Millisecond))
		})
	})
})
