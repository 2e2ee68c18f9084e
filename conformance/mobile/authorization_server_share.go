package mobile

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// MO-AS-12: what is sealed is what is shared, at once.
func tokenIsShared(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	for _, d := range devices {
		s.registered(d)
	}
	for _, c := range []struct {
		app AppSetup
		d   device
	}{{s.first(), devices[0]}, {s.second(), devices[0]}, {s.first(), devices[1]}} {
		g := s.token(c.app, c.d, fmt.Sprintf("an authentication of %s for %s", c.d.owner.Name, c.app.ID))
		claims := s.opened(g).claims
		for range 2 {
			const what = "the download of a new token"
			resp := s.shared(s.systemOf(c.app), claims.Text("jti"), "a new token")
			s.OfType(resp, what, "application/json")
			record := s.object(resp, what)
			if wrong := differing(record, "token_id", claims.Text("jti"), "token", claims.Text("token"), "username", c.d.owner.Name, "appid", c.app.ID, "deviceid", c.d.id); wrong != "" {
				s.FailAt(resp.Exchange, what+" with what the sealed token holds", wrong)
			}
			if left := s.whole(resp, "expires_in", what); left < 1 || left > int64(s.lifetime()/time.Second) {
				s.FailAt(resp.Exchange, what+" with an expires_in of what is left of its life", fmt.Sprintf("expires_in %d", left))
			}
		}
	}
}

// MO-AS-65: what is shared says which key the token was bound to.
func recordNamesTheKey(s *scene) {
	devices := s.allowed(s.alice(), s.bob(), s.alice())
	var tokens []granted
	for _, d := range devices {
		s.registered(d)
		tokens = append(tokens, s.token(s.first(), d, "a right authentication of "+d.owner.Name))
	}
	tokens = append(tokens, s.token(s.second(), devices[0], "a right authentication for another app"))
	for range 2 {
		for _, g := range tokens {
			resp := s.shared(s.systemOf(g.app), s.tokenID(g), "a live token")
			if wrong := differing(s.object(resp, "a download"), "jkt", g.device.thumbprint()); wrong != "" {
				s.FailAt(resp.Exchange, "a record with the jkt of the key that the token was bound to, "+g.device.thumbprint(), wrong)
			}
		}
	}
}

// MO-AS-39: who downloads shows that he is a business system.
func downloadIsAuthenticated(s *scene) {
	g := s.token(s.first(), s.enrolled(s.alice()), "a right authentication")
	id := s.tokenID(g)
	s.shared(s.crm(), id, "a live token, as a control")
	for _, c := range []struct{ what, name, secret string }{
		{"no credentials", "", ""},
		{"a wrong secret", s.crm().ID, changed(s.crm().Secret)},
		{"an empty secret", s.crm().ID, ""},
		{"another system's secret", s.crm().ID, s.erp().Secret},
		{"a system that nobody knows", s.stranger(), s.crm().Secret},
		{"an administrator's name and password", s.admin().Name, s.admin().Password},
		{"a user's name and password", s.alice().Name, s.alice().Password},
	} {
		for _, tokenID := range []string{id, s.Random(18)} {
			req := s.request(s.sharedTokenEndpoint(), members{"token_id": tokenID})
			if c.name != "" {
				s.basic(req, c.name, c.secret)
			}
			s.notAuthenticated(s.Do("stranger", req), "a download with "+c.what)
		}
	}
	inBody := members{"token_id": id, "system_id": s.crm().ID, "secret": s.crm().Secret, "client_id": s.crm().ID, "client_secret": s.crm().Secret}
	s.notAuthenticated(s.Do("stranger", s.request(s.sharedTokenEndpoint(), inBody)), "a download with the secret in the body alone")
	s.shared(s.crm(), id, "a live token after all that, as a control")
}

// MO-AS-40: a system gets one of its own tokens at a time.
func onlyOwnTokensDownloaded(s *scene) {
	d := s.enrolled(s.alice())
	ours, theirs := s.tokenID(s.token(s.first(), d, "a right authentication")), s.tokenID(s.token(s.second(), d, "a right authentication for another app"))
	s.shared(s.crm(), ours, "a system's own token, as a control")
	s.shared(s.erp(), theirs, "the other system's own token, as a control")
	unknown := s.unshared(s.crm(), s.Random(18), "an unknown token")
	for _, c := range []struct {
		by SystemSetup
		id string
	}{{s.crm(), theirs}, {s.erp(), ours}} {
		resp := s.unshared(c.by, c.id, "another system's token by "+c.by.ID)
		if string(resp.Body) != string(unknown.Body) {
			s.FailAt(resp.Exchange, fmt.Sprintf("the same body for another system's token as for an unknown one: %s", unknown.Body), string(resp.Body))
		}
	}
	for _, body := range []members{{}, {"token_id": []string{ours}}, {"token_id": ""}, {"token_ids": []string{ours}}, {"token_id": true}} {
		resp := s.Do(s.crm().ID, s.basic(s.request(s.sharedTokenEndpoint(), body), s.crm().ID, s.crm().Secret))
		s.Refused(resp, fmt.Sprintf("a download with the body %v", body), http.StatusBadRequest, "invalid_request")
	}
	for _, id := range []string{"*", "%", ours[:len(ours)-1], ours + " " + ours, strings.Repeat("A", len(ours))} {
		s.unshared(s.crm(), id, "a token_id that is none but might stand for many")
	}
}

