package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
)

// of is a result whose journeys, and whose leg token, took 1 ms to 100 ms.
func of(scale float64) load.Result {
	var h load.Histogram
	for ms := 1; ms <= 100; ms++ {
		h.Record(time.Duration(float64(ms)*scale*float64(time.Millisecond)), 1)
	}
	leg := load.Leg{
		Name: "token", Count: 100, Failed: 1, P50: 50 * scale, P95: 95 * scale, P99: 99 * scale, Max: 100 * scale, Mean: 50.5 * scale, Min: scale, Histogram: &h,
	}
	flow := leg
	flow.Name = load.FlowLeg
	return load.Result{
		Format: load.Format, Script: "ticket", Rate: 1900, Flow: flow, Legs: []load.Leg{leg},
		Counts: load.Counts{Due: 1000, Finished: 999, Wrong: 1, Late: 3, Failed: map[string]int64{}},
	}
}

func verdict(text string, r load.Result, before *load.Result) load.Verdict {
	GinkgoHelper()
	t, err := load.ParseThreshold(text)
	Expect(err).NotTo(HaveOccurred())
	v, err := t.Judge(r, before)
	Expect(err).NotTo(HaveOccurred())
	return v
}

var _ = Describe("A threshold", func() {
	DescribeTable("is held or not",
		func(text string, held bool, actual string) {
			v := verdict(text, of(1), nil)
			Expect(v.Held).To(Equal(held))
			Expect(v.Actual).To(Equal(actual))
		},
		Entry("a percentile below a bound", "p99<100ms", true, "99.0 ms"),
		Entry("a percentile above it", "p99<98ms", false, "99.0 ms"),
		Entry("a fraction of a percentile", "p99.9 < 0.2s", true, "100 ms"),
		Entry("a leg", "token:p50<=51ms", true, "50.0 ms"),
		Entry("the maximum", "max<=1s", true, "100 ms"),
		Entry("the mean", "mean<50ms", false, "50.5 ms"),
		Entry("a share of errors", "errors<0.2%", true, "0.1%"),
		Entry("a smaller share of errors", "errors<0.1%", false, "0.1%"),
		Entry("a leg's share of errors", "token:errors<=1%", true, "1%"),
		Entry("nothing dropped", "dropped<1", true, "0"),
		Entry("late beginnings", "late<3", false, "3"),
		Entry("a rate that is reached", "rate>1899", true, "1900"),
		Entry("a rate that is not", "rate>=1901", false, "1900"),
	)

	It("without a sample is not held", func() {
		v := verdict("p99<1h", load.Result{}, nil)
		Expect(v.Held).To(BeFalse())
		Expect(v.Actual).To(Equal("nothing was measured"))
		Expect(verdict("errors<1%", load.Result{}, nil).Held).To(BeFalse())
	})

	It("may be a multiple of the baseline's", func() {
		before := of(1)
		Expect(verdict("p99<1.1x", of(1.05), &before).Held).To(BeTrue())
		Expect(verdict("p99<1.1x", of(1.2), &before)).To(Equal(load.Verdict{Threshold: "p99<1.1x", Actual: "119 ms, 1.20 times the baseline's 99.0 ms"}))
		Expect(verdict("p99<1.1x", of(1), &load.Result{}).Held).To(BeFalse())
		t, _ := load.ParseThreshold("p99<1.1x")
		_, err := t.Judge(of(1), nil)
		Expect(err).To(MatchError(ContainSubstring("--baseline")))
	})

	DescribeTable("that makes no sense is refused",
		func(text string) {
			_, err := load.ParseThreshold(text)
			var wrong *load.ThresholdError
			Expect(err).To(BeAssignableToTypeOf(wrong))
		},
		Entry("nothing", ""), Entry("no comparison", "p99"), Entry("no unit", "p99<50"), Entry("a unit of nothing", "p99<50apples"), Entry("a percentile beyond all", "p101<1ms"),
		Entry("the zeroth percentile", "p0<1ms"), Entry("errors in milliseconds", "errors<1ms"), Entry("dropped in percent", "dropped<1%"), Entry("two points", "p99<1.2.3ms"),
		Entry("a percentile of two points", "p9.9.9<1ms"), Entry("dropped of a leg", "token:dropped<1"),
	)

	It("of a leg that is not there is refused with the names of those that are", func() {
		t, err := load.ParseThreshold("tokn:p99<1s")
		Expect(err).NotTo(HaveOccurred())
		_, err = t.Judge(of(1), nil)
		Expect(err).To(MatchError(ContainSubstring(`no leg "tokn"; the legs are token`)))
	})
})

