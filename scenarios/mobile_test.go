package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
)

// atWork gives a scenario of the mobile flow.
func atWork(name string) scenarios.Scenario {
	GinkgoHelper()
	s, err := scenarios.Find("mobile/" + name)
	Expect(err).NotTo(HaveOccurred())
	return s
}

var _ = DescribeTable("The oracles of the mobile flow bite: with one guard lifted",
	func(lifted catalog.ID, name string, broken stage.Invariant) {
		played := with(atWork(name), 1, lifted)
		Expect(played.Outcome).To(Equal(scenarios.Broken), told(played))
		Expect(played.Verdict).To(Equal("fail"))
		Expect(names(played)).To(ContainElement(broken.Name), told(played))
	},
	Entry("an authorization server that goes on with its first rules judges by old ones", catalog.ID("MO-AS-14"), "rules-changed", office.InForce),
	Entry("one that remembers the first address answers against its version", catalog.ID("MO-AS-09"), "address-changed", office.OneVersion),
	Entry("one that is busy after a change turns people away", catalog.ID("MO-AS-15"), "thousand-rule-changes", office.Undisturbed),
	Entry("one that ignores If-Match loses an update", catalog.ID("MO-AS-56"), "lost-update", office.NoLostUpdate),
	Entry("one that says version 1 for ever", catalog.ID("MO-AS-57"), "rules-changed", office.InForce),
	Entry("one that uses one vector for all", catalog.ID("MO-AS-37"), "fresh-token", office.FreshVectors),
	Entry("one that leaves claims readable", catalog.ID("MO-AS-10"), "happy", office.Sealed),
	Entry("one whose answers may be kept on the way", catalog.ID("MO-AS-61"), "happy", office.NotKept),
	Entry("a business system whose answers may be kept on the way", catalog.ID("MO-BS-34"), "happy", office.NotKept),
	Entry("a business system that serves the first user breaks secrecy", catalog.ID("MO-BS-09"), "two-users", office.Secrecy),
	Entry("a business system that remembers what matched serves a lost device", catalog.ID("MO-BS-07"), "attack/stale-download", office.Deregistered),
	Entry("a business system that puts tokens into URLs", catalog.ID("MO-BS-25"), "happy", office.NoSecretInURL),
	Entry("a business system that stays closed locks people out", catalog.ID("MO-BS-33"), "fault/loss-crm", office.NoLockOut),
	Entry("an app that shows the authorization server its token", catalog.ID("MO-AP-04"), "happy", office.AtHome),
	Entry("an app that leaves out the proof", catalog.ID("MO-AP-22"), "attack/binding-taken-away", office.Proved),
	Entry("an app that sends its private key", catalog.ID("MO-AP-16"), "happy", office.PrivateKey),
	Entry("an app that puts its token into a URL", catalog.ID("MO-AP-35"), "happy", office.NoSecretInURL),
	Entry("an app that keeps the resources over a wipe", catalog.ID("MO-AP-10"), "wipe", office.Wiped),
	Entry("an app that reports before it deletes", catalog.ID("MO-AP-28"), "wipe", office.Wiped),
	Entry("an app that ignores the wipe in a refusal", catalog.ID("MO-AP-30"), "attack/wipe-held-back", office.WipeArrives),
	Entry("an app that ignores new addresses goes back", catalog.ID("MO-AP-31"), "address-pushed", office.NoWayBack),
	Entry("an app that does not compare versions goes back", catalog.ID("MO-AP-32"), "fault/addresses-overtake", office.NoWayBack),
	Entry("an app that remembers the first address", catalog.ID("MO-AP-05"), "address-pushed", office.NoWayBack),
	Entry("an app that sends a password in the clear", catalog.ID("MO-AP-36"), "unsafe-address", office.UnderTLS),
)

