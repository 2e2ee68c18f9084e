package bidirectional

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/actors"
	"countersign/actors/oauth1"
	"countersign/actors/store"
)

// window is timestamp_window where nothing else is configured.
const window = 300 * time.Second

// requestJudge judges signed requests (RFC 5849 section 3.2; profile section 2.1) for one role. Its fields
// are the role's decisions: a decision that is false lets that violation pass.
//
// A role calls read, looks up the token that the request names, and calls verify with the token's secret.
type requestJudge struct {
	actors.Env
	nonces string // the bucket that remembers them
	window time.Duration
	// unsigned is the status for a request without an Authorization header.
	unsigned int
	// keys gives what is known of a client.
	keys func(consumerKey string) (oauth1.Keys, bool)

	refuseDuplicates      bool
	refuseVersions        bool
	refuseUnknownMethods  bool
	refusePlainPlaintext  bool
	refuseUnknownClients  bool
	refuseWrongSignatures bool
	refuseOld             bool
	refuseFuture          bool
	refuseReplays         bool
	acceptHMACSHA1        bool
	coverBody             bool
	keepNoncesApart       bool
}

// read reads a request and judges what can be judged without the token's secret. Required are the
// protocol parameters that the leg needs besides those that every signed request has.
func (j requestJudge) read(r *http.Request, required ...string) (*oauth1.Message, error) {
	m, err := oauth1.Parse(r, 0)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.Transports, oauth1.InHeader) {
		p := oauth1.Refuse(oauth1.ParameterAbsent, "", "the request has no Authorization header of the scheme OAuth; sign it")
		p.Status = j.unsigned
		return nil, p
	}
	if j.refuseDuplicates && len(m.Duplicated) > 0 {
		return nil, oauth1.Refuse(oauth1.ParameterRejected, m.Duplicated[0], "the parameter appears twice; send it once")
	}
	for _, name := range append([]string{"oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce"}, required...) {
		if m.Get(name) == "" {
			return nil, absent(name)
		}
	}
	if _, err := m.Time(); err != nil {
		return nil, oauth1.Refuse(oauth1.ParameterRejected, "oauth_timestamp", "the timestamp is no positive decimal integer; send the seconds since 1970")
	}
	if j.refuseVersions && m.Has("oauth_version") && m.Version != "1.0" {
		return nil, oauth1.Refuse(oauth1.VersionRejected, "oauth_version", "only version 1.0 is spoken here")
	}
	if err := j.judgeMethod(m); err != nil {
		return nil, err
	}
	if _, known := j.keys(m.ConsumerKey); !known && j.refuseUnknownClients {
		return nil, oauth1.Refuse(oauth1.ConsumerKeyUnknown, "oauth_consumer_key", "no client of this identifier is registered here")
	}
	if !j.coverBody {
		bare := r.Clone(r.Context())
		bare.Body, bare.PostForm = http.NoBody, nil
		withoutBody, err := oauth1.Parse(bare, 0)
		if err != nil {
			return nil, err
		}
		m.Params = withoutBody.Params
	}
	return m, nil
}

// judgeMethod judges oauth_signature_method (RFC 5849 section 3.4).
func (j requestJudge) judgeMethod(m *oauth1.Message) error {
	method := oauth1.Method(m.SignatureMethod)
	reject := func(why string) error {
		return oauth1.Refuse(oauth1.SignatureMethodRejected, "oauth_signature_method", why)
	}
	switch {
	case j.refuseUnknownMethods && !slices.Contains(oauth1.Methods(), method):
		return reject("the signature method is unknown here; use HMAC-SHA256")
	case j.refusePlainPlaintext && method == oauth1.Plaintext && !m.Secure:
		return reject("PLAINTEXT shows the secrets on a connection without TLS; use HMAC-SHA256")
	case !j.acceptHMACSHA1 && method == oauth1.HMACSHA1:
		return reject("HMAC-SHA1 is not accepted here; use HMAC-SHA256")
	}
	return nil
}

// verify judges signature, timestamp and nonce of a request that read has read. The secret is that of the
// token in the request, empty without one.
func (j requestJudge) verify(m *oauth1.Message, tokenSecret string) error {
	keys, known := j.keys(m.ConsumerKey)
	keys.TokenSecret = tokenSecret
	if known && j.refuseWrongSignatures && slices.Contains(oauth1.Methods(), oauth1.Method(m.SignatureMethod)) {
		if err := m.Verify(keys); err != nil {
			return err
		}
	}
	// RFC 5849 section 3.3
	made, err := m.Time()
	if err != nil {
		return err
	}
	now := j.Clock.Now().Truncate(time.Second) // as the timestamp is
	switch {
	case j.refuseOld && now.Sub(made) > j.window:
		return oauth1.Refuse(oauth1.TimestampRefused, "oauth_timestamp", "the timestamp is too old; compare the clocks")
	case j.refuseFuture && made.Sub(now) > j.window:
		return oauth1.Refuse(oauth1.TimestampRefused, "oauth_timestamp", "the timestamp lies in the future; compare the clocks")
	case !j.refuseReplays:
		return nil
	}
	// A nonce is remembered until the window has passed since its use and since its timestamp: from then on the timestamp is refused.
	forget := now
	if made.After(now) {
		forget = made
	}
	return j.useUp(m, forget.Add(j.window+time.Second))
}

// useUp remembers the nonce, or refuses it when it has been seen.
func (j requestJudge) useUp(m *oauth1.Message, until time.Time) error {
	key := oauth1.Escape(m.Nonce)
	if j.keepNoncesApart {
		key = oauth1.Escape(m.ConsumerKey) + "&" + key
	}
	return j.Store.Update(func(tx store.Tx) error {
		var seen store.Mortal
		found, err := tx.Get(j.nonces, key, &seen)
		if err != nil {
			return err
		}
		if found && !seen.Forget.Before(j.Clock.Now()) {
			return oauth1.Refuse(oauth1.NonceUsed, "oauth_nonce", "the nonce has been used before; send a fresh one")
		}
		if err := store.Forget(tx, j.nonces, j.Clock.Now(), j.window); err != nil {
			return err
		}
		return tx.Put(j.nonces, key, store.Mortal{Forget: until})
	})
}

func absent(name string) *oauth1.Problem {
	return oauth1.Refuse(oauth1.ParameterAbsent, name, "the request lacks "+name)
}

// registeredKeys gives the keys of registered clients.
func registeredKeys(clients []ClientRegistration) func(string) (oauth1.Keys, bool) {
	return func(consumerKey string) (oauth1.Keys, bool) {
		c, known := findClient(clients, consumerKey)
		return oauth1.Keys{ClientSecret: c.Secret, PublicKey: c.PublicKey}, known
	}
}

// seconds writes a duration as the whole seconds of a wire parameter.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
