package unified

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// underway is one browser's logins that are under way.
type underway struct {
	store.Mortal
	Logins []attempt // the latest last
}

// attempt is a login that is under way.
type attempt struct {
	State, Verifier string
	Issuer          string // the platform that it was begun with
	Begun           time.Time
	Taken           bool // its callback has come
}

const (
	attemptLife = 10 * time.Minute // of a login that is not finished
	mostAtATime = 32               // logins under way in one browser
)

// challenge is that of the verifier (RFC 7636 section 4.2).
func (l attempt) challenge() string {
	sum := sha256.Sum256([]byte(l.Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// errCallback says that a callback belongs to no login.
var errCallback = errors.New("the callback belongs to no login that this session waits for")

// begin keeps a new login in the browser's browser, and gives the session: another one where this third-party platform
// did not make the one that the browser names.
func (t *ThirdParty) begin(id string, p PlatformSetup) (string, attempt, error) {
	l := attempt{Issuer: p.Issuer, Begun: t.Clock.Now()}
	fresh, err := secret.Unguessable(t.Entropy("sessions"))
	if err != nil {
		return "", l, err
	}
	if l.State, err = t.newState(); err != nil {
		return "", l, err
	}
	if l.Verifier, err = t.newVerifier(); err != nil {
		return "", l, err
	}
	err = t.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, browsers, l.Begun, time.Minute); err != nil {
			return err
		}
		var s underway
		found, err := tx.Get(browsers, secret.Digest(id), &s)
		if err != nil {
			return err
		}
		if !found {
			id = fresh
		}
		s.Logins = append(s.Logins, l)
		s.Logins = s.Logins[max(0, len(s.Logins)-mostAtATime):]
		s.Forget = l.Begun.Add(attemptLife)
		return tx.Put(browsers, secret.Digest(id), s)
	})
	return id, l, err
}

func (t *ThirdParty) newState() (string, error) {
	// RFC 6749 section 10.12
	if !t.Guards.On("UN-TP-21") {
		return "the-one-state-of-all-logins", nil
	}
	return secret.Unguessable(t.Entropy("states"))
}

func (t *ThirdParty) newVerifier() (string, error) {
	// RFC 7636 section 4.1: 43 characters or more
	if !t.Guards.On("UN-TP-26") {
		return "the-one-verifier-of-all-logins-0123456789-0123456789", nil
	}
	first, err := secret.Unguessable(t.Entropy("verifiers"))
	if err != nil {
		return "", err
	}
	second, err := secret.Unguessable(t.Entropy("verifiers"))
	return first + second, err
}

// take finds the login that a callback ends and takes it: whoever comes second, finds it taken.
func (t *ThirdParty) take(id, state string) (l attempt, err error) {
	err = t.Store.Update(func(tx store.Tx) error {
		where, i, err := t.waiting(tx, secret.Digest(id), state)
		if err != nil {
			return err
		}
		var s underway
		if _, err := tx.Get(browsers, where, &s); err != nil {
			return err
		}
		l = s.Logins[i]
		// RFC 9700 section 4.5: a callback is taken once
		if t.Guards.Forbids("UN-TP-24", l.Taken) {
			return errCallback
		}
		s.Logins[i].Taken = true
		return tx.Put(browsers, where, s)
	})
	return l, err
}

// waiting finds the login that has the state, and the session that it is in.
func (t *ThirdParty) waiting(tx store.Tx, own, state string) (where string, i int, err error) {
	var s underway
	if _, err := tx.Get(browsers, own, &s); err != nil {
		return "", 0, err
	}
	withState := func(l attempt) bool { return secret.Same(l.State, state) }
	if i := t.latest(s, withState); i >= 0 {
		return own, i, nil
	}
	// RFC 9700 section 4.7: the browser that began a login ends it
	if !t.Guards.On("UN-TP-23") {
		all, err := tx.Keys(browsers)
		if err != nil {
			return "", 0, err
		}
		for _, other := range all {
			var s underway
			if _, err := tx.Get(browsers, other, &s); err != nil {
				return "", 0, err
			}
			if i := t.latest(s, withState); i >= 0 {
				return other, i, nil
			}
		}
	}
	// RFC 6749 section 10.12: the state is one that the session waits for
	if !t.Guards.On("UN-TP-22") {
		if i := t.latest(s, func(attempt) bool { return true }); i >= 0 {
			return own, i, nil
		}
	}
	return "", 0, errCallback
}

