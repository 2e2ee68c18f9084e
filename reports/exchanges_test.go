package reports_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
	"countersign/reports/sequence"
)

var _ = Describe("A diagram of exchanges", func() {
	It("shows a request and an answer each, with the number, the parties and the failing one", func() {
		d := reports.FromExchanges("one exchange", []conformance.Exchange{
			{Number: 4, From: "harness", To: "oauth-server", Method: "GET", URL: "http://server/metadata?lang=en", Status: 404},
			{Number: 5, From: "oauth-server", To: "client-b", Method: "POST", URL: "http://b", Problem: "connection refused"},
		}, 5)
		Expect(d.Title).To(Equal("one exchange"))
		Expect(d.Lanes).To(Equal([]sequence.Lane{{Name: "harness"}, {Name: "oauth-server"}, {Name: "client-b"}}))
		Expect(d.Steps).To(Equal([]sequence.Step{
			{From: "harness", To: "oauth-server", Label: "GET /metadata", Detail: "lang=en", Kind: sequence.Request, At: "#4"},
			{From: "oauth-server", To: "harness", Label: "404 Not Found", Kind: sequence.Response},
			{From: "oauth-server", To: "client-b", Label: "POST /", Kind: sequence.Request, At: "#5", Failing: true},
			{From: "client-b", To: "oauth-server", Label: "no answer", Detail: "connection refused", Kind: sequence.Lost, Failing: true},
		}))
	})

	DescribeTable("names the parameters that matter", func(e conformance.Exchange, request, answer string) {
		e.Number, e.Status = 1, 200
		d := reports.FromExchanges("", []conformance.Exchange{e}, 0)
		Expect(d.Steps[0].Detail).To(Equal(request))
		Expect(d.Steps[1].Detail).To(Equal(answer))
	},
		Entry("of an OAuth header, without those that only serve the signature",
			conformance.Exchange{RequestHeaders: []conformance.Header{{Name: "authorization", Value: `OAuth realm="x", oauth_consumer_key="client%20a", oauth_nonce="n", oauth_signature="s"`}}},
			"oauth_consumer_key=client a", ""),
		Entry("of a form, and no more than four",
			conformance.Exchange{RequestHeaders: form, RequestBody: "a=1&b=2&c=%33&d=4&e=5&f=6", ResponseHeaders: form, ResponseBody: "oauth_token=" + strings.Repeat("t", 50)},
			"a=1, b=2, c=3, d=4, 2 more", "oauth_token="+strings.Repeat("t", 31)+"…"),
		Entry("of a small JSON object",
			conformance.Exchange{ResponseHeaders: []conformance.Header{{Name: "Content-Type", Value: "application/json; charset=utf-8"}}, ResponseBody: `{"error":"invalid_request","more":{"x":1},"retry":true}`},
			"", "error=invalid_request, retry=true"),
		Entry("of a redirect",
			conformance.Exchange{ResponseHeaders: []conformance.Header{{Name: "Location", Value: "https://a.example/callback?oauth_verifier=<verifier 1>"}}},
			"", "Location: https://a.example/callback?oauth_verifier=<verifier 1>"),
		Entry("and none of a broken text",
			conformance.Exchange{URL: "http://[::1", RequestHeaders: form, RequestBody: "%zz", ResponseHeaders: []conformance.Header{{Name: "Content-Type", Value: "application/json"}}, ResponseBody: "{"},
			"", ""),
	)
})

var form = []conformance.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
