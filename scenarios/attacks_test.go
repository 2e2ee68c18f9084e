package scenarios_test

import (
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
)

// with plays a scenario at level hardened without some guards.
func with(s scenarios.Scenario, seed uint64, lifted ...catalog.ID) scenarios.Played {
	return scenarios.Run{Scenario: s, Seed: seed, Lifted: lifted}.Perform()
}

var _ = Describe("Every attack", func() {
	for _, s := range scenarios.All() {
		if s.Kind != scenarios.Attack {
			continue
		}
		It(s.Name+" is stopped by the guards that it names, and succeeds without them", func() {
			for seed := range uint64(3) {
				Expect(with(s, seed).Outcome).To(Equal(scenarios.Held))
				naked := with(s, seed, s.Guards...)
				Expect(naked.Outcome).To(Equal(scenarios.Broken), told(naked))
				Expect(naked.Breaches).To(ContainElement(HaveField("Invariant.Text", s.Invariant)), told(naked))
			}
			// None of the guards is named in vain: with all others lifted, it stops the attack alone.
			for i, id := range s.Guards {
				others := slices.Delete(slices.Clone(s.Guards), i, i+1)
				alone := with(s, 0, others...)
				AddReportEntry(fmt.Sprintf("%s stops it alone", id), alone.Outcome == scenarios.Held)
				Expect(alone.Outcome).To(Equal(scenarios.Held), "%s is named in vain: %s", id, told(alone))
			}
		})
	}

	It("that level core leaves open shows the break there, and the others do not", func() {
		open := 0
		for _, s := range scenarios.All() {
			if s.Kind != scenarios.Attack {
				continue
			}
			want := scenarios.Held
			if s.OpenAt(catalog.Core) {
				want = scenarios.Broken
				open++
			}
			played := scenarios.Run{Scenario: s, Level: catalog.Core}.Perform()
			Expect(played.Outcome).To(Equal(want), told(played))
		}
		Expect(open).To(BeNumerically(">=", 15))
	})
})

var _ = DescribeTable("The oracles bite: with one guard lifted",
	func(lifted catalog.ID, name string, broken stage.Invariant) {
		played := with(find(name), 1, lifted)
		Expect(played.Outcome).To(Equal(scenarios.Broken), told(played))
		Expect(played.Verdict).To(Equal("fail"))
		Expect(names(played)).To(ContainElement(broken.Name), told(played))
		Expect(played.Actual).To(ContainSubstring(string(broken.Requirement)))
	},
	Entry("a resource server that does not compare the client breaks the audience", catalog.ID("BI-RS-05"), "attack/token-of-another-client", twosites.Audience),
	Entry("a resource server that serves the first user's resources breaks secrecy", catalog.ID("BI-RS-06"), "happy", twosites.Secrecy),
	Entry("and the sessions of those who see them", catalog.ID("BI-RS-06"), "happy", twosites.SessionIntegrity),
	Entry("a hand-over that names the first user breaks secrecy", catalog.ID("BI-OS-21"), "both-at-once", twosites.Secrecy),
	Entry("an OAuth server that lets any client redeem breaks secrecy", catalog.ID("BI-OS-19"), "attack/redeemed-by-another-client", twosites.Secrecy),
	Entry("a client that takes callbacks without a session breaks session integrity", catalog.ID("BI-CL-24"), "attack/session-fixation", twosites.SessionIntegrity),
	Entry("an OAuth server that keeps revocations to itself breaks revocation", catalog.ID("BI-OS-48"), "revocation", twosites.Revocation),
	Entry("a resource server that ignores revocations too", catalog.ID("BI-RS-14"), "revocation", twosites.Revocation),
	Entry("a resource server that ignores the end of tokens breaks expiry", catalog.ID("BI-RS-18"), "expiry", twosites.Expiry),
	Entry("a client that adds the secret to a link breaks the rule on URLs", catalog.ID("BI-CL-31"), "happy", twosites.NoSecretInURL),
	Entry("a redirect with 307 sends the password on", catalog.ID("BI-OS-30"), "happy", twosites.PasswordNotForwarded),
	Entry("an OAuth server that lets anybody revoke breaks what is connected", catalog.ID("BI-OS-49"), "attack/revoked-by-another-client", twosites.StaysConnected),
	Entry("a bare session cookie does too", catalog.ID("BI-CL-33"), "attack/forged-disconnect", twosites.StaysConnected),
	Entry("a server that gives verifiers on refusal breaks secrecy", catalog.ID("BI-OS-14"), "attack/refusal-redeemed", twosites.Secrecy),
	Entry("a terminal that fills in any page gives the password away", catalog.ID("BI-UT-01"), "attack/phishing", twosites.PasswordAtHome),
	Entry("a terminal that minds no TLS shows the password", catalog.ID("BI-UT-02"), "attack/password-in-the-clear", twosites.PasswordUnderTLS),
)

var _ = DescribeTable("The flow fails visibly: with one guard lifted, what was hoped for is missing",
	func(lifted catalog.ID, name string) {
		played := with(find(name), 1, lifted)
		Expect(played.Outcome).To(Equal(scenarios.Failed), told(played))
		Expect(played.Actual).To(ContainSubstring("not so at the end"))
	},
	Entry("nothing handed to the resource server", catalog.ID("BI-OS-20"), "happy"),
	Entry("rewritten identifiers ignored", catalog.ID("BI-OS-18"), "happy"),
	Entry("identifiers not rewritten", catalog.ID("BI-CL-07"), "happy"),
	Entry("one refusal that ends both legs", catalog.ID("BI-CL-10"), "refuses-second"),
	Entry("one user's refusal that ends another's flow", catalog.ID("BI-OS-22"), "refused-beside-another-user"),
	Entry("a hand-over that is tried once", catalog.ID("BI-OS-46"), "fault/handover-late"),
	Entry("a client that does not wait for it", catalog.ID("BI-CL-34"), "fault/handover-late"),
	Entry("a resource server that remembers having refused a token", catalog.ID("BI-RS-09"), "fault/handover-late"),
	Entry("giving up when the own server is down", catalog.ID("BI-CL-11"), "own-server-down"),
	Entry("giving up when the peer's server is down", catalog.ID("BI-CL-12"), "peer-down"),
)
