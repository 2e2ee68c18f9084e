package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"countersign/conformance"
)

// wrongApplications ends the check as failed unless each is refused and leaves the serial of the right one unused.
func (c *counter) wrongApplications(asked fields, all []wrongBytes) {
	for _, wrong := range all {
		c.Refused(c.applyRaw(wrong.data), "an application "+wrong.what, http.StatusBadRequest, "invalid_request")
	}
	c.informedBy(c.apply(asked), "the right application with the serial of those that were refused")
}

// leftOpen makes tries of a countersign that are to be refused, in their order, and ends the check as failed unless the right one is verified after them.
// A challenge may live for a second: when half of its life is over the right countersign goes out, and the tries go on with other information. There are as
// many of them for any.
func (c *counter) leftOpen(h HandsetSetup, tries func(information fields) []func()) {
	half := time.Duration(max(1, c.metadata.ChallengeLifetime)) * time.Second / 2
	for done, all := 0, 1; done < all; {
		begun := c.Env.Now()
		information := c.informed(c.small(h))
		try := tries(information)
		all = len(try)
		for young := true; young && done < all; done++ {
			try[done]()
			young = c.Env.Now().Sub(begun) < half
		}
		c.verified(c.plain(h, information), "the right countersign after those that were refused")
	}
}

// refused is leftOpen with bodies that are malformed as countersigns.
func (c *counter) refused(h HandsetSetup, bodies func(information fields) []wrongBytes) {
	c.leftOpen(h, func(information fields) (tries []func()) {
		for _, wrong := range bodies(information) {
			tries = append(tries, func() {
				c.Refused(c.verify(wrong.data), "a countersign "+wrong.what, http.StatusBadRequest, "invalid_request")
			})
		}
		return tries
	})
}

// wrongCountersigns is refused with payloads that are rightly signed.
func (c *counter) wrongCountersigns(h HandsetSetup, payloads func(countersign fields) []wrongBytes) {
	c.refused(h, func(information fields) []wrongBytes {
		all := payloads(newCountersign(information))
		for i, wrong := range all {
			all[i].data = c.of(h).envelope(domainCountersign, wrong.data).encode()
		}
		return all
	})
}

// misshapen are messages in which one thing is wrong with one of the keys that an application has too.
func (c *counter) misshapen(f fields) []wrongBytes {
	var all []wrongBytes
	add := func(what string, f fields) { all = append(all, wrongBytes{what, f.encode()}) }
	for key := keyType; key <= keyCurrency; key++ {
		add("without "+keyName(key), f.without(key))
		add("whose "+keyName(key)+" is null", f.with(key, nil))
		add("whose "+keyName(key)+" is an array", f.with(key, []any{f[key]}))
	}
	for _, key := range []uint64{keyHandset, keyDevice, keyService, keyCurrency} {
		add("whose "+keyName(key)+" is a byte string", f.with(key, []byte(f.text(key))))
	}
	number := f.number(keyType)
	add("whose type is another message's", f.with(keyType, number%6+1))
	add("whose type is 0", f.with(keyType, uint64(0)))
	add("whose type is a text", f.with(keyType, fmt.Sprint(number)))
	add("whose serial is a text", f.with(keySerial, strings.Repeat("s", 16)))
	add("whose serial is one byte too short", f.with(keySerial, f.bytes(keySerial)[:15]))
	add("whose serial is one byte too long", f.with(keySerial, append(slices.Clone(f.bytes(keySerial)), 0)))
	add("whose amount is a text", f.with(keyAmount, fmt.Sprint(f.number(keyAmount))))
	add("whose amount is negative", f.with(keyAmount, int64(-1)))
	add("whose amount is a number with a point", f.with(keyAmount, 1.5))
	add("whose amount is true", f.with(keyAmount, true))
	add("whose amount is 2^53", f.with(keyAmount, uint64(1<<53)))
	add("whose currency is in small letters", f.with(keyCurrency, strings.ToLower(f.text(keyCurrency))))
	add("whose currency has two letters", f.with(keyCurrency, f.text(keyCurrency)[:2]))
	add("whose currency has four letters", f.with(keyCurrency, f.text(keyCurrency)+"X"))
	whole := f.encode()
	return append(all,
		wrongBytes{"that breaks off", whole[:len(whole)-1]},
		wrongBytes{"with a byte after it", append(slices.Clone(whole), 0)},
		wrongBytes{"that is an array of its values", encoded([]any{number, f[keySerial], f[keyHandset]})},
		wrongBytes{"that is a text", encoded("application")},
		wrongBytes{"that is a reserved byte", []byte{0x1c}},
		wrongBytes{"of no bytes", nil},
	)
}

