package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
)

// unifiedly plays a scenario of the unified flow at level hardened without some guards.
func unifiedly(name string, lifted ...catalog.ID) scenarios.Played {
	GinkgoHelper()
	s, err := scenarios.Find("unified/" + name)
	Expect(err).NotTo(HaveOccurred())
	return with(s, 1, lifted...)
}

var _ = DescribeTable("The oracles of the unified flow bite: with one guard lifted",
	func(lifted catalog.ID, name string, broken stage.Invariant) {
		played := unifiedly(name, lifted)
		Expect(played.Outcome).To(Equal(scenarios.Broken), told(played))
		Expect(played.Verdict).To(Equal("fail"))
		Expect(names(played)).To(ContainElement(broken.Name), told(played))
		Expect(played.Actual).To(ContainSubstring(string(broken.Requirement)))
	},
	Entry("codes without a decision of the user break consent", catalog.ID("UN-PL-06"), "happy", portal.Consent),
	Entry("so does a code on refusal", catalog.ID("UN-PL-08"), "refused-by-the-user", portal.Consent),
	Entry("a platform that names the first user to everybody breaks session integrity", catalog.ID("UN-PL-15"), "two-users", portal.SessionIntegrity),
	Entry("so does a site with one credential for all", catalog.ID("UN-TP-05"), "two-users", portal.SessionIntegrity),
	Entry("so does a site that finds accounts by nickname", catalog.ID("UN-TP-09"), "attack/number-of-another-platform", portal.Secrecy),
	Entry("a new account at every login", catalog.ID("UN-TP-08"), "known-again", portal.KnownAgain),
	Entry("a site that serves without a credential breaks secrecy", catalog.ID("UN-TP-10"), "not-logged-in", portal.Secrecy),
	Entry("a site that takes the pass token for the login", catalog.ID("UN-TP-04"), "happy", portal.Consent),
	Entry("answers in plain JSON are unsealed", catalog.ID("UN-PL-16"), "happy", portal.Sealed),
	Entry("one initialization vector for all messages is used twice", catalog.ID("UN-PL-65"), "happy", portal.FreshVectors),
	Entry("that of a site too", catalog.ID("UN-TP-39"), "partial-answers", portal.FreshVectors),
	Entry("pages without no-store may be kept on the way", catalog.ID("UN-PL-59"), "happy", portal.NotKept),
	Entry("those of a site too", catalog.ID("UN-TP-51"), "happy", portal.NotKept),
	Entry("a credential in a URL is not at home", catalog.ID("UN-TP-53"), "happy", portal.CookiesAtHome),
	Entry("tasks for every site tell them of strangers", catalog.ID("UN-PL-24"), "never-entered", portal.OwnUsers),
	Entry("so does one queue for all", catalog.ID("UN-PL-28"), "attack/slow-site", portal.OwnUsers),
	Entry("a logout that waits for the sites is not answered at once", catalog.ID("UN-PL-22"), "happy", portal.AnsweredAtOnce),
	Entry("a batch without a limit is unbounded", catalog.ID("UN-PL-75"), "fault/site-away-with-many-logouts", portal.BoundedBatch),
	Entry("a platform without patience makes a storm", catalog.ID("UN-PL-77"), "fault/site-down-for-an-hour", portal.NoStorm),
	Entry("one try for a batch loses tasks", catalog.ID("UN-PL-76"), "fault/site-down-for-an-hour", portal.NoLostTask),
	Entry("one try for a logout token too", catalog.ID("UN-PL-90"), "fault/logout-token-lost", portal.NoLostTask),
	Entry("a batch that counts as done when a part is", catalog.ID("UN-PL-79"), "partial-answers", portal.NoLostTask),
	Entry("a site that says done and does nothing", catalog.ID("UN-TP-12"), "happy", portal.DoneIsDone),
	Entry("a site that ends everybody's login", catalog.ID("UN-TP-13"), "two-users", portal.StaysLoggedIn),
	Entry("an old logout that ends a new login", catalog.ID("UN-TP-43"), "login-after-logout", portal.StaysLoggedIn),
	Entry("a site that forgets which generation has ended", catalog.ID("UN-TP-44"), "login-overtaken-by-logout", portal.DoneIsDone),
	Entry("a site that never asks", catalog.ID("UN-TP-46"), "happy", portal.LoggedOutEverywhere),
	Entry("a site that serves on when the platform is away", catalog.ID("UN-TP-47"), "fault/platform-down-after-logout", portal.LoggedOutEverywhere),
	Entry("a platform that says that everybody is logged in", catalog.ID("UN-PL-85"), "happy", portal.LoggedOutEverywhere),
	Entry("a site that leaves a login alive that its user has left", catalog.ID("UN-TP-15"), "leave-one-site", portal.LeftHere),
	Entry("a site that ends the logins of all browsers", catalog.ID("UN-TP-16"), "leave-one-site", portal.StaysLoggedIn),
	Entry("a site that ignores logout tokens", catalog.ID("UN-TP-56"), "happy", portal.DoneIsDone),
	Entry("a login that lasts for ever", catalog.ID("UN-TP-48"), "login-expires", portal.Expiry),
	Entry("one session that outlives a logout", catalog.ID("UN-PL-47"), "two-devices", portal.LoggedOut),
)

