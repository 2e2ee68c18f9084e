package office

import (
	"encoding/json"
	"maps"
	"slices"

	"countersign/conformance/jose"
)

// unsealed is what is in a token but for its end, in JSON; nil when none of the first sealing keys opens it. Whoever has stolen one can seal a token anew.
func (st *Stage) unsealed(accessToken string) []byte {
	for _, s := range []*System{st.CRM, st.ERP} {
		_, payload, err := jose.Open(accessToken, s.key.Secret)
		if err != nil {
			continue
		}
		claims := members(payload)
		delete(claims, "exp")
		if text, err := json.Marshal(claims); err == nil {
			return text
		}
	}
	return nil
}

// grantOf is a token as it was given; nil for one that was not. One that was sealed anew is still the same when nothing but its end was changed:
// what it opens it opens to whom it was given, and its end is that which it was given with.
func (j *judge) grantOf(accessToken string) *given {
	if g := j.tokens[accessToken]; g != nil {
		return g
	}
	shown := j.unsealed(accessToken)
	if shown == nil {
		return nil
	}
	for _, other := range slices.Sorted(maps.Keys(j.tokens)) { // of one second two may hold the same
		if string(j.unsealed(other)) == string(shown) {
			return j.tokens[other]
		}
	}
	return nil
}
