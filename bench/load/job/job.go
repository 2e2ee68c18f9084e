// Package job is what the command bench load does: it puts the reference, a target or one endpoint under load and draws up the result.
package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/bench/load/play"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
)

// Job says what is put under what load.
type Job struct {
	// Config holds the target, the flow, the level, the roles and the setup; without a target the built-in reference is under load, in this process.
	Config config.Config
	// Endpoint, if set, is all that is under load, in place of a flow.
	Endpoint *play.EndpointOptions
	// Pacer says when journeys begin; empty, for a search.
	Pacer load.Pacer
	// Search, if set, looks for the highest rate that holds; its Try, Thresholds and Baseline are the job's.
	Search *load.Search
	// WarmUp and Connections are those of the run; 0 connections: load.DefaultConnections.
	WarmUp      time.Duration
	Connections int
	Thresholds  []load.Threshold
	// Baseline, if set, is an earlier run that thresholds may speak of.
	Baseline *load.Result
	// PID is a process of this machine whose use is measured; 0: that which the configuration starts, if any.
	PID int
	// Variables is the URL at which the target serves expvar; empty for none.
	Variables string
	// Log, if set, gets the histograms of each second.
	Log io.Writer
	// OutputLog is the file for the output of a target that the configuration starts; empty: it is not kept.
	OutputLog string
	// Progress, if set, is told what came of each second; Watch, what records a run that begins; Warn, what a person should know.
	Progress func(load.Second)
	Watch    func(*load.Recorder)
	Warn     func(sentence string)
}

// Outcome is a result and what it means.
type Outcome struct {
	Result load.Result
	// Held reports whether every threshold was held, and no journey went wrong where no threshold allows for it.
	Held bool
	// Changes are how the result differs from the baseline.
	Changes []load.Change
	// Unclean is what kept the target from being cleaned up; nil for nothing.
	Unclean error
}

// Run plays the load. The error says why nothing can be concluded; ExitCode gives its exit code.
func (j Job) Run(ctx context.Context) (Outcome, error) {
	if err := j.check(); err != nil {
		return Outcome{}, err
	}
	if j.Config.Start.Any() {
		return j.started(ctx)
	}
	return j.run(ctx)
}

// check finds what can be found without a target.
func (j Job) check() error {
	if j.Endpoint == nil && j.Config.Level == catalog.Core {
		return &certify.UsageError{Problem: "every answer under load is judged by the level hardened, by which one of level core is wrong; leave out --level core, or put one endpoint under load with --endpoint"}
	}
	if j.Search == nil {
		if err := j.Pacer.Check(); err != nil {
			return err
		}
		if j.WarmUp >= j.Pacer.Duration() {
			return &load.EmptyError{Problem: fmt.Sprintf("the warm-up of %v leaves nothing of the run of %v to be measured; let the run be longer", j.WarmUp, j.Pacer.Duration())}
		}
	}
	for _, t := range j.Thresholds {
		if t.Times && j.Baseline == nil {
			return &load.ThresholdError{Text: t.Text, Problem: "it is a multiple of the baseline's; name one with --baseline"}
		}
	}
	if j.PID != 0 {
		if _, err := load.ProcessUsage(j.PID); err != nil {
			return err
		}
	}
	return nil
}

// started is run against a target that is started first.
func (j Job) started(ctx context.Context) (outcome Outcome, err error) {
	target, err := certify.StartTarget(ctx, j.Config, j.OutputLog)
	if err != nil {
		return Outcome{}, err
	}
	j.Config = target.Config
	if j.PID == 0 {
		j.PID = target.PID()
	}
	defer func() { err = errors.Join(err, target.Stop()) }()
	return j.run(ctx)
}

// run is Run against a target that is there.
func (j Job) run(ctx context.Context) (outcome Outcome, err error) {
	cast, err := j.cast(ctx)
	defer cast.close()
	if err != nil {
		return outcome, err
	}
	secured, err := j.Config.TLS.Client()
	if err != nil {
		return outcome, &certify.UsageError{Problem: err.Error()}
	}
	if j.Baseline != nil && j.Baseline.Script != cast.name {
		return outcome, &load.CompareError{Before: j.Baseline.Script, After: cast.name}
	}
	if err := j.legs(cast.script); err != nil {
		return outcome, err
	}
	a := &load.Attacker{Script: cast.script, Connections: j.Connections, Limit: j.Config.Limit, TLS: secured, Progress: j.Progress}
	defer func() {
		if unclean := a.Clean(); outcome.Unclean == nil {
			outcome.Unclean = unclean
		}
	}()
	if err := a.Prepare(ctx); err != nil {
		return outcome, stopped(ctx, err)
	}
	if j.Search == nil {
		outcome.Result, err = j.attack(ctx, a, j.Pacer, j.Log)
	} else {
		s := *j.Search
		s.Thresholds, s.Baseline = j.Thresholds, j.Baseline
		s.Try = func(ctx context.Context, p load.Pacer) (load.Result, error) { return j.attack(ctx, a, p, nil) }
		outcome.Result, err = s.Run(ctx)
	}
	if err != nil {
		return outcome, stopped(ctx, err)
	}
	r := &outcome.Result
	r.Profile, r.Target, r.Script, r.Own = cast.profile, cast.target, cast.name, cast.own
	if r.Connections = j.Connections; r.Connections <= 0 {
		r.Connections = load.DefaultConnections
	}
	if err := r.Measured(); err != nil && len(r.Wrong) == 0 {
		return outcome, err
	}
	return j.judge(outcome)
}

