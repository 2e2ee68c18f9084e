package oauth1

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
)

// Method is a signature method, by its name on the wire.
type Method string

// The signature methods of RFC 5849 section 3.4, and HMAC-SHA256, which is made the same way as HMAC-SHA1.
const (
	HMACSHA1   Method = "HMAC-SHA1"
	HMACSHA256 Method = "HMAC-SHA256"
	RSASHA1    Method = "RSA-SHA1"
	Plaintext  Method = "PLAINTEXT"
)

// Methods lists the signature methods that this package can sign with and verify.
func Methods() []Method { return []Method{HMACSHA256, HMACSHA1, RSASHA1, Plaintext} }

// scheme returns the way to sign and verify by this method; nil when it is unknown.
func (m Method) scheme() scheme {
	switch m {
	case HMACSHA1:
		return hmacScheme{hash: sha1.New}
	case HMACSHA256:
		return hmacScheme{hash: sha256.New}
	case RSASHA1:
		return rsaScheme{}
	case Plaintext:
		return plaintextScheme{}
	}
	return nil
}

// Keys are what a server holds of a client and of the token in the request.
type Keys struct {
	ClientSecret string         // shared secret of the client credentials
	TokenSecret  string         // shared secret of the temporary or token credentials; empty without a token
	PublicKey    *rsa.PublicKey // for RSA-SHA1; nil when the client registered none
}

// Verify checks oauth_signature, in time that does not depend on the secrets. The error is a *Problem:
// parameter_absent, signature_method_rejected when the method is unknown or does not suit the keys, or
// signature_invalid.
//
// A client that registered a public key and no shared secret can use RSA-SHA1 only: otherwise everyone
// could sign in its name with the empty secret. Whether PLAINTEXT came over TLS, and whether timestamp
// and nonce are fresh, is for the caller to judge.
func (m *Message) Verify(k Keys) error {
	if m.SignatureMethod == "" {
		return Refuse(ParameterAbsent, paramSignatureMethod, "the request names no oauth_signature_method")
	}
	if m.Signature == "" {
		return Refuse(ParameterAbsent, paramSignature, "the request carries no oauth_signature")
	}
	scheme := Method(m.SignatureMethod).scheme()
	if scheme == nil {
		return Refuse(SignatureMethodRejected, paramSignatureMethod, "this server does not know the signature method")
	}
	if !scheme.suits(k) {
		return Refuse(SignatureMethodRejected, paramSignatureMethod, "the client registered no key for this signature method")
	}
	if !scheme.verify(m, k) {
		return Refuse(SignatureInvalid, paramSignature, "the signature does not match the request; compare the signature base strings")
	}
	return nil
}

// MAC is what HMAC-SHA256 under the keys makes of a text, in base64: the signature of that method (RFC 5849 section 3.4.2) where the text is
// a base string. A text of another kind has to begin otherwise than any base string does, which begins with an HTTP method.
func (k Keys) MAC(text string) string {
	return digest(sha256.New, sharedKey(k.ClientSecret, k.TokenSecret), text)
}

// digest is RFC 5849 section 3.4.2 for any hash function.
func digest(hash func() hash.Hash, key, text string) string {
	mac := hmac.New(hash, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signingKeys are a client's side of Keys.
type signingKeys struct {
	clientSecret, tokenSecret string
	privateKey                *rsa.PrivateKey
}

type scheme interface {
	suits(Keys) bool // whether the client may use the method at all
	sign(*Message, signingKeys) (string, error)
	verify(*Message, Keys) bool
}

// sharedKey is the key of HMAC and the whole signature of PLAINTEXT (RFC 5849 sections 3.4.2 and 3.4.4).
func sharedKey(clientSecret, tokenSecret string) string {
	return Escape(clientSecret) + "&" + Escape(tokenSecret)
}

// sharedSecret is what the methods that know no public key have in common.
type sharedSecret struct{}

func (sharedSecret) suits(k Keys) bool { return k.PublicKey == nil || k.ClientSecret != "" }

// hmacScheme is RFC 5849 section 3.4.2 for any hash function.
type hmacScheme struct {
	sharedSecret
	hash func() hash.Hash
}

func (s hmacScheme) digest(m *Message, key string) string {
	return digest(s.hash, key, m.BaseString())
}

func (s hmacScheme) sign(m *Message, k signingKeys) (string, error) {
	return s.digest(m, sharedKey(k.clientSecret, k.tokenSecret)), nil
}

// verify compares the encoded forms, so that only the canonical base64 of a digest passes.
func (s hmacScheme) verify(m *Message, k Keys) bool {
	return hmac.Equal([]byte(s.digest(m, sharedKey(k.ClientSecret, k.TokenSecret))), []byte(m.Signature))
}

// rsaScheme is RFC 5849 section 3.4.3: RSASSA-PKCS1-v1_5, which is deterministic, with SHA-1.
type rsaScheme struct{}

func (rsaScheme) suits(k Keys) bool { return k.PublicKey != nil }

func (rsaScheme) sign(m *Message, k signingKeys) (string, error) {
	if k.privateKey == nil {
		return "", errors.New("oauth1: signing with RSA-SHA1 needs a private key; set Signer.PrivateKey")
	}
	digest := sha1.Sum([]byte(m.BaseString()))
	signature, err := rsa.SignPKCS1v15(nil, k.privateKey, crypto.SHA1, digest[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

func (rsaScheme) verify(m *Message, k Keys) bool {
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil || base64.StdEncoding.EncodeToString(signature) != m.Signature {
		return false // the decoder passes over line breaks and stray bits, which would let bytes change unseen
	}
	digest := sha1.Sum([]byte(m.BaseString()))
	return rsa.VerifyPKCS1v15(k.PublicKey, crypto.SHA1, digest[:], signature) == nil
}

// plaintextScheme is RFC 5849 section 3.4.4.
type plaintextScheme struct{ sharedSecret }

func (plaintextScheme) sign(_ *Message, k signingKeys) (string, error) {
	return sharedKey(k.clientSecret, k.tokenSecret), nil
}

// verify compares digests, as a comparison of the texts would tell their lengths.
func (plaintextScheme) verify(m *Message, k Keys) bool {
	want := sha256.Sum256([]byte(sharedKey(k.ClientSecret, k.TokenSecret)))
	got := sha256.Sum256([]byte(m.Signature))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
