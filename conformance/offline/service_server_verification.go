package offline

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// OF-SS-06: the handset's signature is enough at level 1.
func rightCountersignVerified(c *counter) {
	for _, h := range []HandsetSetup{c.alice(), c.bob(), c.carol()} {
		resp := c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign of "+h.ID)
		c.OfType(resp, "the answer to a countersign", envelopeType)
	}
}

// OF-SS-07: nothing but the signature of these very bytes holds. Each goes to a fresh application, for each is judged once.
func wrongSignatureNotVerified(c *counter) {
	h := c.alice()
	s := c.of(h)
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	flipped := func(signature []byte, i int) []byte {
		other := slices.Clone(signature)
		other[i] ^= 1
		return other
	}
	earlier := s.envelope(domainCountersign, newCountersign(c.informed(c.small(h))).encode()).signature
	for _, wrong := range []struct {
		what   string
		change func(*envelope)
	}{
		{"whose signature has its first bit flipped", func(e *envelope) { e.signature = flipped(e.signature, 0) }},
		{"whose signature has its last byte changed", func(e *envelope) { e.signature = flipped(e.signature, 63) }},
		{"whose signature is all zeros", func(e *envelope) { e.signature = make([]byte, 64) }},
		{"whose signature is empty", func(e *envelope) { e.signature = []byte{} }},
		{"whose signature lacks its last byte", func(e *envelope) { e.signature = e.signature[:63] }},
		{"with the signature of another application's countersign", func(e *envelope) { e.signature = earlier }},
		{"with a signature of the payload alone", func(e *envelope) { e.signature = ed25519.Sign(s.key, e.payload) }},
		{"under a protected header that was not signed", func(e *envelope) {
			e.signature = ed25519.Sign(s.key, toBeSigned(nil, domainCountersign, e.payload))
		}},
	} {
		e := s.envelope(domainCountersign, newCountersign(c.informed(c.small(h))).encode())
		wrong.change(&e)
		c.notVerified(e.encode(), "a countersign "+wrong.what)
	}
}

// OF-SS-08: the key of the application's handset counts, whoever else is known. The kid stays as it should be: another is the matter of OF-SS-38.
func signatureOfAnotherHandsetNotVerified(c *counter) {
	for _, pair := range [][2]HandsetSetup{{c.alice(), c.bob()}, {c.bob(), c.alice()}, {c.alice(), c.carol()}} {
		own, other := pair[0], pair[1]
		c.verified(c.plain(own, c.informed(c.small(own))), "a right countersign of "+own.ID+", as a control")
		forger := c.of(other)
		forger.id = own.ID
		c.notVerified(forger.sign(domainCountersign, newCountersign(c.informed(c.small(own)))), "a countersign for "+own.ID+" signed with the key of "+other.ID)
	}
	taken := newCountersign(c.informed(c.small(c.alice()))).with(keyHandset, c.bob().ID)
	c.notVerified(c.signed(c.bob(), taken), "a countersign of "+c.bob().ID+" for an application of "+c.alice().ID)
}

// OF-SS-09: what was signed for one application is nothing for another.
func countersignOfAnotherApplicationNotVerified(c *counter) {
	h := c.alice()
	first, second, third := c.informed(c.small(h)), c.informed(c.small(h)), c.informed(c.small(h))
	c.notVerified(c.plain(h, second.with(keyChallenge, first[keyChallenge])), "a countersign with the challenge of an earlier application")
	c.notVerified(c.plain(h, first.with(keySerial, third[keySerial])), "the countersign of an earlier application under the serial of this one")
	c.verified(c.plain(h, first), "the countersign of that earlier application, as a control")
	c.notVerified(c.plain(h, c.informed(c.small(h)).with(keyChallenge, first[keyChallenge])), "a countersign with the challenge of an application that was verified")
	c.notVerified(c.plain(h, c.informed(c.small(h)).with(keyChallenge, c.random(32))), "a countersign with a challenge that nobody gave")
}

// OF-SS-10: the amount that is approved is the one that was signed.
func changedAmountNotVerified(c *counter) {
	h := c.alice()
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	for _, change := range []func(uint64) uint64{
		func(amount uint64) uint64 { return amount - 1 },
		func(amount uint64) uint64 { return amount + 1 },
		func(uint64) uint64 { return 0 },
	} {
		f := c.informed(c.small(h))
		amount := f.number(keyAmount)
		other := change(amount)
		c.notVerified(c.plain(h, f.with(keyAmount, other)), fmt.Sprintf("a countersign of %d for an application of %d", other, amount))
	}
}

