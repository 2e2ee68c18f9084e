package offline

import (
	"bytes"
	"fmt"
)

// OF-SS-12: without the password the higher level cannot be reached.
func noPasswordNoHigherLevel(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "a countersign at level 2 with its proof, as a control")
	c.notVerified(c.plain(h, c.informed(c.large(h))), "a countersign at level 2 without a proof")
	c.notVerified(c.plain(h, c.informed(c.large(h)).without(keySealKey)), "a countersign at level 2 without a proof and without a seal_key")
	c.notVerified(c.plain(h, c.informed(c.gated(h))), "a countersign without a proof for "+c.Services[1].ID)
	c.works(h, key, "a countersign at level 2 with its proof after that, as a control")
}

// OF-SS-13: only the password that was set proves anything. No more than four are wrong in a row.
func wrongPasswordNotVerified(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "the proof of the right password, as a control")
	near := bytes.Clone(key)
	near[31] ^= 1
	c.worksNot(h, c.random(32), "a proof made from another password")
	c.worksNot(h, near, "a proof made with the password key but for one bit")
	c.worksNot(h, nil, "a proof made with no key at all")
	c.works(h, key, "the proof of the right password after wrong ones")

	other := c.withPassword(c.bob())
	c.worksNot(h, other, "a proof made from another handset's password")
	sealing := func(plaintext func(bound []byte) []byte, what string) {
		information := c.informed(c.large(h))
		b := bound(newCountersign(information))
		c.notVerified(c.sealing(h, information, sealInfo(b), plaintext(b)), what)
	}
	sealing(func([]byte) []byte { return make([]byte, 32) }, "a sealed proof that is all zeros")
	sealing(func([]byte) []byte { return key }, "the password key sealed in place of a proof")
	c.works(h, key, "the proof of the right password at the end")
}

// OF-SS-14: who knows the password reaches the higher level.
func rightPasswordVerified(c *counter) {
	for _, h := range []HandsetSetup{c.alice(), c.bob()} {
		key := c.withPassword(h)
		for _, asked := range []fields{c.large(h), c.gated(h), c.asking(h, c.Services[0], 1<<53-1)} {
			what := fmt.Sprintf("the sealed proof of the right password for %s and %d", asked.text(keyService), asked.number(keyAmount))
			c.verified(c.proving(h, c.informed(asked), key), what)
		}
	}
}

// OF-SS-16: the password is entered for one application and holds for that.
func passwordHoldsForOneApplication(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	first, second := c.informed(c.large(h)), c.informed(c.large(h))
	earlier := c.proven(first, key)
	c.verified(c.signed(h, earlier), "a proof for its own application, as a control")
	b := bound(newCountersign(second))
	c.notVerified(c.sealing(h, second, sealInfo(b), proofFor(key, bound(earlier))), "the proof of the application before, sealed for this one")
	moved := newCountersign(c.informed(c.large(h))).with(keySealedProof, earlier[keySealedProof])
	c.notVerified(c.signed(h, moved), "the sealed proof of an application before, moved to this one")
	c.works(h, key, "a proof for its own application after that, as a control")
}

// OF-SS-44: what a listener could try passwords against is worth nothing.
func bareProofRefused(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	c.works(h, key, "a sealed proof, as a control")
	bare := newCountersign(c.informed(c.large(h)))
	c.notVerified(c.signed(h, bare.with(keyProof, proofFor(key, bound(bare)))), "a countersign with the right proof, unsealed")
	c.works(h, key, "a sealed proof after that, as a control")
}

// OF-SS-45: a seal is worth something in the one message that it was made for. No more than four are wrong in a row.
func sealBoundToItsCountersign(c *counter) {
	h := c.alice()
	key := c.withPassword(h)
	label := []byte("countersign/offline@1/password")
	another := bound(newCountersign(c.informed(c.large(h))))
	for _, wrong := range []struct {
		what string
		info func(bound []byte) []byte
	}{
		{"the label alone", func([]byte) []byte { return label }},
		{"the label and a zero byte", func([]byte) []byte { return append(bytes.Clone(label), 0) }},
		{"the bound bytes of another application", func([]byte) []byte { return sealInfo(another) }},
		{"no info at all", func([]byte) []byte { return nil }},
		{"the bound bytes without the label", func(b []byte) []byte { return b }},
		{"the bound bytes under the label of proofs", func(b []byte) []byte { return labelled("countersign/offline@1/proof", b) }},
	} {
		information := c.informed(c.large(h))
		b := bound(newCountersign(information))
		c.notVerified(c.sealing(h, information, wrong.info(b), proofFor(key, b)), "the right proof sealed under "+wrong.what)
		c.works(h, key, "the right proof sealed under its own bound bytes, as a control")
	}
}
