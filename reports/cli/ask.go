package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-isatty"

	"countersign/conformance/certify"
	"countersign/conformance/drive"
)

// person is one at a terminal, who is asked for what flags did not say.
type person struct {
	lines <-chan string // closed when no more come
	out   io.Writer
}

// atTerminal reports whether there is a person to ask.
func (p Program) atTerminal() bool { return isatty.IsTerminal(p.In.Fd()) }

// prompt asks the person at the terminal what a run needs of them; nil where there is none.
func (p Program) prompt() *drive.Prompt {
	if !p.atTerminal() || !isatty.IsTerminal(p.Err.Fd()) {
		return nil
	}
	return &drive.Prompt{In: p.In, Out: p.Err}
}

// person gives the one at the terminal. Reading goes on in the background, so that an interrupt ends a question.
func (p Program) person() person {
	lines := make(chan string)
	go func() { // ends with the program, or with the terminal
		defer close(lines)
		for in := bufio.NewScanner(p.In); in.Scan(); {
			lines <- in.Text()
		}
	}()
	return person{lines, p.Err}
}

// ask asks until an answer is accepted. Enter alone stands for the usual answer, which is shown where it is not empty. The error is one of usage: nobody answers any more.
func (q person) ask(ctx context.Context, question, usual string, accept func(answer string) error) error {
	for {
		if usual == "" {
			fmt.Fprintf(q.out, "%s: ", question)
		} else {
			fmt.Fprintf(q.out, "%s [%s]: ", question, usual)
		}
		var (
			line string
			more bool
		)
		select {
		case line, more = <-q.lines:
		case <-ctx.Done():
		}
		if !more {
			fmt.Fprintln(q.out)
			return &certify.UsageError{Problem: "the questions have not been answered, so nothing is written; answer them, or give the flags that `countersign init --help` shows"}
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = usual
		}
		err := accept(answer)
		if err == nil {
			return nil
		}
		fmt.Fprintf(q.out, "  %v\n", err)
	}
}
