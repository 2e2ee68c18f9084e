package unified

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// authorizationCode is a code as the platform keeps it.
type authorizationCode struct {
	store.Mortal
	ClientID, Callback string
	Challenge, Method  string
	Sub                string
	Generation         int64
	Expires            time.Time
	Used               bool
	PassToken          string // the digest of the one that it was exchanged for
}

// passToken is a pass token as the platform keeps it.
type passToken struct {
	store.Mortal
	ClientID, Sub string
	Generation    int64
	Expires       time.Time
	Used, Revoked bool
}

// outlived reports whether the user has logged out since a code or pass token was given.
func (p *Platform) outlived(tx store.Tx, sub string, given int64) (bool, error) {
	present, err := generation(tx, sub)
	// closes claim 7: a login under way does not outlive the logout
	return p.Guards.Forbids("UN-PL-45", given != present), err
}

// giveCode makes the code of an approval (RFC 6749 section 4.1.2).
func (p *Platform) giveCode(tx store.Tx, q question, sub string) (string, error) {
	now := p.Clock.Now()
	if err := store.Forget(tx, codes, now, time.Hour); err != nil {
		return "", err
	}
	code, err := p.newCode(tx)
	if err != nil {
		return "", err
	}
	present, err := generation(tx, sub)
	if err != nil {
		return "", err
	}
	if !p.relatesWhenAuthenticated() {
		if err := relate(tx, sub, q.client.ClientID); err != nil {
			return "", err
		}
	}
	digest, expires := secret.Digest(code), now.Add(p.codeLifetime())
	if err := tx.Put(platformLatest, latestCode, digest); err != nil {
		return "", err
	}
	return code, tx.Put(codes, digest, authorizationCode{
		Mortal: store.Mortal{Forget: expires.Add(remembered)}, Expires: expires,
		ClientID: q.client.ClientID, Callback: q.callback, Challenge: q.challenge, Method: q.method, Sub: sub, Generation: present,
	})
}

// newCode makes a code that nobody can guess (RFC 6749 section 10.10).
func (p *Platform) newCode(tx store.Tx) (string, error) {
	if p.Guards.On("UN-PL-56") {
		return secret.Unguessable(p.Entropy("codes"))
	}
	count, err := next(tx, countCodes)
	return wire.Label(p.Issuer) + "-" + strconv.Itoa(count), err
}

// relatesWhenAuthenticated reports whether the relation is recorded when the pass token is verified, and not with the code
// (claim 2: recorded after the verification is passed).
func (p *Platform) relatesWhenAuthenticated() bool { return p.Guards.On("UN-PL-25") }

func invalidGrant(description string) *problem {
	return refusal(http.StatusBadRequest, "invalid_grant", description)
}

func invalidToken(description string) *problem {
	return refusal(http.StatusBadRequest, "invalid_token", description)
}