var _ = Describe("A result", func() {
	It("can be written and read, histograms included", func() {
		var text bytes.Buffer
		Expect(of(1).Write(&text)).To(Succeed())
		file := filepath.Join(GinkgoT().TempDir(), "load.json")
		Expect(os.WriteFile(file, text.Bytes(), 0o600)).To(Succeed())
		read, err := load.ReadResult(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(read.Flow.Histogram.Percentile(99)).To(BeNumerically("~", 99*time.Millisecond, 100*time.Microsecond))
		Expect(verdict("token:p90<=90.1ms", read, nil).Held).To(BeTrue())
	})

	DescribeTable("that is none is refused",
		func(text, sentence string) {
			file := filepath.Join(GinkgoT().TempDir(), "load.json")
			Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
			_, err := load.ReadResult(file)
			Expect(err).To(MatchError(ContainSubstring(sentence)))
		},
		Entry("no JSON", "load", "this is no result"),
		Entry("another document", `{"format": "countersign/plan@1"}`, `its format is "countersign/plan@1"`),
		Entry("no histogram", `{"format": "countersign/load@1", "flow": {"histogram": "?"}}`, "this is no histogram"),
	)

	It("is compared with an earlier one of the same script, and of no other", func() {
		changes, err := load.Compare(of(1), of(2))
		Expect(err).NotTo(HaveOccurred())
		Expect(changes).To(ContainElements(
			load.Change{Metric: "rate", Before: 1900, After: 1900, Ratio: 1},
			load.Change{Leg: "flow", Metric: "p99", Before: 99, After: 198, Ratio: 2},
			load.Change{Leg: "token", Metric: "p50", Before: 50, After: 100, Ratio: 2},
		))
		other := of(1)
		other.Script = "unified"
		_, err = load.Compare(other, of(1))
		Expect(err).To(MatchError(ContainSubstring("name a run of the same")))
	})

	It("of nothing concludes nothing", func() {
		var empty *load.EmptyError
		Expect(load.Result{}.Measured()).To(BeAssignableToTypeOf(empty))
		dead := of(1)
		dead.Counts = load.Counts{Due: 100, Failed: map[string]int64{"connection refused": 100}}
		Expect(dead.Measured()).To(MatchError(ContainSubstring("100 connection refused")))
		Expect(of(1).Measured()).To(Succeed())
	})
})

// queueing is what a target of so many journeys a second does at a rate, by the textbook.
func queueing(capacity float64) func(context.Context, load.Pacer) (load.Result, error) {
	return func(_ context.Context, p load.Pacer) (load.Result, error) {
		rate := p[0].To
		r := of(1 / max(0.01, capacity-rate))
		r.Rate, r.Counts = min(rate, capacity), load.Counts{Due: 100, Finished: 100}
		return r, nil
	}
}

var _ = Describe("A search for the highest rate", func() {
	threshold := func(text string) []load.Threshold {
		t, err := load.ParseThreshold(text)
		Expect(err).NotTo(HaveOccurred())
		return []load.Threshold{t}
	}

	DescribeTable("finds it within a twentieth, and shows the curve",
		func(capacity, from float64) {
			var tried []load.Point
			s := load.Search{From: from, Step: time.Second, Thresholds: threshold("p99<10ms"), Try: queueing(capacity), Tried: func(p load.Point) { tried = append(tried, p) }}
			r, err := s.Run(context.Background())
			Expect(err).NotTo(HaveOccurred())
			truth := capacity - 9.9 // where 99 ms by what is left is 10 ms
			Expect(r.Held).To(And(BeNumerically("<=", truth), BeNumerically(">", 0.94*truth)))
			Expect(r.Curve).To(HaveLen(len(tried)))
			for i := 1; i < len(r.Curve); i++ {
				Expect(r.Curve[i].Rate).To(BeNumerically(">", r.Curve[i-1].Rate))
				Expect(r.Curve[i].Held).To(Equal(r.Curve[i].Rate <= r.Held))
			}
		},
		Entry("from below", 1000.0, 10.0),
		Entry("from above", 1000.0, 64_000.0),
		Entry("from where nobody says", 777.0, 0.0),
	)

	It("holds a rate against a baseline", func() {
		before := of(1) // a p99 of 99 ms
		s := load.Search{From: 100, Step: time.Second, Thresholds: threshold("p99<0.1x"), Baseline: &before, Try: queueing(1000)}
		r, err := s.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Held).To(BeNumerically("~", 960, 30))
		Expect(r.Thresholds[0].Actual).To(ContainSubstring("times the baseline's 99.0 ms"))
	})

	It("says that none holds", func() {
		s := load.Search{From: 8, Step: time.Second, Thresholds: threshold("p99<1us"), Try: queueing(1000)}
		r, err := s.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Held).To(BeZero())
		Expect(r.Curve).To(HaveLen(4)) // 8, 4, 2, 1
	})

	It("takes no rate for held at which journeys go wrong, or that is not reached", func() {
		wrong := func(ctx context.Context, p load.Pacer) (load.Result, error) {
			r, err := queueing(1e6)(ctx, p)
			if p[0].To > 100 {
				r.Counts.Wrong = 1
			}
			return r, err
		}
		r, err := load.Search{From: 100, Step: time.Second, Thresholds: threshold("p99<1h"), Try: wrong, Within: 0.5}.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Held).To(BeEquivalentTo(100))
		slow := func(ctx context.Context, p load.Pacer) (load.Result, error) {
			r, err := queueing(1e6)(ctx, p)
			r.Rate = min(r.Rate, 150)
			return r, err
		}
		r, err = load.Search{From: 100, Step: time.Second, Thresholds: threshold("p99<1h"), Try: slow}.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Held).To(BeNumerically("<=", 158))
	})
})

