package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"countersign/conformance"
)

// The types of the statement (in-toto attestation, spec/v1/statement.md and spec/predicates/test-result.md).
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://in-toto.io/attestation/test-result/v0.1"
)

// The results of a test-result predicate. This program says Passed only where every check passed in every attempt: a skip or a warning makes it Warned; a
// failure, a harness that broke or a run in which nothing was judged makes it Failed.
const (
	Passed = "PASSED"
	Warned = "WARNED"
	Failed = "FAILED"
)

// The names of the resources in a statement; there is one of each, but for profiles and catalogues, whose names have the flow's behind a blank.
const (
	Target        = "target"
	Transcript    = "transcript"
	Configuration = "configuration"
	Binary        = "binary"
	Profile       = "profile"
	Catalogue     = "catalogue"
	Report        = "report"
)

// Statement is an in-toto statement with a test-result predicate. Its subjects are the target's description and the transcript.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     TestResult `json:"predicate"`
}

// Resource is an in-toto resource descriptor. Content, where it stands, is the resource itself.
type Resource struct {
	Name      string            `json:"name"`
	Digest    map[string]string `json:"digest"`
	Content   []byte            `json:"content,omitempty"`
	MediaType string            `json:"mediaType,omitempty"`
}

// TestResult is the predicate. Names in its lists are those of checks that came out so in every attempt, but for failedTests, where one attempt is enough.
type TestResult struct {
	Result        string     `json:"result"`
	Configuration []Resource `json:"configuration"`
	PassedTests   []string   `json:"passedTests"`
	WarnedTests   []string   `json:"warnedTests"`
	FailedTests   []string   `json:"failedTests"`
	// Run is an extension field: what test-result has no place for.
	Run Run `json:"countersign_run"`
}

// Run is every attempt, in order, so that none can be left out unseen.
type Run struct {
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one run of the checks.
type Attempt struct {
	Conclusion conformance.Conclusion `json:"conclusion"`
	Summary    string                 `json:"summary"`
	Counts     conformance.Counts     `json:"counts"`
	Verdicts   []Verdict              `json:"verdicts"`
}

// Verdict is one check of an attempt, whatever came of it; Reason is why it was skipped or broke.
type Verdict struct {
	Check   string              `json:"check"`
	Role    string              `json:"role"`
	Verdict conformance.Verdict `json:"verdict"`
	Reason  string              `json:"reason,omitempty"`
}

// File is a resource that a statement names by its digest.
type File struct {
	Name   string
	SHA256 string // in hexadecimal digits
}

// NewFile reads a file for its digest.
func NewFile(name string, r io.Reader) (File, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return File{}, fmt.Errorf("the file for %s cannot be read: %w", name, err)
	}
	return File{name, hex.EncodeToString(hash.Sum(nil))}, nil
}

func (f File) resource() Resource {
	return Resource{Name: f.Name, Digest: map[string]string{"sha256": f.SHA256}}
}

