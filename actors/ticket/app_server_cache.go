package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of an app server.
const (
	confirmations = "app-server/confirmations"
	documents     = "app-server/metadata"
)

const (
	longestKept  = 60 * time.Second // of a confirmation, whatever the answer says
	documentKept = 300 * time.Second
)

// remark is a verification result as it is kept. It is of use until Forget.
type remark struct {
	store.Mortal
	Verdict verdict
}

// kept gives what is kept about the pair.
func (a *AppServer) kept(p pair) (verdict, bool, error) {
	if !a.Guards.Hardened() {
		return verdict{}, false, nil // at level core each request is asked about
	}
	r, found, err := store.Load[remark](a.Store, confirmations, a.keptUnder(p))
	v := r.Verdict
	if v.UserID != p.userID && v.Active {
		v.UserID = p.userID // only where the pair is not looked up whole
	}
	return v, found && a.Clock.Now().Before(r.Forget), err
}

// keptUnder is the key that a pair is kept under.
func (a *AppServer) keptUnder(p pair) string {
	// flows, user ID swapped beside a valid key
	if !a.Guards.On("TI-AP-07") {
		return secret.Digest(p.key)
	}
	return secret.Digest(p.userID + " " + p.key)
}

// keep keeps the answer to a request of that time for as long as it holds (RFC 7662 section 4).
func (a *AppServer) keep(p pair, v verdict, sent time.Time, confirmed bool) error {
	if !a.Guards.Hardened() {
		return nil
	}
	until := sent
	if confirmed {
		until = v.until(sent)
		// RFC 7662 section 4; flows, cached approval used after revocation
		if !a.Guards.On("TI-AP-05") {
			until = sent.Add(time.Hour)
		}
	} else if !a.Guards.On("TI-AP-06") { // flows, verification answers cached: denials are not kept
		until = sent.Add(time.Minute)
	}
	if !a.Clock.Now().Before(until) {
		return nil
	}
	return a.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, confirmations, a.Clock.Now(), longestKept); err != nil {
			return err
		}
		return tx.Put(confirmations, a.keptUnder(p), remark{store.Mortal{Forget: until}, v})
	})
}

// until is how long a confirmation is of use that answers a request of that time.
func (v verdict) until(sent time.Time) time.Time {
	until := sent.Add(min(time.Duration(v.CacheLifetime)*time.Second, longestKept))
	if end := time.Unix(v.Expires, 0); v.Expires != 0 && end.Before(until) {
		until = end
	}
	return until
}

// discovered is the account server's document as an app server keeps it.
type discovered struct {
	At       time.Time
	Document Metadata
}

// verificationEndpoint reads the account server's metadata (profile section 3), within the limit.
func (a *AppServer) verificationEndpoint(limit time.Duration) (string, error) {
	d, found, err := store.Load[discovered](a.Store, documents, a.Issuer)
	if err != nil {
		return "", err
	}
	if found && a.Clock.Now().Sub(d.At) < documentKept {
		return d.Document.VerificationEndpoint, nil
	}
	if err := a.overTLS(a.Issuer); err != nil {
		return "", err
	}
	d = discovered{At: a.Clock.Now()}
	answer, err := outbound.Call{Method: http.MethodGet, URL: a.Issuer + wellKnown}.Do(a.Env, limit)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &d.Document) != nil || d.Document.Issuer != a.Issuer || d.Document.VerificationEndpoint == "" {
		return "", fmt.Errorf("the metadata under %s are not those of an account server of that URL", a.Issuer)
	}
	if err := a.overTLS(d.Document.VerificationEndpoint); err != nil {
		return "", err
	}
	return d.Document.VerificationEndpoint, a.Store.Update(func(tx store.Tx) error { return tx.Put(documents, a.Issuer, d) })
}

// overTLS is an error for a URL where others could read what is sent, or answer it.
func (a *AppServer) overTLS(target string) error {
	// RFC 8414 section 6.1; RFC 9700 section 2.6
	if a.Guards.Forbids("TI-AP-11", !wire.Private(target)) {
		return fmt.Errorf("%s is neither on TLS nor on loopback: let the account server lie and publish its endpoints under https", target)
	}
	return nil
}
