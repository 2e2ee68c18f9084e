package unified

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance/jose"
)

var _ = Describe("A sealed message as the checks see it", func() {
	var (
		now    = time.Unix(1767225600, 0)
		key    = jose.Key{ID: "tp-a-1", Secret: []byte("communication-key-of-tp-a-no-001")}
		other  = jose.Key{ID: "tp-a-1", Secret: []byte("communication-key-of-tp-a-no-002")}
		there  = line{from: "tp-a", to: "https://platform.example", key: key}
		right  = newMessage("a-jti", now, there.back(), "status-response", "the-jti-of-the-request", members{"active": true})
		source = func() *mint { return &mint{seed: []byte("a seed")} }
	)
	arrive := func(m message, keys ...jose.Key) (opened, error) {
		GinkgoHelper()
		body, err := m.seal(source())
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		return openMessage("application/jose; charset=utf-8", []byte(body), keys...)
	}
	judged := func(m message) string {
		GinkgoHelper()
		o, err := arrive(m, m.key)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		return o.wrong(there.back(), "status-response", "the-jti-of-the-request", now)
	}

	It("opens under the key that its kid names, whichever of them opens it", func() {
		o, err := arrive(right, other, key)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(o.key).To(gomega.Equal(key))
		gomega.Expect(o.payload).To(gomega.HaveKeyWithValue("active", true))
		gomega.Expect(judged(right)).To(gomega.BeEmpty())
	})

	It("is read where it comes plain, and is not right then", func() {
		body, err := right.plain()
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		o, err := openMessage("application/json", []byte(body), key)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(o.payload.text("iss")).To(gomega.Equal("https://platform.example"))
		gomega.Expect(o.wrong(there.back(), "status-response", "", now)).To(gomega.Equal("it is not sealed"))
	})

	DescribeTable("does not open",
		func(contentType string, change func(string) string, keys []jose.Key, reason string) {
			body, err := right.seal(source())
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			_, err = openMessage(contentType, []byte(change(body)), keys...)
			gomega.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(reason)))
		},
		Entry("under another key of the same kid", joseType, strings.TrimSpace, []jose.Key{other}, "does not open under the key that its kid"),
		Entry("under keys of other kids", joseType, strings.TrimSpace, []jose.Key{{ID: "tp-b-1", Secret: key.Secret}}, "names none of the keys"),
		Entry("when its type is another", "text/plain", strings.TrimSpace, []jose.Key{key}, `type "text/plain"`),
		Entry("when it is no JWE", joseType, strings.ToUpper, []jose.Key{key}, "no JWE in compact serialization"),
		Entry("when something was put behind it", joseType, func(body string) string { return body + "AA" }, []jose.Key{key}, "does not open"),
	)

	DescribeTable("is wrong",
		func(m message, reason string) { gomega.Expect(judged(m)).To(gomega.ContainSubstring(reason)) },
		Entry("with the typ of another message", right.headed("typ", "status-request+jwt"), "typ of its header"),
		Entry("from somebody else", right.with("iss", "https://elsewhere.example"), "iss is"),
		Entry("to somebody else", right.with("aud", nil), "aud is absent"),
		Entry("without a jti", right.with("jti", nil), "it has no jti"),
		Entry("to another request", right.with("in_reply_to", "x"), "in_reply_to is"),
		Entry("from too long ago", right.with("iat", now.Unix()-301), "iat is"),
		Entry("from too far ahead", right.with("iat", now.Unix()+301), "iat is"),
		Entry("from no whole second", right.with("iat", 0.5), "iat is"),
		Entry("from a time in words", right.with("iat", "now"), "iat is"),
	)

	It("never changes when a copy is changed", func() {
		right.with("iss", "x").headed("typ", "x")
		gomega.Expect(judged(right)).To(gomega.BeEmpty())
	})

	It("has an initialization vector of its own every time that it is sealed", func() {
		from := source()
		one, err := right.seal(from)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		two, err := right.seal(from)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(vector(one)).To(gomega.HaveLen(16))
		gomega.Expect(vector(two)).NotTo(gomega.Equal(vector(one)))
	})
})

var _ = Describe("The random stream of a party", func() {
	It("is the same for the same seed, and never repeats", func() {
		one, two := &mint{seed: []byte("s")}, &mint{seed: []byte("s")}
		seen := map[string]bool{}
		for range 100 {
			v := one.value()
			gomega.Expect(v).To(gomega.HaveLen(24))
			gomega.Expect(v).To(gomega.Equal(two.value()))
			gomega.Expect(seen).NotTo(gomega.HaveKey(v))
			seen[v] = true
		}
		gomega.Expect((&mint{seed: []byte("t")}).value()).NotTo(gomega.BeKeyOf(seen))
	})
})
