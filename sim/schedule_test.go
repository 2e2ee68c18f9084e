package sim_test

import (
	"errors"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

var _ = Describe("A schedule", func() {
	// paths plays three clients that call one server at once, on a network without delay, and returns the order in which they are served.
	paths := func(choose func([]sim.Ready) int) (served []string, trace string) {
		GinkgoHelper()
		w := sim.New(sim.Config{Link: sim.Link{Duplicate: 0, Jitter: 0, Delay: 0, BytesPerSecond: 1 << 40}})
		if choose != nil {
			w.Schedule(choose)
		}
		w.Host("server", func(*sim.Host) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { served = append(served, r.URL.Path) })
		})
		for _, name := range []string{"a", "b", "c"} {
			h := w.Host(name, nil)
			h.Go("call", func() {
				response, err := h.Client().Get("https://server/" + name)
				Expect(err).NotTo(HaveOccurred())
				Expect(response.Body.Close()).To(Succeed())
			})
		}
		Expect(w.Run()).To(Succeed())
		return served, w.Trace().SHA256()
	}

	It("that always takes the first changes nothing, to the byte", func() {
		asked := 0
		plain, without := paths(nil)
		_, with := paths(func(ready []sim.Ready) int {
			asked++
			Expect(len(ready)).To(BeNumerically(">", 1))
			return 0
		})
		Expect(plain).To(Equal([]string{"/a", "/b", "/c"}))
		Expect(with).To(Equal(without))
		Expect(asked).To(BeNumerically(">", 0))
	})

	It("has messages overtake each other", func() {
		served, _ := paths(func(ready []sim.Ready) int {
			for i, r := range ready {
				if r.Message != nil && r.Message.From == "c" && r.Host == "server" {
					return i
				}
			}
			return 0
		})
		Expect(served).To(Equal([]string{"/c", "/a", "/b"}))
	})

	It("of nonsense takes the first", func() {
		served, _ := paths(func([]sim.Ready) int { return 99 })
		Expect(served).To(Equal([]string{"/a", "/b", "/c"}))
	})

	It("can stop the world", func() {
		w := sim.New(sim.Config{})
		h := w.Host("h", nil)
		reached := false
		h.Go("p", func() {
			w.Stop()
			h.Clock().Sleep(1)
			reached = true
		})
		var stopped *sim.StoppedError
		Expect(errors.As(w.Run(), &stopped)).To(BeTrue())
		Expect(reached).To(BeFalse())
	})
})
