package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/internal/plain"
)

// Mistake is a mistake in a configuration file.
type Mistake struct {
	File string
	// Line and Column count from 1, columns in characters; 0 when the file as a whole is meant.
	Line, Column int
	// Text says what is wrong and how to mend it.
	Text string
}

var located = regexp.MustCompile(`^(.+?):(?:(\d+):(\d+):)? (.+)$`)

// ParseMistake reads a mistake from a message of the form `file:line:column: text` or `file: text`. It reports false where the message is of neither form.
func ParseMistake(text string) (Mistake, bool) {
	m := located.FindStringSubmatch(strings.ReplaceAll(text, "\n", " "))
	if m == nil {
		return Mistake{}, false
	}
	line, _ := strconv.Atoi(m[2]) // digits, or nothing: 0
	column, _ := strconv.Atoi(m[3])
	return Mistake{m[1], line, column, m[4]}, true
}

const configurationRule = "configuration"

// SARIF writes mistakes in configuration files as SARIF 2.1.0, so that code scanning shows each at its line.
func SARIF(w io.Writer, mistakes []Mistake) error {
	run := newRun()
	run.Tool.Driver.Rules = []sarifRule{{
		ID: configurationRule, Name: "ConfigurationMistake", Short: said("The configuration is one that Countersign can run"),
		Full: said("A configuration file is valid YAML, has known keys alone, and gives each a value of its kind."), Default: sarifLevel{"error"},
	}}
	run.Invocations[0].Successful = len(mistakes) == 0
	for _, m := range mistakes {
		m = plain.Clean(m)
		at := sarifPhysical{Artifact: sarifArtifact{URI: fileURI(m.File)}}
		if m.Line > 0 {
			at.Region = &sarifRegion{Line: m.Line, Column: max(m.Column, 1)}
		}
		run.Results = append(run.Results, sarifResult{Rule: configurationRule, Level: "error", Kind: "fail", Message: said(m.Text), Locations: []sarifLocation{{Physical: &at}}})
	}
	return run.write(w)
}

// writeSARIF writes what did not pass as SARIF 2.1.0: a result for each check that failed or warned and for each scenario that failed, with the requirement as its
// rule. A check that the harness broke in is a notification of the run. What passed or was not run is no result.
func writeSARIF(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	run := newRun()
	if d.Checks != nil {
		run.Properties = map[string]any{"target": d.Checks.Target, "profile": d.Checks.Profile, "level": d.Checks.Level, "seed": fmt.Sprint(d.Checks.Seed), "summary": d.Checks.Summary}
		for _, r := range d.Checks.Results {
			r.Exchanges = shows(r) // the others are not in this format
			run.check(plain.Clean(r), d.Checks.Target)
		}
	}
	for _, s := range d.Scenarios {
		if !s.Passed() {
			run.scenario(plain.Clean(s))
		}
	}
	return run.write(w)
}

// shows is the exchange that shows a failure, if one does.
func shows(r conformance.Result) []conformance.Exchange {
	for _, e := range r.Exchanges {
		if r.Failure != nil && e.Number == r.Failure.Exchange {
			return []conformance.Exchange{e}
		}
	}
	return nil
}

func (run *sarifRun) check(r conformance.Result, target string) {
	switch r.Verdict {
	case conformance.Error:
		run.Invocations[0].Successful = false
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{"error", said(r.Check + ": " + r.Reason)})
		return
	case conformance.Pass, conformance.Skip:
		return
	}
	level := "error"
	if r.Verdict == conformance.Warn {
		level = "warning"
	}
	text := difference(r.Failure)
	if r.Failure != nil {
		text += "; at fault: " + r.Failure.Blame
	}
	result := sarifResult{
		Rule: run.rule(r.Requirement), Level: level, Kind: "fail", Message: said(text), Fingerprints: map[string]string{"check/v1": plain.Line(r.Check)},
		Locations:  []sarifLocation{{Logical: []sarifLogical{{Name: plain.Line(string(r.Role)), Qualified: flowOf(r, "other") + "/" + plain.Line(string(r.Role)), Kind: "module"}}}},
		Properties: map[string]any{"repro": r.Repro},
	}
	address := target
	for _, e := range r.Exchanges {
		address = e.URL
		result.Request = &sarifRequest{Method: e.Method, Target: e.URL, Headers: headerMap(e.RequestHeaders), Body: content(e.RequestBody)}
		result.Response = &sarifResponse{Status: e.Status, Reason: e.Problem, Headers: headerMap(e.ResponseHeaders), Body: content(e.ResponseBody), None: e.Status == 0}
	}
	if uri := webURI(address); uri != "" {
		result.Locations[0].Physical = &sarifPhysical{Artifact: sarifArtifact{URI: uri}}
	}
	run.Results = append(run.Results, result)
}

