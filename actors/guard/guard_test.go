package guard_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

var _ = Describe("A guard set", func() {
	const core, hardened = catalog.ID("BI-OS-05"), catalog.ID("BI-OS-36")

	DescribeTable("enforces what its level asks for, but for what was lifted",
		func(s guard.Set, id catalog.ID, on bool) {
			Expect(s.On(id)).To(Equal(on))
			Expect(s.Forbids(id, true)).To(Equal(on))
			Expect(s.Forbids(id, false)).To(BeFalse(), "what violates nothing is never refused")
		},
		Entry("the zero value enforces core", guard.Set{}, core, true),
		Entry("the zero value enforces hardened", guard.Set{}, hardened, true),
		Entry("level core enforces core", guard.Set{Level: catalog.Core}, core, true),
		Entry("level core does not enforce hardened", guard.Set{Level: catalog.Core}, hardened, false),
		Entry("a lifted guard is off", guard.Set{Lifted: []catalog.ID{core}}, core, false),
		Entry("the others stay on", guard.Set{Lifted: []catalog.ID{core}}, hardened, true),
	)

	It("is whole at level hardened with no guard lifted", func() {
		Expect(guard.Set{}.Whole()).To(BeTrue())
		Expect(guard.Set{Level: catalog.Core}.Whole()).To(BeFalse())
		Expect(guard.Set{}.Without(core).Whole()).To(BeFalse())
		Expect(guard.Set{Asked: func(catalog.ID) {}}.Whole()).To(BeFalse())
	})

	It("gives a set with more guards lifted and stays as it was", func() {
		all := guard.Set{Lifted: make([]catalog.ID, 0, 4)}
		first, second := all.Without(core), all.Without(hardened)
		Expect(first.On(core)).To(BeFalse())
		Expect(first.On(hardened)).To(BeTrue())
		Expect(second.On(core)).To(BeTrue())
		Expect(all.On(core)).To(BeTrue())
	})

	It("does not take an ID that the catalogue lacks", func() {
		Expect(func() { guard.Set{}.On("BI-OS-99") }).To(PanicWith(ContainSubstring("BI-OS-99")))
	})
})
