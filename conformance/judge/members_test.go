package judge_test

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance/judge"
)

var _ = Describe("The members of a JSON object", func() {
	DescribeTable("are read, and not, from",
		func(text string, readable bool) {
			_, err := judge.ReadMembers([]byte(text))
			gomega.Expect(err == nil).To(gomega.Equal(readable))
		},
		Entry("an object", `{"a": 1}`, true),
		Entry("an object with nothing in it", `{}`, true),
		Entry("null", `null`, false),
		Entry("an array", `[{}]`, false),
		Entry("an object with more behind it", `{} {}`, false),
		Entry("an object that breaks off", `{"a": 1`, false),
		Entry("nothing", ``, false),
	)

	DescribeTable("tell a whole number from",
		func(number string, whole bool) {
			m, err := judge.ReadMembers([]byte(`{"n": ` + number + `}`))
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			_, ok := m.Whole("n")
			gomega.Expect(ok).To(gomega.Equal(whole))
		},
		Entry("itself", `1767225600`, true),
		Entry("one below zero", `-1`, true),
		Entry("one with a fraction", `1.0`, false),
		Entry("one with an exponent", `1e3`, false),
		Entry("one in a string", `"1"`, false),
		Entry("one that is too large", `9223372036854775808`, false),
		Entry("null", `null`, false),
	)

	It("are changed in a copy", func() {
		m := judge.Members{"a": "1", "b": "2"}
		gomega.Expect(m.With("a", nil).With("b", "3")).To(gomega.Equal(judge.Members{"b": "3"}))
		gomega.Expect(m).To(gomega.Equal(judge.Members{"a": "1", "b": "2"}))
	})

	It("give strings and objects, and nothing where there is something else", func() {
		m, err := judge.ReadMembers([]byte(`{"text": "t", "object": {"inner": "i"}, "number": 1}`))
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(m.Text("text")).To(gomega.Equal("t"))
		gomega.Expect(m.Text("number")).To(gomega.BeEmpty())
		gomega.Expect(m.Object("object").Text("inner")).To(gomega.Equal("i"))
		gomega.Expect(m.Object("text")).To(gomega.BeNil())
	})

	It("are written down with one of them twice", func() {
		text, err := judge.Repeated(judge.Members{"b": "2", "a": 1}, "b")
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(string(text)).To(gomega.Equal(`{"a":1,"b":"2","b":"2"}`))
		gomega.Expect(json.Valid(text)).To(gomega.BeTrue())
	})

	DescribeTable("are shown as",
		func(v any, shown string) { gomega.Expect(judge.Shown(v)).To(gomega.Equal(shown)) },
		Entry("absent for none", nil, "absent"),
		Entry("a string in quotes", "s", `"s"`),
		Entry("a number as it is", json.Number("7"), "7"),
	)
})
