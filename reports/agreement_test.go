package reports_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/joshdk/go-junit"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
)

// tally is a count of outcomes by role or flow and verdict, as a format tells it.
type tally map[string]map[string]int

func (t tally) add(who, verdict string, n int) {
	if t[who] == nil {
		t[who] = map[string]int{}
	}
	if n > 0 {
		t[who][verdict] += n
	}
}

// warningsPass folds warnings into passes, as JUnit does.
func (t tally) warningsPass() tally {
	folded := tally{}
	for who, counts := range t {
		for verdict, n := range counts {
			if verdict == "warn" {
				verdict = "pass"
			}
			folded.add(who, verdict, n)
		}
	}
	return folded
}

func tellsJSON(d reports.Document) tally {
	GinkgoHelper()
	back, err := reports.ReadJSON(strings.NewReader(asJSON(d)))
	Expect(err).NotTo(HaveOccurred())
	t := tally{}
	if back.Checks != nil {
		for _, r := range back.Checks.Results {
			t.add(string(r.Role), string(r.Verdict), 1)
		}
	}
	for _, s := range back.Scenarios {
		t.add("flow "+s.Flow, s.Verdict, 1)
	}
	return t
}

func tellsJUnit(d reports.Document) tally {
	GinkgoHelper()
	suites, err := junit.Ingest([]byte(asJUnit(d)))
	Expect(err).NotTo(HaveOccurred())
	t := tally{}
	for _, s := range suites {
		who := strings.TrimPrefix(s.Name, "bidirectional@1 ")
		if flow, ok := strings.CutPrefix(s.Name, "scenarios "); ok {
			who = "flow " + flow
		}
		t.add(who, "pass", s.Totals.Passed)
		t.add(who, "fail", s.Totals.Failed)
		t.add(who, "skip", s.Totals.Skipped)
		t.add(who, "error", s.Totals.Error)
	}
	return t
}

func number(text string) int {
	GinkgoHelper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	Expect(err).NotTo(HaveOccurred())
	return n
}

// tellsHTML reads the table of verdicts, and holds the table of results, the evidence and the sums against it.
func tellsHTML(d reports.Document) tally {
	GinkgoHelper()
	page, err := goquery.NewDocumentFromReader(strings.NewReader(asHTML(d)))
	Expect(err).NotTo(HaveOccurred())
	t, sums := tally{}, map[string]int{}
	read := func(table, rows, prefix string) {
		page.Find(table + " tbody " + rows).Each(func(_ int, row *goquery.Selection) {
			row.Find("[data-count]").Each(func(_ int, cell *goquery.Selection) {
				verdict, n := cell.AttrOr("data-count", ""), number(cell.Text())
				sums[table+verdict] += n
				if verdict != "total" {
					t.add(prefix+row.Find("th").Text(), verdict, n)
				}
			})
		})
		page.Find(table + " tfoot [data-count]").Each(func(_ int, cell *goquery.Selection) {
			Expect(number(cell.Text())).To(Equal(sums[table+cell.AttrOr("data-count", "")]))
		})
	}
	read("#check-counts", "tr.role", "")
	read("#scenario-counts", "tr", "flow ")
	page.Find("#check-counts tbody").Each(func(_ int, flow *goquery.Selection) {
		flow.Find("tr.flow [data-count]").Each(func(_ int, cell *goquery.Selection) {
			ofRoles := 0
			flow.Find("tr.role [data-count=" + cell.AttrOr("data-count", "") + "]").Each(func(_ int, cell *goquery.Selection) { ofRoles += number(cell.Text()) })
			Expect(number(cell.Text())).To(Equal(ofRoles), flow.Text())
		})
	})
	for _, verdict := range []string{"pass", "fail", "warn", "skip", "error"} {
		Expect(page.Find(fmt.Sprintf("details.check[data-verdict=%q]", verdict)).Length()).To(Equal(sums["#check-counts"+verdict]), verdict)
		Expect(page.Find(fmt.Sprintf("details.scenario[data-outcome=%q]", verdict)).Length()).To(Equal(sums["#scenario-counts"+verdict]))
	}
	return t
}

var tableRow = regexp.MustCompile(`(?m)^(scenarios of )?([a-z-]+) +(?:core|hardened)? +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$`)

func tellsTerminal(d reports.Document) tally {
	GinkgoHelper()
	t := tally{}
	for _, m := range tableRow.FindAllStringSubmatch(onTerminal(reports.Terminal{Width: 100}, d), -1) {
		who := m[2]
		if m[1] != "" {
			who = "flow " + who
		}
		if who == "all" {
			continue
		}
		total := 0
		for i, verdict := range []string{"pass", "fail", "warn", "skip", "error"} {
			t.add(who, verdict, number(m[3+i]))
			total += number(m[3+i])
		}
		Expect(number(m[8])).To(Equal(total))
	}
	return t
}

// only keeps the results with one of the verdicts, and concludes anew.
func only(verdicts ...conformance.Verdict) reports.Document {
	d := sample()
	d.Scenarios = nil
	var kept []conformance.Result
	for _, r := range d.Checks.Results {
		for _, v := range verdicts {
			if r.Verdict == v {
				kept = append(kept, r)
			}
		}
	}
	d.Checks.Results = kept
	d.Checks.Conclude()
	return d
}

var documents = []TableEntry{
	Entry("checks with every verdict, and scenarios", sample),
	Entry("checks that all passed", func() reports.Document { return only(conformance.Pass) }),
	Entry("checks that were all skipped", func() reports.Document { return only(conformance.Skip) }),
	Entry("checks in which the harness broke", func() reports.Document { return only(conformance.Error, conformance.Pass) }),
	Entry("checks that only warned", func() reports.Document { return only(conformance.Warn) }),
	Entry("scenarios alone", func() reports.Document { return reports.Document{Scenarios: scenarios()} }),
}

var _ = Describe("The writers", func() {
	DescribeTable("agree on every count", func(document func() reports.Document) {
		d := document()
		truth := tally{}
		if d.Checks != nil {
			for _, r := range d.Checks.Results {
				truth.add(string(r.Role), string(r.Verdict), 1)
			}
		}
		for _, s := range d.Scenarios {
			truth.add("flow "+s.Flow, s.Verdict, 1)
		}
		Expect(truth).NotTo(BeEmpty())
		Expect(tellsJSON(d)).To(Equal(truth), "JSON")
		Expect(tellsHTML(d)).To(Equal(truth), "HTML")
		Expect(tellsTerminal(d)).To(Equal(truth), "terminal")
		Expect(tellsJUnit(d)).To(Equal(truth.warningsPass()), "JUnit")
	}, documents)

	DescribeTable("give the same bytes for the same document, and leave it as it is", func(document func() reports.Document) {
		d := document()
		writers := []func(reports.Document) string{func(d reports.Document) string { return onTerminal(reports.Terminal{Color: true}, d) }}
		for _, f := range reports.Formats() {
			writers = append(writers, func(d reports.Document) string { return as(f.Name, d) })
		}
		for _, write := range writers {
			first := write(d)
			Expect(write(d)).To(Equal(first))
			Expect(write(document())).To(Equal(first))
		}
		Expect(d).To(Equal(document()))
	}, documents)
})
