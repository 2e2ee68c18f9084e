package adversary_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim/explore"
)

// hunt explores the bidirectional flow at level hardened without some guards, with one session and one move.
func hunt(scene string, lifted ...catalog.ID) adversary.Hunt {
	return adversary.Hunt{Flow: adversary.Bidirectional(), Level: catalog.Hardened, Lifted: lifted, Scene: scene, Moves: 1, Sessions: 1}
}

func found(h adversary.Hunt) adversary.Found {
	GinkgoHelper()
	f, err := h.Run(context.Background())
	Expect(err).NotTo(HaveOccurred())
	return f
}

var _ = DescribeTable("Without one guard the attacker finds by itself",
	func(scene string, lifted catalog.ID, invariant string, moves int) {
		f := found(hunt(scene, lifted))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Steps).To(HaveLen(moves))
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
		played, err := f.Attack.Play(adversary.Bidirectional())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
		Expect(played.Broken(f.Attack)).To(BeTrue())
	},
	Entry("session fixation", "open-web", catalog.ID("BI-CL-24"), "session-integrity", 1),
	Entry("a second token for one consent", "open-web", catalog.ID("BI-OS-31"), "one-token-a-consent", 1),
	Entry("a token without consent", "open-web", catalog.ID("BI-OS-16"), "secrecy", 1),
	Entry("a connection ended by a stranger's page", "open-web", catalog.ID("BI-CL-33"), "stays-connected", 1),
	Entry("a refusal redeemed", "open-web", catalog.ID("BI-OS-14"), "secrecy", 1),
	Entry("a page that only looks like a site's", "open-web", catalog.ID("BI-UT-01"), "password-at-home", 1),
	Entry("a consent with a user name alone", "likely-passwords", catalog.ID("BI-OS-11"), "secrecy", 1),
	Entry("passwords tried in one flow", "likely-passwords", catalog.ID("BI-OS-52"), "secrecy", 1),
	Entry("passwords tried over many flows", "likely-passwords", catalog.ID("BI-OS-53"), "secrecy", 1),
	Entry("a hand-over that undoes a revocation", "plain-handover", catalog.ID("BI-RS-15"), "revocation", 1),
	Entry("a hand-over for the other server", "two-resource-servers", catalog.ID("BI-RS-10"), "audience", 1),
	Entry("what breaks without any attacker: a revocation kept to itself", "open-web", catalog.ID("BI-OS-48"), "revocation", 0),
)

var _ = Describe("A hunt", func() {
	It("has nobody play a part in two ways in one world", func() {
		pairs := 0
		for _, f := range adversary.Flows() {
			for _, ways := range f.Either {
				Expect(f.Sessions).To(ContainElements(ways), f.Name)
			}
			for _, s := range f.Systems(adversary.Hunt{Flow: f, Level: catalog.Hardened, Sessions: 2, Seed: 1}) {
				pairs += len(s.Sessions) - 1
				if len(s.Sessions) < 2 {
					continue
				}
				for _, ways := range f.Either {
					Expect(ways).NotTo(ContainElements(s.Sessions), s.Name())
				}
			}
		}
		Expect(pairs).To(BeNumerically(">", 100))
	})

	It("finds nothing with all guards on, and says within which bounds", func() {
		for _, scene := range []string{"open-web", "likely-passwords", "two-resource-servers", "plain-handover"} {
			f := found(hunt(scene))
			Expect(f.Attack).To(BeNil(), scene)
			Expect(f.Runs).To(BeNumerically(">", 10), scene)
			Expect(f.Inert).To(BeNumerically(">", 0), scene)
		}
	})

	It("sends what is on its way to one host to another of that role", func() {
		f := found(hunt("two-resource-servers", "BI-RS-10"))
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Steps).To(ConsistOf(explore.Step{At: "the hand-over 1 of oauth.b to archive.b passes", Choose: "it goes to resource.b instead"}))
	})

	It("gives the same attack and the same counts with one worker and with two", func() {
		spelled := func(workers int) string {
			h := hunt("open-web", "BI-CL-24")
			h.Workers = workers
			text, err := json.Marshal(found(h))
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}
		Expect(spelled(2)).To(Equal(spelled(1)))
	})

	It("that has nothing to explore is an error", func() {
		_, err := hunt("nowhere").Run(context.Background())
		var nothing *adversary.NoSystemError
		Expect(errors.As(err, &nothing)).To(BeTrue())
	})

	It("keeps a journal, goes on from it, and refuses that of another hunt", func() {
		h := hunt("likely-passwords")
		want := found(h)
		h.Journal = filepath.Join(GinkgoT().TempDir(), "explore.json")
		ctx, stop := context.WithCancel(context.Background())
		h.Progress = func(explore.Progress) { stop() }
		_, err := h.Run(ctx)
		Expect(err).To(MatchError(context.Canceled))
		Expect(h.Journal).To(BeARegularFile())
		h.Progress = nil
		Expect(found(h)).To(Equal(want))

		var wrong *adversary.JournalError
		rebuilt, changed, otherwise, shorter := h, h, h, h
		rebuilt.Program = "another"
		changed.Flow = h.Flow.Changed(func(*stage.Stage) {})
		otherwise.RandomMoves = 5
		shorter.Moves = 0
		for _, other := range []adversary.Hunt{rebuilt, changed, otherwise, shorter} {
			_, err = other.Run(context.Background())
			Expect(errors.As(err, &wrong)).To(BeTrue())
			Expect(err).To(MatchError(Or(ContainSubstring("another exploration"), ContainSubstring("another program"))))
		}

		Expect(os.WriteFile(h.Journal, []byte("nonsense"), 0o600)).To(Succeed())
		_, err = h.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("no journal")))
	})
})

