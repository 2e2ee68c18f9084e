package reports

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
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

// How much of the exchanges the page shows; the JSON report has them whole. It keeps the page of a run of a hundred checks under some 2 MB.
const (
	passExchanges, passBody       = 8, 240
	findingExchanges, findingBody = 12, 2000
	diagramExchanges              = 12
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"mark": func(v any) string {
		return map[string]string{"pass": "✓", "fail": "✕", "warn": "!", "skip": "–", "error": "?"}[fmt.Sprint(v)]
	},
	"count":    count,
	"verdicts": func() []conformance.Verdict { return verdicts },
	"line":     func(v any) string { return plain.Line(fmt.Sprint(v)) },
}).Parse(pageTemplate))

// WriteHTML writes the document as one page that needs nothing else: no network, no fonts, no scripts (the script only adds a filter).
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
	Outcome  conformance.Verdict
	CSS      template.CSS
	Script   template.JS
	Checks   *conformance.Report
	Level    string
	Groups   []groupView
	Findings []checkView
	Flows    []flowView
	Played   conformance.Counts
}

type groupView struct {
	group
	Anchor string
	Checks []checkView
}

type checkView struct {
	conformance.Result
	Anchor    string
	Open      bool
	Exchanges []exchangeView
	Omitted   int
	// Compact is the exchanges of a passed check in one text.
	Compact string
	Diagram template.HTML
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
	v := pageView{
		Title: "Scenario report", Summary: d.Summary(), Outcome: conformance.Pass, CSS: template.CSS(pageCSS + sequence.CSS), Script: template.JS(pageScript),
		Checks: d.Checks, Played: d.scenarioCounts(),
	}
	if d.Checks != nil {
		v.Title = "Conformance report: " + plain.Line(d.Checks.Target)
		v.Level = cmp.Or(d.Checks.Level, string(catalog.Hardened))
		v.Outcome = map[conformance.Conclusion]conformance.Verdict{
			conformance.Nonconformant: conformance.Fail, conformance.Broken: conformance.Error, conformance.Incomplete: conformance.Skip,
		}[d.Checks.Conclusion]
		v.Outcome = cmp.Or(v.Outcome, conformance.Pass)
		for _, g := range byRole(d.Checks.Results) {
			v.Groups = append(v.Groups, groupView{group: g, Anchor: anchors.next("role-" + string(g.Role))})
		}
	}
	for i, g := range v.Groups {
		for _, r := range g.Results {
			v.Groups[i].Checks = append(v.Groups[i].Checks, newCheckView(r, anchors.next(r.Check)))
		}
	}
	for _, worst := range []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn} {
		for _, g := range v.Groups {
			v.Findings = append(v.Findings, slices.DeleteFunc(slices.Clone(g.Checks), func(c checkView) bool { return c.Verdict != worst })...)
		}
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

func newCheckView(r conformance.Result, anchor string) checkView {
	v := checkView{Result: r, Anchor: anchor, Open: r.Verdict != conformance.Pass}
	if !v.Open {
		shown := around(r.Exchanges, 0, passExchanges)
		v.Omitted = len(r.Exchanges) - len(shown)
		var texts []string
		for _, e := range shown {
			texts = append(texts, fmt.Sprintf("#%d %s → %s\n%s\n\n%s", e.Number, plain.Line(e.From), plain.Line(e.To), requestText(e, passBody), answerText(e, passBody)))
		}
		v.Compact = strings.Join(texts, "\n\n\n")
		return v
	}
	failing := 0
	if r.Failure != nil {
		failing = r.Failure.Exchange
	}
	shown := around(r.Exchanges, failing, findingExchanges)
	v.Omitted = len(r.Exchanges) - len(shown)
	for _, e := range shown {
		answer := status(e.Status)
		if e.Status == 0 {
			answer = "no answer"
		}
		v.Exchanges = append(v.Exchanges, exchangeView{
			Number: e.Number, Failing: e.Number == failing, Request: requestText(e, findingBody), Answer: answerText(e, findingBody),
			Line: plain.Line(fmt.Sprintf("%s → %s: %s %s: %s", e.From, e.To, e.Method, path(e.URL), answer)),
		})
	}
	if len(shown) > 0 {
		d := FromExchanges(plain.Line("Messages of "+r.Check), around(shown, failing, diagramExchanges), failing)
		v.Diagram = template.HTML(d.Inline())
	}
	return v
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
	for _, m := range regexp.MustCompile(`\bid="([a-z-]+)"`).FindAllStringSubmatch(pageTemplate, -1) {
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
