package reports

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/internal/plain"
	"countersign/reports/sequence"
)

var (
	//go:embed page/document.css
	pageCSS string
	//go:embed page/document.js
	pageScript string
	//go:embed page/document.html.tmpl
	pageTemplate string
)

// How much of the exchanges the page shows of a check that did not pass; the JSON report has them whole, and those of the checks that passed. The first findings
// have all of it, and the others less, so that the page of a target that gets everything wrong can still be opened.
const (
	fullFindings                  = 40
	findingExchanges, findingBody = 12, 2000
	laterExchanges, laterBody     = 3, 500
	diagramExchanges              = 12
)

var page = template.Must(newPage("page").Parse(pageTemplate))

// newPage begins a page with what all pages share.
func newPage(name string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"mark": func(v any) string {
			return map[string]string{"pass": "✓", "fail": "✕", "warn": "!", "skip": "–", "error": "?"}[fmt.Sprint(v)]
		},
		"count":    count,
		"verdicts": func() []conformance.Verdict { return verdicts },
		"outcomes": Outcomes,
		"join":     func(list []string, between string) string { return plain.Line(strings.Join(list, between)) },
		"line":     func(v any) string { return plain.Line(fmt.Sprint(v)) },
	}).Parse(shellTemplate))
}

// policy lets the page run its own style sheet and script and nothing else, whatever a target has put into it.
func policy(css, script string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'", hash(css), hash(script))
}

