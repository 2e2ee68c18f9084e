package adversary_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
)

// huntTill explores a scene of the offline flow at level hardened without some guards, with one session.
func huntTill(scene string, moves int, lifted ...catalog.ID) adversary.Found {
	GinkgoHelper()
	return found(adversary.Hunt{Flow: adversary.Offline(), Level: catalog.Hardened, Lifted: lifted, Scene: scene, Moves: moves, Switches: 1, Sessions: 1})
}

var _ = DescribeTable("At the till, without a guard, the attacker finds by itself",
	func(scene string, moves int, invariant string, lifted ...catalog.ID) {
		f := huntTill(scene, moves, lifted...)
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(f.Attack.Moves()).To(Equal(moves))
		played, err := f.Attack.Play(adversary.Offline())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
		Expect(played.Broken(f.Attack)).To(BeTrue())
		f.Attack.Lifted = nil
		guarded, err := f.Attack.Play(adversary.Offline())
		if err == nil {
			Expect(guarded.Broken(f.Attack)).To(BeFalse(), "the guard stops it")
		}
	},
	Entry("a countersign replayed", "second-link", 1, "servers-verdict", catalog.ID("OF-VD-19"), catalog.ID("OF-VD-20")),
	Entry("a relay to a distant till", "relay", 1, "device", catalog.ID("OF-HS-16")),
	Entry("an amount swapped on the air", "near", 1, "amount", catalog.ID("OF-HS-17")),
	Entry("a challenge chosen by the device", "near", 1, "servers-only", catalog.ID("OF-HS-13")),
	Entry("a password guessed at home", "listener", 1, "not-guessed", catalog.ID("OF-HS-24")),
	Entry("a seal that is no secret", "listener", 1, "not-guessed", catalog.ID("OF-HS-25")),
	Entry("a level that is lowered", "stolen-handset", 1, "no-downgrade", catalog.ID("OF-SS-42")),
	Entry("one challenge judged twice at once", "far-till", 1, "one-judgement", catalog.ID("OF-SS-32")),
	Entry("one serial taken twice at once", "far-till", 1, "serial-race", catalog.ID("OF-SS-31")),
	Entry("a countersign judged for another till", "far-till", 1, "not-used-up", catalog.ID("OF-SS-27")),
	Entry("another amount for another reader", "open", 1, "one-reading", catalog.ID("OF-SS-40")),
	Entry("a signer who is not named", "open", 1, "named-signer", catalog.ID("OF-SS-38")),
	Entry("a purchase that a page begins", "open", 1, "begun", catalog.ID("OF-HS-34")),
	Entry("a forged yes on the second link", "second-link", 1, "servers-verdict", catalog.ID("OF-VD-17")),
	Entry("a fragment put in between", "jammed", 1, "carried-through", catalog.ID("OF-VD-16")),
	Entry("metadata lost for good", "jammed", 1, "carried-through", catalog.ID("OF-VD-33")),
	Entry("a frame that is acted upon each time it comes", "jammed", 1, "carried-through", catalog.ID("OF-VD-13")),
	Entry("a till that is crowded for good", "crowded", 1, "no-lock-out", catalog.ID("OF-VD-30")),
	Entry("what breaks without any attacker: a handset that shows no pictures", "pictures", 0, "carried-through", catalog.ID("OF-HS-35")),
	Entry("what breaks without any attacker: a till that shows none", "pictures", 0, "carried-through", catalog.ID("OF-VD-31")),
	Entry("a result lost for good", "jammed", 1, "carried-through", catalog.ID("OF-VD-26")),
	Entry("what breaks without any attacker: a secret sent in the clear", "plain-verification", 0, "device-under-tls", catalog.ID("OF-VD-32")),
)

var _ = DescribeTable("At the till, with all guards on, it finds nothing",
	func(scene string) {
		f := huntTill(scene, 1)
		Expect(f.Attack).To(BeNil())
		Expect(f.Runs).To(BeNumerically(">", 1))
	},
	Entry("on the air", "near"),
	Entry("in a relay", "relay"),
	Entry("with a stolen handset", "stolen-handset"),
	Entry("with likely passwords", "likely-passwords"),
	Entry("as a listener", "listener"),
	Entry("on the second link", "second-link"),
	Entry("on a bad day", "jammed"),
	Entry("beside honest tills", "bystander"),
	Entry("in a crowd", "crowded"),
	Entry("between cameras", "pictures"),
)

var _ = DescribeTable("At level core, it breaks what core itself promises where the document leaves a hole,",
	func(scene, invariant string) {
		f := found(adversary.Hunt{Flow: adversary.Offline(), Level: catalog.Core, Scene: scene, Moves: 1, Switches: 1, Sessions: 1})
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(catalog.MustLookup(catalog.ID(f.Attack.Breach.Requirement)).Level).To(Equal(catalog.Core))
	},
	Entry("by a page that says yes", "open", "confirmed"),
	Entry("by a thief who says that no password is needed", "stolen-handset", "high-level"),
)

var _ = Describe("An attack on the offline flow", func() {
	It("is told with what the attacker has read in frames", func() {
		f := huntTill("near", 1, "OF-HS-17")
		Expect(f.Attack).NotTo(BeNil())
		played, err := f.Attack.Play(adversary.Offline())
		Expect(err).NotTo(HaveOccurred())
		words := f.Attack.Words(played)
		Expect(words).To(ContainSubstring("the application 1 of alice to till.one passes: amount becomes 900"))
		Expect(words).To(MatchRegexp(`the attacker learns .*countersign 1 of till\.one`))
		Expect(words).To(ContainSubstring("BROKEN amount (OF-HS-17)"))
	})
})
