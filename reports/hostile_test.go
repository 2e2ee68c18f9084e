package reports_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"github.com/joshdk/go-junit"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
	"countersign/reports/sequence"
)

// evil holds what steers a browser, a terminal, a template engine or an XML reader, or breaks one.
const evil = "\x1b[31m\x1b]0;owned\x07\u009b2J </script><script>alert(1)</script><img src=x onerror=alert(1)> --> ]]> </style> </svg> &lt; \" ' ` {{.}} " +
	"\xff\xfe\xc3 \u202egnp.exe \u2028 \ufffe\ufeff \x00\x08\x7f\r\n\r\tjavascript:alert(1)"

// poison fills every text of plain data with evil.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)) // the catalogue's lists are shared
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			poison(v.Field(i))
		}
	}
}

// hostile is a document in which every text is evil, except those that the document is refused without.
func hostile() reports.Document {
	d := sample()
	kept := sample()
	poison(reflect.ValueOf(&d).Elem())
	d.Format, d.Checks.Format, d.Checks.Conclusion = "", kept.Checks.Format, kept.Checks.Conclusion
	for i, r := range kept.Checks.Results {
		d.Checks.Results[i].Verdict = r.Verdict
		d.Checks.Results[i].Check += r.Check
	}
	for i, s := range kept.Scenarios {
		d.Scenarios[i].Verdict = s.Verdict
		d.Scenarios[i].Name += s.Name
	}
	for i, n := range kept.Necessity {
		for j, need := range n.Needs {
			to := &d.Necessity[i].Needs[j]
			to.Outcome = need.Outcome
			if !need.Attacked() {
				to.Invariant = ""
			}
		}
	}
	return d
}

// wellFormed is hostile with the words put right that the schema asks for, so that JSON can be read back.
func wellFormed() reports.Document {
	d, kept := hostile(), sample()
	d.Checks.Level = kept.Checks.Level
	for i, r := range kept.Checks.Results {
		to := &d.Checks.Results[i]
		to.Check, to.Role = r.Check, r.Role
		to.Requirement.ID, to.Requirement.Level, to.Requirement.Keyword, to.Requirement.Roles = r.Requirement.ID, r.Requirement.Level, r.Requirement.Keyword, r.Requirement.Roles
	}
	for i, s := range kept.Scenarios {
		to := &d.Scenarios[i]
		to.Requirements, to.TraceSHA256 = s.Requirements, s.TraceSHA256
		if s.Diagram != nil {
			for j, step := range s.Diagram.Steps {
				to.Diagram.Steps[j].Kind = step.Kind
			}
		}
	}
	return d
}

// steering are the characters of a text that act on a screen; line feeds and tabs are none.
func steering(text string) []string {
	var found []string
	for _, r := range text {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			found = append(found, string(r))
		}
	}
	return found
}

