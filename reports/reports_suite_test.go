package reports_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports"
	"countersign/reports/sequence"
)

func TestReports(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Reports", suite, reporter)
}

// written is what a writer writes.
func written(write func(io.Writer) error) string {
	GinkgoHelper()
	var b bytes.Buffer
	Expect(write(&b)).To(Succeed())
	return b.String()
}

// as is the document in the format of that name.
func as(format string, d reports.Document) string {
	GinkgoHelper()
	f, err := reports.FindFormat(format)
	Expect(err).NotTo(HaveOccurred())
	return written(func(w io.Writer) error { return f.Write(w, d) })
}

func asHTML(d reports.Document) string {
	GinkgoHelper()
	return written(func(w io.Writer) error { return reports.WriteHTML(w, d) })
}

func asJUnit(d reports.Document) string {
	GinkgoHelper()
	return written(func(w io.Writer) error { return reports.WriteJUnit(w, d) })
}

func asJSON(d reports.Document) string {
	GinkgoHelper()
	return written(d.WriteJSON)
}

func onTerminal(t reports.Terminal, d reports.Document) string {
	GinkgoHelper()
	return written(func(w io.Writer) error { return t.Write(w, d) })
}

// sample is a run of every check of the bidirectional flow against a target that meets most of the requirements, and three scenarios.
func sample() reports.Document {
	report := &conformance.Report{Profile: "bidirectional@1", Level: "hardened", Seed: 7, Target: "https://vendor.example", Results: resultsOf(catalog.Catalogs()[0].Requirements, judge)}
	report.Conclude()
	return reports.Document{Checks: report, Scenarios: scenarios(), Necessity: []reports.Necessity{necessity()}}
}

// necessity has a need of each outcome.
func necessity() reports.Necessity {
	return reports.Necessity{
		Flow: "bidirectional", Summary: "3 requirements", Sufficiency: []string{"With all guards on there is no counterexample within 2 moves."},
		Needs: []reports.Need{
			{
				Requirement: "BI-OS-31", Outcome: "attack", Worlds: 11, Runs: 230, States: 45, Invariant: "one-token-a-consent", Broken: "two tokens for one consent", Scene: "open-web",
				Sessions: []string{"alice", "mallory"}, Moves: 1, Steps: []string{"the attacker redeems once more"}, Repro: "countersign explore bidirectional --lift BI-OS-31 --scene open-web",
			},
			{Requirement: "BI-OS-29", Outcome: "reason", Reason: "No terminal of the worlds shows a page in a frame."},
			{Requirement: "BI-OS-51", Outcome: "not found", Worlds: 11, Runs: 1503, States: 237},
		},
	}
}

func resultsOf(requirements []catalog.Requirement, judge func(*conformance.Result, int)) []conformance.Result {
	var all []conformance.Result
	for i, q := range requirements {
		for _, role := range q.Roles {
			r := conformance.Result{Check: string(q.ID), Role: role, Requirement: q, Verdict: conformance.Pass, Exchanges: exchanges(string(role), 3)}
			if len(q.Roles) > 1 {
				r.Check += "@" + string(role)
			}
			r.Repro = fmt.Sprintf("countersign check --target https://vendor.example --only %s --seed 7", r.Check)
			judge(&r, i)
			all = append(all, r)
		}
	}
	return all
}

func judge(r *conformance.Result, i int) {
	switch {
	case i%31 == 6:
		r.Verdict = conformance.Fail
		r.Exchanges = exchanges(string(r.Role), 4)
		r.Failure = &conformance.Failure{Expected: "the second use: status 401 with oauth_problem=token_used", Actual: "status 200", Blame: string(r.Role), Exchange: 3}
	case i%31 == 11:
		r.Verdict, r.Requirement.Keyword = conformance.Warn, catalog.Should
		r.Failure = &conformance.Failure{Expected: "Cache-Control: no-store", Actual: "no Cache-Control", Blame: string(r.Role), Exchange: 2}
	case i%31 == 17:
		r.Verdict, r.Reason, r.Exchanges = conformance.Skip, "the target offers no test clock and its lifetime is too long to wait for (10m0s to wait)", nil
	case i == 52:
		r.Verdict, r.Reason = conformance.Error, "the harness cannot listen as client-b: the address is in use"
	}
}