var _ = DescribeTable("The mobile flow fails visibly: with one guard lifted, what was hoped for is missing",
	func(lifted catalog.ID, name string) {
		played := with(atWork(name), 1, lifted)
		Expect(played.Verdict).To(Equal("fail"), told(played))
		Expect(played.Actual).To(ContainSubstring("not so at the end"))
	},
	Entry("metadata of another issuer", catalog.ID("MO-AS-01"), "happy"),
	Entry("an answer without a lifetime", catalog.ID("MO-AS-02"), "happy"),
	Entry("an answer without an address", catalog.ID("MO-AS-08"), "happy"),
	Entry("a token without a user", catalog.ID("MO-AS-11"), "happy"),
	Entry("another token shared than sealed", catalog.ID("MO-AS-12"), "happy"),
	Entry("one token for all times", catalog.ID("MO-AS-13"), "fresh-token"),
	Entry("rules with a slip of the pen taken", catalog.ID("MO-AS-16"), "broken-rules"),
	Entry("no wipe message", catalog.ID("MO-AS-21"), "wipe"),
	Entry("a token that is bound to nothing", catalog.ID("MO-AS-34"), "happy"),
	Entry("associated data without the system", catalog.ID("MO-AS-35"), "happy"),
	Entry("an old key that is forgotten at once", catalog.ID("MO-AS-43"), "key-rotation"),
	Entry("an unsigned address", catalog.ID("MO-AS-45"), "happy"),
	Entry("an address that is bound to no answer", catalog.ID("MO-AS-46"), "happy"),
	Entry("no message about a new address", catalog.ID("MO-AS-47"), "address-pushed"),
	Entry("an unsigned wipe", catalog.ID("MO-AS-48"), "wipe"),
	Entry("a wipe on each deregistration", catalog.ID("MO-AS-52"), "wipe"),
	Entry("an audit without names", catalog.ID("MO-AS-60"), "rules-changed"),
	Entry("a record that does not name the key", catalog.ID("MO-AS-65"), "happy"),
	Entry("a file of rules that is read once", catalog.ID("MO-AS-64"), "rules-file-changed"),
	Entry("access without resources of a user's device", catalog.ID("MO-BS-08"), "two-devices"),
	Entry("a business system that does not say who it is", catalog.ID("MO-BS-24"), "happy"),
	Entry("keys that are read once", catalog.ID("MO-BS-28"), "key-rotation"),
	Entry("the newest key alone", catalog.ID("MO-BS-29"), "key-rotation"),
	Entry("an authentication ID without a user", catalog.ID("MO-AP-02"), "happy"),
	Entry("a request without the token", catalog.ID("MO-AP-03"), "happy"),
	Entry("giving up when nobody answers", catalog.ID("MO-AP-06"), "address-changed"),
	Entry("a registration that says nothing of notifications", catalog.ID("MO-AP-09"), "happy"),
	Entry("a wipe that is not reported", catalog.ID("MO-AP-11"), "wipe"),
	Entry("a wiped app that starts", catalog.ID("MO-AP-12"), "wipe"),
	Entry("requests without proofs", catalog.ID("MO-AP-13"), "happy"),
	Entry("a proof that names no token", catalog.ID("MO-AP-14"), "happy"),
	Entry("one proof for everything", catalog.ID("MO-AP-15"), "happy"),
	Entry("metadata that anybody may have written", catalog.ID("MO-AP-24"), "another-authorization-server"),
	Entry("an app that does not wait as told", catalog.ID("MO-AP-34"), "maintenance"),
)

var _ = Describe("The diagram of the mobile flow", func() {
	It("names the legs, keeps the parties in order and shows no secret", func() {
		diagram := scenarios.Run{Scenario: atWork("wipe"), Seed: 1}.Play().Diagram
		var lanes []string
		for _, l := range diagram.Lanes {
			lanes = append(lanes, l.Name)
		}
		Expect(lanes).To(Equal([]string{"alice", "alice.tablet", "authorization", "crm"}))
		text := diagram.Outline()
		for _, leg := range []string{"metadata", "registration", "authentication", "resource", "shared token", "sealing keys", "deregistration", "notification", "wipe acknowledgement"} {
			Expect(text).To(ContainSubstring(": "+leg), leg)
		}
		Expect(text).NotTo(ContainSubstring("password of"))
		Expect(text).NotTo(MatchRegexp(`access_token"?[=:]"?[A-Za-z0-9_-]{20}`))
	})
})