// MO-AS-41: what was downloaded is soon asked for again.
func cachingBounded(s *scene) {
	d, life := s.enrolled(s.alice()), s.lifetime()
	given := s.Env.Now()
	id := s.tokenID(s.token(s.first(), d, "a right authentication"))
	s.bounded(s.downloaded(s.crm(), id), "a new token")
	for _, rest := range []time.Duration{10 * time.Second, 3 * time.Second} {
		wait := (life - rest - s.Env.Now().Sub(given)).Truncate(time.Second)
		if life <= 2*rest || wait <= 0 || !s.Passes(wait) {
			continue
		}
		resp := s.downloaded(s.crm(), id)
		// Clocks in whole seconds are one off, and so is the end of a token that began within a second. What has expired shows nothing.
		const slack = 2 * time.Second
		if resp.Status == http.StatusNotFound && s.Env.Now().Sub(given) > life-slack {
			return
		}
		s.bounded(resp, fmt.Sprintf("a token %.0f s before its end", rest.Seconds()))
	}
}

// bounded wants a download of a live token to be of use no longer than it may.
func (s *scene) bounded(resp *conformance.Response, which string) {
	what := "the download of " + which
	s.Accepted(resp, what)
	left := s.whole(resp, "expires_in", what)
	if s.object(resp, what)["cache_lifetime"] == nil {
		return // which is 0
	}
	if cache := s.whole(resp, "cache_lifetime", what); cache < 0 || cache > 30 || cache > left {
		s.FailAt(resp.Exchange, fmt.Sprintf("%s with a cache_lifetime of at most 30 and at most expires_in, %d", what, left), fmt.Sprintf("cache_lifetime %d", cache))
	}
}

// MO-AS-59: what the rules no longer allow is no longer shared.
func withdrawnRightEndsTheToken(s *scene) {
	devices := s.allowed(s.alice(), s.alice(), s.alice(), s.alice())
	ids := make([]string, len(devices))
	for i, d := range devices {
		s.registered(d)
		ids[i] = s.tokenID(s.token(s.first(), d, "a right authentication"))
	}
	bob := s.tokenID(s.token(s.first(), s.enrolled(s.bob()), "a right authentication of another user"))
	right := s.rules
	live := func(what string, ids ...string) {
		for _, id := range ids {
			s.shared(s.crm(), id, "a live token "+what)
		}
	}
	live("before any right is withdrawn, as a control", append(ids, bob)...)
	s.activate(right.at(s.crm().ID, s.secondAddress()))
	live("after a change of address, which ends no token", append(ids, bob)...)

	s.activate(right.owned(devices[0].id, s.bob().Name))
	s.unshared(s.crm(), ids[0], "a token of a device that the rules give to another user now")
	live("of another device after that", ids[1], bob)
	s.activate(right.without(devices[1].id))
	s.unshared(s.crm(), ids[1], "a token of a device that the rules do not name any more")
	live("of another device after that", ids[2], bob)
	s.activate(right.usedBy(s.first().ID, s.bob().Name))
	s.unshared(s.crm(), ids[2], "a token of a user whom the rules do not list under the app any more")
	live("of another user after that", bob)
	s.activate(right.connecting(s.first().ID, s.erp().ID))
	s.unshared(s.crm(), bob, "a token for an app that the rules connect with another system now")
	s.unshared(s.erp(), ids[3], "such a token by the system that the app belongs to now")
}

