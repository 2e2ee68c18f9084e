package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/conformance/replay"
	"countersign/reports"
	"countersign/reports/evidence"
)

// Rejudge is the command rejudge.
func (p Program) Rejudge() *cobra.Command {
	var (
		sealed, out string
		keys        []string
		parallel    int
		asJSON      bool
	)
	c := &cobra.Command{
		Use:   "rejudge FILE",
		Short: "Judge a recorded run again, with no target",
		Long: `Rejudge plays the transcript of a run to the checks that judged it, and writes the reports that check wrote: the same to the last byte, where nothing
differs. Every message that a check sends now is compared with the one that it sent then. With --evidence, the transcript has to be the one that the
evidence names, and the verdicts those that it states.

The exit code is that of the verdicts, and 1 where they differ from those of the transcript or of the evidence; expected failures of a configuration count
as failures here.`,
		Example: `  countersign rejudge out/report.transcript.jsonl
  countersign rejudge out/report.transcript.jsonl --evidence out/report.evidence.json --key countersign.key.pub`,
		Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if (sealed == "") != (len(keys) == 0) {
				return &certify.UsageError{Problem: "--evidence and --key go together: the evidence, and the public key of its signer"}
			}
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return usage(err)
			}
			statement, err := p.attested(sealed, keys, args[0])
			if err != nil {
				return err
			}
			recording, err := p.recorded(args[0])
			if err != nil {
				return err
			}
			judgements, results, err := recording.Rejudge(c.Context(), parallel)
			var unknown *replay.UnknownCheckError
			switch {
			case c.Context().Err() != nil:
				return &certify.StoppedError{Checks: len(recording.Checks)}
			case errors.As(err, &unknown):
				return usage(err)
			case err != nil:
				return p.refuted(err)
			}
			report := recording.Report(results)
			document := documented(&report)
			if err := folder.Save("report", document); err != nil {
				return usage(err)
			}
			if err := p.show(document, asJSON); err != nil {
				return err
			}
			fmt.Fprintln(p.Err, folder.Path("report.html"))
			var different []string
			for _, j := range replay.Differences(judgements) {
				different = append(different, fmt.Sprintf("%s: %s", j.Check, j.Difference))
			}
			if sealed != "" {
				different = append(different, statement.Differences(report)...)
			}
			if len(different) > 0 {
				for _, line := range different {
					fmt.Fprintln(p.Err, line)
				}
				fmt.Fprintf(p.Err, "judged again, %d verdicts are not what they were\n", len(different))
				return ExitCode(1)
			}
			fmt.Fprintf(p.Err, "judged again, all %d verdicts are what they were\n", len(judgements))
			if code := report.Conclusion.ExitCode(); code != 0 {
				return ExitCode(code)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&sealed, "evidence", "", "evidence of the run, to compare with")
	f.StringArrayVar(&keys, "key", nil, "public key of the evidence's signer; repeatable")
	f.IntVar(&parallel, "parallel", 0, "checks at a time (default 16)")
	f.StringVar(&out, "out", "rejudged", "folder for the reports")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON on standard output")
	return c
}

// attested verifies the evidence of a transcript; nothing where there is none to be verified.
func (p Program) attested(sealed string, keys []string, transcript string) (evidence.Statement, error) {
	if sealed == "" {
		return evidence.Statement{}, nil
	}
	file, err := fileNamed(evidence.Transcript, transcript)
	if err != nil {
		return evidence.Statement{}, err
	}
	return p.verified(sealed, keys, file)
}

// recorded reads a transcript.
func (p Program) recorded(file string) (replay.Recording, error) {
	f, err := os.Open(file)
	if err != nil {
		return replay.Recording{}, &certify.UsageError{Problem: fmt.Sprintf("the transcript cannot be read: %v; name one that `check --evidence` has written", err)}
	}
	defer f.Close()
	recording, err := replay.Read(f)
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return replay.Recording{}, usage(err)
	}
	if err != nil {
		return replay.Recording{}, p.refuted(fmt.Errorf("%s: %w", file, err))
	}
	return recording, nil
}
