package unified

import (
	"cmp"
	"slices"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

// The buckets of a platform. Session values, codes and pass tokens are kept under their digests.
const (
	sessions          = "platform/sessions"
	generations       = "platform/generations" // by sub
	codes             = "platform/codes"
	passTokens        = "platform/pass-tokens"
	thirdParties      = "platform/third-parties"      // by client_id
	registrations     = "platform/registrations"      // by request_id
	communicationKeys = "platform/communication-keys" // by client_id
	keyOwners         = "platform/key-owners"         // by kid
	platformMessages  = "platform/messages"           // jti that have come
	platformGuesses   = "platform/password-guesses"
	platformSecrets   = "platform/secrets"
	platformCounts    = "platform/counts"
	platformLatest    = "platform/latest" // the code and the login that came last, which some defects take for others
)

// The keys in the buckets of counts and latest.
const (
	countThirdParties  = "third parties"
	countRegistrations = "registrations"
	countCodes         = "codes"
	latestLogin        = "login"
	latestCode         = "code"
)

const (
	sessionLifetime = 24 * time.Hour
	// remembered is how long codes and pass tokens are kept beyond their end.
	remembered = 24 * time.Hour
)

// sessionsOf is the bucket of the digests of one user's sessions, and relationsOf that of the user's relations, by client_id.
func sessionsOf(sub string) string  { return "platform/sessions-of/" + sub }
func relationsOf(sub string) string { return "platform/relations/" + sub }

// platformSession is a browser in which a user is logged in.
type platformSession struct {
	store.Mortal
	Digest  string // of the cookie's value
	Sub     string
	Expires time.Time
	Ended   bool // by a logout
}

func (s platformSession) live(now time.Time) bool {
	return s.Sub != "" && !s.Ended && now.Before(s.Expires)
}

// startSession logs the user in under a cookie value.
func (p *Platform) startSession(tx store.Tx, value, sub string) error {
	now := p.Clock.Now()
	for _, bucket := range []string{sessions, sessionsOf(sub)} {
		if err := store.Forget(tx, bucket, now, time.Hour); err != nil {
			return err
		}
	}
	end := now.Add(sessionLifetime)
	s := platformSession{Mortal: store.Mortal{Forget: end}, Digest: secret.Digest(value), Sub: sub, Expires: end}
	if err := tx.Put(sessionsOf(sub), s.Digest, s.Mortal); err != nil {
		return err
	}
	if err := tx.Put(platformLatest, latestLogin, sub); err != nil {
		return err
	}
	return tx.Put(sessions, s.Digest, s)
}

// endSession ends one session. It stays on record, ended, so that a page that was shown in it is known as one of an ended session.
func endSession(tx store.Tx, digest string) error {
	var s platformSession
	found, err := tx.Get(sessions, digest, &s)
	if err != nil || !found {
		return err
	}
	s.Ended = true
	if err := tx.Put(sessions, digest, s); err != nil {
		return err
	}
	return tx.Delete(sessionsOf(s.Sub), digest)
}

// endSessions ends all sessions of a user.
func endSessions(tx store.Tx, sub string) error {
	digests, err := tx.Keys(sessionsOf(sub))
	if err != nil {
		return err
	}
	for _, digest := range digests {
		if err := endSession(tx, digest); err != nil {
			return err
		}
	}
	return nil
}

// generation is the user's present one: 1 before the first logout.
func generation(tx store.Tx, sub string) (int64, error) {
	present := int64(1)
	_, err := tx.Get(generations, sub, &present)
	return present, err
}

// raiseGeneration begins the user's next generation. Codes, pass tokens and relations of the one before are void from then on.
func raiseGeneration(tx store.Tx, sub string) error {
	present, err := generation(tx, sub)
	if err != nil {
		return err
	}
	return tx.Put(generations, sub, present+1)
}

// told is a generation as it is told to third-party platforms. Without the guard all are told as one, so that nobody can order them.
func (p *Platform) told(generation int64) int64 {
	// flows, login that races a logout; closes claims 5, 8
	if !p.Guards.On("UN-PL-84") {
		return 1
	}
	return generation
}

// relation says that a user was authenticated at a third-party platform (claim 2; description of the relation data).
type relation struct {
	ClientID   string
	Generation int64 // in which; the relation holds as long as it is the user's present one
}

// relate records that the user was authenticated at the third-party platform in the present generation.
func relate(tx store.Tx, sub, clientID string) error {
	present, err := generation(tx, sub)
	if err != nil {
		return err
	}
	return tx.Put(relationsOf(sub), clientID, relation{ClientID: clientID, Generation: present})
}

// relations are those of the user that hold, by client_id.
func relations(tx store.Tx, sub string) ([]relation, error) {
	present, err := generation(tx, sub)
	if err != nil {
		return nil, err
	}
	clients, err := tx.Keys(relationsOf(sub))
	if err != nil {
		return nil, err
	}
	var holding []relation
	for _, client := range clients {
		var r relation
		if _, err := tx.Get(relationsOf(sub), client, &r); err != nil {
			return nil, err
		}
		if r.Generation == present {
			holding = append(holding, r)
		}
	}
	return holding, nil
}

// inForce is a third-party platform in force as the platform keeps it.
type inForce struct {
	RegisteredParty
	Number int // its place in the portal
}

// thirdParty finds a third-party platform in force.
func (p *Platform) thirdParty(tx store.Tx, clientID string) (RegisteredParty, bool, error) {
	var t inForce
	found, err := tx.Get(thirdParties, clientID, &t)
	if err != nil || found {
		return t.RegisteredParty, found, err
	}
	i := slices.IndexFunc(p.ThirdParties, func(t RegisteredParty) bool { return t.ClientID == clientID })
	if i < 0 {
		return RegisteredParty{}, false, nil
	}
	return p.ThirdParties[i], true, nil
}

// putInForce keeps a registration as the one in force from now on.
func (p *Platform) putInForce(tx store.Tx, clientID, owner string, r Registration) error {
	t := inForce{Number: slices.IndexFunc(p.ThirdParties, func(t RegisteredParty) bool { return t.ClientID == clientID })}
	found, err := tx.Get(thirdParties, clientID, &t)
	if err != nil {
		return err
	}
	if !found && t.Number < 0 {
		count, err := next(tx, countThirdParties)
		if err != nil {
			return err
		}
		t.Number = len(p.ThirdParties) + count
	}
	t.RegisteredParty = RegisteredParty{ClientID: clientID, Owner: owner, Registration: r}
	return tx.Put(thirdParties, clientID, t)
}

// allInForce lists the third-party platforms in force, in the order in which they came.
func (p *Platform) allInForce(tx store.Tx) ([]RegisteredParty, error) {
	all := make([]inForce, len(p.ThirdParties))
	for i, t := range p.ThirdParties {
		all[i] = inForce{t, i}
	}
	ids, err := tx.Keys(thirdParties)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		var t inForce
		if _, err := tx.Get(thirdParties, id, &t); err != nil {
			return nil, err
		}
		if t.Number < len(p.ThirdParties) {
			all[t.Number] = t
		} else {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b inForce) int { return cmp.Compare(a.Number, b.Number) })
	listed := make([]RegisteredParty, len(all))
	for i, t := range all {
		listed[i] = t.RegisteredParty
	}
	return listed, nil
}

// next counts one up, from 1.
func next(tx store.Tx, what string) (count int, err error) {
	if _, err := tx.Get(platformCounts, what, &count); err != nil {
		return 0, err
	}
	count++
	return count, tx.Put(platformCounts, what, count)
}

// user finds a user by name, and userOf by sub.
func (p *Platform) user(name string) (User, bool) {
	return find(p.Users, func(u User) bool { return u.Name == name })
}

func (p *Platform) userOf(sub string) (User, bool) {
	return find(p.Users, func(u User) bool { return u.Sub == sub })
}

// find returns the first element that has the property.
func find[E any](all []E, has func(E) bool) (found E, there bool) {
	if i := slices.IndexFunc(all, has); i >= 0 {
		return all[i], true
	}
	return found, false
}
