package unified

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of a third-party platform.
const (
	browsers          = "third-party/browsers"
	credentials       = "third-party/credentials"
	accounts          = "third-party/accounts"
	accountOf         = "third-party/account-of"
	endedGenerations  = "third-party/ended"
	carriedOut        = "third-party/carried-out"
	batchMessages     = "third-party/messages"
	logoutTokens      = "third-party/logout-tokens"
	platformDocuments = "third-party/documents"
	platformKeys      = "third-party/platform-keys"
	oddments          = "third-party/oddments"
)

// credential is a login credential, kept under the digest of its value. It is live until Forget.
type credential struct {
	store.Mortal
	Issuer, Sub string
	Generation  int64
	Account     string
	// Confirmed is when the platform was asked last (profile section 5.2).
	Confirmed time.Time
	// PlatformLogout is the platform's logout endpoint.
	PlatformLogout string
}

const (
	usualBound   = 300 * time.Second // of a platform that announces none
	longestBound = time.Hour         // that a platform may announce (profile section 3)
)

// bound is how long a confirmation counts, by the metadata of the platform that were read last, however old.
func (t *ThirdParty) bound(issuer string) (time.Duration, error) {
	d, _, err := store.Load[platformDocument](t.Store, platformDocuments, issuer)
	announced := d.Document.LogoutBound
	switch {
	case announced <= 0:
		return usualBound, err
	case announced > int64(longestBound/time.Second):
		return longestBound, err
	}
	return time.Duration(announced) * time.Second, err
}

// errEnded says that a login has lost the race against a logout.
var errEnded = errors.New("the generation of this login has ended")

// enter finds or makes the account, and gives a login credential. brought is the one that the browser has already.
func (t *ThirdParty) enter(who identity, brought string) (string, error) {
	value, err := secret.Unguessable(t.Entropy("credentials"))
	if err != nil {
		return "", err
	}
	// RFC 6265 section 8.4: whoever planted a cookie must not share the login
	if brought != "" && !t.Guards.On("UN-TP-49") {
		value = brought
	}
	now := t.Clock.Now()
	c := credential{
		Issuer: who.Issuer, Sub: who.Sub, Generation: who.Generation,
		Confirmed: who.confirmed, PlatformLogout: who.server.LogoutEndpoint,
	}
	c.Forget = now.Add(t.credentialLifetime())
	// RFC 6265 section 8.4: no login lasts for ever
	if !t.Guards.On("UN-TP-48") {
		c.Forget = now.AddDate(1000, 0, 0)
	}
	err = t.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, credentials, now, time.Minute); err != nil {
			return err
		}
		var ended int64
		if _, err := tx.Get(endedGenerations, userKey(who.Issuer, who.Sub), &ended); err != nil {
			return err
		}
		// closes claims 2, 7: the logout has overtaken the login
		if t.Guards.Forbids("UN-TP-44", who.Generation <= ended) {
			return errEnded
		}
		if c.Account, err = t.settle(tx, who); err != nil {
			return err
		}
		// claim 2: a credential of the user's own
		if !t.Guards.On("UN-TP-05") {
			return t.giveFirst(tx, &value, c)
		}
		return tx.Put(credentials, secret.Digest(value), c)
	})
	return value, err
}

// giveFirst gives the credential that was given first, of whomever it is.
func (t *ThirdParty) giveFirst(tx store.Tx, value *string, c credential) error {
	const first = "the first credential"
	found, err := tx.Get(oddments, first, value)
	if err != nil || found {
		return err
	}
	if err := tx.Put(oddments, first, *value); err != nil {
		return err
	}
	return tx.Put(credentials, secret.Digest(*value), c)
}

