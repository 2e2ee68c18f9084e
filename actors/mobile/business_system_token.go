package mobile

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// opened is a sealed token that was opened.
type opened struct {
	header map[string]any
	claims sealedClaims
	bound  any // cnf, with all its members
}

// audience and thumbprint are the claims that the protected header repeats (RFC 7519 section 5.3).
func (o opened) audience() string {
	audience, _ := o.header["aud"].(string)
	return audience
}

func (o opened) thumbprint() string {
	bound, _ := o.header["cnf"].(map[string]any)
	thumbprint, _ := bound["jkt"].(string)
	return thumbprint
}

// validate is the steps 1 and 2 by the validator of package token, with the keys as they are kept. What it refuses is judged again by open and
// judgeClaims, for the reason, or because the keys have to be read.
func (a *access) validate() (good bool) {
	if !a.Guards.Whole() || a.unproved != nil {
		return false
	}
	set, found, err := store.Load[keySet](a.Store, keptKeys, a.Issuer)
	if err != nil || !found || !a.Clock.Now().Before(set.Fresh) {
		return false
	}
	if server, err := a.server(); err != nil || server.SealingKeysEndpoint == "" {
		return false
	}
	v, err := a.validators.Of(a.Issuer, set.At, func() (*token.SealedValidator, error) {
		return token.NewSealedValidator(token.SealedExpectation{Issuer: a.Issuer, Audience: a.SystemID, Now: a.Clock.Now}, set.Keys...)
	})
	var c token.Claims
	if err != nil || v.Validate(a.token, a.proof.Thumbprint, &c) != nil {
		return false
	}
	text := func(name string) string { return string(c.Text(name)) }
	a.opened = opened{
		header: map[string]any{"aud": a.SystemID, "cnf": map[string]any{"jkt": a.proof.Thumbprint}},
		claims: sealedClaims{
			Issuer: a.Issuer, Audience: a.SystemID, Subject: text("sub"), AppID: text("appid"), DeviceID: text("deviceid"),
			ID: text("jti"), Token: text("token"), Expires: c.Expires().Unix(),
		},
	}
	return a.claims.Subject != "" && a.claims.ID != "" && a.claims.Token != ""
}

// open is step 1: the sealing key that the token names opens it.
func (a *access) open(compact string) (opened, error) {
	o, err := a.unseal(compact)
	if errors.Is(err, errInvalidToken) && !a.Guards.On("MO-BS-32") { // RFC 8725 section 3.10: garbage costs no download
		_, _ = a.download(secret.Digest(compact))
	}
	return o, err
}

func (a *access) unseal(compact string) (opened, error) {
	sealed, err := token.ParseSealed(compact)
	if err != nil {
		return opened{}, errInvalidToken
	}
	plain := sealed.IsPlain()
	// RFC 8725 sections 3.1 and 3.6: one way of sealing
	if a.Guards.Forbids("MO-BS-16", !plain) {
		return opened{}, errInvalidToken
	}
	key, err := a.sealingKey(sealed.KeyID())
	if err != nil {
		return opened{}, err
	}
	var plaintext []byte
	if plain {
		plaintext, err = sealed.Open(key.Secret)
	} else {
		plaintext, err = openAsTold(compact, sealed.Header, key.Secret)
	}
	// claims 4, 9; description of step S408
	if a.Guards.Forbids("MO-BS-04", err != nil) {
		return opened{}, errInvalidToken
	}
	if err != nil {
		plaintext = decryptUnchecked(compact, key.Secret)
	}
	o := opened{header: sealed.Header}
	if o.read(plaintext) != nil {
		return opened{}, errInvalidToken
	}
	return o, nil
}

// read reads what was sealed, as strictly as the validator does: each member once, by its name in that case.
func (o *opened) read(plaintext []byte) error {
	m, err := wire.StrictObject(plaintext)
	if err != nil {
		return err
	}
	for _, required := range []struct {
		name string
		into *string
	}{{"sub", &o.claims.Subject}, {"jti", &o.claims.ID}, {"token", &o.claims.Token}} {
		if *required.into, err = m.Word(required.name); err != nil {
			return err
		}
	}
	for _, optional := range []struct {
		name string
		into *string
	}{{"iss", &o.claims.Issuer}, {"aud", &o.claims.Audience}, {"appid", &o.claims.AppID}, {"deviceid", &o.claims.DeviceID}} {
		if *optional.into, err = m.Optional(optional.name); err != nil {
			return err
		}
	}
	if m.Has("cnf") {
		if err = m.Into("cnf", &o.bound, "object"); err != nil {
			return err
		}
	}
	if m.Has("exp") {
		o.claims.Expires, err = m.Whole("exp")
	}
	return err
}

