package play

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"countersign/actors/token"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/jose"
	"countersign/conformance/mobile"
)

// mobileSetup is the scene's, with all that a script needs in it.
func mobileSetup(scene *Scene) (*mobile.Setup, error) {
	setup, ok := scene.Target.Setup.(*mobile.Setup)
	if !ok || len(setup.Systems) < 2 || len(setup.Apps) == 0 || len(setup.Users) < 2 || len(setup.Administrators) == 0 {
		return nil, &SceneError{"the setup names no two systems, no app, no two users or no administrator; complete it by section 8 of the profile mobile"}
	}
	return setup, nil
}

// systemOf is the system of an app.
func systemOf(setup *mobile.Setup, app mobile.AppSetup) (mobile.SystemSetup, error) {
	at := slices.IndexFunc(setup.Systems, func(s mobile.SystemSetup) bool { return s.ID == app.System })
	if at < 0 {
		return mobile.SystemSetup{}, &SceneError{fmt.Sprintf("the setup's app %s is one of the system %s, which the setup lacks", app.ID, app.System)}
	}
	return setup.Systems[at], nil
}

// fetch reads a JSON document of the target before the load begins.
func (s *Scene) fetch(ctx context.Context, member string, into any) error {
	url, _ := s.metadata[member].(string)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if url == "" || err != nil {
		return &SceneError{fmt.Sprintf("the metadata of %s name no %s that can be asked", s.Target.URL, member)}
	}
	resp, err := s.Env.HTTP().Do(req)
	if err != nil {
		return &DeadError{url, err}
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		return &SceneError{fmt.Sprintf("%s answers %s and no JSON object; serve what the profile says of %s there", url, resp.Status, member)}
	}
	return nil
}

// signingKeys are an authorization server's public ones, by kid.
func (s *Scene) signingKeys(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := s.fetch(ctx, "jwks_uri", &set); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, jwk := range set.Keys {
		key, err := jose.PublicKey(jwk)
		if id, _ := jwk["kid"].(string); err == nil && id != "" {
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, &SceneError{fmt.Sprintf("the jwks_uri of %s serves no public P-256 key with a kid", s.Target.URL)}
	}
	return keys, nil
}

// sealingKeys are those of a system as it was given them last. They are read anew only where the answer is another one.
type sealingKeys struct {
	body   []byte
	opener *token.SealedValidator
}

// read takes an answer of the sealing keys endpoint, section 4.8 of the profile.
func (k *sealingKeys) read(s *load.Seat, resp *lean.Response, expected token.SealedExpectation) error {
	if slices.Equal(k.body, resp.Body) && k.opener != nil {
		return first(status(s, resp, http.StatusOK), uncached(s, resp))
	}
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			ID   string `json:"kid"`
			K    string `json:"k"`
		} `json:"keys"`
	}
	if err := secretJSON(s, resp, &set); err != nil {
		return err
	}
	var keys []token.Key
	for _, key := range set.Keys {
		secret, err := jose.Decode(key.K)
		if err != nil || len(secret) != 32 || key.Type != "oct" || key.ID == "" {
			return s.Wrong("sealing keys of kty oct, each with a kid and 256 bits in k", fmt.Sprintf("kty %q, kid %q and %d bytes in k", key.Type, key.ID, len(secret)))
		}
		keys = append(keys, token.Key{ID: key.ID, Secret: secret})
	}
	opener, err := token.NewSealedValidator(expected, keys...)
	if err != nil {
		return s.Wrong("sealing keys that open a token", err.Error())
	}
	k.body, k.opener = slices.Clone(resp.Body), opener
	return nil
}

// addressClaims are those of a signed address, section 4.4 of the profile.
type addressClaims struct {
	Issuer       string `json:"iss"`
	Audience     string `json:"aud"`
	Subject      string `json:"sub"`
	SystemID     string `json:"system_id"`
	Address      string `json:"address"`
	RulesVersion int64  `json:"rules_version"`
	TokenHash    string `json:"ath"`
	Expires      int64  `json:"exp"`
}

// now is the time by which tokens are judged.
func now() time.Time { return time.Now() }

// lifetime is that of the tokens that the harness gives out itself.
const lifetime = 300 * time.Second
