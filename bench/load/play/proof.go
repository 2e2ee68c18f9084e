package play

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"countersign/conformance/jose"
)

// deviceKey is the key of a device that the harness plays, with that part of its proofs written which never changes. A proof costs a signature and little else.
type deviceKey struct {
	random     lots
	key        *ecdsa.PrivateKey
	header     string // of proofs, encoded, with the point behind it
	thumbprint string
}

func newDeviceKey(random lots) (*deviceKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jose.JWK(&key.PublicKey)})
	if err != nil {
		return nil, err
	}
	return &deviceKey{random, key, jose.Encode(header) + ".", jose.Thumbprint(&key.PublicKey)}, nil
}

// target is what a proof is for: a method and a URL, as JSON members.
func target(method, url string) (string, error) {
	quoted, err := json.Marshal(url)
	return fmt.Sprintf(`,"htm":%q,"htu":%s,"iat":`, method, quoted), err
}

// prove appends a header line with a proof for a target, section 2.1 of the profile mobile. ath is empty where no token is presented.
func (d *deviceKey) prove(line []byte, to, ath string) ([]byte, error) {
	claims := make([]byte, 0, 512)
	claims = append(append(append(append(claims, `{"jti":"`...), d.random.text(18)...), '"'), to...)
	claims = strconv.AppendInt(claims, time.Now().Unix(), 10)
	if ath != "" {
		claims = append(append(append(claims, `,"ath":"`...), ath...), '"')
	}
	claims = append(claims, '}')
	line = append(line, "DPoP: "...)
	from := len(line)
	line, err := signES256(line, from, d.header, claims, d.key)
	return append(line, '\r', '\n'), err
}

// signES256 appends a compact JWS to dst, which is there up to from.
func signES256(dst []byte, from int, header string, claims []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	dst = append(dst, header...)
	dst = base64.RawURLEncoding.AppendEncode(dst, claims)
	digest := sha256.Sum256(dst[from:])
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return dst, err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return base64.RawURLEncoding.AppendEncode(append(dst, '.'), signature[:]), nil
}

// verifyES256 reads a compact JWS of a typ that is signed by the one of the keys which its kid names. The error says in words what it is instead.
func verifyES256(compact, typ string, keys map[string]*ecdsa.PublicKey) (payload []byte, err error) {
	end := strings.LastIndexByte(compact, '.')
	first, second, three := strings.Cut(compact[:max(end, 0)], ".")
	if !three || strings.ContainsAny(compact, "\r\n") || strings.Contains(second, ".") {
		return nil, errors.New("it has not three parts")
	}
	decode := base64.RawURLEncoding.Strict().DecodeString
	header, err := decode(first)
	if err != nil {
		return nil, errors.New("its header is not base64url without padding")
	}
	var h map[string]any
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, errors.New("its header is no JSON object")
	}
	id, _ := h["kid"].(string)
	if _, critical := h["crit"]; critical || h["alg"] != "ES256" || h["typ"] != typ || keys[id] == nil {
		return nil, fmt.Errorf("its header is %.200q", header)
	}
	signature, err := decode(compact[end+1:])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("its signature has not 64 bytes in base64url")
	}
	digest := sha256.Sum256([]byte(compact[:end]))
	if !ecdsa.Verify(keys[id], digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, errors.New("its signature does not fit")
	}
	if payload, err = decode(second); err != nil {
		return nil, errors.New("its payload is not base64url without padding")
	}
	return payload, nil
}

// hashOf is ath for an access token.
func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return jose.Encode(sum[:])
}
