package reports_test

import (
	"fmt"
	"strings"

	"github.com/joshdk/go-junit"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
)

var _ = Describe("JUnit XML", func() {
	cases := func(d reports.Document) map[string]junit.Test {
		GinkgoHelper()
		suites, err := junit.Ingest([]byte(asJUnit(d)))
		Expect(err).NotTo(HaveOccurred())
		all := map[string]junit.Test{}
		for _, s := range suites {
			for _, t := range s.Tests {
				name, _, _ := strings.Cut(t.Name, " ")
				all[name] = t
			}
		}
		return all
	}

	It("tells each verdict in the words that tools know", func() {
		d := sample()
		all := cases(d)
		for _, r := range d.Checks.Results {
			t := all[r.Check]
			Expect(t.Classname).To(Equal("countersign." + string(r.Role)))
			Expect(t.Duration).To(BeZero())
			switch r.Verdict {
			case conformance.Pass:
				Expect(t.Status).To(Equal(junit.StatusPassed))
				Expect(t.SystemOut).To(BeEmpty())
			case conformance.Warn:
				Expect(t.Status).To(Equal(junit.StatusPassed))
				Expect(t.SystemOut).To(HavePrefix("WARNING: expected Cache-Control: no-store, got no Cache-Control\n"))
			case conformance.Fail:
				Expect(t.Status).To(Equal(junit.StatusFailed))
				Expect(t.Message).To(Equal("expected " + r.Failure.Expected + ", got " + r.Failure.Actual))
				Expect(t.Error.Error()).To(And(ContainSubstring("run again    countersign check"), ContainSubstring("> POST https://vendor.example/oauth/token\n")))
			case conformance.Skip:
				Expect(t.Status).To(Equal(junit.StatusSkipped))
				Expect(t.Message).To(Equal(r.Reason))
			case conformance.Error:
				Expect(t.Status).To(Equal(junit.StatusError))
				Expect(t.Message).To(Equal(r.Reason))
			}
		}
		Expect(all["both-ways"].Status).To(Equal(junit.StatusPassed))
		Expect(all["stolen-credential"].Message).To(Equal("expected mallory is refused, got mallory reads the user's photos"))
	})

	It("carries what was run as properties, and no moment", func() {
		d := sample()
		text := asJUnit(d)
		Expect(text).To(ContainSubstring(`<property name="seed" value="7">`))
		Expect(text).NotTo(MatchRegexp(`<test[^>]* timestamp=`))
		Expect(text).NotTo(MatchRegexp(`<test[^>]* time="[^0]`))
		Expect(text).To(HavePrefix(fmt.Sprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"countersign\" tests=\"%d\" failures=\"5\" errors=\"1\" skipped=\"5\" time=\"0\">", d.Checks.Counts.Total+len(d.Scenarios))))
	})
})