// settle finds the user's account, or makes it at the first login, and notes what the platform said this time.
func (t *ThirdParty) settle(tx store.Tx, who identity) (string, error) {
	var number string
	key := t.accountKey(who)
	found, err := tx.Get(accountOf, key, &number)
	if err != nil {
		return "", err
	}
	// description: later logins find the account of the first
	if !found || !t.Guards.On("UN-TP-08") {
		var count int
		const accountsMade = "accounts made"
		if _, err := tx.Get(oddments, accountsMade, &count); err != nil {
			return "", err
		}
		count++
		number = fmt.Sprint(count)
		if err := tx.Put(oddments, accountsMade, count); err != nil {
			return "", err
		}
		if err := tx.Put(accountOf, key, number); err != nil {
			return "", err
		}
	}
	// Nickname and picture may change and decide nothing (profile section 5.1).
	return number, tx.Put(accounts, number, Visitor{Issuer: who.Issuer, Sub: who.Sub, Nickname: who.Nickname, Picture: who.Picture, Account: number})
}

// accountKey is what an account is found by.
func (t *ThirdParty) accountKey(who identity) string {
	switch {
	// claim 5: the unique number tells users apart, and nothing else
	case !t.Guards.On("UN-TP-09"):
		return who.Nickname
	// RFC 7519 section 4.1.2: a sub is unique at its issuer
	case !t.Guards.On("UN-TP-30"):
		return who.Sub
	}
	return userKey(who.Issuer, who.Sub)
}

// userKey names a user of a platform. No issuer holds a space.
func userKey(issuer, sub string) string { return issuer + " " + sub }

// everyGeneration ends the logins that there are, and none to come.
const everyGeneration = math.MaxInt64

// ending says whose login credentials end: those of a user, up to a generation.
type ending struct {
	Issuer, Sub string
	Generation  int64
}

// end ends login credentials and remembers for good which generations have ended (profile section 5.3).
func (t *ThirdParty) end(tx store.Tx, endings ...ending) error {
	bySub := map[string][]ending{}
	for _, e := range endings {
		bySub[e.Sub] = append(bySub[e.Sub], e)
		if err := raise(tx, e); err != nil {
			return err
		}
	}
	// RFC 7519 section 4.1.2: one platform's logout is not another's
	anyIssuer := !t.Guards.On("UN-TP-31")
	// closes claims 5, 7: an old logout spares the newer login
	anyGeneration := !t.Guards.On("UN-TP-43")
	return t.delete(tx, func(c credential) bool {
		return slices.ContainsFunc(bySub[c.Sub], func(e ending) bool {
			return (c.Issuer == e.Issuer || anyIssuer) && (c.Generation <= e.Generation || anyGeneration)
		})
	})
}

// raise remembers the greatest generation that has ended for a user.
func raise(tx store.Tx, e ending) error {
	var ended int64
	if _, err := tx.Get(endedGenerations, userKey(e.Issuer, e.Sub), &ended); err != nil {
		return err
	}
	if e.Generation <= ended || e.Generation == everyGeneration {
		return nil
	}
	return tx.Put(endedGenerations, userKey(e.Issuer, e.Sub), e.Generation)
}

// delete deletes the login credentials that are meant.
func (t *ThirdParty) delete(tx store.Tx, meant func(credential) bool) error {
	keys, err := tx.Keys(credentials)
	if err != nil {
		return err
	}
	for _, key := range keys {
		var c credential
		if _, err := tx.Get(credentials, key, &c); err != nil {
			return err
		}
		if !meant(c) {
			continue
		}
		if err := tx.Delete(credentials, key); err != nil {
			return err
		}
	}
	return nil
}

func (t *ThirdParty) sessionCookie() string { return "tp-session-" + wire.Label(t.BaseURL) }
func (t *ThirdParty) loginCookie() string   { return "tp-login-" + wire.Label(t.BaseURL) }

// cookieOf is the value of a cookie, empty without one.
func cookieOf(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie gives a cookie to the browser; an empty value takes it away.
func (t *ThirdParty) setCookie(w http.ResponseWriter, name, value string) {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/"}
	if value == "" {
		cookie.MaxAge = -1
	}
	// RFC 6265 section 4.1.2; RFC 9700 section 4.7
	if t.Guards.On("UN-TP-50") {
		cookie.HttpOnly, cookie.SameSite, cookie.Secure = true, http.SameSiteLaxMode, strings.HasPrefix(t.BaseURL, "https:")
	}
	http.SetCookie(w, cookie)
}
