package adversary_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
)

// keptTables are the tables that `explore --necessity` wrote last.
func keptTables() (tables []adversary.Table) {
	GinkgoHelper()
	files, err := filepath.Glob("kept/necessity.*.json")
	Expect(err).NotTo(HaveOccurred())
	Expect(files).To(HaveLen(len(adversary.Flows())))
	for _, name := range files {
		text, err := os.ReadFile(name)
		Expect(err).NotTo(HaveOccurred())
		t, err := adversary.ParseTable(text)
		Expect(err).NotTo(HaveOccurred())
		Expect(name).To(HaveSuffix("necessity." + t.Flow + ".json"))
		tables = append(tables, t)
	}
	return tables
}

// asked looks for the need for some requirements of the bidirectional flow, one move far.
func asked(ids ...catalog.ID) adversary.Necessity {
	return adversary.Necessity{Flow: adversary.Bidirectional(), Only: ids, Moves: 1, Sessions: 1, Seed: 1}
}

var _ = Describe("The table of necessity that is kept", func() {
	It("has every hardened requirement of its flow once, in the order of the catalogue, each with an attack or a reason", func() {
		for _, t := range keptTables() {
			var wanted, got []catalog.ID
			for _, r := range catalog.Of(t.Flow) {
				if r.Level == catalog.Hardened {
					wanted = append(wanted, r.ID)
				}
			}
			for _, n := range t.Needs {
				got = append(got, n.Requirement)
			}
			Expect(got).To(Equal(wanted), t.Flow)
			Expect(t.Count(adversary.NotFound)).To(BeZero(), t.Flow)
			Expect(t.Count(adversary.Attacked) + t.Count(adversary.Reasoned)).To(Equal(len(wanted)))
			Expect(t.Sound.Runs).To(BeNumerically(">", 0))
		}
	})

	It("has attacks that come about without the guard, and not with it", func() {
		played := 0
		for _, t := range keptTables() {
			flow, err := adversary.Find(t.Flow)
			Expect(err).NotTo(HaveOccurred())
			for _, n := range t.Needs {
				if n.Attack == nil {
					continue
				}
				Expect(n.Attack.Lifted).To(Equal([]catalog.ID{n.Requirement}))
				without, err := n.Attack.Play(flow)
				Expect(err).NotTo(HaveOccurred(), string(n.Requirement))
				Expect(without.Broken(n.Attack)).To(BeTrue(), string(n.Requirement))
				guarded := *n.Attack
				guarded.Lifted = nil
				with, err := guarded.Play(flow)
				var diverged *adversary.DivergedError // the guard may keep a step of it from coming up
				if err != nil {
					Expect(errors.As(err, &diverged)).To(BeTrue(), "%s: %v", n.Requirement, err)
				}
				Expect(with.Breaches).To(BeEmpty(), string(n.Requirement))
				played++
			}
		}
		Expect(played).To(BeNumerically(">=", 20))
	})

	It("says the same in words", func() {
		for _, t := range keptTables() {
			text, err := os.ReadFile("kept/necessity." + t.Flow + ".txt")
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).To(Equal(t.Text()))
		}
	})

	It("has the reasons that are written down, each of a hardened requirement without an attack", func() {
		Expect(adversary.Reasons()).NotTo(BeEmpty())
		for _, t := range keptTables() {
			for _, n := range t.Needs {
				Expect(n.Reason).To(Equal(adversary.Reason(n.Requirement)), string(n.Requirement))
				Expect(n.Outcome == adversary.Reasoned).To(Equal(n.Reason != ""), string(n.Requirement))
			}
		}
		for _, id := range adversary.Reasons() {
			Expect(catalog.MustLookup(id).Level).To(Equal(catalog.Hardened), string(id))
			Expect(adversary.Reason(id)).To(HaveSuffix("."), string(id))
		}
	})
})

