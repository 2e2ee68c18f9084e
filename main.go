// Countersign simulates, attacks, certifies and explains delegated-authorization protocols. This file is its command tree.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/reports/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	program := cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv}
	err := program.Told(root(program).ExecuteContext(ctx))
	stop()
	var verdict cli.ExitCode
	switch {
	case err == nil:
	case errors.As(err, &verdict):
		os.Exit(int(verdict))
	default:
		program.Complain(err)
		os.Exit(certify.ExitCode(err))
	}
}

func root(p cli.Program) *cobra.Command {
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
		Args:          cli.NoSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &certify.UsageError{Problem: fmt.Sprintf("%v; `%s --help` shows what there is", err, c.CommandPath())}
	})
	c.AddCommand(p.Init(), p.Doctor(), p.Check(), p.Run(), p.Explore(), p.Serve(), p.List(), p.Report(), p.Key(), p.Verify(), p.Rejudge(), p.Bench())
	return c
}
