// Package cli is what people type: one file a command.
package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/reports/internal/plain"
)

// Program is where the commands read and write.
type Program struct {
	In, Out, Err *os.File
	// Env looks a name up in the environment, as os.LookupEnv does.
	Env func(name string) (string, bool)
}

func (p Program) env(name string) string {
	value, _ := p.Env(name)
	return value
}

// ExitCode ends the program when all that is to be said has been said.
type ExitCode int

func (e ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// encoder writes JSON for programs on standard output; without an indent, a line for each value.
func (p Program) encoder(indent string) *json.Encoder {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e
}

// Told makes a failure to write to standard output or standard error one of usage: where they lead is for whoever starts the program to say.
func (p Program) Told(err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok || failed.Op != "write" {
		return err
	}
	for _, stream := range []struct {
		name string
		file *os.File
	}{{"standard output", p.Out}, {"standard error", p.Err}} {
		if failed.Path == stream.file.Name() {
			return &certify.UsageError{Problem: fmt.Sprintf("%s cannot be written to: %v; send it where there is room", stream.name, failed.Err)}
		}
	}
	return err
}

// Complain says on standard error what went wrong. What of it are the target's words steers no terminal.
func (p Program) Complain(err error) { fmt.Fprintln(p.Err, "countersign: "+plain.Text(err.Error())) }

// usage makes an error one of usage.
func usage(err error) error { return &certify.UsageError{Problem: err.Error()} }

// named refuses a flag that is given and names nothing, as where a variable of a script is not set: a run without it would be another one, and be green.
func named(c *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if f := c.Flags().Lookup(name); f != nil && f.Changed && strings.TrimSpace(f.Value.String()) == "" {
			return &certify.UsageError{Problem: fmt.Sprintf("--%s is given and empty: write what it is to name, or leave it out", name)}
		}
	}
	return nil
}

// NoSuchCommand refuses arguments of a command that has only subcommands.
func NoSuchCommand(c *cobra.Command, args []string) error {
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
func (p Program) terminal() reports.Terminal {
	width := 100
	if w, _, err := term.GetSize(int(p.Err.Fd())); err == nil && w > 0 {
		width = w
	}
	return reports.Terminal{Color: p.onTerminal(), Width: width}
}

// onTerminal reports whether standard error is a screen that takes colours; see no-color.org.
func (p Program) onTerminal() bool {
	return isatty.IsTerminal(p.Err.Fd()) && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb"
}
