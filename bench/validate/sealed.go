package validate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/actors/token"
)

// SealedToken is a token for a system, bound to a device, with the key that opens it and the record that its issuer shares.
type SealedToken struct {
	Key        token.Key
	ID         string // jti
	Compact    string
	Thumbprint string
	Shared     token.Shared
}

// System is whom sealed tokens are for.
const System = "crm"

// SealedTokens makes tokens of so many devices under one new key, good for a day.
func SealedTokens(devices int) ([]SealedToken, error) {
	key := token.Key{ID: "crm-1", Secret: make([]byte, 32)}
	if _, err := rand.Read(key.Secret); err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	all := make([]SealedToken, devices)
	for i := range all {
		sum := sha256.Sum256(fmt.Append(nil, "device ", i))
		s := SealedToken{Key: key, ID: base64.RawURLEncoding.EncodeToString(sum[16:]), Thumbprint: base64.RawURLEncoding.EncodeToString(sum[:])}
		bound := map[string]any{"jkt": s.Thumbprint}
		secret := base64.RawURLEncoding.EncodeToString(sum[:16])
		s.Shared = token.Shared{Digest: sha256.Sum256([]byte(secret)), Subject: "alice", App: "field-sales", Device: fmt.Sprint("device-", i), Thumbprint: s.Thumbprint}
		payload, err := json.Marshal(map[string]any{
			"iss": Issuer, "aud": System, "cnf": bound, "sub": s.Shared.Subject, "appid": s.Shared.App, "deviceid": s.Shared.Device,
			"jti": s.ID, "token": secret, "iat": now, "exp": now + 86400,
		})
		if err != nil {
			return nil, err
		}
		if s.Compact, err = token.Seal(rand.Reader, key, map[string]any{"aud": System, "cnf": bound}, payload); err != nil {
			return nil, err
		}
		all[i] = s
	}
	return all, nil
}

// SealedPath is the contest of the validator with the bare opening of the same token, and with the peers that are given. The second of ours sees all
// devices in turn, so that each comes back after all others.
func SealedPath(tokens []SealedToken, peers ...Variant) (Path, error) {
	first := &tokens[0]
	v, err := token.NewSealedValidator(token.SealedExpectation{Issuer: Issuer, Audience: System, Now: time.Now}, first.Key)
	if err != nil {
		return Path{}, err
	}
	open, err := first.bare()
	if err != nil {
		return Path{}, err
	}
	var c token.Claims
	i := 0
	return Path{
		Name: "sealed", Floor: "gcm.Open of what is decoded already, and time.Now",
		Variants: append([]Variant{
			variant("bare", Aim{}, open),
			variant("ours", Aim{AtMost: 2.5, NoAllocations: true}, func() error { return v.Validate(first.Compact, first.Thumbprint, &c) }),
			variant("ours, with the shared record", Aim{}, func() error {
				if err := v.Validate(first.Compact, first.Thumbprint, &c); err != nil {
					return err
				}
				if !c.Matches(&first.Shared) {
					return errNoMatch
				}
				return nil
			}),
			variant(fmt.Sprintf("ours, %d devices in turn", len(tokens)), Aim{NoAllocations: true}, func() error {
				i = (i + 1) % len(tokens)
				return v.Validate(tokens[i].Compact, tokens[i].Thumbprint, &c)
			}),
		}, peers...),
	}, nil
}

var errNoMatch = errors.New("the token does not match its shared record")

func (s *SealedToken) bare() (func() error, error) {
	block, err := aes.NewCipher(s.Key.Secret)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(s.Compact, ".")
	var decoded [5][]byte
	for i := 2; i < 5; i++ {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(parts[i]); err != nil {
			return nil, err
		}
	}
	nonce, sealed, data := decoded[2], append(decoded[3], decoded[4]...), []byte(parts[0])
	plain := make([]byte, 0, len(sealed))
	return func() error {
		_, err := gcm.Open(plain, nonce, sealed, data)
		if time.Now().Unix() == 0 {
			return errNoMatch
		}
		return err
	}, nil
}