// OF-SS-21: what was not said is not made up. A password is set, so that a large amount is no other reason to refuse.
func malformedMessagesRefused(c *counter) {
	h := c.alice()
	c.withPassword(h)
	c.informed(c.small(h))
	asked := c.small(h)
	long := strings.Repeat("x", 33)
	c.wrongApplications(asked, c.misshapen(asked))
	for _, tooLong := range []struct {
		key  uint64
		code string // says that the name is unknown, which is right too
	}{{keyHandset, "unknown_handset"}, {keyDevice, "access_denied"}, {keyService, "unknown_service"}} {
		for _, text := range []string{"", long} {
			resp := c.apply(c.small(h).with(tooLong.key, text))
			status := http.StatusBadRequest
			if resp.Status == http.StatusForbidden && tooLong.key != keyService {
				status = http.StatusForbidden
			}
			c.Refused(resp, fmt.Sprintf("an application whose %s has %d bytes", keyName(tooLong.key), len(text)), status, "invalid_request", tooLong.code)
		}
	}

	c.wrongCountersigns(h, func(countersign fields) []wrongBytes {
		payloads := c.misshapen(countersign)
		for key := keyLevel; key <= keyIssuer; key++ {
			payloads = append(payloads, wrongBytes{"without " + keyName(key), countersign.without(key).encode()})
		}
		return append(payloads,
			wrongBytes{"whose level is 3", countersign.with(keyLevel, uint64(3)).encode()},
			wrongBytes{"whose challenge is a byte too short", countersign.with(keyChallenge, countersign.bytes(keyChallenge)[:31]).encode()},
			wrongBytes{"whose sealed_proof has 79 bytes", countersign.with(keySealedProof, make([]byte, 79)).encode()},
		)
	})
	c.refused(h, func(information fields) []wrongBytes { return c.wrongEnvelopes(h, information) })
}

// wrongEnvelopes are no COSE_Sign1 of section 2.2 of the profile.
func (c *counter) wrongEnvelopes(h HandsetSetup, information fields) []wrongBytes {
	right := c.of(h).envelope(domainCountersign, newCountersign(information).encode())
	untagged, unprotected := right, right
	untagged.untagged = true
	unprotected.unprotected = encoded(map[uint64]any{headerKeyID: []byte(h.ID)})
	parts := []any{right.protected, map[uint64]any{}, right.payload, right.signature}
	tagged := func(number uint64, content any) []byte { return encoded(cbor.Tag{Number: number, Content: content}) }
	with := func(i int, value any) []byte {
		other := slices.Clone(parts)
		other[i] = value
		return tagged(18, other)
	}
	return []wrongBytes{
		{"without its tag", untagged.encode()},
		{"under the tag of COSE_Sign", tagged(98, parts)},
		{"of three parts", tagged(18, parts[:3])},
		{"of five parts", tagged(18, append(slices.Clone(parts), []byte{}))},
		{"with a parameter in its unprotected header", unprotected.encode()},
		{"whose protected header is a map and no byte string", with(0, cbor.RawMessage(right.protected))},
		{"whose protected header holds no map", with(0, []byte{0x01})},
		{"whose payload is null", with(2, nil)},
		{"whose payload is a map and no byte string", with(2, cbor.RawMessage(right.payload))},
		{"whose signature is a text", with(3, "signature")},
		{"that is its payload alone", right.payload},
	}
}

// OF-SS-39: one message has one encoding.
func encodingIsDeterministic(c *counter) {
	h := c.alice()
	asked := c.small(h)
	c.wrongApplications(asked, asked.badEncodings())
	c.wrongCountersigns(h, fields.badEncodings)
}

// OF-SS-40: no reader has to choose which of two values counts.
func duplicateKeyRefused(c *counter) {
	h := c.alice()
	asked := c.small(h)
	doubles := func(f fields) []wrongBytes {
		other := f.number(keyAmount) + 1
		return []wrongBytes{
			{"with another amount before its own", f.doubled(keyAmount, other, true)},
			{"with another amount after its own", f.doubled(keyAmount, other, false)},
			{"with the same amount twice", f.doubled(keyAmount, f[keyAmount], false)},
			{"with another serial before its own", f.doubled(keySerial, c.random(16), true)},
		}
	}
	c.wrongApplications(asked, doubles(asked))
	c.wrongCountersigns(h, doubles)
}

// OF-SS-41: nothing is signed that nobody was shown.
func unknownKeyRefused(c *counter) {
	h := c.alice()
	asked := c.small(h)
	more := func(f fields, key, value any) []byte {
		return rawMap(append(f.entries(), entry{encoded(key), encoded(value)}))
	}
	unknown := func(f fields) []wrongBytes {
		return []wrongBytes{
			{"with the key verified, of another message", more(f, keyVerified, true)},
			{"with the key error, of another message", more(f, keyError, "none")},
			{"with the key 20", more(f, uint64(20), uint64(1))},
			{"with the key -1", more(f, int64(-1), uint64(1))},
			{"with a text for a key", more(f, "note", "a surcharge")},
		}
	}
	c.wrongApplications(asked, append(unknown(asked), wrongBytes{"with a level", more(asked, keyLevel, uint64(1))}))
	c.wrongCountersigns(h, unknown)
}

