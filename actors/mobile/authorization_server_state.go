package mobile

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
)

// The buckets of an authorization server.
const (
	devices         = "authorization-server/devices"
	sharedTokens    = "authorization-server/shared-tokens"
	keyrings        = "authorization-server/sealing-keys"
	signingKeys     = "authorization-server/signing-keys"
	usedProofs      = "authorization-server/used-proofs"
	passwordGuesses = "authorization-server/password-guesses"
	counts          = "authorization-server/counts"
)

// remembered is how long tokens are kept beyond their end.
const remembered = time.Hour

// device is a registered device, by its deviceid.
type device struct {
	ID, Username    string
	Thumbprint      string // of the device key; empty where none was proved
	NotificationURI string
	Registration    string // told apart from others of the same device, whose tokens have ended
	Wipe            *wipe  // nil until it is deregistered
}

// wipe is the end of a registration.
type wipe struct {
	ID           string // jti of the message
	Message      string // as it is pushed
	Acknowledged bool
}

// ended reports whether the device is deregistered.
func (d device) ended() bool { return d.Wipe != nil }

// sharedToken is the record of a token, by its identifier.
type sharedToken struct {
	store.Mortal
	Token                               string
	Username, AppID, DeviceID, SystemID string
	Thumbprint                          string // of the key that it is bound to; empty where none was proved
	Registration                        string
	Expires                             int64 // seconds since 1970
}

// keyring is the sealing keys of a system, the newest first.
type keyring struct {
	Keys []ringKey
	Made int // how many rotations there were
}

type ringKey struct {
	ID     string
	Secret []byte
	Until  time.Time // when it is withdrawn; zero for the newest
}

// newest is the key that seals.
func (k keyring) newest() token.Key { return token.Key{ID: k.Keys[0].ID, Secret: k.Keys[0].Secret} }

// keyring gives the keys of a system; until they are rotated, the one that it is configured with.
func (s *AuthorizationServer) keyring(tx store.Tx, system System) (ring keyring, err error) {
	found, err := tx.Get(keyrings, system.ID, &ring)
	if err == nil && !found {
		ring.Keys = []ringKey{{ID: system.Key.ID, Secret: system.Key.Secret}}
	}
	return ring, err
}

// Open makes what the server lacks, puts the first rules in force, and takes up the messages that it has not got rid of. Handler
// calls it. The error is that of the store or of entropy, or says which rules are broken (a *RulesError).
func (s *AuthorizationServer) Open() error {
	s.accounts = map[string]password.Hash{}
	for _, user := range s.Users {
		hash, err := s.Passwords.Hash(user.Password, s.Entropy("salts"))
		if err != nil {
			return err
		}
		s.accounts[user.Name] = hash
	}
	if err := s.openSigner(); err != nil {
		return err
	}
	if err := s.openRules(); err != nil {
		return err
	}
	return s.takeUpMessages()
}

// openSigner makes the signing key, or finds the one made before.
func (s *AuthorizationServer) openSigner() error {
	const id = "signing-1"
	if s.Signer.Key != nil {
		s.Signer.ID = cmp.Or(s.Signer.ID, id)
		return nil
	}
	made, err := token.NewSigner(s.Entropy("signing key"), id)
	if err != nil {
		return err
	}
	return s.Store.Update(func(tx store.Tx) error {
		var raw []byte
		found, err := tx.Get(signingKeys, id, &raw)
		if err != nil {
			return err
		}
		if !found {
			if raw, err = made.Key.Bytes(); err != nil {
				return err
			}
			if err := tx.Put(signingKeys, id, raw); err != nil {
				return err
			}
		}
		s.Signer.ID = id
		s.Signer.Key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
		return err
	})
}

// openRules puts rules in force where there are none yet: those of the file, or those that the server is configured with.
func (s *AuthorizationServer) openRules() error {
	if s.RulesFile != nil {
		s.readRulesFile()
	}
	e, err := s.rulesNow()
	if err != nil {
		return err
	}
	if e == nil {
		document, err := s.Rules.document()
		if err != nil {
			return err
		}
		if err := s.Reload(document); err != nil {
			return err
		}
		if e, err = s.rulesNow(); err != nil {
			return err
		}
	}
	s.begun = e
	s.watchRulesFile()
	return nil
}

// document is the rules in JSON. Lists that are nil are empty.
func (r Rules) document() ([]byte, error) {
	if r.Systems == nil {
		r.Systems = []SystemRule{}
	}
	if r.Apps == nil {
		r.Apps = []AppRule{}
	}
	if r.Devices == nil {
		r.Devices = []DeviceRule{}
	}
	return json.Marshal(r)
}

// count counts up what a guard that is lifted counts.
func count(tx store.Tx, what string) (int, error) {
	var n int
	if _, err := tx.Get(counts, what, &n); err != nil {
		return 0, err
	}
	return n + 1, tx.Put(counts, what, n+1)
}

// newIdentifier makes the identifier of a token (RFC 6749 section 10.10).
func (s *AuthorizationServer) newIdentifier(tx store.Tx) (string, error) {
	if s.Guards.On("MO-AS-36") {
		return secret.Unguessable(s.Entropy("token identifiers"))
	}
	n, err := count(tx, "token identifiers")
	return strconv.Itoa(n), err
}

// newSecret draws a sealing key.
func newSecret(entropy io.Reader) ([]byte, error) {
	key := make([]byte, 32)
	_, err := io.ReadFull(entropy, key)
	return key, err
}
