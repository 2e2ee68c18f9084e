package reports_test

import (
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
	"countersign/reports/internal/plain"
)

var sgr = regexp.MustCompile(`\x1b\[[0-9;]+m`)

func lines(text string) []string {
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

var _ = Describe("The terminal", func() {
	It("ends with the summary in one line, whatever the width", func() {
		d := sample()
		for _, width := range []int{0, 40, 200} {
			all := lines(onTerminal(reports.Terminal{Width: width}, d))
			Expect(all[len(all)-1]).To(Equal(d.Checks.Summary + "; 2 of 3 scenarios passed, 1 failed"))
		}
	})

	It("shows a failure with its requirement, source, blame, messages and command", func() {
		d := only(conformance.Fail)
		d.Checks.Results = d.Checks.Results[len(d.Checks.Results)-1:]
		d.Checks.Conclude()
		r := d.Checks.Results[0]
		text := onTerminal(reports.Terminal{Width: 400}, d)
		for _, want := range []string{
			"FAIL " + r.Check + " " + r.Requirement.Title, r.Requirement.Text, r.Requirement.Source, r.Requirement.Gain, r.Failure.Expected, r.Failure.Actual,
			"blame        " + r.Failure.Blame, "exchange 3   client-a -> " + string(r.Role) + ": POST https://vendor.example/oauth/token: 200 OK",
			"    > POST https://vendor.example/oauth/token\n", "    < Cache-Control: no-store\n", "    < oauth_token=<token 2>&oauth_token_secret=<secret 2>", "run again    " + r.Repro,
		} {
			Expect(text).To(ContainSubstring(want))
		}
		Expect(text).NotTo(ContainSubstring("exchange 4"), "what came after the failure does not explain it")
	})

	It("shows a failed scenario with what stops it and its steps", func() {
		text := onTerminal(reports.Terminal{Width: 200}, reports.Document{Scenarios: scenarios()})
		for _, want := range []string{
			"FAIL scenario stolen-credential: a credential stolen", "seed 7, 9 messages in 900ms of virtual time", "stopped by   BI-OS-07 signature covers query and body:",
			"5. (0.9s) OAuth server A to mallory: 200 OK - an access token of the user's - FAILS HERE", "play again   countersign play stolen-credential",
		} {
			Expect(text).To(ContainSubstring(want))
		}
		Expect(text).NotTo(ContainSubstring("scenario both-ways"))
	})

	It("gives the reason of a skip and of a break", func() {
		text := onTerminal(reports.Terminal{Width: 200}, sample())
		Expect(text).To(MatchRegexp(`SKIP BI-[A-Z]{2}-\d\d.*\n(  .*\n)+  reason       the target offers no test clock`))
		Expect(text).To(MatchRegexp(`ERROR BI-[A-Z]{2}-\d\d.*\n(  .*\n)+  reason       the harness cannot listen as client-b`))
	})

	DescribeTable("keeps within its width", func(width int) {
		for _, d := range []reports.Document{sample(), hostile()} {
			all := lines(onTerminal(reports.Terminal{Width: width}, d))
			for _, line := range all[:len(all)-1] {
				Expect(plain.Width(line)).To(BeNumerically("<=", width), line)
				Expect(line).NotTo(HaveSuffix(" "))
			}
		}
	}, Entry("of a narrow window", 40), Entry("of a usual window", 80), Entry("of a wide window", 132))

	It("says the same in colour and without", func() {
		for _, width := range []int{44, 100} {
			colored := onTerminal(reports.Terminal{Color: true, Width: width}, sample())
			bare := onTerminal(reports.Terminal{Width: width}, sample())
			Expect(bare).NotTo(ContainSubstring("\x1b"))
			Expect(colored).To(ContainSubstring("\x1b["))
			Expect(sgr.ReplaceAllString(colored, "")).To(Equal(bare))
		}
	})

	It("shortens a long body and says where the rest is", func() {
		d := only(conformance.Fail)
		for i := range d.Checks.Results[0].Exchanges {
			d.Checks.Results[0].Exchanges[i].ResponseBody = strings.Repeat("é", 2000)
		}
		Expect(onTerminal(reports.Terminal{}, d)).To(ContainSubstring("[3000 more bytes: see the JSON report]"))
	})
})
