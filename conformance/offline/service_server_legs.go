package offline

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// counter is the harness as the devices and handsets that come before a server under test.
type counter struct{ *test }

// before makes a check's function out of one that wants a server under test.
func before(f func(*counter)) func(*conformance.Session) {
	return against(func(t *test) { f(&counter{t}) })
}

// till and otherTill are the devices known to the server.
func (c *counter) till() DeviceSetup      { return c.Devices[0] }
func (c *counter) otherTill() DeviceSetup { return c.Devices[1] }

// alice and bob set passwords, carol never does. dave's account is the one that gets closed.
func (c *counter) alice() HandsetSetup { return c.Handsets[0] }
func (c *counter) bob() HandsetSetup   { return c.Handsets[1] }
func (c *counter) carol() HandsetSetup { return c.Handsets[2] }
func (c *counter) dave() HandsetSetup  { return c.Handsets[3] }

// asking is a fresh application of a handset at the till.
func (c *counter) asking(h HandsetSetup, s ServiceSetup, amount uint64) fields {
	return newApplication(c.random(16), h.ID, c.till().ID, s.ID, amount, c.Currency)
}

// small is a fresh application at level 1.
func (c *counter) small(h HandsetSetup) fields {
	s := c.Services[0]
	if s.Threshold < 4 {
		c.Broken("the setup's service %s has the threshold %d: checks of level 1 need 4 or more", s.ID, s.Threshold)
	}
	return c.asking(h, s, s.Threshold/2)
}

// large is a fresh application at level 2.
func (c *counter) large(h HandsetSetup) fields {
	return c.asking(h, c.Services[0], c.Services[0].Threshold+1)
}

// gated is a fresh application for the service that asks for level 2 always. It is above the threshold: the threshold itself is the matter of OF-SS-05.
func (c *counter) gated(h HandsetSetup) fields {
	return c.asking(h, c.Services[1], c.Services[1].Threshold+1)
}

const (
	applicationType = "application/cbor"
	countersignType = `application/cose; cose-type="cose-sign1"`
	envelopeType    = "application/cose"
)

// post makes a request of a device, or of nobody where there is none.
func (c *counter) post(endpoint, mediaType string, by *DeviceSetup, body []byte) *http.Request {
	req, err := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		c.FailAt(c.document.Exchange, "metadata whose endpoints are URLs", fmt.Sprintf("%q: %v", endpoint, err))
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	if by != nil {
		req.SetBasicAuth(by.ID, by.Secret)
	}
	return req
}

// The endpoints of the server under test.
func (c *counter) applicationEndpoint() string {
	return c.document.Named("application_endpoint", c.metadata.ApplicationEndpoint)
}

func (c *counter) verificationEndpoint() string {
	return c.document.Named("verification_endpoint", c.metadata.VerificationEndpoint)
}

func (c *counter) passwordEndpoint() string {
	return c.document.Named("password_endpoint", c.metadata.PasswordEndpoint)
}

// application is section 5.1 of the profile.
func (c *counter) application(by DeviceSetup, body []byte) *http.Request {
	return c.post(c.applicationEndpoint(), applicationType, &by, body)
}

// apply sends an application from the till.
func (c *counter) apply(f fields) *conformance.Response { return c.applyRaw(f.encode()) }

func (c *counter) applyRaw(body []byte) *conformance.Response {
	return c.Do(c.till().ID, c.application(c.till(), body))
}

// verification is section 5.2 of the profile.
func (c *counter) verification(by DeviceSetup, body []byte) *http.Request {
	return c.post(c.verificationEndpoint(), countersignType, &by, body)
}

// verify sends a countersign from the till.
func (c *counter) verify(body []byte) *conformance.Response {
	return c.Do(c.till().ID, c.verification(c.till(), body))
}

// message reads an envelope with a map in it, and judges no more than that: whether it is right in every part is the matter of the checks that ask for it.
func (c *counter) message(resp *conformance.Response, what, kind string) fields {
	c.Accepted(resp, what)
	e, err := openEnvelope(resp.Body)
	var f fields
	if err == nil {
		f, err = peekMessage(e.payload)
	}
	if err != nil {
		c.FailAt(resp.Exchange, kind+" in a COSE_Sign1 for "+what, err.Error())
	}
	return f
}

// informed applies from the till and gets information.
func (c *counter) informed(asked fields) fields {
	return c.informedBy(c.apply(asked), "an application")
}

func (c *counter) informedBy(resp *conformance.Response, what string) fields {
	return c.message(resp, what, "information")
}

// judged reads what a countersign came to.
func (c *counter) judged(resp *conformance.Response, what string) bool {
	f := c.message(resp, what, "a result")
	if _, there := f[keyVerified].(bool); !there {
		c.FailAt(resp.Exchange, "a result with verified, true or false, for "+what, f.describe(keyVerified))
	}
	return f.truth(keyVerified)
}

// verified ends the check as failed unless a countersign gives verified true.
func (c *counter) verified(body []byte, what string) *conformance.Response {
	resp := c.verify(body)
	if !c.judged(resp, what) {
		c.FailAt(resp.Exchange, "verified true for "+what, "verified false")
	}
	return resp
}

// notVerified ends the check as failed unless a countersign gives verified false.
func (c *counter) notVerified(body []byte, what string) *conformance.Response {
	resp := c.verify(body)
	if c.judged(resp, what) {
		c.FailAt(resp.Exchange, "verified false for "+what, "verified true")
	}
	return resp
}

