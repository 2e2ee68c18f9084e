package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/actors/oauth1"
	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
)

// Vectors are requests with exact bytes and the answers that they deserve, for a vendor's own unit tests. They come from the checks, run in a simulated world.
type Vectors struct {
	Format  string            `json:"format"`
	Profile string            `json:"profile"`
	Role    catalog.Role      `json:"role"`
	Note    string            `json:"note"`
	Setup   conformance.Setup `json:"setup"`
	Vectors []Vector          `json:"vectors"`
}

// Vector is a run of requests to a fresh implementation. Every one of them has its right answer.
type Vector struct {
	ID          string        `json:"id"`
	Requirement catalog.ID    `json:"requirement"`
	Level       catalog.Level `json:"level"`
	Title       string        `json:"title"`
	Valid       bool          `json:"valid"`
	Steps       []Step        `json:"steps"`
}

// Step is one request, the moment at which it arrives, and what the answer has to be; members that are not named may be anything.
type Step struct {
	At      int64   `json:"at"` // seconds since 1970
	Request Message `json:"request"`
	// Signing is present where the request is rightly signed with HMAC: what the signature is made of.
	Signing *Signing `json:"signing,omitempty"`
	Expect  Expected `json:"expect"`
	// Keep names members of the answer, a JSON object, that later requests repeat: there ${name} stands for the member's value.
	Keep map[string]string `json:"keep,omitempty"`
}

// mostSteps bounds a vector: what takes longer is for the harness.
const mostSteps = 40

// Message is a request as it goes over the wire. A body that is no UTF-8 stands in Base64, in the place of Body.
type Message struct {
	Method  string               `json:"method"`
	URL     string               `json:"url"`
	Headers []conformance.Header `json:"headers"`
	Body    string               `json:"body"`
	Base64  []byte               `json:"body_base64,omitempty"`
}

func messageOf(e conformance.Exchange) Message {
	m := Message{Method: e.Method, URL: e.URL, Headers: append([]conformance.Header{}, e.RequestHeaders...), Body: string(e.RawRequest)}
	if !utf8.Valid(e.RawRequest) {
		m.Body, m.Base64 = "", e.RawRequest
	}
	return m
}

// Bytes is the body.
func (m Message) Bytes() []byte {
	if m.Base64 != nil {
		return m.Base64
	}
	return []byte(m.Body)
}

// Signing is RFC 5849 section 3.4.1's base string and section 3.4.2's key.
type Signing struct {
	BaseString string `json:"base_string"`
	Key        string `json:"key"`
	Signature  string `json:"signature"`
}

const vectorsNote = "Feed the steps of a vector, in order, to a fresh implementation whose clock shows `at`, with the setup of section 8 of the profile as given here. " +
	"The implementation answers at http://" + targetHost + ". An implementation meets the requirement of a vector as far as it answers every step as the step says. Where a step has `keep`, remember the named members of its answer: " +
	"in the requests after it ${name} stands for the value."

// MakeVectors plays a flow's checks of a role and keeps those whose requests owe nothing to earlier answers, so that they can be replayed against any implementation.
func MakeVectors(flow conformance.Flow, role catalog.Role) (Vectors, error) {
	all := Vectors{Format: "countersign/vectors@1", Profile: flow.Profile, Role: role, Note: vectorsNote, Setup: flow.Setup()}
	for _, c := range flow.Checks {
		if c.Role != role {
			continue
		}
		steps, err := all.independent(c)
		if err != nil {
			return all, err
		}
		if len(steps) == 0 {
			continue
		}
		r := c.Requirement()
		last := steps[len(steps)-1].Expect
		all.Vectors = append(all.Vectors, Vector{
			ID: c.Name(), Requirement: r.ID, Level: r.Level, Title: r.Title, Valid: last.Status < 400, Steps: steps,
		})
	}
	return all, nil
}

// independent are the steps of a check whose requests are the same whatever random values the reference makes, also where those come sealed or encrypted.
// They end where a check goes on with what cannot be replayed; then there are none unless something was refused before that, since what comes first is right and shows nothing.
func (v Vectors) independent(c conformance.Check) ([]Step, error) {
	var runs [2][]Step
	whole := true
	for i, strain := range []string{"", "another "} {
		transcript, err := transcribe(c, strain)
		if err != nil {
			return nil, err
		}
		var all bool
		runs[i], all = v.steps(c, transcript)
		whole = whole && all
	}
	same := 0
	for same < min(len(runs[0]), len(runs[1])) && runs[0][same].deserves(runs[1][same]) {
		same++
	}
	steps := runs[0][:same]
	whole = whole && same == len(runs[0])
	refuses := slices.ContainsFunc(steps, func(s Step) bool { return s.Expect.refuses() })
	if same > mostSteps || !whole && !refuses {
		return nil, nil
	}
	return steps, nil
}

// deserves reports whether the same step of another run is this step. A refused value that was made out of a right one differs, and does no harm: it stays one that nobody gave.
// Not so in bytes that are signed or sealed, where more than that value would be wrong.
func (s Step) deserves(other Step) bool {
	if s.Expect.refuses() && s.Request.Base64 == nil && !compactForm.Match(s.Request.Bytes()) {
		other.Request = s.Request
	}
	return reflect.DeepEqual(s, other)
}

func transcribe(c conformance.Check, strain string) ([]conformance.Exchange, error) {
	env, target, err := Reference{Seed: 1, strain: strain}.InWorld(context.Background(), c)
	if err != nil {
		return nil, err
	}
	defer env.Close()
	session := &conformance.Session{Check: c, Target: target, Env: env}
	var result conformance.Result
	if err := env.Within(func() { result = session.Run() }); err != nil {
		return nil, err
	}
	if result.Verdict != conformance.Pass {
		return nil, fmt.Errorf("no vectors from %s: %s %s", c.Name(), result.Verdict, result.Reason)
	}
	return session.Transcript(), nil
}

