package redact_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/redact"
)

// redacted learns a text and redacts it.
func redacted(text string) string {
	t := redact.New(nil)
	t.Learn(text)
	return t.Redact(text)
}

var _ = Describe("Redaction", func() {
	DescribeTable("takes secrets out of",
		func(text, expected string) { Expect(redacted(text)).To(Equal(expected)) },
		Entry("a form", "oauth_token=hh5s93j4hdidpola&oauth_token_secret=hdhd0244k9j7ao03", "oauth_token=‹oauth_token 1›&oauth_token_secret=‹oauth_token_secret 1›"),
		Entry("a form whose value has a space", "user=alice&password=correct+horse+battery&decision=approve", "user=alice&password=‹password 1›&decision=approve"),
		Entry("a query", "http://a/callback?oauth_token=hh5s93j4hdidpola&oauth_verifier=hfdp7dh39dks9884", "http://a/callback?oauth_token=‹oauth_token 1›&oauth_verifier=‹oauth_verifier 1›"),
		Entry("an OAuth header", `OAuth oauth_consumer_key="client-a", oauth_nonce="wIjqoxSZ", oauth_timestamp="1767225600", oauth_signature="74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D"`,
			`OAuth oauth_consumer_key="client-a", oauth_nonce="‹oauth_nonce›", oauth_timestamp="‹oauth_timestamp›", oauth_signature="‹oauth_signature›"`),
		Entry("JSON", `{"client_id": "client-a", "token": "nnch734d00sl2jdk", "expires_at": 1767229200}`, `{"client_id": "client-a", "token": "‹token 1›", "expires_at": ‹expires_at›}`),
		Entry("JSON whose string has spaces, commas and quotes", `{"password":"correct, \"horse\" battery","a":1}`, `{"password":"‹password 1›","a":1}`),
		Entry("JSON whose string ends with a quote", `{"token":"nnch734d00sl2\"","seen":"nnch734d00sl2\""}`, `{"token":"‹token 1›","seen":"‹token 1›"}`),
		Entry("JSON that was cut off", `{"token":"nnch734d00sl2`, `{"token":"‹token 1›`),
		Entry("a continue_uri", `{"continue_uri":"http://b/continue?c=kllo9940pd9333jh"}`, `{"continue_uri":"http://b/continue?c=‹continue 1›"}`),
		Entry("a confirmation_uri", `{"confirmation_uri":"http://h/confirmation/kllo9940pd9333jh","shown":{}}`, `{"confirmation_uri":"http://h/confirmation/‹continue 1›","shown":{}}`),
		Entry("a token without its signature", `eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0`, "‹signed 1›"),
		Entry("a signed token, whatever its name", `proof: eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.AAAA`, "proof: ‹signed 1›"),
		Entry("a sealed token behind its name", `{"access_token":"eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"}`, `{"access_token":"‹sealed 1›"}`),
		Entry("a redirect with a code", "http://a/callback?code=SplxlOBeZQQYbYS6WxSbIA&iss=http%3A%2F%2Fb", "http://a/callback?code=‹code 1›&iss=http%3A%2F%2Fb"),
		Entry("a hidden input", `<input type="hidden" name="csrf" value="kllo9940pd9333jh">`, `<input type="hidden" name="csrf" value="‹hidden 1›">`),
		Entry("a hidden input in single quotes", `<input type='hidden' name='csrf' value='kllo9940pd9333jh'/>`, `<input type='hidden' name='csrf' value='‹hidden 1›'/>`),
		Entry("a hidden input without quotes", `<INPUT VALUE=kllo9940pd9333jh TYPE=hidden>`, `<INPUT VALUE=‹hidden 1› TYPE=hidden>`),
		Entry("a hidden input with character references", `<input type="hidden" value="kllo9940&#43;pd9333jh">`, `<input type="hidden" value="‹hidden 1›">`),
		Entry("a short value behind its name", `token=abc&password=x`, `token=‹token›&password=‹password›`),
		Entry("a short value in JSON", `{"token":"abc"}`, `{"token":"‹token›"}`),
		Entry("a password that is the word password", `password=password`, `password=‹password›`),
	)

	DescribeTable("leaves alone",
		func(text string) { Expect(redacted(text)).To(Equal(text)) },
		Entry("a sentence about a token", "token: no answer"),
		Entry("a sentence that quotes a member's name", `the member "token": no string`),
		Entry("a sentence about passwords", "a password form with an input named password"),
		Entry("an error code", `{"error":"token_rejected"}`),
		Entry("names that only end like a secret's", "consumer_token=hh5s93j4hdidpola"),
		Entry("an empty value", "oauth_token=&oauth_verifier="),
		Entry("an empty string in JSON", `{"token":""}`),
		Entry("a visible input", `<input type="text" name="username" value="alice-the-first">`),
		Entry("an attribute that only ends like value", `<input type="hidden" data-value="kllo9940pd9333jh">`),
	)

	DescribeTable("takes secrets out of the header line",
		func(name, value, expected string) {
			t := redact.New(nil)
			t.LearnHeader(name, value)
			got, kept := t.RedactHeader(name, value)
			Expect(kept).To(BeTrue())
			Expect(got).To(Equal(expected))
		},
		Entry("of cookies", "Cookie", "session-8791=kllo9940pd9333jh; theme=dark", "‹cookie 1›; theme=dark"),
		Entry("of a receipt for a signature, which is another one in each run", "Handover-Receipt", "qXqpl0yU8iL2RCBLtlA0qtlT8v/xHKjOISukTw/u/E4=", "‹receipt›"),
		Entry("of a set cookie", "Set-Cookie", "sid=kllo9940pd9333jh; Path=/; HttpOnly", "‹cookie 1›; Path=/; HttpOnly"),
		Entry("of a quoted cookie", "Set-Cookie", `sid="kllo9940pd9333jh"; Path=/`, "‹cookie 1›; Path=/"),
		Entry("of a deleted cookie, which has none", "Set-Cookie", "sid=; Max-Age=0", "sid=; Max-Age=0"),
		Entry("of a Bearer credential", "Authorization", "Bearer mF_9.B5f-4.1JqM", "Bearer ‹credential 1›"),
		Entry("of a Basic credential", "Authorization", "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", "Basic ‹credential 1›"),
		Entry("of a redirect", "Location", "http://a/callback?oauth_verifier=hfdp7dh39dks9884", "http://a/callback?oauth_verifier=‹oauth_verifier 1›"),
	)

	DescribeTable("takes a secret that it was told of out of",
		func(text, expected string) {
			t := redact.New(nil)
			t.LearnSecret("setup.secret", `p<&"ü secret of ours`)
			Expect(t.Redact(text)).To(Equal(expected))
		},
		Entry("a text", `say p<&"ü secret of ours.`, "say ‹setup.secret›."),
		Entry("a form", "a=p%3C%26%22%C3%BC+secret+of+ours&b=c", "a=‹setup.secret›&b=c"),
		Entry("a path", "/p%3C&%22%C3%BC%20secret%20of%20ours/c", "/‹setup.secret›/c"),
		Entry("JSON", `{"a":"p<&\"ü secret of ours"}`, `{"a":"‹setup.secret›"}`),
		Entry("JSON in ASCII", `{"a":"p<&\"\u00fc secret of ours"}`, `{"a":"‹setup.secret›"}`),
		Entry("JSON for HTML", `{"a":"p\u003c\u0026\"ü secret of ours"}`, `{"a":"‹setup.secret›"}`),
		Entry("HTML", "<b>p&lt;&amp;&#34;ü secret of ours</b>", "<b>‹setup.secret›</b>"),
		Entry("hexadecimal digits", "703c2622c3bc20736563726574206f66206f757273", "‹setup.secret›"),
		Entry("base64", base64.StdEncoding.EncodeToString([]byte(`p<&"ü secret of ours`)), "‹setup.secret›"),
		Entry("base64 of a text that ends with it", base64.StdEncoding.EncodeToString([]byte(`client:p<&"ü secret of ours`)), "Y2xpZW50On‹setup.secret›cw=="),
	)

	DescribeTable("takes a secret out in the spelling of",
		func(spelling string) {
			for _, learn := range []func(*redact.Text){
				func(t *redact.Text) { t.LearnSecret("token 1", "a+b/c=d<'é😀~ef") },
				func(t *redact.Text) { t.Learn(`{"token":"a+b/c=d<'é😀~ef"}`) },
			} {
				t := redact.New(nil)
				learn(t)
				for _, around := range [][2]string{{"", ""}, {`{"a":"`, `","b":1}`}, {"x=1&y=", "&z=%20"}, {`\n`, `\n`}, {"100% ", "; and &amp; so on"}} {
					once := t.Redact(around[0] + spelling + around[1])
					Expect(once).To(Equal(around[0] + "‹token 1›" + around[1]))
					Expect(t.Redact(once)).To(Equal(once))
				}
			}
		},
		Entry("PHP, in JSON", `a+b\/c=d<'\u00e9\ud83d\ude00~ef`),
		Entry(".NET, in JSON", `a\u002Bb/c=d\u003C\u0027\u00E9\uD83D\uDE00~ef`),
		Entry("Python, in JSON", `a+b/c=d<'\u00e9\ud83d\ude00~ef`),
		Entry("Python, in a literal", `a+b/c=d<\'é😀~ef`),
		Entry("JavaScript, in a literal", `a\x2Bb\/c\x3Dd\x3C\x27é😀~ef`),
		Entry("JSON in JSON", `a+b\\/c=d\\u003c'\\u00e9\\ud83d\\ude00~ef`),
		Entry("those who percent-encode in lower case", "a%2bb%2fc%3dd%3c%27%c3%a9%f0%9f%98%80%7eef"),
		Entry("those who percent-encode in part", "a%2Bb/c=d%3C'%C3%A9%F0%9F%98%80~ef"),
		Entry("those who percent-encode too much", "%61%2B%62%2F%63%3D%64%3C%27%C3%A9%F0%9F%98%80%7E%65%66"),
		Entry("those who percent-encode twice in lower case", "a%252bb%252fc%253dd%253c%2527%25c3%25a9%25f0%259f%2598%2580~ef"),
		Entry("a form whose plus is none", "a+b%2Fc%3Dd%3C%27%C3%A9%F0%9F%98%80~ef"),
		Entry("HTML by name", "a&plus;b&sol;c&equals;d&lt;&apos;&eacute;&#128512;~ef"),
		Entry("HTML by decimal number", "a&#43;b&#47;c&#61;d&#60;&#39;&#233;&#128512;~ef"),
		Entry("HTML by hexadecimal number", "a&#x2B;b&#x2f;c&#x3d;d&#x3C;&#x27;&#xE9;&#x1F600;~ef"),
		Entry("a link in HTML in JSON", `a%2Bb\/c=d&amp;lt;&#039;%C3%A9%F0%9F%98%80~ef`),
	)

	DescribeTable("finds the parameters that are escaped themselves, as those",
		func(text, expected string) {
			once := redacted(text)
			Expect(once).To(Equal(expected))
			Expect(redacted(once)).To(Equal(once))
		},
		Entry("of a link in JSON that is safe in HTML", `{"next":"http://a/cb?code=SplxlOBeZQQYbYS6\u0026state=af0ifjsldkj"} SplxlOBeZQQYbYS6`,
			`{"next":"http://a/cb?code=‹code 1›\u0026state=‹state 1›"} ‹code 1›`),
		Entry("of such a link, where they are short", `{"next":"http://a/cb?user=x\u0026password=abc"}`, `{"next":"http://a/cb?user=x\u0026password=‹password›"}`),
		Entry("of such a link, where one is short", `{"next":"http://a/cb?code=abcdefghijk\u0026state=xyz1"}`, `{"next":"http://a/cb?code=‹code 1›\u0026state=‹state›"}`),
		Entry("of such a link whose equals signs are escaped too", `{"next":"http://a/cb?code\u003dSplxlOBeZQQYbYS6\u0026a\u003db"} SplxlOBeZQQYbYS6`,
			`{"next":"http://a/cb?code\u003d‹code 1›\u0026a\u003db"} ‹code 1›`),
		Entry("of a continue_uri whose equals sign is escaped", `{"continue_uri":"http:\/\/b\/continue?c\u003dkllo9940pd9333jh"}`, `{"continue_uri":"http:\/\/b\/continue?c\u003d‹continue 1›"}`),
		Entry("of JSON in JSON", `{"body":"{\"token\":\"nnch734d00sl2jdk\",\"code\":\"abc\",\"n\":1}"} nnch734d00sl2jdk`,
			`{"body":"{\"token\":\"‹token 1›\",\"code\":\"‹code›\",\"n\":1}"} ‹token 1›`),
		Entry("of a link in a parameter", "to=http%3A%2F%2Fa%2Fcb%3Fcode%3DSplxlOBeZQQYbYS6%26state%3Dxyz&a=b SplxlOBeZQQYbYS6",
			"to=http%3A%2F%2Fa%2Fcb%3Fcode%3D‹code 1›%26state%3D‹state›&a=b ‹code 1›"),
		Entry("of a value with escaped ends inside, which is one", "password=a%26b&token=c%22d,e", "password=‹password›&token=‹token›,e"),
	)

	DescribeTable("takes out of a text what it has of a long value",
		func(text func(value string) string, expected string) {
			for _, learn := range []func(*redact.Text, string){
				func(t *redact.Text, value string) { t.LearnSecret("token 1", value) },
				func(t *redact.Text, value string) { t.Learn("token=" + value) },
			} {
				value := ""
				for i := range 400 {
					value += fmt.Sprintf("%04x", 1+i)
				}
				t := redact.New(nil)
				learn(t, value)
				once := t.Redact(text(value))
				Expect(once).To(Equal(expected))
				Expect(t.Redact(once)).To(Equal(once))
			}
		},
		Entry("which is all of it", func(value string) string { return "say " + value + value + "!" }, "say ‹token 1›‹token 1›!"),
		Entry("which is all of it, escaped", func(value string) string { return "say %30" + value[1:] + "!" }, "say ‹token 1›!"),
		Entry("which was cut off", func(value string) string { return "say " + value[:1500] }, "say ‹token 1›"),
		Entry("which was changed behind", func(value string) string { return "say " + value[:1500] + "x" }, "say ‹token 1›x"),
	)

	It("tells long values apart that begin alike", func() {
		value := strings.Repeat("a", 2000)
		t := redact.New(nil)
		t.Learn("token="+value+"b1", "token="+value+"b2")
		Expect(t.Redact(value + "b2 " + value + "b1")).To(Equal("‹token 2› ‹token 1›"))
	})

	It("does not take long for a text that is made of beginnings of a value", func() {
		n := 400_000
		t := redact.New(nil)
		t.LearnSecret("setup.secret", strings.Repeat("a", n)+"b")
		began := time.Now()
		t.Redact(strings.Repeat("a", n) + "%" + strings.Repeat("a", n))
		Expect(time.Since(began)).To(BeNumerically("<", 5*time.Second))
	})

	It("gives the same of two labels every time where what they stand for is undone alike", func() {
		for range 20 {
			t := redact.New(nil)
			t.LearnSecret("a+b", "first-secret-of-all")
			t.LearnSecret("a b", "first%2Dsecret-of-all")
			Expect(t.Redact("‹a%20b› first%2dsecret-of-all")).To(Equal("‹a b› ‹a b›"))
		}
	})

	DescribeTable("takes no other text for a secret in another spelling:",
		func(text string) {
			t := redact.New(nil)
			t.LearnSecret("setup.secret", `\\\\`)
			t.LearnSecret("setup.password", "%41%42%43%44")
			t.Learn("token=abcdefgh")
			Expect(t.Redact(text)).To(Equal(text))
		},
		Entry("one that is little when it is undone", `say \ & ABCD`), Entry("a part of it", "abcdef%67"), Entry("broken escapes", `%zz%&;&#;&#x;\u12\x%u&nosuch;\`),
		Entry("halves of a pair", `\ud83d\ud83d\ude00\ude00`),
	)

	DescribeTable("drops a header line that differs from run to run and tells nothing",
		func(name string) {
			_, kept := redact.New(nil).RedactHeader(name, "x")
			Expect(kept).To(BeFalse())
		},
		Entry("the date", "Date"), Entry("the user agent", "User-Agent"), Entry("the encodings", "Accept-Encoding"),
	)

	It("gives the same value the same label wherever and however it is written", func() {
		t := redact.New(nil)
		t.Learn("oauth_token=ab%2Bcd%2Fef%3D%3D")
		t.LearnHeader("Cookie", "seen=ab+cd/ef==")
		for _, text := range []string{
			"ab+cd/ef==", "ab%2Bcd%2Fef%3D%3D", "ab%252Bcd%252Fef%253D%253D", "ab&#43;cd/ef==", `{"token":"ab+cd/ef=="}`, `OAuth oauth_token="ab%2Bcd%2Fef%3D%3D"`,
		} {
			Expect(t.Redact(text)).To(ContainSubstring("‹oauth_token 1›"), text)
			Expect(t.Redact(text)).NotTo(MatchRegexp("ab.*ef"), text)
		}
	})

	It("counts the values of a name in the order in which it meets them", func() {
		t := redact.New(nil)
		t.Learn("oauth_token=first-of-all&oauth_token=second-one", "oauth_token=first-of-all")
		Expect(t.Redact("second-one first-of-all")).To(Equal("‹oauth_token 2› ‹oauth_token 1›"))
	})

	It("is not misled by a value that begins with another", func() {
		t := redact.New(nil)
		t.Learn("token=12345678", "token=1234567890")
		Expect(t.Redact("1234567890 12345678")).To(Equal("‹token 2› ‹token 1›"))
	})

	It("leaves out of a text that was cut off what may be half of a secret", func() {
		value := strings.Repeat("0123456789abcdef", 60)
		t := redact.New(nil)
		t.LearnSecret("setup.secret", value)
		for _, spelled := range []string{value, strings.NewReplacer("0", "%30", "8", `\u0038`, "a", "&#x61;").Replace(value)} {
			text := strings.Repeat("say ", 1<<10) + spelled
			for end := 4 << 10; end < len(text); end += 97 {
				shown := redact.Uncut(t.Redact(text[:end]))
				Expect(strings.TrimLeft(shown, "say ")).To(BeEmpty())
				Expect(len(shown)).To(BeNumerically(">", 1<<10))
			}
		}
		Expect(redact.Uncut("short")).To(BeEmpty())
	})

	It("can learn more after it has redacted", func() {
		t := redact.New(nil)
		Expect(t.Redact("kllo9940pd9333jh")).To(Equal("kllo9940pd9333jh"))
		t.LearnHeader("Cookie", "sid=kllo9940pd9333jh")
		Expect(t.Redact("kllo9940pd9333jh")).To(Equal("‹cookie 1›"))
	})

	DescribeTable("calls origins by name",
		func(text, expected string) {
			t := redact.New([]redact.Name{{Origin: "http://127.0.0.1:809", As: "http://site-b"}, {Origin: "http://127.0.0.1:8091", As: "http://site-a"}, {}})
			Expect(t.Redact(text)).To(Equal(expected))
		},
		Entry("plain", "http://127.0.0.1:8091/callback", "http://site-a/callback"),
		Entry("without the scheme", "Host 127.0.0.1:8091", "Host site-a"),
		Entry("percent-encoded", "uri=http%3A%2F%2F127.0.0.1%3A8091%2Fcallback", "uri=http%3A%2F%2Fsite-a%2Fcallback"),
		Entry("percent-encoded in lower case", "uri=http%3a%2f%2f127.0.0.1%3a8091%2fcallback", "uri=http%3A%2F%2Fsite-a%2fcallback"),
		Entry("percent-encoded twice, as in a signature base string", "http%253A%252F%252F127.0.0.1%253A8091%252F", "http%253A%252F%252Fsite-a%252F"),
		Entry("percent-encoded without the scheme", "host=127.0.0.1%3A8091", "host=site-a"),
		Entry("when one begins with another", "http://127.0.0.1:809/ http://127.0.0.1:8091/", "http://site-b/ http://site-a/"),
	)

	DescribeTable("changes nothing when it is done again",
		func(text string) {
			t := redact.New([]redact.Name{{Origin: "http://127.0.0.1:8091", As: "http://site-a"}})
			t.Learn(text)
			once := t.Redact(text)
			Expect(t.Redact(once)).To(Equal(once))
			Expect(redacted(once)).To(Equal(once), "by one who learns from the redacted text")
		},
		Entry("to a form", "oauth_token=hh5s93j4hdidpola&password=short&oauth_callback=http%3A%2F%2F127.0.0.1%3A8091%2F"),
		Entry("to JSON", `{"token":"nnch734d00sl2jdk","token_secret":"x","expires_at":1767229200}`),
		Entry("to a value that is the name of a parameter", "password=password&token=oauth_token"),
		Entry("to a value that a label contains", "token=token 12&password=oauth_token 1"),
		Entry("to a page", `<input type="hidden" value="kllo9940pd9333jh"><input type=hidden value='a b c d e f g'>`),
	)
})
