package offline

// OF-SS-36: what a handset has signed for another purpose is no countersign.
func domainsOfSignaturesAreSeparate(c *counter) {
	h := c.alice()
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	for _, domain := range []string{domainInformation, domainResult, "", "countersign/offline@1", "countersign/offline@1/countersign/"} {
		what := "a countersign signed under the external_aad " + domain
		if domain == "" {
			what = "a countersign signed under no external_aad"
		}
		c.notVerified(c.of(h).sign(domain, newCountersign(c.informed(c.small(h)))), what)
	}
}

// lyingHeader is a protected header that the handset has signed, and that says something else than how it signed.
type lyingHeader struct {
	what           string
	algorithm, kid any
}

// headersNotVerified ends the check as failed if a countersign under one of the headers is verified. Each is signed with the right key.
func (c *counter) headersNotVerified(h HandsetSetup, lies ...lyingHeader) {
	c.verified(c.plain(h, c.informed(c.small(h))), "a right countersign, as a control")
	for _, lie := range lies {
		payload := newCountersign(c.informed(c.small(h))).encode()
		e := c.of(h).under(protectedHeader(lie.algorithm, lie.kid), domainCountersign, payload)
		c.notVerified(e.encode(), "a countersign whose protected header "+lie.what)
	}
}

// OF-SS-37: the header does not choose how the signature is judged.
func oneAlgorithmOnly(c *counter) {
	h := c.alice()
	kid := []byte(h.ID)
	c.headersNotVerified(h,
		lyingHeader{"names ES256", algorithmES256, kid},
		lyingHeader{"names HMAC 256/256", int64(5), kid},
		lyingHeader{"names the algorithm 0", int64(0), kid},
		lyingHeader{"names the algorithm 8", int64(8), kid},
		lyingHeader{"names the algorithm as a text", "EdDSA", kid},
		lyingHeader{"names no algorithm", nil, kid},
	)
}

// OF-SS-38: the kid is the handset of the application, byte for byte.
func kidNamesTheHandset(c *counter) {
	h := c.alice()
	c.headersNotVerified(h,
		lyingHeader{"has the kid of another known handset", algorithmEdDSA, []byte(c.bob().ID)},
		lyingHeader{"has the kid of a handset that nobody knows", algorithmEdDSA, []byte(c.Strangers.Handset)},
		lyingHeader{"has a kid with a zero byte at its end", algorithmEdDSA, append([]byte(h.ID), 0)},
		lyingHeader{"has an empty kid", algorithmEdDSA, []byte{}},
		lyingHeader{"has no kid", algorithmEdDSA, nil},
	)
}
