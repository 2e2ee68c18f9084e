package bidirectional

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// site is a site that the harness plays around a client under test. It answers as the profile says, and records what it is asked.
// It does not insist on what level hardened alone asks of a client: a check that wants that looks at the record.
type site struct {
	t        *test
	name     string
	issuer   string
	clientID string // of the site's own client
	// delegationEndpoint is the one that the site's document names.
	delegationEndpoint string
	// secrets are those of the clients that the site knows.
	secrets map[string]string
	seed    []byte

	mu          sync.Mutex // never held while a request is under way
	conduct     conduct
	minted      int
	credentials []*credential
	tokens      []*accessToken
	record      []received
}

// conduct is what a site does otherwise than the profile says. Its zero value is an honest site.
type conduct struct {
	noCredentials bool                 // temporary credential requests are answered with 500
	credential    func(url.Values)     // changes the answer to a temporary credential request
	document      func(map[string]any) // changes the metadata document
	continueURI   string               // what a delegation is answered with; empty: a URL of the site's
	rejections    int                  // so many resource requests are answered with 401 token_rejected first
}

// credential is a temporary credential that a site issued.
type credential struct {
	token, secret, verifier string
	// client is who asked for it, and after approve who may exchange it.
	client   string
	approved bool
}

// accessToken is what a credential was exchanged for.
type accessToken struct {
	token, secret string
	client        string
	from          *credential
}

// received is one request to a site, as the site judged it.
type received struct {
	site *site
	// endpoint is the last part of the path: token, resource, delegation and so on.
	endpoint string
	path     string
	// text is the request line, the header lines and the body, to search for values.
	text  string
	oauth map[string]string // the parameters of the Authorization header; nil without one
	form  url.Values
	// signatureProblem is what is wrong with the signature; empty when it is right, or when there is none.
	signatureProblem string
	// problem is what is wrong with the request; empty when it is what the profile asks for.
	problem string
	at      time.Time
	// exchange is its number in the report.
	exchange int
	// issued is the credential that it was answered with, continueURI the answer to a delegation.
	issued      *credential
	continueURI string
}

func (r received) String() string {
	verdict := "in order"
	if r.problem != "" {
		verdict = r.problem
	}
	by := "without a signature"
	if r.oauth != nil {
		by = fmt.Sprintf("signed under %q with %s", r.oauth["oauth_consumer_key"], r.oauth["oauth_signature_method"])
	}
	return fmt.Sprintf("%s at %s, %s (%s)", r.path, r.site.name, by, verdict)
}

// misbehave sets the site's conduct from here on.
func (s *site) misbehave(c conduct) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conduct = c
}

// behave makes the site honest again.
func (s *site) behave() { s.misbehave(conduct{}) }

// at returns the requests to an endpoint so far.
func (s *site) at(endpoint string) []received {
	var some []received
	for _, r := range s.all() {
		if r.endpoint == endpoint {
			some = append(some, r)
		}
	}
	return some
}

// all returns every request so far.
func (s *site) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.record...)
}

// issue makes a temporary credential as if the client had asked for it.
func (s *site) issue(client string) *credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newCredential(client)
}

// approve is the user's consent: from here on the credential belongs to the client.
func (s *site) approve(c *credential, client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.client, c.approved = client, true
}

// credentialOf finds a temporary credential by its token.
func (s *site) credentialOf(token string) *credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findCredential(token)
}

// tokenFrom finds the access token that a credential was exchanged for last; nil for none.
func (s *site) tokenFrom(c *credential) *accessToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.tokens) - 1; i >= 0; i-- {
		if s.tokens[i].from == c {
			return s.tokens[i]
		}
	}
	return nil
}

// secretsIssued are the secrets of all credentials and tokens that the site issued.
func (s *site) secretsIssued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, c := range s.credentials {
		all = append(all, c.secret)
	}
	for _, t := range s.tokens {
		all = append(all, t.secret)
	}
	return all
}

func (s *site) newCredential(client string) *credential {
	c := &credential{token: s.mint(), secret: s.mint(), verifier: s.mint(), client: client}
	s.credentials = append(s.credentials, c)
	return c
}

func (s *site) findCredential(token string) *credential {
	for _, c := range s.credentials {
		if c.token == token {
			return c
		}
	}
	return nil
}

func (s *site) findToken(token string) *accessToken {
	for _, t := range s.tokens {
		if t.token == token {
			return t
		}
	}
	return nil
}

// mint makes a value that no other site or run makes. It asks for no randomness, because requests come in at the same time.
func (s *site) mint() string {
	s.minted++
	mac := hmac.New(sha256.New, s.seed)
	fmt.Fprintf(mac, "%s %d", s.name, s.minted)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// ServeHTTP judges a request, records it and answers it.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := s.read(r)
	s.mu.Lock()
	a := s.answer(&rec, r.Method)
	s.record = append(s.record, rec)
	s.mu.Unlock()
	a.write(w)
}

// answer finds the endpoint and lets it answer.
func (s *site) answer(rec *received, method string) answer {
	wanted, handle := http.MethodPost, map[string]func(*received) answer{
		"temporary-credential": s.temporaryCredential,
		"token":                s.token,
		"revoke":               s.revoke,
		"delegation":           s.delegation,
		"handover":             s.handover,
	}[rec.endpoint]
	switch rec.endpoint {
	case "bidirectional-authorization":
		wanted, handle = http.MethodGet, s.document
	case "resource":
		wanted, handle = http.MethodGet, s.resource
	}
	switch {
	case handle == nil:
		rec.problem = "no endpoint of the site"
		return answer{status: http.StatusNotFound, kind: "text/plain", body: "there is nothing here\n"}
	case method != wanted:
		rec.problem = "sent with " + method
		return answer{status: http.StatusMethodNotAllowed, kind: "text/plain", body: "wrong method\n"}
	}
	return handle(rec)
}

// answer is an answer of a site.
type answer struct {
	status     int
	kind, body string
	receipt    string // of a hand-over; empty for none
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-store")
	acknowledge(w.Header(), a.receipt)
	if a.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "OAuth")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

// in gives the URL of one of the site's endpoints.
func (s *site) in(endpoint string) string { return strings.TrimSuffix(s.issuer, "/") + "/" + endpoint }
