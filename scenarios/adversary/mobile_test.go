package adversary_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
)

// huntOffice explores the mobile flow at level hardened without some guards, with one session.
func huntOffice(scene string, moves int, lifted ...catalog.ID) adversary.Hunt {
	return adversary.Hunt{Flow: adversary.Mobile(), Level: catalog.Hardened, Lifted: lifted, Scene: scene, Moves: moves, Sessions: 1, Workers: 1}
}

var _ = DescribeTable("Without a guard of the mobile flow the attacker finds by itself",
	func(scene, invariant string, moves int, lifted ...catalog.ID) {
		f := found(huntOffice(scene, moves, lifted...))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(f.Attack.Steps).To(HaveLen(moves))
		played, err := f.Attack.Play(adversary.Mobile())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
	},
	Entry("a token on another device", "leaking-gateway", "own-device", 1, catalog.ID("MO-BS-18")),
	Entry("a request that was recorded", "leaking-gateway", "own-device", 1, catalog.ID("MO-BS-23")),
	Entry("a token at the wrong system", "shared-sealing-key", "own-records", 1, catalog.ID("MO-BS-12"), catalog.ID("MO-BS-20"), catalog.ID("MO-AS-40")),
	Entry("tokens of another system", "dishonest-erp", "own-records", 1, catalog.ID("MO-AS-36"), catalog.ID("MO-AS-40")),
	Entry("an address that Clive has signed", "lying-gateway", "secrets-at-home", 1, catalog.ID("MO-AP-18")),
	Entry("an address beside the signed one", "lying-gateway", "secrets-at-home", 1, catalog.ID("MO-AP-21")),
	Entry("a wipe that somebody else answers", "lost-device", "wipe-arrives", 1, catalog.ID("MO-AS-49")),
	Entry("a wipe reported by somebody else", "lost-device", "honest-report", 1, catalog.ID("MO-AS-51")),
	Entry("a stale download after the deregistration", "lost-device", "deregistered", 2, catalog.ID("MO-BS-26")),
	Entry("passwords tried one after the other", "likely-passwords", "own-devices", 1, catalog.ID("MO-AS-32")),
	Entry("a copied token bound to another key with a stolen one", "stolen-sealing-key", "secrecy", 1, catalog.ID("MO-BS-37")),
	Entry("a token of one's own put into another name with a stolen key", "stolen-sealing-key", "secrecy", 1, catalog.ID("MO-BS-27")),
	Entry("a token of one's own that lives on, sealed anew with a stolen key", "stolen-sealing-key", "expiry", 1, catalog.ID("MO-AS-38")),
	Entry("what the authorization server shares, asked for without a secret", "stolen-sealing-key", "own-records", 1, catalog.ID("MO-AS-39")),
	Entry("an authorization server taken for another", "mixed-up-front", "secrets-at-home", 1, catalog.ID("MO-AP-24")),
	Entry("a wipe that nobody hears of when its report is lost", "no-push", "wipe-known", 1, catalog.ID("MO-AP-29")),
	Entry("a deregistration that never says that the wipe is done", "lost-device", "wipe-known", 0, catalog.ID("MO-AS-52")),
	Entry("a flood of wipe messages", "lost-device", "no-flood", 1, catalog.ID("MO-AS-50")),
	Entry("what breaks without any attacker: secrets in the clear", "plain-server", "under-tls", 0, catalog.ID("MO-AP-36")),
)

// lapse explores a session of the mobile flow without the attacker, in a scene that has many.
func lapse(session string, lifted ...catalog.ID) adversary.Hunt {
	h := huntOffice("open-web", 0, lifted...)
	for i := range h.Flow.Scenes {
		if h.Flow.Scenes[i].Name == h.Scene {
			h.Flow.Scenes[i].Sessions = []string{session}
		}
	}
	return h
}

var _ = DescribeTable("Without a guard of the mobile flow this goes wrong by itself",
	func(session, invariant string, lifted catalog.ID) {
		f := found(lapse(session, lifted))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		Expect(found(lapse(session)).Attack).To(BeNil())
	},
	Entry("a token ends with the key that sealed it", "a key is rotated", "live-tokens", catalog.ID("MO-AS-43")),
	Entry("a token ends when another key is the first", "a key is rotated", "live-tokens", catalog.ID("MO-BS-29")),
	Entry("a key that is new is never read", "a key is rotated", "no-lock-out", catalog.ID("MO-BS-28")),
	Entry("nobody is told of a move", "the register moves", "new-address", catalog.ID("MO-AS-47")),
	Entry("who is told of a move stays", "the register moves", "no-way-back", catalog.ID("MO-AP-31")),
	Entry("a change of rules is lost", "two change the rules", "no-lost-update", catalog.ID("MO-AS-56")),
	Entry("a change of rules is nobody's", "clive is dismissed", "audited", catalog.ID("MO-AS-60")),
	Entry("one proof is used for all", "alice", "opens", catalog.ID("MO-AP-15")),
)

var _ = DescribeTable("With all guards of the mobile flow nothing is found",
	func(scene string, moves int) {
		f := found(huntOffice(scene, moves))
		Expect(f.Attack).To(BeNil())
		Expect(f.Runs).To(BeNumerically(">", 0))
	},
	Entry("by who reads a gateway's log", "leaking-gateway", 1),
	Entry("by who tries passwords", "likely-passwords", 1),
	Entry("by a dishonest system", "dishonest-erp", 1),
	Entry("by a system with the key of another", "shared-sealing-key", 2),
	Entry("by who has stolen a sealing key", "stolen-sealing-key", 1),
	Entry("by a front that takes one for another", "mixed-up-front", 1),
	Entry("where no message reaches the telephone", "no-push", 1),
	Entry("by a gateway that lies", "lying-gateway", 1),
	Entry("by the finder of a telephone", "lost-device", 2),
)
