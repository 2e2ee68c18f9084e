package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/certify"
	"countersign/reports"
)

// part is what check does when it is not to run everything: run again what failed, or say what it would run.
type part struct {
	list, dry bool
	rerun     string
	verdicts  []string
}

func (pt *part) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&pt.list, "list", false, "print the checks that would be run, without a word to the target, and run none")
	f.BoolVar(&pt.dry, "dry-run", false, "do all that comes before the first check, print what would be run, and run none")
	f.StringVar(&pt.rerun, "rerun", "", "report.json of a run whose checks are run again where they failed, warned or broke; saved beside it as another attempt")
	f.StringSliceVar(&pt.verdicts, "rerun-verdicts", verdictNames(certify.AgainVerdicts()), "with --rerun: the verdicts of the checks that are run again: fail, error, warn, skip, pass")
}

func verdictNames(verdicts []conformance.Verdict) []string {
	var names []string
	for _, v := range verdicts {
		names = append(names, string(v))
	}
	return names
}

// configure reads what is to be run again, and lets the report say what the run is about; flags win over it later.
func (pt part) configure(c *cobra.Command, job *certify.Job) error {
	changed := c.Flags().Changed
	switch {
	case pt.list && pt.dry:
		return &certify.UsageError{Problem: "--list and --dry-run both say what would be run: choose --list to leave the target alone, and --dry-run to have it asked"}
	case pt.rerun == "" && changed("rerun-verdicts"):
		return &certify.UsageError{Problem: "--rerun-verdicts chooses among the checks of --rerun: name a report.json there"}
	case pt.rerun == "" && changed("rerun"):
		return &certify.UsageError{Problem: "--rerun names the report.json of an earlier run, as --rerun out/report.json"}
	case pt.rerun == "":
		return nil
	case changed("evidence"):
		return &certify.UsageError{Problem: "evidence is of all that was run, and --rerun runs a part of it: leave one of them out"}
	}
	file, err := os.Open(pt.rerun)
	if err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("the report cannot be read: %v", err)}
	}
	defer file.Close()
	document, err := reports.ReadJSON(file)
	if err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("%s: %v", pt.rerun, err)}
	}
	if document.Checks == nil {
		return &certify.UsageError{Problem: pt.rerun + " is the report of scenarios, which `countersign run` runs again; name one that check has written"}
	}
	var verdicts []conformance.Verdict
	for _, name := range pt.verdicts {
		verdicts = append(verdicts, conformance.Verdict(name))
	}
	if job.Again, err = certify.NewAgain(*document.Checks, verdicts...); err != nil {
		return err
	}
	target := job.Config.Target
	if err := job.Again.Configure(&job.Config); err != nil {
		return err
	}
	if slices.ContainsFunc([]string{"exec", "image", "build"}, changed) { // which says itself where it lies
		job.Config.Target = target
	}
	if !changed("defect") && job.Config.Target == "" {
		job.Defect = job.Again.Defect()
	}
	return nil
}

// name is what the reports are called in the folder: report, or the next attempt that is not there yet. Nothing is written over.
func (pt part) name(folder reports.Folder) string {
	if pt.rerun == "" {
		return "report"
	}
	for n := 2; ; n++ {
		name := fmt.Sprintf("attempt-%d", n)
		if _, err := os.Lstat(folder.Path(name + ".json")); os.IsNotExist(err) {
			return name
		}
	}
}

// planned says what would be run, where that is all that is wanted.
func (pt part) planned(p Program, c *cobra.Command, job certify.Job, asJSON bool) error {
	var plan certify.Plan
	var err error
	if pt.list {
		plan, err = job.List()
	} else {
		plan, err = job.DryRun(c.Context())
	}
	if err != nil {
		return err
	}
	if asJSON {
		return p.encoder("  ").Encode(plan)
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	for _, check := range plan.Checks {
		var how []string
		if check.Alone {
			how = append(how, "alone")
		}
		if check.Expiry {
			how = append(how, "expiry")
		}
		if len(how) == 0 {
			how = append(how, "-")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", check.Check, check.Level, check.Keyword, check.Role, strings.Join(how, ","), check.Title)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(p.Err, plan.Summary())
	return nil
}