// pieces are the parts of a compact JWE that was parsed before: the associated data, and what the others decode to.
func pieces(compact string) (data, nonce, ciphertext, tag []byte) {
	split := strings.Split(compact, ".")
	decode := func(part string) []byte {
		bytes, _ := base64.RawURLEncoding.DecodeString(part) // parsing has judged it
		return bytes
	}
	return []byte(split[0]), decode(split[2]), decode(split[3]), decode(split[4])
}

// openAsTold opens a token in whichever way its sender chose. It is what a system does that has no guard.
func openAsTold(compact string, header map[string]any, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	data, nonce, ciphertext, tag := pieces(compact)
	if plaintext, err := gcm.Open(nil, nonce, append(ciphertext, tag...), data); err == nil {
		if header["zip"] == string(jose.DEFLATE) {
			return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plaintext)), maxRequest))
		}
		return plaintext, nil
	}
	other, err := jose.ParseEncryptedCompact(compact,
		[]jose.KeyAlgorithm{jose.DIRECT, jose.A256KW, jose.A256GCMKW},
		[]jose.ContentEncryption{jose.A128GCM, jose.A192GCM, jose.A256GCM, jose.A128CBC_HS256, jose.A192CBC_HS384, jose.A256CBC_HS512})
	if err != nil {
		return nil, err
	}
	return other.Decrypt(key)
}

// decryptUnchecked decrypts without comparing the tag (NIST SP 800-38D section 6.5: counting begins after the block for the tag). It is what a system does that has no guard.
func decryptUnchecked(compact string, key []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	_, nonce, ciphertext, _ := pieces(compact)
	plaintext := make([]byte, len(ciphertext))
	cipher.NewCTR(block, append(nonce, 0, 0, 0, 2)).XORKeyStream(plaintext, ciphertext)
	return plaintext
}

// judgeClaims is step 2: the token is for this system, of the trusted issuer, and has not expired.
func (a *access) judgeClaims() error {
	// RFC 7519 section 4.1.3; flows, token opened at another system
	if a.Guards.Forbids("MO-BS-12", a.audience() != a.SystemID || a.claims.Audience != a.SystemID) {
		return errInvalidToken
	}
	// RFC 7519 section 5.3; RFC 7800 section 3.1: every member of cnf says something of the key
	if a.Guards.Forbids("MO-BS-13", !reflect.DeepEqual(a.header["cnf"], a.bound)) {
		return errInvalidToken
	}
	// RFC 7519 section 4.1.1; RFC 9700 section 4.4
	if a.Guards.Forbids("MO-BS-14", a.claims.Issuer != a.Issuer) {
		return errInvalidToken
	}
	// RFC 7519 section 4.1.4
	if a.Guards.Forbids("MO-BS-15", a.Clock.Now().Unix() >= a.claims.Expires) {
		return errInvalidToken
	}
	return nil
}

// judgeProof is step 3: the sender holds the key that the token is bound to (profile section 2.1). At level core a proof is ignored.
func (a *access) judgeProof() error {
	if !a.Guards.Hardened() {
		return nil
	}
	p, err := a.proof, a.unproved
	unproved := errors.Is(err, errNoProof)
	// RFC 9449 section 7.2; flows, token copied to another device
	if a.Guards.Forbids("MO-BS-17", unproved || a.thumbprint() == "" || a.scheme != schemeDPoP) {
		return errInvalidToken
	}
	if unproved {
		return nil
	}
	if err != nil {
		return invalidProof(err.Error())
	}
	// RFC 9449 section 4.3
	if a.Guards.Forbids("MO-BS-19", !p.genuine()) {
		return invalidProof("the signature of the proof does not fit the key in it")
	}
	// RFC 9449 section 4.3
	if a.Guards.Forbids("MO-BS-20", !p.isFor(a.request.Method, a.BaseURL+pathResource)) {
		return invalidProof("the proof was made for another request; name this method and the resource_endpoint of the metadata")
	}
	// RFC 9449 section 7.1
	if a.Guards.Forbids("MO-BS-21", !p.presents(a.token)) {
		return invalidProof("the proof was made for another access token, or for none")
	}
	now := a.Clock.Now()
	// RFC 9449 section 11.1
	if a.Guards.Forbids("MO-BS-22", !p.isFresh(now)) {
		return invalidProof("the proof was not made now; compare the clocks")
	}
	// RFC 9449 section 7.1; flows, token copied to another device
	if a.Guards.Forbids("MO-BS-18", a.thumbprint() != "" && p.Thumbprint != a.thumbprint()) {
		return invalidProof("the proof is by another key than the one that the token is bound to")
	}
	return a.useProof(p)
}

// useProof lets a proof count once.
func (a *access) useProof(p proof) error {
	const usedProofs = "business-system/used-proofs"
	var first bool
	err := a.Store.Update(func(tx store.Tx) (err error) {
		first, err = p.use(tx, usedProofs, a.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	// RFC 9449 section 11.1
	if a.Guards.Forbids("MO-BS-23", !first) {
		return invalidProof("the proof has been used before; make a new one for every request")
	}
	return nil
}