// of is the signer that a handset is.
func (c *counter) of(h HandsetSetup) signer { return c.signer(h.ID, h.Key) }

// signed is what a handset signs, in the domain of countersigns.
func (c *counter) signed(h HandsetSetup, countersign fields) []byte {
	return c.of(h).sign(domainCountersign, countersign)
}

// plain is the countersign of information without a proof.
func (c *counter) plain(h HandsetSetup, information fields) []byte {
	return c.signed(h, newCountersign(information))
}

// proving is the countersign of information with the sealed proof of a password key.
func (c *counter) proving(h HandsetSetup, information fields, key []byte) []byte {
	return c.signed(h, c.proven(information, key))
}

// proven is the map of that countersign.
func (c *counter) proven(information fields, key []byte) fields {
	f, err := withProof(c.Env.Entropy(), newCountersign(information), key)
	if err != nil {
		c.Fail("information with a seal_key that is an X25519 public key", fmt.Sprintf("%s: %v", information.describe(keySealKey), err))
	}
	return f
}

// sealing is a countersign with any plaintext sealed under any info.
func (c *counter) sealing(h HandsetSetup, information fields, info, plaintext []byte) []byte {
	sealed, err := sealTo(c.Env.Entropy(), information.bytes(keySealKey), info, plaintext)
	if err != nil {
		c.Fail("information with a seal_key that is an X25519 public key", fmt.Sprintf("%s: %v", information.describe(keySealKey), err))
	}
	return c.signed(h, newCountersign(information).with(keySealedProof, sealed))
}

// works ends the check as failed unless the password key is good for a fresh application at level 2.
func (c *counter) works(h HandsetSetup, key []byte, what string) {
	c.verified(c.proving(h, c.informed(c.large(h)), key), what)
}

// worksNot ends the check as failed if it is.
func (c *counter) worksNot(h HandsetSetup, key []byte, what string) {
	c.notVerified(c.proving(h, c.informed(c.large(h)), key), what)
}

// setting is section 5.3 of the profile.
func (c *counter) setting(h HandsetSetup, key []byte) members {
	return members{
		"account": h.Account, "account_password": h.AccountPassword, "handset": h.ID, "password_key": base64.RawURLEncoding.EncodeToString(key),
	}
}

// set asks for a password key to be set.
func (c *counter) set(m members) *conformance.Response {
	body, err := json.Marshal(m)
	if err != nil {
		c.Broken("a body cannot be written: %v", err)
	}
	return c.Do("handset", c.post(c.passwordEndpoint(), "application/json", nil, body))
}

// isSet ends the check as failed unless a password key is set.
func (c *counter) isSet(m members, what string) {
	resp := c.set(m)
	if resp.Status != http.StatusNoContent {
		c.FailAt(resp.Exchange, "status 204 for "+what, judge.Describe(resp))
	}
}

// withPassword sets a fresh password key for a handset. An account that an earlier run has left closed is waited for.
func (c *counter) withPassword(h HandsetSetup) []byte {
	key := c.random(32)
	if resp := c.set(c.setting(h, key)); resp.Status == http.StatusTooManyRequests {
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			c.Advance(time.Duration(seconds+1) * time.Second)
		}
	} else if resp.Status == http.StatusNoContent {
		return key
	}
	c.isSet(c.setting(h, key), "the setting of a password with the account's own")
	return key
}

// announced are the server's public keys by kid.
func (c *counter) announced() map[string]ed25519.PublicKey {
	keys := map[string]ed25519.PublicKey{}
	for _, jwk := range c.metadata.Keys {
		kid, _ := jwk["kid"].(string)
		x, _ := jwk["x"].(string)
		key, err := base64.RawURLEncoding.Strict().DecodeString(x)
		if err != nil || len(key) != ed25519.PublicKeySize || jwk["kty"] != "OKP" || jwk["crv"] != "Ed25519" || kid == "" || len(kid) > 32 || jwk["use"] != "sig" {
			c.FailAt(c.document.Exchange, "metadata whose keys are JWKs of kty OKP, crv Ed25519 and use sig, each with a kid of 1 to 32 bytes and an x of 32 bytes", fmt.Sprintf("%v", jwk))
		}
		keys[kid] = key
	}
	return keys
}

// wellFormed ends the check as failed unless an answer is a message of the profile, signed under an announced key in its domain.
func (c *counter) wellFormed(resp *conformance.Response, what, domain string, message uint64) fields {
	c.Accepted(resp, what)
	c.OfType(resp, "the answer to "+what, envelopeType)
	e, err := openEnvelope(resp.Body)
	if err != nil {
		c.FailAt(resp.Exchange, "a COSE_Sign1 for "+what, err.Error())
	}
	kid, err := e.kid()
	if err != nil {
		c.FailAt(resp.Exchange, "a COSE_Sign1 whose protected header is {1: -8, 4: kid} for "+what, err.Error())
	}
	key, there := c.announced()[kid]
	if !there {
		c.FailAt(resp.Exchange, "a kid among the announced keys for "+what, fmt.Sprintf("kid %q", kid))
	}
	if !e.holds(domain, key) {
		c.FailAt(resp.Exchange, "a signature under the announced key "+kid+" with the external_aad "+domain+" for "+what, "a signature that does not hold so")
	}
	f, err := readMessage(e.payload, message)
	if err != nil {
		c.FailAt(resp.Exchange, fmt.Sprintf("a message of type %d for %s", message, what), err.Error())
	}
	return f
}
