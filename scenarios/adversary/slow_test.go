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

// sharesAnAnswer has a server write answers to one place for all, which it sends when it is done with a request.
func sharesAnAnswer(right http.Handler) http.Handler {
	var last *httptest.ResponseRecorder
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = httptest.NewRecorder()
		right.ServeHTTP(last, r)
		maps.Copy(w.Header(), last.Header())
		w.WriteHeader(last.Code)
		_, _ = w.Write(last.Body.Bytes())
	})
}

var _ = DescribeTable("A server that mixes up requests which it serves at one time is caught where messages under TLS can be held up",
	func(flow adversary.Flow, host string, moves, sessions int) {
		wrong := flow.Changed(func(st *stage.Stage) { st.Alter(host, sharesAnAnswer) })
		set := wrong.Set
		wrong.Set = func(d *adversary.Director, scene string, s stage.Setting) *stage.Stage {
			st := set(d, scene, s)
			d.Slow(3*time.Second, func(m *sim.Message) bool { return m.From == host }) // to be quick: of all that may be slow
			return st
		}
		h := hunt("slow-network")
		h.Flow, h.Moves, h.Sessions, h.Switches = wrong, moves, sessions, 1
		f := found(h)
		Expect(f.Attack).NotTo(BeNil())
		right, err := f.Attack.Play(flow)
		Expect(err).NotTo(HaveOccurred())
		Expect(right.Broken(f.Attack)).To(BeFalse())
	},
	Entry("bidirectional", adversary.Bidirectional(), "client.a", 1, 2),
	Entry("unified", adversary.Unified(), "mail", 1, 2),
	Entry("ticket", adversary.Ticket(), "app.one", 2, 1),
	Entry("mobile", adversary.Mobile(), "crm", 2, 1),
)
