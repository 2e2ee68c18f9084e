package mobile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// MO-AS-10: who has not the key sees nothing.
func tokenIsSealed(s *scene) {
	d := s.enrolled(s.alice())
	for _, app := range []AppSetup{s.first(), s.second()} {
		system := s.systemOf(app)
		g := s.token(app, d, "a right authentication for "+app.ID)
		at := g.answer.Exchange
		header, err := jose.Header(g.accessToken)
		if err != nil {
			s.FailAt(at, "an access_token that is a compact JWE", err.Error())
		}
		if wrong := differing(header, "alg", "dir", "enc", "A256GCM", "zip", nil, "crit", nil); wrong != "" {
			s.FailAt(at, "an access_token that is a compact JWE with alg dir, enc A256GCM, and neither zip nor crit", wrong)
		}
		read := s.opened(g)
		visible := []byte(g.accessToken)
		for part := range strings.SplitSeq(g.accessToken, ".") {
			if raw, err := jose.Decode(part); err == nil {
				visible = append(visible, raw...)
			}
		}
		for _, name := range []string{"token", "jti", "deviceid", "sub", "appid"} {
			if value := read.claims.Text(name); len(value) > 4 && bytes.Contains(visible, []byte(value)) {
				s.FailAt(at, "an access_token that does not show the claim "+name, "it stands in what can be read without the key")
			}
		}
		for _, other := range s.Systems {
			if other.ID == system.ID {
				continue
			}
			for _, key := range s.keysOf(other) {
				key.ID, _ = header["kid"].(string)
				if _, err := readSealed(g.accessToken, key); err == nil {
					s.FailAt(at, "an access_token for "+system.ID+" that no key of another system opens", "a key of "+other.ID+" opens it")
				}
			}
		}
	}
}

// MO-AS-11: the business system learns who comes, with what, and for how long.
func sealedTokenNamesWhatItIsFor(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	for _, d := range devices {
		s.registered(d)
	}
	for _, c := range []struct {
		app AppSetup
		d   device
	}{{s.first(), devices[0]}, {s.second(), devices[0]}, {s.first(), devices[1]}} {
		g := s.token(c.app, c.d, fmt.Sprintf("an authentication of %s for %s", c.d.owner.Name, c.app.ID))
		at, claims := g.answer.Exchange, s.opened(g).claims
		if wrong := differing(claims, "iss", s.Base(), "aud", c.app.System, "sub", c.d.owner.Name, "appid", c.app.ID, "deviceid", c.d.id); wrong != "" {
			s.FailAt(at, "an opened token with iss, aud, sub, appid and deviceid as they were asked for", wrong)
		}
		for _, name := range []string{"jti", "token"} {
			if claims.Text(name) == "" {
				s.FailAt(at, "an opened token with the string "+name, fmt.Sprintf("%s is %s", name, judge.Shown(claims[name])))
			}
		}
		issued, okay := claims.Whole("iat")
		if !okay || !s.near(issued) {
			s.FailAt(at, "an opened token whose iat is the time in whole seconds", fmt.Sprintf("iat is %s", judge.Shown(claims["iat"])))
		}
		expires, okay := claims.Whole("exp")
		if in := int64(s.lifetime() / time.Second); !okay || expires != issued+in {
			s.FailAt(at, fmt.Sprintf("an opened token whose exp is iat and %d s", in), fmt.Sprintf("iat is %s and exp is %s", judge.Shown(claims["iat"]), judge.Shown(claims["exp"])))
		}
	}
}

// MO-AS-13: no two authentications give the same, and the later takes nothing from the earlier.
func tokenMadeAnewEachTime(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	var all []granted
	for _, d := range devices {
		s.registered(d)
		for range 3 {
			all = append(all, s.token(s.first(), d, "each of several authentications"))
		}
		all = append(all, s.token(s.second(), d, "an authentication for another app"))
	}
	var seen []string
	for _, g := range all {
		claims := s.opened(g).claims
		for _, name := range []string{"token", "jti"} {
			value := claims.Text(name)
			if value == "" || slices.Contains(seen, value) {
				s.FailAt(g.answer.Exchange, "a "+name+" of its own in each token", "one that another token has, or none")
			}
			seen = append(seen, value)
		}
	}
	for i, g := range all {
		s.shared(s.systemOf(g.app), s.tokenID(g), fmt.Sprintf("token %d of %d, all of them live", i+1, len(all)))
	}
}

// MO-AS-34: the token is one device's, and says so inside and outside.
func tokenBoundToTheDeviceKey(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	for _, d := range devices {
		s.registered(d)
		g := s.token(s.first(), d, "a right authentication of "+d.owner.Name)
		if kind := s.text(g.answer, "token_type", "the answer to an authentication"); kind != "DPoP" {
			s.FailAt(g.answer.Exchange, "the token_type DPoP", fmt.Sprintf("token_type %q", kind))
		}
		read := s.opened(g)
		for _, part := range []struct {
			name string
			in   members
		}{{"protected header", read.header}, {"claims", read.claims}} {
			if wrong := differing(part.in.Object("cnf"), "jkt", d.thumbprint()); wrong != "" {
				s.FailAt(g.answer.Exchange, fmt.Sprintf("a token whose %s have cnf with the jkt of the device's key, %s", part.name, d.thumbprint()), wrong)
			}
		}
	}
}

