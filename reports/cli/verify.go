package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/flows"
	"countersign/reports/evidence"
	"countersign/reports/internal/plain"
)

// Verify is the command verify.
func (p Program) Verify() *cobra.Command {
	var (
		keys              []string
		report, recording string
	)
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify evidence offline, and say what it attests",
		Long: `Verify opens evidence that check has written: it has to be signed with the key, to be as it was written to the last byte, and to agree with itself.
It asks nobody. What it attests stands on standard output; why it is refused, on standard error, with exit code 1.`,
		Example: `  countersign verify out/report.evidence.json --key countersign.key.pub
  countersign verify out/report.evidence.json --key countersign.key.pub --report out/report.json --recording out/report.transcript.jsonl`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			var files []evidence.File
			seen := map[string]string{}
			for _, beside := range []struct{ name, path string }{{evidence.Report, report}, {evidence.Transcript, recording}} {
				if beside.path == "" {
					continue
				}
				f, err := fileNamed(beside.name, beside.path)
				if err != nil {
					return err
				}
				files, seen[beside.name] = append(files, f), beside.path
			}
			statement, err := p.verified(args[0], keys, files...)
			if err != nil {
				return err
			}
			lines, err := attestation(statement, seen)
			if err != nil {
				return p.refuted(err)
			}
			for _, line := range lines {
				if _, err := fmt.Fprintf(p.Out, "%-24s %s\n", line[0], plain.Line(line[1])); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringArrayVar(&keys, "key", nil, "public key of the signer; repeatable, where it may be one of several")
	f.StringVar(&report, "report", "", "report.json, which has to be the one that the evidence is of")
	f.StringVar(&recording, "recording", "", "transcript, which has to be the one that the evidence is of")
	return c
}

// verified opens the evidence in a file.
func (p Program) verified(file string, keys []string, files ...evidence.File) (evidence.Statement, error) {
	public, err := publicKeys(keys)
	if err != nil {
		return evidence.Statement{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return evidence.Statement{}, &certify.UsageError{Problem: fmt.Sprintf("the evidence cannot be read: %v", err)}
	}
	statement, err := evidence.Verify(text, public, files...)
	if err != nil {
		return evidence.Statement{}, p.refuted(fmt.Errorf("%s: %w", file, err))
	}
	return statement, nil
}

// refuted says why something is not what it claims to be.
func (p Program) refuted(err error) error {
	fmt.Fprintln(p.Err, "countersign: "+plain.Line(err.Error()))
	return ExitCode(conformance.Nonconformant.ExitCode())
}

// attestation is what verified evidence says, a line with its heading each; seen are the paths of the files that were compared.
func attestation(s evidence.Statement, seen map[string]string) ([][2]string, error) {
	put, err := s.Put()
	if err != nil {
		return nil, err
	}
	lines := [][2]string{
		{"result", s.Predicate.Result},
		{"target", put.Target},
		{"profile", fmt.Sprintf("%s, level %s, seed %d", put.Profile, put.Level, put.Seed)},
	}
	if put.Defect != "" {
		lines = append(lines, [2]string{"defect", put.Defect + ", which the reference was run with on purpose"})
	}
	lines = append(lines, [2]string{"attempts", fmt.Sprint(len(s.Predicate.Run.Attempts))})
	for _, a := range s.Predicate.Run.Attempts {
		lines = append(lines,
			[2]string{"conclusion", a.Summary},
			[2]string{"counts", fmt.Sprintf("%d checks: %d passed, %d failed, %d warned, %d not run, %d broke", a.Counts.Total, a.Counts.Pass, a.Counts.Fail, a.Counts.Warn, a.Counts.Skip, a.Counts.Error)},
			[2]string{"left out", leftOut(put, a)},
		)
		for _, v := range a.Verdicts {
			switch v.Verdict {
			case conformance.Fail, conformance.Warn:
				lines = append(lines, [2]string{string(v.Verdict), v.Check})
			case conformance.Skip, conformance.Error:
				lines = append(lines, [2]string{string(v.Verdict), v.Check + ": " + v.Reason})
			}
		}
	}
	for _, name := range []string{evidence.Report, evidence.Transcript} {
		line := "not looked at; its SHA-256 is " + s.Digest(name)
		if path := seen[name]; path != "" {
			line = path + " is the one that was written then"
		}
		lines = append(lines, [2]string{name, line})
	}
	judgedBy, err := judgedBy(s)
	return append(lines, judgedBy...), err
}

// leftOut says how many checks of the same profiles and level were not chosen for an attempt.
func leftOut(put evidence.Put, a evidence.Attempt) string {
	ran := map[string]bool{}
	for _, v := range a.Verdicts {
		ran[v.Check] = true
	}
	all, missing := 0, 0
	for name := range strings.SplitSeq(put.Profile, ", ") {
		flow, err := flows.Find(name)
		if err != nil {
			return fmt.Sprintf("nobody knows: this version has no profile %s", name)
		}
		for _, c := range flow.Checks {
			if catalog.Level(put.Level).Includes(c.Requirement().Level) {
				all++
				if !ran[c.Name()] {
					missing++
				}
			}
		}
	}
	return fmt.Sprintf("%d of the %d checks that this version has for the profile and level", missing, all)
}

// judgedBy compares the program, and what it judges by, with those of the statement.
func judgedBy(s evidence.Statement) ([][2]string, error) {
	running, err := thisProgram()
	if err != nil {
		return nil, err
	}
	files := []evidence.File{running}
	for _, c := range catalog.Catalogs() {
		own, err := documentsOf(c.Flow)
		if err != nil {
			return nil, err
		}
		files = append(files, own...)
	}
	var lines [][2]string
	for _, f := range files {
		switch want := s.Digest(f.Name); want {
		case "":
		case f.SHA256:
			lines = append(lines, [2]string{f.Name, "matches that of this program"})
		default:
			lines = append(lines, [2]string{f.Name, "is not that of this program; its SHA-256 is " + want})
		}
	}
	return lines, nil
}
