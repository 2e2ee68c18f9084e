package reports_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
)

// decoded is a text of JSON as T, which has to have every member of it.
func decoded[T any](text string) T {
	GinkgoHelper()
	var v T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	Expect(decoder.Decode(&v)).To(Succeed())
	return v
}

var _ = Describe("The list of formats", func() {
	It("finds each by its name, and says which there are where there is none of a name", func() {
		for _, f := range reports.Formats() {
			found, err := reports.FindFormat(f.Name)
			Expect(err).NotTo(HaveOccurred())
			Expect(found.Meaning).To(Equal(f.Meaning))
		}
		_, err := reports.FindFormat("pdf")
		Expect(err).To(MatchError(`there is no format "pdf"; there are text, html, junit, json, har, sarif, summary and badge`))
		Expect(err).To(BeAssignableToTypeOf(&reports.FormatError{}))
	})
})

// The members of HAR 1.2, as its specification has them; a pointer is one that may be missing.
type harBody struct {
	Started string `json:"startedDateTime"`
	Page    string `json:"pageref"`
	Time    *int   `json:"time"`
	Request struct {
		Method, URL, HTTPVersion string
		Cookies                  []map[string]any
		Headers, QueryString     []struct{ Name, Value string }
		PostData                 *struct {
			MimeType, Text string
			Encoding       string `json:"_encoding"`
			Comment        string
		}
		HeadersSize, BodySize *int
	} `json:"request"`
	Response struct {
		Status                  *int
		StatusText, HTTPVersion *string
		Cookies                 []map[string]any
		Headers                 []struct{ Name, Value string }
		Content                 *struct {
			Size                              *int
			MimeType, Text, Encoding, Comment string
		}
		RedirectURL           *string
		HeadersSize, BodySize *int
		Problem               string `json:"_problem"`
	} `json:"response"`
	Cache   *struct{}
	Timings *struct{ Send, Wait, Receive *int }
	Comment string
	Number  int    `json:"_number"`
	From    string `json:"_from"`
	To      string `json:"_to"`
	Failing bool   `json:"_failing"`
}

type har struct {
	Log struct {
		Version string
		Creator struct{ Name, Version string }
		Pages   []struct {
			Started string `json:"startedDateTime"`
			ID      string
			Title   string
			Timings *struct{}           `json:"pageTimings"`
			Verdict conformance.Verdict `json:"_verdict"`
		}
		Entries []harBody
		Comment string
	}
}