// MO-AS-35: the token is one system's, and says so inside and outside.
func associatedDataNameTheSystem(s *scene) {
	d := s.enrolled(s.alice())
	for _, app := range []AppSetup{s.first(), s.second()} {
		g := s.token(app, d, "a right authentication for "+app.ID)
		read := s.opened(g)
		if wrong := differing(read.header, "aud", app.System); wrong != "" {
			s.FailAt(g.answer.Exchange, "a token whose protected header names "+app.System+" as aud", wrong)
		}
		if wrong := differing(read.claims, "aud", app.System); wrong != "" {
			s.FailAt(g.answer.Exchange, "a token whose claims name "+app.System+" as aud", wrong)
		}
	}
	s.noneInCommon(s.crm(), s.erp())
}

// noneInCommon ends the check as failed when two systems share a key.
func (s *scene) noneInCommon(one, other SystemSetup) {
	keys, _ := s.keySet(one)
	others, resp := s.keySet(other)
	for _, key := range others {
		if slices.ContainsFunc(keys, func(k jose.Key) bool { return bytes.Equal(k.Secret, key.Secret) }) {
			s.FailAt(resp.Exchange, fmt.Sprintf("key sets of %s and %s with no key in common", one.ID, other.ID), "both have the key "+key.ID)
		}
	}
}

// MO-AS-36: neither token nor identifier can be guessed from others.
func tokensCannotBeGuessed(s *scene) {
	d := s.enrolled(s.alice())
	values := map[string][]string{}
	for range 16 {
		g := s.token(s.first(), d, "each of many authentications")
		claims := s.opened(g).claims
		for _, name := range []string{"token", "jti"} {
			value := claims.Text(name)
			if len(value) < 22 || strings.Trim(value, judge.URLSafe) != "" {
				s.FailAt(g.answer.Exchange, "a "+name+" of 22 or more characters A-Z a-z 0-9 - _", fmt.Sprintf("%d characters: %s", len(value), value))
			}
			values[name] = append(values[name], value)
		}
	}
	for _, name := range []string{"token", "jti"} {
		const enough = 126 // 128 but for the width of the estimate
		bits := judge.RandomBits(values[name])
		s.Expect(bits >= enough, fmt.Sprintf("%d values of %s with 128 bits of randomness", len(values[name]), name), fmt.Sprintf("only %.0f bits differ between them", bits))
		for i, one := range values[name] {
			for _, other := range values[name][:i] {
				n := judge.Differing(one, other)
				s.Expect(n >= 11, "values of "+name+" that differ in half of their characters or more", fmt.Sprintf("%s and %s differ in %d", other, one, n))
			}
		}
	}
}

// MO-AS-37: a nonce is used once.
func noNonceUsedTwice(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	seen := map[string]bool{}
	for _, d := range devices {
		s.registered(d)
		for range 12 {
			g := s.token(s.first(), d, "each of many authentications")
			read := s.opened(g)
			iv, err := jose.Decode(read.vector())
			if err != nil || len(iv) != 12 {
				s.FailAt(g.answer.Exchange, "an access_token with an initialization vector of 96 bits", fmt.Sprintf("%d bits", 8*len(iv)))
			}
			under := read.header.Text("kid") + " " + read.vector()
			if seen[under] {
				s.FailAt(g.answer.Exchange, "another initialization vector for each token under one key", "one that was used before: "+read.vector())
			}
			seen[under] = true
		}
	}
}

// MO-AS-38: a token ends when it says.
func tokenExpires(s *scene) {
	d := s.enrolled(s.alice())
	if s.metadata.AccessTokenLifetime > 600 {
		s.FailAt(s.document.Exchange, "an access_token_lifetime of at most 600", fmt.Sprintf("access_token_lifetime %d", s.metadata.AccessTokenLifetime))
	}
	g := s.token(s.first(), d, "a right authentication")
	in := s.whole(g.answer, "expires_in", "the answer to an authentication")
	if in < 1 || in > 600 {
		s.FailAt(g.answer.Exchange, "expires_in of 1 to 600", fmt.Sprintf("expires_in %d", in))
	}
	claims := s.opened(g).claims
	issued, _ := claims.Whole("iat")
	if expires, _ := claims.Whole("exp"); expires-issued != in {
		s.FailAt(g.answer.Exchange, fmt.Sprintf("a token whose exp is iat and the %d of expires_in", in), fmt.Sprintf("exp is iat and %d", expires-issued))
	}
	id, life := s.tokenID(g), time.Duration(in)*time.Second
	s.Advance(life / 2)
	s.shared(s.crm(), id, "a token at half of its lifetime")
	s.Advance(life - life/2 + 2*time.Second)
	s.unshared(s.crm(), id, "a token after its lifetime")
	s.shared(s.crm(), s.tokenID(s.token(s.first(), d, "an authentication after that")), "a new token, as a control")
}
