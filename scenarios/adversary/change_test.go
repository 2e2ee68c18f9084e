package adversary_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

// servesTheLast keeps the last resource that was given, and gives it to everybody.
func servesTheLast(right http.Handler) http.Handler {
	var kept []byte
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/resource" {
			right.ServeHTTP(w, r)
			return
		}
		if kept == nil {
			answer := httptest.NewRecorder()
			right.ServeHTTP(answer, r)
			if answer.Code != http.StatusOK {
				w.WriteHeader(answer.Code)
				return
			}
			kept = answer.Body.Bytes()
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(kept)
	})
}

// stripped loses the Authorization header of what comes to a server from an app.
func stripped(_ *sim.World, m sim.Message) (v sim.Verdict) {
	if m.Kind == sim.Request && m.From == "app.one" && m.To == "accounts" && m.Header.Get("Authorization") != "" {
		changed := m.Clone()
		changed.Header.Del("Authorization")
		v.Replace = &changed
	}
	return v
}

var _ = DescribeTable("An actor that somebody else has made wrong is caught, with all guards on",
	func(scene string, change func(*stage.Stage), invariants ...string) {
		wrong := huntTickets(scene)
		wrong.Flow = wrong.Flow.Changed(change)
		f := found(wrong)
		Expect(f.Attack).NotTo(BeNil())
		Expect(invariants).To(ContainElement(f.Attack.Breach.Invariant), f.Attack.Breach.Text)
		played, err := f.Attack.Play(wrong.Flow)
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
		right, err := f.Attack.Play(adversary.Ticket())
		Expect(err).NotTo(HaveOccurred())
		Expect(right.Broken(f.Attack)).To(BeFalse())
	},
	Entry("an app that gives everybody the resource which it gave last", "open-web", func(st *stage.Stage) { st.Alter("app.one", servesTheLast) }, "secrecy", "own-account"),
	Entry("a proxy that loses the app's credentials", "open-web", func(st *stage.Stage) { st.World.Tap(sim.TapFunc(stripped)) }, "no-lock-out"),
	Entry("one terminal that follows redirects, where all others do not", "open-web", func(st *stage.Stage) { st.Lift("alice", "TI-TE-13") }, "keys-at-home"),
)

var _ = It("An actor that is wrong and takes no part in the session breaks nothing", func() {
	h := huntTickets("open-web")
	h.Flow = h.Flow.Changed(func(st *stage.Stage) { st.Lift("bob", "TI-TE-13") })
	h.Flow.Sessions = []string{"alice"}
	Expect(found(h).Attack).To(BeNil())
})

var _ = It("A kept attack plays to the byte when the attacker has got a move more that it does not make", func() {
	flow := adversary.Ticket()
	set := flow.Set
	flow.Set = func(d *adversary.Director, scene string, s stage.Setting) *stage.Stage {
		st := set(d, scene, s)
		d.May(adversary.Move{Name: "thinks of something else", Send: func([]adversary.Term) {}})
		return st
	}
	played := 0
	for _, t := range adversary.KeptTables() {
		for _, n := range t.Needs {
			if t.Flow != flow.Name || n.Attack == nil {
				continue
			}
			again, err := n.Attack.Play(flow)
			Expect(err).NotTo(HaveOccurred(), string(n.Requirement))
			Expect(again.Same).To(BeTrue(), string(n.Requirement))
			played++
		}
	}
	Expect(played).To(BeNumerically(">", 20))
})

var _ = Describe("The statements of sufficiency that are kept", func() {
	It("are about level hardened, with something searched in each", func() {
		Expect(adversary.KeptSufficiency()).NotTo(BeEmpty())
		for _, s := range adversary.KeptSufficiency() {
			_, err := adversary.Find(s.Flow)
			Expect(err).NotTo(HaveOccurred())
			Expect(s.Level).To(Equal(catalog.Hardened))
			Expect(min(s.Moves, s.Sessions, s.Worlds, s.Runs, s.States)).To(BeNumerically(">", 0), s.String())
		}
	})

	It("are not made of a search that found something, nor of one that did not look everywhere", func() {
		var unfit *adversary.NotSufficientError
		for _, h := range []adversary.Hunt{huntTickets(""), huntTickets("open-web"), huntTickets("", "TI-TE-13")} {
			_, err := h.Sufficient(adversary.Found{Attack: &adversary.Attack{}})
			Expect(errors.As(err, &unfit)).To(BeTrue())
		}
		_, err := huntTickets("open-web").Sufficient(adversary.Found{})
		Expect(err).To(MatchError(ContainSubstring("--scene")))
		_, err = huntTickets("", "TI-TE-13").Sufficient(adversary.Found{})
		Expect(err).To(MatchError(ContainSubstring("--lift")))
	})

	It("stand beside each other in a file, and take the place of earlier ones about the same", func() {
		file := filepath.Join(GinkgoT().TempDir(), "statements.json")
		one, err := huntTickets("").Sufficient(adversary.Found{Systems: 3, Result: explore.Result{Stats: explore.Stats{Runs: 7, States: 5}}})
		Expect(err).NotTo(HaveOccurred())
		other := one
		other.Flow = "bidirectional"
		again := one
		again.Runs = 8
		for _, s := range []adversary.Sufficiency{one, other, again} {
			Expect(s.Keep(file)).To(Succeed())
		}
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(adversary.ParseSufficiency(text)).To(Equal([]adversary.Sufficiency{other, again}))
		Expect(again.String()).To(ContainSubstring("3 worlds, 8 runs, 5 states"))
	})
})

var _ = It("The picture of an attack ends where it fails, and says what the attacker learns after each step", func() {
	f := found(huntTickets("open-web", "TI-TE-13"))
	played, err := f.Attack.Play(adversary.Ticket())
	Expect(err).NotTo(HaveOccurred())
	steps := played.Diagram.Steps
	fails := slices.IndexFunc(steps, func(s sequence.Step) bool { return s.Failing })
	Expect(fails).To(BeNumerically(">", 0))
	Expect(steps[len(steps)-1].Label).To(HavePrefix("BROKEN keys-at-home"))
	for _, s := range steps[fails+1 : len(steps)-1] {
		Expect(s.Label).To(HavePrefix("the attacker learns"))
	}
	Expect(steps[0].Label).To(Equal("registration"), "nothing is learnt before it is told")
})
