package launch

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	// lastLines are shown when a target does not come up, each cut at lineWidth characters.
	lastLines = 12
	lineWidth = 300
	// longestLine is from where on a line is taken for two.
	longestLine = 1 << 20
)

// Output keeps what a target writes, line by line. The zero value keeps the last lines only. It may be written to from many goroutines.
type Output struct {
	// File gets it all once Open has made it; empty: none does.
	File string
	// Hide, if set, takes out of a line what nobody is to read.
	Hide func(line string) string

	mu     sync.Mutex
	file   *os.File
	failed error
	begun  []byte // a line that has not ended
	last   []string
}

// Open makes the file. The error is an *OutputError.
func (o *Output) Open() error {
	if o.File == "" {
		return nil
	}
	file, err := os.Create(o.File)
	if err != nil {
		return &OutputError{o.File, err}
	}
	o.file = file
	return nil
}

// Write takes output. It never fails, so that a full disk does not stop the target: Close tells.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun = append(o.begun, p...)
	for {
		end := bytes.IndexByte(o.begun, '\n')
		if end < 0 {
			break
		}
		o.line(string(o.begun[:end]))
		o.begun = o.begun[end+1:]
	}
	if len(o.begun) > longestLine {
		o.flush()
	}
	return len(p), nil
}

func (o *Output) flush() {
	if len(o.begun) > 0 {
		o.line(string(o.begun))
		o.begun = nil
	}
}

func (o *Output) line(text string) {
	text = o.hidden(text)
	if o.last = append(o.last, text); len(o.last) > lastLines {
		o.last = o.last[1:]
	}
	if o.file != nil && o.failed == nil {
		_, o.failed = o.file.WriteString(text + "\n")
	}
}

// hidden is a line as it may be read.
func (o *Output) hidden(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if o.Hide == nil {
		return line
	}
	return o.Hide(line)
}

// Last are the last lines so far, without what would steer a terminal.
func (o *Output) Last() Lines {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := Lines{File: o.File, Text: slices.Clone(o.last)}
	if len(o.begun) > 0 {
		lines.Text = append(lines.Text, o.hidden(string(o.begun)))
	}
	for i, line := range lines.Text {
		lines.Text[i] = printable(line)
	}
	return lines
}

func printable(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > lineWidth {
		return string(runes[:lineWidth]) + "…"
	}
	return line
}

// Close ends the file. The error is an *OutputError.
func (o *Output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
	if o.file != nil {
		if err := o.file.Close(); o.failed == nil {
			o.failed = err
		}
		o.file = nil
	}
	if o.failed != nil {
		return &OutputError{o.File, o.failed}
	}
	return nil
}
