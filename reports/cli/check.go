package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/reports"
	"countersign/reports/progress"
)

// Check is the command check.
func (p Program) Check() *cobra.Command {
	var (
		job               certify.Job
		file, level, flow string
		target, out       string
		roles             []string
		seed              uint64
		asJSON, simulated bool
	)
	c := &cobra.Command{
		Use:   "check",
		Short: "Put an implementation under test and report",
		Long: `Check plays every check of the chosen level and roles against a target and writes report.html, report.json and report.xml (JUnit).
Without --target, and without a target in the configuration, the target is the built-in reference on loopback HTTP.`,
		Example: `  countersign check
  countersign check --target http://127.0.0.1:9000
  countersign check --config countersign.yaml --only BI-OS-36
  countersign check --defect BI-OS-31      # see a check bite`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			job.Config = config.Default()
			if file != "" {
				var err error
				if job.Config, err = p.configured().Load(file); err != nil {
					return err
				}
				job.ConfigFile = file
			}
			if err := override(c, &job.Config, flow, target, level, roles, seed); err != nil {
				return err
			}
			job.Simulated = simulated
			job.Warn = func(f doctor.Finding) { fmt.Fprintf(p.Err, "%s: %s\n", f.Severity, f) }
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			bar := progress.New(p.Err, p.onTerminal())
			job.Progress = func(done, total int, r conformance.Result) { bar.Tell(done, total, r.Check, string(r.Verdict)) }
			report, err := job.Run(c.Context())
			bar.Close()
			if err != nil {
				return err
			}
			document := reports.Document{Checks: &report}
			if err := p.show(document, asJSON); err != nil {
				return err
			}
			if err := folder.Save("report", document); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			fmt.Fprintf(p.Err, "%s\n", folder.Path("report.html"))
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
		},
	}
	f := c.Flags()
	f.StringVar(&file, "config", "", "countersign.yaml: target, roles, setup")
	f.StringVar(&flow, "flow", "", "flow, or profile, under test (default: every flow, or the one that the target serves)")
	f.StringVar(&target, "target", "", "base URL of the implementation under test")
	f.StringSliceVar(&roles, "role", nil, "role under test, as oauth-server, client, app-server; repeatable")
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringSliceVar(&job.Only, "only", nil, "checks to run: an ID or the beginning of one; repeatable")
	f.StringVar(&job.Defect, "defect", "", "make the reference wrong in this way (see `list defects`)")
	f.BoolVar(&simulated, "simulated", false, "run the reference in a simulated world, without waiting for anything")
	f.Uint64Var(&seed, "seed", 0, "seed of all randomness of harness and reference (default 1)")
	f.IntVar(&job.Parallel, "parallel", 0, "checks at a time (default 16)")
	f.StringVar(&out, "out", "out", "folder for the reports")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON on standard output")
	return c
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
			return &certify.UsageError{Problem: err.Error()}
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
