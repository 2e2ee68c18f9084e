package adversary_test

import (
	"bytes"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// huntTickets explores the ticket flow at level hardened without some guards, with one session and one move.
func huntTickets(scene string, lifted ...catalog.ID) adversary.Hunt {
	return adversary.Hunt{Flow: adversary.Ticket(), Level: catalog.Hardened, Lifted: lifted, Scene: scene, Moves: 1, Sessions: 1, Workers: 1}
}

var _ = It("A thief of a ticket refreshes without a request_id too, which the account server has to take", func() {
	without := 0
	h := huntTickets("copied-ticket")
	h.Flow = h.Flow.Changed(func(st *stage.Stage) {
		bare := map[int]bool{}
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
			switch {
			case m.Kind == sim.Request && m.URL == "https://accounts/refresh" && !bytes.Contains(m.Body, []byte("request_id")):
				bare[m.ID] = true
			case bare[m.InReplyTo] && m.Status == http.StatusOK:
				without++
			}
			return v
		}))
	})
	Expect(found(h).Attack).To(BeNil())
	Expect(without).To(BeNumerically(">", 0))
})

var _ = DescribeTable("Without one guard of the ticket flow the attacker finds by itself",
	func(scene string, lifted catalog.ID, invariant string, moves int) {
		f := found(huntTickets(scene, lifted))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(f.Attack.Steps).To(HaveLen(moves))
		played, err := f.Attack.Play(adversary.Ticket())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
		f.Attack.Lifted = nil
		mended, err := f.Attack.Play(adversary.Ticket())
		Expect(err).NotTo(HaveOccurred())
		Expect(mended.Broken(f.Attack)).To(BeFalse())
	},
	Entry("a forked refresh that nobody notices", "copied-ticket", catalog.ID("TI-AM-16"), "reuse-ends-family", 1),
	Entry("a key that was replaced", "copied-ticket", catalog.ID("TI-AM-15"), "replaced", 1),
	Entry("a ticket that outlives the logout", "copied-ticket", catalog.ID("TI-TE-15"), "logged-out", 1),
	Entry("a refresh that was recorded", "recorded-refresh", catalog.ID("TI-AM-18"), "keys-at-home", 1),
	Entry("a refresh key beside another user ID", "copied-ticket", catalog.ID("TI-AM-09"), "keys-at-home", 1),
	Entry("a confirmation of another pair", "mixed-up-answers", catalog.ID("TI-AP-09"), "secrecy", 1),
	Entry("another user's ticket in the answer", "mixed-up-answers", catalog.ID("TI-TE-12"), "secrecy", 1),
	Entry("a user ID beside a key that was confirmed", "open-web", catalog.ID("TI-AP-07"), "secrecy", 1),
	Entry("a ticket that follows a redirect", "open-web", catalog.ID("TI-TE-13"), "keys-at-home", 1),
	Entry("a terminal that refreshes and refreshes", "open-web", catalog.ID("TI-TE-09"), "bounded-use", 1),
	Entry("passwords tried one after the other", "likely-passwords", catalog.ID("TI-AM-22"), "own-tickets", 1),
	Entry("a lost answer that ends the ticket", "losing-network", catalog.ID("TI-AM-17"), "lost-answer", 1),
	Entry("a refresh that arrives twice", "losing-network", catalog.ID("TI-AM-19"), "one-lineage", 1),
	Entry("an outage that looks like a denial", "losing-network", catalog.ID("TI-AP-08"), "denials", 1),
	Entry("what breaks without any attacker: a cache on the way", "shared-cache", catalog.ID("TI-AP-10"), "own-account", 0),
)

var _ = DescribeTable("With all guards of the ticket flow nothing is found with one move",
	func(scene string) {
		f := found(huntTickets(scene))
		Expect(f.Attack).To(BeNil())
		Expect(f.Tried).To(BeNumerically(">", 5))
	},
	Entry("by a web attacker", "open-web"),
	Entry("by one who tries passwords", "likely-passwords"),
	Entry("by a thief of a ticket", "copied-ticket"),
	Entry("by a thief, where a clock is behind", "slow-clock"),
	Entry("by who has the record of a refresh", "recorded-refresh"),
	Entry("by who mixes up answers", "mixed-up-answers"),
	Entry("by a network that loses and repeats", "losing-network"),
	Entry("by who writes metadata that travel without TLS", "plain-metadata"),
)

var _ = It("A ticket at the wrong app is found when neither account server nor app compares whom it is for", func() {
	f := found(huntTickets("open-web", "TI-AM-11", "TI-AP-09"))
	Expect(f.Attack).NotTo(BeNil())
	played, err := f.Attack.Play(adversary.Ticket())
	Expect(err).NotTo(HaveOccurred())
	Expect(played.Breaches).To(ContainElement(HaveField("Invariant", "audience")))
})