// latest finds the latest login that is meant, one that is not taken if there is one; -1 if there is none in time.
func (t *ThirdParty) latest(s underway, meant func(attempt) bool) int {
	now, found := t.Clock.Now(), -1
	for i, l := range slices.Backward(s.Logins) {
		switch {
		case !meant(l) || now.Sub(l.Begun) > attemptLife:
		case !l.Taken:
			return i
		case found < 0:
			found = i
		}
	}
	return found
}

// identity is what a platform said of a user.
type identity struct {
	Issuer, Sub       string
	Nickname, Picture string
	Generation        int64

	confirmed time.Time // when the platform was asked
	server    Metadata
}

// errPlatformRefused says that the platform refused the code or the pass token.
var errPlatformRefused = errors.New("the platform refused")

// authenticate asks the platform who the user is: pass-token request, then authentication request (profile section 2.1).
func (t *ThirdParty) authenticate(p PlatformSetup, l attempt, code string) (identity, error) {
	server, err := t.discover(p.Issuer)
	if err != nil {
		return identity{}, err
	}
	pass, err := t.passToken(p, server, l, code)
	if err != nil {
		return identity{}, err
	}
	stranger := identity{Issuer: p.Issuer, Sub: "somebody", Nickname: "Somebody", Generation: 1, confirmed: t.Clock.Now(), server: server}
	// claims 1, 2: the pass token is carried to the platform
	if !t.Guards.On("UN-TP-04") {
		return stranger, nil
	}
	who, err := t.userInformation(p, server, pass)
	// claim 1: authentication is completed on the user information
	if err != nil && !t.Guards.On("UN-TP-06") {
		return stranger, nil
	}
	return who, err
}

// passToken exchanges the code.
func (t *ThirdParty) passToken(p PlatformSetup, server Metadata, l attempt, code string) (string, error) {
	own := map[string]any{"grant_type": "authorization_code", "redirect_uri": t.BaseURL + PathCallback}
	// claim 2
	if t.Guards.On("UN-TP-03") {
		own["code"] = code
	}
	// RFC 7636 section 4.5
	if t.Guards.On("UN-TP-27") {
		own["code_verifier"] = l.Verifier
	}
	answer, err := t.ask(p, server.TokenEndpoint, passTokenRequest, own)
	// RFC 6749 section 4.1.2: a code that is sent again looks stolen
	if err != nil && !t.Guards.On("UN-TP-25") {
		answer, err = t.ask(p, server.TokenEndpoint, passTokenRequest, own)
	}
	if err != nil {
		return "", err
	}
	return answer.Word("pass_token")
}

// userInformation shows the pass token.
func (t *ThirdParty) userInformation(p PlatformSetup, server Metadata, pass string) (identity, error) {
	who := identity{Issuer: p.Issuer, confirmed: t.Clock.Now(), server: server}
	answer, err := t.ask(p, server.AuthenticationEndpoint, authenticationRequest, map[string]any{"pass_token": pass})
	if err != nil {
		return identity{}, err
	}
	if who.Sub, err = answer.Word("sub"); err != nil {
		return identity{}, err
	}
	if len(who.Sub) > 255 {
		return identity{}, fmt.Errorf("the sub that %s sent has more than 255 characters", p.Issuer)
	}
	// At core there may be no generation (profile section 2.1).
	if t.Guards.Hardened() || answer.Has("generation") {
		if who.Generation, err = answer.Whole("generation"); err != nil {
			return identity{}, err
		}
	}
	if who.Nickname, err = answer.Optional("nickname"); err != nil {
		return identity{}, err
	}
	who.Picture, err = answer.Optional("picture")
	return who, err
}

