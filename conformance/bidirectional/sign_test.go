package bidirectional

import (
	"io"
	"net/http"
	"net/url"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance/judge"
)

// printer is the client of the worked example in RFC 5849 section 1.2.
var printer = credentials{client: "dpf43f3p2l4k3l03", clientSecret: "kd94hf93k423kf44"}

func withToken(token, secret string) credentials {
	by := printer
	by.token, by.tokenSecret = token, secret
	return by
}

func parsed(rawURL string) *url.URL {
	GinkgoHelper()
	u, err := url.Parse(rawURL)
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	return u
}

var _ = Describe("The harness's signer", func() {
	// RFC 5849 section 3.4.1.1: the request there, with its query and its body.
	form := url.Values{"c2": {""}, "a3": {"2 q"}}
	oauth := []param{
		{"oauth_consumer_key", "9djdj82h48djs9d2"}, {"oauth_token", "kkk9d7dh3k39sjv7"}, {"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131201"}, {"oauth_nonce", "7d8f3e4a"},
	}
	const base = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"

	It("makes the base string of RFC 5849 section 3.4.1.1", func() {
		gomega.Expect(baseString("post", parsed("http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"), form, oauth)).To(gomega.Equal(base))
	})

	It("signs that base string as the erratum to the RFC has it", func() {
		by := credentials{clientSecret: "j49sk3j29djd", tokenSecret: "dh893hdasih9"}
		gomega.Expect(sign("HMAC-SHA1", base, by)).To(gomega.Equal("r6/TJjbCOr97/+UU0NsvSne7s5g="))
	})

	DescribeTable("signs the worked example of RFC 5849 section 1.2",
		func(method, rawURL string, by credentials, timestamp, nonce string, more []param, want string) {
			t := &test{}
			req := t.sign(request{method: method, url: rawURL, by: by, signatureMethod: "HMAC-SHA1", timestamp: timestamp, nonce: nonce, oauth: more})
			params, signed := authorizationParams(req.Header.Values("Authorization"))
			gomega.Expect(signed).To(gomega.BeTrue())
			gomega.Expect(params).To(gomega.ContainElement(param{"oauth_signature", want}))
		},
		Entry("when the client asks for temporary credentials", "POST", "https://photos.example.net/initiate", printer, "137131200", "wIjqoS",
			[]param{{"oauth_callback", "http://printer.example.com/ready"}}, "74KNZJeDHnMBp0EMJ9ZHt/XKycU="),
		Entry("when it asks for the token", "POST", "https://photos.example.net/token", withToken("hh5s93j4hdidpola", "hdhd0244k9j7ao03"), "137131201", "walatlh",
			[]param{{"oauth_verifier", "hfdp7dh39dks9884"}}, "gKgrFCywp7rO0OXSjdot/IHF7IU="),
		Entry("when it asks for the photograph", "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original",
			withToken("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"), "137131202", "chapoH", nil, "MdpQcU8iPSUjWoN/UDMsK2sui9I="),
	)

	It("makes the receipt of a hand-over as OpenSSL does", func() {
		gomega.Expect(receiptOf("OiGzR3Y+G9NZYSuRyiLU21gNzGisRUAa4G60WXh9oro=", "handover-key-a")).To(gomega.Equal("qXqpl0yU8iL2RCBLtlA0qtlT8v/xHKjOISukTw/u/E4="))
		gomega.Expect(receiptOf("", "handover-key-a")).To(gomega.BeEmpty())
	})

	It("makes the key itself the signature with PLAINTEXT, each secret escaped", func() {
		gomega.Expect(sign("PLAINTEXT", base, credentials{clientSecret: "a&b", tokenSecret: "c%d"})).To(gomega.Equal("a%26b&c%25d"))
	})

	DescribeTable("normalizes the URL by RFC 5849 section 3.4.1.2",
		func(rawURL, want string) {
			gomega.Expect(baseString("GET", parsed(rawURL), nil, nil)).To(gomega.HavePrefix("GET&" + escape(want) + "&"))
		},
		Entry("host in lower case, default port left out", "HTTP://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
		Entry("another port kept", "https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
		Entry("TLS's default port left out", "https://example.net:443/x", "https://example.net/x"),
		Entry("no path is the root", "http://example.net", "http://example.net/"),
		Entry("a port that is another scheme's default kept", "http://example.net:443/x", "http://example.net:443/x"),
	)

	It("sorts by name first, so that a longer name comes after a shorter one whatever its value", func() {
		gomega.Expect(baseString("GET", parsed("http://example.net/?a-b=1&a=2&a=10"), nil, nil)).To(gomega.HaveSuffix("&" + escape("a=10&a=2&a-b=1")))
	})

	It("escapes all but the unreserved characters, byte by byte", func() {
		gomega.Expect(escape("aZ09-._~ +*/%☃")).To(gomega.Equal("aZ09-._~%20%2B%2A%2F%25%E2%98%83"))
	})
})

var _ = Describe("A request of the harness", func() {
	honest := request{
		method: http.MethodPost, url: "http://example.net/token?x=1", form: url.Values{"token": {"t"}}, by: withToken("hh5s93j4hdidpola", "hdhd0244k9j7ao03"),
		timestamp: "137131201", nonce: "walatlh", oauth: []param{{"oauth_verifier", "hfdp7dh39dks9884"}},
	}
	names := func(r request) []string {
		params, signed := authorizationParams((&test{}).sign(r).Header.Values("Authorization"))
		gomega.Expect(signed).To(gomega.BeTrue())
		var all []string
		for _, p := range params {
			all = append(all, p.name)
		}
		return all
	}
	value := func(r request, name string) string {
		params, _ := authorizationParams((&test{}).sign(r).Header.Values("Authorization"))
		return params[slices.IndexFunc(params, func(p param) bool { return p.name == name })].value
	}

	It("carries what RFC 5849 section 3.1 asks for, each once, and the form as its body", func() {
		gomega.Expect(names(honest)).To(gomega.ConsistOf("oauth_consumer_key", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_token", "oauth_verifier", "oauth_signature"))
		gomega.Expect(value(honest, "oauth_signature_method")).To(gomega.Equal("HMAC-SHA256"))
		req := (&test{}).sign(honest)
		gomega.Expect(req.Header.Get("Content-Type")).To(gomega.Equal("application/x-www-form-urlencoded"))
		body, err := io.ReadAll(req.Body)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(string(body)).To(gomega.Equal("token=t"))
	})

	It("lacks the one parameter that a check leaves out, and is signed without it", func() {
		without := honest
		without.without = "oauth_verifier"
		gomega.Expect(names(without)).NotTo(gomega.ContainElement("oauth_verifier"))
		gomega.Expect(value(without, "oauth_signature")).NotTo(gomega.Equal(value(honest, "oauth_signature")))
	})

	It("has the one parameter twice that a check doubles, and is signed with both", func() {
		twice := honest
		twice.twice = "oauth_nonce"
		gomega.Expect(names(twice)).To(gomega.HaveLen(len(names(honest)) + 1))
		gomega.Expect(value(twice, "oauth_signature")).NotTo(gomega.Equal(value(honest, "oauth_signature")))
	})

	It("differs in nothing but one character of the signature when a check corrupts it", func() {
		corrupt := honest
		corrupt.corrupt = true
		right, wrong := value(honest, "oauth_signature"), value(corrupt, "oauth_signature")
		gomega.Expect(judge.Differing(right, wrong)).To(gomega.Equal(1))
		gomega.Expect(names(corrupt)).To(gomega.Equal(names(honest)))
	})

	It("has no Authorization header when a check leaves it unsigned", func() {
		unsigned := honest
		unsigned.unsigned = true
		gomega.Expect((&test{}).sign(unsigned).Header).NotTo(gomega.HaveKey("Authorization"))
	})
})
