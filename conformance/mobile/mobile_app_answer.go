package mobile

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
)

// forgery is an answer to an authentication that is not right in one thing.
type forgery struct {
	what  string
	forge func(*answering)
}

// forgeriesRefused wants that no answer with a forgery is used, between starts that are as they should be.
func (t *appTest) forgeriesRefused(forgeries ...forgery) {
	t.settle()
	for _, f := range forgeries {
		t.misbehave(fault{at: t.server, endpoint: atAuthentication, forge: f.forge})
		s := t.start(fresh)
		t.Behave()
		t.asked(t.server, atAuthentication, s.mark, "in a start without a stored token")
		t.noAccess(s.mark, "after an answer with "+f.what)
		t.ends(s, "after an answer with "+f.what, "answer_refused")
		s = t.start(stored)
		t.asked(t.server, atAuthentication, s.mark, "in the start after an answer with "+f.what+", of which nothing is stored")
		t.opened(s, t.system, "after one with a wrong answer")
	}
}

// claimed is a signed address with another claim; nil leaves it out.
func claimed(what, name string, value any) forgery {
	return forgery{what, func(a *answering) { a.address = a.address.with(name, value) }}
}

// answered is an answer with another plain member; nil leaves it out.
func answered(what, name string, value any) forgery {
	return forgery{what, func(a *answering) { a.body = a.body.With(name, value) }}
}

// signing is an answer whose address is signed in another way.
func signing(what string, sign func(statement) (string, error)) forgery {
	return forgery{what, func(a *answering) { a.sign = sign }}
}

// MO-AP-17
func (t *appTest) unsignedAddressRefused() {
	headed := func(name string, value any) func(statement) (string, error) {
		return func(s statement) (string, error) { return s.headed(name, value).signed(t.signer) }
	}
	t.forgeriesRefused(
		signing("no signed_address", func(statement) (string, error) { return "", nil }),
		signing("a signed_address that is no JWS", func(statement) (string, error) { return t.system.addressed(), nil }),
		signing("a signed_address with alg none", statement.unsecured),
		signing("a signed_address with alg none and a signature", headed("alg", "none")),
		signing("a signed_address with alg HS256, the public key as its secret", func(s statement) (string, error) { return withHMAC(t.signer, s) }),
		signing("a signed_address that says ES384", headed("alg", "ES384")),
		signing("a signed_address of the typ of messages", headed("typ", "secevent+jwt")),
		signing("a signed_address without typ", headed("typ", nil)),
	)
}

// MO-AP-18
func (t *appTest) wronglySignedAddressRefused() {
	same, other := t.newSigner(t.signer.ID), t.newSigner("harness-2")
	by := func(key jose.Signer) func(statement) (string, error) {
		return func(s statement) (string, error) { return s.signed(key) }
	}
	t.forgeriesRefused(
		signing("an address signed by another key under the same kid", by(same)),
		signing("an address signed by another key under another kid", by(other)),
		signing("an address signed by another key, which its header names", func(s statement) (string, error) {
			return s.headed("jwk", jose.JWK(&same.Key.PublicKey)).headed("kid", nil).signed(same)
		}),
		signing("an address that was changed after signing", func(s statement) (string, error) {
			compact, err := s.with("address", t.moved.addressed()).signed(t.signer)
			if err != nil {
				return "", err
			}
			parts := strings.Split(compact, ".")
			parts[1] = jose.Encode(s.payload())
			return strings.Join(parts, "."), nil
		}),
		signing("an address with one bit of its signature flipped", func(s statement) (string, error) {
			values, err := resigned(s.signed(t.signer))(func(signature []byte) []byte {
				signature[0] ^= 1
				return signature
			})
			return values[0], err
		}),
		signing("an address with an empty signature", func(s statement) (string, error) {
			values, err := resigned(s.signed(t.signer))(func([]byte) []byte { return nil })
			return values[0], err
		}),
	)
}

// MO-AP-19
func (t *appTest) addressForAnotherRefused() {
	t.forgeriesRefused(
		claimed("an address for another app", "aud", t.second().ID),
		claimed("an address for another device", "sub", t.newDeviceID()),
		claimed("an address of another issuer", "iss", "https://test.example"),
		claimed("an address for no app", "aud", nil),
		claimed("an address for no device", "sub", nil),
		claimed("an address without an issuer", "iss", nil),
	)
}