// OF-SS-54: neither a flood nor a browser's form is taken for a message.
func bodiesAreLimited(c *counter) {
	h := c.alice()
	asked := c.small(h)
	for _, unlike := range c.otherBodies("an application", c.applicationEndpoint(), applicationType, asked.encode()) {
		unlike()
	}
	c.informedBy(c.apply(asked), "the application that was refused, in a body of its own type")
	c.leftOpen(h, func(information fields) []func() {
		return c.otherBodies("a countersign", c.verificationEndpoint(), countersignType, c.plain(h, information))
	})
}

// otherBodies send a right body under other media types, and one that is too long under its own.
func (c *counter) otherBodies(message, endpoint, mediaType string, body []byte) (tries []func()) {
	by := c.till()
	for _, other := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", ""} {
		what := message + " of type " + other
		if other == "" {
			what = message + " without a type"
		}
		tries = append(tries, func() {
			c.Refused(c.Do(by.ID, c.post(endpoint, other, &by, body)), what, http.StatusUnsupportedMediaType, "invalid_request")
		})
	}
	for _, size := range []int{maxMessage + 1, 8 * maxMessage} {
		long := append(slices.Clone(body), bytes.Repeat([]byte{0}, size-len(body))...)
		tries = append(tries, func() {
			c.Refused(c.Do(by.ID, c.post(endpoint, mediaType, &by, long)), fmt.Sprintf("%s of %d bytes", message, size), http.StatusRequestEntityTooLarge, "invalid_request")
		})
	}
	return tries
}

// OF-SS-23: a device can tell what is wrong.
func serverRefusalsMachineReadable(c *counter) {
	h := c.alice()
	asked, till := c.small(h), c.till()
	information := c.informed(asked)
	get := func(endpoint string) *conformance.Response {
		req := c.post(endpoint, "", &till, nil)
		req.Method = http.MethodGet
		return c.Do(till.ID, req)
	}
	stranger := c.setting(h, c.random(32))
	stranger["account"] = c.Strangers.Account + "-" + c.Random(9)
	half := json.RawMessage(`"\ud83d"`) // of a surrogate pair
	refusals := []struct {
		what   string
		resp   *conformance.Response
		status int
	}{
		{"an application of a handset that is not enrolled", c.apply(c.small(h).with(keyHandset, c.Strangers.Handset)), http.StatusForbidden},
		{"an application for an unknown service", c.apply(c.small(h).with(keyService, c.Strangers.Service)), http.StatusBadRequest},
		{"an application that is none", c.applyRaw([]byte("none")), http.StatusBadRequest},
		{"an application with a serial that came before", c.apply(asked.with(keyCurrency, "XTS")), http.StatusConflict},
		{"an application of a handset without a password that needs one", c.apply(c.large(c.carol())), http.StatusForbidden},
		{"a countersign that is none", c.verify([]byte("none")), http.StatusBadRequest},
		{"a countersign of an unknown serial", c.verify(c.plain(h, information.with(keySerial, c.random(16)))), http.StatusNotFound},
		{"the setting of a password without any member", c.set(members{}), http.StatusBadRequest},
		{"the setting of a password whose account_password has half a character", c.set(c.setting(h, c.random(32)).with("account_password", half)), http.StatusBadRequest},
		{"the setting of a password with half a character in an unknown member", c.set(c.setting(h, c.random(32)).with("colour", half)), http.StatusBadRequest},
		{"the setting of a password for an account that nobody has", c.set(stranger), 0},
		{"a GET of the application endpoint", get(c.applicationEndpoint()), http.StatusMethodNotAllowed},
		{"a GET of the verification endpoint", get(c.verificationEndpoint()), http.StatusMethodNotAllowed},
	}
	for _, r := range refusals {
		c.MachineReadable(r.resp)
		if r.status != 0 {
			c.Refused(r.resp, r.what, r.status)
		}
	}
	requests, _ := c.impostors(c.applicationEndpoint(), applicationType, c.small(h).encode())
	for _, req := range requests { // a server that does not ask for credentials refuses nothing here
		resp := c.Do("somebody", req)
		c.MachineReadable(resp)
		scheme, _, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
		if resp.Status == http.StatusUnauthorized && !strings.EqualFold(scheme, "Basic") {
			c.FailAt(resp.Exchange, "status 401 with WWW-Authenticate: Basic", fmt.Sprintf("WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate")))
		}
	}
}
