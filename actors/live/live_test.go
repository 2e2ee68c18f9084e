package live_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/live"
)

var _ = Describe("The real world of actors", func() {
	read := func(r io.Reader) string {
		GinkgoHelper()
		b := make([]byte, 16)
		_, err := io.ReadFull(r, b)
		Expect(err).NotTo(HaveOccurred())
		return string(b)
	}

	It("has a clock that is moved forward and never back", func() {
		w := &live.World{}
		ahead := w.Advance(time.Hour)
		Expect(ahead).To(BeTemporally("~", time.Now().Add(time.Hour), time.Second))
		Expect(w.Advance(-time.Hour)).To(BeTemporally("~", ahead, time.Second))
		Expect(w.Now()).To(BeTemporally("~", ahead, time.Second))
	})

	It("wakes who sleeps when the clock is moved so far, and lets who sleeps longer sleep on", func() {
		w := &live.World{}
		defer w.Close()
		short, long := make(chan struct{}), make(chan struct{})
		sleeps := func(d time.Duration, woken chan struct{}) func() {
			return func() {
				w.Sleep(d)
				close(woken)
			}
		}
		env := w.Env("actor", guard.Set{})
		env.Go("short", sleeps(time.Hour, short))
		env.Go("long", sleeps(3*time.Hour, long))
		w.Advance(30 * time.Minute)
		Consistently(short, "50ms").ShouldNot(BeClosed())
		w.Advance(time.Hour)
		Eventually(short).Should(BeClosed())
		Consistently(long, "50ms").ShouldNot(BeClosed())
	})

	It("ends background work that sleeps when it closes, and waits for it", func() {
		w := &live.World{}
		began, ended := make(chan struct{}), make(chan struct{})
		w.Env("actor", guard.Set{}).Go("work", func() {
			defer close(ended)
			close(began)
			w.Sleep(time.Hour)
		})
		Eventually(began).Should(BeClosed())
		w.Close()
		Expect(ended).To(BeClosed())
		w.Close() // and bears being closed twice
	})

	It("draws from the operating system, and from a seed where one is given: the same for the same actor and purpose, another for any other", func() {
		seed := uint64(7)
		one := (&live.World{Seed: &seed}).Env("client", guard.Set{})
		again := (&live.World{Seed: &seed}).Env("client", guard.Set{})
		other := (&live.World{Seed: &seed}).Env("server", guard.Set{})
		first := read(one.Entropy("nonces"))
		Expect(read(again.Entropy("nonces"))).To(Equal(first))
		Expect(read(one.Entropy("nonces"))).NotTo(Equal(first), "the stream goes on")
		Expect(read(again.Entropy("tokens"))).NotTo(Equal(first))
		Expect(read(other.Entropy("nonces"))).NotTo(Equal(first))
		Expect(read((&live.World{}).Env("client", guard.Set{}).Entropy("nonces"))).NotTo(Equal(first))
	})

	It("reaches others without following redirects or keeping cookies", func() {
		cookies := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cookies += len(r.Cookies())
			http.SetCookie(w, &http.Cookie{Name: "c", Value: "v"})
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}))
		DeferCleanup(server.Close)
		client := (&live.World{}).Env("client", guard.Set{}).HTTP
		for range 2 {
			resp, err := client.Get(server.URL)
			Expect(err).NotTo(HaveOccurred())
			Expect(resp.Body.Close()).To(Succeed())
			Expect(resp.StatusCode).To(Equal(http.StatusFound))
		}
		Expect(cookies).To(BeZero())
	})
})