var _ = DescribeTable("The unified flow fails visibly: with one guard lifted, what was hoped for is missing",
	func(lifted catalog.ID, name string) {
		played := unifiedly(name, lifted)
		Expect(played.Verdict).To(Equal("fail"), told(played))
		Expect(played.Actual).To(ContainSubstring("not so at the end"))
	},
	Entry("metadata of another issuer", catalog.ID("UN-PL-01"), "happy"),
	Entry("a portal that leaves a site out", catalog.ID("UN-PL-02"), "happy"),
	Entry("no login page", catalog.ID("UN-PL-04"), "straight-to-a-site"),
	Entry("a password each time", catalog.ID("UN-PL-05"), "straight-to-a-site"),
	Entry("a callback without state", catalog.ID("UN-PL-07"), "happy"),
	Entry("a registration that is never used", catalog.ID("UN-PL-21"), "key-rotation"),
	Entry("a logout that leaves the session alive", catalog.ID("UN-PL-23"), "happy"),
	Entry("a queue that is not flushed at the limit", catalog.ID("UN-PL-27"), "flush-at-limit"),
	Entry("a queue that does not wait", catalog.ID("UN-PL-26"), "flush-at-idle-time"),
	Entry("no logout for a site that has none", catalog.ID("UN-PL-29"), "leave-by-the-platform"),
	Entry("an old key that is retired at once", catalog.ID("UN-PL-67"), "key-rotation"),
	Entry("a platform that seals under the first key for ever", catalog.ID("UN-PL-69"), "key-rotation"),
	Entry("nobody counts wrong passwords", catalog.ID("UN-PL-58"), "throttled"),
	Entry("no way to the platform's logout", catalog.ID("UN-TP-17"), "leave-by-the-platform"),
	Entry("a site that carries out the first task only", catalog.ID("UN-TP-14"), "flush-at-limit"),
	Entry("a refused login that goes on", catalog.ID("UN-TP-07"), "refused-by-the-user"),
)

var _ = Describe("The diagram of the unified flow", func() {
	It("names the legs, keeps the parties in order and shows no secret", func() {
		s, err := scenarios.Find("unified/happy")
		Expect(err).NotTo(HaveOccurred())
		diagram := scenarios.Run{Scenario: s, Seed: 1}.Play().Diagram
		var lanes []string
		for _, l := range diagram.Lanes {
			lanes = append(lanes, l.Name)
		}
		Expect(lanes).To(Equal([]string{"alice", "platform", "mail", "shop", "wiki"}))
		text := diagram.Outline()
		for _, leg := range []string{"portal", "access", "authorization page", "callback", "pass-token request", "authentication request", "home page", "logout page", "batch-logout request", "back-channel logout", "status request"} {
			Expect(text).To(ContainSubstring(": "+leg), leg)
		}
		Expect(text).NotTo(ContainSubstring("password of"))
		Expect(text).NotTo(ContainSubstring("password+of"))
		Expect(text).NotTo(MatchRegexp(`(code|state|pass_token|page_key|logout_token)=[A-Za-z0-9_-]{20}`))
	})

	It("draws a party that was taken over as an attacker, and highlights where the invariant broke", func() {
		s, err := scenarios.Find("unified/attack/stale-pass-token")
		Expect(err).NotTo(HaveOccurred())
		diagram := scenarios.Run{Scenario: s, Level: catalog.Core}.Play().Diagram
		Expect(diagram.Outline()).To(ContainSubstring("FAILS HERE"))
		for _, l := range diagram.Lanes {
			Expect(l.Kind == "attacker").To(Equal(l.Name == "wiki"), "%s is %s", l.Name, l.Kind)
		}
	})
})