// inline is a resource whose content stands in the statement.
func inline(name string, value any) (Resource, error) {
	text, err := canonical(value)
	if err != nil {
		return Resource{}, fmt.Errorf("the %s cannot be written down: %w", name, err)
	}
	r := File{name, digest(text)}.resource()
	r.Content, r.MediaType = text, "application/json"
	return r, nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// canonical is the one spelling of a value that this package writes and accepts: members in the order of the type, no white space, no escapes for HTML.
func canonical(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// resources are all that the statement names.
func (s Statement) resources() []Resource { return slices.Concat(s.Subject, s.Predicate.Configuration) }

// Digest is the SHA-256, in hexadecimal digits, of the resource of that name; empty where the statement names none.
func (s Statement) Digest(name string) string {
	for _, r := range s.resources() {
		if r.Name == name {
			return r.Digest["sha256"]
		}
	}
	return ""
}

// StatementError says what is wrong with a statement that is signed as it should be.
type StatementError struct{ What string }

func (e *StatementError) Error() string {
	return "the statement " + e.What + ", so it is not one that this program has written"
}

// parse reads a statement in its one spelling.
func parse(payload []byte) (Statement, error) {
	var s Statement
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return Statement{}, &StatementError{"cannot be read: " + err.Error()}
	}
	// Members given twice or in other letters, white space and what stands behind the end are all found by writing it again.
	if again, err := canonical(s); err != nil || !bytes.Equal(again, payload) {
		return Statement{}, &StatementError{"is not spelled as this program spells it"}
	}
	return s, s.validate()
}

// validate holds the statement against itself.
func (s Statement) validate() error {
	if s.Type != StatementType || s.PredicateType != PredicateType {
		return &StatementError{fmt.Sprintf("is of type %q with a predicate of type %q", s.Type, s.PredicateType)}
	}
	names := map[string]bool{}
	for _, r := range s.resources() {
		if names[r.Name] {
			return &StatementError{fmt.Sprintf("names the %s twice", r.Name)}
		}
		names[r.Name] = true
		if sum, err := hex.DecodeString(r.Digest["sha256"]); err != nil || len(sum) != sha256.Size || len(r.Digest) != 1 {
			return &StatementError{fmt.Sprintf("gives no SHA-256 of the %s", r.Name)}
		}
		if r.Content != nil && digest(r.Content) != r.Digest["sha256"] {
			return &StatementError{fmt.Sprintf("gives a SHA-256 of the %s that is not that of its content", r.Name)}
		}
	}
	for _, name := range []string{Target, Transcript, Configuration} {
		if !names[name] {
			return &StatementError{"names no " + name}
		}
	}
	want := s.Predicate.Run.sum()
	have := s.Predicate
	if have.Result != want.Result || !slices.Equal(have.PassedTests, want.PassedTests) || !slices.Equal(have.WarnedTests, want.WarnedTests) || !slices.Equal(have.FailedTests, want.FailedTests) {
		return &StatementError{"sums its attempts up wrongly"}
	}
	return nil
}

// sum draws the result and the lists from the attempts.
func (r Run) sum() TestResult {
	all := map[string][]conformance.Verdict{}
	broken := len(r.Attempts) == 0
	for _, a := range r.Attempts {
		broken = broken || a.Conclusion != conformance.Conformant
		for _, v := range a.Verdicts {
			all[v.Check] = append(all[v.Check], v.Verdict)
		}
	}
	t := TestResult{Result: Passed, PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{}, Run: r}
	for _, check := range slices.Sorted(maps.Keys(all)) {
		verdicts := all[check]
		only := func(v conformance.Verdict) bool {
			return !slices.ContainsFunc(verdicts, func(other conformance.Verdict) bool { return other != v })
		}
		switch {
		case slices.Contains(verdicts, conformance.Fail):
			t.FailedTests = append(t.FailedTests, check)
		case only(conformance.Pass) && len(verdicts) == len(r.Attempts):
			t.PassedTests = append(t.PassedTests, check)
			continue
		case slices.Contains(verdicts, conformance.Warn):
			t.WarnedTests = append(t.WarnedTests, check)
		}
		t.Result = Warned
	}
	if broken || len(t.FailedTests) > 0 {
		t.Result = Failed
	}
	return t
}

// attempt is a report without its evidence, which is the transcript.
func attempt(r conformance.Report, s *scrubber) Attempt {
	a := Attempt{Conclusion: r.Conclusion, Summary: s.clean(r.Summary), Counts: r.Counts, Verdicts: []Verdict{}}
	for _, result := range r.Results {
		a.Verdicts = append(a.Verdicts, Verdict{result.Check, string(result.Role), result.Verdict, s.clean(result.Reason)})
	}
	return a
}

// Differences says, in a sentence each, in what the statement's attempts are not those reports: the same checks with the same verdicts. None where they are.
func (s Statement) Differences(attempts ...conformance.Report) []string {
	if len(attempts) != len(s.Predicate.Run.Attempts) {
		return []string{fmt.Sprintf("the statement has %d attempts and not %d", len(s.Predicate.Run.Attempts), len(attempts))}
	}
	var all []string
	for i, report := range attempts {
		stated, judged := map[string]conformance.Verdict{}, map[string]conformance.Verdict{}
		for _, v := range s.Predicate.Run.Attempts[i].Verdicts {
			stated[v.Check] = v.Verdict
		}
		for _, result := range report.Results {
			judged[result.Check] = result.Verdict
		}
		both := maps.Clone(stated)
		maps.Copy(both, judged)
		for _, check := range slices.Sorted(maps.Keys(both)) {
			if stated[check] != judged[check] {
				all = append(all, fmt.Sprintf("the statement says %s of %s, and not %s", cmp.Or(stated[check], "nothing"), check, cmp.Or(judged[check], "nothing")))
			}
		}
	}
	return all
}

// valid is text without invalid UTF-8, which JSON could not give back.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