var _ = Describe("The question what a requirement is there for", func() {
	It("is answered anew as the table has it, for a sample", func() {
		sample := []catalog.ID{"BI-OS-48", "BI-RS-15", "BI-RS-10"}
		t, err := asked(sample...).Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(t.Needs).To(HaveLen(len(sample)))
		for _, kept := range keptTables() {
			for _, n := range t.Needs {
				i := slices.IndexFunc(kept.Needs, func(k adversary.Need) bool { return k.Requirement == n.Requirement })
				if i < 0 {
					continue
				}
				Expect(n.Outcome).To(Equal(adversary.Attacked), string(n.Requirement))
				Expect(n.Attack.Scene).To(Equal(kept.Needs[i].Attack.Scene))
				Expect(n.Attack.Steps).To(Equal(kept.Needs[i].Attack.Steps))
			}
		}
	})

	It("goes on from where it was stopped, to the same table, and not from the journal of another", func() {
		n := asked("BI-OS-48", "BI-RS-15")
		n.Flow.Scenes = slices.DeleteFunc(n.Flow.Scenes, func(s adversary.Scene) bool { return s.Name != "plain-handover" }) // one is enough, and soon over
		want, err := n.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		n.Journal = filepath.Join(GinkgoT().TempDir(), "necessity")
		ctx, stop := context.WithCancel(context.Background())
		n.Ended = func(adversary.Need) { stop() }
		_, err = n.Run(ctx)
		Expect(err).To(MatchError(context.Canceled))
		n.Ended = nil
		n.Began = func(what string) { Expect(what).To(Equal("BI-RS-15"), "nothing is looked for twice") }
		Expect(n.Run(context.Background())).To(Equal(want))

		rebuilt := n
		rebuilt.Program = "another"
		_, err = rebuilt.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("another program")))

		n.Seed = 2
		_, err = n.Run(context.Background())
		var wrong *adversary.JournalError
		Expect(errors.As(err, &wrong)).To(BeTrue())
		Expect(os.WriteFile(n.Journal, []byte("nonsense"), 0o600)).To(Succeed())
		_, err = n.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("no journal")))
	})

	It("of no requirement is an error, and no empty table", func() {
		_, err := asked("BI-OS-05").Run(context.Background()) // of level core
		var nothing *adversary.NothingNeededError
		Expect(errors.As(err, &nothing)).To(BeTrue())
	})
})

var _ = Describe("The catalogue of attacks", func() {
	It("names each attack once, with a flow, guards and a scene that there are", func() {
		names := map[string]bool{}
		for _, k := range adversary.KnownAttacks() {
			Expect(names[k.Name]).To(BeFalse(), k.Name)
			names[k.Name] = true
			f, err := adversary.Find(k.Flow)
			Expect(err).NotTo(HaveOccurred(), k.Name)
			Expect(slices.ContainsFunc(f.Scenes, func(s adversary.Scene) bool { return s.Name == k.Scene })).To(BeTrue(), k.Name)
			Expect(k.Title).NotTo(BeEmpty(), k.Name)
			Expect(k.Source).NotTo(BeEmpty(), k.Name)
			Expect(k.Lifted).NotTo(BeEmpty(), k.Name)
			for _, id := range k.Lifted {
				flow, known := catalog.FlowOf(id)
				Expect(known).To(BeTrue(), "%s lifts %s", k.Name, id)
				Expect(flow).To(Equal(k.Flow), "%s lifts %s", k.Name, id)
			}
		}
		Expect(len(names)).To(BeNumerically(">=", 36))
	})

	for _, k := range adversary.KnownAttacks() {
		if k.Quick {
			It("is found by search, and not where it is fixed: "+k.Name, func() {
				twins, err := k.Run(context.Background(), 0)
				Expect(err).NotTo(HaveOccurred())
				Expect(twins.Vulnerable.Attack.Breach.Invariant).To(Equal(k.Breaks))
				Expect(twins.Fixed.Runs).To(BeNumerically(">", min(k.Moves, 1)), "without a move there is one run of a world")
			})
		}
	}

	It("is wrong about an attack that no guard stops, and about one that is not found", func() {
		var wrong *adversary.TwinError
		k := adversary.Known{Name: "nothing", Flow: "bidirectional", Scene: "likely-passwords", Lifted: []catalog.ID{"BI-OS-29"}, Sessions: 1, Breaks: "secrecy"}
		_, err := k.Run(context.Background(), 0)
		Expect(errors.As(err, &wrong)).To(BeTrue())
		Expect(err).To(MatchError(ContainSubstring("not found")))
	})
})

var _ = DescribeTable("A statement of sufficiency says of runs at random what they promise",
	func(missed float64, promise string) {
		s := adversary.Sufficiency{Level: catalog.Hardened, Moves: 1, Switches: 1, Sessions: 2, Worlds: 3, Runs: 40, States: 50, Random: 10, RandomMoves: 3, Missed: missed}
		Expect(s.String()).To(And(ContainSubstring("within 1 move, 1 switch and up to 2 sessions in a world, where its scene has as many: 3 worlds, 40 runs, 50 states."), HaveSuffix(promise)))
	},
	Entry("by their odds", 0.25, "10 of the runs were drawn at random, 3 moves long; all of these miss an attack of that length with a probability of at most 0.25."),
	Entry("where these are hopeless, that it is nothing", 0.9999999, "promise nothing about the others."),
)
