package conformance

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance/catalog"
)

// Target is what a check is pointed at.
type Target struct {
	// URL is the base under which the target's metadata document lies.
	URL string
	// Setup is what the flow's checks have to know of the target: clients, users, keys, addresses.
	Setup Setup
	// Run is in the names of what the checks make at the target, so that two runs do not meet and their leavings can be told apart. Letters and digits.
	Run string
}

// Session is one run of one check. Its methods that judge end the check when the judgement is final.
type Session struct {
	Check  Check
	Target Target
	Env    Env
	// Secrets are taken out of the result, besides those that the check meets.
	Secrets []Secret

	mu        sync.Mutex
	exchanges []Exchange
	replaced  []string  // bodies of requests that a transport sent otherwise
	obstacle  *Obstacle // the first one that a transport met
	taken     int       // bytes of the target so far
	undo      []func() error
	tidying   bool // the check has come to its end
	judged    int  // how many exchanges there were then
}

// outcome ends a check from inside; it is the value that a judging method panics with.
type outcome struct {
	verdict Verdict
	reason  string
	failure *Failure
}

// Run plays the check and returns its result. A panic of the check itself is an error of the harness.
func (s *Session) Run() (result Result) {
	req := s.Check.Requirement()
	result = Result{Check: s.Check.Name(), Role: s.Check.Role, Requirement: req, Verdict: Pass}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case outcome:
			result.Verdict, result.Reason, result.Failure = v.verdict, v.reason, v.failure
		default:
			result.Verdict, result.Reason = Error, fmt.Sprintf("the check broke: %v", v)
		}
		s.flood(&result)
		s.overcome(&result)
		s.tidy(&result)
		s.report(&result)
	}()
	s.Check.Run(s)
	return result
}

// Pass ends the check: the requirement is met.
func (s *Session) Pass() { panic(outcome{verdict: Pass}) }

// Skip ends the check: it cannot be run here, for the reason given.
func (s *Session) Skip(reason string, args ...any) {
	panic(outcome{verdict: Skip, reason: fmt.Sprintf(reason, args...)})
}

// Broken ends the check: the harness, not the target, is at fault.
func (s *Session) Broken(reason string, args ...any) {
	panic(outcome{verdict: Error, reason: fmt.Sprintf(reason, args...)})
}

// Fail ends the check: the target did not meet the requirement. It points at the last exchange.
func (s *Session) Fail(expected, actual string) { s.FailAt(s.lastExchange(), expected, actual) }

// FailAt is Fail for an exchange that is not the last one.
func (s *Session) FailAt(exchange int, expected, actual string) {
	panic(outcome{verdict: unmet(s.Check.Requirement().Keyword), failure: &Failure{Expected: expected, Actual: actual, Blame: string(s.Check.Role), Exchange: exchange}})
}

// silent ends the check as failed, however strong the requirement is: a target that does not answer has been asked nothing.
func (s *Session) silent(exchange int, expected string, err error) {
	panic(outcome{verdict: Fail, failure: &Failure{Expected: expected, Actual: err.Error(), Blame: string(s.Check.Role), Exchange: exchange}})
}

// unmet is the verdict on a requirement of that strength that is not met.
func unmet(k catalog.Keyword) Verdict {
	if k == catalog.Must {
		return Fail
	}
	return Warn
}

// Expect ends the check as failed unless ok.
func (s *Session) Expect(ok bool, expected, actual string) {
	if !ok {
		s.Fail(expected, actual)
	}
}

// ExpectStatus ends the check as failed unless the answer has one of the statuses.
func (s *Session) ExpectStatus(r *Response, what string, statuses ...int) {
	if slices.Contains(statuses, r.Status) {
		return
	}
	var words []string
	for _, status := range statuses {
		words = append(words, fmt.Sprint(status))
	}
	s.FailAt(r.Exchange, fmt.Sprintf("%s: status %s", what, strings.Join(words, " or ")), fmt.Sprintf("status %d", r.Status))
}

// Advance lets the target's time pass, or skips the check where that is not possible.
func (s *Session) Advance(d time.Duration) {
	if !s.Passes(d) {
		s.Skip("%v (%s to wait)", ErrNoClock, d)
	}
}

// Passes lets the target's time pass, and reports false where that is not possible: for what a check looks at besides.
// A clock that cannot be moved is the target's: the check fails.
func (s *Session) Passes(d time.Duration) bool {
	err := s.Env.Advance(d)
	if err != nil && !errors.Is(err, ErrNoClock) {
		s.silent(0, "a test clock that lets time pass (section 9 of the profile)", err)
	}
	return err == nil
}

// Random returns n random bytes, base64url-encoded.
func (s *Session) Random(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.Env.Entropy(), b); err != nil {
		s.Broken("no randomness: %v", err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
