package drive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"countersign/conformance"
	"countersign/conformance/config"
)

// Prompt asks the person at a terminal, one question at a time.
type Prompt struct {
	In  io.Reader
	Out io.Writer

	begun sync.Once
	turn  chan struct{}
	lines chan string
}

var errNobody = errors.New("the terminal was closed")

// Ask puts a question and takes lines until one is understood. It waits for its turn and for the person as long as ctx does.
func (p *Prompt) Ask(ctx context.Context, question string, understand func(line string) error) error {
	p.begun.Do(func() {
		p.turn, p.lines = make(chan struct{}, 1), make(chan string)
		go p.read()
	})
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	fmt.Fprintf(p.Out, "\n%s\n> ", question)
	for {
		select {
		case typed, open := <-p.lines:
			if !open {
				return errNobody
			}
			err := understand(strings.TrimSpace(typed))
			if err == nil {
				return nil
			}
			fmt.Fprintf(p.Out, "%v\n> ", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// read hands out the lines that are typed. It ends with the input: nothing else ends the reading of a terminal.
func (p *Prompt) read() {
	defer close(p.lines)
	lines := bufio.NewScanner(p.In)
	lines.Buffer(nil, conformance.MaxBody)
	for lines.Scan() {
		p.lines <- lines.Text()
	}
}

var errNoAnswer = errors.New("that is none of these; type it once more")

var statusAndBody = regexp.MustCompile(`(?s)^([2-5][0-9][0-9])(?:\s+(.*))?$`)

// typed reads what a person types of an answer.
func typed(text string) (answer, error) {
	m := statusAndBody.FindStringSubmatch(text)
	switch {
	case m != nil:
		status, err := strconv.Atoi(m[1])
		return answer{Status: status, Body: []byte(m[2])}, err
	case text == "" || isURL(text) || strings.HasPrefix(text, "{"):
		return readAnswer([]byte(text), true)
	}
	return answer{}, errNoAnswer
}

// person asks a person, and suspends the limits meanwhile. enough says that Enter alone is an answer. The error is told to the check.
func (t transport) person(req *http.Request, question string, enough bool) (answer, error) {
	resume := conformance.Pause(req.Context())
	defer resume()
	var given answer
	var left bool
	err := t.driver.Prompt.Ask(t.driver.Context, strings.Map(screen, question), func(text string) (err error) {
		if left = strings.EqualFold(text, "skip"); left {
			return nil
		}
		if text == "" && !enough {
			return errNoAnswer
		}
		given, err = typed(text)
		return err
	})
	switch {
	case t.driver.Context.Err() != nil:
		return answer{}, context.Cause(t.driver.Context)
	case err != nil:
		return answer{}, obstruct(req.Context(), conformance.Error, "nobody answered: %v", err)
	case left:
		return answer{}, obstruct(req.Context(), conformance.Skip, "the person at the terminal left it out")
	}
	return given, nil
}

// screen takes out what a terminal would obey, but for the ends of lines.
func screen(r rune) rune {
	if r == '\n' {
		return r
	}
	return printable(r)
}

// byHand has a person do what the request asks for.
func (t transport) byHand(how config.Trigger, asked request) (*http.Response, error) {
	members := asked.members()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, by hand.\n  %s\n", checkOf(asked.Context()), asked.name, strings.ReplaceAll(strings.TrimSpace(fill(how.Hand, members)), "\n", "\n  "))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, written(members[name]))
	}
	b.WriteString("Then type what came of it: Enter if it is done; a status, as 403, with the body behind it if there is one; the address that a browser is sent to; " +
		"the answer in JSON; or skip.")
	given, err := t.person(asked.Request, b.String(), true)
	if err != nil {
		return nil, err
	}
	return given.response(asked.Request, "by hand", ""), nil
}

// checkOf names the check that a request belongs to.
func checkOf(ctx context.Context) string {
	if u := conformance.UnderwayIn(ctx); u != nil {
		return "Check " + u.Check().Name()
	}
	return "Before the first check"
}