var _ = Describe("HAR", func() {
	It("has every exchange of every check, with the members that HAR 1.2 wants", func() {
		d := sample()
		log := decoded[har](as("har", d)).Log
		Expect(log.Version).To(Equal("1.2"))
		Expect(log.Creator.Name).To(Equal("Countersign"))
		entries, last := log.Entries, time.Time{}
		var checks []string
		for _, r := range d.Checks.Results {
			if len(r.Exchanges) > 0 {
				checks = append(checks, r.Check)
			}
			for _, e := range r.Exchanges {
				Expect(entries).NotTo(BeEmpty())
				entry := entries[0]
				entries = entries[1:]
				Expect([]any{entry.Page, entry.Number, entry.From, entry.To, entry.Request.Method, entry.Request.URL, *entry.Response.Status}).
					To(Equal([]any{r.Check, e.Number, e.From, e.To, e.Method, e.URL, e.Status}))
				Expect(entry.Failing).To(Equal(r.Failure != nil && r.Failure.Exchange == e.Number))
				Expect(entry.Request.Headers).To(HaveLen(len(e.RequestHeaders)))
				Expect(entry.Response.Headers).To(HaveLen(len(e.ResponseHeaders)))
				Expect(entry.Response.Problem).To(Equal(e.Problem))
				Expect([]any{entry.Request.Cookies, entry.Request.QueryString, entry.Request.HeadersSize, entry.Request.BodySize, entry.Response.Cookies, entry.Response.Content, entry.Time, entry.Cache, entry.Timings}).
					NotTo(ContainElement(BeNil()))
				Expect(*entry.Time).To(Equal(*entry.Timings.Send + *entry.Timings.Wait + *entry.Timings.Receive))
				moment, err := time.Parse(time.RFC3339Nano, entry.Started)
				Expect(err).NotTo(HaveOccurred())
				Expect(moment).To(BeTemporally(">", last))
				last = moment
			}
		}
		Expect(entries).To(BeEmpty())
		var pages []string
		for _, p := range log.Pages {
			pages = append(pages, p.ID)
			Expect(p.Timings).NotTo(BeNil())
		}
		Expect(pages).To(Equal(checks))
	})

	// single is the entry of a check that has one exchange.
	single := func(e conformance.Exchange) harBody {
		GinkgoHelper()
		d := only(conformance.Pass)
		e.Number = 1
		d.Checks.Results = d.Checks.Results[:1]
		d.Checks.Results[0].Exchanges = []conformance.Exchange{e}
		d.Checks.Conclude()
		entries := decoded[har](as("har", d)).Log.Entries
		Expect(entries).To(HaveLen(1))
		return entries[0]
	}
	typed := func(kind string) []conformance.Header {
		return []conformance.Header{{Name: "content-type", Value: kind}}
	}

	It("takes a request apart", func() {
		e := single(conformance.Exchange{
			Method: "POST", URL: "https://a.example/x?state=1%202&code=<code 1>", RequestBody: "a=b",
			RequestHeaders: append(typed("application/x-www-form-urlencoded"), conformance.Header{Name: "Cookie", Value: "sid=<cookie 1>; theme=dark"}),
			Status:         302, ResponseHeaders: []conformance.Header{
				{Name: "Location", Value: "/next"}, {Name: "Set-Cookie", Value: "sid=<cookie 2>; Path=/; Domain=a.example; HttpOnly; Secure"}, {Name: "Set-Cookie", Value: "b=1"},
			},
		})
		Expect(e.Request.URL).To(Equal("https://a.example/x?state=1%202&code=%3Ccode%201%3E"))
		Expect(e.Request.QueryString).To(Equal([]struct{ Name, Value string }{{"state", "1 2"}, {"code", "<code 1>"}}))
		Expect(e.Request.Cookies).To(Equal([]map[string]any{{"name": "sid", "value": "<cookie 1>"}, {"name": "theme", "value": "dark"}}))
		Expect(e.Request.PostData.MimeType).To(Equal("application/x-www-form-urlencoded"))
		Expect(e.Request.PostData.Text).To(Equal("a=b"))
		Expect(*e.Response.RedirectURL).To(Equal("/next"))
		Expect(e.Response.Cookies).To(Equal([]map[string]any{
			{"name": "sid", "value": "<cookie 2>", "path": "/", "domain": "a.example", "httpOnly": true, "secure": true}, {"name": "b", "value": "1"},
		}))
	})

	DescribeTable("has a body", func(kind, body, text, encoding, comment string) {
		e := single(conformance.Exchange{Method: "POST", URL: "https://a.example", RequestHeaders: typed(kind), RequestBody: body, Status: 200, ResponseHeaders: typed(kind), ResponseBody: body})
		c := e.Response.Content
		Expect([]string{c.MimeType, c.Text, c.Encoding, c.Comment}).To(Equal([]string{kind, text, encoding, comment}))
		Expect([]string{e.Request.PostData.MimeType, e.Request.PostData.Text, e.Request.PostData.Encoding, e.Request.PostData.Comment}).To(Equal([]string{kind, text, encoding, comment}))
		size := len(text)
		if encoding != "" {
			raw, err := base64.StdEncoding.DecodeString(text)
			Expect(err).NotTo(HaveOccurred())
			size = len(raw)
		}
		Expect(*c.Size).To(Equal(size))
	},
		Entry("that is text as text", "application/json", `{"a":1}`, `{"a":1}`, "", ""),
		Entry("that is bytes in base64", "image/png", "h'89504e47ff'", "iVBOR/8=", "base64", ""),
		Entry("that is bytes, of which the report keeps the first, in base64", "image/png", "h'8950'... (70000 bytes in all)", "iVA=", "base64", "the report keeps the first 2 bytes (70000 bytes in all)"),
		Entry("that is bytes, where the report cuts one in two", "image/png", "h'89504... (70000 bytes in all)", "iVA=", "base64", "the report keeps the first 2 bytes (70000 bytes in all)"),
		Entry("that is CBOR in diagnostic notation", "application/cbor", "{1: h'89'}", "{1: h'89'}", "", "CBOR diagnostic notation (RFC 8949 section 8)"),
		Entry("that only looks like bytes as text", "text/plain", "h'8'", "h'8'", "", ""),
	)

	It("is empty, and still an archive, for scenarios alone", func() {
		log := decoded[har](as("har", reports.Document{Scenarios: scenarios()})).Log
		Expect(log.Pages).NotTo(BeNil())
		Expect(log.Entries).To(And(Not(BeNil()), BeEmpty()))
	})
})

// sarifLog is what the specs read of a log.
type sarifLog struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                string
					ShortDescription, FullDescription struct{ Text string }
					DefaultConfiguration              struct{ Level string }
				}
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []sarifResult
	}
}

type sarifResult struct {
	RuleID              string
	RuleIndex           int
	Kind, Level         string
	Message             struct{ Text string }
	PartialFingerprints map[string]string
	Locations           []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI string }
			Region           *struct{ StartLine, StartColumn int }
		}
		LogicalLocations []struct{ Name, FullyQualifiedName string }
	}
	WebRequest  struct{ Method, Target string }
	WebResponse struct{ StatusCode int }
	Properties  map[string]any
}