// OF-SS-11: the device that is approved is the one that was signed for.
func changedDeviceNotVerified(c *counter) {
	h := c.alice()
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	for _, device := range []string{c.otherTill().ID, c.Strangers.Device} {
		f := c.informed(c.small(h))
		what := "a countersign that names " + device + " for an application of " + f.text(keyDevice)
		resp := c.verify(c.plain(h, f.with(keyDevice, device)))
		// A server that does not authenticate devices may take the one that the message names for the sender: profile, section 5.
		if resp.Status == http.StatusForbidden && judge.Refusal(resp) == "access_denied" {
			continue
		}
		if c.judged(resp, what) {
			c.FailAt(resp.Exchange, "verified false for "+what, "verified true")
		}
	}
}

// OF-SS-20: the result says what it is the result of, verified or not.
func resultNamesItsApplication(c *counter) {
	h := c.alice()
	for _, verified := range []bool{true, false} {
		began := c.Env.Now()
		information := c.informed(c.small(h))
		body, what := c.plain(h, information), "a right countersign"
		if !verified {
			body, what = c.plain(c.bob(), information), "a countersign of another handset"
		}
		resp := c.verify(body)
		f := c.message(resp, what, "a result")
		for _, key := range append(applied(), keyLevel, keyChallenge, keyIssuer) {
			if f.differing(information, key) != "" {
				c.FailAt(resp.Exchange, "a result that repeats the information: "+information.describe(key), f.describe(key))
			}
		}
		required, _ := keysOf(typeResult) // what it may have beside is the matter of OF-SS-48
		for _, key := range required {
			if !fits(key, f[key]) || f.number(keyType) != typeResult {
				c.FailAt(resp.Exchange, "a message of type 5 with "+keyName(key)+" for "+what, f.describe(keyType)+", "+f.describe(key))
			}
		}
		if f.truth(keyVerified) != verified {
			c.FailAt(resp.Exchange, fmt.Sprintf("verified %t for %s", verified, what), f.describe(keyVerified))
		}
		took := uint64(c.Env.Now().Sub(began)/time.Second) + 2
		if since := f.number(keyIssuedAt) - information.number(keyIssuedAt); since > took {
			c.FailAt(resp.Exchange, "a result whose issued_at is the time of the judgement, that of the application is "+information.describe(keyIssuedAt), f.describe(keyIssuedAt))
		}
	}
}

// OF-SS-22: first the application, then the countersign.
func unknownSerialNotVerified(c *counter) {
	h := c.alice()
	information := c.informed(c.small(h))
	asked := c.small(h)
	now := information.number(keyIssuedAt)
	for _, never := range []struct {
		what string
		f    fields
	}{
		{"like that of another application, but for its serial", information.with(keySerial, c.random(16))},
		{"of information that the handset has made itself", newInformation(asked, c.random(32), now, now+uint64(max(1, c.metadata.ChallengeLifetime)), c.Base(), nil)},
	} {
		c.Refused(c.verify(c.plain(h, never.f)), "a countersign "+never.what, http.StatusNotFound, "unknown_serial")
	}
	c.verified(c.plain(h, information), "a countersign of a known serial, as a control")
	c.informedBy(c.apply(asked), "the first application with a serial that came in a countersign")
}

// OF-SS-28: one judgement for each challenge, whatever it was.
func challengeUsedOnce(c *counter) {
	h := c.alice()
	information := c.informed(c.small(h))
	wrong := func() []byte {
		return c.of(h).under(c.of(h).header(), domainCountersign, newCountersign(information).encode()).damaged()
	}
	c.notVerified(wrong(), "a countersign whose signature does not hold")
	c.Refused(c.verify(c.plain(h, information)), "the right countersign after a wrong one was judged", http.StatusConflict, "serial_used")

	information = c.informed(c.small(h))
	c.verified(c.plain(h, information), "a right countersign")
	c.Refused(c.verify(wrong()), "a wrong countersign after the right one was judged", http.StatusConflict, "serial_used")
	c.Refused(c.verify(c.plain(c.bob(), information)), "a countersign of another handset after the right one was judged", http.StatusConflict, "serial_used")
}

// damaged is the envelope with a signature that does not hold.
func (e envelope) damaged() []byte {
	e.signature = slices.Clone(e.signature)
	e.signature[len(e.signature)-1] ^= 1
	return e.encode()
}

// OF-SS-29: a lost answer is given again, and an attempt counted once.
func verificationAskedAgain(c *counter) {
	h := c.alice()
	right, information := c.plain(h, c.informed(c.small(h))), c.informed(c.small(h))
	wrong := c.plain(c.bob(), information)
	again := func(when string) {
		c.verified(right, "a right countersign "+when)
		c.notVerified(wrong, "a wrong countersign "+when)
	}
	again("for the first time")
	again("for the second time")
	again("for the third time")

	key := c.withPassword(h)
	wrong = c.proving(h, c.informed(c.large(h)), c.random(32))
	for range maxAttempts + 1 {
		c.notVerified(wrong, "one countersign with a wrong proof, again and again")
	}
	c.works(h, key, fmt.Sprintf("the right proof after one wrong one that came %d times", maxAttempts+1))

	if c.Passes(9 * time.Minute) {
		again("nine minutes later")
	}
}

