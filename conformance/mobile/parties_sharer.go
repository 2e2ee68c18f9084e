package mobile

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// sharer is the authorization server that the harness plays for a business system under test: it has metadata, shares tokens and gives sealing keys.
// It does not insist on what level hardened alone asks of a business system: a check that wants that looks at the record.
type sharer struct {
	judge.Record[asked]
	t *test

	// The lock guards what follows.
	records map[string]members // of shared tokens, by token_id
	keys    []jose.Key
	// keysLifetime is the cache_lifetime of the set of keys, in seconds; negative: left out.
	keysLifetime int64
	conduct      map[string]conduct // by endpoint, for those that do not answer as the profile says
}

// conduct is what the authorization server does at an endpoint in place of what the profile says.
type conduct struct {
	// status is answered, with the body raw, where it is not 0; location is a header beside it.
	status   int
	raw      string
	location string
	// broken breaks the connection instead of answering.
	broken bool
	// silent lets that much time pass before the answer.
	silent time.Duration
}

// The endpoints of the authorization servers that the harness plays.
const (
	atSharedToken = "/shared-token"
	atSealingKeys = "/sealing-keys"
)

// asked is one request to the authorization server.
type asked struct {
	endpoint string
	// url is what was asked for, with the query.
	url, body string
	// system and secret are those of HTTP Basic; empty without.
	system, secret string
	// tokenID is the token_id of a download.
	tokenID string
	// problem is what is wrong with the request, the credentials aside.
	problem string
	// exchange is its number in the report.
	exchange int
}

func playSharer(t *test) *sharer {
	s := &sharer{t: t, records: map[string]members{}, conduct: map[string]conduct{}, keysLifetime: -1}
	s.keys = []jose.Key{t.sealingKey(t.crm())}
	t.Play("authorization-server", s)
	return s
}

// sealingKey is the first one of a system.
func (t *test) sealingKey(of SystemSetup) jose.Key {
	key, err := of.SealingKey.key()
	if err != nil {
		t.Broken("%v", err)
	}
	return key
}

// authorizationServerDocument is section 3 of the profile for the authorization server that the harness plays.
func (t *test) authorizationServerDocument() members {
	document := members{"profile": "mobile@1", "issuer": t.Issuer, "jwks_uri": t.Issuer + "/jwks", "access_token_lifetime": int64(300), "proof_window": int64(60)}
	for _, name := range []string{"authentication", "registration", "deregistration", "wipe-acknowledgement", "shared-token", "rules", "sealing-keys", "key-rotation", "rules-audit"} {
		document[strings.ReplaceAll(name, "-", "_")+"_endpoint"] = t.Issuer + "/" + name
	}
	return document
}

// share makes a record downloadable from here on; one that is nil is shared no longer.
func (s *sharer) share(tokenID string, record members) {
	s.Lock()
	defer s.Unlock()
	if s.records[tokenID] = record; record == nil {
		delete(s.records, tokenID)
	}
}

// offer sets the sealing keys, newest first, and for how many seconds they may be kept; negative: it says nothing of that.
func (s *sharer) offer(lifetime int64, keys ...jose.Key) {
	s.Lock()
	defer s.Unlock()
	s.keys, s.keysLifetime = keys, lifetime
}

// behave sets what happens at an endpoint from here on; the zero value is what the profile says.
func (s *sharer) behave(endpoint string, as conduct) {
	s.Lock()
	defer s.Unlock()
	s.conduct[endpoint] = as
}

// asked returns the requests to an endpoint after a mark.
func (s *sharer) asked(endpoint string, mark int) []asked {
	return slices.DeleteFunc(s.Since(mark), func(a asked) bool { return a.endpoint != endpoint })
}

