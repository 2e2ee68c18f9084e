package offline

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// The limits of sections 5.2 and 5.3 of the profile.
const (
	maxAttempts = 5
	maxGuesses  = 5
	guessSpan   = 10 * time.Minute
)

// OF-SS-15: the password counts from its setting on, and without one the higher level is not asked for.
func passwordIsSetBeforehand(c *counter) {
	for _, asked := range []fields{c.large(c.carol()), c.gated(c.carol())} {
		what := "an application of " + c.carol().ID + ", whose password was never set, that needs level 2"
		c.Refused(c.apply(asked), what, http.StatusForbidden, "password_not_set")
	}
	h := c.alice()
	earlier := c.withPassword(h)
	c.works(h, earlier, "the first proof after the setting of the password")
	waiting := c.informed(c.large(h))
	key := c.withPassword(h)
	c.verified(c.proving(h, waiting, key), "the proof of the new password for an application from before its setting")

	right := c.setting(h, c.random(32))
	encode := base64.RawURLEncoding.EncodeToString
	for _, wrong := range []struct {
		what string
		m    members
	}{
		{"without a password_key", members{"account": h.Account, "account_password": h.AccountPassword, "handset": h.ID}},
		{"whose password_key is a number", right.with("password_key", 7)},
		{"whose password_key has 31 bytes", right.with("password_key", encode(c.random(31)))},
		{"whose password_key has 33 bytes", right.with("password_key", encode(c.random(33)))},
		{"whose password_key is padded", right.with("password_key", base64.URLEncoding.EncodeToString(c.random(32)))},
		{"whose password_key is empty", right.with("password_key", "")},
		{"whose handset is null", right.with("handset", nil)},
	} {
		c.Refused(c.set(wrong.m), "the setting of a password "+wrong.what, http.StatusBadRequest, "invalid_request")
	}
	c.works(h, key, "the proof of the password that was set last, after settings that were refused")
}

// wrongly spends attempts on fresh applications, each with a proof made from another password.
func (c *counter) wrongly(h HandsetSetup, attempts int) {
	for i := range attempts {
		c.worksNot(h, c.random(32), fmt.Sprintf("wrong proof %d in a row", i+1))
	}
}

// OF-SS-46: five are all that a thief has, one after the other or at once.
func passwordAttemptsLimited(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	for range 2 {
		c.wrongly(h, maxAttempts-1)
		c.works(h, key, fmt.Sprintf("the right proof after %d wrong ones", maxAttempts-1))
	}
	c.wrongly(h, maxAttempts)
	locked := func(how string) {
		for range 2 {
			c.worksNot(h, key, fmt.Sprintf("the right proof after %d %s", maxAttempts, how))
		}
		information := c.informed(c.gated(h))
		c.notVerified(c.proving(h, information, key), fmt.Sprintf("the right proof for %s after %d %s", c.Services[1].ID, maxAttempts, how))
	}
	locked("wrong ones")
	c.works(c.bob(), c.withPassword(c.bob()), "the right proof of another handset meanwhile")

	key = c.withPassword(h)
	c.works(h, key, "the right proof once the password is set anew")
	c.otherAttempts(h)
	locked("that could not be opened or were bare")

	key = c.withPassword(h)
	var requests []*http.Request
	for range maxAttempts {
		requests = append(requests, c.verification(c.till(), c.proving(h, c.informed(c.large(h)), c.random(32))))
	}
	for _, resp := range c.TryTogether(c.till().ID, requests...) {
		if resp == nil {
			c.Fail(fmt.Sprintf("an answer to each of %d countersigns at once", maxAttempts), "none to one of them")
		}
		if c.judged(resp, "a wrong proof beside others") {
			c.FailAt(resp.Exchange, "verified false for a wrong proof beside others", "verified true")
		}
	}
	locked("wrong ones at once")
	if c.Passes(time.Hour) {
		c.worksNot(h, key, "the right proof an hour after the password was locked")
	}
	c.works(h, c.withPassword(h), "the right proof once the password is set anew")
}

// otherAttempts spends all attempts on proofs that are wrong without being made from another password.
func (c *counter) otherAttempts(h HandsetSetup) {
	for i := range maxAttempts {
		f := newCountersign(c.informed(c.large(h)))
		if i%2 == 0 {
			c.notVerified(c.signed(h, f.with(keySealedProof, c.random(80))), "a seal that cannot be opened")
		} else {
			c.notVerified(c.signed(h, f.with(keyProof, c.random(32))), "a bare proof")
		}
	}
}

