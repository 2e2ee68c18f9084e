package mobile

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// proofWindow is how far the time of a proof may be off, either way, and how long its identifier counts as used (profile section 2.1).
const proofWindow = 60 * time.Second

const (
	proofHeader = "DPoP" // RFC 9449 section 4.1
	proofType   = "dpop+jwt"
)

// proofClaims are what a proof says about its request (RFC 9449 section 4.2).
type proofClaims struct {
	ID        string `json:"jti"`
	Method    string `json:"htm"`
	Target    string `json:"htu"` // without query and fragment
	IssuedAt  int64  `json:"iat"` // seconds since 1970
	TokenHash string `json:"ath,omitempty"`
}

// sign makes the proof by the device key. jwk is the key as it stands in the header: the device's JWK.
func (c proofClaims) sign(device token.Signer, jwk map[string]any) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return device.Sign(map[string]any{"typ": proofType, "jwk": jwk}, payload)
}

// proof is a proof that was read. Each part of the judgement is asked by itself: genuine, isFor, isFresh, presents, and
// last, when all else holds, use.
type proof struct {
	proofClaims
	Thumbprint string // of the key that it names

	signed token.Signed
	key    *ecdsa.PublicKey
}

var (
	errNoProof        = errors.New("the request has no DPoP header; send a proof by the device key")
	errMalformedProof = errors.New("the DPoP header is not one proof of type dpop+jwt with a public P-256 key, jti, htm, htu and iat")
)

// readProof reads the proof in a request's header. The error is errNoProof when there is none, and errMalformedProof when
// it is repeated, malformed, of another type, or has a private key in it.
func readProof(h http.Header) (proof, error) {
	switch values := h.Values(proofHeader); len(values) {
	case 0:
		return proof{}, errNoProof
	case 1:
		return parseProof(values[0])
	}
	return proof{}, errMalformedProof
}

func parseProof(compact string) (proof, error) {
	signed, err := token.ParseSigned(compact)
	if err != nil || signed.Header["typ"] != proofType {
		return proof{}, errMalformedProof
	}
	jwk, _ := signed.Header["jwk"].(map[string]any)
	if _, private := jwk["d"]; private {
		return proof{}, errMalformedProof
	}
	key, err := token.PublicKey(jwk)
	if err != nil {
		return proof{}, errMalformedProof
	}
	p := proof{signed: signed, key: key, Thumbprint: token.Thumbprint(key)}
	if p.proofClaims, err = readProofClaims(signed.Payload); err != nil || len(p.ID) < 16 || len(p.ID) > 128 {
		return proof{}, errMalformedProof
	}
	return p, nil
}

func readProofClaims(payload []byte) (c proofClaims, err error) {
	m, err := wire.StrictObject(payload)
	if err != nil {
		return c, err
	}
	if c.ID, err = m.Word("jti"); err != nil {
		return c, err
	}
	if c.Method, err = m.Word("htm"); err != nil {
		return c, err
	}
	if c.Target, err = m.Word("htu"); err != nil {
		return c, err
	}
	if m.Has("ath") {
		if c.TokenHash, err = m.Word("ath"); err != nil {
			return c, err
		}
	}
	c.IssuedAt, err = m.Whole("iat")
	return c, err
}

// genuine reports whether the signature is ES256 by the key that the proof names.
func (p proof) genuine() bool { return p.signed.Verify(p.key) == nil }

// isFor reports whether the proof was made for a request to that URL.
func (p proof) isFor(method, target string) bool { return p.Method == method && p.Target == target }

// isFresh reports whether the proof was made about now.
func (p proof) isFresh(now time.Time) bool {
	off := now.Unix() - p.IssuedAt
	return off <= int64(proofWindow/time.Second) && -off <= int64(proofWindow/time.Second)
}

// presents reports whether the proof was made for that access token.
func (p proof) presents(accessToken string) bool { return p.TokenHash == hashOf(accessToken) }

// usedProof is the memory of a proof's identifier, kept until Forget.
type usedProof struct {
	store.Mortal
}

// use notes in a bucket that the key has used the proof's identifier now, and reports whether it is the first time within the window.
func (p proof) use(tx store.Tx, bucket string, now time.Time) (first bool, err error) {
	if err := store.Forget(tx, bucket, now, proofWindow); err != nil {
		return false, err
	}
	key := secret.Digest(p.Thumbprint + " " + p.ID)
	var before usedProof
	used, err := tx.Get(bucket, key, &before)
	if err != nil || used && !now.After(before.Forget) {
		return false, err
	}
	// one made ahead of time is good until the window after its own time
	end := now.Add(proofWindow)
	if ahead := time.Unix(p.IssuedAt, 0).Sub(now); ahead > 0 && ahead <= proofWindow {
		end = end.Add(ahead)
	}
	return true, tx.Put(bucket, key, usedProof{store.Mortal{Forget: end}})
}