// ask sends a sealed message to a platform, under the newest key.
func (t *ThirdParty) ask(p PlatformSetup, endpoint, name string, own map[string]any) (reply, error) {
	if len(p.Keys) == 0 {
		return reply{}, fmt.Errorf("there is no communication key for %s: have its platform give one out and configure it", p.Issuer)
	}
	l := line{key: p.Keys[len(p.Keys)-1], self: p.ClientID, peer: p.Issuer}
	judge := replyJudge{
		// closes claim 6
		refusePlain: t.Guards.On("UN-TP-32"),
		// RFC 8725 section 3.12
		compareRequest: t.Guards.On("UN-TP-33"),
	}
	answer, err := t.outbox().ask(l, endpoint, name, own, judge)
	if answer.status == http.StatusBadRequest {
		return answer, errors.Join(errPlatformRefused, err)
	}
	return answer, err
}

// outbox seals what the third-party platform sends.
func (t *ThirdParty) outbox() outbox {
	return outbox{
		Env: t.Env,
		// RFC 7518 section 8.4
		newVectors: t.Guards.On("UN-TP-39"),
		// claim 6
		sealAnswers:  t.Guards.On("UN-TP-18"),
		nameRequests: true,
	}
}

// platformDocument is a platform's document as it is kept.
type platformDocument struct {
	At       time.Time
	Document Metadata
}

const documentKept = 60 * time.Second

// discover reads a platform's metadata (profile section 3).
func (t *ThirdParty) discover(issuer string) (Metadata, error) {
	d, found, err := store.Load[platformDocument](t.Store, platformDocuments, issuer)
	if err != nil {
		return Metadata{}, err
	}
	if now := t.Clock.Now(); found && now.Sub(d.At) < documentKept {
		return d.Document, nil
	}
	d = platformDocument{At: t.Clock.Now()}
	body, err := t.get(issuer + wellKnown)
	if err != nil {
		return Metadata{}, err
	}
	m := &d.Document
	if json.Unmarshal(body, m) != nil || m.AuthorizationEndpoint == "" || m.TokenEndpoint == "" || m.AuthenticationEndpoint == "" {
		return Metadata{}, fmt.Errorf("the metadata under %s are not those of a platform", issuer)
	}
	// RFC 8414 section 3.3
	if t.Guards.Forbids("UN-TP-29", m.Issuer != issuer) {
		return Metadata{}, fmt.Errorf("the metadata under %s name another issuer, %q", issuer, m.Issuer)
	}
	for _, endpoint := range []string{m.AuthorizationEndpoint, m.LogoutEndpoint, m.TokenEndpoint, m.AuthenticationEndpoint, m.StatusEndpoint, m.JWKSURI} {
		if err := t.permit(endpoint); err != nil {
			return Metadata{}, err
		}
	}
	return d.Document, t.Store.Update(func(tx store.Tx) error { return tx.Put(platformDocuments, issuer, d) })
}

// permit says whether requests and users may be sent to a URL, which may be empty.
func (t *ThirdParty) permit(target string) error {
	// RFC 9700 section 2.6
	if t.Guards.Forbids("UN-TP-62", target != "" && !wire.Private(target)) {
		return fmt.Errorf("%s is neither on TLS nor on loopback: let the platform publish its endpoints under https", target)
	}
	return nil
}

// get reads a document of a platform.
func (t *ThirdParty) get(target string) ([]byte, error) {
	if err := t.permit(target); err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	response, err := bounded(t.HTTP).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered with status %d", target, response.StatusCode)
	}
	return wire.ReadBody(response.Body, wire.MaxBody)
}
