package oauth1_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/iotest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/oauth1"
)

const formPost = "POST /p HTTP/1.1|Host: example.com|Content-Type: application/x-www-form-urlencoded|"

var _ = Describe("Parsing a request", func() {
	authorized := func(header string) *http.Request {
		r := httptest.NewRequest("GET", "http://example.com/p", nil)
		r.Header.Set("Authorization", header)
		return r
	}

	DescribeTable("reads an Authorization header",
		func(header string, want ...oauth1.Param) {
			Expect(parse(authorized(header)).Params).To(HaveExactElements(want))
		},
		Entry("with the scheme in another case", `oAUTH oauth_nonce="n"`, oauth1.Param{Name: "oauth_nonce", Value: "n"}),
		Entry("with spaces and tabs around the commas", "OAuth  \toauth_nonce=\"n\" ,\t oauth_token=\"t\" ",
			oauth1.Param{Name: "oauth_nonce", Value: "n"}, oauth1.Param{Name: "oauth_token", Value: "t"}),
		Entry("without spaces after the commas", `OAuth oauth_nonce="n",oauth_token="t"`,
			oauth1.Param{Name: "oauth_nonce", Value: "n"}, oauth1.Param{Name: "oauth_token", Value: "t"}),
		Entry("with empty list elements", `OAuth ,oauth_nonce="n",, oauth_token="t",`,
			oauth1.Param{Name: "oauth_nonce", Value: "n"}, oauth1.Param{Name: "oauth_token", Value: "t"}),
		Entry("with an empty value", `OAuth oauth_token=""`, oauth1.Param{Name: "oauth_token", Value: ""}),
		Entry("with a plus, which is no space here", `OAuth oauth_token="a+b%20c"`, oauth1.Param{Name: "oauth_token", Value: "a+b c"}),
		Entry("with a percent-encoded name", `OAuth oauth%5Ftoken="t"`, oauth1.Param{Name: "oauth_token", Value: "t"}),
		Entry("with lower-case hexadecimal digits", `OAuth oauth_token="%2f"`, oauth1.Param{Name: "oauth_token", Value: "/"}),
		Entry("with reserved characters left bare in a value", `OAuth oauth_signature="a/b=,c"`, oauth1.Param{Name: "oauth_signature", Value: "a/b=,c"}),
		Entry("with a realm, which is no parameter", `OAuth Realm="r", oauth_token="t"`, oauth1.Param{Name: "oauth_token", Value: "t"}),
		Entry("with parameters in the order met", `OAuth b="2", a="1"`, oauth1.Param{Name: "b", Value: "2"}, oauth1.Param{Name: "a", Value: "1"}),
		Entry("of another scheme as nothing", "Basic b2F1dGg6b2F1dGg="),
		Entry("of a scheme that only begins like OAuth as nothing", `OAuth2 oauth_token="t"`),
		Entry("with the scheme alone as nothing", "OAuth"),
	)

	It("undoes the escapes of a quoted realm, which may hold commas and quotes", func() {
		m := parse(authorized(`OAuth realm="a, \"b\" \\ c", oauth_token="t"`))
		Expect(m.Realm).To(Equal(`a, "b" \ c`))
		Expect(m.Token).To(Equal("t"))
	})

	DescribeTable("refuses a malformed Authorization header",
		func(header, parameter string) {
			_, err := oauth1.Parse(authorized(header), 0)
			Expect(err).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterRejected, parameter))
		},
		Entry("a value without quotes", `OAuth oauth_token=t`, ""),
		Entry("a name without value", `OAuth oauth_token`, ""),
		Entry("a value without name", `OAuth ="t"`, ""),
		Entry("a quote that does not end", `OAuth oauth_token="t`, ""),
		Entry("an escape at the end", `OAuth oauth_token="t\`, ""),
		Entry("a missing comma", `OAuth oauth_token="t" oauth_nonce="n"`, ""),
		Entry("semicolons for commas", `OAuth oauth_token="t"; oauth_nonce="n"`, ""),
		Entry("a space before the equals sign", `OAuth oauth_token ="t"`, ""),
		Entry("a malformed encoding of a name", `OAuth oauth%5token="t"`, ""),
		Entry("a malformed encoding of a value", `OAuth oauth_token="%zz"`, "oauth_token"),
		Entry("a truncated encoding of a value", `OAuth oauth_token="100%"`, "oauth_token"),
	)

	It("takes the parameters of every Authorization field, so that none escapes judgement", func() {
		r := authorized(`OAuth oauth_token="a"`)
		r.Header.Add("Authorization", `OAuth oauth_token="b"`)
		m := parse(r)
		Expect(m.Token).To(Equal("a"))
		Expect(m.Duplicated).To(Equal([]string{"oauth_token"}))
	})

	It("fills in the protocol parameters", func() {
		m := parse(raw("get /p?oauth_consumer_key=k&oauth_token=t&oauth_signature_method=PLAINTEXT&oauth_signature=s%26&oauth_timestamp=1&oauth_nonce=n" +
			"&oauth_version=1.0&oauth_callback=oob&oauth_verifier=v HTTP/1.1|Host: example.com||"))
		Expect(*m).To(HaveField("Method", "GET"))
		Expect([]string{m.ConsumerKey, m.Token, m.SignatureMethod, m.Signature, m.Timestamp, m.Nonce, m.Version, m.Callback, m.Verifier}).
			To(Equal([]string{"k", "t", "PLAINTEXT", "s&", "1", "n", "1.0", oauth1.OutOfBand, "v"}))
		Expect(m.Transports).To(Equal([]oauth1.Transport{oauth1.InQuery}))
		Expect(m.Get("oauth_token")).To(Equal("t"))
		Expect(m.Get("absent")).To(BeEmpty())
		Expect(m.Has("oauth_token")).To(BeTrue())
		Expect(m.Has("OAUTH_TOKEN")).To(BeFalse())
	})

	It("tells a duplicated parameter, each once and whatever its place, and keeps the first value", func() {
		r := raw(formPost + `Content-Length: 41|Authorization: OAuth oauth_token="1", oauth_nonce="n", oauth_x="1"` +
			"||oauth_token=2&a=1&a=2&oauth_token=3&b=xxx")
		r.RequestURI += "?oauth_x=2"
		m := parse(r)
		Expect(m.Duplicated).To(Equal([]string{"oauth_token", "oauth_x"}))
		Expect(m.Token).To(Equal("1"))
		Expect(m.Transports).To(Equal([]oauth1.Transport{oauth1.InHeader, oauth1.InBody, oauth1.InQuery}))
	})

	It("tells a duplicated parameter whose first value is empty", func() {
		m := parse(raw("GET /p?oauth_token=&oauth_token=t HTTP/1.1|Host: example.com||"))
		Expect(m.Duplicated).To(Equal([]string{"oauth_token"}))
		Expect(m.Token).To(BeEmpty())
	})

	It("takes time that grows with the number of parameters in a hostile body, not with its square", func() {
		const number = 150_000
		var form strings.Builder
		for i := range number {
			fmt.Fprintf(&form, "oauth_%06x&", i)
		}
		r := httptest.NewRequest("POST", "http://example.com/p", strings.NewReader(form.String()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		parsed := make(chan int, 1)
		go func() {
			defer GinkgoRecover()
			m, err := oauth1.Parse(r, 4<<20)
			Expect(err).NotTo(HaveOccurred())
			parsed <- len(m.Params)
		}()
		Eventually(parsed).WithTimeout(5 * time.Second).Should(Receive(Equal(number)))
	})

	It("finds no transport in a request without oauth_ parameters", func() {
		Expect(parse(raw("GET /p?a=1 HTTP/1.1|Host: example.com||")).Transports).To(BeEmpty())
	})

	It("reads what the client sent, although a prefix was stripped on the way to the handler", func() {
		var m *oauth1.Message
		handler := http.StripPrefix("/api", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { m = parse(r) }))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/photos?a=1", nil))
		Expect(m.BaseURI).To(Equal("http://example.com/api/photos"))
		Expect(m.Get("a")).To(Equal("1"))
	})

	It("reads the URL of a request that was made by a client in the same process", func() {
		m := parse(must(http.NewRequest("GET", "http://example.com/a%20b?c=d", nil)))
		Expect(m.BaseURI).To(Equal("http://example.com/a%20b"))
		Expect(m.Get("c")).To(Equal("d"))
	})

	Describe("with a form-encoded body", func() {
		It("leaves body and PostForm to the handler", func() {
			r := raw(formPost + "Content-Length: 13||a=1+2&b=3&a=4")
			parse(r)
			Expect(body(r)).To(Equal("a=1+2&b=3&a=4"))
			Expect(r.ParseForm()).To(Succeed())
			Expect(r.PostForm).To(HaveKeyWithValue("a", []string{"1 2", "4"}))
			Expect(r.FormValue("b")).To(Equal("3"))
		})

		It("gives the same message when parsed twice", func() {
			r := raw(formPost + "Content-Length: 11||b=3&a=4&a=1")
			first := parse(r)
			Expect(parse(r)).To(Equal(first))
		})

		It("takes the parameters from PostForm when someone has parsed the form before", func() {
			r := raw(formPost + "Content-Length: 11||b=3&a=4&a=1")
			fresh := parse(raw(formPost + "Content-Length: 11||b=3&a=4&a=1"))
			Expect(r.ParseForm()).To(Succeed())
			m := parse(r)
			Expect(m.Params).To(ConsistOf(fresh.Params))
			Expect(m.BaseString()).To(Equal(fresh.BaseString()))
		})

		DescribeTable("covers it",
			func(head string) { Expect(parse(raw(head + "Content-Length: 3||a=1")).Get("a")).To(Equal("1")) },
			Entry("with a charset", strings.Replace(formPost, "urlencoded|", "urlencoded; charset=UTF-8|", 1)),
			Entry("with the type in another case", strings.Replace(formPost, "application/x-www", "Application/X-WWW", 1)),
			Entry("with malformed type parameters, which net/http overlooks too", strings.Replace(formPost, "urlencoded|", "urlencoded; =|", 1)),
			Entry("of a method that seldom has a body", strings.Replace(formPost, "POST", "DELETE", 1)),
		)

		DescribeTable("does not cover or touch another body",
			func(contentType string) {
				r := httptest.NewRequest("POST", "http://example.com/p", iotest.ErrReader(errors.New("must not be read")))
				r.Header.Set("Content-Type", contentType)
				Expect(parse(r).Params).To(BeEmpty())
				Expect(r.PostForm).To(BeNil())
			},
			Entry("JSON", "application/json"),
			Entry("multipart", "multipart/form-data; boundary=x"),
			Entry("without a type", ""),
			Entry("a malformed type", "application/x-www-form-urlencoded/x"),
		)

		It("takes a semicolon for data", func() {
			Expect(parse(raw(formPost + "Content-Length: 7||a=1;b=2")).Params).To(Equal([]oauth1.Param{{Name: "a", Value: "1;b=2"}}))
		})

		It("reads up to the limit", func() {
			m, err := oauth1.Parse(raw(formPost+"Content-Length: 5||a=123"), 5)
			Expect(err).NotTo(HaveOccurred())
			Expect(m.Get("a")).To(Equal("123"))
		})

		It("refuses a body beyond the limit, and puts it back whole", func() {
			r := raw(formPost + "Content-Length: 6||a=1234")
			_, err := oauth1.Parse(r, 5)
			Expect(err).To(HaveProblem(http.StatusRequestEntityTooLarge, oauth1.ParameterRejected, ""))
			Expect(body(r)).To(Equal("a=1234"))
		})

		It("has a limit of 1 MiB when none is set", func() {
			r := httptest.NewRequest("POST", "http://example.com/p", strings.NewReader("a="+strings.Repeat("x", 1<<20)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			_, err := oauth1.Parse(r, 0)
			Expect(err).To(HaveProblem(http.StatusRequestEntityTooLarge, oauth1.ParameterRejected, ""))
		})

		It("refuses a body beyond the limit of a MaxBytesReader the same way", func() {
			r := raw(formPost + "Content-Length: 6||a=1234")
			r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 3)
			_, err := oauth1.Parse(r, 0)
			Expect(err).To(HaveProblem(http.StatusRequestEntityTooLarge, oauth1.ParameterRejected, ""))
		})

		It("refuses a body that breaks off", func() {
			r := httptest.NewRequest("POST", "http://example.com/p", io.MultiReader(strings.NewReader("a=1"), iotest.ErrReader(io.ErrUnexpectedEOF)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			_, err := oauth1.Parse(r, 0)
			Expect(err).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterRejected, ""))
		})

		It("refuses a malformed encoding and names the parameter", func() {
			_, err := oauth1.Parse(raw(formPost+"Content-Length: 9||a=1&b=%2x"), 0)
			Expect(err).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterRejected, "b"))
		})
	})

	DescribeTable("reads the query in order, with duplicates and empty values",
		func(query string, want ...oauth1.Param) {
			Expect(parse(raw("GET /p?" + query + " HTTP/1.1|Host: example.com||")).Params).To(HaveExactElements(want))
		},
		Entry("a name alone", "a", oauth1.Param{Name: "a"}),
		Entry("a value alone", "=v", oauth1.Param{Value: "v"}),
		Entry("empty pairs", "&&a=1&&", oauth1.Param{Name: "a", Value: "1"}),
		Entry("an equals sign in the value", "a=b=c", oauth1.Param{Name: "a", Value: "b=c"}),
		Entry("a question mark in the value", "a=b?c", oauth1.Param{Name: "a", Value: "b?c"}),
		Entry("bytes that are no UTF-8", "a=%ff", oauth1.Param{Name: "a", Value: "\xff"}),
	)

	It("refuses a malformed encoding of the query", func() {
		_, err := oauth1.Parse(raw("GET /p?%q=1 HTTP/1.1|Host: example.com||"), 0)
		Expect(err).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterRejected, "%q"))
	})
})
