package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/scenarios"
	"countersign/scenarios/adversary"
)

// List is the command list.
func (p Program) List() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List requirements, scenarios, defects, checks, attacks or necessity", Example: "  countersign list checks", Args: NoSuchCommand,
		RunE: func(*cobra.Command, []string) error {
			return &certify.UsageError{Problem: "say what to list: requirements, scenarios, defects, checks, attacks or necessity"}
		},
	}
	c.AddCommand(
		lister(p, "requirements", "the requirements of every flow", func() ([]catalog.Requirement, error) {
			var all []catalog.Requirement
			for _, c := range catalog.Catalogs() {
				all = append(all, c.Requirements...)
			}
			return all, nil
		}, func(r catalog.Requirement) []any { return []any{r.ID, r.Level, r.Keyword, r.Roles[0], r.Title} }),
		lister(p, "scenarios", "the scenarios that run plays", func() ([]scenarios.Scenario, error) { return scenarios.All(), nil },
			func(s scenarios.Scenario) []any { return []any{s.Name, s.Kind, s.Title} }),
		lister(p, "defects", "the ways in which the reference can be made wrong", func() ([]reference.Defect, error) { return reference.Defects(), nil },
			func(d reference.Defect) []any { return []any{d.ID, d.Kind, d.Role, d.Requirement, d.Text} }),
		lister(p, "checks", "the checks that check plays", func() ([]checkLine, error) {
			var all []checkLine
			for _, c := range flows.Checks() {
				r := c.Requirement()
				all = append(all, checkLine{c.Name(), c.ID, c.Role, r.Level, r.Keyword, r.Title})
			}
			return all, nil
		}, func(l checkLine) []any { return []any{l.Check, l.Level, l.Keyword, l.Role, l.Title} }),
		lister(p, "attacks", "the attacks that explore --attacks looks for", func() ([]adversary.Known, error) { return adversary.KnownAttacks(), nil },
			func(k adversary.Known) []any { return []any{k.Name, k.Flow, k.Scene, k.Title, k.Source} }),
		lister(p, "necessity", "what each hardened requirement is there for, as the explorer has found it", keptNeeds, needLine.columns),
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

func lister[T any](p Program, what, short string, all func() ([]T, error), columns func(T) []any) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: what, Short: "List " + short, Example: "  countersign list " + what + " --json", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			list, err := all()
			if err != nil {
				return err
			}
			if asJSON {
				return p.encoder("  ").Encode(list)
			}
			w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
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
