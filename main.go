// Countersign simulates, attacks, certifies and explains delegated-authorization protocols. This file is its command tree.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/reports"
	"countersign/reports/progress"
	"countersign/scenarios"
	"countersign/sim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	var verdict exitCode
	switch {
	case err == nil:
	case errors.As(err, &verdict):
		os.Exit(int(verdict))
	default:
		fmt.Fprintln(os.Stderr, "countersign: "+err.Error())
		os.Exit(certify.ExitCode(err))
	}
}

// exitCode ends the program when all that is to be said has been said.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "countersign",
		Short: "Simulate, attack, certify and explain delegated-authorization protocols",
		Long: `Countersign plays delegated-authorization protocols as reproducible scenarios and puts implementations of them under test.

Exit codes: 0 conformant, or all scenarios as expected; 1 nonconformant, or a scenario failed; 2 usage or configuration;
3 incomplete: nothing ran, or the target does not answer; 4 the harness itself broke.`,
		Example: `  countersign check
  countersign check --target http://127.0.0.1:9000 --role oauth-server
  countersign run --seed 7
  countersign serve bidirectional`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &certify.UsageError{Problem: fmt.Sprintf("%v; `%s --help` shows what there is", err, c.CommandPath())}
	})
	c.AddCommand(initCommand(), doctorCommand(), checkCommand(), runCommand(), serveCommand(), listCommand(), reportCommand())
	return c
}

func checkCommand() *cobra.Command {
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
				if job.Config, err = configured().Load(file); err != nil {
					return err
				}
				job.ConfigFile = file
			}
			if err := override(c, &job.Config, flow, target, level, roles, seed); err != nil {
				return err
			}
			job.Simulated = simulated
			job.Warn = func(f doctor.Finding) { fmt.Fprintf(os.Stderr, "%s: %s\n", f.Severity, f) }
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			bar := progress.New(os.Stderr, onTerminal())
			job.Progress = func(done, total int, r conformance.Result) { bar.Tell(done, total, r.Check, string(r.Verdict)) }
			report, err := job.Run(c.Context())
			bar.Close()
			if err != nil {
				return err
			}
			document := reports.Document{Checks: &report}
			if err := show(document, asJSON); err != nil {
				return err
			}
			if err := folder.Save("report", document); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			fmt.Fprintf(os.Stderr, "%s\n", folder.Path("report.html"))
			if job.Defect != "" && tellDefect(job.Defect, report) && report.Conclusion == conformance.Conformant {
				return exitCode(conformance.Nonconformant.ExitCode()) // it was caught by a warning
			}
			outcome := job.Outcome(report)
			for _, sentence := range outcome.Sentences {
				fmt.Fprintln(os.Stderr, sentence)
			}
			if outcome.ExitCode != 0 {
				return exitCode(outcome.ExitCode)
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
func show(d reports.Document, asJSON bool) error {
	if asJSON {
		if err := d.WriteJSON(os.Stdout); err != nil {
			return err
		}
	}
	return terminal().Write(os.Stderr, d)
}

// tellDefect says, and reports, whether the run caught the defect.
func tellDefect(id string, report conformance.Report) bool {
	defect, err := reference.FindDefect(id)
	if err != nil {
		return false
	}
	caught, verb := certify.Caught(defect, report.Results), "was not caught in this run"
	if caught {
		verb = "is caught"
	}
	fmt.Fprintf(os.Stderr, "defect %s (%s) %s by %s\n", id, defect.Text, verb, defect.Requirement)
	return caught
}

// configured reads configurations that may name secrets of the environment.
func configured() config.Reader { return config.Reader{Env: os.LookupEnv} }

func initCommand() *cobra.Command {
	var (
		draft               config.Draft
		flow, level, folder string
		roles               []string
		force               bool
	)
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a countersign.yaml to begin with",
		Long:  "Init writes a commented countersign.yaml, and its schema beside it, from the target's own metadata document, or from flags alone where --flow is given.",
		Example: `  countersign init --target http://127.0.0.1:9000
  countersign init --target https://accounts.example --flow ticket --role account-server`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			target := draft.Target
			if flow == "" {
				if target == "" {
					return &certify.UsageError{Problem: "name a --target, whose metadata say what it is, or a --flow"}
				}
				client := &http.Client{Timeout: 5 * time.Second}
				if draft, err = config.Discover(c.Context(), client, target, flows.All()...); err != nil {
					return &certify.UsageError{Problem: err.Error()}
				}
			} else if draft.Flow, err = flows.Find(flow); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			if draft.Level, err = catalog.ParseLevel(level); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			for _, r := range roles {
				draft.Roles = append(draft.Roles, catalog.Role(r))
			}
			path, err := draft.Write(folder, force)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			fmt.Fprintf(os.Stderr, "%s is written. Fill it in, and then: countersign doctor --config %s\n", path, path)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&draft.Target, "target", "", "base URL of the implementation under test")
	f.StringVar(&flow, "flow", "", "flow, or profile (default: what the target's metadata say)")
	f.StringSliceVar(&roles, "role", nil, "role under test; repeatable (default: those that the target serves)")
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&folder, "out", ".", "folder for the file")
	f.BoolVar(&force, "force", false, "write over a file that is there")
	return c
}

