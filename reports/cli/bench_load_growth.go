package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"countersign/bench/load/growth"
	"countersign/conformance/certify"
)

// growing is one run of bench load growth.
type growing struct {
	Program
	growth.Options
	out  string
	json bool
}

// grown is the JSON document of bench load growth.
type grown struct {
	Format string         `json:"format"`
	Go     string         `json:"go"`
	OS     string         `json:"os"`
	CPUs   int            `json:"cpus"`
	Seed   uint64         `json:"seed"`
	Curves []growth.Curve `json:"curves"`
}

// benchLoadGrowth is the command bench load growth.
func (p Program) benchLoadGrowth() *cobra.Command {
	g := &growing{Program: p}
	var names []string
	for _, s := range growth.Subjects() {
		names = append(names, s.Name)
	}
	c := &cobra.Command{
		Use:   "growth",
		Short: "Measure what a request costs from a thousand to a million live tokens and users",
		Long: `Growth fills the validators, and servers of the reference, with a thousand live tokens or users, ten thousand and so on, and measures a request to each size, in one
run, in short slices in a shuffled order: the ratios hold on a machine whose speed changes. The smallest size is there twice: how far it is from itself is what the run
cannot tell apart. A bare map shows what memory costs by itself as caches fill up. To fill the servers with a million takes some minutes and gigabytes.

The tables stand on standard error; growth.json in the folder --out, and with --json on standard output.`,
		Example: `  countersign bench load growth
  countersign bench load growth --only opaque,ticket --json
  countersign bench load growth --only account-server --up-to 100000`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return g.run(c.Context()) },
	}
	f := c.Flags()
	f.StringSliceVar(&g.Only, "only", nil, "what is measured: "+strings.Join(names, ", "))
	f.IntVar(&g.UpTo, "up-to", 1_000_000, "the largest number of live tokens or users")
	f.IntVar(&g.Rounds, "rounds", 200, "slices of each size")
	f.Uint64Var(&g.Seed, "seed", 1, "decides the order of the slices")
	f.StringVar(&g.out, "out", "out", "folder for growth.json")
	f.BoolVar(&g.json, "json", false, "JSON on standard output")
	return c
}

func (g *growing) run(ctx context.Context) error {
	if g.Rounds < 1 {
		return &certify.UsageError{Problem: fmt.Sprintf("--rounds %d leaves nothing to measure; give 1 or more", g.Rounds)}
	}
	if err := os.MkdirAll(g.out, 0o777); err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("the folder for what is measured cannot be made: %v; name another with --out", err)}
	}
	var broken error
	curves, err := growth.Run(ctx, g.Options, func(c growth.Curve) { broken = errors.Join(broken, c.Write(g.Err)) })
	var wrong *growth.UsageError
	switch {
	case errors.As(err, &wrong):
		return &certify.UsageError{Problem: wrong.Error()}
	case err != nil:
		return err
	case broken != nil:
		return broken
	}
	text, err := json.MarshalIndent(grown{"countersign/growth@1", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.GOMAXPROCS(0), g.Seed, curves}, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	file := filepath.Join(g.out, "growth.json")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("what was measured cannot be written: %v; name another folder with --out", err)}
	}
	if g.json {
		if _, err := g.Out.Write(text); err != nil {
			return err
		}
	}
	fmt.Fprintln(g.Err, "wrote", file)
	return nil
}
