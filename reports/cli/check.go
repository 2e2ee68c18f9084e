package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
	"countersign/reports"
	"countersign/reports/internal/plain"
	"countersign/reports/progress"
)

// checking is what the flags of check say.
type checking struct {
	job               certify.Job
	start             startFlags
	part              part
	proof             proof
	file, level, flow string
	target, out       string
	roles             []string
	seed              uint64
	asJSON            bool
}

// Check is the command check.
func (p Program) Check() *cobra.Command {
	var k checking
	c := &cobra.Command{
		Use:   "check",
		Short: "Put an implementation under test and report",
		Long: `Check plays every check of the chosen level and roles against a target and writes report.html, report.json and report.xml (JUnit).
Without --target, and without a target in the configuration, the target is the built-in reference on loopback HTTP; setup, tls and stage,
which describe a target, are refused then. With --exec, --image or --build the target is started, waited for and stopped, and its output is kept as
target.log beside the reports.`,
		Example: `  countersign check
  countersign check --target http://127.0.0.1:9000
  countersign check --exec './server --port {port}'
  countersign check --build . --target http://127.0.0.1:9000
  countersign check --config countersign.yaml --only BI-OS-36
  countersign check --rerun out/report.json
  countersign check --defect BI-OS-31      # see a check bite
  countersign check --evidence --key countersign.key`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return p.check(c, k) },
	}
	k.flags(c)
	return c
}

func (k *checking) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&k.file, "config", "", "countersign.yaml: target, roles, setup")
	f.StringVar(&k.flow, "flow", "", "flow, or profile, under test (default: every flow, or the one that the target serves)")
	f.StringVar(&k.target, "target", "", "base URL of the implementation under test")
	f.StringSliceVar(&k.roles, "role", nil, "role under test, as oauth-server, client, app-server; repeatable")
	f.StringVar(&k.level, "level", "", "core or hardened (default hardened)")
	f.StringSliceVar(&k.job.Only, "only", nil, "checks to run: an ID or the beginning of one; repeatable")
	f.StringVar(&k.job.Defect, "defect", "", "make the reference wrong in this way (see `list defects`)")
	f.BoolVar(&k.job.Simulated, "simulated", false, "run the reference in a simulated world, without waiting for anything")
	f.Uint64Var(&k.seed, "seed", 0, "seed of all randomness of harness and reference (default 1)")
	f.IntVar(&k.job.Parallel, "parallel", 0, "checks at a time (default 16)")
	f.DurationVar(&k.job.WaitForRun, "wait-for-run", 10*time.Minute, "how long to wait for another run that plays parties at the same addresses; 0: not at all")
	f.BoolVar(&k.job.Shuffle, "shuffle", false, "begin the checks in an order that comes of the seed (default: that of the catalogue)")
	f.StringVar(&k.out, "out", "out", "folder for the reports")
	f.BoolVar(&k.asJSON, "json", false, "print the report as JSON on standard output")
	k.start.flags(c)
	k.part.flags(c)
	k.proof.flags(c)
}

// check does what the flags say: plans, or runs, shows, saves and proves.
func (p Program) check(c *cobra.Command, k checking) error {
	job, err := p.wanted(c, k)
	if err != nil {
		return err
	}
	if k.part.list || k.part.dry {
		return k.part.planned(p, c, job, k.asJSON)
	}
	folder, err := reports.OpenFolder(k.out)
	if err != nil {
		return usage(err)
	}
	name := k.part.name(folder)
	job.Log = folder.Path("target.log")
	defer k.proof.drop()
	if err := k.proof.begin(folder, &job); err != nil {
		return err
	}
	room := sync.OnceValue(func() error { return giveWay(folder, name) })
	job.Wrap = afterwards(room, job.Wrap)
	report, err := p.run(c.Context(), job)
	if err != nil && certify.ExitCode(err) == 2 {
		return err // nothing was run, so that what is there is not of the past
	}
	if err := room(); err != nil {
		return usage(err)
	}
	if err != nil {
		return err
	}
	// It is kept before it is shown: a pipe that closes early loses nothing.
	document := documented(&report)
	if err := folder.Save(name, document); err != nil {
		return usage(err)
	}
	proven, err := k.proof.finish(folder, job, report)
	if err != nil {
		return err
	}
	if err := p.show(document, k.asJSON); err != nil {
		return err
	}
	for _, path := range append([]string{folder.Path(name + ".html")}, proven...) {
		fmt.Fprintln(p.Err, path)
	}
	return p.conclude(job, report)
}