func doctorCommand() *cobra.Command {
	var (
		file, target, flow string
		asJSON             bool
	)
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for mistakes in configuration and surroundings before anything is judged",
		Long: `Doctor says within two seconds what keeps checks from running, where, and how to mend it: in the file, on the way to the target, in its metadata,
clock and credentials, and in the harness's own addresses. Nothing that it says is a nonconformity. Check asks it first.`,
		Example: `  countersign doctor --config countersign.yaml
  countersign doctor --target http://127.0.0.1:9000`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var findings []doctor.Finding
			if file != "" && target == "" && flow == "" {
				findings = doctor.File(c.Context(), configured(), file)
			} else {
				settings := config.Default()
				if file != "" {
					var err error
					if settings, err = configured().Load(file); err != nil {
						return err
					}
				}
				if err := override(c, &settings, flow, target, "", nil, 0); err != nil {
					return err
				}
				findings = doctor.Examine(c.Context(), settings)
			}
			if asJSON {
				lines := json.NewEncoder(os.Stdout)
				lines.SetEscapeHTML(false)
				for _, f := range findings {
					if err := lines.Encode(f); err != nil {
						return err
					}
				}
			}
			for _, f := range findings {
				fmt.Fprintf(os.Stderr, "%s: %s\n", f.Severity, f)
			}
			if len(findings) == 0 {
				fmt.Fprintln(os.Stderr, "nothing is wrong")
			}
			if err := doctor.Refuse(findings); err != nil {
				return exitCode(certify.ExitCode(err)) // what is wrong has been said
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&file, "config", "", "countersign.yaml to examine")
	f.StringVar(&target, "target", "", "base URL of the implementation under test")
	f.StringVar(&flow, "flow", "", "flow, or profile, under test")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a finding on standard output")
	return c
}

