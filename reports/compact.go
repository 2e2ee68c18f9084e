package reports

import (
	"fmt"
	"reflect"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// documentJSON is a Document as JSON has it: each requirement stands once, in a section of its own, and a result names the one that it is of.
type documentJSON struct {
	Format    string      `json:"format"`
	Checks    *checksJSON `json:"checks,omitempty"`
	Scenarios []Scenario  `json:"scenarios,omitempty"`
	Necessity []Necessity `json:"necessity,omitempty"`
}

type checksJSON struct {
	Profile      string                 `json:"profile"`
	Level        string                 `json:"level"`
	Seed         uint64                 `json:"seed"`
	Target       string                 `json:"target"`
	Defect       string                 `json:"defect,omitempty"`
	Conclusion   conformance.Conclusion `json:"conclusion"`
	Summary      string                 `json:"summary"`
	Counts       conformance.Counts     `json:"counts"`
	Requirements []catalog.Requirement  `json:"requirements"`
	Results      []resultJSON           `json:"results"`
}

type resultJSON struct {
	Check       string                 `json:"check"`
	Role        catalog.Role           `json:"role"`
	Requirement catalog.ID             `json:"requirement"`
	Verdict     conformance.Verdict    `json:"verdict"`
	Reason      string                 `json:"reason,omitempty"`
	Failure     *conformance.Failure   `json:"failure,omitempty"`
	Repro       string                 `json:"repro,omitempty"`
	Exchanges   []conformance.Exchange `json:"exchanges"`
}

// encode refuses a document in which one ID stands for two requirements.
func encode(d Document) (documentJSON, error) {
	encoded := documentJSON{Format: d.Format, Scenarios: d.Scenarios, Necessity: d.Necessity}
	if d.Checks == nil {
		return encoded, nil
	}
	r := d.Checks
	checks := checksJSON{
		Profile: r.Profile, Level: r.Level, Seed: r.Seed, Target: r.Target, Defect: r.Defect, Conclusion: r.Conclusion, Summary: r.Summary, Counts: r.Counts,
		Requirements: []catalog.Requirement{}, Results: make([]resultJSON, len(r.Results)),
	}
	at := map[catalog.ID]int{}
	for i, result := range r.Results {
		q := result.Requirement
		n, known := at[q.ID]
		if !known {
			n = len(checks.Requirements)
			at[q.ID] = n
			checks.Requirements = append(checks.Requirements, q)
		}
		if !reflect.DeepEqual(checks.Requirements[n], q) {
			return documentJSON{}, &DocumentError{fmt.Sprintf("/checks/results/%d/requirement", i), fmt.Sprintf("%s reads otherwise in an earlier result: give a requirement one text in a report", q.ID)}
		}
		checks.Results[i] = resultJSON{result.Check, result.Role, q.ID, result.Verdict, result.Reason, result.Failure, result.Repro, result.Exchanges}
	}
	encoded.Checks = &checks
	return encoded, nil
}

// document gives each result its requirement back.
func (encoded documentJSON) document() (Document, error) {
	d := Document{Format: encoded.Format, Scenarios: encoded.Scenarios, Necessity: encoded.Necessity}
	if encoded.Checks == nil {
		return d, nil
	}
	c := encoded.Checks
	r := conformance.Report{
		Format: conformance.ReportFormat, Profile: c.Profile, Level: c.Level, Seed: c.Seed, Target: c.Target, Defect: c.Defect,
		Conclusion: c.Conclusion, Summary: c.Summary, Counts: c.Counts, Results: make([]conformance.Result, len(c.Results)),
	}
	requirements := map[catalog.ID]catalog.Requirement{}
	for i, q := range c.Requirements {
		if _, again := requirements[q.ID]; again {
			return Document{}, &DocumentError{fmt.Sprintf("/checks/requirements/%d/id", i), fmt.Sprintf("the requirement %s stands here a second time", q.ID)}
		}
		requirements[q.ID] = q
	}
	for i, result := range c.Results {
		q, known := requirements[result.Requirement]
		if !known {
			return Document{}, &DocumentError{fmt.Sprintf("/checks/results/%d/requirement", i), fmt.Sprintf("%s is not among the requirements of the report", result.Requirement)}
		}
		r.Results[i] = conformance.Result{
			Check: result.Check, Role: result.Role, Requirement: q, Verdict: result.Verdict,
			Reason: result.Reason, Failure: result.Failure, Repro: result.Repro, Exchanges: result.Exchanges,
		}
	}
	d.Checks = &r
	return d, nil
}
