package conformance_test

import (
	"net/http"
	"net/url"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

var _ = Describe("The browser", func() {
	// visit lets a target set cookies at one page and returns what cookies come to another.
	visit := func(first, second string, cookies ...string) string {
		GinkgoHelper()
		var came string
		env := &fake{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), answer: answers(func(w http.ResponseWriter, r *http.Request) {
			came = r.Header.Get("Cookie")
			if len(cookies) > 0 {
				w.Header().Set("Set-Cookie", cookies[0])
				cookies = cookies[1:]
			}
		})}
		r := play(env, func(s *conformance.Session) {
			b := conformance.Browser{Session: s}
			for range len(cookies) {
				b.Open(first)
			}
			b.Open(second)
		})
		Expect(r.Verdict).To(Equal(conformance.Pass))
		return came
	}

	DescribeTable("keeps cookies",
		func(second, expected string, cookies ...string) {
			Expect(visit("http://a/login", second, cookies...)).To(Equal(expected))
		},
		Entry("for the origin that set them", "http://a/other", "sid=1", "sid=1; Path=/"),
		Entry("from another host", "http://b/", "", "sid=1"),
		Entry("from another port", "http://a:81/", "", "sid=1"),
		Entry("from another scheme", "https://a/", "", "sid=1"),
		Entry("in the order of their names", "http://a/", "a=2; b=1", "b=1", "a=2"),
		Entry("until they are set anew", "http://a/", "sid=2", "sid=1", "sid=2"),
		Entry("with the quotes that they came in", "http://a/", `sid="1"`, `sid="1"`),
		Entry("until they are deleted by Max-Age", "http://a/", "", "sid=1", "sid=x; Max-Age=0"),
		Entry("until they are deleted by a moment that has passed", "http://a/", "", "sid=1", "sid=deleted; Expires=Thu, 01 Jan 1970 00:00:01 GMT"),
		Entry("until they are deleted by an empty value", "http://a/", "", "sid=1", "sid="),
		Entry("that expire later", "http://a/", "sid=1", "sid=1; Expires=Fri, 01 Jan 2027 00:00:00 GMT"),
		Entry("whose Max-Age is ahead though Expires is past", "http://a/", "sid=1", "sid=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT"),
	)

	It("posts forms, and goes by its name", func() {
		env := &fake{answer: page("")}
		r := play(env, func(s *conformance.Session) {
			(&conformance.Browser{Session: s}).Open("http://a/")
			(&conformance.Browser{Session: s, As: "second-terminal"}).Post("http://a/", url.Values{"decision": {"approve"}})
		})
		Expect(r.Exchanges[0].From).To(Equal("user-terminal"))
		Expect(r.Exchanges[1].From).To(Equal("second-terminal"))
		Expect(r.Exchanges[1].RequestBody).To(Equal("decision=approve"))
		Expect(r.Exchanges[1].RequestHeaders).To(ContainElement(conformance.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}))
	})

	DescribeTable("blames the target for a URL that it cannot open",
		func(visit func(*conformance.Browser)) {
			r := play(&fake{answer: page("")}, func(s *conformance.Session) { visit(&conformance.Browser{Session: s}) })
			Expect(r.Verdict).To(Equal(conformance.Fail))
			Expect(r.Failure.Expected).To(HavePrefix("a URL that a browser can"))
		},
		Entry("by a link", func(b *conformance.Browser) { b.Open("http://a b/") }),
		Entry("by a form", func(b *conformance.Browser) { b.Post("http://[/", nil) }),
	)

	DescribeTable("finds where a redirect leads",
		func(location, expected string) {
			resp := conformance.Response{URL: "http://a/login/page?x=1", Header: http.Header{}}
			if location != "" {
				resp.Header.Set("Location", location)
			}
			Expect(resp.Location()).To(Equal(expected))
		},
		Entry("when there is none", "", ""),
		Entry("when it is absolute, as it came", "http://b/../c?q=%7e", "http://b/../c?q=%7e"),
		Entry("when it is a path", "/next?y=2", "http://a/next?y=2"),
		Entry("when it is relative", "next", "http://a/login/next"),
		Entry("when it names another host only", "//b/next", "http://b/next"),
		Entry("when it is no URL, as it came", "http://[", "http://["),
	)

	Describe("reading a form", func() {
		read := func(html string) *conformance.Form {
			return (&conformance.Response{Body: []byte(html)}).Form("http://a/authorize/page?oauth_token=t")
		}

		DescribeTable("resolves its action",
			func(attribute, expected string) {
				f := read(`<form method=post ` + attribute + `></form>`)
				Expect(f.Action).To(Equal(expected))
			},
			Entry("when it is absent", ``, "http://a/authorize/page?oauth_token=t"),
			Entry("when it is empty", `action=""`, "http://a/authorize/page?oauth_token=t"),
			Entry("when it is relative", `action="decide"`, "http://a/authorize/decide"),
			Entry("when it is a path", `action="/decide?x=1&amp;y=2"`, "http://a/decide?x=1&y=2"),
			Entry("when it is a query", `action="?x=1"`, "http://a/authorize/page?x=1"),
			Entry("when it is absolute", `action="https://b/decide"`, "https://b/decide"),
		)

		It("takes what a browser would send, and no more", func() {
			f := read(`<form method="POST"><p>
				<input type="hidden" name="csrf" value="a&amp;b"><input name="username" value="alice"><input type="Password" name="password">
				<input type="checkbox" name="remember"><input type="checkbox" name="terms" checked><input type="radio" name="scope" value="read"><input type="radio" name="scope" value="write" checked>
				<input name="old" value="x" disabled><input value="nameless"><input type="button" name="help" value="1"><button type="button" name="show" value="1">Show</button><input type="reset" name="r" value="1">
				<button name="decision" value="approve">Approve</button><button type="submit" name="decision" value="deny">Deny</button><input type="submit" name="decision" value="later"><button name="decision" value="never" disabled>Never</button></form>
				<input name="outside" value="x">`)
			Expect(f.Method).To(Equal("post"))
			Expect(f.Values).To(Equal(url.Values{"csrf": {"a&b"}, "username": {"alice"}, "password": {""}, "terms": {"on"}, "scope": {"write"}}))
			Expect(f.Types).To(Equal(map[string]string{"csrf": "hidden", "username": "", "password": "password", "remember": "checkbox", "terms": "checkbox", "scope": "radio"}))
			Expect(f.Buttons).To(Equal([][2]string{{"decision", "approve"}, {"decision", "deny"}, {"decision", "later"}}))
		})

		DescribeTable("prefers",
			func(html, action string) { Expect(read(html).Action).To(Equal(action)) },
			Entry("the form with a password", `<form method=post action=/search></form><form method=post action=/login><input type=password name=p></form>`, "http://a/login"),
			Entry("a form with a password even if it is sent by GET", `<form method=post action=/search></form><form action=/login><input type=password name=p></form>`, "http://a/login"),
			Entry("the first that is posted", `<form action=/search></form><form method=post action=/one></form><form method=post action=/two></form>`, "http://a/one"),
		)

		It("says that a form that names no method is sent by GET", func() {
			Expect(read(`<form><input type=password name=p></form>`).Method).To(Equal("get"))
		})

		DescribeTable("finds none", func(html string) { Expect(read(html)).To(BeNil()) },
			Entry("in an empty body", ""), Entry("in text", "no form here"), Entry("where there is only a search", `<form action=/search></form>`), Entry("in bytes", "\x00\xff<form"),
		)
	})

	It("reads a page's text without what is not shown", func() {
		resp := conformance.Response{Body: []byte("<title>T</title><style>s{}</style><p>Allow\n <b>Site B</b>&nbsp;?<script>x()</script><template>no</template>")}
		Expect(resp.Text()).To(Equal("T Allow Site B ?"))
	})
})
