package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// Runner plays checks against a target.
type Runner struct {
	// Open gives a check its surroundings and its target.
	Open func(context.Context, Check) (Env, Target, error)
	// Parallel bounds how many checks run at a time; 0 or less means DefaultParallel. Checks that wait aside do not count.
	Parallel int
	// Shared says that all checks meet the same instance of the target, so that those marked Alone have to run one by one, after the others.
	Shared bool
	// Clocked says that a shared target has a clock that is moved, so that those that wait have to run one by one too.
	Clocked bool
	// Shuffle, if set, begins the checks in an order of its own. The results come in the order of the checks all the same.
	Shuffle *uint64
	// Secrets are those of the configuration, which no result shows.
	Secrets []Secret
	// Progress, if set, is told of each result as it comes, one call at a time.
	Progress func(done, total int, r Result)
	// Repro gives the command that runs a check again.
	Repro func(Check) string
	// Revise, if set, has the last word on a result, before Progress is told.
	Revise func(*Result)
}

// Run plays the checks and returns their results in the order of the checks. When ctx ends, checks that have not ended are skipped with that reason:
// what a target does while its run is being stopped says nothing of it.
func (r Runner) Run(ctx context.Context, checks []Check) []Result {
	results := make([]Result, len(checks))
	var mu sync.Mutex
	done := 0
	play := func(ctx context.Context, i int) {
		result := r.play(ctx, checks[i])
		mu.Lock()
		defer mu.Unlock()
		results[i] = result
		done++
		if r.Progress != nil {
			r.Progress(done, len(checks), result)
		}
	}
	turns := newTurns(r.Places())
	var under sync.WaitGroup
	for _, i := range r.order(checks) {
		turn := &turn{turns: turns, alone: r.RunsAlone(checks[i]), aside: r.aside(checks[i])}
		turn.begin()
		under.Go(func() {
			defer turn.end()
			play(turn.during(ctx), i)
		})
	}
	under.Wait()
	return results
}

// DefaultParallel is how many checks run at a time where nothing else is said.
const DefaultParallel = 16

// Places is how many checks run at a time.
func (r Runner) Places() int {
	if r.Parallel <= 0 {
		return DefaultParallel
	}
	return r.Parallel
}

// RunsAlone reports whether no other check may be under way beside it.
func (r Runner) RunsAlone(c Check) bool {
	return r.Shared && (c.Alone || r.Clocked && c.Waits != NoWait)
}

// aside reports whether others may have their turn while the check waits.
func (r Runner) aside(c Check) bool { return r.Shared && !r.Clocked && c.Waits == WaitsAside }

// order gives the places of the checks in the order in which they begin: those that are alone come last, and of either those first that the others need not wait for.
func (r Runner) order(checks []Check) []int {
	places := make([]int, len(checks))
	for i := range places {
		places[i] = i
	}
	if r.Shuffle != nil {
		random := rand.New(rand.NewPCG(*r.Shuffle, uint64(len(checks)))) // no secret depends on it
		random.Shuffle(len(places), func(i, k int) { places[i], places[k] = places[k], places[i] })
	}
	rank := func(i int) int {
		rank := 0
		if r.RunsAlone(checks[i]) {
			rank += 2
		}
		if waits := r.Shared && !r.Clocked && checks[i].Waits != NoWait; !waits {
			rank++
		}
		return rank
	}
	slices.SortStableFunc(places, func(i, k int) int { return rank(i) - rank(k) })
	return places
}

func (r Runner) play(ctx context.Context, c Check) Result {
	result := Result{Check: c.Name(), Role: c.Role, Requirement: c.Requirement(), Exchanges: []Exchange{}}
	if err := ctx.Err(); err != nil {
		result.Verdict, result.Reason = Skip, "the run was stopped before this check began"
	} else if env, target, err := r.Open(ctx, c); err != nil {
		result.Verdict, result.Reason = Error, hiding(r.Secrets)(err.Error())
	} else {
		session := &Session{Check: c, Target: target, Env: env, Secrets: r.Secrets}
		if err := env.Within(func() { result = session.Run() }); err != nil {
			result.Verdict, result.Reason, result.Failure = Error, hiding(r.Secrets)(err.Error()), nil
		}
		env.Close()
		if ctx.Err() != nil {
			result.Verdict, result.Reason, result.Failure = Skip, "the run was stopped during this check", nil
		}
	}
	if r.Revise != nil {
		r.Revise(&result)
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