func runCommand() *cobra.Command {
	var (
		job                        scenarios.Job
		level, out, seeds, journal string
		faults                     []string
		asJSON                     bool
	)
	c := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Play scenarios in a simulated world",
		Long:  "Run plays scenarios, all of them or those named, at both levels or one. The same scenario, level, seed and faults give the same bytes on any machine.\n\nFaults:\n" + faultHelp(),
		Example: `  countersign run
  countersign run --json
  countersign run --seeds 0-99
  countersign run --seeds 0-1000000 --journal sweep.json   # stop it when you like: the same command goes on
  countersign run bidirectional/happy --level hardened --seed 7 --fault 'crash:oauth.b@150ms+1s'`,
		RunE: func(c *cobra.Command, args []string) error {
			job.Names = args
			if err := plan(&job, level, faults); err != nil {
				return err
			}
			if journal != "" && seeds == "" {
				return &certify.UsageError{Problem: "--journal goes with --seeds: name a range of seeds, as --seeds 0-1000000"}
			}
			if seeds != "" {
				return sweep(c.Context(), job, seeds, journal)
			}
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			played, err := job.Play(c.Context())
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			document, passed := reports.Document{}, true
			lines := json.NewEncoder(os.Stdout)
			lines.SetEscapeHTML(false)
			for _, p := range played {
				document.Scenarios = append(document.Scenarios, p.Scenario)
				passed = passed && p.Passed()
				if asJSON {
					if err := lines.Encode(p.Line()); err != nil {
						return err
					}
				}
			}
			if err := terminal().Write(os.Stderr, document); err != nil {
				return err
			}
			if err := folder.Save("scenarios", document); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			fmt.Fprintf(os.Stderr, "%s\n", folder.Path("scenarios.html"))
			if !passed {
				return exitCode(1)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&level, "level", "", "core or hardened (default both)")
	f.Uint64Var(&job.Seed, "seed", 1, "seed of the world")
	f.StringVar(&seeds, "seeds", "", "many seeds, as 0-99: tells of failures only, and writes no report")
	f.StringVar(&journal, "journal", "", "file that keeps how far --seeds is; where it exists, go on from there")
	f.StringArrayVar(&faults, "fault", nil, "a fault beside those of the scenario; repeatable")
	f.StringVar(&out, "out", "out", "folder for the reports")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a scenario on standard output")
	return c
}

// sweep plays the job under every seed of a range, and goes on where the journal, if one is named, says.
func sweep(ctx context.Context, job scenarios.Job, seeds, journal string) error {
	s, err := job.Sweep(seeds)
	if err == nil && journal != "" {
		s, err = scenarios.Journal{Path: journal}.Resume(s)
	}
	if err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	debug.SetGCPercent(1600) // a world is small and soon over: collecting less often halves the time
	bar := progress.New(os.Stderr, onTerminal())
	begun := time.Now()
	s.Progress = func(done, total int) { bar.Tell(done, total, "worlds", "pass") }
	swept, err := s.Play(ctx)
	bar.Close()
	for _, f := range swept.Failures {
		fmt.Fprintf(os.Stderr, "FAIL %s\n  expected %s\n  actual   %s\n", f.Repro, f.Expected, f.Actual)
	}
	if swept.Failed > len(swept.Failures) {
		fmt.Fprintf(os.Stderr, "and %d more\n", swept.Failed-len(swept.Failures))
	}
	fmt.Fprintf(os.Stderr, "%.0f worlds a second\n", float64(swept.Worlds-s.Begun.Worlds)/time.Since(begun).Seconds())
	if err != nil {
		if journal != "" {
			return fmt.Errorf("stopped after %d worlds; the same command goes on from there: %w", swept.Worlds, err)
		}
		return fmt.Errorf("stopped after %d worlds: %w", swept.Worlds, err)
	}
	fmt.Printf("%d worlds, %d messages, %d failed, digest %s\n", swept.Worlds, swept.Messages, swept.Failed, swept.Digest)
	if swept.Failed > 0 {
		return exitCode(1)
	}
	return nil
}

func plan(job *scenarios.Job, level string, faults []string) error {
	if level != "" {
		l, err := catalog.ParseLevel(level)
		if err != nil {
			return &certify.UsageError{Problem: err.Error()}
		}
		job.Levels = []catalog.Level{l}
	}
	for _, text := range faults {
		fault, err := sim.ParseFault(text)
		if err != nil {
			return &certify.UsageError{Problem: err.Error()}
		}
		job.Faults = append(job.Faults, fault)
	}
	return nil
}

func faultHelp() string {
	help := ""
	for _, k := range sim.Kinds() {
		help += fmt.Sprintf("  %-12s %s\n", k.Name, k.Meaning)
	}
	return help
}

// flowNames are the flows that can be named.
func flowNames() []string {
	var names []string
	for _, f := range flows.All() {
		names = append(names, f.Name)
	}
	return names
}

func serveCommand() *cobra.Command {
	var (
		live        reference.Live
		level, file string
	)
	c := &cobra.Command{
		Use:   "serve FLOW",
		Short: "Run the reference for a browser, or one role of it for practice",
		Long: `Serve runs a flow on loopback ports for a person with a browser: bidirectional as a video site and a microblog that authorize each other,
ticket as a terminal with an account server and two apps, mobile as an app with an authorization server and two business systems, offline as a
handset with a till and a service server, unified as a platform with three third-party platforms. With --role it runs that role alone, with
the values of section 8 of the profile, as a target to practise check --target on.`,
		Example: `  countersign serve bidirectional
  countersign serve bidirectional --defect BI-OS-27
  countersign serve bidirectional --role oauth-server --port-a 9000
  countersign serve unified --state .   # what the platform must not lose survives, also a kill`,
		Args:      exactly("FLOW"),
		ValidArgs: flowNames(),
		RunE: func(c *cobra.Command, args []string) error {
			flow, err := flows.Find(args[0])
			if err != nil {
				return err
			}
			l, err := catalog.ParseLevel(level)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			live.Flow, live.Level = flow, l
			if file != "" {
				c, err := configured().Load(file)
				if err != nil {
					return err
				}
				if c.Profile != flow.Profile {
					return &certify.UsageError{Problem: fmt.Sprintf("%s is for the profile %s and not %s: name the flow that it is for", file, c.Profile, flow.Profile)}
				}
				live.Setup = c.Setup
			}
			live.Tell = func(line string) { fmt.Fprintln(os.Stderr, line) }
			return live.Serve(c.Context())
		},
	}
	f := c.Flags()
	f.IntVar(&live.PortA, "port-a", 8801, "loopback port of the party to open in a browser, or of the role; 0 takes a free one")
	f.IntVar(&live.PortB, "port-b", 8802, "loopback port of the second party; 0 takes a free one")
	f.StringVar(&live.State, "state", "", "folder for what the role, or the platform of unified, must not lose, also when it is killed")
	f.StringVar(&file, "config", "", "countersign.yaml whose values the role takes (with --role)")
	f.StringVar((*string)(&live.Role), "role", "", "run one role of the flow alone")
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&live.Defect, "defect", "", "lift this guard (see `list defects`)")
	return c
}

func listCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List requirements, scenarios, defects or checks", Example: "  countersign list checks", Args: noSuchCommand,
		RunE: func(*cobra.Command, []string) error {
			return &certify.UsageError{Problem: "say what to list: requirements, scenarios, defects or checks"}
		},
	}
	c.AddCommand(
		lister("requirements", "the requirements of every flow", func() ([]catalog.Requirement, error) {
			var all []catalog.Requirement
			for _, c := range catalog.Catalogs() {
				all = append(all, c.Requirements...)
			}
			return all, nil
		}, func(r catalog.Requirement) []any { return []any{r.ID, r.Level, r.Keyword, r.Roles[0], r.Title} }),
		lister("scenarios", "the scenarios that run plays", func() ([]scenarios.Scenario, error) { return scenarios.All(), nil },
			func(s scenarios.Scenario) []any { return []any{s.Name, s.Kind, s.Title} }),
		lister("defects", "the ways in which the reference can be made wrong", func() ([]reference.Defect, error) { return reference.Defects(), nil },
			func(d reference.Defect) []any { return []any{d.ID, d.Kind, d.Role, d.Requirement, d.Text} }),
		lister("checks", "the checks that check plays", func() ([]checkLine, error) {
			var all []checkLine
			for _, c := range flows.Checks() {
				r := c.Requirement()
				all = append(all, checkLine{c.Name(), c.ID, c.Role, r.Level, r.Keyword, r.Title})
			}
			return all, nil
		}, func(l checkLine) []any { return []any{l.Check, l.Level, l.Keyword, l.Role, l.Title} }),
	)
	return c
}

// checkLine is a check as `list checks` gives it.
type checkLine struct {
	Check       string          `json:"check"`
	Requirement catalog.ID      `json:"requirement"`
	Role        catalog.Role    `json:"role"`
	Level       catalog.Level   `json:"level"`
	Keyword     catalog.Keyword `json:"keyword"`
	Title       string          `json:"title"`
}

func lister[T any](what, short string, all func() ([]T, error), columns func(T) []any) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: what, Short: "List " + short, Example: "  countersign list " + what + " --json", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			list, err := all()
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(os.Stdout)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				return e.Encode(list)
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			for _, item := range list {
				for i, column := range columns(item) {
					if i > 0 {
						fmt.Fprint(w, "\t")
					}
					fmt.Fprint(w, column)
				}
				fmt.Fprintln(w)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func reportCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "report FILE", Short: "Render a report that check or run has written, in another format, on standard output",
		Example: `  countersign report out/report.json
  countersign report out/report.json --format html > report.html`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			as, err := reports.FindFormat(format)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			f, err := os.Open(args[0])
			if err != nil {
				return &certify.UsageError{Problem: fmt.Sprintf("the report cannot be read: %v", err)}
			}
			defer f.Close()
			document, err := reports.ReadJSON(f)
			if err != nil {
				return &certify.UsageError{Problem: fmt.Sprintf("%s: %v", args[0], err)}
			}
			return as.Write(os.Stdout, document)
		},
	}
	c.Flags().StringVar(&format, "format", "text", reports.FormatNames())
	return c
}

// noSuchCommand refuses arguments of a command that has only subcommands.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &certify.UsageError{Problem: fmt.Sprintf("there is no command `%s %s`; `%s --help` lists those that there are", c.CommandPath(), args[0], c.CommandPath())}
}

// exactly is cobra.ExactArgs with a sentence that says what to do.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		wanted := "no argument"
		if len(names) > 0 {
			wanted = strings.Join(names, " ")
		}
		return &certify.UsageError{Problem: fmt.Sprintf("`%s` takes %s, and not %q; `%s --help` shows an example", c.CommandPath(), wanted, strings.Join(args, " "), c.CommandPath())}
	}
}

// terminal is the writer for people, as wide as standard error is.
func terminal() reports.Terminal {
	width := 100
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 0 {
		width = w
	}
	return reports.Terminal{Color: onTerminal(), Width: width}
}

// onTerminal reports whether standard error is a screen that takes colours; see no-color.org.
func onTerminal() bool {
	return isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