// steps turns a transcript into steps, as far as it can be replayed; whole says whether that is all of it.
func (v Vectors) steps(c conformance.Check, transcript []conformance.Exchange) (steps []Step, whole bool) {
	var given []string // values that answers have given and that nobody kept
	kept := keeper{}
	secrets := map[string]string{}
	for _, e := range transcript {
		if e.Method == http.MethodGet && strings.Contains(e.URL, "/.well-known/") {
			continue
		}
		step := Step{At: e.At.Unix(), Request: kept.repeat(messageOf(e)), Expect: expectedOf(e.Status, receiptIn(e), e.RawResponse)}
		if e.To != string(c.Role) || slices.ContainsFunc(given, step.Request.holds) {
			return steps, false
		}
		step.Keep = kept.keep(e)
		given = append(given, valuesIn(e)...)
		v.learn(secrets, e)
		step.Signing = v.signing(secrets, e)
		steps = append(steps, step)
	}
	return steps, true
}

// receiptIn is the receipt of an answer; empty where it has none.
func receiptIn(e conformance.Exchange) string {
	for _, h := range e.ResponseHeaders {
		if h.Name == headerReceipt {
			return h.Value
		}
	}
	return ""
}

// keeper knows under which name a value of an earlier answer is kept.
type keeper map[string]string

// keep names the members of an answer that may be repeated later.
func (k keeper) keep(e conformance.Exchange) map[string]string {
	var members map[string]any
	if json.Unmarshal([]byte(e.ResponseBody), &members) != nil {
		return nil
	}
	names := map[string]string{}
	asked := requestText(e)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		text, _ := members[member].(string)
		if value.FindString(text) != text || text == "" || k[text] != "" || strings.Contains(asked, text) {
			continue
		}
		name := fmt.Sprintf("%s_%d", member, len(k)+1)
		k[text], names[name] = name, member
	}
	return names
}

// repeat puts names in the place of kept values.
func (k keeper) repeat(m Message) Message {
	put := func(text string) string {
		for _, v := range slices.Sorted(maps.Keys(k)) {
			text = strings.ReplaceAll(text, v, "${"+k[v]+"}")
		}
		return text
	}
	m.URL, m.Body, m.Headers = put(m.URL), put(m.Body), slices.Clone(m.Headers)
	for i := range m.Headers {
		m.Headers[i].Value = put(m.Headers[i].Value)
	}
	return m
}

// value is what may be a key, a token or the like in an answer.
var value = regexp.MustCompile(`[A-Za-z0-9_~-]{16,}`)

// memberName is a name in a JSON object, which gives nothing away.
var memberName = regexp.MustCompile(`"\w+"\s*:`)

// valuesIn are the values that an answer gave, but for those that the request had.
func valuesIn(e conformance.Exchange) []string {
	text := memberName.ReplaceAllString(e.ResponseBody, "")
	for _, h := range e.ResponseHeaders {
		if h.Name == "Location" || h.Name == "Set-Cookie" {
			text += "\n" + h.Value
		}
	}
	asked := requestText(e)
	return slices.DeleteFunc(value.FindAllString(text, -1), func(v string) bool { return strings.Contains(asked, v) })
}

// holds reports whether the request has the value.
func (m Message) holds(value string) bool {
	text := m.URL + "\n" + string(m.Bytes())
	for _, h := range m.Headers {
		text += "\n" + h.Value
	}
	return strings.Contains(text, value)
}

func requestText(e conformance.Exchange) string {
	text := e.URL + "\n" + e.RequestBody
	for _, h := range e.RequestHeaders {
		text += "\n" + h.Value
	}
	return text
}

// learn keeps the token secrets that a hand-over tells.
func (v Vectors) learn(secrets map[string]string, e conformance.Exchange) {
	if form, err := url.ParseQuery(e.RequestBody); err == nil && form.Get("token_secret") != "" && e.Status == http.StatusNoContent {
		secrets[form.Get("token")] = form.Get("token_secret")
	}
}

// signing is what a rightly signed request was signed with; nil for any other.
func (v Vectors) signing(secrets map[string]string, e conformance.Exchange) *Signing {
	req, err := http.NewRequest(e.Method, e.URL, bytes.NewReader([]byte(e.RequestBody)))
	if err != nil {
		return nil
	}
	for _, h := range e.RequestHeaders {
		req.Header.Add(h.Name, h.Value)
	}
	m, err := oauth1.Parse(req, 0)
	if err != nil || !strings.HasPrefix(m.SignatureMethod, "HMAC-") {
		return nil
	}
	setup, ok := v.Setup.(*bidirectional.Setup)
	if !ok {
		return nil
	}
	keys := oauth1.Keys{TokenSecret: secrets[m.Token]}
	if m.ConsumerKey == setup.OwnIssuer {
		keys.ClientSecret = setup.HandoverKey
	}
	for _, c := range setup.Clients {
		if c.ID == m.ConsumerKey {
			keys.ClientSecret = c.Secret
		}
	}
	if keys.ClientSecret == "" || m.Verify(keys) != nil {
		return nil
	}
	return &Signing{BaseString: m.BaseString(), Key: oauth1.Escape(keys.ClientSecret) + "&" + oauth1.Escape(keys.TokenSecret), Signature: m.Signature}
}

// Encode gives the file's bytes.
func (v Vectors) Encode() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return text.Bytes(), err
}