// MO-AP-20
func (t *appTest) addressOfAnotherAnswerRefused() {
	t.enrol()
	recorded := ""
	t.misbehave(fault{at: t.server, endpoint: atAuthentication, times: 1, forge: func(a *answering) {
		sign := a.sign
		a.sign = func(s statement) (string, error) {
			compact, err := sign(s)
			recorded = compact
			return compact, err
		}
	}})
	t.opened(t.start(fresh), t.system, "with nothing in its way, as a control")
	past := func(ago time.Duration) forgery {
		return forgery{fmt.Sprintf("an address that expired %.0f s ago", ago.Seconds()), func(a *answering) {
			exp := t.Env.Now().Add(-ago).Unix()
			a.address = a.address.with("iat", exp-300).with("exp", exp)
		}}
	}
	t.forgeriesRefused(
		claimed("an address for another access token", "ath", hashOf(t.latest().accessToken)),
		claimed("an address for no access token", "ath", nil),
		signing("the signed_address of an answer before", func(statement) (string, error) { return recorded, nil }),
		past(2*time.Minute),
		past(24*time.Hour),
	)
}

// MO-AP-21
func (t *appTest) signedAddressCounts() {
	other := t.moved.addressed()
	t.forgeriesRefused(
		answered("a plain address that differs from the signed one", "system_address", other),
		claimed("a signed address that differs from the plain one", "address", other),
		answered("a plain system_id that differs from the signed one", "system_id", t.erp().ID),
		forgery{"a plain rules_version higher than the signed one", func(a *answering) { a.body = a.body.With("rules_version", t.version+1) }},
		forgery{"a signed rules_version higher than the plain one", func(a *answering) { a.address = a.address.with("rules_version", t.version+1) }},
	)
}

// MO-AP-22
func (t *appTest) noDowngradeToABearerToken() {
	t.forgeriesRefused(
		answered("the token_type Bearer", "token_type", "Bearer"),
		answered("the token_type bearer", "token_type", "bearer"),
		answered("a token_type that there is not", "token_type", "Sealed"),
		answered("no token_type", "token_type", nil),
	)
}

// MO-AP-23
func (t *appTest) redirectNotFollowed() {
	t.settle()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for _, location := range []string{t.elsewhere.addressed(), t.system.base + "/elsewhere"} {
			t.misbehave(fault{at: t.system, endpoint: atResource, status: status, header: [][2]string{{"Location", location}}})
			s := t.start(stored)
			t.Behave()
			when := fmt.Sprintf("redirected with %d to %s", status, location)
			t.asked(t.system, atResource, s.mark, "before it is redirected")
			for _, r := range t.accesses(s.mark) {
				if r.party != t.system || r.endpoint != atResource {
					t.FailAt(r.exchange, "no request to where a redirect leads, when the app is "+when, r.String())
				}
			}
			t.ends(s, when, "access_refused")
		}
	}
	t.opened(t.start(stored), t.system, "after redirects")
}

// MO-AP-24
func (t *appTest) issuerOfTheMetadataCompared() {
	t.settle()
	for _, c := range []struct {
		what string
		fault
	}{
		{"with another issuer", fault{document: func(m members) members { return m.With("issuer", "https://test.example") }}},
		{"with an issuer with a slash more at its end", fault{document: func(m members) members { return m.With("issuer", t.Issuer+"/") }}},
		{"without an issuer", fault{document: func(m members) members { return m.With("issuer", nil) }}},
		{"that come with 500", fault{status: http.StatusInternalServerError}},
	} {
		f := c.fault
		f.at, f.endpoint = t.server, wellKnown
		t.misbehave(f)
		s := t.start(fresh)
		mark := t.Mark()
		enrolment := t.enrolment()
		t.Behave()
		t.asked(t.server, wellKnown, s.mark, "before an authentication")
		for _, r := range t.Since(s.mark) {
			if r.endpoint != wellKnown {
				t.FailAt(r.exchange, "nothing sent to any endpoint of metadata "+c.what, r.String())
			}
		}
		t.ends(s, "with metadata "+c.what, "answer_refused", "unreachable")
		t.asked(t.server, wellKnown, mark, "at an enrolment")
		t.Refused(enrolment, "an enrolment with metadata "+c.what, http.StatusBadGateway, "answer_refused", "unreachable")
		t.settle()
	}
}
