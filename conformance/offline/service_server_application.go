package offline

import (
	"fmt"
	"net/http"
	"net/url"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// OF-SS-01: the document is this server's own, and names what a device needs.
func metadataNamesTheEndpoints(c *counter) {
	c.OfType(c.document.Response, "the metadata document", "application/json")
	at := c.document.Exchange
	if got := c.metadata.Profile; got != "offline@1" {
		c.FailAt(at, "metadata with the profile offline@1", fmt.Sprintf("profile %q", got))
	}
	if got := c.metadata.Issuer; got != c.Base() {
		c.FailAt(at, "metadata whose issuer is the URL that they were asked under, "+c.Base(), fmt.Sprintf("issuer %q", got))
	}
	for _, endpoint := range [][2]string{
		{"application_endpoint", c.metadata.ApplicationEndpoint}, {"verification_endpoint", c.metadata.VerificationEndpoint}, {"password_endpoint", c.metadata.PasswordEndpoint},
	} {
		if u, err := url.Parse(c.document.Named(endpoint[0], endpoint[1])); err != nil || !u.IsAbs() || u.Host == "" {
			c.FailAt(at, "metadata whose "+endpoint[0]+" is a URL", fmt.Sprintf("%q", endpoint[1]))
		}
	}
	if got := c.metadata.ChallengeLifetime; got < 1 || got > 120 {
		c.FailAt(at, "metadata with a challenge_lifetime of 1 to 120 seconds", fmt.Sprintf("challenge_lifetime %d", got))
	}
	if len(c.announced()) == 0 {
		c.FailAt(at, "metadata that name the server's keys", "no keys")
	}
}

// OF-SS-02: who is known gets information, whatever the currency, and nothing at all is a sum.
func informationOnApplication(c *counter) {
	free := c.small(c.bob())
	free[keyAmount] = uint64(0)
	for _, asked := range []fields{c.small(c.alice()), c.small(c.carol()), free, c.small(c.bob()).with(keyCurrency, "XTS")} {
		what := fmt.Sprintf("an application of %s for %d %s", asked.text(keyHandset), asked.number(keyAmount), asked.text(keyCurrency))
		resp := c.apply(asked)
		f := c.wellFormed(resp, what, domainInformation, typeInformation)
		if got := f.text(keyIssuer); got != c.Base() {
			c.FailAt(resp.Exchange, "information whose issuer is "+c.Base()+" for "+what, fmt.Sprintf("issuer %q", got))
		}
	}
}

// OF-SS-03: what was applied for is what will be signed.
func informationRepeatsTheApplication(c *counter) {
	least := c.small(c.alice())
	least[keyAmount] = uint64(1)
	for _, asked := range []fields{c.small(c.alice()), least, c.small(c.bob()).with(keyCurrency, "XTS")} {
		f := c.informed(asked)
		for _, key := range applied() {
			if f.differing(asked, key) != "" {
				c.Fail("information that repeats the application: "+asked.describe(key), f.describe(key))
			}
		}
	}
}

// OF-SS-04: no two applications share a challenge.
func everyApplicationHasItsOwnChallenge(c *counter) {
	seen := map[string]string{}
	for i, h := range []HandsetSetup{c.alice(), c.alice(), c.bob(), c.alice(), c.bob()} {
		f := c.informed(c.small(h))
		this := fmt.Sprintf("application %d, of %s", i+1, h.ID)
		if before := seen[string(f.bytes(keyChallenge))]; before != "" {
			c.Fail("a challenge of its own for "+this, "the challenge of "+before)
		}
		seen[string(f.bytes(keyChallenge))] = this
	}
}

// OF-SS-05: the threshold itself is large.
func serverAsksForTheHigherLevel(c *counter) {
	h := c.alice()
	c.withPassword(h)
	for _, s := range c.Services {
		const biggest = 1<<53 - 1
		levels := []struct{ amount, level uint64 }{{s.Threshold, 2}, {s.Threshold + 1, 2}, {biggest, 2}}
		if s.Threshold > 0 {
			levels = append(levels, struct{ amount, level uint64 }{s.Threshold - 1, 1}, struct{ amount, level uint64 }{0, 1})
		}
		for _, want := range levels {
			what := fmt.Sprintf("an application for %s and %d, where %d is the threshold", s.ID, want.amount, s.Threshold)
			f := c.wellFormed(c.apply(c.asking(h, s, want.amount)), what, domainInformation, typeInformation)
			if f.number(keyLevel) != want.level {
				c.Fail(fmt.Sprintf("level %d for %s", want.level, what), f.describe(keyLevel))
			}
		}
	}
}

// OF-SS-17: who is not enrolled gets nothing to sign.
func unknownHandsetRefused(c *counter) {
	for _, name := range []string{c.Strangers.Handset, "h-" + c.Random(12)} {
		asked := c.small(c.alice())
		resp := c.apply(asked.with(keyHandset, name))
		c.Refused(resp, "an application of the handset "+name+", that is not enrolled", http.StatusForbidden, "unknown_handset")
		c.informedBy(c.apply(asked), "an application of an enrolled handset with the serial of the refused one")
	}
}

// OF-SS-18: what the server does not have cannot be applied for.
func unknownServiceRefused(c *counter) {
	for _, name := range []string{c.Strangers.Service, "s-" + c.Random(12)} {
		asked := c.small(c.alice())
		resp := c.apply(asked.with(keyService, name))
		c.Refused(resp, "an application for the service "+name+", that the server does not have", http.StatusBadRequest, "unknown_service")
		c.informedBy(c.apply(asked), "an application for a known service with the serial of the refused one")
	}
}

// OF-SS-19: the first application of a serial stands, before it is judged and after.
func serialUsedOnce(c *counter) {
	asked := c.small(c.alice())
	information := c.informed(asked)
	others := func(when string) {
		for _, other := range []struct {
			what string
			f    fields
		}{
			{"another amount", asked.with(keyAmount, asked.number(keyAmount)-1)},
			{"another currency", asked.with(keyCurrency, "XTS")},
			{"another handset", asked.with(keyHandset, c.bob().ID)},
		} {
			c.Refused(c.apply(other.f), "an application with a serial that came before, and "+other.what+", "+when, http.StatusConflict, "serial_used")
		}
		fromAnother := c.Do(c.otherTill().ID, c.application(c.otherTill(), asked.with(keyDevice, c.otherTill().ID).encode()))
		c.Refused(fromAnother, "an application with a serial that came before, from another device, "+when, http.StatusConflict, "serial_used")
	}
	others("before it was judged")
	c.verified(c.plain(c.alice(), information), "the countersign of the first application")
	others("after it was judged")
	c.Refused(c.apply(asked), "the first application once more after it was judged", http.StatusConflict, "serial_used")
}

// OF-SS-30: a lost answer is given again.
func applicationSentAgain(c *counter) {
	asked := c.small(c.alice())
	first := c.apply(asked)
	information := c.informedBy(first, "an application")
	for range 2 {
		again := c.apply(asked)
		c.Accepted(again, "the same application again")
		if string(again.Body) != string(first.Body) {
			c.FailAt(again.Exchange, "the same information, byte for byte, for the same application", "other bytes")
		}
	}
	c.verified(c.plain(c.alice(), information), "the countersign of an application that was sent again")
}

const (
	rounds = 3 // of what is sent at once
	crowd  = 4
)

// OF-SS-31: of several that come at once with one serial one is taken.
func serialUniqueUnderConcurrency(c *counter) {
	for range rounds {
		var asked []fields
		var requests []*http.Request
		serial := c.random(16)
		for i := range crowd {
			by := []DeviceSetup{c.till(), c.otherTill()}[i%2]
			f := c.small(c.alice()).with(keySerial, serial).with(keyDevice, by.ID)
			f[keyAmount] = f.number(keyAmount) - uint64(i/2)
			asked, requests = append(asked, f), append(requests, c.application(by, f.encode()))
		}
		answers := c.TryTogether("devices", requests...)
		winner := c.one(answers, "application", "with one serial")
		by := []DeviceSetup{c.till(), c.otherTill()}[winner%2]
		information := c.informedBy(answers[winner], "the application that was taken")
		if key := information.differing(asked[winner], applied()...); key != "" {
			c.FailAt(answers[winner].Exchange, "information for the application that was taken", "another "+key)
		}
		resp := c.Do(by.ID, c.verification(by, c.plain(c.alice(), information)))
		if !c.judged(resp, "the countersign of the application that was taken") {
			c.FailAt(resp.Exchange, "verified true for the countersign of the application that was taken", "verified false")
		}
	}
}

// one ends the check as failed unless one of several requests at once was taken and the others refused. It gives the one.
func (c *counter) one(answers []*conformance.Response, kind, which string) int {
	winner, taken := -1, 0
	for i, resp := range answers {
		if resp == nil {
			c.Fail(fmt.Sprintf("an answer to each %s of %d at once", kind, len(answers)), "none to one of them")
		}
		if resp.Status == http.StatusOK {
			winner, taken = i, taken+1
			continue
		}
		c.Refused(resp, fmt.Sprintf("each but one of %d %ss at once %s", len(answers), kind, which), http.StatusConflict, "serial_used")
	}
	if taken != 1 {
		c.Fail(fmt.Sprintf("one of %d %ss at once %s to be taken", len(answers), kind, which), fmt.Sprintf("%d were", taken))
	}
	return winner
}

// OF-SS-34: the information says how long it can be countersigned, as announced.
func challengeLivesBriefly(c *counter) {
	for _, h := range []HandsetSetup{c.alice(), c.bob()} {
		f := c.informed(c.small(h))
		lifetime := int64(f.number(keyExpiresAt) - f.number(keyIssuedAt))
		if lifetime > 120 || lifetime != c.metadata.ChallengeLifetime {
			c.Fail(fmt.Sprintf("information that expires as announced, %d seconds after issued_at, and 120 at most", c.metadata.ChallengeLifetime), fmt.Sprintf("%d seconds", lifetime))
		}
	}
}

// OF-SS-35: challenges of many applications have nothing in common.
func challengesCannotBeGuessed(c *counter) {
	var all []string
	for i := range 20 {
		f := c.informed(c.small([]HandsetSetup{c.alice(), c.bob()}[i%2]))
		challenge := string(f.bytes(keyChallenge))
		if len(challenge) != 32 {
			c.Fail("a challenge of 32 bytes", f.describe(keyChallenge))
		}
		for _, before := range all {
			if n := judge.Differing(before, challenge); n < 16 {
				c.Fail("challenges that differ in half of their bytes or more", fmt.Sprintf("%x and %x differ in %d", before, challenge, n))
			}
		}
		all = append(all, challenge)
	}
	// 20 challenges show 230 values of a byte or so: some 250 bits
	if bits := judge.RandomBits(all); bits < 200 {
		c.Fail("challenges of 256 random bits", fmt.Sprintf("%.0f at most", bits))
	}
}

// OF-SS-53: no cache keeps what devices are told.
func answersToDevicesNotStored(c *counter) {
	first, second := c.apply(c.small(c.alice())), c.apply(c.small(c.alice()))
	for _, resp := range []*conformance.Response{first, second} {
		c.Accepted(resp, "an application")
		c.NotStored(resp, "information")
	}
	c.NotStored(c.verified(c.plain(c.alice(), c.informedBy(first, "an application")), "a right countersign"), "a result")
	c.NotStored(c.notVerified(c.plain(c.bob(), c.informedBy(second, "an application")), "a countersign of another handset"), "a result")
}
