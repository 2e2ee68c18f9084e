// Package conformance judges an implementation over the wire: checks are values, a session plays one of them against a target, a runner plays many.
// It imports no actor: what a check expects is spelled in the check.
package conformance

import (
	"time"

	"countersign/conformance/catalog"
)

// Verdict is the outcome of one check.
type Verdict string

// The verdicts. Warn is a SHOULD that is not met; Error means that the harness broke, not the target.
const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Warn  Verdict = "warn"
	Skip  Verdict = "skip"
	Error Verdict = "error"
)

// Failure says what was expected and what came instead.
type Failure struct {
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	// Blame is the party at fault: a role under test.
	Blame string `json:"blame"`
	// Exchange is the number of the exchange that shows it, counted from 1; 0 when none does.
	Exchange int `json:"exchange,omitempty"`
}

// Result is the outcome of one check, with the evidence.
type Result struct {
	Check       string              `json:"check"`
	Role        catalog.Role        `json:"role"`
	Requirement catalog.Requirement `json:"requirement"`
	Verdict     Verdict             `json:"verdict"`
	// Reason is why a check was skipped or broke.
	Reason  string   `json:"reason,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
	// Repro is the command that runs this check again.
	Repro string `json:"repro,omitempty"`
	// Exchanges are the messages of the check in the order in which they began, secrets and moments replaced by names.
	Exchanges []Exchange `json:"exchanges"`
}

// Exchange is one HTTP request and its answer.
type Exchange struct {
	Number          int      `json:"number"`
	From            string   `json:"from"`
	To              string   `json:"to"`
	Method          string   `json:"method"`
	URL             string   `json:"url"`
	RequestHeaders  []Header `json:"request_headers"`
	RequestBody     string   `json:"request_body,omitempty"`
	Status          int      `json:"status,omitempty"`
	ResponseHeaders []Header `json:"response_headers,omitempty"`
	ResponseBody    string   `json:"response_body,omitempty"`
	// Problem is why there is no whole answer.
	Problem string `json:"problem,omitempty"`
	// RawRequest and RawResponse are the bodies, byte for byte. A result has neither.
	RawRequest, RawResponse []byte `json:"-"`
	// At is when it began, by the target's clock.
	At time.Time `json:"-"`
}

// Header is one header line.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
