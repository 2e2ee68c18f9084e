package adversary_test

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
)

var _ = DescribeTable("What one guard of level core stops is one move, and is found",
	func(flow adversary.Flow, scene, invariant string, lifted catalog.ID) {
		h := hunt(scene)
		h.Flow = flow
		Expect(found(h).Attack).To(BeNil())
		h.Lifted, h.Breaks = []catalog.ID{lifted}, invariant
		f := found(h)
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Steps).To(HaveLen(1))
	},
	Entry("a read with a signature made up", adversary.Bidirectional(), "leaking-log", "secrecy", catalog.ID("BI-RS-07")),
	Entry("a read without an access token", adversary.Bidirectional(), "leaking-log", "secrecy", catalog.ID("BI-RS-04")),
	Entry("a revocation by a signature method that there is not", adversary.Bidirectional(), "leaking-log", "stays-connected", catalog.ID("BI-OS-09")),
	Entry("a request to a business system without a token", adversary.Mobile(), "open-web", "secrecy", catalog.ID("MO-BS-03")),
	Entry("an application for a service that there is not", adversary.Offline(), "stolen-handset", "high-level", catalog.ID("OF-SS-18")),
)

var _ = It("An address without TLS in the metadata of the mobile flow is where Alice's password goes, if her app takes it", func() {
	h := huntOffice("plain-server", 1)
	Expect(found(h).Attack).To(BeNil())
	h.Lifted, h.Breaks = []catalog.ID{"MO-AP-36"}, "secrets-at-home"
	f := found(h)
	Expect(f.Attack).NotTo(BeNil())
	Expect(f.Attack.Steps).To(HaveLen(1))
	Expect(f.Attack.Steps[0].Choose).To(HaveSuffix("_endpoint becomes a page of Clive's"))
})

var _ = It("An acknowledgement that was heard is shown again for a later hand-over, and takes in only who does not compare it", func() {
	h := hunt("plain-handover", "BI-OS-55")
	h.Flow.Scenes = slices.DeleteFunc(h.Flow.Scenes, func(s adversary.Scene) bool { return s.Name != h.Scene })
	h.Flow.Scenes[0].Sessions = []string{"alice leaves"}
	h.Breaks = "revocation"
	a := found(h).Attack
	Expect(a).NotTo(BeNil())
	last := &a.Steps[len(a.Steps)-1]
	Expect(last.Choose).To(Equal("the attacker answers it"))
	last.Choose += " with the receipt of hand-over 1 of oauth.b to resource.b"
	without, err := a.Play(h.Flow)
	Expect(err).NotTo(HaveOccurred())
	Expect(without.Broken(a)).To(BeTrue())
	a.Lifted = nil
	with, err := a.Play(h.Flow)
	Expect(err).NotTo(HaveOccurred())
	Expect(with.Broken(a)).To(BeFalse())
})
