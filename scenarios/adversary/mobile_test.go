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
	Entry("what breaks without any attacker: secrets in the clear", "plain-server", "under-tls", 0, catalog.ID("MO-AP-36")),
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
	Entry("by a gateway that lies", "lying-gateway", 1),
	Entry("by the finder of a telephone", "lost-device", 2),
)
