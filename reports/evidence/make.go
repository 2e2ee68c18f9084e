package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/config"
)

// Case is what evidence is made of.
type Case struct {
	// Attempts are the reports of all runs, none left out, in order.
	Attempts []conformance.Report
	Config   config.Config
	// Files are named by their digests: Binary, Recording, Profile and Catalogue with the flow behind a blank, and any others.
	Files []File
}

// ErrNoAttempt says that there is nothing to state.
var ErrNoAttempt = errors.New("evidence needs the report of at least one run")

// target is the description that stands for the target.
type target struct {
	Target  string `json:"target"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Seed    uint64 `json:"seed"`
	Defect  string `json:"defect,omitempty"`
}

// Make states a case. The second result is the transcript, whose digest is in the statement; nothing in either is a secret of the configuration.
func Make(c Case) (Statement, []byte, error) {
	if len(c.Attempts) == 0 {
		return Statement{}, nil, ErrNoAttempt
	}
	known, err := newScrubber(c.Config)
	if err != nil {
		return Statement{}, nil, err
	}
	transcript, err := transcriptOf(c.Attempts, known)
	if err != nil {
		return Statement{}, nil, err
	}
	first := c.Attempts[0]
	described, err := inline(Target, target{known.clean(public(first.Target)), first.Profile, first.Level, first.Seed, first.Defect})
	if err != nil {
		return Statement{}, nil, err
	}
	configured, err := inline(Configuration, published(c.Config, known))
	if err != nil {
		return Statement{}, nil, err
	}
	s := Statement{
		Type: StatementType, PredicateType: PredicateType,
		Subject: []Resource{described, File{Transcript, digest(transcript)}.resource()},
	}
	var run Run
	for _, report := range c.Attempts {
		run.Attempts = append(run.Attempts, attempt(report, known))
	}
	s.Predicate = run.sum()
	s.Predicate.Configuration = []Resource{configured}
	files := slices.SortedStableFunc(slices.Values(c.Files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range files {
		s.Predicate.Configuration = append(s.Predicate.Configuration, f.resource())
	}
	return s, transcript, s.validate()
}

// line is an exchange in a transcript.
type line struct {
	Attempt int    `json:"attempt"`
	Check   string `json:"check"`
	conformance.Exchange
}

// transcriptOf gives every exchange of every check of every attempt, one JSON object a line, redacted as the report is.
func transcriptOf(attempts []conformance.Report, s *scrubber) ([]byte, error) {
	var all bytes.Buffer
	lines := json.NewEncoder(&all)
	lines.SetEscapeHTML(false)
	for i, report := range attempts {
		for _, result := range report.Results {
			for _, e := range result.Exchanges {
				if err := lines.Encode(line{i + 1, result.Check, s.exchange(e)}); err != nil {
					return nil, err
				}
			}
		}
	}
	return all.Bytes(), nil
}
