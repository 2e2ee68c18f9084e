package adversary_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/sim/explore"
)

// login explores the unified flow at level hardened without some guards, with one move.
func login(scene string, sessions int, lifted ...catalog.ID) adversary.Hunt {
	return adversary.Hunt{Flow: adversary.Unified(), Level: catalog.Hardened, Lifted: lifted, Scene: scene, Moves: 1, Switches: 1, Sessions: sessions, Workers: 1}
}

var _ = DescribeTable("Without one guard of the one login for all the attacker finds by itself",
	func(scene string, lifted catalog.ID, invariant string, moves int) {
		f := found(login(scene, 1, lifted))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(f.Attack.Steps).To(HaveLen(moves))
		played, err := f.Attack.Play(adversary.Unified())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
	},
	Entry("a login at the platform by the attacker's form", "open-web", catalog.ID("UN-PL-50"), "session-integrity", 1),
	Entry("a code that goes to a page below the callback path", "open-web", catalog.ID("UN-PL-31"), "reviewed-paths", 1),
	Entry("a redirect that repeats the password", "open-web", catalog.ID("UN-PL-48"), "password-at-home", 0),
	Entry("an unsealed question who is logged in", "open-web", catalog.ID("UN-PL-60"), "no-oracle", 1),
	Entry("a pass token at another third-party platform", "leaking-log", catalog.ID("UN-PL-44"), "consent", 1),
	Entry("a mix-up of two platforms", "second-platform", catalog.ID("UN-TP-28"), "codes-at-home", 1),
	Entry("a key for somebody else's third-party platform", "blind-reviewer", catalog.ID("UN-PL-72"), "own-keys", 1),
	Entry("guesses without end", "likely-passwords", catalog.ID("UN-PL-58"), "own-login", 1),
	Entry("a form of a page on another port of the host", "page-next-door", catalog.ID("UN-TP-52"), "stays-logged-in", 1),
	Entry("a partial batch that counts as done", "sparing-site", catalog.ID("UN-PL-79"), "no-lost-task", 1),
	Entry("a trickle that starves a queue", "trickle", catalog.ID("UN-PL-74"), "bounded-wait", 1),
	Entry("a task that is lost in a crash", "crashes", catalog.ID("UN-PL-82"), "no-lost-task", 1),
	Entry("a look-alike that its user cannot tell from the real one", "look-alike", catalog.ID("UN-PL-53"), "consent", 1),
	Entry("a session in a cookie that was noted before the login", "library-computer", catalog.ID("UN-PL-54"), "one-login-an-approval", 1),
	Entry("a key that was replaced and found", "rotation", catalog.ID("UN-PL-68"), "no-oracle", 1),
	Entry("a batch under a key that nobody holds", "rotation", catalog.ID("UN-PL-69"), "no-lost-task", 0),
	Entry("a code that travels in the clear", "plain-forum", catalog.ID("UN-PL-73"), "codes-at-home", 0),
	Entry("a batch that is too large", "outage", catalog.ID("UN-PL-75"), "bounded-batch", 0),
	Entry("a pause that is not kept", "pausing-site", catalog.ID("UN-PL-78"), "pauses-kept", 0),
	Entry("an answer that is lost for good", "proxied-logouts", catalog.ID("UN-TP-41"), "no-lost-task", 1),
	Entry("a logout in one browser that ends the other's", "one-site-left", catalog.ID("UN-TP-16"), "stays-logged-in", 0),
	Entry("a logout that comes again after the next login", "proxy", catalog.ID("UN-TP-43"), "stays-logged-in", 1),
)

var _ = Describe("A hunt in the flow of one login", func() {
	It("finds nothing with all guards on", func() {
		for _, scene := range []string{"shared-computer", "leaking-log", "second-platform", "stolen-operator", "crashes", "bad-page", "users-pages", "rotation"} {
			f := found(login(scene, 1))
			Expect(f.Attack).To(BeNil(), scene)
			Expect(f.Runs).To(BeNumerically(">", 10), scene)
		}
	})

	It("does not take metadata that leave the callback out for an attack", func() {
		f := found(login("bad-page", 1, "UN-TP-01"))
		Expect(f.Attack).To(BeNil())
		Expect(f.Runs).To(BeNumerically(">", 10))
	})

	It("finds what two guards stop only together, and neither alone", func() {
		for _, both := range []struct {
			scene string
			ids   []catalog.ID
		}{
			{"bad-page", []catalog.ID{"UN-TP-50", "UN-TP-52"}},
			{"listening-wiki", []catalog.ID{"UN-TP-58", "UN-TP-43"}},
			{"plain-platform", []catalog.ID{"UN-TP-62", "UN-UA-02"}},
		} {
			for _, one := range both.ids {
				Expect(found(login(both.scene, 1, one)).Attack).To(BeNil(), "%s", one)
			}
			Expect(found(login(both.scene, 1, both.ids...)).Attack).NotTo(BeNil(), both.scene)
		}
	})

	DescribeTable("leaves a logout that the platform was told is done to the next confirmation, since TLS alone vouches for who answers a logout token",
		func(sessions []string, steps ...explore.Step) {
			swallowed := &adversary.Attack{
				Flow: "unified", Level: catalog.Hardened, Scene: "proxy", Sessions: sessions, Bounds: explore.Price{Moves: len(steps), Switches: 1}, Seed: 1, Steps: steps,
			}
			played, err := swallowed.Play(adversary.Unified())
			Expect(err).NotTo(HaveOccurred())
			last := steps[len(steps)-1]
			Expect(played.Told).To(ContainElement(last.At + ": " + last.Choose))
			Expect(played.Breaches).To(BeEmpty())
		},
		Entry("answered by the attacker", []string{"alice at the shop"},
			explore.Step{At: "the back-channel logout 1 of platform to shop passes", Choose: "the attacker answers it"}),
		Entry("answered to an older one in its place", []string{"alice at the shop", "alice at the wiki"},
			explore.Step{At: "the back-channel logout 1 of platform to shop passes", Choose: "it gets lost"},
			explore.Step{At: "the back-channel logout 3 of platform to shop passes", Choose: "logout_token becomes logout token 1 of shop"}),
	)

	It("keeps apart worlds in which something else was sealed", func() {
		f := found(login("proxy", 2, "UN-TP-33"))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal("secrecy"))
	})
})
