// Package doctor finds, before a run, what would keep the run from saying anything of the target: a mistake in the configuration, an address that cannot be had,
// a target that does not answer. It judges nothing: what it finds is never a nonconformity.
package doctor

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"countersign/conformance/config"
)

// Severity says whether a run makes sense in spite of a finding.
type Severity string

// The severities: an error ends a run before its first check, a warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong, and how to mend it. It shows no secret.
type Finding struct {
	// Code names the kind of finding for programs, as tls-expired.
	Code     string       `json:"code"`
	Severity Severity     `json:"severity"`
	Place    config.Place `json:"place"` // none when the configuration says nothing there
	What     string       `json:"what"`
	Mend     string       `json:"mend"`
	// Dead says that the target gives no answer, so that there is nothing to judge.
	Dead bool `json:"dead,omitempty"`
}

// String is the finding in one sentence, behind its place.
func (f Finding) String() string {
	text := f.What + "; " + f.Mend
	if f.Place.File != "" {
		text = f.Place.String() + ": " + text
	}
	return text
}

// Refusal is the error of a run that does not begin because of its findings, all of them errors.
type Refusal struct{ Findings []Finding }

func (r *Refusal) Error() string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Dead reports whether nothing is wrong but that the target does not answer.
func (r *Refusal) Dead() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Dead })
}

// Refuse gives a *Refusal with the errors among findings; nil when there are none.
func Refuse(findings []Finding) error {
	serious := slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != Error })
	if len(serious) == 0 {
		return nil
	}
	return &Refusal{serious}
}

// mistake is a mistake that kept the file from being read, as a finding.
func mistake(err error) Finding {
	f := Finding{Code: "configuration", Severity: Error, What: err.Error(), Mend: "correct it"}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		f.Place, f.What, f.Mend = config.Place{File: wrong.File, Line: wrong.Line, Column: wrong.Column}, wrong.What, wrong.Mend
	}
	return f
}

// inOrder puts errors before warnings, and each as they stand in the file.
func inOrder(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.What, b.What))
	})
	return findings
}
