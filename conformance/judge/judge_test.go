package judge_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/judge"
	"countersign/conformance/redact"
)

// quiet is surroundings in which nothing happens.
type quiet struct{ conformance.Env }

func (quiet) Names() []redact.Name { return nil }

// answer makes an answer of a target.
func answer(status int, kind, body string, more ...string) *conformance.Response {
	header := http.Header{"Content-Type": {kind}}
	for i := 0; i+1 < len(more); i += 2 {
		header.Add(more[i], more[i+1])
	}
	return &conformance.Response{Status: status, Header: header, Body: []byte(body), Exchange: 1}
}

// failure is what a judgement finds wrong; nil for nothing.
func failure(judgement func(judge.Judge)) *conformance.Failure {
	s := &conformance.Session{Check: conformance.Check{ID: "TI-AM-01", Role: "account-server"}, Env: quiet{}}
	s.Check.Run = func(s *conformance.Session) { judgement(judge.Judge{Session: s}) }
	return s.Run().Failure
}

// clock is surroundings in which it is some time.
type clock struct {
	quiet
	now time.Time
}

func (c clock) Now() time.Time { return c.now }

const refusedBody = `{"error":"invalid_grant","error_description":"That is not right."}`

var _ = Describe("A judge", func() {
	told, taken := time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 9, 0, time.UTC)

	DescribeTable("takes the target's time",
		func(date, testClock string, want time.Time) {
			j := judge.Judge{Session: &conformance.Session{Env: clock{now: taken}}}
			gomega.Expect(j.TimeOf(answer(200, "text/plain", "", "Date", date), testClock)).To(gomega.BeTemporally("==", want))
		},
		Entry("from what the answer says", "Thu, 01 Jan 2026 00:00:07 GMT", "", told),
		Entry("from its test clock, which the answer need not follow", "Thu, 01 Jan 2026 00:00:07 GMT", "http://target/clock", taken),
		Entry("for the harness's where the answer says none", "", "", taken),
		Entry("for the harness's where what the answer says is none", "2026-01-01T00:00:07Z", "", taken),
	)

	DescribeTable("is content with",
		func(judgement func(judge.Judge)) { gomega.Expect(failure(judgement)).To(gomega.BeNil()) },
		Entry("a success that was wanted", func(j judge.Judge) { j.Accepted(answer(200, "text/plain", "yes"), "a request") }),
		Entry("a refusal with the code that was wanted", func(j judge.Judge) {
			j.Refused(answer(400, "application/json", refusedBody), "a request", 400, "invalid_request", "invalid_grant")
		}),
		Entry("a refusal with any code where none is named", func(j judge.Judge) { j.Refused(answer(403, "text/plain", "no"), "a request", 403) }),
		Entry("a media type with parameters", func(j judge.Judge) {
			j.OfType(answer(200, "Application/JSON; charset=utf-8", "{}"), "an answer", "application/json")
		}),
		Entry("no-store among other directives", func(j judge.Judge) {
			j.NotStored(answer(200, "text/plain", "", "Cache-Control", "private", "Cache-Control", "max-age=0, No-Store"), "an answer")
		}),
		Entry("a page that forbids framing by a policy among others", func(j judge.Judge) {
			j.NotFramed(answer(200, "text/html", "", "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), "a page")
		}),
		Entry("a page that forbids framing by the older header", func(j judge.Judge) { j.NotFramed(answer(200, "text/html", "", "X-Frame-Options", "deny"), "a page") }),
		Entry("refusals that a program can read, and answers that refuse nothing", func(j judge.Judge) {
			j.MachineReadable(answer(400, "application/json", refusedBody), answer(200, "text/plain", "yes"))
		}),
	)

	DescribeTable("says what is wrong with",
		func(judgement func(judge.Judge), expected, actual string) {
			gomega.Expect(failure(judgement)).To(gomega.Equal(&conformance.Failure{Expected: expected, Actual: actual, Blame: "account-server", Exchange: 1}))
		},
		Entry("a page that its own site may frame", func(j judge.Judge) {
			j.NotFramed(answer(200, "text/html", "", "Content-Security-Policy", "frame-ancestors 'self'"), "a page")
		}, "a page with Content-Security-Policy: frame-ancestors 'none', or X-Frame-Options: DENY", `Content-Security-Policy ["frame-ancestors 'self'"], X-Frame-Options []`),
		Entry("a refusal that was not wanted", func(j judge.Judge) { j.Accepted(answer(400, "application/json", refusedBody), "a request") },
			"status 200 for a request", "status 400 and error invalid_grant"),
		Entry("a success that was not wanted", func(j judge.Judge) {
			j.Refused(answer(200, "application/json", `{"b":1,"a":2}`), "a request", 400, "invalid_grant")
		}, "status 400 and error invalid_grant for a request", "status 200 and a body with a, b"),
		Entry("another code", func(j judge.Judge) {
			j.Refused(answer(400, "application/json", refusedBody), "a request", 400, "invalid_request", "invalid_target")
		}, "status 400 and error invalid_request or invalid_target for a request", "status 400 and error invalid_grant"),
		Entry("a redirect", func(j judge.Judge) { j.Accepted(answer(302, "", "", "Location", "http://elsewhere/"), "a request") },
			"status 200 for a request", "status 302 to http://elsewhere/"),
		Entry("a form with a token", func(j judge.Judge) {
			j.Refused(answer(200, "application/x-www-form-urlencoded", "oauth_token=t"), "a request", 401)
		}, "status 401 for a request", "status 200 and a body with oauth_token"),
		Entry("a page that asks for a password", func(j judge.Judge) {
			j.Refused(answer(200, "text/html", `<form method="post"><input type="password" name="password"></form>`), "a request", 400)
		}, "status 400 for a request", "status 200 and a page that asks for a password"),
		Entry("another media type", func(j judge.Judge) { j.OfType(answer(200, "text/html", ""), "an answer", "application/json") },
			"an answer of type application/json", `Content-Type "text/html"`),
		Entry("an answer that caches may store", func(j judge.Judge) {
			j.NotStored(answer(200, "text/plain", "", "Cache-Control", "private"), "an answer")
		}, "an answer with Cache-Control: no-store", `Cache-Control ["private"]`),
		Entry("a refusal without a description", func(j judge.Judge) {
			j.MachineReadable(answer(400, "application/json", `{"error":"invalid_grant"}`))
		}, "a refusal with the string member error_description", "error_description is <nil>"),
	)
})
