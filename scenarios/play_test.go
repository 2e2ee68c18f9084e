package scenarios_test

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/reports"
	"countersign/reports/sequence"
	"countersign/scenarios"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// find gives a scenario by its name, which need not say bidirectional.
func find(name string) scenarios.Scenario {
	GinkgoHelper()
	if !strings.HasPrefix(name, "ticket/") && !strings.HasPrefix(name, "offline/") {
		name = "bidirectional/" + name
	}
	s, err := scenarios.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return s
}

func fault(text string) sim.Fault {
	GinkgoHelper()
	f, err := sim.ParseFault(text)
	Expect(err).NotTo(HaveOccurred())
	return f
}

var _ = Describe("Playing", func() {
	It("gives the same bytes for the same seed, and others for another", func() {
		for _, name := range []string{"happy", "both-at-once", "fault/everything", "fault/crash-oauth.b", "attack/theft-at-step-9", "ticket/happy", "ticket/fault/everything", "ticket/attack/refresh-race", "offline/password", "offline/fault/everything", "offline/attack/relay"} {
			for _, level := range []catalog.Level{catalog.Core, catalog.Hardened} {
				run := scenarios.Run{Scenario: find(name), Level: level, Seed: 7}
				first, err := json.Marshal(run.Play())
				Expect(err).NotTo(HaveOccurred())
				second, err := json.Marshal(run.Play())
				Expect(err).NotTo(HaveOccurred())
				Expect(string(second)).To(Equal(string(first)), name)
				run.Seed = 8
				other, err := json.Marshal(run.Play())
				Expect(err).NotTo(HaveOccurred())
				Expect(string(other)).NotTo(Equal(string(first)), name)
			}
		}
	})

	It("fills in a report that the writers accept", func() {
		played := scenarios.Run{Scenario: find("happy"), Seed: 3}.Play()
		Expect(played.Verdict).To(Equal("pass"))
		Expect(played.Level).To(Equal("hardened"))
		Expect(played.Seed).To(Equal(uint64(3)))
		Expect(played.Expected).To(HavePrefix("held"))
		Expect(played.Actual).To(Equal("held"))
		Expect(played.TraceSHA256).To(MatchRegexp("^[0-9a-f]{64}$"))
		Expect(played.Messages).To(BeNumerically(">", 30))
		Expect(played.VirtualNS).To(BeNumerically(">", 0))
		Expect(played.Repro).To(Equal("countersign run bidirectional/happy --level hardened --seed 3"))
		Expect(reports.Document{Scenarios: []reports.Scenario{played}}.Validate()).To(Succeed())
	})

	It("takes further faults, and quotes them in the command that plays it again", func() {
		played := scenarios.Run{Scenario: find("fault/slow-oauth.a"), Level: catalog.Core, Seed: 1, Faults: []sim.Fault{fault("loss:client.a>oauth.b@0s+1m=0.5"), fault("skew:oauth.b=20s")}}.Play()
		Expect(played.Verdict).To(Equal("pass"), played.Actual)
		Expect(played.Faults).To(Equal([]string{"slow:oauth.a@0s+1m0s=3s", "loss:client.a>oauth.b@0s+1m0s=0.5", "skew:oauth.b=20s"}))
		Expect(played.Repro).To(Equal("countersign run bidirectional/fault/slow-oauth.a --level core --seed 1 --fault 'loss:client.a>oauth.b@0s+1m0s=0.5' --fault skew:oauth.b=20s"))
	})

	It("reports a world that cannot run as a failure", func() {
		played := scenarios.Run{Scenario: find("happy"), Faults: []sim.Fault{fault("crash:nowhere@1s")}}.Play()
		Expect(played.Verdict).To(Equal("fail"))
		Expect(played.Actual).To(ContainSubstring("nowhere"))
	})

	It("fails the happy path when a host is gone for good", func() {
		played := scenarios.Run{Scenario: find("happy"), Faults: []sim.Fault{fault("crash:resource.b@0s")}}.Play()
		Expect(played.Verdict).To(Equal("fail"))
		Expect(played.Actual).To(HavePrefix("failed: not so at the end: site A reads what alice keeps at B"))
	})

	It("calls it a lock-out when an honest user does not get through", func() {
		played := scenarios.Run{Scenario: find("fault/slow-oauth.b"), Faults: []sim.Fault{fault("partition:client.b>oauth.a"), fault("partition:client.a>client.b")}}.Perform()
		Expect(played.Outcome).To(Equal(scenarios.Broken))
		Expect(played.Verdict).To(Equal("fail"))
		Expect(names(played)).To(ContainElement(twosites.NoLockOut.Name))
	})
})

var _ = Describe("The diagram", func() {
	It("names the legs, keeps the parties in order and shows no secret", func() {
		diagram := scenarios.Run{Scenario: find("happy"), Seed: 1}.Play().Diagram
		var lanes []string
		for _, l := range diagram.Lanes {
			lanes = append(lanes, l.Name)
		}
		Expect(lanes).To(Equal([]string{"alice", "client.a", "oauth.a", "resource.a", "client.b", "oauth.b", "resource.b"}))
		text := diagram.Outline()
		for _, leg := range []string{"start", "temporary credential request", "delegation", "authorization page", "decision of the user", "callback", "token request", "hand-over", "resource request", "continue", "home page"} {
			Expect(text).To(ContainSubstring(": "+leg), leg)
		}
		Expect(text).NotTo(ContainSubstring("password-of-"))
		Expect(text).NotTo(MatchRegexp(`oauth_token(_secret)?=[A-Za-z0-9_-]{20}`))
		Expect(text).NotTo(MatchRegexp(`page_key=[A-Za-z0-9_-]{20}`))
		Expect(text).To(ContainSubstring("‹oauth_token 1›"))
	})

	It("sets the attacker's moves apart and highlights where the invariant broke", func() {
		diagram := scenarios.Run{Scenario: find("attack/theft-at-step-9"), Level: catalog.Core}.Play().Diagram
		Expect(diagram.Outline()).To(ContainSubstring("resource.a to client.c: 200 OK - owner=alice - FAILS HERE"))
		Expect(diagram.Outline()).To(ContainSubstring("delegation (no TLS)"))
		attacks, attackers := 0, 0
		for _, s := range diagram.Steps {
			if s.Kind == sequence.Attack {
				attacks++
			}
		}
		for _, l := range diagram.Lanes {
			if l.Kind == sequence.Attacker {
				attackers++
			}
		}
		Expect(attacks).To(BeNumerically(">=", 3))
		Expect(attackers).To(Equal(1))
	})

	It("shows lost messages and crashes", func() {
		text := scenarios.Run{Scenario: find("fault/partition-oauth.b"), Seed: 1}.Play().Diagram.Outline()
		Expect(text).To(ContainSubstring("(lost) - partition"))
		text = scenarios.Run{Scenario: find("fault/crash-oauth.b"), Seed: 1}.Play().Diagram.Outline()
		Expect(text).To(ContainSubstring("note at oauth.b: crashes for 2s"))
		Expect(text).To(ContainSubstring("note at oauth.b: is up again"))
	})
})

// names are the invariants that were broken.
func names(p scenarios.Played) []string {
	var all []string
	for _, b := range p.Breaches {
		all = append(all, b.Invariant.Name)
	}
	return all
}

// told is what a run came to, for a failure message.
func told(p scenarios.Played) string {
	return strings.TrimSpace(fmt.Sprintf("%s, %s, seed %d: %s", p.Name, p.Level, p.Seed, p.Actual))
}
