package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Runner plays checks against a target.
type Runner struct {
	// Open gives a check its surroundings and its target.
	Open func(context.Context, Check) (Env, Target, error)
	// Parallel bounds how many checks run at a time; 0 or less means 16.
	Parallel int
	// Shared says that all checks meet the same instance of the target, so that those marked Alone have to run one by one, after the others.
	Shared bool
	// Progress, if set, is told of each result as it comes, one call at a time.
	Progress func(done, total int, r Result)
	// Repro gives the command that runs a check again.
	Repro func(Check) string
}

// Run plays the checks and returns their results in the order of the checks. When ctx ends, checks that have not ended are skipped with that reason:
// what a target does while its run is being stopped says nothing of it.
func (r Runner) Run(ctx context.Context, checks []Check) []Result {
	results := make([]Result, len(checks))
	var together, alone []int
	for i, c := range checks {
		if r.Shared && c.Alone {
			alone = append(alone, i)
		} else {
			together = append(together, i)
		}
	}
	var mu sync.Mutex
	done := 0
	play := func(i int) {
		result := r.play(ctx, checks[i])
		mu.Lock()
		defer mu.Unlock()
		results[i] = result
		done++
		if r.Progress != nil {
			r.Progress(done, len(checks), result)
		}
	}
	parallel := r.Parallel
	if parallel <= 0 {
		parallel = 16
	}
	queue := make(chan int)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for i := range queue {
				play(i)
			}
		})
	}
	for _, i := range together {
		queue <- i
	}
	close(queue)
	workers.Wait()
	for _, i := range alone {
		play(i)
	}
	return results
}

func (r Runner) play(ctx context.Context, c Check) Result {
	result := Result{Check: c.Name(), Role: c.Role, Requirement: c.Requirement(), Exchanges: []Exchange{}}
	if err := ctx.Err(); err != nil {
		result.Verdict, result.Reason = Skip, "the run was stopped before this check began"
	} else if env, target, err := r.Open(ctx, c); err != nil {
		result.Verdict, result.Reason = Error, err.Error()
	} else {
		session := &Session{Check: c, Target: target, Env: env}
		if err := env.Within(func() { result = session.Run() }); err != nil {
			result.Verdict, result.Reason, result.Failure = Error, err.Error(), nil
		}
		env.Close()
		if ctx.Err() != nil {
			result.Verdict, result.Reason, result.Failure = Skip, "the run was stopped during this check", nil
		}
	}
	if r.Repro != nil {
		result.Repro = r.Repro(c)
	}
	return result
}

// Conclusion is what a run as a whole says of the target.
type Conclusion string

// The conclusions, worst last.
const (
	Conformant    Conclusion = "conformant"
	Incomplete    Conclusion = "incomplete"
	Nonconformant Conclusion = "nonconformant"
	Broken        Conclusion = "broken"
)

// ExitCode is the exit code of a command that comes to the conclusion; that of Broken where there is none.
func (c Conclusion) ExitCode() int {
	switch c {
	case Conformant:
		return 0
	case Nonconformant:
		return 1
	case Incomplete:
		return 3
	}
	return 4
}

// Counts counts results by verdict.
type Counts struct {
	Total int `json:"total"`
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Skip  int `json:"skip"`
	Error int `json:"error"`
}

// ReportFormat names the format and version of a Report.
const ReportFormat = "countersign/report@1"

// Report is a whole run. It holds no moment, duration or port, so that the same run gives the same bytes.
type Report struct {
	Format  string `json:"format"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Seed    uint64 `json:"seed"`
	// Target is the built-in reference or the target's URL.
	Target string `json:"target"`
	// Defect is the one that the built-in reference was run with; empty for none.
	Defect     string     `json:"defect,omitempty"`
	Conclusion Conclusion `json:"conclusion"`
	// Summary says the conclusion in a sentence.
	Summary string   `json:"summary"`
	Counts  Counts   `json:"counts"`
	Results []Result `json:"results"`
}

// Conclude sorts the results by check, counts them and draws the conclusion. A run in which no check came to a judgement is incomplete, never conformant.
func (r *Report) Conclude() {
	r.Format = ReportFormat
	slices.SortStableFunc(r.Results, func(a, b Result) int { return strings.Compare(a.Check, b.Check) })
	c := Counts{Total: len(r.Results)}
	for _, result := range r.Results {
		switch result.Verdict {
		case Pass:
			c.Pass++
		case Fail:
			c.Fail++
		case Warn:
			c.Warn++
		case Skip:
			c.Skip++
		default:
			c.Error++
		}
	}
	r.Counts = c
	judged := c.Pass + c.Fail + c.Warn
	switch {
	case c.Fail > 0:
		r.Conclusion = Nonconformant
		r.Summary = fmt.Sprintf("nonconformant: %d of %d checks failed", c.Fail, c.Total)
	case c.Error > 0:
		r.Conclusion = Broken
		r.Summary = fmt.Sprintf("no verdict: the harness broke in %d of %d checks", c.Error, c.Total)
	case judged == 0:
		r.Conclusion = Incomplete
		r.Summary = fmt.Sprintf("incomplete: none of %d checks could be run", c.Total)
	default:
		r.Conclusion = Conformant
		r.Summary = fmt.Sprintf("conformant: %d of %d checks passed", c.Pass, c.Total)
	}
	if c.Warn > 0 {
		r.Summary += fmt.Sprintf(", %d warned", c.Warn)
	}
	if c.Skip > 0 && judged > 0 {
		r.Summary += fmt.Sprintf(", %d not run", c.Skip)
	}
	if c.Error > 0 && c.Fail > 0 {
		r.Summary += fmt.Sprintf(", the harness broke in %d", c.Error)
	}
}