// OF-SS-47: who cannot sign cannot lock, and what is refused for another reason does not count.
func onlySignedAttemptsCount(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "the right proof, as a control")
	wrong := func() fields { return c.proven(c.informed(c.large(h)), c.random(32)) }
	forger := c.of(c.bob())
	forger.id = h.ID
	for range maxAttempts {
		c.notVerified(c.of(h).envelope(domainCountersign, wrong().encode()).damaged(), "a wrong proof under a signature that does not hold")
		c.notVerified(forger.sign(domainCountersign, wrong()), "a wrong proof under another handset's signature")
	}
	c.works(h, key, fmt.Sprintf("the right proof after %d wrong ones that were not signed", 2*maxAttempts))
	for range maxAttempts {
		f := wrong()
		c.notVerified(c.signed(h, f.with(keyAmount, f.number(keyAmount)+1)), "a wrong proof with a changed amount")
		c.notVerified(c.plain(h, c.informed(c.large(h))), "a countersign at level 2 without a proof")
	}
	c.works(h, key, fmt.Sprintf("the right proof after %d that were refused for another reason", 2*maxAttempts))
}

// OF-SS-48: a device that holds a handset cannot tell which half it has right.
func noPasswordOracle(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "the right proof, as a control")
	unsigned := func(key []byte) func() []byte {
		return func() []byte {
			return c.of(h).envelope(domainCountersign, c.proven(c.informed(c.large(h)), key).encode()).damaged()
		}
	}
	signed := func(key []byte) func() []byte {
		return func() []byte { return c.proving(h, c.informed(c.large(h)), key) }
	}
	wrong := c.random(32)
	reference, control := c.notVerified(unsigned(key)(), "a wrong signature"), c.notVerified(unsigned(key)(), "another wrong signature")
	alike := func(what string, body func() []byte) { c.alike(reference, control, c.notVerified(body(), what), what) }
	alike("a wrong signature and a wrong password", unsigned(wrong))
	for i := range maxAttempts {
		alike(fmt.Sprintf("wrong password %d in a row", i+1), signed(wrong))
	}
	alike("the right password while it is locked", signed(key))
	alike("a wrong password while it is locked", signed(wrong))
	alike("a wrong signature while the password is locked", unsigned(key))
	alike("no password while it is locked", func() []byte { return c.plain(h, c.informed(c.large(h))) })
}

// alike ends the check as failed unless a result looks like another, for an application of the same content. Of headers, those count that do not
// differ between that one and its control: a date differs always.
func (c *counter) alike(reference, control, resp *conformance.Response, what string) {
	if resp.Status != reference.Status {
		c.FailAt(resp.Exchange, fmt.Sprintf("for %s the status of a wrong signature, %d", what, reference.Status), fmt.Sprintf("status %d", resp.Status))
	}
	first, other := c.message(reference, "a wrong signature", "a result"), c.message(resp, what, "a result")
	for key := keyType; key <= keyError; key++ {
		if (first[key] == nil) != (other[key] == nil) {
			c.FailAt(resp.Exchange, fmt.Sprintf("for %s the keys of a wrong signature: %s", what, first.describe(key)), other.describe(key))
		}
	}
	for _, key := range []uint64{keyHandset, keyDevice, keyService, keyAmount, keyCurrency, keyLevel, keyIssuer, keyVerified} {
		if first.differing(other, key) != "" {
			c.FailAt(resp.Exchange, fmt.Sprintf("for %s what stands for a wrong signature: %s", what, first.describe(key)), other.describe(key))
		}
	}
	e, err := openEnvelope(resp.Body)
	if err == nil {
		_, err = readMessage(e.payload, typeResult)
	}
	if err != nil {
		c.FailAt(resp.Exchange, "a result with the keys of section 2.1 and no other for "+what, err.Error())
	}
	if len(resp.Body) != len(reference.Body) {
		c.FailAt(resp.Exchange, fmt.Sprintf("for %s the size of a wrong signature, %d bytes", what, len(reference.Body)), fmt.Sprintf("%d bytes", len(resp.Body)))
	}
	for _, name := range headerNames(reference, resp) {
		before := reference.Header.Values(name)
		if !slices.Equal(before, control.Header.Values(name)) {
			continue
		}
		if now := resp.Header.Values(name); !slices.Equal(before, now) {
			c.FailAt(resp.Exchange, fmt.Sprintf("for %s the headers of a wrong signature: %s %q", what, name, before), fmt.Sprintf("%s %q", name, now))
		}
	}
}

// headerNames are those of two answers but Date, sorted.
func headerNames(one, other *conformance.Response) []string {
	all := maps.Clone(one.Header)
	maps.Copy(all, other.Header)
	delete(all, "Date")
	return slices.Sorted(maps.Keys(all))
}

// OF-SS-49: the lock is the password's and not the handset's.
func lockLeavesLevelOneAlone(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.wrongly(h, maxAttempts)
	c.worksNot(h, key, "the right proof of a locked password")
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign at level 1 of a handset whose password is locked")
}