// OF-SS-32: of several that come at once one is judged.
func oneJudgementUnderConcurrency(c *counter) {
	h := c.alice()
	for range rounds {
		information := c.informed(c.small(h))
		bodies := [][]byte{
			c.plain(h, information), c.plain(c.bob(), information), c.plain(c.carol(), information),
			c.of(h).envelope(domainCountersign, newCountersign(information).encode()).damaged(),
		}
		var requests []*http.Request
		for _, body := range bodies {
			requests = append(requests, c.verification(c.till(), body))
		}
		answers := c.TryTogether(c.till().ID, requests...)
		winner := c.one(answers, "countersign", "for one application")
		if got := c.judged(answers[winner], "the countersign that was judged"); got != (winner == 0) {
			c.FailAt(answers[winner].Exchange, fmt.Sprintf("verified %t for the countersign that was judged", winner == 0), fmt.Sprintf("verified %t", got))
		}
	}
}

// OF-SS-33: what comes after expires_at is too late. The wait is for that of the information; what was announced is the matter of OF-SS-34.
func challengeExpires(c *counter) {
	h := c.alice()
	intime, late := c.informed(c.small(h)), c.informed(c.small(h))
	lifetime := time.Duration(min(late.number(keyExpiresAt)-late.number(keyIssuedAt), 24*60*60)) * time.Second
	half := (lifetime / 2).Truncate(time.Second)
	c.Advance(half)
	c.verified(c.plain(h, intime), fmt.Sprintf("a countersign at half of its time, %.0f s after issued_at", half.Seconds()))
	c.Advance(lifetime - half + 2*time.Second)
	c.notVerified(c.plain(h, late), "a countersign that arrives after expires_at")
}

// OF-SS-42: the server says which level it is.
func levelDowngradeNotVerified(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "a right countersign at level 2, as a control")
	c.notVerified(c.plain(h, c.informed(c.large(h)).with(keyLevel, uint64(1))), "a countersign at level 1, its seal_key kept, for an application at level 2")
	c.notVerified(c.plain(h, c.informed(c.large(h)).with(keyLevel, uint64(1)).without(keySealKey)), "a countersign at level 1, without a seal_key, for an application at level 2")
	down := c.proven(c.informed(c.large(h)).with(keyLevel, uint64(1)), key)
	c.notVerified(c.signed(h, down), "a countersign at level 1, with the right proof, for an application at level 2")
	c.works(h, key, "a right countersign at level 2 after that, as a control")
}

// OF-SS-43: what the user has agreed to is all that is approved.
func everyFieldCompared(c *counter) {
	h := c.alice()
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	later := func(key uint64, seconds uint64) func(fields) fields {
		return func(f fields) fields { return f.with(key, f.number(key)+seconds) }
	}
	for _, other := range []struct {
		what   string
		change func(fields) fields
	}{
		{"another known service", func(f fields) fields { return f.with(keyService, c.Services[1].ID) }},
		{"a service that nobody knows", func(f fields) fields { return f.with(keyService, c.Strangers.Service) }},
		{"another currency", func(f fields) fields { return f.with(keyCurrency, "XTS") }},
		{"an expires_at that is one second later", later(keyExpiresAt, 1)},
		{"an expires_at that is an hour later", later(keyExpiresAt, 3600)},
		{"an issued_at that is one second later", later(keyIssuedAt, 1)},
		{"another issuer", func(f fields) fields { return f.with(keyIssuer, f.text(keyIssuer)+"/another") }},
		{"a seal_key that was not given", func(f fields) fields { return f.with(keySealKey, c.random(32)) }},
	} {
		c.notVerified(c.plain(h, other.change(c.informed(c.small(h)))), "a countersign with "+other.what)
	}
}

// OF-SS-55: a result is nothing but a result.
func resultInItsOwnDomain(c *counter) {
	h := c.alice()
	for _, signer := range []HandsetSetup{h, c.bob()} {
		var resp *conformance.Response
		if what := "a countersign signed by " + signer.ID + " for an application of " + h.ID; signer.ID == h.ID {
			resp = c.verified(c.plain(signer, c.informed(c.small(h))), what)
		} else {
			resp = c.notVerified(c.plain(signer, c.informed(c.small(h))), what)
		}
		c.wellFormed(resp, "a countersign", domainResult, typeResult)
	}
}
