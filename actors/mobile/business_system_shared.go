package mobile

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of a business system, besides its keys.
const (
	keptDownloads = "business-system/keptDownloads"
	keptDocuments = "business-system/metadata"
	keptClosures  = "business-system/keptClosures"
)

const (
	longestKept  = 30 * time.Second // of a download, whatever the answer says
	documentKept = 300 * time.Second
)

// download is a shared token as it was downloaded, of use until Forget. It holds a digest and not the token: a system keeps none (profile section 5.1).
type download struct {
	store.Mortal
	Digest                    string // of the token
	UserName, AppID, DeviceID string
	Thumbprint                string // of the key that the token was bound to when it was made
	CacheLifetime             int64  // seconds
}

// errNotShared says that the authorization server does not share a token, or no longer.
var errNotShared = errors.New("the authorization server shares no such token")

// compare is step 4: the token is the one that the authorization server shares.
func (a *access) compare() error {
	shared, err := a.shared()
	switch {
	case errors.Is(err, errNotShared):
		// claims 2, 7; description of step S206
		if a.Guards.On("MO-BS-05") {
			return errInvalidToken
		}
		return nil
	case err != nil:
		// claims 2, 7: access only on a match; RFC 9110 section 15.6.4
		if a.Guards.On("MO-BS-10") {
			return err
		}
		return nil
	}
	// claims 2, 7; description of step S207
	if a.Guards.Forbids("MO-BS-06", !secret.Same(shared.Digest, secret.Digest(a.claims.Token))) {
		return errInvalidToken
	}
	// closes claim 2, matching
	if a.Guards.Forbids("MO-BS-27", shared.UserName != a.claims.Subject || shared.AppID != a.claims.AppID || shared.DeviceID != a.claims.DeviceID) {
		return errInvalidToken
	}
	// RFC 9449 section 6.2; closes claim 2, matching: whoever has the sealing key writes what is in a token, and not what is shared
	if a.Guards.Forbids("MO-BS-37", shared.Thumbprint != a.thumbprint()) {
		return errInvalidToken
	}
	return a.keep(shared)
}

// shared gives the shared token of the access, from a download that is kept or a new one.
func (a *access) shared() (download, error) {
	kept, found, err := store.Load[download](a.Store, keptDownloads, a.keptUnder())
	if err != nil || found && a.Clock.Now().Before(kept.Forget) {
		return kept, err
	}
	closed, _, err := store.Load[time.Time](a.Store, keptClosures, a.Issuer)
	if err != nil || a.Clock.Now().Before(closed) {
		return download{}, errors.Join(err, errOutage)
	}
	sent := a.Clock.Now()
	d, err := a.download(a.claims.ID)
	d.Forget = sent                                            // and a kept one later
	if errors.Is(err, errOutage) && !a.Guards.On("MO-BS-33") { // flows, faults: the next request is judged anew
		err = errors.Join(err, a.Store.Update(func(tx store.Tx) error { return tx.Put(keptClosures, a.Issuer, sent.Add(time.Hour)) }))
	}
	return d, err
}

func (a *access) keptUnder() string { return secret.Digest(a.claims.ID) }

// keep keeps a download that matched, for as long as its answer says. One that is kept already stays as it is.
func (a *access) keep(d download) error {
	if a.Clock.Now().Before(d.Forget) {
		return nil
	}
	until := d.Forget
	if lifetime := min(time.Duration(d.CacheLifetime)*time.Second, longestKept); a.Guards.Hardened() && lifetime > 0 {
		until = until.Add(lifetime)
		// flows, stale shared-token cache after deregistration
		if !a.Guards.On("MO-BS-26") {
			until = time.Unix(a.claims.Expires, 0)
		}
	}
	// description of the second embodiment: no fixed token data stored
	if !a.Guards.On("MO-BS-07") {
		until = until.Add(time.Hour)
	}
	if !a.Clock.Now().Before(until) {
		return nil
	}
	d.Forget = until
	return a.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, keptDownloads, a.Clock.Now(), longestKept); err != nil {
			return err
		}
		return tx.Put(keptDownloads, a.keptUnder(), d)
	})
}

// download asks the authorization server for the shared token of that identifier (profile section 4.7). The error is errNotShared, or errOutage when it gave no answer that counts.
func (a *access) download(id string) (download, error) {
	server, err := a.server()
	if err != nil {
		return download{}, err
	}
	c := outbound.Call{Method: http.MethodPost, URL: server.SharedTokenEndpoint, Object: map[string]string{"token_id": id}}
	// RFC 9700 section 4.3; flows, no list of live tokens: one token, by its name
	if !a.Guards.On("MO-BS-25") {
		c.URL += "?access_token=" + url.QueryEscape(a.token)
	}
	answer, err := a.ask(c)
	if err != nil {
		return download{}, err
	}
	if answer.Status == http.StatusNotFound {
		return download{}, errNotShared
	}
	return readDownload(answer)
}

func readDownload(answer outbound.Reply) (download, error) {
	m, err := wire.Object(answer.Body)
	if answer.Status != http.StatusOK || err != nil {
		return download{}, errOutage
	}
	token, err := m.Word("token")
	if err != nil {
		return download{}, errOutage
	}
	d := download{Digest: secret.Digest(token)}
	// A member of another type is as good as none: it agrees with no token, and keeps none.
	d.UserName, _ = m.Word("username")
	d.AppID, _ = m.Word("appid")
	d.DeviceID, _ = m.Word("deviceid")
	d.Thumbprint, _ = m.Word("jkt")
	if d.CacheLifetime, err = m.Whole("cache_lifetime"); err != nil {
		d.CacheLifetime = 0
	}
	d.CacheLifetime = min(d.CacheLifetime, int64(longestKept/time.Second))
	return d, nil
}

// ask sends a request that the authorization server knows the system by (profile section 2). The error is errOutage.
func (a *access) ask(c outbound.Call) (outbound.Reply, error) {
	// closes claims 2, 7; RFC 7662 section 2.1
	if a.Guards.On("MO-BS-24") {
		c.Authorization = outbound.Basic(a.SystemID, a.Secret)
	}
	answer, err := c.Do(a.Env, a.left())
	if err != nil {
		return outbound.Reply{}, errOutage
	}
	return answer, nil
}

// discovered is the authorization server's document as a business system keeps it.
type discovered struct {
	At       time.Time
	Document Metadata
}

// server is the authorization server's metadata (profile section 3). The error is errOutage, or the store's.
func (a *access) server() (Metadata, error) {
	d, found, err := store.Load[discovered](a.Store, keptDocuments, a.Issuer)
	if err != nil {
		return Metadata{}, err
	}
	if found && a.Clock.Now().Sub(d.At) < documentKept {
		return d.Document, nil
	}
	d = discovered{At: a.Clock.Now()}
	answer, err := outbound.Call{Method: http.MethodGet, URL: a.Issuer + wellKnown}.Do(a.Env, a.left())
	if err != nil || answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &d.Document) != nil || d.Document.Issuer != a.Issuer {
		return Metadata{}, errOutage
	}
	// profile section 2: a secret goes over TLS, or stays on loopback
	keys := d.Document.SealingKeysEndpoint
	if a.Guards.Hardened() && (!isSafeURL(d.Document.SharedTokenEndpoint) || keys != "" && !isSafeURL(keys)) {
		return Metadata{}, errOutage
	}
	return d.Document, a.Store.Update(func(tx store.Tx) error { return tx.Put(keptDocuments, a.Issuer, d) })
}
