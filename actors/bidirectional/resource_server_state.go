package bidirectional

import (
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

// The buckets of a resource server.
const (
	handedOverTokens = "resource-server/tokens"
	refusedTokens    = "resource-server/refused-tokens"
)

// handedOver is an access token as the resource server keeps it.
type handedOver struct {
	store.Mortal
	Secret   string
	ClientID string
	Username string
	Expires  int64 // seconds since 1970; zero: never
	Revoked  bool
}

func (h handedOver) sameAs(other handedOver) bool {
	return secret.Same(h.Secret, other.Secret) && h.ClientID == other.ClientID && h.Username == other.Username
}

// longKept is how long a token is kept whose end was not said: one revoked before it was issued, or one of level core.
func (s *ResourceServer) longKept() time.Time { return s.Clock.Now().AddDate(1, 0, 0) }

func (s *ResourceServer) forgetTokens(tx store.Tx) error {
	return store.Forget(tx, handedOverTokens, s.Clock.Now(), time.Hour)
}

// beginsLike finds a token that is equal to the one given in its first eight characters only.
func (s *ResourceServer) beginsLike(token string) (record handedOver, found bool, err error) {
	const compared = 8
	if len(token) < compared {
		return handedOver{}, false, nil
	}
	err = s.Store.Update(func(tx store.Tx) error {
		tokens, err := tx.Keys(handedOverTokens)
		if err != nil {
			return err
		}
		for _, known := range tokens {
			if strings.HasPrefix(known, token[:compared]) {
				found, err = tx.Get(handedOverTokens, known, &record)
				return err
			}
		}
		return nil
	})
	return record, found, err
}
