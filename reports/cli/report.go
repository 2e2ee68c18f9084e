package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/reports"
)

// Report is the command report.
func (p Program) Report() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "report FILE", Short: "Render a report that check or run has written, in another format, on standard output",
		Example: `  countersign report out/report.json
  countersign report out/report.json --format html > report.html`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			as, err := reports.FindFormat(format)
			if err != nil {
				return usage(err)
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
			return as.Write(p.Out, document)
		},
	}
	c.Flags().StringVar(&format, "format", "text", reports.FormatNames())
	return c
}
