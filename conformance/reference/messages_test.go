package reference_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/actors/token"
	"countersign/conformance/reference"
	"countersign/conformance/vectors"
)

// part is a part of a right message, by its name.
func part(m vectors.Message, name string) vectors.Part {
	for _, p := range m.MadeOf {
		if p.Name == name {
			return p
		}
	}
	return vectors.Part{}
}

// saysThe reports whether a token opens or verifies, as the reference does it, with what the right message is made of, and says just what that one says.
func saysThe(right vectors.Message, text string) bool {
	GinkgoHelper()
	header, payload := map[string]any{}, []byte(nil)
	var err error
	if plaintext := part(right, "plaintext"); plaintext.Text != "" {
		var sealed token.Sealed
		if sealed, err = token.ParseSealed(text); err == nil {
			header = sealed.Header
			var secret []byte
			secret, err = hex.DecodeString(part(right, "key "+sealed.KeyID()).Hex)
			Expect(err).NotTo(HaveOccurred())
			payload, err = sealed.Open(secret)
		}
	} else {
		var jwk map[string]any
		Expect(json.Unmarshal([]byte(part(right, "public key").Text), &jwk)).To(Succeed())
		key, keyErr := token.PublicKey(jwk)
		Expect(keyErr).NotTo(HaveOccurred())
		var signed token.Signed
		if signed, err = token.ParseSigned(text); err == nil {
			header, payload, err = signed.Header, signed.Payload, signed.Verify(key)
		}
	}
	if err != nil {
		return false
	}
	said, err := json.Marshal(header)
	Expect(err).NotTo(HaveOccurred())
	sameHeader, err := MatchJSON(part(right, "protected header").Text).Match(said)
	Expect(err).NotTo(HaveOccurred())
	samePayload, err := MatchJSON(part(right, "payload").Text + part(right, "plaintext").Text).Match(payload)
	Expect(err).NotTo(HaveOccurred())
	return sameHeader && samePayload
}

var _ = Describe("The messages byte for byte", func() {
	made := func() map[string]vectors.Messages {
		GinkgoHelper()
		all, err := reference.MakeMessages()
		Expect(err).NotTo(HaveOccurred())
		return all
	}
	for _, flow := range []string{"offline", "mobile", "unified"} {
		file := "../vectors/" + flow + ".messages.json"

		It("of the flow "+flow+" are what the code makes, and meet their published schema", func() {
			text, err := made()[flow].Encode()
			Expect(err).NotTo(HaveOccurred())
			if *update {
				Expect(os.WriteFile(file, text, 0o644)).To(Succeed())
			}
			kept, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(bytes.Equal(kept, text)).To(BeTrue(), "the messages have changed: look at why, then run go test ./conformance/reference -vectors.update")
			schema, err := jsonschema.NewCompiler().Compile("../vectors/messages.schema.json")
			Expect(err).NotTo(HaveOccurred())
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(kept))
			Expect(err).NotTo(HaveOccurred())
			Expect(schema.Validate(value)).To(Succeed())
		})
	}

	for _, flow := range []string{"mobile", "unified"} {
		It("of the flow "+flow+" open where they are right, and say something else or do not open where they are wrong", func() {
			var right vectors.Message
			seen := map[string]bool{}
			for _, m := range made()[flow].Messages {
				if m.Valid {
					right = m
				}
				Expect(seen).NotTo(Or(HaveKey(m.ID), HaveKey(m.Text)), m.ID)
				seen[m.ID], seen[m.Text] = true, true
				Expect(saysThe(right, m.Text)).To(Equal(m.Valid), m.ID)
			}
		})
	}
})
