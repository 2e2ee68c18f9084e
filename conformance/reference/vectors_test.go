package reference_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/reference"
	"countersign/conformance/ticket"
)

var update = flag.Bool("vectors.update", false, "write the test vectors anew")

var _ = Describe("The test vectors", func() {
	for _, kept := range []struct {
		flow conformance.Flow
		role catalog.Role
	}{
		{bidirectional.Flow(), catalog.OAuthServer},
		{bidirectional.Flow(), catalog.ResourceServer},
		{bidirectional.Flow(), catalog.ClientReceiving},
		{ticket.Flow(), catalog.AccountServer},
		{mobile.Flow(), catalog.AuthorizationServer},
		{offline.Flow(), catalog.ServiceServer},
	} {
		flow, role := kept.flow, kept.role
		Describe("for the "+string(role)+" of the flow "+flow.Name, func() {
			file := "../vectors/" + flow.Name + "." + string(role) + ".json"
			vectors := sync.OnceValues(func() (reference.Vectors, error) { return reference.MakeVectors(flow, role) })

			It("are what a seeded run of the checks gives", func() {
				made, err := vectors()
				Expect(err).NotTo(HaveOccurred())
				text, err := made.Encode()
				Expect(err).NotTo(HaveOccurred())
				if *update {
					Expect(os.WriteFile(file, text, 0o644)).To(Succeed())
				}
				kept, err := os.ReadFile(file)
				Expect(err).NotTo(HaveOccurred())
				Expect(bytes.Equal(kept, text)).To(BeTrue(), "the vectors have changed: look at why, then run go test ./conformance/reference -vectors.update")
			})

			It("meet their published schema", func() {
				compiler := jsonschema.NewCompiler()
				schema, err := compiler.Compile("../vectors/vectors.schema.json")
				Expect(err).NotTo(HaveOccurred())
				text, err := os.ReadFile(file)
				Expect(err).NotTo(HaveOccurred())
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
				Expect(err).NotTo(HaveOccurred())
				Expect(schema.Validate(value)).To(Succeed())
			})

			It("are answered as they say by a fresh reference that no harness talks to", func() {
				made, err := vectors()
				Expect(err).NotTo(HaveOccurred())
				Expect(len(made.Vectors)).To(BeNumerically(">=", 6))
				for _, v := range made.Vectors {
					target, err := reference.NewReplay(flow, role)
					Expect(err).NotTo(HaveOccurred())
					for i, step := range v.Steps {
						Expect(target.Answer(step)).To(Equal(step.Expect), "%s, step %d", v.ID, i+1)
					}
				}
			})
		})
	}

	for _, flow := range []string{"bidirectional", "offline"} {
		It("are shown in the profile of the flow "+flow+", byte for byte", func() {
			const begin, end = "<!-- worked examples: made by the test vectors -->\n", "<!-- end of the worked examples -->"
			file := "../profiles/" + flow + ".md"
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			before, rest, found := strings.Cut(string(text), begin)
			Expect(found).To(BeTrue())
			shown, after, found := strings.Cut(rest, end)
			Expect(found).To(BeTrue())
			made, err := reference.WorkedExamples()
			Expect(err).NotTo(HaveOccurred())
			if *update {
				Expect(os.WriteFile(file, []byte(before+begin+"\n"+made[flow]+"\n"+end+after), 0o644)).To(Succeed())
				return
			}
			Expect(strings.TrimSpace(shown)).To(Equal(strings.TrimSpace(made[flow])))
		})
	}
})
