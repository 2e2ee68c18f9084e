package bidirectional

import (
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

// The buckets of an OAuth server.
const (
	temporaryCredentials = "oauth-server/temporary-credentials"
	accessTokens         = "oauth-server/access-tokens"
	handovers            = "oauth-server/handovers"
	serverKeys           = "oauth-server/keys"
	passwordGuesses      = "oauth-server/password-guesses"
)

// grace is how long expired credentials are remembered, so that the refusal can say what is the matter.
const grace = 24 * time.Hour

// maxGuesses is the wrong password that ends a temporary credential.
const maxGuesses = 5

// temporaryCredential is a temporary credential as its issuer keeps it.
type temporaryCredential struct {
	store.Mortal
	Token, Secret string
	Expires       time.Time
	ClientID      string // the client that asked
	Callback      string // of that client, as asked for
	Delegate      string // the client to which the identifier may be rewritten
	Holder        string // the client that the credential belongs to now
	Guesses       int    // passwords tried
	State         string // that of the first page, kept only by a server that takes it for the credential's
	Decision      Decision
	Username      string // of the user who consented
	Verifier      string
	Exchanged     bool
}

// accessToken is an access token as its issuer keeps it: for revocation only, as the resource server judges its use.
type accessToken struct {
	store.Mortal
	ClientID string
	Expires  time.Time
	Revoked  bool
}

// liveVerifier reports whether the verifier is that of any credential that can still be exchanged.
func (s *OAuthServer) liveVerifier(tx store.Tx, verifier string) (bool, error) {
	live := false
	err := eachCredential(tx, func(c temporaryCredential) error {
		live = live || c.Decision == Approve && !c.Exchanged && secret.Same(c.Verifier, verifier)
		return nil
	})
	return live, err
}

// eachCredential calls f with every temporary credential.
func eachCredential(tx store.Tx, f func(temporaryCredential) error) error {
	tokens, err := tx.Keys(temporaryCredentials)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		var c temporaryCredential
		if _, err := tx.Get(temporaryCredentials, token, &c); err != nil {
			return err
		}
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

// without leaves a member out of form-encoded text.
func without(form, member string) string {
	var kept []string
	for pair := range strings.SplitSeq(form, "&") {
		if !strings.HasPrefix(pair, member+"=") {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
