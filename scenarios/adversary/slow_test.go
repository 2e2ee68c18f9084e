package adversary_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// forgetsWhose has a server keep the credentials of a request in one variable for all, and look at it again when it answers.
func forgetsWhose(right http.Handler) http.Handler {
	var last string
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r.Header.Get("Authorization")
		answer := httptest.NewRecorder()
		right.ServeHTTP(answer, r)
		if answer.Code == http.StatusOK && last != r.Header.Get("Authorization") {
			mixed := r.Clone(r.Context())
			mixed.Header.Set("Authorization", last)
			right.ServeHTTP(w, mixed)
			return
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

var _ = It("An app that mixes up requests which it serves at one time is caught where messages under TLS can be held up", func() {
	h := huntTickets("slow-network")
	set := h.Flow.Set
	h.Flow.Set = func(d *adversary.Director, scene string, s stage.Setting) *stage.Stage {
		st := set(d, scene, s)
		d.Slow(3*time.Second, func(m *sim.Message) bool { return m.From == "app.one" && m.To == "accounts" }) // to be quick: of all that may be slow
		return st
	}
	h.Flow, h.Moves = h.Flow.Changed(func(st *stage.Stage) { st.Alter("app.one", forgetsWhose) }), 2
	f := found(h)
	Expect(f.Attack).NotTo(BeNil())
	Expect([]string{"secrecy", "own-account"}).To(ContainElement(f.Attack.Breach.Invariant), f.Attack.Breach.Text)
	right, err := f.Attack.Play(adversary.Ticket())
	Expect(err).NotTo(HaveOccurred())
	Expect(right.Broken(f.Attack)).To(BeFalse())
})