func exchanges(role string, n int) []conformance.Exchange {
	authorization := `OAuth oauth_consumer_key="client-a", oauth_nonce="<nonce 1>", oauth_signature="<signature 1>", oauth_signature_method="HMAC-SHA256", oauth_timestamp="<moment 1>", oauth_token="<token 1>", oauth_verifier="<verifier 1>"`
	metadata := `{"profile":"bidirectional@1","issuer":"https://vendor.example","temporary_credential_endpoint":"https://vendor.example/oauth/temporary","authorization_endpoint":"https://vendor.example/oauth/authorize","token_endpoint":"https://vendor.example/oauth/token","revocation_endpoint":"https://vendor.example/oauth/revoke","signature_methods_supported":["HMAC-SHA256","RSA-SHA256"],"temporary_credential_lifetime":600,"access_token_lifetime":3600}`
	all := []conformance.Exchange{{
		Number: 1, From: "harness", To: role, Method: "GET", URL: "https://vendor.example/.well-known/bidirectional-authorization",
		RequestHeaders: []conformance.Header{{Name: "Accept", Value: "application/json"}}, Status: 200,
		ResponseHeaders: []conformance.Header{{Name: "Content-Type", Value: "application/json"}}, ResponseBody: metadata,
	}}
	for len(all) < n {
		number := len(all) + 1
		all = append(all, conformance.Exchange{
			Number: number, From: "client-a", To: role, Method: "POST", URL: "https://vendor.example/oauth/token",
			RequestHeaders: []conformance.Header{{Name: "Authorization", Value: authorization}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
			RequestBody:    "scope=photos",
			Status:         200, ResponseHeaders: []conformance.Header{{Name: "Cache-Control", Value: "no-store"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
			ResponseBody: "oauth_token=<token 2>&oauth_token_secret=<secret 2>&client_id=client-a&expires_in=3600",
		})
	}
	if n > 3 {
		all[n-1].Status, all[n-1].ResponseHeaders, all[n-1].ResponseBody, all[n-1].Problem = 0, nil, "", "no answer within 10s"
	}
	return all
}

func scenarios() []reports.Scenario {
	trace := strings.Repeat("5f0c1a7be2d94638", 4)
	return []reports.Scenario{
		{
			Name: "both-ways", Title: "both sides get each other's resources", Text: "Site A begins, the user consents at both sites, and each client reads the user's resource at the other.",
			Flow: "bidirectional", Level: "hardened", Seed: 7, Verdict: "pass", Invariant: "each resource was given for one consent of its owner",
			TraceSHA256: trace, Messages: 20, VirtualNS: 1_250_000_000, Repro: "countersign play both-ways --seed 7", Diagram: twentySteps(),
		},
		{
			Name: "stolen-credential", Title: "a credential stolen on its way is worthless", Text: "Mallory copies the temporary credential that client A hands to client B, and offers it as her own.",
			Flow: "bidirectional", Level: "core", Seed: 7, Faults: []string{"delay 200ms", "copy to mallory"}, Verdict: "fail", Expected: "mallory is refused", Actual: "mallory reads the user's photos",
			Requirements: []catalog.ID{"BI-OS-07", "BI-OS-11"}, Invariant: "nobody but the named delegate uses a credential", TraceSHA256: trace, Messages: 9, VirtualNS: 900_000_000,
			Repro: "countersign play stolen-credential --level core --seed 7", Diagram: attack(),
		},
		{
			Name: "refresh-race", Title: "two refreshes at once leave one family", Text: "A terminal refreshes twice at once.", Flow: "ticket", Level: "hardened", Seed: 18446744073709551615,
			Verdict: "pass", TraceSHA256: trace, Messages: 6, VirtualNS: 50_000_000,
		},
	}
}

func attack() *sequence.Diagram {
	return &sequence.Diagram{
		Title: "A stolen credential",
		Lanes: []sequence.Lane{{Name: "client A", Kind: "client"}, {Name: "client B", Kind: "client"}, {Name: "mallory", Kind: sequence.Attacker}, {Name: "OAuth server A", Kind: "server"}},
		Steps: []sequence.Step{
			{From: "client A", To: "client B", Label: "delegation", Detail: "temporary credential <token 1>", At: "0.2s", Kind: sequence.Lost},
			{From: "client A", To: "mallory", Label: "copy of the delegation", At: "0.2s", Kind: sequence.Attack},
			{From: "mallory", Label: "rewrite the client identifier to mallory", At: "0.3s", Kind: sequence.Attack},
			{From: "mallory", To: "OAuth server A", Label: "POST /oauth/token", Detail: "oauth_consumer_key=mallory", At: "0.5s", Kind: sequence.Attack},
			{From: "OAuth server A", To: "mallory", Label: "200 OK", Detail: "an access token of the user's", At: "0.9s", Kind: sequence.Response, Failing: true},
		},
	}
}

func twentySteps() *sequence.Diagram {
	d := &sequence.Diagram{Title: "Bidirectional authorization", Lanes: []sequence.Lane{
		{Name: "user terminal", Kind: "terminal"}, {Name: "client A", Kind: "client"}, {Name: "OAuth server A", Kind: "server"},
		{Name: "client B", Kind: "client"}, {Name: "OAuth server B", Kind: "server"}, {Name: "resource server B", Kind: "server"},
	}}
	step := func(kind sequence.Kind, from, to, label, detail string) {
		d.Steps = append(d.Steps, sequence.Step{From: from, To: to, Label: label, Detail: detail, Kind: kind, At: fmt.Sprintf("%.3fs", 0.0625*float64(len(d.Steps)))})
	}
	step(sequence.Request, "user terminal", "client A", "POST /start", "site B")
	step(sequence.Request, "client A", "OAuth server A", "POST /oauth/temporary", "oauth_callback=https://a.example/callback, client_id=client-a")
	step(sequence.Response, "OAuth server A", "client A", "200 OK", "first temporary credential")
	step(sequence.Request, "client A", "OAuth server B", "POST /oauth/temporary", "oauth_callback=https://a.example/callback")
	step(sequence.Response, "OAuth server B", "client A", "200 OK", "second temporary credential")
	step(sequence.Response, "client A", "user terminal", "303 See Other", "Location: https://b.example/oauth/authorize?oauth_token=<token 2>")
	step(sequence.Note, "user terminal", "client A", "the user has to know whom the consent serves", "")
	step(sequence.Request, "user terminal", "OAuth server B", "POST /oauth/authorize", "user name and password registered at B")
	step(sequence.Response, "OAuth server B", "user terminal", "303 See Other", "oauth_verifier=<verifier 2>")
	step(sequence.Request, "user terminal", "client A", "GET /callback", "")
	step(sequence.Request, "client A", "OAuth server B", "POST /oauth/token", "oauth_verifier=<verifier 2>")
	step(sequence.Request, "OAuth server B", "resource server B", "PUT /handover", "second access token")
	step(sequence.Lost, "resource server B", "OAuth server B", "204 No Content", "")
	step(sequence.Request, "OAuth server B", "OAuth server B", "wait, then hand over again", "the answer was lost")
	step(sequence.Request, "OAuth server B", "resource server B", "PUT /handover", "second access token")
	step(sequence.Response, "resource server B", "OAuth server B", "204 No Content", "")
	step(sequence.Response, "OAuth server B", "client A", "200 OK", "second access token")
	step(sequence.Request, "client A", "resource server B", "GET /resource", "")
	step(sequence.Request, "resource server B", "resource server B", "compare the tokens", "")
	step(sequence.Response, "resource server B", "client A", "200 OK", "the user's photos")
	return d
}