// WriteHTML writes the document as one page that needs nothing else: no network, no fonts, no scripts (the script only adds a filter and keys).
func WriteHTML(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, newPageView(plain.Clean(d))); err != nil {
		return fmt.Errorf("the report document cannot be written as a page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// pageView is what the template sees.
type pageView struct {
	Title, Summary string
	// Outcome names the style of the conclusion: a verdict.
	Outcome   conformance.Verdict
	CSS       template.CSS
	Script    template.JS
	Policy    string
	Checks    *conformance.Report
	Level     string
	Levels    []catalog.Level
	AllLevels []levelCounts
	Tested    []testedView
	Findings  []checkView
	Flows     []flowView
	Played    conformance.Counts
	Necessity []necessityView
}

// testedView is the checks of one flow.
type testedView struct {
	Flow, Anchor string
	Counts       conformance.Counts
	Levels       []levelCounts
	Roles        []roleView
	// Passed reports whether any check of the flow did.
	Passed bool
}

type roleView struct {
	group
	Anchor  string
	ByLevel []levelCounts
	Passed  []checkView
}

type checkView struct {
	conformance.Result
	Flow, Anchor string
	// Finding: it did not pass. Open: it is a finding that needs work, and not only a check that was not run.
	Finding, Open bool
	Exchanges     []exchangeView
	// Omitted is how many exchanges stand in the JSON report alone.
	Omitted int
	Diagram template.HTML
	// Need is what the explorer knows of the requirement; nil for nothing.
	Need *needView
}

type exchangeView struct {
	Number                int
	Line, Request, Answer string
	Failing               bool
}

type flowView struct {
	flowGroup
	Anchor string
	Played []scenarioView
}

type scenarioView struct {
	Scenario
	Anchor  string
	Time    string
	Guards  []guardView
	Diagram template.HTML
}

type guardView struct{ ID, Title, Text string }

func newPageView(d Document) pageView {
	anchors := newAnchors()
	css := pageCSS + sequence.CSS
	v := pageView{
		Title: "Scenario report", Summary: d.Summary(), Outcome: conformance.Pass, Played: d.scenarioCounts(), Checks: d.Checks,
		CSS: template.CSS(css), Script: template.JS(pageScript), Policy: policy(css, pageScript),
	}
	if d.Checks != nil {
		v.Title = "Conformance report: " + plain.Line(d.Checks.Target)
		v.Level = cmp.Or(d.Checks.Level, string(catalog.Hardened))
		v.Outcome = map[conformance.Conclusion]conformance.Verdict{
			conformance.Nonconformant: conformance.Fail, conformance.Broken: conformance.Error, conformance.Incomplete: conformance.Skip,
		}[d.Checks.Conclusion]
		v.Outcome = cmp.Or(v.Outcome, conformance.Pass)
		var needs map[catalog.ID]*needView
		v.Necessity, needs = necessityViews(d.Necessity, anchors, nil)
		v.test(d.Checks.Results, anchors, needs)
	}
	for _, g := range byFlow(d.Scenarios) {
		f := flowView{flowGroup: g, Anchor: anchors.next("flow-" + g.Flow)}
		for _, s := range g.Scenarios {
			f.Played = append(f.Played, newScenarioView(s, anchors.next("scenario-"+s.Name)))
		}
		v.Flows = append(v.Flows, f)
	}
	if v.Played.Fail > 0 {
		v.Outcome = conformance.Fail
	}
	return v
}

// test puts the results where the page has them: those that did not pass first, the worst before the others, and then those that passed by flow and role.
func (v *pageView) test(results []conformance.Result, anchors anchors, needs map[catalog.ID]*needView) {
	all := newGroup("", results)
	for _, l := range all.Levels {
		v.Levels = append(v.Levels, l.Level)
	}
	v.AllLevels = all.Levels
	ids := map[string]string{} // a check has its own name as its anchor, whatever roles and flows are called
	for _, r := range results {
		ids[r.Check] = anchors.next(r.Check)
	}
	findings := map[conformance.Verdict][]checkView{}
	for _, f := range testedFlows(results) {
		flow := newGroup("", f.results)
		t := testedView{Flow: f.name, Anchor: anchors.next("flow-" + f.name), Counts: flow.Counts, Levels: flow.levels(v.Levels), Passed: flow.Counts.Pass > 0}
		for _, g := range byRole(f.results) {
			role := roleView{group: g, Anchor: anchors.next("role-" + string(g.Role)), ByLevel: g.levels(v.Levels)}
			for _, r := range g.Results {
				check := checkView{Result: r, Flow: f.name, Anchor: ids[r.Check], Omitted: len(r.Exchanges), Need: needs[r.Requirement.ID]}
				if r.Verdict == conformance.Pass {
					role.Passed = append(role.Passed, check)
				} else {
					findings[r.Verdict] = append(findings[r.Verdict], check)
				}
			}
			t.Roles = append(t.Roles, role)
		}
		v.Tested = append(v.Tested, t)
	}
	for _, worst := range []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn, conformance.Skip} {
		v.Findings = append(v.Findings, findings[worst]...)
	}
	for i := range v.Findings {
		v.Findings[i].find(i < fullFindings)
	}
}

// find shows the evidence of a check that did not pass, in full or in short.
func (v *checkView) find(full bool) {
	v.Finding, v.Open = true, v.Verdict != conformance.Skip
	failing, most, body := 0, laterExchanges, laterBody
	if full {
		most, body = findingExchanges, findingBody
	}
	if v.Failure != nil {
		failing = v.Failure.Exchange
	}
	shown := around(v.Result.Exchanges, failing, most)
	v.Omitted = len(v.Result.Exchanges) - len(shown)
	for _, e := range shown {
		answer := status(e.Status)
		if e.Status == 0 {
			answer = "no answer"
		}
		v.Exchanges = append(v.Exchanges, exchangeView{
			Number: e.Number, Failing: e.Number == failing, Request: requestText(e, body), Answer: answerText(e, body),
			Line: plain.Line(fmt.Sprintf("%s → %s: %s %s: %s", e.From, e.To, e.Method, path(e.URL), answer)),
		})
	}
	if full && len(shown) > 0 {
		d := FromExchanges(plain.Line("Messages of "+v.Check), around(shown, failing, diagramExchanges), failing)
		v.Diagram = template.HTML(d.Inline())
	}
}

func newScenarioView(s Scenario, anchor string) scenarioView {
	v := scenarioView{Scenario: s, Anchor: anchor, Time: time.Duration(s.VirtualNS).String()}
	for _, id := range s.Requirements {
		q, _ := catalog.Lookup(id) // an ID that this version does not know stands without its text
		v.Guards = append(v.Guards, guardView{plain.Line(string(id)), q.Title, q.Text})
	}
	if s.Diagram != nil {
		v.Diagram = template.HTML(s.Diagram.Inline())
	}
	return v
}

// anchors are the IDs that the page has given to its parts.
type anchors map[string]bool

// newAnchors returns anchors with those taken that the template spells itself.
func newAnchors() anchors {
	a := anchors{}
	for _, m := range regexp.MustCompile(`\bid="([a-z-]+)"`).FindAllStringSubmatch(pageTemplate+shellTemplate, -1) {
		a[m[1]] = true
	}
	return a
}

var unfitForAnchor = regexp.MustCompile(`[^A-Za-z0-9@._-]+`)

// next makes an ID from a name: the name itself where it can be one and nothing else has it.
func (a anchors) next(name string) string {
	fit := unfitForAnchor.ReplaceAllString(name, "-")
	anchor := fit
	for n := 2; a[anchor]; n++ {
		anchor = fmt.Sprintf("%s.%d", fit, n)
	}
	a[anchor] = true
	return anchor
}