// sluggish is a disk that takes its time for each histogram.
type sluggish struct{ histograms atomic.Int64 }

func (d *sluggish) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("Tag=")) {
		d.histograms.Add(1)
		time.Sleep(300 * time.Millisecond) // the disk's own time
	}
	return len(p), nil
}

var _ = Describe("The record of a run", func() {
	It("is logged without a journey that waits for it", func() {
		disk := &sluggish{}
		r := &load.Recorder{Log: disk}
		a := load.Attacker{Script: &slow{begun: time.Now()}, Connections: 4}
		Expect(a.Prepare(context.Background())).To(Succeed())
		Expect(a.Attack(context.Background(), load.Constant(200, 1500*time.Millisecond), r)).To(Succeed())
		Expect(disk.histograms.Load()).To(BeEquivalentTo(2), "of the flow, in two seconds")
		Expect(r.Result().Flow.Max).To(BeNumerically("<", 200), "the journeys of the time in which the first is written, by a bound for a machine that is busy")
	})

	It("is written in the format of Prometheus", func() {
		r := &load.Recorder{}
		a := load.Attacker{Script: &slow{begun: time.Now()}, Connections: 1}
		Expect(a.Prepare(context.Background())).To(Succeed())
		Expect(a.Attack(context.Background(), load.Constant(100, 50*time.Millisecond), r)).To(Succeed())
		var text bytes.Buffer
		Expect(r.WriteMetrics(&text)).To(Succeed())
		Expect(text.String()).To(And(
			ContainSubstring("# TYPE countersign_load_seconds summary\n"), ContainSubstring("countersign_load_journeys_due_total 5\n"),
			ContainSubstring("countersign_load_journeys_total{outcome=\"finished\"} 5\n"), ContainSubstring("countersign_load_seconds_count{leg=\"flow\"} 5\n"),
			MatchRegexp(`countersign_load_seconds\{leg="flow",quantile="0.999"\} \S+\n`),
		))
		written, err := json.Marshal(r.Result())
		Expect(err).NotTo(HaveOccurred())
		Expect(len(written)).To(BeNumerically(">", 500))
	})
})