// MO-AS-42: a key is for its system.
func sealingKeysOnlyForTheirSystem(s *scene) {
	for _, system := range s.Systems[:2] {
		_, resp := s.keySet(system)
		body := s.object(resp, "the sealing keys")
		for _, each := range body["keys"].([]any) {
			key, _ := each.(map[string]any)
			if wrong := differing(key, "kty", "oct", "alg", "A256GCM", "use", "enc"); wrong != "" {
				s.FailAt(resp.Exchange, "sealing keys with kty oct, alg A256GCM and use enc", wrong)
			}
		}
		if cache := s.whole(resp, "cache_lifetime", "the sealing keys"); cache < 0 || cache > 300 {
			s.FailAt(resp.Exchange, "sealing keys with a cache_lifetime of 0 to 300", fmt.Sprintf("cache_lifetime %d", cache))
		}
	}
	s.noneInCommon(s.crm(), s.erp())
	for _, c := range []struct{ what, name, secret string }{
		{"no credentials", "", ""},
		{"a wrong secret", s.crm().ID, changed(s.crm().Secret)},
		{"another system's secret", s.crm().ID, s.erp().Secret},
		{"a system that nobody knows", s.stranger(), s.crm().Secret},
		{"an administrator's name and password", s.admin().Name, s.admin().Password},
	} {
		req := s.rawRequest(http.MethodGet, s.sealingKeysEndpoint(), "", nil)
		if c.name != "" {
			s.basic(req, c.name, c.secret)
		}
		s.notAuthenticated(s.Do("stranger", req), "a request for sealing keys with "+c.what)
	}
	query := "?"
	if strings.Contains(s.sealingKeysEndpoint(), "?") {
		query = "&"
	}
	req := s.rawRequest(http.MethodGet, s.sealingKeysEndpoint()+query+"system_id="+s.erp().ID, "", nil)
	resp := s.Do(s.crm().ID, s.basic(req, s.crm().ID, s.crm().Secret))
	theirs, _ := s.keySet(s.erp())
	for _, key := range theirs {
		if strings.Contains(string(resp.Body), jose.Encode(key.Secret)) {
			s.FailAt(resp.Exchange, fmt.Sprintf("no key of %s in an answer to %s, whatever it asks for", s.erp().ID, s.crm().ID), "the key "+key.ID)
		}
	}
}

// rotate is section 4.8 of the profile.
func (s *scene) rotate(systemID string) *conformance.Response {
	return s.Do("administrator", s.basic(s.request(s.keyRotationEndpoint(), members{"system_id": systemID}), s.admin().Name, s.admin().Password))
}

// rotated makes a new key for a system and gives its kid.
func (s *scene) rotated(system SystemSetup) string {
	resp := s.rotate(system.ID)
	s.Accepted(resp, "a key rotation by an administrator")
	return s.text(resp, "kid", "the answer to a key rotation")
}

func has(keys []jose.Key, kid string) bool {
	return slices.ContainsFunc(keys, func(k jose.Key) bool { return k.ID == kid })
}

// MO-AS-43: after a rotation the new key seals, and the old one still opens.
func keysRotateWithOverlap(s *scene) {
	d := s.enrolled(s.alice())
	beside := s.token(s.second(), d, "an authentication for an app of another system")
	before := s.token(s.first(), d, "an authentication before a rotation")
	used := []string{s.opened(before).header.Text("kid")}
	id := s.tokenID(before)
	for range 2 {
		kid := s.rotated(s.crm())
		if slices.Contains(used, kid) {
			s.Fail("a kid that was never used before", "kid "+kid)
		}
		used = append(used, kid)
		keys, resp := s.keySet(s.crm())
		if keys[0].ID != kid {
			s.FailAt(resp.Exchange, fmt.Sprintf("the new key %s first in the key set", kid), "kid "+keys[0].ID)
		}
		for _, old := range used {
			if !has(keys, old) {
				s.FailAt(resp.Exchange, "new and old keys in the key set: "+strings.Join(used, ", "), "no key "+old)
			}
		}
		s.opened(before)
		s.shared(s.crm(), id, "a token that was sealed before a rotation")
		g := s.token(s.first(), d, "an authentication after a rotation")
		if got := s.opened(g).header.Text("kid"); got != kid {
			s.FailAt(g.answer.Exchange, "a token sealed under the new key "+kid, "kid "+got)
		}
		s.shared(s.crm(), s.tokenID(g), "a token that was sealed after a rotation")
	}
	g := s.token(s.second(), d, "an authentication for an app of another system after that")
	if is, was := s.opened(g).header.Text("kid"), s.opened(beside).header.Text("kid"); is != was {
		s.FailAt(g.answer.Exchange, "a token under the other system's key as before, "+was, "kid "+is)
	}
	s.Refused(s.rotate(s.stranger()), "a rotation for a system that nobody knows", http.StatusBadRequest, "invalid_request")
}

// MO-AS-44: the old key goes when nothing lives that it sealed.
func oldKeysWithdrawn(s *scene) {
	d := s.enrolled(s.alice())
	g := s.token(s.first(), d, "an authentication before a rotation")
	old, kid := s.opened(g).header.Text("kid"), s.rotated(s.crm())
	const margin = 5 * time.Second
	life := s.lifetime()
	early := max(life-margin, 0)
	s.Advance(early)
	if keys, resp := s.keySet(s.crm()); early > 0 && !has(keys, old) {
		s.FailAt(resp.Exchange, fmt.Sprintf("the old key %s in the key set %.0f s after the rotation, when tokens that it sealed may live", old, early.Seconds()), "it is gone")
	}
	s.Advance(life - early + margin + time.Second)
	keys, resp := s.keySet(s.crm())
	if has(keys, old) {
		s.FailAt(resp.Exchange, fmt.Sprintf("the old key %s gone from the key set %.0f s after the rotation", old, (life+margin).Seconds()), "it is there")
	}
	if !has(keys, kid) {
		s.FailAt(resp.Exchange, "the new key "+kid+" in the key set", "it is not there")
	}
	s.opened(s.token(s.first(), d, "an authentication after that"))
}
