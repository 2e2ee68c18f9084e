package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	kataras "github.com/kataras/jwt"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"countersign/actors/token"
	"countersign/bench/validate"
)

var errOther = errors.New("the token says something else than it should")

// signed is what users of the libraries write: the algorithm is fixed, the key chosen by its ID, and exp, nbf, iss and aud are judged.
func signed(s validate.SignedToken) (peers []validate.Variant, err error) {
	fromJWX, err := byJWX(s)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		once func() error
	}{{"golang-jwt v5", byGolangJWT(s)}, {"go-jose v4", byGoJose(s)}, {"jwx v3", fromJWX}, {"kataras/jwt", byKataras(s)}} {
		v, err := validate.Peer(p.name, p.once)
		if err != nil {
			return nil, err
		}
		peers = append(peers, v)
	}
	return peers, nil
}

func byGolangJWT(s validate.SignedToken) func() error {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{string(s.Algorithm)}), jwt.WithIssuer(validate.Issuer), jwt.WithAudience(validate.Audience), jwt.WithExpirationRequired())
	find := func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != s.KeyID {
			return nil, errOther
		}
		return s.Key, nil
	}
	return func() error {
		var claims jwt.RegisteredClaims
		_, err := parser.ParseWithClaims(s.Compact, &claims, find)
		return err
	}
}

func byGoJose(s validate.SignedToken) func() error {
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.Algorithm)}
	return func() error {
		t, err := josejwt.ParseSigned(s.Compact, algorithms)
		if err != nil {
			return err
		}
		if t.Headers[0].KeyID != s.KeyID {
			return errOther
		}
		var claims josejwt.Claims
		if err := t.Claims(s.Key, &claims); err != nil {
			return err
		}
		return claims.ValidateWithLeeway(josejwt.Expected{Issuer: validate.Issuer, AnyAudience: josejwt.Audience{validate.Audience}, Time: time.Now()}, 0)
	}
}

func byJWX(s validate.SignedToken) (func() error, error) {
	key, err := jwk.Import(s.Key)
	if err != nil {
		return nil, err
	}
	algorithm, known := jwa.LookupSignatureAlgorithm(string(s.Algorithm))
	if !known {
		return nil, fmt.Errorf("jwx does not know %s", s.Algorithm)
	}
	if err := errors.Join(key.Set(jwk.KeyIDKey, s.KeyID), key.Set(jwk.AlgorithmKey, algorithm)); err != nil {
		return nil, err
	}
	keys := jwk.NewSet()
	if err := keys.AddKey(key); err != nil {
		return nil, err
	}
	text := []byte(s.Compact)
	return func() error {
		_, err := jwxjwt.Parse(text, jwxjwt.WithKeySet(keys), jwxjwt.WithIssuer(validate.Issuer), jwxjwt.WithAudience(validate.Audience))
		return err
	}, nil
}

func byKataras(s validate.SignedToken) func() error {
	algorithm := map[token.Algorithm]kataras.Alg{token.EdDSA: kataras.EdDSA, token.ES256: kataras.ES256, token.RS256: kataras.RS256, token.HS256: kataras.HS256}[s.Algorithm]
	keys := kataras.Keys{s.KeyID: {ID: s.KeyID, Alg: algorithm, Public: s.Key}}
	if public, is := s.Key.(ed25519.PublicKey); is {
		keys[s.KeyID].Public = public
	}
	text := []byte(s.Compact)
	expected := kataras.Expected{Issuer: validate.Issuer, Audience: kataras.Audience{validate.Audience}}
	return func() error {
		_, err := kataras.VerifyWithHeaderValidator(nil, nil, text, keys.ValidateHeader, expected)
		return err
	}
}

// sealed opens a token and reads its claims.
func sealed(s validate.SealedToken) (peers []validate.Variant, err error) {
	for _, p := range []struct {
		name string
		once func() error
	}{{"go-jose v4", func() error {
		t, err := josejwt.ParseEncrypted(s.Compact, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			return err
		}
		claims := struct {
			josejwt.Claims
			Confirmation struct {
				Thumbprint string `json:"jkt"`
			} `json:"cnf"`
		}{}
		if err := t.Claims(s.Key.Secret, &claims); err != nil {
			return err
		}
		if claims.Confirmation.Thumbprint != s.Thumbprint {
			return errOther
		}
		return claims.ValidateWithLeeway(josejwt.Expected{Issuer: validate.Issuer, AnyAudience: josejwt.Audience{validate.System}, Time: time.Now()}, 0)
	}}, {"jwx v3", func() error {
		plain, err := jwe.Decrypt([]byte(s.Compact), jwe.WithKey(jwa.DIRECT(), s.Key.Secret))
		if err != nil {
			return err
		}
		t, err := jwxjwt.Parse(plain, jwxjwt.WithVerify(false), jwxjwt.WithValidate(true), jwxjwt.WithIssuer(validate.Issuer), jwxjwt.WithAudience(validate.System))
		if err != nil {
			return err
		}
		var bound map[string]any
		if err := t.Get("cnf", &bound); err != nil || bound["jkt"] != s.Thumbprint {
			return errors.Join(errOther, err)
		}
		return nil
	}}} {
		v, err := validate.Peer(p.name, p.once)
		if err != nil {
			return nil, err
		}
		peers = append(peers, v)
	}
	return peers, nil
}