// ServeHTTP records a request and answers it as the conduct says.
func (s *sharer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := s.read(r)
	s.Take(&got)
	s.Lock()
	as := s.conduct[got.endpoint]
	s.Unlock()
	s.t.silence(r, as.silent)
	switch {
	case as.broken:
		panic(http.ErrAbortHandler)
	case as.status != 0:
		if as.location != "" {
			w.Header().Set("Location", as.location)
		}
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(as.status)
		_, _ = io.WriteString(w, as.raw) // the system has gone when it cannot be written
	default:
		status, body := s.answer(got)
		reply(w, status, body)
	}
}

// silence lets time pass while a request waits, or less when whoever sent it has gone.
func (t *test) silence(r *http.Request, d time.Duration) {
	for end := t.Env.Now().Add(d); t.Env.Now().Before(end) && r.Context().Err() == nil; {
		t.Env.Await(100*time.Millisecond, func() bool { return false })
	}
}

// below is the path of a request below the URL at which the harness plays a party.
func (t *test) below(base string, r *http.Request) string {
	u, err := url.Parse(base)
	if err != nil {
		t.Broken("%q in the setup is no URL: %v", base, err)
	}
	return strings.TrimPrefix(r.URL.Path, u.Path)
}

// read judges a request by sections 2, 4.7 and 4.8 of the profile.
func (s *sharer) read(r *http.Request) asked {
	got := asked{endpoint: s.t.below(s.t.Issuer, r), url: r.URL.RequestURI(), exchange: conformance.ExchangeOf(r)}
	got.system, got.secret, _ = r.BasicAuth()
	raw, err := io.ReadAll(r.Body)
	got.body = string(raw)
	if got.endpoint != atSharedToken {
		return got
	}
	body, bad := judge.ReadMembers(raw)
	switch got.tokenID = body.Text("token_id"); {
	case r.Method != http.MethodPost:
		got.problem = "method " + r.Method
	case !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType):
		got.problem = fmt.Sprintf("Content-Type %q", r.Header.Get("Content-Type"))
	case err != nil || bad != nil:
		got.problem = "a body that is no JSON object"
	case got.tokenID == "":
		got.problem = "a body without the string token_id"
	}
	return got
}

// answer is sections 3, 4.7 and 4.8 of the profile.
func (s *sharer) answer(to asked) (int, members) {
	s.Lock()
	defer s.Unlock()
	switch to.endpoint {
	case wellKnown:
		return http.StatusOK, s.t.authorizationServerDocument()
	case atSharedToken:
		if to.problem != "" {
			return http.StatusBadRequest, refusal("invalid_request", to.problem)
		}
		if record := s.records[to.tokenID]; record != nil {
			return http.StatusOK, record
		}
		return http.StatusNotFound, refusal("invalid_token", "No such token is shared with this system.")
	case atSealingKeys:
		set := []any{}
		for _, key := range s.keys {
			set = append(set, members{"kty": "oct", "kid": key.ID, "alg": "A256GCM", "use": "enc", "k": jose.Encode(key.Secret)})
		}
		body := members{"keys": set}
		if s.keysLifetime >= 0 {
			body["cache_lifetime"] = s.keysLifetime
		}
		return http.StatusOK, body
	}
	return http.StatusNotFound, refusal("not_found", "There is nothing at this path.")
}

func refusal(code, description string) members {
	return members{"error": code, "error_description": description}
}

// reply sends a JSON object.
func reply(w http.ResponseWriter, status int, body members) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("an answer cannot be written: %v", err)) // a check made it of what can be
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked has gone when it cannot be written
}

// recordOf is the record of a token, section 4.7 of the profile, to be kept for so many seconds; negative: it says nothing of that.
func recordOf(c tokenContents, cacheLifetime int64) members {
	record := members{
		"token_id": c.id, "token": c.token, "username": c.who.username, "appid": c.who.appID, "deviceid": c.who.deviceID, "expires_in": int64(c.lifetime / time.Second),
	}
	if c.thumbprint != "" {
		record["jkt"] = c.thumbprint
	}
	if cacheLifetime >= 0 {
		record["cache_lifetime"] = cacheLifetime
	}
	return record
}
