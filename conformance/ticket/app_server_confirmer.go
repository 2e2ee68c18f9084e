package ticket

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance"
)

// confirmer is the account server that the harness plays for an app server under test: it has metadata and verifies.
// It does not insist on what level hardened alone asks of an app server: a check that wants that looks at the record.
type confirmer struct {
	t *test

	mu      sync.Mutex // never held while a request is under way
	conduct conduct
	record  []asked
}

// conduct is how verifications are answered. Its zero value denies every pair.
type conduct struct {
	// verdict is the body of the answer; nil for a denial.
	verdict func(pair) members
	// status is answered in place of 200, with the body raw, where it is not 0; location is a header beside it.
	status   int
	raw      string
	location string
	// broken breaks the connection instead of answering; silent keeps it open for that long before.
	broken bool
	silent time.Duration
	// withheld is how long the metadata are waited for.
	withheld time.Duration
}

// asked is one verification request.
type asked struct {
	pair
	// app and secret are those of HTTP Basic; empty without.
	app, secret string
	// problem is what is wrong with the request, the credentials aside.
	problem string
	// exchange is its number in the report.
	exchange int
}

func playConfirmer(t *test) *confirmer {
	c := &confirmer{t: t}
	t.Play("account-server", c)
	return c
}

// behave sets how verifications are answered from here on.
func (c *confirmer) behave(as conduct) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conduct = as
}

// asked returns the verification requests so far.
func (c *confirmer) asked() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.record)
}

// now is how the account server behaves.
func (c *confirmer) now() conduct {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conduct
}

func (c *confirmer) take(a asked) conduct {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record = append(c.record, a)
	return c.conduct
}

func (c *confirmer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	issuer := strings.TrimSuffix(c.t.Issuer, "/")
	prefix := ""
	if u, err := url.Parse(issuer); err == nil {
		prefix = u.Path
	}
	switch strings.TrimPrefix(r.URL.Path, prefix) {
	case wellKnown:
		if withheld := c.now().withheld; withheld > 0 {
			c.t.Env.Await(withheld, func() bool { return false })
		}
		reply(w, http.StatusOK, members{
			"profile": "ticket@1", "issuer": issuer, "registration_endpoint": issuer + "/registration", "authentication_endpoint": issuer + "/authentication",
			"refresh_endpoint": issuer + "/refresh", "verification_endpoint": issuer + "/verification", "revocation_endpoint": issuer + "/revocation",
			"authorization_key_lifetime": 600, "refresh_key_lifetime": 2592000, "refresh_grace": 60,
		})
	case "/verification":
		c.verify(w, r)
	case "/elsewhere": // where no honest app server looks
		reply(w, http.StatusOK, members{"active": true})
	default:
		reply(w, http.StatusNotFound, members{"error": "not_found", "error_description": "There is nothing at this path."})
	}
}

// verify is section 4.4 of the profile, as far as the conduct allows.
func (c *confirmer) verify(w http.ResponseWriter, r *http.Request) {
	got := readVerification(r)
	as := c.take(got)
	if as.silent > 0 {
		c.t.Env.Await(as.silent, func() bool { return false })
	}
	switch {
	case as.broken:
		panic(http.ErrAbortHandler)
	case as.status != 0:
		if as.location != "" {
			w.Header().Set("Location", as.location)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(as.status)
		_, _ = io.WriteString(w, as.raw)
	case got.problem != "":
		reply(w, http.StatusBadRequest, members{"error": "invalid_request", "error_description": got.problem})
	case as.verdict == nil:
		reply(w, http.StatusOK, members{"active": false})
	default:
		reply(w, http.StatusOK, as.verdict(got.pair))
	}
}

// readVerification judges a verification request by sections 2 and 4.4 of the profile.
func readVerification(r *http.Request) asked {
	got := asked{exchange: conformance.ExchangeOf(r)}
	got.app, got.secret, _ = r.BasicAuth()
	var body struct {
		UserID           *string `json:"user_id"`
		AuthorizationKey *string `json:"authorization_key"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	switch {
	case r.Method != http.MethodPost:
		got.problem = "method " + r.Method
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		got.problem = fmt.Sprintf("Content-Type %q", r.Header.Get("Content-Type"))
	case err != nil:
		got.problem = "a body that is no JSON object with strings"
	case body.UserID == nil || body.AuthorizationKey == nil:
		got.problem = "no user_id or no authorization_key"
	default:
		got.pair = pair{*body.UserID, *body.AuthorizationKey}
	}
	return got
}

// reply sends a JSON object.
func reply(w http.ResponseWriter, status int, body members) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the app server has gone when it cannot be written
}

// confirms answers that exactly this pair is valid, for so many seconds to be kept, and denies every other.
func (t *appTest) confirms(p pair, cacheLifetime int64) conduct {
	exp := t.Env.Now().Unix() + 600
	return conduct{verdict: func(shown pair) members {
		if shown != p {
			return members{"active": false}
		}
		return t.confirmation(p, exp, cacheLifetime)
	}}
}

// confirmation is an active answer.
func (t *appTest) confirmation(p pair, exp, cacheLifetime int64) members {
	return members{"active": true, "user_id": p.userID, "app_id": t.one().ID, "exp": exp, "cache_lifetime": cacheLifetime}
}

// always gives one answer, whatever the pair.
func always(body members) conduct {
	return conduct{verdict: func(pair) members { return body }}
}
