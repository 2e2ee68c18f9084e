package oauth1_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/oauth1"
)

var _ = Describe("The worked examples of RFC 5849", func() {
	// The request of section 3.4.1.1. The shared secrets of the example are j49sk3j29djd and dh893hdasih9.
	const example = "POST /request?b5=%3D%253D&a3=a&c%40=&a2=r%20b HTTP/1.1|Host: example.com|" +
		"Content-Type: application/x-www-form-urlencoded|Content-Length: 9|" +
		`Authorization: OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", ` +
		`oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", ` +
		`oauth_nonce="7d8f3e4a", oauth_signature="SIGNATURE"||c2&a3=2+q`
	secrets := oauth1.Keys{ClientSecret: "j49sk3j29djd", TokenSecret: "dh893hdasih9"}

	It("collects the parameters of section 3.4.1.3.1, decoded", func() {
		m := parse(raw(example))
		Expect(m.Realm).To(Equal("Example"))
		Expect(m.Params).To(Equal([]oauth1.Param{
			{Name: "oauth_consumer_key", Value: "9djdj82h48djs9d2"}, {Name: "oauth_token", Value: "kkk9d7dh3k39sjv7"},
			{Name: "oauth_signature_method", Value: "HMAC-SHA1"}, {Name: "oauth_timestamp", Value: "137131201"},
			{Name: "oauth_nonce", Value: "7d8f3e4a"}, {Name: "oauth_signature", Value: "SIGNATURE"},
			{Name: "c2", Value: ""}, {Name: "a3", Value: "2 q"},
			{Name: "b5", Value: "=%3D"}, {Name: "a3", Value: "a"}, {Name: "c@", Value: ""}, {Name: "a2", Value: "r b"},
		}))
	})

	It("makes the base string of section 3.4.1.1", func() {
		Expect(parse(raw(example)).BaseString()).To(Equal("POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q" +
			"%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a" +
			"%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"))
	})

	It("signs it as verified erratum 2550 has it, not as the RFC prints it", func() {
		corrected := parse(raw(strings.Replace(example, "SIGNATURE", "r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D", 1)))
		Expect(corrected.Verify(secrets)).To(Succeed())
		printed := parse(raw(strings.Replace(example, "SIGNATURE", "bYT5CMsGcbgUdFHObYMEfcx6bsw%3D", 1)))
		Expect(printed.Verify(secrets)).To(HaveProblem(http.StatusUnauthorized, oauth1.SignatureInvalid, "oauth_signature"))
	})

	DescribeTable("section 1.2: the printer service's requests carry the signatures that the RFC prints",
		func(method, uri, tokenSecret, protocol, signature string) {
			r, err := http.NewRequest(method, uri, nil)
			Expect(err).NotTo(HaveOccurred())
			r.Header.Set("Authorization", `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1", `+
				protocol+`, oauth_signature="`+signature+`"`)
			m := parse(received(NewWithT(GinkgoT()), r))
			Expect(m.Verify(oauth1.Keys{ClientSecret: "kd94hf93k423kf44", TokenSecret: tokenSecret})).To(Succeed())
			Expect(m.Realm).To(Equal("Photos"))
		},
		Entry("temporary credentials", "POST", "https://photos.example.net/initiate", "",
			`oauth_timestamp="137131200", oauth_nonce="wIjqoS", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready"`,
			"74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D"),
		Entry("token credentials", "POST", "https://photos.example.net/token", "hdhd0244k9j7ao03",
			`oauth_token="hh5s93j4hdidpola", oauth_timestamp="137131201", oauth_nonce="walatlh", oauth_verifier="hfdp7dh39dks9884"`,
			"gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D"),
		Entry("the photo", "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", "pfkkdhi9sl3r4s00",
			`oauth_token="nnch734d00sl2jdk", oauth_timestamp="137131202", oauth_nonce="chapoH"`,
			"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"),
	)

	DescribeTable("section 3.4.1.2: the base string URI",
		func(request string, secure bool, uri string) {
			r := raw(request)
			if secure {
				r.TLS = received(NewWithT(GinkgoT()), must(http.NewRequest("GET", "https://example.com/", nil))).TLS
			}
			m := parse(r)
			Expect(m.BaseURI).To(Equal(uri))
			Expect(m.Secure).To(Equal(secure))
		},
		Entry("keeps the encoding of the path and drops port 80 (the RFC's first example)",
			"GET /r%20v/X?id=123 HTTP/1.1|Host: EXAMPLE.COM:80||", false, "http://example.com/r%20v/X"),
		Entry("keeps a port that is not the default (the RFC's second example)",
			"GET /?q=1 HTTP/1.1|Host: www.example.net:8080||", true, "https://www.example.net:8080/"),
		Entry("drops port 443 of https", "GET / HTTP/1.1|Host: example.com:443||", true, "https://example.com/"),
		Entry("keeps port 80 of https", "GET / HTTP/1.1|Host: example.com:80||", true, "https://example.com:80/"),
		Entry("keeps port 443 of http", "GET / HTTP/1.1|Host: example.com:443||", false, "http://example.com:443/"),
		Entry("keeps a port that ends in 80", "GET / HTTP/1.1|Host: example.com:8080||", false, "http://example.com:8080/"),
		Entry("keeps the brackets of an IPv6 address", "GET /a HTTP/1.1|Host: [2001:DB8::1]:80||", false, "http://[2001:db8::1]/a"),
		Entry("drops an empty port", "GET /a HTTP/1.1|Host: example.com:||", false, "http://example.com/a"),
		Entry("takes the host of an absolute-form target and not the Host field",
			"GET http://Example.com:80/a%2Fb?x=1 HTTP/1.1|Host: other.example||", false, "http://example.com/a%2Fb"),
		Entry("gives an absolute-form target without path the path /",
			"GET http://example.com?x=1 HTTP/1.1|Host: example.com||", false, "http://example.com/"),
		Entry("takes a URI in the query for no absolute form",
			"GET /cb?to=http://evil.example/ HTTP/1.1|Host: example.com||", false, "http://example.com/cb"),
		Entry("takes a URI in the path for no absolute form",
			"GET /http://evil.example/x HTTP/1.1|Host: example.com||", false, "http://example.com/http://evil.example/x"),
		Entry("does not decode or re-encode the path",
			"GET /a%7e%41;v=1 HTTP/1.1|Host: example.com||", false, "http://example.com/a%7e%41;v=1"),
	)

	It("matches the RSA-SHA1 signature of the public OAuth Core 1.0 test cases, for which the RFC has no example", func() {
		r := raw("GET /photos?file=vacaction.jpg&size=original&oauth_version=1.0&oauth_consumer_key=dpf43f3p2l4k3l03&oauth_timestamp=1196666512" +
			"&oauth_nonce=13917289812797014437&oauth_signature_method=RSA-SHA1&oauth_signature=jvTp%2FwX1TYtByB1m%2BPbyo0lnCOLIsyGCH7wke8AUs3Bp" +
			"nwZJtAuEJkvQL2%2F9n4s5wUmUl4aCI4BwpraNx4RtEXMe5qg5T1LVTGliMRpKasKsW%2F%2Fe%2BRinhejgCuzoH26dyF8iY2ZZ%2F5D1ilgeijhV%2FvBka5twt399" +
			"mXwaYdCwFYE%3D HTTP/1.1|Host: photos.example.net||")
		m := parse(r)
		Expect(m.Verify(oauth1.Keys{PublicKey: &privateKey().PublicKey})).To(Succeed())
		m.Signature = strings.Replace(m.Signature, "jvTp", "jvTq", 1)
		Expect(m.Verify(oauth1.Keys{PublicKey: &privateKey().PublicKey})).NotTo(Succeed())
	})

	It("encodes as section 3.6 asks: unreserved characters stay, all else is upper-case hexadecimal", func() {
		Expect(oauth1.Escape("aZ09-._~")).To(Equal("aZ09-._~"))
		Expect(oauth1.Escape(" +/%=&\x00\xff☃")).To(Equal("%20%2B%2F%25%3D%26%00%FF%E2%98%83"))
	})
})