// rule adds a requirement to the rules, once.
func (run *sarifRun) rule(q catalog.Requirement) string {
	id := plain.Line(string(q.ID))
	level := "error"
	if q.Keyword != catalog.Must {
		level = "warning"
	}
	run.addRule(sarifRule{
		ID: id, Short: said(q.Title), Full: said(q.Text), Help: new(said(fmt.Sprintf("Source: %s. Without it: %s", q.Source, q.Gain))), Default: sarifLevel{level},
		Properties: map[string]any{"tags": []string{plain.Line(string(q.Level)), plain.Line(string(q.Keyword))}},
	})
	return id
}

func (run *sarifRun) scenario(s Scenario) {
	rule := plain.Line("scenario/" + s.Name)
	run.addRule(sarifRule{ID: rule, Short: said(s.Title), Full: said(s.Text), Default: sarifLevel{"error"}})
	run.Results = append(run.Results, sarifResult{
		Rule: rule, Level: "error", Kind: "fail", Message: said(difference(&conformance.Failure{Expected: s.Expected, Actual: s.Actual})),
		Locations:    []sarifLocation{{Logical: []sarifLogical{{Name: plain.Line(s.Name), Qualified: plain.Line(s.Flow + "/" + s.Name), Kind: "function"}}}},
		Fingerprints: map[string]string{"scenario/v1": plain.Line(fmt.Sprintf("%s %s %d", s.Name, s.Level, s.Seed))},
		Properties:   map[string]any{"repro": s.Repro, "trace_sha256": s.TraceSHA256},
	})
}

func (run *sarifRun) addRule(rule sarifRule) {
	for _, known := range run.Tool.Driver.Rules {
		if known.ID == rule.ID {
			return
		}
	}
	run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
}

func newRun() *sarifRun {
	run := &sarifRun{Results: []sarifResult{}, Invocations: []sarifInvocation{{Successful: true}}, ColumnKind: "unicodeCodePoints"}
	run.Tool.Driver.Name = "Countersign"
	run.Tool.Driver.Rules = []sarifRule{}
	return run
}

func (run *sarifRun) write(w io.Writer) error {
	for i, result := range run.Results {
		for n, rule := range run.Tool.Driver.Rules {
			if rule.ID == result.Rule {
				run.Results[i].RuleIndex = n
			}
		}
	}
	return writeIndented(w, struct {
		Schema  string      `json:"$schema"`
		Version string      `json:"version"`
		Runs    []*sarifRun `json:"runs"`
	}{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []*sarifRun{run}})
}

// fileURI is the URI reference of a file that is named relative to where the program runs (SARIF 2.1.0 section 3.4).
func fileURI(name string) string {
	return strings.TrimPrefix((&url.URL{Path: strings.ReplaceAll(name, `\`, "/")}).String(), "./")
}

// webURI is an address without its query, which says more of the run than of the place; empty where it is no http address.
func webURI(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func said(text string) sarifMessage {
	if text == "" {
		text = "(nothing is said)" // the schema wants a text
	}
	return sarifMessage{plain.Text(text)}
}

func content(text string) *sarifMessage {
	if text == "" {
		return nil
	}
	return &sarifMessage{text}
}

// headerMap joins the values of a header that is given several times, as RFC 9110 section 5.3 does.
func headerMap(headers []conformance.Header) map[string]string {
	all := map[string]string{}
	for _, h := range headers {
		if before, again := all[h.Name]; again {
			h.Value = before + ", " + h.Value
		}
		all[h.Name] = h.Value
	}
	return all
}

// writeIndented writes a value as JSON for people and programs; what would steer a screen is escaped.
func writeIndented(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("the report document cannot be encoded: %w", err)
	}
	_, err = w.Write(append(escapeHidden(text), '\n'))
	return err
}