// afterwards opens checks, with a wrapping that may be nil, after something has been done before the first of them.
func afterwards(first func() error, wrap func(replay.Open) replay.Open) func(replay.Open) replay.Open {
	return func(open replay.Open) replay.Open {
		if wrap != nil {
			open = wrap(open)
		}
		return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
			if err := first(); err != nil {
				return nil, conformance.Target{}, err
			}
			return open(ctx, c)
		}
	}
}

// wanted is the job that flags, file and an earlier report ask for. Flags win over the report, and that over the file.
func (p Program) wanted(c *cobra.Command, k checking) (certify.Job, error) {
	job := k.job
	if err := named(c, "config", "target"); err != nil {
		return job, err
	}
	job.Config = config.Default()
	if k.file != "" {
		var err error
		if job.Config, err = p.configured().Load(k.file); err != nil {
			return job, err
		}
		job.ConfigFile = k.file
	}
	if job.Parallel < 0 {
		return job, &certify.UsageError{Problem: fmt.Sprintf("--parallel %d lets no check run; write 1 or more", job.Parallel)}
	}
	if job.WaitForRun < 0 {
		return job, &certify.UsageError{Problem: fmt.Sprintf("--wait-for-run %s is over before it begins; write 0 not to wait", job.WaitForRun)}
	}
	if err := k.part.configure(c, &job); err != nil {
		return job, err
	}
	if err := override(c, &job.Config, k.flow, k.target, k.level, k.roles, k.seed); err != nil {
		return job, err
	}
	if err := k.start.override(c, &job.Config); err != nil {
		return job, err
	}
	job.Warn = p.warn
	return job, nil
}

// warn tells of what a doctor has found, in one line: parts of it may be the target's words.
func (p Program) warn(f doctor.Finding) {
	fmt.Fprintln(p.Err, plain.Line(fmt.Sprintf("%s: %s", f.Severity, f)))
}

// run runs the job before the eyes of the person at the terminal.
func (p Program) run(ctx context.Context, job certify.Job) (conformance.Report, error) {
	bar := progress.New(p.Err, p.onTerminal() && len(job.Config.ByHand()) == 0) // a bar would draw over what a person is asked
	defer bar.Close()
	job.Prompt = p.prompt()
	job.Notice = func(sentence string) { fmt.Fprintln(p.Err, sentence) }
	job.Progress = func(done, total int, r conformance.Result) { bar.Tell(done, total, r.Check, string(r.Verdict)) }
	return job.Run(ctx)
}

// conclude says what the run means, and ends the program with its exit code.
func (p Program) conclude(job certify.Job, report conformance.Report) error {
	if job.Defect != "" && p.tellDefect(job.Defect, report) && report.Conclusion == conformance.Conformant {
		return ExitCode(conformance.Nonconformant.ExitCode()) // it was caught by a warning
	}
	outcome := job.Outcome(report)
	for _, sentence := range outcome.Sentences {
		fmt.Fprintln(p.Err, sentence)
	}
	if outcome.ExitCode != 0 {
		return ExitCode(outcome.ExitCode)
	}
	return nil
}

// override lets flags win over the file.
func override(c *cobra.Command, into *config.Config, flow, target, level string, roles []string, seed uint64) error {
	if flow != "" {
		f, err := flows.Find(flow)
		if err != nil {
			return err
		}
		into.Profile = f.Profile
	}
	if target != "" {
		into.Target = target
	}
	if len(roles) > 0 {
		into.Roles = nil
		for _, r := range roles {
			into.Roles = append(into.Roles, catalog.Role(r))
		}
	}
	if level != "" {
		l, err := catalog.ParseLevel(level)
		if err != nil {
			return usage(err)
		}
		into.Level = l
	}
	if c.Flags().Changed("seed") {
		into.Seed = seed
	}
	return nil
}

// show tells people on standard error, and programs on standard output.
func (p Program) show(d reports.Document, asJSON bool) error {
	if asJSON {
		if err := d.WriteJSON(p.Out); err != nil {
			return err
		}
	}
	return p.terminal().Write(p.Err, d)
}

// tellDefect says, and reports, whether the run caught the defect.
func (p Program) tellDefect(id string, report conformance.Report) bool {
	defect, err := reference.FindDefect(id)
	if err != nil {
		return false
	}
	caught, verb := certify.Caught(defect, report.Results), "was not caught in this run"
	if caught {
		verb = "is caught"
	}
	fmt.Fprintf(p.Err, "defect %s (%s) %s by %s\n", id, defect.Text, verb, defect.Requirement)
	return caught
}

// configured reads configurations that may name secrets of the environment.
func (p Program) configured() config.Reader { return config.Reader{Env: p.Env} }