func sarif(text string) sarifLog {
	GinkgoHelper()
	var log sarifLog
	Expect(json.Unmarshal([]byte(text), &log)).To(Succeed())
	Expect(log.Version).To(Equal("2.1.0"))
	Expect(log.Runs).To(HaveLen(1))
	for _, r := range log.Runs[0].Results {
		Expect(log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID).To(Equal(r.RuleID))
		Expect(r.Message.Text).NotTo(BeEmpty())
	}
	return log
}

var _ = Describe("SARIF", func() {
	It("has a result for each check that failed or warned, with the requirement as its rule, and for each scenario that failed", func() {
		d := sample()
		run := sarif(as("sarif", d)).Runs[0]
		results := run.Results
		for _, r := range d.Checks.Results {
			if r.Failure == nil {
				continue
			}
			i := slices.IndexFunc(results, func(s sarifResult) bool { return s.PartialFingerprints["check/v1"] == r.Check })
			Expect(i).To(BeNumerically(">=", 0), r.Check)
			s := results[i]
			results = slices.Delete(results, i, i+1)
			Expect(s.RuleID).To(Equal(string(r.Requirement.ID)))
			rule := run.Tool.Driver.Rules[s.RuleIndex]
			Expect(rule.ShortDescription.Text).To(Equal(r.Requirement.Title))
			Expect(rule.FullDescription.Text).To(Equal(r.Requirement.Text))
			level := map[conformance.Verdict]string{conformance.Fail: "error", conformance.Warn: "warning"}[r.Verdict]
			Expect([]string{s.Kind, s.Level, s.Message.Text}).To(Equal([]string{"fail", level, "expected " + r.Failure.Expected + ", got " + r.Failure.Actual + "; at fault: " + r.Failure.Blame}))
			Expect(s.Locations[0].LogicalLocations[0].FullyQualifiedName).To(Equal("bidirectional/" + string(r.Role)))
			shown := r.Exchanges[r.Failure.Exchange-1]
			Expect([]any{s.WebRequest.Method, s.WebRequest.Target, s.WebResponse.StatusCode}).To(Equal([]any{shown.Method, shown.URL, shown.Status}))
			Expect(s.Locations[0].PhysicalLocation.ArtifactLocation.URI).To(Equal(shown.URL))
			Expect(s.Properties["repro"]).To(Equal(r.Repro))
		}
		Expect(results).To(HaveLen(1), "of the scenarios one failed")
		Expect(results[0].RuleID).To(Equal("scenario/stolen-credential"))
		Expect(results[0].Message.Text).To(Equal("expected mallory is refused, got mallory reads the user's photos"))
		Expect(run.Invocations[0].ExecutionSuccessful).To(BeFalse(), "the harness broke in a check")
		Expect(run.Invocations[0].ToolExecutionNotifications[0].Message.Text).To(ContainSubstring("the harness cannot listen as client-b"))
	})

	It("has an empty list of results where all passed", func() {
		text := as("sarif", only(conformance.Pass))
		run := sarif(text).Runs[0]
		Expect(run.Results).To(And(Not(BeNil()), BeEmpty()))
		Expect(run.Invocations[0].ExecutionSuccessful).To(BeTrue())
	})

	It("names places by addresses that are URIs, without what changes from run to run", func() {
		d := only(conformance.Fail)
		for i := range d.Checks.Results {
			for j := range d.Checks.Results[i].Exchanges {
				d.Checks.Results[i].Exchanges[j].URL = "https://a.example/items/‹token 1›?x=‹code 1›"
			}
		}
		for _, r := range sarif(as("sarif", d)).Runs[0].Results {
			uri := r.Locations[0].PhysicalLocation.ArtifactLocation.URI
			Expect(uri).To(Equal("https://a.example/items/%E2%80%B9token%201%E2%80%BA"))
			_, err := url.ParseRequestURI(uri)
			Expect(err).NotTo(HaveOccurred())
		}
	})

	It("shows mistakes in a configuration at their lines", func() {
		var mistakes []reports.Mistake
		for _, text := range []string{`deploy/my config.yaml:3:5: level: "higher" is neither core nor hardened; write one`, "countersign.yaml: the configuration is empty; begin with `profile: bidirectional@1`"} {
			m, ok := reports.ParseMistake(text)
			Expect(ok).To(BeTrue())
			mistakes = append(mistakes, m)
		}
		Expect(mistakes[1]).To(Equal(reports.Mistake{File: "countersign.yaml", Text: "the configuration is empty; begin with `profile: bidirectional@1`"}))
		_, ok := reports.ParseMistake("nothing of the kind")
		Expect(ok).To(BeFalse())
		run := sarif(written(func(w io.Writer) error { return reports.SARIF(w, mistakes) })).Runs[0]
		Expect(run.Results).To(HaveLen(2))
		at := run.Results[0].Locations[0].PhysicalLocation
		Expect(at.ArtifactLocation.URI).To(Equal("deploy/my%20config.yaml"))
		Expect([]int{at.Region.StartLine, at.Region.StartColumn}).To(Equal([]int{3, 5}))
		Expect(run.Results[0].Message.Text).To(HavePrefix(`level: "higher" is neither`))
		Expect(run.Results[1].Locations[0].PhysicalLocation.Region).To(BeNil(), "the file as a whole is meant")
		Expect(run.Invocations[0].ExecutionSuccessful).To(BeFalse())
	})
})

