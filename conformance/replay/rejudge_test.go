package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
)

// record plays checks through a recorder.
func record(open replay.Open, checks []conformance.Check) (conformance.Report, replay.Recording) {
	GinkgoHelper()
	recorder := &replay.Recorder{}
	report := conformance.Report{Profile: "test", Level: "hardened", Target: "built-in reference"}
	report.Results = conformance.Runner{Open: recorder.Wrap(open), Parallel: 4}.Run(context.Background(), checks)
	report.Conclude()
	return report, recorder.Recording(report)
}

// reread writes a recording and reads it.
func reread(r replay.Recording) replay.Recording {
	GinkgoHelper()
	var file bytes.Buffer
	Expect(r.Write(&file)).To(Succeed())
	read, err := replay.Read(&file)
	Expect(err).NotTo(HaveOccurred())
	return read
}

func rejudge(r replay.Recording) []replay.Judgement {
	GinkgoHelper()
	judgements, _, err := r.Rejudge(context.Background(), 4)
	Expect(err).NotTo(HaveOccurred())
	Expect(judgements).To(HaveLen(len(r.Checks)))
	return judgements
}

func differences(judgements []replay.Judgement) string {
	var lines []string
	for _, j := range replay.Differences(judgements) {
		lines = append(lines, j.Check+": "+j.Difference)
	}
	return strings.Join(lines, "\n")
}

// others are the checks that did not pass.
func others(r conformance.Report) string {
	var lines []string
	for _, result := range r.Results {
		if result.Verdict != conformance.Pass {
			lines = append(lines, fmt.Sprintf("%s: %s %.300s %v", result.Check, result.Verdict, result.Reason, result.Failure))
		}
	}
	return strings.Join(lines, "\n")
}

// every is each n-th check.
func every(n int, checks []conformance.Check) []conformance.Check {
	var some []conformance.Check
	for i := 0; i < len(checks); i += n {
		some = append(some, checks[i])
	}
	return some
}

var _ = Describe("Rejudging a recording", func() {
	for _, flow := range flows.All() {
		It("gives every verdict and exchange of the flow "+flow.Name+" again, with no target", func() {
			report, recording := record(reference.Reference{Seed: 3}.InWorld, flow.Checks)
			Expect(report.Counts.Pass).To(Equal(len(flow.Checks)), others(report))
			Expect(differences(rejudge(reread(recording)))).To(BeEmpty())
		})

		It("gives verdict and reason again where the reference is wrong, in the flow "+flow.Name, func() {
			var wrong []reference.Defect
			for _, d := range reference.Defects() {
				if of, err := flows.Of(d.Requirement); err == nil && of.Name == flow.Name {
					wrong = append(wrong, d)
				}
			}
			Expect(len(wrong)).To(BeNumerically(">", 20))
			caught := 0
			for i := 0; i < len(wrong); i += 4 {
				named := slices.DeleteFunc(slices.Clone(flow.Checks), func(c conformance.Check) bool { return c.ID != wrong[i].Requirement })
				report, recording := record(reference.Reference{Defect: wrong[i], Seed: 1}.InWorld, named)
				caught += report.Counts.Fail + report.Counts.Warn
				judgements := rejudge(reread(recording))
				Expect(differences(judgements)).To(BeEmpty(), wrong[i].ID)
				for j, result := range report.Results {
					Expect(judgements[j].Now.Failure).To(Equal(result.Failure), wrong[i].ID)
				}
			}
			Expect(caught).To(BeNumerically(">=", len(wrong)/4))
		})

		It("gives the verdicts of real connections again, in the flow "+flow.Name, func() {
			checks := every(12, flow.Checks)
			report, recording := record(reference.Reference{Seed: 3}.OnLoopback, checks)
			Expect(report.Counts.Pass).To(Equal(len(checks)), others(report))
			Expect(differences(rejudge(reread(recording)))).To(BeEmpty())
		})

		It("finds that recording had changed nothing, in the flow "+flow.Name, func() {
			checks := every(7, flow.Checks)
			results := conformance.Runner{Open: reference.Reference{Seed: 3}.InWorld, Parallel: 4}.Run(context.Background(), checks)
			_, recording := record(reference.Reference{Seed: 3}.InWorld, checks)
			for _, r := range results {
				at := slices.IndexFunc(recording.Checks, func(c replay.Record) bool { return c.Check == r.Check })
				Expect(recording.Checks[at].Outcome).To(Equal(replay.OutcomeOf(r)), r.Check)
			}
		})
	}

	It("gives a skip and a harness that broke again, with the reason", func() {
		flow := flows.All()[1]
		inWorld := reference.Reference{Seed: 3}.InWorld
		clockless := func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
			env, target, err := inWorld(ctx, c)
			return withoutClock{env}, target, err
		}
		report, recording := record(clockless, flow.Checks)
		Expect(report.Counts.Skip).To(BeNumerically(">", 0))
		Expect(differences(rejudge(reread(recording)))).To(BeEmpty())

		closed := func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
			return nil, conformance.Target{}, errors.New("the address is taken")
		}
		report, recording = record(closed, flow.Checks[:2])
		Expect(report.Counts.Error).To(Equal(2))
		Expect(differences(rejudge(reread(recording)))).To(BeEmpty())
		Expect(string(recording.Checks[0].Outcome.Reason)).To(Equal("the address is taken"))
	})

	It("is of the same bytes for the same seed in a simulated world", func() {
		var files [2]bytes.Buffer
		for i := range files {
			_, recording := record(reference.Reference{Seed: 3}.InWorld, every(5, flows.Checks()))
			Expect(recording.Write(&files[i])).To(Succeed())
		}
		Expect(files[1].Len()).To(BeNumerically(">", 1000))
		Expect(bytes.Equal(files[0].Bytes(), files[1].Bytes())).To(BeTrue())
	})

	It("stops when it is told to", func() {
		_, recording := record(reference.Reference{Seed: 3}.InWorld, flows.All()[1].Checks[:2])
		ctx, stop := context.WithCancel(context.Background())
		stop()
		_, _, err := recording.Rejudge(ctx, 1)
		Expect(err).To(MatchError(context.Canceled))
	})

	It("does not know a check of another version", func() {
		_, _, err := replay.Recording{Checks: []replay.Record{{Check: "XX-YY-01"}}}.Rejudge(context.Background(), 1)
		Expect(err).To(BeAssignableToTypeOf(&replay.UnknownCheckError{}))
	})
})

// withoutClock is an Env whose target's clock cannot be moved.
type withoutClock struct{ conformance.Env }

func (withoutClock) Advance(time.Duration) error { return conformance.ErrNoClock }
