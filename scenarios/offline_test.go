package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
)

// offlinely plays a scenario of the offline flow at level hardened without some guards.
func offlinely(name string, lifted ...catalog.ID) scenarios.Played {
	GinkgoHelper()
	s, err := scenarios.Find("offline/" + name)
	Expect(err).NotTo(HaveOccurred())
	return with(s, 1, lifted...)
}

var _ = DescribeTable("The oracles of the offline flow bite: with one guard lifted",
	func(lifted catalog.ID, name string, broken stage.Invariant) {
		played := offlinely(name, lifted)
		Expect(played.Outcome).To(Equal(scenarios.Broken), told(played))
		Expect(played.Verdict).To(Equal("fail"))
		Expect(names(played)).To(ContainElement(broken.Name), told(played))
		Expect(played.Actual).To(ContainSubstring(string(broken.Requirement)))
	},
	Entry("a handset that signs though its user said no breaks consent", catalog.ID("OF-HS-10"), "user-denies", till.Confirmed),
	Entry("so does one that signs before it asks", catalog.ID("OF-HS-21"), "happy", till.Confirmed),
	Entry("so does a server that takes any handset's signature", catalog.ID("OF-SS-08"), "attack/signature-of-another", till.Confirmed),
	Entry("a handset that does not compare the amount signs another", catalog.ID("OF-HS-17"), "attack/amount-raised", till.Amount),
	Entry("one that does not compare the device is relayed", catalog.ID("OF-HS-16"), "attack/relay-rewritten", till.Device),
	Entry("one that leaves out the challenge signs what the server has not made", catalog.ID("OF-HS-05"), "happy", till.ServersOnly),
	Entry("one that shows level 1 always does not show what is signed", catalog.ID("OF-HS-20"), "password", till.Shown),
	Entry("one that reads metadata on start is not offline", catalog.ID("OF-HS-04"), "happy", till.Offline),
	Entry("one that says approved whenever a decision came misleads its user", catalog.ID("OF-HS-11"), "wrong-password", till.TrueOutcome),
	Entry("one that keeps the password sends it", catalog.ID("OF-HS-27"), "password", till.PasswordAtHome),
	Entry("one that salts with its name makes the same key twice", catalog.ID("OF-HS-26"), "password-locked", till.Salted),
	Entry("one that tries forty times does not stop at eight", catalog.ID("OF-HS-31"), "fault/jammed", till.BoundedFrames),
	Entry("a till that approves whatever result came has no verdict", catalog.ID("OF-VD-06"), "wrong-password", till.Verdict),
	Entry("nor has one that approves when the server is away", catalog.ID("OF-VD-07"), "server-away-later", till.Verdict),
	Entry("nor one that approves at once", catalog.ID("OF-VD-08"), "happy", till.Verdict),
	Entry("a till that keeps no record approves twice", catalog.ID("OF-VD-23"), "attack/replayed-exchange", till.Once),
	Entry("a till that tries forty times does not stop at four", catalog.ID("OF-VD-27"), "server-away-later", till.BoundedTries),
	Entry("one challenge for all is not fresh", catalog.ID("OF-SS-04"), "several", till.FreshChallenge),
	Entry("the threshold taken for ordinary needs no password", catalog.ID("OF-SS-05"), "threshold", till.HighLevel),
	Entry("nor does a handset without any password", catalog.ID("OF-SS-15"), "password-not-set", till.HighLevel),
	Entry("a server that does not compare the proof takes any password", catalog.ID("OF-SS-13"), "wrong-password", till.RightPassword),
	Entry("a server that keeps the old key takes the old password", catalog.ID("OF-SS-52"), "attack/thief-with-the-old-password", till.OldPassword),
	Entry("a server that says why is an oracle", catalog.ID("OF-SS-48"), "wrong-password", till.NoOracle),
	Entry("answers without no-store may be kept on the way", catalog.ID("OF-SS-53"), "happy", till.NotKept),
	Entry("a server that looks first and stores later takes a serial twice", catalog.ID("OF-SS-31"), "attack/serial-at-two-tills", till.SerialRace),
)

