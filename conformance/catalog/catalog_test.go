package catalog_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/conformance/catalog"
)

var _ = Describe("The catalogue", func() {
	requirements := func() []catalog.Requirement {
		var all []catalog.Requirement
		for _, c := range catalog.Catalogs() {
			all = append(all, c.Requirements...)
		}
		return all
	}

	It("is data that its published schema accepts", func() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(catalog.Schema))
		Expect(err).NotTo(HaveOccurred())
		compiler := jsonschema.NewCompiler()
		Expect(compiler.AddResource("requirements.schema.json", doc)).To(Succeed())
		schema, err := compiler.Compile("requirements.schema.json")
		Expect(err).NotTo(HaveOccurred())
		for _, c := range catalog.Catalogs() {
			data, err := os.ReadFile(c.Flow + ".yaml")
			Expect(err).NotTo(HaveOccurred())
			asJSON, err := yaml.YAMLToJSON(data)
			Expect(err).NotTo(HaveOccurred())
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
			Expect(err).NotTo(HaveOccurred())
			Expect(schema.Validate(value)).To(Succeed())
		}
	})

	It("gives an ID once, numbered without gaps within a flow and role", func() {
		next := map[string]int{}
		for _, r := range requirements() {
			prefix, number := string(r.ID[:6]), string(r.ID[6:])
			next[prefix]++
			Expect(number).To(Equal(twoDigits(next[prefix])), "after %s%s", prefix, number)
		}
	})

	It("holds the floor of each flow", func() {
		floor := map[string]int{"bidirectional": 45, "ticket": 35, "mobile": 35, "offline": 35, "unified": 50}
		for _, c := range catalog.Catalogs() {
			Expect(len(c.Requirements)).To(BeNumerically(">=", floor[c.Flow]), c.Flow)
		}
	})

	It("writes the keyword of a requirement into its text", func() {
		for _, r := range requirements() {
			Expect(r.Text).To(ContainSubstring(string(r.Keyword)), string(r.ID))
		}
	})

	It("cites the document for every core requirement, or the standard that the document builds on", func() {
		cited := regexp.MustCompile(`claims? \d|description|abstract|paragraphs? \d|RFC \d+ section`) // one document has no claims
		for _, r := range requirements() {
			Expect(r.Source).To(MatchRegexp(cited.String()+`|closes|RFC|flows|advisory`), string(r.ID))
			if r.Level == catalog.Core {
				Expect(cited.MatchString(r.Source)).To(BeTrue(), "%s: %s", r.ID, r.Source)
			}
		}
	})

	It("is what the wire profile speaks of: every ID that the profile names exists", func() {
		for _, c := range catalog.Catalogs() {
			profile, err := os.ReadFile("../profiles/" + c.Flow + ".md")
			Expect(err).NotTo(HaveOccurred())
			named := regexp.MustCompile(`\b[A-Z]{2}-[A-Z]{2}-\d{2}\b`).FindAllString(string(profile), -1)
			Expect(named).NotTo(BeEmpty(), c.Flow)
			for _, id := range named {
				flow, ok := catalog.FlowOf(catalog.ID(id))
				Expect(ok).To(BeTrue(), id)
				Expect(flow).To(Equal(c.Flow), id)
			}
		}
	})
})

var _ = Describe("The account of the source documents", func() {
	It("gives each statement its requirements or a reason, never both or neither", func() {
		for _, c := range catalog.Coverages() {
			for _, s := range c.Statements {
				Expect(len(s.Requirements) > 0).NotTo(Equal(s.Why != ""), s.Where)
				for _, id := range s.Requirements {
					_, ok := catalog.Lookup(id)
					Expect(ok).To(BeTrue(), "%s in %s", id, s.Where)
				}
			}
		}
	})

	It("has one for each flow, in the same order", func() {
		var catalogs, coverages []string
		for _, c := range catalog.Catalogs() {
			catalogs = append(catalogs, c.Flow)
		}
		for _, c := range catalog.Coverages() {
			coverages = append(coverages, c.Flow)
		}
		Expect(coverages).To(Equal(catalogs))
	})

	It("accounts for all eleven claims of the bidirectional document", func() {
		var where []string
		for _, s := range catalog.Coverages()[0].Statements {
			where = append(where, s.Where)
		}
		text := strings.Join(where, "\n")
		for _, claim := range []string{"claim 1,", "claim 2,", "claim 3,", "claim 4", "claim 5", "claim 6,", "claim 7,", "claim 8,", "claim 9", "claims 10 and 11"} {
			Expect(text).To(ContainSubstring(claim))
		}
	})

	It("covers every core requirement that a claim or the description asks for", func() {
		covered := map[catalog.ID]bool{}
		for _, c := range catalog.Coverages() {
			for _, s := range c.Statements {
				for _, id := range s.Requirements {
					covered[id] = true
				}
			}
		}
		for _, c := range catalog.Catalogs() {
			for _, r := range c.Requirements {
				if r.Level == catalog.Core && regexp.MustCompile(`^(claims? \d|description)`).MatchString(r.Source) {
					Expect(covered[r.ID]).To(BeTrue(), string(r.ID))
				}
			}
		}
	})
})

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
