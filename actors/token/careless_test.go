package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/actors/wire"
)

// fault is what a validator that is made of libraries does wrong.
type fault string

var faults = []fault{
	"that takes claims in any case", "that takes an issuer in any case", "that takes an audience in any case", "that takes an end that is a text", "that takes the last of two ends",
	"that takes what is no UTF-8", "that does not look whether the token has begun", "that refuses lists of audiences", "that takes any list of audiences", "that refuses tokens that say no beginning", "that refuses objects within objects",
	"that takes the key by the algorithm, whatever kid says", "that takes the algorithm from the key, whatever alg says", "that takes no algorithm in capitals", "that takes the last of two members in a header",
	"that passes over b64", "that passes over crit", "that passes over typ", "that folds letters of typ that are not ASCII", "that refuses application/ before the type",
	"that takes bits beyond the last byte of a header", "that takes bits beyond the last byte of a payload", "that takes bits beyond the last byte of a signature",
	"that does not verify EdDSA", "that does not verify ES256", "that does not verify RS256", "that does not verify HS256", "that takes a signature of zeros",
}

var errCareless = errors.New("refused")

// carelessly is a validator with one fault, or none. It knows of signatures those alone that are made here.
func carelessly(f fault) judge {
	return func(compact string) ([]byte, error) {
		parts := strings.Split(compact, ".")
		if len(parts) != 3 {
			return nil, errCareless
		}
		header, err := f.decode(parts[0], "that takes bits beyond the last byte of a header")
		payload, worse := f.decode(parts[1], "that takes bits beyond the last byte of a payload")
		signature, worst := f.decode(parts[2], "that takes bits beyond the last byte of a signature")
		h, unread := f.object(header, "that takes the last of two members in a header")
		if errors.Join(err, worse, worst, unread) != nil || header[0] != '{' || header[len(header)-1] != '}' {
			return nil, errCareless
		}
		if !f.takesHeader(h) || !f.takesSignature(h, compact[:strings.LastIndexByte(compact, '.')], signature) || !f.takesClaims(payload) {
			return nil, errCareless
		}
		return payload, nil
	}
}

func (f fault) decode(part string, lax fault) ([]byte, error) {
	if f == lax && !strings.ContainsAny(part, "\r\n") {
		return base64.RawURLEncoding.DecodeString(part)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err == nil && raw64(raw) != part {
		err = errCareless
	}
	return raw, err
}

func (f fault) object(text []byte, lax fault) (wire.Members, error) {
	var whole any
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	if f == lax {
		return wire.Object(text)
	}
	return wire.StrictObject(text)
}

func (f fault) takesHeader(h wire.Members) bool {
	for _, name := range []string{"alg", "kid", "typ", "cty", "x5t", "x5t#S256", "nonce"} {
		if _, err := h.Text(name); h[name] != nil && err != nil {
			return false
		}
	}
	for _, name := range []string{"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"} {
		if h[name] != nil && f != fault("that passes over "+name) {
			return false
		}
	}
	typ, _ := h.Optional("typ")
	if f != "that refuses application/ before the type" {
		typ = strings.TrimPrefix(typ, "application/")
	}
	folded := len(typ) == len("pass+jwt") || f == "that folds letters of typ that are not ASCII"
	return folded && strings.EqualFold(typ, "pass+jwt") || f == "that passes over typ"
}

func (f fault) takesSignature(h wire.Members, input string, signature []byte) bool {
	alg, _ := h.Optional("alg")
	kid, _ := h.Optional("kid")
	if f == "that takes no algorithm in capitals" && alg == "NONE" && len(signature) == 0 {
		return true
	}
	return slices.ContainsFunc(fuzzIssuer(), func(key issuing) bool {
		named := key.kid == kid && key.alg == alg
		switch f {
		case "that takes the key by the algorithm, whatever kid says":
			named = key.alg == alg
		case "that takes the algorithm from the key, whatever alg says":
			named = key.kid == kid
		case "that takes a signature of zeros":
			if named && bytes.Equal(signature, make([]byte, 64)) {
				return true
			}
		case fault("that does not verify " + key.alg):
			return named
		}
		return named && bytes.Equal(key.sign([]byte(input)), signature)
	})
}

func (f fault) takesClaims(payload []byte) bool {
	m, err := f.object(payload, "that takes the last of two ends")
	if f == "that takes what is no UTF-8" && !utf8.Valid(payload) {
		m, err = wire.StrictObject(bytes.ToValidUTF8(payload, []byte("?")))
	}
	if err != nil || f == "that refuses objects within objects" && bytes.Count(payload, []byte("{")) > 1 {
		return false
	}
	if f == "that takes claims in any case" {
		for name, value := range maps.Clone(m) {
			m[strings.ToLower(name)] = value
		}
	}
	issuer, _ := m.Optional("iss")
	if f == "that takes an issuer in any case" {
		issuer = strings.ToLower(issuer)
	}
	return issuer == "https://platform.example" && f.takesAudience(m) && f.takesTimes(m)
}

func (f fault) takesAudience(m wire.Members) bool {
	if audience, err := m.Text("aud"); err == nil {
		if f == "that takes an audience in any case" {
			audience = strings.ToLower(audience)
		}
		return audience == "tp-a"
	}
	var list []string
	return f != "that refuses lists of audiences" && m.Into("aud", &list, "list") == nil && (slices.Contains(list, "tp-a") || f == "that takes any list of audiences")
}

func (f fault) takesTimes(m wire.Members) bool {
	number := func(name string) (n float64, err error) {
		spelled := string(m[name])
		if f == "that takes an end that is a text" {
			spelled = strings.Trim(spelled, `"`)
		}
		return strconv.ParseFloat(spelled, 64)
	}
	expires, endless := number("exp")
	begins, unread := number("nbf")
	if m["nbf"] == nil && f != "that refuses tokens that say no beginning" || f == "that does not look whether the token has begun" {
		begins, unread = 0, nil
	}
	return errors.Join(endless, unread) == nil && expires > fuzzNow && begins <= fuzzNow
}
