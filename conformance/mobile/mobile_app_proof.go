package mobile

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// everything lets the app make every kind of request: registrations, authentications, accesses and acknowledgements.
func (t *appTest) everything() {
	t.settle()
	t.opened(t.start(fresh), t.system, "with nothing in its way")
	t.wiped()
	t.settle()
}

// mayBeProved reports whether a request is one that has to carry a proof.
func (r received) mayBeProved() bool {
	switch r.endpoint {
	case atRegistration, atAuthentication, atAcknowledgement:
		return r.party == r.party.server
	case atResource:
		return r.party != r.party.server
	}
	return false
}

// proved wants the proof of a request to be right.
func (t *appTest) proved(r received) readProof {
	expected := "a right proof by the device key in " + r.String()
	if r.unproved != nil {
		t.FailAt(r.exchange, expected, r.unproved.Error())
	}
	if wrong := r.proof.wrong(r.method, r.party.base+r.endpoint, r.token, r.at); wrong != "" {
		t.FailAt(r.exchange, expected, wrong)
	}
	return r.proof
}

// MO-AP-13
func (t *appTest) keyProvedAtAuthentication() {
	key := ""
	judged := func(endpoints ...string) {
		for _, endpoint := range endpoints {
			t.asked(t.server, endpoint, 0, "in enrolments, starts and a wipe")
			for _, r := range t.server.at(endpoint, 0) {
				p := t.proved(r)
				if key == "" {
					key = p.thumbprint()
				}
				if p.thumbprint() != key {
					t.FailAt(r.exchange, "all proofs by one key of the device, through enrolments and wipes", "another key in "+r.String())
				}
			}
		}
	}
	t.settle()
	judged(atRegistration, atAuthentication)
	t.wiped()
	t.settle()
	judged(atRegistration, atAuthentication, atAcknowledgement)
}

// MO-AP-14
func (t *appTest) keyProvedAtAccess() {
	t.everything()
	for _, r := range t.system.at(atResource, 0) {
		if !strings.EqualFold(r.scheme, "DPoP") {
			t.FailAt(r.exchange, "a bound token under the scheme DPoP", fmt.Sprintf("the scheme %q", r.scheme))
		}
		if p := t.proved(r); p.thumbprint() != t.deviceKey() {
			t.FailAt(r.exchange, "a proof by the key of the device, which was registered", "a proof by another key")
		}
	}
}

// MO-AP-15
func (t *appTest) everyProofIsFresh() {
	t.settle()
	t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusUnauthorized, body: refusal("invalid_token", "The token is dead.")})
	t.opened(t.start(stored), t.system, "whose token was refused once")
	t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusServiceUnavailable, header: [][2]string{{"Retry-After", "1"}}})
	t.start(stored)
	t.Behave()
	if t.Passes(proofWindow + 10*time.Second) {
		t.opened(t.start(stored), t.system, "with a stored token, a minute later")
		t.opened(t.start(fresh), t.system, "a minute later")
	}
	t.misbehave(fault{at: t.server, endpoint: atAcknowledgement, times: 1, status: http.StatusServiceUnavailable})
	mark := t.Mark()
	id := t.wiped()
	t.Env.Await(5*time.Second, func() bool { return len(t.acknowledgements(id, mark)) > 1 }) // that there is one is another requirement
	used := map[string]received{}
	for _, r := range t.Since(0) {
		if !r.mayBeProved() {
			continue
		}
		p := t.proved(r)
		jti := p.claims.Text("jti")
		if before, found := used[jti]; found {
			t.FailAt(r.exchange, "a proof with a jti not used before in "+r.String(), "the jti of "+before.String())
		}
		used[jti] = r
	}
}

// MO-AP-16
func (t *appTest) privateKeyStays() {
	t.everything()
	proofs := 0
	for _, r := range t.Since(0) {
		for _, compact := range r.proofs {
			header, err := jose.Header(compact)
			if err != nil {
				t.FailAt(r.exchange, "a proof that can be read in "+r.String(), err.Error())
			}
			t.withoutPrivate(r, header)
			if payload, err := jose.Payload(compact); err == nil {
				if claims, err := judge.ReadMembers(payload); err == nil {
					t.withoutPrivate(r, map[string]any(claims))
				}
			}
			proofs++
		}
		t.withoutPrivate(r, map[string]any(r.body))
	}
	t.Expect(proofs > 0, "proofs, to look for the private key in", "none")
}

// withoutPrivate wants no JSON Web Key with a private member in a value, at any depth.
func (t *appTest) withoutPrivate(r received, value any) {
	switch v := value.(type) {
	case map[string]any:
		if v["d"] != nil {
			t.FailAt(r.exchange, "no private part of a key in "+r.String(), "an object with the member d")
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			t.withoutPrivate(r, v[name])
		}
	case []any:
		for _, inner := range v {
			t.withoutPrivate(r, inner)
		}
	}
}

// MO-AP-35
func (t *appTest) noSecretInAURL() {
	t.everything()
	t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusUnauthorized, body: refusal("invalid_token", "The token is dead.")})
	t.opened(t.start(stored), t.system, "whose token was refused once")
	secrets := [][2]string{{"the password", t.alice().Password}}
	for _, g := range t.given() {
		secrets = append(secrets, [2]string{"an access token", g.accessToken})
	}
	for _, r := range t.Since(0) {
		for _, proof := range r.proofs {
			secrets = append(secrets, [2]string{"a proof", proof})
		}
	}
	for _, r := range t.Since(0) {
		for _, secret := range secrets {
			if discloses(r.url, secret[1]) {
				t.FailAt(r.exchange, "no secret in a URL", secret[0]+" in the URL of "+r.String())
			}
		}
	}
}
