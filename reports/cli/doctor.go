package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
)

// Doctor is the command doctor.
func (p Program) Doctor() *cobra.Command {
	var (
		file, target, flow string
		asJSON             bool
		start              startFlags
	)
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for mistakes in configuration and surroundings before anything is judged",
		Long: `Doctor says within two seconds what keeps checks from running, where, and how to mend it: in the file, on the way to the target, in its metadata,
clock and credentials, and in the harness's own addresses. A target that is to be started is started first. Nothing that it says is a nonconformity. Check asks it first.`,
		Example: `  countersign doctor --config countersign.yaml
  countersign doctor --target http://127.0.0.1:9000`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var (
				findings []doctor.Finding
				settings = config.Default()
				err      error
			)
			if err := named(c, "config", "target"); err != nil {
				return err
			}
			if file != "" {
				settings, err = p.configured().Load(file)
			}
			switch {
			case err != nil && target == "" && flow == "":
				findings = doctor.File(c.Context(), p.configured(), file) // it tells the mistake as it tells others
			case err != nil:
				return err
			default:
				if err := override(c, &settings, flow, target, "", nil, 0); err != nil {
					return err
				}
				if err := start.override(c, &settings); err != nil {
					return err
				}
				if findings, err = examined(c.Context(), settings); err != nil {
					return err
				}
			}
			if asJSON {
				lines := p.encoder("")
				for _, f := range findings {
					if err := lines.Encode(f); err != nil {
						return err
					}
				}
			}
			for _, f := range findings {
				p.warn(f)
			}
			if len(findings) == 0 {
				fmt.Fprintln(p.Err, "nothing is wrong")
			}
			if err := doctor.Refuse(findings); err != nil {
				return ExitCode(certify.ExitCode(err)) // what is wrong has been said
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&file, "config", "", "countersign.yaml to examine")
	f.StringVar(&target, "target", "", "base URL of the implementation under test")
	start.flags(c)
	f.StringVar(&flow, "flow", "", "flow, or profile, under test")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a finding on standard output")
	return c
}
