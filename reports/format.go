package reports

import (
	"fmt"
	"io"
	"strings"
)

// Format is a way to write a Document.
type Format struct {
	// Name is what a user calls it.
	Name string
	// Meaning says in a few words what it is for.
	Meaning string
	Write   func(io.Writer, Document) error
}

// Formats returns every format. The same Document gives the same bytes in each.
func Formats() []Format {
	return []Format{
		{"text", "for people at a screen", Terminal{Width: 100}.Write},
		{"html", "a page that needs nothing else", WriteHTML},
		{"junit", "JUnit XML for CI", WriteJUnit},
		{"json", "all there is, for programs", func(w io.Writer, d Document) error { return d.WriteJSON(w) }},
		{"har", "the exchanges as HAR 1.2, for tools that show HTTP", writeHAR},
		{"sarif", "what failed as SARIF 2.1.0, for code scanning", writeSARIF},
		{"summary", "Markdown for the step summary of a CI job", writeSummary},
		{"badge", "JSON for a badge of shields.io", writeBadge},
	}
}

// FormatError names a format that does not exist.
type FormatError struct{ Name string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("there is no format %q; there are %s", e.Name, FormatNames())
}

// FindFormat finds a format by its name. The error is a *FormatError.
func FindFormat(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, &FormatError{name}
}

// FormatNames lists the names of the formats in a phrase: "text, html and json".
func FormatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
