package adversary_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
)

// other hunts in a scene for an attack where only one actor of a role goes without a guard, and, one move far, where none does.
func other(flow adversary.Flow, scene, host, invariant string, moves int, lifted ...catalog.ID) (wrong, right adversary.Found) {
	GinkgoHelper()
	h := hunt(scene)
	h.Flow, h.Sessions = flow, 2
	right = found(h)
	h.Moves, h.Breaks = moves, invariant
	h.Flow = flow.Changed(func(st *stage.Stage) { st.Lift(host, lifted...) })
	return found(h), right
}

var _ = DescribeTable("An actor that goes without a guard which the other of its role has is found",
	func(flow adversary.Flow, scene, host, invariant string, moves int, lifted ...catalog.ID) {
		wrong, right := other(flow, scene, host, invariant, moves, lifted...)
		Expect(wrong.Attack).NotTo(BeNil())
		Expect(right.Attack).To(BeNil())
	},
	Entry("client.b takes a server's word for who it is", adversary.Bidirectional(), "mix-up-at-b", "client.b", "session-integrity", 1, catalog.ID("BI-CL-32")),
	Entry("client.b follows any issuer", adversary.Bidirectional(), "wrong-issuer-at-b", "client.b", "session-integrity", 1, catalog.ID("BI-CL-20")),
	Entry("resource.a takes what is meant for another", adversary.Bidirectional(), "two-resource-servers-of-a", "resource.a", "audience", 1, catalog.ID("BI-RS-10")),
	Entry("resource.a forgets a revocation", adversary.Bidirectional(), "plain-handover-of-a", "resource.a", "revocation", 1, catalog.ID("BI-RS-15")),
	Entry("oauth.a hands over once", adversary.Bidirectional(), "plain-handover-of-a", "oauth.a", "revocation", 1, catalog.ID("BI-OS-46")),
	Entry("oauth.a takes anybody's acknowledgement", adversary.Bidirectional(), "plain-handover-of-a", "oauth.a", "revocation", 1, catalog.ID("BI-OS-55")),
	Entry("app.two names no secret", adversary.Ticket(), "open-web-first", "app.two", "no-lock-out", 1, catalog.ID("TI-AP-04")),
	Entry("app.two keeps a confirmation for ever", adversary.Ticket(), "open-web-first", "app.two", "expiry", 1, catalog.ID("TI-AP-05")),
	Entry("app.two keeps denials", adversary.Ticket(), "overloaded-server-second", "app.two", "denials", 1, catalog.ID("TI-AP-06")),
	Entry("app.two takes a confirmation for the user alone", adversary.Ticket(), "open-web-first", "app.two", "secrecy", 1, catalog.ID("TI-AP-07")),
	Entry("app.two takes an outage for a denial", adversary.Ticket(), "plain-metadata-second", "app.two", "denials", 1, catalog.ID("TI-AP-08")),
	Entry("app.two takes another's confirmation", adversary.Ticket(), "mixed-up-answers-second", "app.two", "secrecy", 1, catalog.ID("TI-AP-09")),
	Entry("app.two lets caches keep", adversary.Ticket(), "shared-cache-second", "app.two", "own-account", 1, catalog.ID("TI-AP-10")),
	Entry("app.two asks without TLS", adversary.Ticket(), "plain-metadata-second", "app.two", "keys-at-home", 1, catalog.ID("TI-AP-11")),
	Entry("the shop takes another browser's callback", adversary.Unified(), "users-pages-of-the-shop", "shop", "session-integrity", 1, catalog.ID("UN-TP-23")),
	Entry("the shop takes a callback twice", adversary.Unified(), "shared-computer-at-the-shop", "shop", "session-integrity", 2, catalog.ID("UN-TP-24")),
	Entry("the shop lets another page log people out", adversary.Unified(), "shop-left", "shop", "stays-logged-in", 1, catalog.ID("UN-TP-50"), catalog.ID("UN-TP-52")),
	Entry("the stock takes a proof by any key", adversary.Mobile(), "leaking-gateway-of-the-stock", "erp", "own-device", 1, catalog.ID("MO-BS-18")),
	Entry("the stock takes a proof twice", adversary.Mobile(), "leaking-gateway-of-the-stock", "erp", "own-device", 1, catalog.ID("MO-BS-23")),
)
