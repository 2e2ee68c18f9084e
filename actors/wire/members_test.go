package wire_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/wire"
)

var _ = Describe("The members of a JSON object", func() {
	DescribeTable("are found to repeat a name, at any depth", func(text string, repeats bool) {
		Expect(wire.Repeats([]byte(text))).To(Equal(repeats))
		_, err := wire.StrictObject([]byte(text))
		Expect(err != nil).To(Equal(repeats))
	},
		Entry("once each", `{"a":1,"b":2}`, false),
		Entry("twice", `{"a":1,"a":1}`, true),
		Entry("names told apart by case", `{"a":1,"A":1}`, false),
		Entry("a name that is also a value", `{"a":"a","b":"a"}`, false),
		Entry("the same name in two objects", `{"a":{"x":1},"b":{"x":1}}`, false),
		Entry("twice in an object inside", `{"a":{"x":1,"x":2}}`, true),
		Entry("twice in an object in a list", `{"a":[1,{"x":1,"x":2}]}`, true),
		Entry("twice around an object", `{"a":{"x":1},"a":2}`, true),
		Entry("twice around a list", `{"a":["a"],"a":2}`, true),
		Entry("once each, behind a number that no float holds", `{"a":1e400,"b":1}`, false),
		Entry("twice, behind such a number", `{"a":1e400,"b":1,"b":2}`, true),
		Entry("twice by an escape", "{\"a\":1,\"\\u0061\":2}", true),
	)

	DescribeTable("are none of what is no object", func(text string) {
		_, err := wire.Object([]byte(text))
		Expect(wire.ProblemOf(err).Code).To(Equal("invalid_request"))
	}, Entry("nothing", ""), Entry("null", "null"), Entry("a list", "[]"), Entry("two", "{}{}"), Entry("bytes", "{\"a\":\"\xff\"}"),
		Entry("the first half of a character", `{"a":"\ud83d"}`), Entry("the second half", `{"a":"\uDE00"}`), Entry("two first halves", `{"a":"\ud83d\ud83d\ude00"}`),
		Entry("the halves the wrong way round", `{"a":"\ude00\ud83d"}`), Entry("halves with something between", `{"a":"\ud83d-\ude00"}`),
		Entry("half a name", `{"\ud83d":1}`), Entry("half a character behind a backslash", `{"a":"\\\ud83d"}`))

	DescribeTable("may be escaped", func(text, read string) {
		m, err := wire.Object([]byte(`{"a":` + text + `}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(m.Text("a")).To(Equal(read))
	},
		Entry("as a surrogate pair", `"\ud83D\uDe00"`, "\U0001f600"), Entry("as two", `"\ud83d\ude00\ud83d\ude00"`, "\U0001f600\U0001f600"),
		Entry("as what is none", `"\ud7ff\ue000"`, "\ud7ff\ue000"), Entry("as U+FFFD", `"\ufffd"`, "\ufffd"), Entry("as a backslash before what looks like one", `"\\ud83d"`, `\ud83d`))

	It("are read by type, and refused with their name where they have another", func() {
		m, err := wire.Object([]byte(`{"text":"x","empty":"","null":null,"yes":true,"seven":7,"fraction":7.5,"exponent":7e0}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(m.Text("empty")).To(BeEmpty())
		Expect(m.Optional("missing")).To(BeEmpty())
		Expect(m.Truth("yes")).To(BeTrue())
		Expect(m.Truth("missing")).To(BeFalse())
		Expect(m.Whole("seven")).To(Equal(int64(7)))
		for name, read := range map[string]func() error{
			"missing":  func() error { _, err := m.Text("missing"); return err },
			"null":     func() error { _, err := m.Text("null"); return err },
			"seven":    func() error { _, err := m.Optional("seven"); return err },
			"empty":    func() error { _, err := m.Word("empty"); return err },
			"text":     func() error { _, err := m.Truth("text"); return err },
			"fraction": func() error { _, err := m.Whole("fraction"); return err },
			"exponent": func() error { _, err := m.Whole("exponent"); return err },
		} {
			Expect(read()).To(MatchError(And(HavePrefix("invalid_request: "), ContainSubstring(name))))
		}
	})

	It("come from a body of bounded size", func() {
		Expect(wire.ReadBody(strings.NewReader("1234"), 4)).To(HaveLen(4))
		_, err := wire.ReadBody(strings.NewReader("12345"), 4)
		Expect(wire.ProblemOf(err).Status).To(Equal(http.StatusRequestEntityTooLarge))
	})
})

var _ = Describe("A problem", func() {
	rejected := func(err error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		wire.Reject(w, err)
		return w
	}

	It("is written with its headers and further members", func() {
		w := rejected(&wire.Problem{Status: 401, Code: "invalid_client", Description: "Who asks?", Challenge: "Basic", RetryAfter: "3", More: map[string]any{"rules_version": 7}})
		Expect(w.Code).To(Equal(http.StatusUnauthorized))
		Expect(w.Header().Get("WWW-Authenticate")).To(Equal("Basic"))
		Expect(w.Header().Get("Retry-After")).To(Equal("3"))
		Expect(w.Body.String()).To(MatchJSON(`{"error":"invalid_client","error_description":"Who asks?","rules_version":7}`))
	})

	It("is the server's own where the error is none, and tells nothing of it", func() {
		w := rejected(errors.New("the disk of alice is full"))
		Expect(w.Code).To(Equal(http.StatusInternalServerError))
		Expect(w.Body.String()).To(ContainSubstring("server_error"))
		Expect(w.Body.String()).NotTo(ContainSubstring("alice"))
	})
})