// legs finds thresholds that speak of legs which the script has not.
func (j Job) legs(script load.Script) error {
	var empty load.Result
	for _, name := range script.Legs() {
		empty.Legs = append(empty.Legs, load.Leg{Name: name})
	}
	for _, t := range j.Thresholds {
		if _, err := t.Judge(empty, &empty); err != nil {
			return err
		}
	}
	return nil
}

// judge says what the result means.
func (j Job) judge(outcome Outcome) (Outcome, error) {
	r := &outcome.Result
	if j.Search != nil {
		outcome.Held = r.Held > 0
	} else {
		verdicts, held, err := load.JudgeAll(j.Thresholds, *r, j.Baseline)
		if err != nil {
			return outcome, err
		}
		r.Thresholds, outcome.Held = verdicts, held && (r.Counts.Bad() == 0 || load.TakesErrors(j.Thresholds))
	}
	if j.Baseline != nil {
		changes, err := load.Compare(*j.Baseline, *r)
		if err != nil {
			return outcome, err
		}
		outcome.Changes = changes
	}
	return outcome, nil
}

// attack plays one pacer and draws up what came of it.
func (j Job) attack(ctx context.Context, a *load.Attacker, p load.Pacer, log io.Writer) (load.Result, error) {
	r := &load.Recorder{WarmUp: j.WarmUp, Log: log}
	var before load.Usage
	if j.PID != 0 {
		r.Process = func() (load.Usage, error) { return load.ProcessUsage(j.PID) }
		var err error
		if before, err = r.Process(); err != nil {
			return load.Result{}, err
		}
	}
	stats, err := j.variables(ctx)
	if err != nil {
		return load.Result{}, err
	}
	if j.Watch != nil {
		j.Watch(r)
	}
	own := load.OwnCPU()
	if err := a.Attack(ctx, p, r); err != nil {
		return load.Result{}, err
	}
	own = load.OwnCPU() - own
	if err := r.LogError(); err != nil {
		return load.Result{}, fmt.Errorf("the histograms cannot be logged: %w", err)
	}
	result := r.Result()
	result.Stages, result.Harness = p, own.Seconds()
	if r.Process != nil {
		if after, err := r.Process(); err == nil { // or it has ended, which the failures show
			result.Process = load.UseOf(before, after, result.Seconds, result.Counts.Due-result.Counts.Dropped)
		}
	}
	if j.Variables != "" {
		after, err := j.variables(ctx)
		if err != nil {
			return load.Result{}, err
		}
		result.Runtime = after.Since(stats)
	}
	return result, nil
}

// variables reads what the target's run-time system says; nothing where nobody asks for it.
func (j Job) variables(ctx context.Context) (load.MemStats, error) {
	if j.Variables == "" {
		return load.MemStats{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, load.DefaultLimit)
	defer cancel()
	secured, err := j.Config.TLS.Client()
	if err != nil {
		return load.MemStats{}, err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: secured, DisableKeepAlives: true}}
	stats, err := load.ReadMemStats(ctx, client, j.Variables)
	if err != nil {
		return stats, &certify.UsageError{Problem: fmt.Sprintf("the metrics of the target's run-time system cannot be had: %v; serve expvar there, or leave out --expvar", err)}
	}
	return stats, nil
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &StoppedError{}
	}
	return err
}

// StoppedError says that the run was stopped before its end.
type StoppedError struct{}

func (*StoppedError) Error() string {
	return "the run was stopped before its end, so nothing is concluded; run it again"
}

// ExitCode is the exit code for an error of Run: 1 where the target answered wrongly before the run had begun, 2 for usage and configuration, 3 for a target that does
// not answer and for a run that came to nothing, 4 for the rest.
func ExitCode(err error) int {
	var (
		prepare   *load.PrepareError
		wrong     *load.WrongError
		dead      *play.DeadError
		empty     *load.EmptyError
		stopped   *StoppedError
		threshold *load.ThresholdError
		stage     *load.StageError
		scene     *play.SceneError
		url       *lean.URLError
		compare   *load.CompareError
		result    *load.ResultError
		process   *load.NoProcessError
	)
	switch {
	case errors.As(err, &wrong):
		return 1
	case errors.As(err, &prepare) && prepare.Unreachable(), errors.As(err, &dead), errors.As(err, &empty), errors.As(err, &stopped), errors.Is(err, context.Canceled):
		return 3
	case errors.As(err, &threshold), errors.As(err, &stage), errors.As(err, &scene), errors.As(err, &url), errors.As(err, &compare), errors.As(err, &result), errors.As(err, &process):
		return 2
	}
	return certify.ExitCode(err)
}
