package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"countersign/conformance"
	"countersign/conformance/drive"
	"countersign/conformance/flows"
)

// Judgement compares what a check came to when it was recorded with what it comes to when it is judged again.
type Judgement struct {
	Check     string
	Then, Now Outcome
	// Difference says in a sentence what differs; empty for nothing.
	Difference string
}

// UnknownCheckError says that a recording has a check that this version does not know.
type UnknownCheckError struct{ Check string }

func (e *UnknownCheckError) Error() string {
	return fmt.Sprintf("the recording has a check %s that this version does not know: rejudge it with the version that wrote it", e.Check)
}

// Rejudge runs the recorded checks again without a target, parallel of them at a time, and compares. The results stand in the order of the recording.
func (r Recording) Rejudge(ctx context.Context, parallel int) ([]Judgement, []conformance.Result, error) {
	known := map[string]conformance.Check{}
	for _, c := range flows.Checks() {
		known[c.Name()] = c
	}
	records := map[string]Record{}
	var checks []conformance.Check
	for _, record := range r.Checks {
		c, ok := known[record.Check]
		if !ok {
			return nil, nil, &UnknownCheckError{record.Check}
		}
		if _, twice := records[record.Check]; twice {
			return nil, nil, &ReadError{0, "has the check " + record.Check + " twice"}
		}
		records[record.Check] = record
		checks = append(checks, c)
	}
	runner := conformance.Runner{Parallel: parallel, Open: func(_ context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
		return records[c.Name()].open(c)
	}, Secrets: r.secrets(), Revise: drive.Revise}
	results := runner.Run(ctx, checks)
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("rejudging was stopped before its end: %w", err)
	}
	var judgements []Judgement
	for i, result := range results {
		results[i].Repro = r.Checks[i].Repro
		judgements = append(judgements, compare(r.Checks[i], result))
	}
	return judgements, results, nil
}

// Report is what the run comes to with those results: to the last byte the report that was recorded, where nothing differs.
func (r Recording) Report(results []conformance.Result) conformance.Report {
	report := conformance.Report{Profile: r.Profile, Level: r.Level, Seed: r.Seed, Target: r.Target, Defect: r.Defect, Results: results}
	report.Conclude()
	return report
}

func (r Recording) secrets() []conformance.Secret {
	var all []conformance.Secret
	for _, s := range r.Secrets {
		all = append(all, conformance.Secret{Place: s.Place, Value: string(s.Value)})
	}
	return all
}

// open gives a check what was recorded of it.
func (r Record) open(c conformance.Check) (conformance.Env, conformance.Target, error) {
	if r.Unopened != "" {
		return nil, conformance.Target{}, errors.New(string(r.Unopened))
	}
	if r.shelf != nil {
		return nil, conformance.Target{}, fmt.Errorf("the steps of %s lie in a spool: write the recording, and read it again", r.Check)
	}
	flow, err := flows.Of(c.ID)
	if err != nil {
		return nil, conformance.Target{}, err
	}
	// Emptied, so that nothing of the defaults is left in lists that were shorter.
	setup := reflect.New(reflect.TypeOf(flow.Setup()).Elem()).Interface().(conformance.Setup)
	if err := json.Unmarshal(r.Setup, setup); err != nil {
		return nil, conformance.Target{}, fmt.Errorf("the recorded setup of %s cannot be read: %w", r.Check, err)
	}
	return newPlayer(r), conformance.Target{URL: r.URL, Setup: setup, Run: r.Run}, nil
}

func compare(record Record, result conformance.Result) Judgement {
	j := Judgement{Check: record.Check, Then: record.Outcome, Now: OutcomeOf(result)}
	switch then, now := j.Then, j.Now; {
	case then.Verdict != now.Verdict:
		j.Difference = fmt.Sprintf("the verdict was %s and is %s", then.Verdict, now.Verdict)
		if now.Reason != "" {
			j.Difference += ": " + string(now.Reason)
		}
	case then.Reason != now.Reason:
		j.Difference = fmt.Sprintf("the verdict was %s because %q and is %s because %q", then.Verdict, then.Reason, now.Verdict, now.Reason)
	case !reflect.DeepEqual(then.Failure, now.Failure):
		j.Difference = "the verdict is the same, but what was expected, what came, or where it came is not"
	case then.Exchanges != now.Exchanges:
		j.Difference = "the verdict is the same, but the exchanges are not those of the report"
	}
	return j
}

// Differences are the judgements that differ.
func Differences(all []Judgement) []Judgement {
	return slices.DeleteFunc(slices.Clone(all), func(j Judgement) bool { return j.Difference == "" })
}
