package reports

import (
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/reports/internal/plain"
)

// WriteJUnit writes the document as JUnit XML: a suite for the checks of each role and one for the scenarios of each flow. A warning is a test that passed and says so
// in its output; a check that was not run is skipped; a break of the harness is an error. It holds no moments, and every time is 0.
func WriteJUnit(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	d = plain.Clean(d)
	all := testSuites{Name: "countersign"}
	if d.Checks != nil {
		properties := properties(*d.Checks)
		for _, g := range byRole(d.Checks.Results) {
			suite := testSuite{Name: plain.Line(d.Checks.Profile + " " + string(g.Role)), Properties: properties}
			for _, r := range g.Results {
				suite.add(checkCase(r), r.Verdict)
			}
			all.add(suite)
		}
	}
	for _, g := range byFlow(d.Scenarios) {
		suite := testSuite{Name: plain.Line("scenarios " + g.Flow)}
		for _, s := range g.Scenarios {
			suite.add(scenarioCase(s), conformance.Verdict(s.Verdict))
		}
		all.add(suite)
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("the report document cannot be written as JUnit XML: %w", err)
	}
	_, err = w.Write(slices.Concat([]byte(xml.Header), out, []byte("\n")))
	return err
}

type suiteCounts struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type testSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	suiteCounts
	Suites []testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name string `xml:"name,attr"`
	suiteCounts
	Properties []property `xml:"properties>property,omitempty"`
	Cases      []testCase `xml:"testcase"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testCase struct {
	Name      string   `xml:"name,attr"`
	Class     string   `xml:"classname,attr"`
	Time      string   `xml:"time,attr"`
	Skipped   *problem `xml:"skipped"`
	Failure   *problem `xml:"failure"`
	Error     *problem `xml:"error"`
	SystemOut *text    `xml:"system-out"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	text
}

// text is character data that keeps its line feeds, which encoding/xml would write as references.
type text struct {
	Escaped string `xml:",innerxml"`
}

func escaped(s string) text { return text{html.EscapeString(s)} }

func (all *testSuites) add(s testSuite) {
	s.Time, all.Time = "0", "0"
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Errors += s.Errors
	all.Skipped += s.Skipped
	all.Suites = append(all.Suites, s)
}

func (s *testSuite) add(c testCase, v conformance.Verdict) {
	c.Time = "0"
	s.Tests++
	switch v {
	case conformance.Fail:
		s.Failures++
	case conformance.Error:
		s.Errors++
	case conformance.Skip:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func properties(r conformance.Report) []property {
	list := []property{
		{"profile", plain.Line(r.Profile)}, {"level", plain.Line(r.Level)}, {"seed", fmt.Sprint(r.Seed)}, {"target", plain.Line(r.Target)},
		{"conclusion", plain.Line(string(r.Conclusion))}, {"summary", plain.Line(r.Summary)},
	}
	if r.Defect != "" {
		list = append(list, property{"defect", plain.Line(r.Defect)})
	}
	return list
}

func checkCase(r conformance.Result) testCase {
	c := testCase{Name: plain.Line(r.Check + " " + r.Requirement.Title), Class: plain.Line("countersign." + string(r.Role))}
	switch r.Verdict {
	case conformance.Fail:
		c.Failure = &problem{Message: difference(r.Failure), Type: plain.Line(string(r.Requirement.Keyword)), text: escaped(evidence(r))}
	case conformance.Error:
		c.Error = &problem{Message: plain.Line(r.Reason), Type: "harness", text: escaped(evidence(r))}
	case conformance.Skip:
		c.Skipped = &problem{Message: plain.Line(r.Reason)}
	case conformance.Warn:
		warning := escaped("WARNING: " + difference(r.Failure) + "\n" + evidence(r))
		c.SystemOut = &warning
	}
	return c
}

// difference says in a line what was wrong.
func difference(f *conformance.Failure) string {
	if f == nil {
		return "the requirement is not met"
	}
	return plain.Line(fmt.Sprintf("expected %s, got %s", f.Expected, f.Actual))
}

// evidence is what there is to say of a result that is no pass, without colour and for any width.
func evidence(r conformance.Result) string {
	s := &screen{width: 120}
	s.result(r)
	return strings.TrimRight(s.b.String(), "\n")
}

func scenarioCase(sc Scenario) testCase {
	c := testCase{Name: plain.Line(sc.Name + " " + sc.Title), Class: plain.Line("countersign.scenarios." + sc.Flow)}
	if !sc.Passed() {
		s := &screen{width: 120}
		s.scenario(sc)
		c.Failure = &problem{
			Message: difference(&conformance.Failure{Expected: sc.Expected, Actual: sc.Actual}), Type: "scenario", text: escaped(strings.TrimRight(s.b.String(), "\n")),
		}
	}
	return c
}