var _ = Describe("The timestamp of a message", func() {
	DescribeTable("is read as a positive integer (section 3.3)",
		func(timestamp string, seconds int64) {
			at, err := (&oauth1.Message{Timestamp: timestamp}).Time()
			Expect(err).NotTo(HaveOccurred())
			Expect(at).To(Equal(time.Unix(seconds, 0).UTC()))
		},
		Entry("the RFC's own", "137131200", int64(137131200)),
		Entry("the smallest", "1", int64(1)),
		Entry("the last second of the year 9999", "253402300799", int64(253402300799)),
	)

	DescribeTable("is refused otherwise",
		func(timestamp, code string) {
			_, err := (&oauth1.Message{Timestamp: timestamp}).Time()
			Expect(err).To(HaveProblem(http.StatusBadRequest, code, "oauth_timestamp"))
		},
		Entry("absent", "", oauth1.ParameterAbsent),
		Entry("zero", "0", oauth1.TimestampRefused),
		Entry("negative", "-1", oauth1.TimestampRefused),
		Entry("with a sign", "+1", oauth1.TimestampRefused),
		Entry("with a leading zero", "01", oauth1.TimestampRefused),
		Entry("with an underscore", "1_000", oauth1.TimestampRefused),
		Entry("a fraction", "1.5", oauth1.TimestampRefused),
		Entry("hexadecimal", "0x10", oauth1.TimestampRefused),
		Entry("with a space", " 1", oauth1.TimestampRefused),
		Entry("after the year 9999", "253402300800", oauth1.TimestampRefused),
		Entry("larger than 64 bits", "99999999999999999999", oauth1.TimestampRefused),
		Entry("of other digits than ASCII", "١٢٣", oauth1.TimestampRefused),
	)
})

func must[T any](value T, err error) T {
	GinkgoHelper()
	Expect(err).NotTo(HaveOccurred())
	return value
}
