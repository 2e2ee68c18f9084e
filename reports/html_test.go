package reports_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports"
)

// everyFlow is a run of every requirement of every flow in which all passed.
func everyFlow() reports.Document {
	report := &conformance.Report{Profile: "bidirectional@1, ticket@1, mobile@1, offline@1, unified@1", Level: "hardened", Seed: 1, Target: "built-in reference"}
	for _, c := range catalog.Catalogs() {
		report.Results = append(report.Results, resultsOf(c.Requirements, func(*conformance.Result, int) {})...)
	}
	report.Conclude()
	return reports.Document{Checks: report}
}

func pageOf(d reports.Document) *goquery.Document {
	GinkgoHelper()
	page, err := goquery.NewDocumentFromReader(strings.NewReader(asHTML(d)))
	Expect(err).NotTo(HaveOccurred())
	return page
}

var _ = Describe("The page", func() {
	It("needs nothing from elsewhere, and says so to the browser", func() {
		page := pageOf(sample())
		policy, _ := page.Find(`meta[http-equiv="Content-Security-Policy"]`).Attr("content")
		hash := func(element string) string {
			sum := sha256.Sum256([]byte(page.Find(element).Text()))
			return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
		Expect(policy).To(Equal("default-src 'none'; style-src " + hash("style") + "; script-src " + hash("script") + "; base-uri 'none'; form-action 'none'"))
		Expect(page.Find("[style]").Length()).To(Equal(0), "the policy lets no style attribute through")
		Expect(page.Find("[src], link, iframe, object, embed").Length()).To(Equal(0))
		Expect(page.Find("style").Text()).NotTo(MatchRegexp(`@import|url\(|@font-face`))
	})

	It("says what was run and how it came out", func() {
		d := sample()
		d.Checks.Defect = "BI-OS-31: takes a temporary credential twice"
		head := pageOf(d).Find("header").Text()
		for _, word := range []string{d.Checks.Summary, "2 of 3 scenarios passed", "https://vendor.example", "bidirectional@1", "hardened", "BI-OS-31: takes", "nonconformant"} {
			Expect(head).To(ContainSubstring(word))
		}
	})

	It("tells each check once, with its flow, role, level, requirement, command and address", func() {
		d := sample()
		page := pageOf(d)
		Expect(page.Find("details.check").Length()).To(Equal(len(d.Checks.Results)))
		for _, r := range d.Checks.Results {
			item := page.Find(`details.check[id="` + r.Check + `"]`)
			Expect(item.Length()).To(Equal(1), r.Check)
			for _, text := range []string{string(r.Verdict), r.Requirement.Text, r.Requirement.Source, r.Requirement.Gain, r.Repro, r.Reason} {
				Expect(item.Text()).To(ContainSubstring(text))
			}
			for name, value := range map[string]string{"verdict": string(r.Verdict), "flow": "bidirectional", "role": string(r.Role), "level": string(r.Requirement.Level)} {
				Expect(item.AttrOr("data-"+name, "")).To(Equal(value))
			}
			link := item.Find(".facts a").Last()
			Expect(link.Text()).To(Equal("#" + r.Check))
			Expect(url.PathUnescape(link.AttrOr("href", ""))).To(Equal("#" + r.Check))
		}
	})

	It("begins with what did not pass, the worst first, and shows its evidence; what only was not run is closed", func() {
		d := sample()
		page := pageOf(d)
		var verdicts []string
		page.Find("details.check").Each(func(_ int, item *goquery.Selection) { verdicts = append(verdicts, item.AttrOr("data-verdict", "")) })
		Expect(slices.Compact(verdicts)).To(Equal([]string{"fail", "error", "warn", "skip", "pass"}))
		for _, r := range d.Checks.Results {
			item := page.Find(`details.check[id="` + r.Check + `"]`)
			_, open := item.Attr("open")
			Expect(open).To(Equal(r.Verdict != conformance.Pass && r.Verdict != conformance.Skip), r.Check)
			if r.Verdict == conformance.Pass {
				Expect(item.Find("svg, pre, .exchange").Length()).To(Equal(0))
				Expect(item.Text()).To(ContainSubstring(strconv.Itoa(len(r.Exchanges)) + ", in the JSON report"))
				continue
			}
			Expect(item.Find("svg").Length() == 1).To(Equal(len(r.Exchanges) > 0))
			for _, e := range r.Exchanges {
				Expect(item.Text()).To(ContainSubstring(e.Method + " " + e.URL))
			}
			if r.Failure != nil {
				Expect(item.Find(".compare").Text()).To(Equal("Expected" + r.Failure.Expected + "Actual" + r.Failure.Actual))
				Expect(item.Find(".facts").Text()).To(ContainSubstring("To blame" + r.Failure.Blame + ", the side under test"))
				Expect(item.Find(".exchange[open] summary").Text()).To(ContainSubstring("#" + strconv.Itoa(r.Failure.Exchange) + " "))
			}
			if r.Verdict == conformance.Skip {
				Expect(item.Find("summary .why").Text()).To(Equal(r.Reason), "the reason shows without opening")
			}
		}
	})

	It("sums up each flow, role and level", func() {
		page := pageOf(everyFlow())
		var flows []string
		page.Find("#check-counts tr.flow th").Each(func(_ int, th *goquery.Selection) { flows = append(flows, th.Text()) })
		Expect(flows).To(Equal([]string{"bidirectional", "ticket", "mobile", "offline", "unified"}))
		Expect(page.Find("#check-counts thead").Text()).To(MatchRegexp(`core\s*hardened`))
		roles := map[catalog.Role]bool{}
		counts := map[string]int{}
		for _, c := range catalog.Catalogs() {
			for _, q := range c.Requirements {
				for _, role := range q.Roles {
					roles[role] = true
					counts[c.Flow+" "+string(q.Level)]++
				}
			}
		}
		Expect(page.Find("#check-counts tr.role").Length()).To(Equal(len(roles)))
		page.Find("#check-counts tr.flow").Each(func(_ int, row *goquery.Selection) {
			for i, level := range []string{"core", "hardened"} {
				n := strconv.Itoa(counts[row.Find("th").Text()+" "+level])
				Expect(row.Find("td.level").Eq(i).Text()).To(Equal(n + " of " + n))
			}
		})
	})

	It("shows each scenario with what stops it and with its diagram", func() {
		page := pageOf(sample())
		failed := page.Find("#scenario-stolen-credential")
		Expect(failed.AttrOr("open", "no")).To(BeEmpty())
		Expect(failed.Text()).To(And(ContainSubstring("BI-OS-07 signature covers query and body"), ContainSubstring("mallory reads the user's photos"), ContainSubstring("900ms of virtual time")))
		Expect(failed.Find("svg desc").Text()).To(ContainSubstring("FAILS HERE"))
		Expect(page.Find("#scenario-both-ways").AttrOr("open", "no")).To(Equal("no"))
	})

	It("can be used by everybody", func() {
		page := pageOf(sample())
		Expect(page.Find("html").AttrOr("lang", "")).To(Equal("en"))
		Expect(page.Find("body").Children().First().AttrOr("href", "")).To(Equal("#content"))
		for _, landmark := range []string{"header", "nav[aria-label]", "main#content", "footer", "h1"} {
			Expect(page.Find(landmark).Length()).To(Equal(1), landmark)
		}
		level := 1
		page.Find("h1, h2, h3, h4, h5, h6").Each(func(_ int, h *goquery.Selection) {
			next, err := strconv.Atoi(strings.TrimPrefix(goquery.NodeName(h), "h"))
			Expect(err).NotTo(HaveOccurred())
			Expect(next).To(BeNumerically("<=", level+1), h.Text())
			level = next
		})
		Expect(page.Find("th:not([scope])").Length()).To(Equal(0))
		Expect(page.Find(".diagram:not([tabindex='0'][aria-label])").Length()).To(Equal(0))
		page.Find("svg").Each(func(_ int, svg *goquery.Selection) {
			Expect(svg.AttrOr("role", "")).To(Equal("img"))
			Expect(svg.Find("title").Text()).NotTo(BeEmpty())
		})
		page.Find(".v").Each(func(_ int, v *goquery.Selection) {
			Expect(v.Text()).To(MatchRegexp("(pass|fail|warn|skip|error|attack|reason|not found)$"), "a verdict is a word, not a colour alone")
		})
		page.Find("#filter select, #filter input").Each(func(_ int, field *goquery.Selection) {
			Expect(goquery.NodeName(field.Parent())).To(Equal("label"))
		})
		page.Find("summary").Each(func(_ int, summary *goquery.Selection) {
			Expect(summary.Find("a, button, input, [tabindex]").Length()).To(Equal(0), "what can be pressed does not stand in what can be pressed")
		})
	})

	It("hides the filter until the script shows it", func() {
		_, hidden := pageOf(sample()).Find("#filter").Attr("hidden")
		Expect(hidden).To(BeTrue())
	})

	It("stays under 1.5 MB for a run of every check of every flow that passed", func() {
		Expect(len(asHTML(everyFlow()))).To(BeNumerically("<", 3<<19))
	})

	It("can still be opened where a target gets everything wrong at length", func() {
		d := everyFlow()
		for i := range d.Checks.Results {
			r := &d.Checks.Results[i]
			r.Verdict, r.Exchanges = conformance.Fail, exchanges(string(r.Role), 30)
			r.Failure = &conformance.Failure{Expected: "status 401", Actual: "status 200", Blame: string(r.Role), Exchange: 29}
			for j := range r.Exchanges {
				r.Exchanges[j].ResponseBody = strings.Repeat("<p>a long page</p>\n", 800)
			}
		}
		d.Checks.Conclude()
		text := asHTML(d)
		Expect(len(text)).To(BeNumerically("<", 12<<20))
		Expect(strings.Count(text, "(shows the failure)")).To(Equal(len(d.Checks.Results)), "each shows at least the exchange that failed")
	})

	It("stays under 2 MB for a usual run, even where bodies are long and exchanges many", func() {
		d := sample()
		for i := range d.Checks.Results {
			all := exchanges("oauth-server", 60)
			for j := range all {
				all[j].ResponseBody = strings.Repeat("<p>a long page</p>\n", 800)
			}
			if d.Checks.Results[i].Verdict == conformance.Pass {
				all = all[:12]
			}
			d.Checks.Results[i].Exchanges = all
		}
		text := asHTML(d)
		Expect(len(text)).To(BeNumerically("<", 2<<20))
		Expect(strings.Count(text, "Further exchanges in the JSON report: 48<")).To(Equal(d.Checks.Counts.Total - d.Checks.Counts.Pass))
	})

	It("tells scenarios alone without empty tables", func() {
		page := pageOf(reports.Document{Scenarios: scenarios()})
		Expect(page.Find("h1").Text()).To(Equal("Scenario report"))
		Expect(page.Find("#check-counts, #filter, #results").Length()).To(Equal(0))
	})

	It("is nested without a fault", func() {
		body := asHTML(sample())
		decoder := xml.NewDecoder(strings.NewReader(body[strings.Index(body, "<main"):strings.Index(body, "<footer>")]))
		decoder.Strict = false
		decoder.AutoClose = nil
		decoder.Entity = xml.HTMLEntity
		for {
			_, err := decoder.Token()
			if err == io.EOF {
				break
			}
			Expect(err).NotTo(HaveOccurred())
		}
	})

	DescribeTable("keeps texts readable (WCAG 2 AA, 4.5 to 1)", func(scheme string) {
		css := pageOf(sample()).Find("style").Text()
		blocks := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(css, 2)
		colors := map[string]string{}
		for i, block := range blocks {
			if i == 0 || scheme == "dark" {
				for _, m := range regexp.MustCompile(`--([a-z]+):(#[0-9a-f]+)`).FindAllStringSubmatch(block[1], -1) {
					colors[m[1]] = m[2]
				}
			}
		}
		for _, text := range []string{"text", "muted", "link", "pass", "fail", "warn", "skip", "error"} {
			for _, ground := range []string{"bg", "panel", "bad", "good"} {
				Expect(contrast(colors[text], colors[ground])).To(BeNumerically(">=", 4.5), "%s on %s", text, ground)
			}
		}
	}, Entry("in the light", "light"), Entry("in the dark", "dark"))
})

// contrast is the contrast ratio of two colours, as WCAG 2 defines it.
func contrast(a, b string) float64 {
	GinkgoHelper()
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(color string) float64 {
	GinkgoHelper()
	digits := strings.TrimPrefix(color, "#")
	if len(digits) == 3 {
		digits = regexp.MustCompile(".").ReplaceAllString(digits, "$0$0")
	}
	value, err := strconv.ParseUint(digits, 16, 24)
	Expect(err).NotTo(HaveOccurred(), color)
	channel := func(v uint64) float64 {
		c := float64(v&0xFF) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(value>>16) + 0.7152*channel(value>>8) + 0.0722*channel(value)
}
