package offline

import (
	"net/http"

	"countersign/conformance"
)

// impostors are requests, with the same endpoint, media type and body, of somebody who is not the till. Each says what it is.
func (c *counter) impostors(endpoint, mediaType string, body []byte) (requests []*http.Request, what []string) {
	add := func(described string, by *DeviceSetup, authorization string) {
		req := c.post(endpoint, mediaType, by, body)
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		requests, what = append(requests, req), append(what, described)
	}
	till, secret := c.till().ID, c.till().Secret
	add("without credentials", nil, "")
	add("with a wrong secret", &DeviceSetup{ID: till, Secret: secret + "x"}, "")
	add("with an empty secret", &DeviceSetup{ID: till}, "")
	add("with another device's secret", &DeviceSetup{ID: till, Secret: c.otherTill().Secret}, "")
	add("of a device that nobody knows", &DeviceSetup{ID: c.Strangers.Device, Secret: secret}, "")
	add("with the secret as a bearer token", nil, "Bearer "+secret)
	return requests, what
}

// refusedAsUnauthentic ends the check as failed unless each impostor is refused.
func (c *counter) refusedAsUnauthentic(kind, endpoint, mediaType string, body []byte) {
	requests, what := c.impostors(endpoint, mediaType, body)
	for i, req := range requests {
		c.Refused(c.Do("somebody", req), kind+" "+what[i], http.StatusUnauthorized, "invalid_client")
	}
}

// OF-SS-24: only a device applies.
func deviceAuthenticatesItsApplication(c *counter) {
	c.informed(c.small(c.alice()))
	asked := c.small(c.alice())
	c.refusedAsUnauthentic("an application", c.applicationEndpoint(), applicationType, asked.encode())
	c.informedBy(c.apply(asked), "the application that was refused without credentials, with them")
}

// OF-SS-25: who has overheard a countersign cannot use it up.
func deviceAuthenticatesItsVerification(c *counter) {
	body := c.plain(c.alice(), c.informed(c.small(c.alice())))
	c.refusedAsUnauthentic("a right countersign", c.verificationEndpoint(), countersignType, body)
	c.verified(body, "the countersign that was refused without credentials, with them")
}

// OF-SS-26: no device gets information that names another.
func deviceAppliesForItselfOnly(c *counter) {
	for _, pair := range [][2]DeviceSetup{{c.otherTill(), c.till()}, {c.till(), c.otherTill()}, {c.till(), {ID: c.Strangers.Device}}} {
		sender, named := pair[0], pair[1]
		asked := c.small(c.alice()).with(keyDevice, named.ID)
		resp := c.Do(sender.ID, c.application(sender, asked.encode()))
		c.Refused(resp, "an application of "+sender.ID+" that names "+named.ID, http.StatusForbidden, "access_denied")
		own := c.Do(sender.ID, c.application(sender, asked.with(keyDevice, sender.ID).encode()))
		c.informedBy(own, "an application of "+sender.ID+" with that serial, for itself")
	}
}

// OF-SS-27: the countersign is worth something at one device.
func challengeBoundToItsDevice(c *counter) {
	body := c.plain(c.alice(), c.informed(c.small(c.alice())))
	fromGate := func() *conformance.Response { return c.Do(c.otherTill().ID, c.verification(c.otherTill(), body)) }
	c.Refused(fromGate(), "a countersign from another device than the one that applied", http.StatusForbidden, "access_denied")
	c.verified(body, "the same countersign from the device that applied")
	resp := fromGate()
	if resp.Status != http.StatusConflict { // that it has been judged is a reason as good
		c.Refused(resp, "a verified countersign from another device", http.StatusForbidden, "access_denied")
	}

	asked := c.small(c.alice()).with(keyDevice, c.otherTill().ID)
	body = c.plain(c.alice(), c.informedBy(c.Do(c.otherTill().ID, c.application(c.otherTill(), asked.encode())), "an application of the other device"))
	c.Refused(c.verify(body), "a countersign for the other device", http.StatusForbidden, "access_denied")
	resp = fromGate()
	if !c.judged(resp, "the same countersign from its own device") {
		c.FailAt(resp.Exchange, "verified true for the same countersign from its own device", "verified false")
	}
}