var _ = DescribeTable("The offline flow fails visibly: with one guard lifted, what was hoped for is missing",
	func(lifted catalog.ID, name string) {
		played := offlinely(name, lifted)
		Expect(played.Verdict).To(Equal("fail"), told(played))
		Expect(played.Actual).To(ContainSubstring("not so at the end"))
	},
	Entry("metadata of another issuer", catalog.ID("OF-SS-01"), "happy"),
	Entry("information without its envelope", catalog.ID("OF-SS-02"), "happy"),
	Entry("an amount in whole units", catalog.ID("OF-SS-03"), "happy"),
	Entry("a signature over a digest", catalog.ID("OF-SS-06"), "happy"),
	Entry("a proof without its label", catalog.ID("OF-SS-14"), "password"),
	Entry("an unknown handset that is taken in", catalog.ID("OF-SS-17"), "unknown-handset"),
	Entry("an unknown service that is taken for a free one", catalog.ID("OF-SS-18"), "unknown-service"),
	Entry("a result without its serial", catalog.ID("OF-SS-20"), "happy"),
	Entry("refusals in plain text", catalog.ID("OF-SS-23"), "password-not-set"),
	Entry("a result that is given once", catalog.ID("OF-SS-29"), "fault/result-lost"),
	Entry("information that is given once", catalog.ID("OF-SS-30"), "fault/information-lost"),
	Entry("challenges without an end", catalog.ID("OF-SS-33"), "thinks-too-long"),
	Entry("nobody counts wrong passwords", catalog.ID("OF-SS-46"), "password-locked"),
	Entry("a lock that holds at level 1", catalog.ID("OF-SS-49"), "password-locked"),
	Entry("anybody may set a password", catalog.ID("OF-SS-50"), "wrong-account-password"),
	Entry("results in the domain of information", catalog.ID("OF-SS-55"), "happy"),
	Entry("a till that rounds amounts up", catalog.ID("OF-VD-02"), "happy"),
	Entry("a till that opens envelopes", catalog.ID("OF-VD-03"), "happy"),
	Entry("a till that opens countersigns", catalog.ID("OF-VD-04"), "happy"),
	Entry("an approval without the result", catalog.ID("OF-VD-05"), "happy"),
	Entry("a till that goes silent", catalog.ID("OF-VD-09"), "password-not-set"),
	Entry("one session for all", catalog.ID("OF-VD-11"), "several"),
	Entry("damaged frames taken for good", catalog.ID("OF-VD-12"), "fault/damaged-frame"),
	Entry("frames that change how many there are", catalog.ID("OF-VD-14"), "fault/injected-frames"),
	Entry("frames of any size", catalog.ID("OF-VD-15"), "acoustic"),
	Entry("a countersign without the device's secret", catalog.ID("OF-VD-24"), "happy"),
	Entry("metadata of another server taken", catalog.ID("OF-VD-25"), "another-server"),
	Entry("one try at the server", catalog.ID("OF-VD-26"), "fault/result-lost"),
	Entry("another till's application taken", catalog.ID("OF-VD-28"), "another-label"),
	Entry("sessions that are kept for ever", catalog.ID("OF-VD-30"), "thinks-too-long"),
	Entry("metadata that are asked for once", catalog.ID("OF-VD-33"), "fault/metadata-lost"),
	Entry("an amount as text", catalog.ID("OF-HS-02"), "happy"),
	Entry("the same serial for the same coffee", catalog.ID("OF-HS-03"), "several"),
	Entry("an empty password", catalog.ID("OF-HS-06"), "password"),
	Entry("a proof that nobody asked for", catalog.ID("OF-HS-07"), "password-not-needed"),
	Entry("a countersign without the password", catalog.ID("OF-HS-08"), "threshold"),
	Entry("a password that is not set", catalog.ID("OF-HS-09"), "password"),
	Entry("a message in one frame", catalog.ID("OF-HS-12"), "password"),
	Entry("any clock believed", catalog.ID("OF-HS-19"), "fault/skew-beyond-server"),
	Entry("a confirmation that is good twice", catalog.ID("OF-HS-22"), "confirmed-twice"),
	Entry("a bare proof", catalog.ID("OF-HS-24"), "password"),
	Entry("amounts in eight bytes", catalog.ID("OF-HS-28"), "happy"),
	Entry("giving up at the first loss", catalog.ID("OF-HS-30"), "acoustic"),
	Entry("damaged answers taken for good", catalog.ID("OF-HS-32"), "fault/damaged-frame"),
)

var _ = Describe("The diagram of the offline flow", func() {
	It("says what frames are for and what messages say, and shows no secret", func() {
		s, err := scenarios.Find("offline/password")
		Expect(err).NotTo(HaveOccurred())
		diagram := scenarios.Run{Scenario: s, Seed: 1}.Play().Diagram
		var lanes []string
		for _, l := range diagram.Lanes {
			lanes = append(lanes, l.Name)
		}
		Expect(lanes).To(Equal([]string{"alice", "till.one", "server"}))
		text := diagram.Outline()
		for _, leg := range []string{"password", "application", "asks for the information", "countersign", "verification", "asks for the decision"} {
			Expect(text).To(ContainSubstring(": "+leg), leg)
		}
		Expect(text).To(And(ContainSubstring("frame=acknowledged"), ContainSubstring("part=1 of 2"), ContainSubstring("level=2"), ContainSubstring("verified=true")))
		Expect(text).NotTo(ContainSubstring("password of"))
		Expect(text).NotTo(MatchRegexp(`password_key=[A-Za-z0-9_-]{43}`))
	})
})