// givePassToken exchanges a code for a pass token (profile section 4.5).
func (p *Platform) givePassToken(m message) (map[string]any, error) {
	grant, err := m.Word("grant_type")
	if err != nil {
		return nil, err
	}
	shown, err := m.Word("code")
	if err != nil {
		return nil, err
	}
	redirect, err := m.Word("redirect_uri")
	if err != nil {
		return nil, err
	}
	verifier, err := m.Optional("code_verifier")
	if err != nil {
		return nil, err
	}
	if grant != "authorization_code" {
		return nil, refusal(http.StatusBadRequest, "unsupported_grant_type", "grant_type is not authorization_code")
	}
	pass, err := secret.Unguessable(p.Entropy("pass tokens"))
	if err != nil {
		return nil, err
	}
	now := p.Clock.Now()
	var refused error // what a refusal changes is kept
	err = p.Store.Update(func(tx store.Tx) error {
		digest, c, err := p.findCode(tx, shown)
		if err != nil {
			return err
		}
		if refused, err = p.redeemable(tx, c, m.peer, redirect, verifier); err != nil || refused != nil {
			return err
		}
		c.Used, c.PassToken = true, secret.Digest(pass)
		if err := tx.Put(codes, digest, c); err != nil {
			return err
		}
		if err := store.Forget(tx, passTokens, now, time.Hour); err != nil {
			return err
		}
		expires := now.Add(p.passTokenLifetime())
		return tx.Put(passTokens, c.PassToken, passToken{
			Mortal: store.Mortal{Forget: expires.Add(remembered)}, Expires: expires,
			ClientID: m.peer, Sub: c.Sub, Generation: c.Generation,
		})
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"pass_token": pass, "expires_in": seconds(p.passTokenLifetime())}
	// RFC 6749 section 5.1
	if !p.Guards.On("UN-PL-10") {
		delete(answer, "expires_in")
	}
	return answer, nil
}

// findCode finds a code that the platform gave. One that it did not give is the empty record, which nobody can redeem.
func (p *Platform) findCode(tx store.Tx, shown string) (digest string, c authorizationCode, err error) {
	digest = secret.Digest(shown)
	found, err := tx.Get(codes, digest, &c)
	// claim 2: the code is verified
	if err != nil || found || p.Guards.On("UN-PL-11") {
		return digest, c, err
	}
	if found, err = tx.Get(platformLatest, latestCode, &digest); err == nil && found {
		_, err = tx.Get(codes, digest, &c)
	}
	return digest, c, err
}

// redeemable gives the refusal of an exchange, nil when there is none. A second use of a code ends what the first one gave.
func (p *Platform) redeemable(tx store.Tx, c authorizationCode, asking, redirect, verifier string) (refused, err error) {
	outlived, err := p.outlived(tx, c.Sub, c.Generation)
	if err != nil {
		return nil, err
	}
	if c.Used && c.ClientID == asking {
		if err := p.revoke(tx, c.PassToken); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Sub == "":
		return invalidGrant("the platform gave no such code"), nil
	// claim 2; RFC 6749 section 4.1.3
	case p.Guards.Forbids("UN-PL-12", c.ClientID != asking):
		return invalidGrant("the code was given to another third-party platform"), nil
	// RFC 6749 section 4.1.2
	case p.Guards.Forbids("UN-PL-39", c.Used):
		return invalidGrant("the code has been used; begin a new login"), nil
	// RFC 6749 section 4.1.2
	case p.Guards.Forbids("UN-PL-41", !p.Clock.Now().Before(c.Expires)):
		return invalidGrant("the code has expired; begin a new login"), nil
	case outlived:
		return invalidGrant("the user has logged out since the code was given"), nil
	// RFC 6749 section 4.1.3
	case p.Guards.Forbids("UN-PL-38", redirect != c.Callback):
		return invalidGrant("redirect_uri is not that of the authorization request"), nil
	// RFC 7636 section 4.6
	case p.Guards.Forbids("UN-PL-36", !verifies(c, verifier)):
		return invalidGrant("code_verifier is missing or does not belong to the challenge"), nil
	}
	return nil, nil
}

// verifies compares a verifier with the challenge of a code. A code without one has nothing to compare.
func verifies(c authorizationCode, verifier string) bool {
	if c.Challenge == "" {
		return true
	}
	if !isMadeOf(verifier, unreserved, 43, 128) {
		return false
	}
	if c.Method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return secret.Same(verifier, c.Challenge)
}

// revoke ends the pass token that a code was exchanged for (RFC 9700 section 4.5).
func (p *Platform) revoke(tx store.Tx, digest string) error {
	var t passToken
	found, err := tx.Get(passTokens, digest, &t)
	if err != nil || !found || !p.Guards.On("UN-PL-40") {
		return err
	}
	t.Revoked = true
	return tx.Put(passTokens, digest, t)
}

// authenticate tells a third-party platform who the user is, and records the relation (claims 1, 2, 5).
func (p *Platform) authenticate(m message) (map[string]any, error) {
	shown, err := m.Word("pass_token")
	if err != nil {
		return nil, err
	}
	var who User
	var present int64
	err = p.Store.Update(func(tx store.Tx) error {
		digest, t, err := p.findPassToken(tx, shown, m.peer)
		if err != nil {
			return err
		}
		if err := p.authenticates(tx, t, m.peer); err != nil {
			return err
		}
		t.Used = true
		if err := tx.Put(passTokens, digest, t); err != nil {
			return err
		}
		known := false
		if who, known = p.userOf(t.Sub); !known {
			return invalidToken("the user is no longer registered")
		}
		if present, err = generation(tx, t.Sub); err != nil || !p.relatesWhenAuthenticated() {
			return err
		}
		return relate(tx, t.Sub, m.peer)
	})
	if err != nil {
		return nil, err
	}
	// claim 5: the user information is that of the user who authorized
	if !p.Guards.On("UN-PL-15") {
		who = p.Users[0]
	}
	information := map[string]any{"sub": who.Sub, "nickname": who.Nickname, "picture": who.Picture, "generation": p.told(present)}
	// claim 5: unique number, nickname, head portrait path
	if !p.Guards.On("UN-PL-13") {
		delete(information, "picture")
	}
	return information, nil
}

// findPassToken finds a pass token that the platform gave. One that it did not give is the empty record, which authenticates nobody.
func (p *Platform) findPassToken(tx store.Tx, shown, asking string) (digest string, t passToken, err error) {
	digest = secret.Digest(shown)
	found, err := tx.Get(passTokens, digest, &t)
	// claim 1: the pass token is verified
	if err != nil || found || p.Guards.On("UN-PL-14") {
		return digest, t, err
	}
	if _, err := tx.Get(platformLatest, latestLogin, &t.Sub); err != nil {
		return digest, t, err
	}
	t.ClientID, t.Expires = asking, p.Clock.Now().Add(p.passTokenLifetime())
	t.Forget = t.Expires
	t.Generation, err = generation(tx, t.Sub)
	return digest, t, err
}

// authenticates refuses a pass token that says of nobody, to the one who asks, that he is logged in.
func (p *Platform) authenticates(tx store.Tx, t passToken, asking string) error {
	outlived, err := p.outlived(tx, t.Sub, t.Generation)
	if err != nil {
		return err
	}
	switch {
	case t.Sub == "":
		return invalidToken("the platform gave no such pass token")
	// RFC 9700 section 2.3
	case p.Guards.Forbids("UN-PL-44", t.ClientID != asking):
		return invalidToken("the pass token was given to another third-party platform")
	case t.Revoked:
		return invalidToken("the pass token was revoked, since its code was used twice")
	// closes claim 1
	case p.Guards.Forbids("UN-PL-43", t.Used):
		return invalidToken("the pass token has been used; begin a new login")
	// RFC 6750 section 5.3
	case p.Guards.Forbids("UN-PL-42", !p.Clock.Now().Before(t.Expires)):
		return invalidToken("the pass token has expired; begin a new login")
	case outlived:
		return invalidToken("the user has logged out since the pass token was given")
	}
	return nil
}

// status tells a third-party platform whether one of its users is still logged in (profile section 4.5).
func (p *Platform) status(m message) (map[string]any, error) {
	sub, err := m.Word("sub")
	if err != nil {
		return nil, err
	}
	asked, err := m.Whole("generation")
	if err != nil {
		return nil, err
	}
	active := false
	err = p.Store.Update(func(tx store.Tx) error {
		present, err := generation(tx, sub)
		if err != nil {
			return err
		}
		var r relation
		related, err := tx.Get(relationsOf(sub), m.peer, &r)
		if err != nil {
			return err
		}
		// closes claim 5: nobody finds out who is logged in elsewhere
		if _, known := p.userOf(sub); !related && known && !p.Guards.On("UN-PL-86") {
			related, r.Generation = true, present
		}
		current := r.Generation == present && p.told(present) == asked
		// flows: refused everywhere within the stated bound
		active = related && (current || !p.Guards.On("UN-PL-85"))
		return nil
	})
	return map[string]any{"active": active}, err
}
