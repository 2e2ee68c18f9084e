package conformance_test

import (
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

var _ = Describe("What a report shows of a body", func() {
	DescribeTable("is what a reader can use", func(contentType, body, shown string) {
		Expect(conformance.Excerpt(http.Header{"Content-Type": {contentType}}, []byte(body))).To(Equal(shown))
	},
		Entry("text as it is", "application/json", `{"a":1}`, `{"a":1}`),
		Entry("text that is no UTF-8, mended", "text/html; charset=utf-8", "a\xffb", "a\uFFFDb"),
		Entry("CBOR in diagnostic notation", "application/cbor", "\xa2\x01\x02\x03\x63abc", `{1: 2, 3: "abc"}`),
		Entry("COSE with what it wraps", `application/cose; cose-type="cose-sign1"`, "\xd2\x84\x43\xa1\x01\x27\xa0\x43\xa1\x01\x05\x41\xff", `18([<<{1: -8}>>, {}, <<{1: 5}>>, h'ff'])`),
		Entry("what only says that it is CBOR in digits", "application/cbor", "\xa2\x01", "h'a201'"),
		Entry("other bytes in digits", "application/octet-stream", "\x01\xfe", "h'01fe'"),
		Entry("nothing", "", "", ""),
	)

	It("is made of its beginning", func() {
		Expect(conformance.Excerpt(http.Header{}, []byte(strings.Repeat("x", 1<<20)))).To(Equal(strings.Repeat("x", 20<<10)))
	})
})