// OF-SS-50: only the owner of the handset sets its password.
func settingThePasswordNeedsTheAccount(c *counter) {
	h, other := c.alice(), c.bob()
	key, others := c.withPassword(h), c.withPassword(other)
	theirs := c.random(32)
	asked := c.setting(h, theirs)
	var first *conformance.Response
	for _, wrong := range []struct {
		what string
		m    members
	}{
		{"with a wrong account password", asked.with("account_password", h.AccountPassword+"x")},
		{"with another account's password", asked.with("account_password", other.AccountPassword)},
		{"by another account", c.setting(other, theirs).with("handset", h.ID)},
		{"by an account that nobody has", asked.with("account", c.Strangers.Account+"-"+c.Random(9))},
		{"for a handset that is not enrolled", asked.with("handset", c.Strangers.Handset)},
	} {
		resp := c.set(wrong.m)
		c.Refused(resp, "the setting of a password "+wrong.what, http.StatusForbidden, "access_denied")
		if first == nil {
			first = resp
		}
		if string(first.Body) != string(resp.Body) {
			c.FailAt(resp.Exchange, fmt.Sprintf("for the setting of a password %s the same as for a wrong account password: %s", wrong.what, first.Body), string(resp.Body))
		}
	}
	c.worksNot(h, theirs, "the proof of a password whose setting was refused")
	c.works(h, key, "the proof of the password from before")
	c.works(other, others, "the proof of the other handset's password")
	c.isSet(c.setting(h, theirs), "the setting of a password with the account's own") // and the count of wrong ones begins anew
	c.works(h, theirs, "the proof of the password that was then set")
}

// OF-SS-51: five guesses close the account name for a while, and nothing else.
func accountPasswordGuessesLimited(c *counter) {
	h, other := c.dave(), c.bob()
	c.withPassword(h)
	right := c.setting(h, c.random(32))
	for range 2 {
		c.guess(right, maxGuesses-1)
		c.isSet(right, fmt.Sprintf("the right account password after %d wrong ones", maxGuesses-1))
	}
	c.guess(right, maxGuesses-1)
	c.Refused(c.set(right.with("handset", other.ID)), "the right account password for a handset of another account", http.StatusForbidden, "access_denied")
	c.guess(right, 1)
	c.closed(c.set(right), fmt.Sprintf("the right account password after %d wrong ones", maxGuesses))
	c.closed(c.set(right.with("account_password", "one more")), fmt.Sprintf("a wrong account password after %d wrong ones", maxGuesses))
	c.works(other, c.withPassword(other), "a password that another account sets meanwhile")

	nobody := func() members { return right.with("account", c.Strangers.Account+"-"+c.Random(9)) }
	one := nobody()
	c.guess(one, maxGuesses)
	c.closed(c.set(one), fmt.Sprintf("the next password for an account that nobody has, after %d", maxGuesses))
	resp := c.set(nobody())
	if resp.Status == http.StatusTooManyRequests { // names that nobody has may share a count, one in 2^20
		resp = c.set(nobody())
	}
	c.Refused(resp, "a password for another account that nobody has, meanwhile", http.StatusForbidden, "access_denied")

	c.Advance(guessSpan + 2*time.Second)
	c.isSet(right, fmt.Sprintf("the right account password %.0f minutes after the last guess", guessSpan.Minutes()))
	c.guess(right, maxGuesses-1)
	c.Advance(guessSpan + 2*time.Second)
	c.guess(right, 1)
	c.isSet(right, fmt.Sprintf("the right account password after %d wrong ones that are more than %.0f minutes old, and one more", maxGuesses-1, guessSpan.Minutes()))
}

// guess tries so many wrong account passwords, each of which has to be compared.
func (c *counter) guess(m members, times int) {
	for i := range times {
		resp := c.set(m.with("account_password", fmt.Sprintf("guess %d at it", i+1)))
		c.Refused(resp, fmt.Sprintf("wrong account password %d in a row", i+1), http.StatusForbidden, "access_denied")
	}
}

// closed ends the check as failed unless the answer says how long to wait.
func (c *counter) closed(resp *conformance.Response, what string) {
	c.Refused(resp, what, http.StatusTooManyRequests, "too_many_attempts")
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if most := int(guessSpan.Seconds()); err != nil || seconds < 1 || seconds > most {
		c.FailAt(resp.Exchange, fmt.Sprintf("status 429 with Retry-After, 1 to %d whole seconds, for %s", most, what), fmt.Sprintf("%s and Retry-After %q", judge.Describe(resp), resp.Header.Get("Retry-After")))
	}
}

// OF-SS-52: a password that was seen is worth nothing once there is another.
func newPasswordEndsTheOldOne(c *counter) {
	h := c.alice()
	old := c.withPassword(h)
	c.works(h, old, "the proof of the first password, as a control")
	waiting := c.informed(c.large(h))
	key := c.withPassword(h)
	c.worksNot(h, old, "the proof of the password from before")
	c.notVerified(c.proving(h, waiting, old), "the proof of the password from before, for an application from before")
	c.works(h, key, "the proof of the new password")

	c.wrongly(h, maxAttempts-1)
	key = c.withPassword(h)
	c.wrongly(h, maxAttempts-1)
	c.works(h, key, fmt.Sprintf("the right proof after %d wrong ones, and as many before the password was set anew", maxAttempts-1))
	c.wrongly(h, maxAttempts)
	c.works(h, c.withPassword(h), "the proof of a password that takes the place of a locked one")
}
