package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"
)

// CommandError is a command that cannot be run as it is written.
type CommandError struct {
	Command       Command
	Problem, Mend string
	Output        Lines
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("the command %q cannot be started: %s; %s%s", e.Command, e.Problem, e.Mend, e.Output)
}

// missing is the error for a program that cannot be started.
func (c Command) missing(err error) *CommandError {
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	problem, mend := err.Error(), "correct the command"
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		problem, mend = "there is no such program", "install the program, or correct its name"
	case errors.Is(err, fs.ErrPermission):
		problem, mend = "the program may not be executed", "give it the right, as with chmod +x"
	}
	return &CommandError{Command: c, Problem: problem, Mend: mend}
}

// EndedError is a target that ended by itself. Where it was still starting, URL is where it should have come to answer.
type EndedError struct {
	// What ended, as "the command", and How, as "exit status 1".
	What, How string
	URL       string
	Output    Lines
}

func (e *EndedError) Error() string {
	if e.URL == "" {
		return fmt.Sprintf("%s ended with %s while it was judged, so nothing is concluded; mend it, and run it again%s", e.What, e.How, e.Output)
	}
	return fmt.Sprintf("%s ended with %s before it answered at %s; let it stay in the foreground and mend what its output says%s", e.What, e.How, e.URL, e.Output)
}

// SilentError is a target that runs and does not answer.
type SilentError struct {
	URL    string
	Wait   time.Duration
	Err    error // what the last question got
	Output Lines
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("what was started does not answer at %s within %s: %v; let it listen there, correct --target, or set a longer `wait` in the configuration%s", e.URL, e.Wait, e.Err, e.Output)
}

// Unwrap gives the cause.
func (e *SilentError) Unwrap() error { return e.Err }

// TakenError says that something else answers where the target is to answer, and would be judged in its place.
type TakenError struct{ URL string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("something answers at %s already, before the target has been started; stop it, or write {port} in --target and in the command to use a free port", e.URL)
}

// NoPortError says that no port can be had for a target.
type NoPortError struct{ Err error }

func (e *NoPortError) Error() string {
	return fmt.Sprintf("no free port is found on the loopback interface: %v; write one in --target in place of {port}", e.Err)
}

// Unwrap gives the cause.
func (e *NoPortError) Unwrap() error { return e.Err }

// OutputError says that the output of the target cannot be kept.
type OutputError struct {
	File string
	Err  error
}

func (e *OutputError) Error() string {
	return fmt.Sprintf("the output of the target cannot be written to %s: %v; name another folder with --out", e.File, e.Err)
}

// Unwrap gives the cause.
func (e *OutputError) Unwrap() error { return e.Err }

// Lines are the last ones of a target's output.
type Lines struct {
	// File has all of the output; empty: it is not kept.
	File string
	Text []string
}

// String continues a sentence.
func (l Lines) String() string {
	var b strings.Builder
	switch {
	case len(l.Text) == 0:
		return "; it has written nothing"
	case l.File == "":
		b.WriteString("; its output ends with")
	default:
		fmt.Fprintf(&b, "; its output is in %s and ends with", l.File)
	}
	for _, line := range l.Text {
		b.WriteString("\n  " + line)
	}
	return b.String()
}
