package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
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
	// Files are named by their digests: Transcript, which has to be among them, Report, Binary, Profile and Catalogue with the flow behind a blank.
	Files []File
}

// ErrNoAttempt says that there is nothing to state.
var ErrNoAttempt = errors.New("evidence needs the report of at least one run")

// Put is what was put under test, and how.
type Put struct {
	Target  string `json:"target"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Seed    uint64 `json:"seed"`
	Defect  string `json:"defect,omitempty"`
}

// Make states a case. Nothing in the statement is a secret of the configuration.
func Make(c Case) (Statement, error) {
	if len(c.Attempts) == 0 {
		return Statement{}, ErrNoAttempt
	}
	known, err := newScrubber(c.Config)
	if err != nil {
		return Statement{}, err
	}
	first := c.Attempts[0]
	put, err := inline(Target, Put{known.clean(public(first.Target)), first.Profile, first.Level, first.Seed, first.Defect})
	if err != nil {
		return Statement{}, err
	}
	configured, err := inline(Configuration, published(c.Config, known))
	if err != nil {
		return Statement{}, err
	}
	s := Statement{Type: StatementType, PredicateType: PredicateType, Subject: []Resource{put}}
	var run Run
	for _, report := range c.Attempts {
		run.Attempts = append(run.Attempts, attempt(report, known))
	}
	s.Predicate = run.sum()
	s.Predicate.Configuration = []Resource{configured}
	for _, f := range slices.SortedStableFunc(slices.Values(c.Files), func(a, b File) int { return strings.Compare(a.Name, b.Name) }) {
		if f.Name == Transcript {
			s.Subject = append(s.Subject, f.resource())
		} else {
			s.Predicate.Configuration = append(s.Predicate.Configuration, f.resource())
		}
	}
	return s, s.validate()
}

// Put reads what was put under test. The error is a *StatementError.
func (s Statement) Put() (Put, error) {
	for _, r := range s.Subject {
		if r.Name != Target {
			continue
		}
		var p Put
		if err := json.Unmarshal(r.Content, &p); err != nil {
			return Put{}, &StatementError{fmt.Sprintf("describes its target in words that cannot be read (%v)", err)}
		}
		return p, nil
	}
	return Put{}, &StatementError{"names no " + Target}
}
