package drive_test

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/fixture"
	"countersign/conformance/replay"
	"countersign/conformance/ticket"
)

var _ = Describe("A terminal without any HTTP server that the harness knows of", func() {
	byCommand := func(i implementation) string {
		return fmt.Sprintf(`
document: {issuer: <issuer>}
triggers:
  use_endpoint: {command: [%[1]s, trigger.py, '<use_endpoint>']}
  logout_endpoint: {command: [%[1]s, trigger.py, '<logout_endpoint>']}
  test_clock_endpoint: {command: [%[1]s, trigger.py, '<test_clock_endpoint>']}
`, fixture.Python())
	}

	It("is certified by commands", func() {
		i := start(ticket.Flow(), catalog.Terminal, "")
		checks := []string{"TI-TE-01", "TI-TE-02", "TI-TE-05", "TI-TE-06"}
		report := run(i.job(byCommand(i), checks...))
		Expect(verdicts(report)).To(Equal(all("pass", checks...)))
		Expect(report.Conclusion).To(Equal(conformance.Conformant))
		var asked []string
		for _, e := range report.Results[0].Exchanges {
			for _, h := range e.ResponseHeaders {
				if h.Name == "Countersign-Driven" || h.Name == "Countersign-Said" {
					asked = append(asked, e.From+" to "+e.To+": "+h.Value)
				}
			}
		}
		Expect(asked).To(ContainElements(
			ContainSubstring("to terminal: command %s trigger.py http://127.0.0.1", fixture.Python()), "user-terminal to terminal: started by TI-TE-01"))
		Expect(fmt.Sprint(report.Results[0].Exchanges)).To(And(ContainSubstring("‹password 1›"), Not(MatchRegexp(`password [A-Za-z0-9_-]{16}`))))
	})

	It("is caught when it is wrong", func() {
		i := start(ticket.Flow(), catalog.Terminal, "TI-TE-12")
		report := run(i.job(byCommand(i), "TI-TE-12"))
		Expect(report.Conclusion).To(Equal(conformance.Nonconformant), "%v", verdicts(report))
	})

	It("is driven by hand, by a person who is told what to do with which values", func() {
		i := start(ticket.Flow(), catalog.Terminal, "")
		person := newPerson(i.document["use_endpoint"])
		job := i.job("document: {issuer: <issuer>}\ntriggers:\n  use_endpoint: {hand: 'Open the app {app_id} and say that you are {user_name}.'}\n", "TI-TE-01", "TI-TE-02", "TI-TE-05")
		job.Prompt = person.prompt()
		report := run(job)
		Expect(verdicts(report)).To(Equal(all("pass", "TI-TE-01", "TI-TE-02", "TI-TE-05")))
		Expect(person.asked()).To(MatchRegexp(`Check TI-TE-01: use_endpoint, by hand\.\n  Open the app app-one and say that you are t-\S+\.\n  app_id: app-one\n  password: password \S+\n  user_name: t-`))
	})

	It("is caught by hand when it is wrong", func() {
		i := start(ticket.Flow(), catalog.Terminal, "TI-TE-12")
		job := i.job("document: {issuer: <issuer>}\ntriggers:\n  use_endpoint: {hand: 'Open the app.'}\n", "TI-TE-12")
		job.Prompt = newPerson(i.document["use_endpoint"]).prompt()
		Expect(run(job).Conclusion).To(Equal(conformance.Nonconformant))
	})

	It("is not called nonconformant because a person leaves a check out, or a command breaks", func() {
		i := start(ticket.Flow(), catalog.Terminal, "")
		job := i.job("document: {issuer: <issuer>}\ntriggers:\n  use_endpoint: {hand: 'Open the app.'}\n", "TI-TE-01")
		job.Prompt = scripted("whatever\nskip\n")
		report := run(job)
		Expect(verdicts(report)).To(HaveKeyWithValue("TI-TE-01", "skip: the person at the terminal left it out"))
		Expect(report.Conclusion).To(Equal(conformance.Incomplete))

		for command, reason := range map[string]string{
			`[sh, -c, 'echo no such phone >&2; exit 3']`: `error: use_endpoint: the command "sh -c echo no such phone >&2; exit 3" ended with exit status 3, saying "no such phone"`,
			`[sh, -c, 'echo {\"status\":7}']`:            `error: use_endpoint: the command .* wrote something else than an answer: .*`,
		} {
			report = run(i.job("document: {issuer: <issuer>}\ntriggers:\n  use_endpoint: {command: "+command+"}\n", "TI-TE-01"))
			Expect(verdicts(report)).To(HaveKeyWithValue("TI-TE-01", MatchRegexp("^"+strings.ReplaceAll(reason, `{`, `\{`)+"$")))
			Expect(report.Conclusion).To(Equal(conformance.Broken))
		}
	})

	It("is judged again from a recording, what was left out and what was not judged included", func() {
		i := start(ticket.Flow(), catalog.Terminal, "")
		job, recorder := i.job("document: {issuer: <issuer>}\nroles: [terminal]\ntriggers:\n  use_endpoint: {hand: 'Open the app.'}\n", "TI-TE-01", "TI-TE-15"), &replay.Recorder{}
		job.Prompt, job.Wrap = scripted("skip\nskip\n"), recorder.Wrap
		report := run(job)
		judgements, _, err := recorder.Recording(report).Rejudge(context.Background(), 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(judgements).To(HaveLen(2))
		for _, j := range judgements {
			Expect(j.Difference).To(BeEmpty())
			Expect(j.Now.Verdict).To(Equal(conformance.Skip))
		}
	})

	It("has what its document says not judged", func() {
		i := start(ticket.Flow(), catalog.Terminal, "")
		job := i.job("document: {issuer: <issuer>}\nroles: [terminal]\ntriggers:\n  use_endpoint: {hand: 'Open the app.'}\n", "TI-TE-15")
		job.Prompt = newPerson(i.document["use_endpoint"]).prompt()
		Expect(verdicts(run(job))).To(HaveKeyWithValue("TI-TE-15", HavePrefix("skip: ")))
	})
})

var _ = Describe("A client whose start endpoint is hidden", func() {
	const file = "target: <origin>\nroles: [client-initiating]\nmax_wait: 1s\ntriggers:\n  start_endpoint: "
	checks := []string{"BI-CL-01", "BI-CL-03", "BI-CL-04", "BI-CL-05"}

	It("is certified by a command, but for what only the endpoint can do", func() {
		i := start(bidirectional.Flow(), "client", "")
		report := run(i.job(file+fmt.Sprintf("{command: [%s, trigger.py, '<start_endpoint>']}\n", fixture.Python()), append(checks, "BI-CL-36")...))
		wanted := map[string]string{"BI-CL-36": "skip: start_endpoint is not offered over HTTP, so that there is no GET of it to refuse"}
		for _, r := range report.Results {
			if r.Check != "BI-CL-36" {
				wanted[r.Check] = "pass"
			}
		}
		Expect(len(wanted)).To(BeNumerically(">=", 5))
		Expect(verdicts(report)).To(Equal(wanted))
	})

	It("is certified by a URL of its own, with a body of its own", func() {
		i := start(bidirectional.Flow(), "client", "")
		own := ownStart(i.document["start_endpoint"])
		report := run(i.job(file+fmt.Sprintf("{url: '%s/debug', json: {site: '{peer}', mode: quick}, query: {at: once}}\n", own), checks...))
		for check, verdict := range verdicts(report) {
			Expect(verdict).To(Equal("pass"), check)
		}
		Expect(report.Results[0].Exchanges).To(ContainElement(And(
			HaveField("URL", own+"/debug?at=once"), HaveField("RequestBody", MatchRegexp(`^\{"mode":"quick","site":"http://127.0.0.1:[0-9]+"\}$`)), HaveField("To", "client-initiating"))))
	})

	It("is sent a secret as it is, also one that looks like a member of the request, and no report shows a part of it", func() {
		i := start(bidirectional.Flow(), "client", "")
		own := ownStart(i.document["start_endpoint"])
		report := run(i.job(file+fmt.Sprintf("{url: '%s/debug', json: {site: '{peer}', mode: quick, part: '${env:PARTED}', whole: '${env:BRACED}'}, query: {at: once}}\n", own), checks[0]))
		Expect(verdicts(report)).To(Equal(all("pass", checks[0])))
		Expect(report.Results[0].Exchanges).To(ContainElement(HaveField("RequestBody",
			MatchRegexp(`^\{"mode":"quick","part":"‹triggers.start_endpoint.json.part›","site":".*","whole":"‹triggers.start_endpoint.json.whole›"\}$`))))
		Expect(fmt.Sprint(report.Results[0].Exchanges)).NotTo(Or(ContainSubstring("S3crLongPart"), ContainSubstring("TailOfTheSecret")))
	})
})