var _ = Describe("An attack that is kept", func() {
	kept := func() *adversary.Attack {
		GinkgoHelper()
		f := found(hunt("open-web", "BI-CL-24"))
		Expect(f.Attack).NotTo(BeNil())
		return f.Attack
	}

	It("is told in words and drawn with the attacker", func() {
		a := kept()
		played, err := a.Play(adversary.Bidirectional())
		Expect(err).NotTo(HaveOccurred())
		words := a.Words(played)
		Expect(words).To(ContainSubstring("alice is lured"))
		Expect(words).To(ContainSubstring("the attacker learns temporary credential 1"))
		Expect(words).To(ContainSubstring("BROKEN session-integrity (BI-RS-06)"))
		Expect(played.Diagram.Outline()).To(ContainSubstring("FAILS HERE"))
		Expect(string(played.Diagram.SVG())).To(ContainSubstring("mallory"))
	})

	It("is read back from JSON, and plays to the byte", func() {
		a := kept()
		text, err := a.JSON()
		Expect(err).NotTo(HaveOccurred())
		again, err := adversary.ParseAttack(text)
		Expect(err).NotTo(HaveOccurred())
		Expect(again).To(Equal(a))
		Expect(string(text)).NotTo(ContainSubstring("oauth_token="), "it holds nothing that is drawn at random")
	})

	It("is stopped by the guard that was lifted", func() {
		a := kept()
		a.Lifted = nil
		played, err := a.Play(adversary.Bidirectional())
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Broken(a)).To(BeFalse())
	})

	It("says where it can no longer be played", func() {
		a := kept()
		a.Steps[0].Choose = "alice is lured to the moon"
		_, err := a.Play(adversary.Bidirectional())
		var diverged *adversary.DivergedError
		Expect(errors.As(err, &diverged)).To(BeTrue())
		Expect(err.Error()).To(ContainSubstring("the moon"))
	})

	DescribeTable("is refused when it is none",
		func(change func(string) string, said string) {
			text, err := kept().JSON()
			Expect(err).NotTo(HaveOccurred())
			_, err = adversary.ParseAttack([]byte(change(string(text))))
			Expect(err).To(MatchError(ContainSubstring(said)))
		},
		Entry("of another format", func(s string) string { return strings.Replace(s, "attack@1", "attack@9", 1) }, "attack@9"),
		Entry("with a guard that there is not", func(s string) string { return strings.Replace(s, "BI-CL-24", "BI-CL-99", 1) }, "no requirement"),
		Entry("no JSON", func(string) string { return "{" }, "no JSON"),
	)

	It("of a scene that there is not cannot be played", func() {
		a := kept()
		a.Scene = "nowhere"
		_, err := a.Play(adversary.Bidirectional())
		var unfit *adversary.AttackError
		Expect(errors.As(err, &unfit)).To(BeTrue())
	})
})
