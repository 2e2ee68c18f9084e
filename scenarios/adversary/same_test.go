package adversary_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/sim/explore"
)

var _ = DescribeTable("A hunt in the flow comes to the same with any number of workers, and when it was stopped and put on again",
	func(flow, scene string) {
		f, err := adversary.Find(flow)
		Expect(err).NotTo(HaveOccurred())
		h := adversary.Hunt{Flow: f, Level: catalog.Hardened, Scene: scene, Moves: 1, Switches: 1, Sessions: 1, Seed: 1, Random: 30, Workers: 1}
		want := found(h)
		Expect(want.Random).To(Equal(30))
		Expect(want.Odds.Least()).To(BeNumerically(">", 0))
		h.Workers = 2
		Expect(found(h)).To(Equal(want), "with two workers")

		h.Journal = filepath.Join(GinkgoT().TempDir(), "explore.json")
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		batches := 0
		h.Progress = func(explore.Progress) {
			if batches++; batches == 3 {
				stop()
			}
		}
		_, err = h.Run(ctx)
		Expect(err).To(MatchError(context.Canceled))
		before := 0
		h.Progress = func(p explore.Progress) { before = p.Before }
		Expect(found(h)).To(Equal(want), "from its journal")
		Expect(before).To(And(BeNumerically(">", 0), BeNumerically("<", want.Runs)), "runs that were played before")
	},
	Entry(nil, "bidirectional", "plain-temporary"),
	Entry(nil, "ticket", "plain-metadata"),
	Entry(nil, "mobile", "shared-sealing-key"),
	Entry(nil, "offline", "likely-passwords"),
	Entry(nil, "unified", "likely-passwords"),
)

var _ = DescribeTable("Every world of two sessions plays to its end as it goes of itself, with nothing broken, in the flow",
	func(flow string) {
		f, err := adversary.Find(flow)
		Expect(err).NotTo(HaveOccurred())
		got := found(adversary.Hunt{Flow: f, Level: catalog.Hardened, Sessions: 2, Seed: 1})
		Expect(got.Systems).To(BeNumerically(">", len(f.Scenes)))
		Expect(got.Runs).To(Equal(got.Systems))
		Expect(got.Attack).To(BeNil())
	},
	Entry(nil, "bidirectional"),
	Entry(nil, "ticket"),
	Entry(nil, "mobile"),
	Entry(nil, "offline"),
	Entry(nil, "unified"),
)
