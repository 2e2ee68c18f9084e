package reports_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports"
)

var _ = Describe("JSON", func() {
	It("is what the published schema describes", func() {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(reports.Schema()))
		Expect(err).NotTo(HaveOccurred())
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		Expect(compiler.AddResource("document.json", value)).To(Succeed())
		schema, err := compiler.Compile("document.json")
		Expect(err).NotTo(HaveOccurred())
		bare := only("pass")
		bare.Checks.Level, bare.Checks.Results[0].Exchanges[0].RequestHeaders = "", nil
		for _, d := range []reports.Document{sample(), wellFormed(), bare, {Scenarios: scenarios()}} {
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(asJSON(d)))
			Expect(err).NotTo(HaveOccurred())
			Expect(schema.Validate(instance)).To(Succeed())
		}
	})

	It("names every member of the document in the schema, and no other", func() {
		var schema, instance any
		Expect(json.Unmarshal(reports.Schema(), &schema)).To(Succeed())
		Expect(json.Unmarshal([]byte(asJSON(sample())), &instance)).To(Succeed())
		described := map[string]bool{}
		collect(schema, func(object map[string]any) {
			if properties, ok := object["properties"].(map[string]any); ok && object["type"] == "object" {
				for name := range properties {
					described[name] = true
				}
			}
		})
		written := map[string]bool{"untestable": true, "defect": true} // the sample has no need of these
		collect(instance, func(object map[string]any) {
			for name := range object {
				written[name] = true
			}
		})
		Expect(slices.Sorted(maps.Keys(written))).To(Equal(slices.Sorted(maps.Keys(described))))
	})

	It("has each requirement once, and all in one line", func() {
		d := sample()
		text := asJSON(d)
		Expect(strings.Count(text, "\n")).To(Equal(1))
		again := map[catalog.ID]bool{}
		for _, r := range d.Checks.Results {
			again[r.Requirement.ID] = true
			Expect(strings.Count(text, `{"id":"`+string(r.Requirement.ID)+`","level":`)).To(Equal(1), string(r.Requirement.ID))
		}
		Expect(len(again)).To(BeNumerically("<", len(d.Checks.Results)), "some requirements bind several roles")
	})

	It("is not written where one ID stands for two requirements", func() {
		d := sample()
		d.Checks.Results[1].Requirement.ID = d.Checks.Results[0].Requirement.ID
		Expect(d.WriteJSON(io.Discard)).To(MatchError(ContainSubstring("at /checks/results/1/requirement: BI-CL-01 reads otherwise in an earlier result")))
	})

	It("is refused when something follows it", func() {
		_, err := reports.ReadJSON(strings.NewReader(asJSON(sample()) + "{}"))
		Expect(err).To(MatchError(ContainSubstring("after top-level value")))
	})

	It("is read back as it was written", func() {
		d := sample()
		text := asJSON(d)
		back, err := reports.ReadJSON(strings.NewReader(text))
		Expect(err).NotTo(HaveOccurred())
		Expect(asJSON(back)).To(Equal(text))
		Expect(asHTML(back)).To(Equal(asHTML(d)))
		Expect(back.Scenarios[2].Seed).To(Equal(uint64(18446744073709551615)))
	})

	DescribeTable("is refused, with what and where,", func(old, new, where, what string) {
		text := asJSON(sample())
		broken := regexp.MustCompile(old).ReplaceAllStringFunc(text, once(new))
		Expect(broken).NotTo(Equal(text))
		_, err := reports.ReadJSON(strings.NewReader(broken))
		var problem *reports.DocumentError
		Expect(err).To(BeAssignableToTypeOf(problem))
		problem = err.(*reports.DocumentError)
		Expect(problem.Where).To(Equal(where))
		Expect(problem.What).To(ContainSubstring(what))
	},
		Entry("when it is empty", `(?s).*`, "", "line 1, column 1", "unexpected end"),
		Entry("when it ends too early", `(?s)"summary".*`, ``, "line 1, column 164", "unexpected end"),
		Entry("when it is no JSON", `"seed":7`, `"seed":seven`, "line 1, column 100", "invalid character 's'"),
		Entry("when a member is unknown", `"seed":7`, `"seed":7,"mood":"good"`, "/checks", "'mood'"),
		Entry("when a member is missing", `"seed":7,`, ``, "/checks", "'seed'"),
		Entry("when a member is given twice", `"seed":7`, `"seed":7,"seed":8`, "/checks/seed", "a second time"),
		Entry("when a member is of the wrong kind", `"seed":7`, `"seed":"7"`, "/checks/seed", "want integer"),
		Entry("when a number is out of range", `18446744073709551615`, `18446744073709551616`, "/scenarios/2/seed", "maximum"),
		Entry("when a verdict is unknown", `"verdict":"pass"`, `"verdict":"green"`, fmt.Sprintf("/checks/results/%d/verdict", firstPassed()), "'pass'"),
		Entry("when the format is another", `countersign/document@2`, `countersign/document@1`, "/format", "countersign/document@2"),
		Entry("when a result is of a requirement that the report does not have", `"requirement":"BI-CL-01"`, `"requirement":"BI-CL-99"`, "/checks/results/0/requirement", "BI-CL-99 is not among"),
		Entry("when a requirement is given twice", `\{"id":"BI-CL-02"`, `{"id":"BI-CL-01"`, "/checks/requirements/1/id", "BI-CL-01 stands here a second time"),
		Entry("when the counts are not those of the results", `"fail":4`, `"fail":0`, "/checks/counts", "the results give"),
		Entry("when the conclusion is not that of the results", `"nonconformant",`, `"conformant",`, "/checks/conclusion", "nonconformant"),
	)
})

// firstPassed is the place of the first result of the sample that is a pass.
func firstPassed() int {
	return slices.IndexFunc(sample().Checks.Results, func(r conformance.Result) bool { return r.Verdict == conformance.Pass })
}

// once replaces the first match only.
func once(by string) func(string) string {
	done := false
	return func(match string) string {
		if done {
			return match
		}
		done = true
		return by
	}
}

// collect visits every object of a JSON value.
func collect(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(v)
		for _, member := range v {
			collect(member, visit)
		}
	case []any:
		for _, element := range v {
			collect(element, visit)
		}
	}
}