var _ = Describe("The step summary", func() {
	It("says the conclusion, the counts of each role, and each failure with its command", func() {
		d := sample()
		text := as("summary", d)
		c := d.Checks.Counts
		Expect(text).To(HavePrefix(fmt.Sprintf("## ❌ nonconformant\\: %d of %d checks failed", c.Fail, c.Total)))
		for _, role := range []string{"oauth-server", "resource-server", "client-initiating", "client-receiving"} {
			Expect(text).To(MatchRegexp(`(?m)^\| bidirectional \| ` + role + ` \| \d+ \| \d+ \| \d+ \| \d+ \| \d+ \| \d+ \|$`))
		}
		Expect(text).To(ContainSubstring("| **all** |  | %d | %d | %d | %d | %d | %d |", c.Pass, c.Fail, c.Warn, c.Skip, c.Error, c.Total))
		for _, r := range d.Checks.Results {
			told := strings.Contains(text, "\n```sh\n"+r.Repro+"\n```\n")
			Expect(told).To(Equal(r.Verdict == conformance.Fail || r.Verdict == conformance.Warn || r.Verdict == conformance.Error), r.Check)
		}
		Expect(text).To(ContainSubstring("### FAIL stolen-credential a credential stolen"))
		Expect(strings.Index(text, "### FAIL")).To(BeNumerically("<", strings.Index(text, "### WARN")))
	})

	It("is short where all passed", func() {
		Expect(as("summary", everyFlow())).To(And(HavePrefix("## ✅ conformant"), Not(ContainSubstring("###"))))
		Expect(as("summary", only(conformance.Skip))).To(And(HavePrefix("## ⚠️ incomplete"), ContainSubstring("were not run")))
	})

	It("stays below the mebibyte that a CI service takes, and says what it leaves out", func() {
		d := everyFlow()
		for i := range d.Checks.Results {
			r := &d.Checks.Results[i]
			r.Verdict, r.Failure = conformance.Fail, &conformance.Failure{Expected: strings.Repeat("<世界>\u202e", 5000), Actual: strings.Repeat("*", 5000), Blame: "x"}
		}
		d.Checks.Conclude()
		text := as("summary", d)
		Expect(len(text)).To(BeNumerically("<", 1<<20))
		Expect(text).To(MatchRegexp(`\n\d+ more did not pass; the report has them all\.\n`))
		Expect(regexp.MustCompile(`(?m)^### `).FindAllString(text, -1)).To(HaveLen(100))
	})
})

var _ = Describe("The badge", func() {
	type badge struct {
		SchemaVersion         int
		Label, Message, Color string
		IsError               bool
	}
	DescribeTable("says", func(document func() reports.Document, want badge) {
		want.SchemaVersion = 1
		Expect(decoded[badge](as("badge", document()))).To(Equal(want))
	},
		Entry("what failed", sample, badge{Label: "bidirectional@1", Message: fmt.Sprintf("nonconformant, 4 of %d failed, 1 scenarios failed", sample().Checks.Counts.Total), Color: "red"}),
		Entry("what passed, at which level", func() reports.Document { d := only(conformance.Pass); d.Checks.Level = "core"; return d },
			badge{Label: "bidirectional@1", Message: fmt.Sprintf("conformant (core), %[1]d of %[1]d", only(conformance.Pass).Checks.Counts.Pass), Color: "brightgreen"}),
		Entry("that warnings are not quite a pass", func() reports.Document { return only(conformance.Warn) },
			badge{Label: "bidirectional@1", Message: "conformant (hardened), 0 of 5", Color: "green"}),
		Entry("that nothing could be run", func() reports.Document { return only(conformance.Skip) }, badge{Label: "bidirectional@1", Message: "incomplete", Color: "lightgrey"}),
		Entry("that the harness broke", func() reports.Document { return only(conformance.Error) }, badge{Label: "bidirectional@1", Message: "no verdict", Color: "orange", IsError: true}),
		Entry("how scenarios came out", func() reports.Document { return reports.Document{Scenarios: scenarios()} }, badge{Label: "scenarios", Message: "2 of 3 passed", Color: "red"}),
	)
})