var _ = Describe("A document full of hostile text", func() {
	It("stays a page without a foreign element, handler or address", func() {
		text := asHTML(hostile())
		Expect(utf8.ValidString(text)).To(BeTrue())
		Expect(steering(text)).To(BeEmpty())
		page, err := goquery.NewDocumentFromReader(strings.NewReader(text))
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Find("script").Length()).To(Equal(1))
		Expect(page.Find("script").Text()).NotTo(ContainSubstring("alert"))
		Expect(page.Find("style").Length()).To(Equal(1))
		Expect(page.Find("img, iframe, object, embed, link, base, form, a[href]:not([href^='#']), [src], [style]").Length()).To(Equal(0))
		page.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Get(0).Attr {
				Expect(a.Key).NotTo(HavePrefix("on"))
			}
		})
		Expect(page.Find("details.check").Length()).To(Equal(len(sample().Checks.Results)))
		Expect(page.Find("details.check .lead").First().Text()).To(ContainSubstring(`\x1b[31m`), "a reader sees what was sent")
	})

	It("gives every part of the page an ID of its own", func() {
		page, err := goquery.NewDocumentFromReader(strings.NewReader(asHTML(hostile())))
		Expect(err).NotTo(HaveOccurred())
		seen := map[string]bool{}
		page.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			id := s.AttrOr("id", "")
			Expect(id).To(MatchRegexp(`^[A-Za-z0-9@._-]+$`))
			Expect(seen).NotTo(HaveKey(id))
			seen[id] = true
		})
		page.Find("a[href]").Each(func(_ int, s *goquery.Selection) {
			id, err := url.PathUnescape(strings.TrimPrefix(s.AttrOr("href", ""), "#"))
			Expect(err).NotTo(HaveOccurred())
			Expect(seen).To(HaveKey(id))
		})
	})

	It("stays XML that strict readers take", func() {
		text := asJUnit(hostile())
		Expect(utf8.ValidString(text)).To(BeTrue())
		Expect(steering(text)).To(BeEmpty())
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			_, err := decoder.Token()
			if err == io.EOF {
				break
			}
			Expect(err).NotTo(HaveOccurred())
		}
		suites, err := junit.Ingest([]byte(text))
		Expect(err).NotTo(HaveOccurred())
		Expect(suites).NotTo(BeEmpty())
	})

	It("stays text on a terminal", func() {
		Expect(steering(onTerminal(reports.Terminal{}, hostile()))).To(BeEmpty())
		colored := onTerminal(reports.Terminal{Color: true}, hostile())
		Expect(colored).To(ContainSubstring("\x1b[1;31mFAIL"))
		Expect(steering(regexp.MustCompile(`\x1b\[(0|1|2|32|33|36|1;31|1;35)m`).ReplaceAllString(colored, ""))).To(BeEmpty())
	})

	It("stays Markdown in which nothing is an element, a link, a mention or the end of a table's cell", func() {
		text := as("summary", hostile())
		Expect(utf8.ValidString(text)).To(BeTrue())
		Expect(steering(text)).To(BeEmpty())
		outside := regexp.MustCompile("(?s)(`{3,})sh\n.*?\n`{3,}\n").ReplaceAllString(text, "")
		Expect(outside).NotTo(MatchRegexp(`<[a-z/!]`))
		Expect(outside).NotTo(MatchRegexp(`[^\\][@\[\]]`))
		for _, row := range regexp.MustCompile(`(?m)^\|.*$`).FindAllString(outside, -1) {
			Expect(strings.Count(strings.ReplaceAll(row, `\|`, ""), "|")).To(BeElementOf(5, 9), row)
		}
	})

	DescribeTable("stays JSON, in the format", func(format string) {
		text := as(format, hostile())
		Expect(utf8.ValidString(text)).To(BeTrue())
		Expect(steering(text)).To(BeEmpty())
		Expect(json.Valid([]byte(text))).To(BeTrue())
		Expect(text).NotTo(ContainSubstring("<script"))
	}, Entry("har", "har"), Entry("sarif", "sarif"), Entry("badge", "badge"))

	It("stays JSON without raw control characters, and keeps the text", func() {
		text := asJSON(wellFormed())
		Expect(utf8.ValidString(text)).To(BeTrue())
		Expect(steering(text)).To(BeEmpty())
		Expect(text).NotTo(ContainSubstring("<script"))
		back, err := reports.ReadJSON(strings.NewReader(text))
		Expect(err).NotTo(HaveOccurred())
		Expect(back.Checks.Target).To(Equal(strings.ToValidUTF8(strings.ReplaceAll(evil, "\xff\xfe\xc3", "\ufffd\ufffd\ufffd"), "")))
	})

	It("stays a drawing that strict XML readers take", func() {
		d := sequence.Diagram{Title: evil, Lanes: []sequence.Lane{{Name: evil, Kind: evil}}, Steps: []sequence.Step{
			{From: evil, To: "b" + evil, Label: evil, Detail: evil, At: evil, Kind: sequence.Attack}, {From: "b" + evil, Label: evil, Kind: sequence.Kind(evil)},
		}}
		var elements []string
		decoder := xml.NewDecoder(bytes.NewReader(d.SVG()))
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			Expect(err).NotTo(HaveOccurred())
			if start, ok := token.(xml.StartElement); ok {
				elements = append(elements, start.Name.Local)
			}
		}
		Expect(elements).To(HaveEach(BeElementOf("svg", "title", "desc", "style", "rect", "line", "g", "text", "path")))
	})

	It("is refused where the verdicts, the counts or the names do not hold together", func() {
		broken := func(change func(*reports.Document)) error {
			d := sample()
			change(&d)
			return d.Validate()
		}
		Expect(broken(func(d *reports.Document) { *d = reports.Document{} })).To(MatchError("the report document holds neither checks nor scenarios"))
		Expect(broken(func(d *reports.Document) { d.Checks.Results[3].Verdict = "ok" })).To(MatchError(ContainSubstring("at /checks/results/3/verdict")))
		Expect(broken(func(d *reports.Document) { d.Checks.Results[3].Verdict = conformance.Fail })).To(MatchError(ContainSubstring("at /checks/counts")))
		Expect(broken(func(d *reports.Document) { d.Checks.Conclusion = conformance.Conformant })).To(MatchError(ContainSubstring(`it is "conformant", but the results give "nonconformant"`)))
		Expect(broken(func(d *reports.Document) { d.Checks.Results[3].Check = d.Checks.Results[2].Check })).To(MatchError(ContainSubstring("a second time")))
		Expect(broken(func(d *reports.Document) { d.Checks.Format = "" })).To(MatchError(ContainSubstring("conclude the report")))
		Expect(broken(func(d *reports.Document) { d.Scenarios[1] = d.Scenarios[0] })).To(MatchError(ContainSubstring("at /scenarios/1/name")))
		Expect(broken(func(d *reports.Document) { d.Scenarios[1].Verdict = "warn" })).To(MatchError(ContainSubstring("neither pass nor fail")))
		Expect(broken(func(d *reports.Document) { d.Format = "other@2" })).To(MatchError(ContainSubstring("at /format")))
		d := sample()
		d.Checks.Counts.Fail = 0
		for _, f := range reports.Formats() {
			Expect(f.Write(io.Discard, d)).To(BeAssignableToTypeOf(&reports.DocumentError{}), f.Name)
		}
	})
})
