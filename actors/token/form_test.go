package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// payload is one whose values begin and end in other places of a block for each number of characters that it is longer.
func payload(longer int) string {
	return `{"iss":"https://a` + strings.Repeat("b", longer) + `","exp":1300,"nbf":20,"cnf":{"jkt":"0ZcOCORZNYy"},"ok":true,"sub":"alice"}`
}

// telling are the characters that mean something in a payload, and the neighbours of those that do.
const telling = "\x00\x1f !\"#,/09:;[\\]a{}\x7f\x80\xa2\xdc\xff"

// awry gives the texts in which another character stands in one place: any of the 256, or only those that are telling.
func awry(text string, any bool) iter.Seq[[]byte] {
	characters := []byte(telling)
	if any {
		characters = characters[:0]
		for c := range 256 {
			characters = append(characters, byte(c))
		}
	}
	return func(yield func([]byte) bool) {
		for place := range text {
			for _, c := range characters {
				other := []byte(text)
				if other[place] = c; !yield(other) {
					return
				}
			}
		}
	}
}

// knowing has read a payload often enough to know its form.
func knowing(text string) *Claims {
	c := &Claims{text: []byte(text)}
	if !c.scan() || !c.follow() || !c.follow() {
		Fail(text + " is not read fast")
	}
	return c
}

// said are the members as they were read, for a comparison.
func said(c *Claims) string {
	var b strings.Builder
	for _, m := range c.members {
		fmt.Fprintf(&b, "%q %q %t\n", m.name, m.value, m.isText)
	}
	return b.String()
}

var _ = Describe("A whole number", func() {
	It("is read as the library reads it, whatever stands in any of its places, at any length", func() {
		for length := range 17 {
			for text := range awry("9081726354019283"[:length], true) {
				n, ok := whole(text)
				want, err := strconv.ParseUint(string(text), 10, 64)
				if ok != (err == nil && length <= 15) || ok && uint64(n) != want {
					Fail(fmt.Sprintf("%q is read as %d, %t", text, n, ok))
				}
			}
		}
	})
})

var _ = Describe("A payload after others of its form", func() {
	It("is read as the library reads it, whatever stands in any of its places", func() {
		for longer := range blockSize {
			usual := payload(longer)
			for text := range awry(usual, longer == 0) {
				fast, slow := knowing(usual), &Claims{text: text}
				fast.text = text
				if f := &fast.form; f.fitsByWords(text) && !f.fits(text) { // what gives up more often is right as well
					Fail(fmt.Sprintf("%q fits %s by words, and not at once", text, usual))
				}
				if !fast.follow() {
					continue
				}
				if !slow.parse() || said(fast) != said(slow) {
					Fail(fmt.Sprintf("%q is read fast as %s, and by the library as %s", text, said(fast), said(slow)))
				}
			}
		}
	})

	It("is read as the library reads it where the one before lay, whatever was there", func() {
		usual := payload(3)
		c := knowing(usual)
		place := c.text
		for text := range awry(usual, true) {
			copy(place, text)
			c.text = place
			slow := &Claims{text: text}
			if fast, any := c.read(), slow.parse(); fast != any || fast && said(c) != said(slow) {
				Fail(fmt.Sprintf("%q is read as %s, and by the library as %s", text, said(c), said(slow)))
			}
		}
	})

	It("is read as the library reads it, also where it is the first", func() {
		for longer := range blockSize {
			for text := range awry(payload(longer), longer == 0) {
				fast, slow := &Claims{text: text}, &Claims{text: text}
				if fast.scan() && (!slow.parse() || said(fast) != said(slow)) {
					Fail(fmt.Sprintf("%q is read fast as %s, and by the library as %s", text, said(fast), said(slow)))
				}
			}
		}
	})

	It("is recognized by its form, whatever letters and digits its values are of", func() {
		for longer := range blockSize {
			usual := payload(longer)
			c := knowing(usual)
			values := slices.Clone(c.members)
			for _, m := range values {
				other := []byte(usual)
				at := bytes.Index(other, slices.Concat(m.before, m.value)) + len(m.before)
				for i := range m.value {
					if c := &other[at+i]; *c >= '2' && *c <= '9' || *c >= 'a' && *c <= 'z' && m.isText {
						*c ^= 1
					}
				}
				if m.isText {
					Expect(other).NotTo(Equal([]byte(usual)))
				}
				Expect(c.form.read(other, c.members)).To(BeTrue(), "%s after %s", other, usual)
			}
		}
	})

	It("is read by its members where a value is longer or shorter", func() {
		for longer := range blockSize {
			c, slow := knowing(payload(3)), &Claims{text: []byte(payload(longer))}
			c.text = slow.text
			Expect(c.follow()).To(BeTrue())
			Expect(slow.parse()).To(BeTrue())
			Expect(said(c)).To(Equal(said(slow)))
		}
	})
})

var _ = Describe("The key that a token is bound to", func() {
	thumbprint := strings.Repeat("tZ-9", 10)
	usual := `{"cnf":{"jkt":"` + thumbprint + `"}}`

	// judge holds what is read fast to what the library reads, and reports whether it is a payload at all.
	judge := func(text []byte) bool {
		GinkgoHelper()
		c := &Claims{text: text}
		if !c.read() {
			return false
		}
		var spelled struct{ CNF any }
		Expect(json.Unmarshal(text, &spelled)).To(Succeed())
		want := ""
		if confirmation, ok := spelled.CNF.(map[string]any); ok {
			want, _ = confirmation["jkt"].(string)
		}
		if string(c.Thumbprint()) != want || c.boundTo(thumbprint) != (want == thumbprint) {
			Fail(fmt.Sprintf("%q is read as bound to %q", text, c.Thumbprint()))
		}
		return true
	}

	It("is what the library says, whatever stands in any place", func() {
		payloads := 0
		for text := range awry(usual, true) {
			if bytes.HasPrefix(text, []byte(`{"cnf":`)) && judge(text) { // encoding/json takes CNF for it too
				payloads++
			}
		}
		Expect(payloads).To(BeNumerically(">", 90*len(thumbprint)), "as most characters may stand in a thumbprint")
	})

	DescribeTable("is what the library says", func(text string) { Expect(judge([]byte(text))).To(BeTrue()) },
		Entry("of a token that is bound", usual),
		Entry("of one with no cnf", `{"sub":"alice"}`),
		Entry("of one whose cnf is a text", `{"cnf":"`+thumbprint+`"}`),
		Entry("of one whose cnf is a text that is as long", `{"cnf":"`+strings.Repeat("x", len(usual)-len(`{"cnf":}`))+`"}`),
		Entry("of one whose cnf is empty", `{"cnf":{}}`),
		Entry("of one with a shorter thumbprint", `{"cnf":{"jkt":"tZ"}}`),
		Entry("of one with a longer thumbprint", `{"cnf":{"jkt":"`+thumbprint+`t"}}`),
		Entry("of one with another member before", `{"cnf":{"x5t#S256":"a","jkt":"`+thumbprint+`"}}`),
		Entry("of one with another member alone", `{"cnf":{"kid":"`+thumbprint+`"}}`),
		Entry("of one that is spelled with blanks", `{"cnf": { "jkt" : "`+thumbprint+`" } }`),
		Entry("of one whose thumbprint is a number", `{"cnf":{"jkt":12}}`),
	)
})

var _ = Describe("A payload", func() {
	DescribeTable("is refused", func(text string) {
		c := Claims{text: []byte(text)}
		Expect(c.read()).To(BeFalse())
	},
		Entry("with a member twice", `{"a":1,"a":2}`),
		Entry("with a member twice, one of them escaped", `{"a":1,"\u0061":2}`),
		Entry("with a member twice within an object of it", `{"a":{"b":1,"b":2}}`),
		Entry("that is no UTF-8", "{\"a\":\"\xff\"}"),
		Entry("with something behind it", `{}x`),
		Entry("with something behind its members", `{"a":1}x`),
		Entry("that is a list", `[1]`),
		Entry("that is cut off", `{"a":1`),
		Entry("with objects in each other beyond what is read", strings.Repeat(`{"a":`, 20000)+`1`+strings.Repeat(`}`, 20000)),
		Entry("with more members than are read", members(most+1)),
	)

	DescribeTable("is read", func(text string, names ...string) {
		c := Claims{text: []byte(text)}
		Expect(c.read()).To(BeTrue())
		Expect(c.members).To(HaveLen(len(names)))
		for _, name := range names {
			Expect(c.find(name)).NotTo(BeNil())
			Expect(string(c.find(name).name)).To(Equal(name))
		}
		Expect(c.find("a3b")).To(BeNil())
	},
		Entry("that is empty", `{}`),
		Entry("that is empty, with blanks", ` { } `),
		Entry("with names that look alike at a glance", `{"a1b":1,"a2b":2}`, "a1b", "a2b"),
		Entry("with objects in each other ", strings.Repeat(`{"a":`, 100)+`1`+strings.Repeat(`}`, 100), "a"),
	)

	It("has as many members as are read", func() {
		c := Claims{text: []byte(members(most))}
		Expect(c.read()).To(BeTrue())
		Expect(c.members).To(HaveLen(most))
	})
})

// members is a payload of so many.
func members(count int) string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf(`"member-%d":%d`, i, i)
	}
	return "{" + strings.Join(all, ",") + "}"
}

var _ = DescribeTable("A time in a token is read", func(spelled string, want int64, good bool) {
	c := Claims{text: []byte(`{"exp":` + spelled + `}`)}
	Expect(c.read()).To(BeTrue())
	at, there, ok := c.seconds("exp", func(f float64) float64 { return f })
	Expect(there).To(BeTrue())
	Expect(ok).To(Equal(good))
	if good {
		Expect(at).To(Equal(want))
	}
},
	Entry("of digits", "1767225600", int64(1767225600), true),
	Entry("with nines", "1999999999", int64(1999999999), true),
	Entry("of one digit", "0", int64(0), true),
	Entry("that is negative", "-5", int64(-5), true),
	Entry("with an exponent", "1e3", int64(1000), true),
	Entry("of as many digits as there may be", "999999999999999", int64(999999999999999), true),
	Entry("at the end of what a clock can show", "4503599627370496", int64(1)<<52, true),
	Entry("not beyond it", "4503599627370497", int64(0), false),
	Entry("not of twenty digits, which as an integer would be a time again", "18446744075476777216", int64(0), false),
	Entry("not as a text", `"1767225600"`, int64(0), false),
	Entry("not as an object", `{}`, int64(0), false),
)

var _ = It("A header is remembered when it comes for the second time", func() {
	h := rememberHeaders[int](1)
	for range 2 {
		known, at := h.find("a")
		Expect(known).To(BeNil())
		at.keep("a", func() int { return 7 })
	}
	known, _ := h.find("a")
	Expect(known).To(HaveValue(Equal(7)))
	for range 2 {
		_, at := h.find("once")
		at.keep("once", func() int { return 8 })
		_, at = h.find("another")
		at.keep("another", func() int { return 9 })
	}
	known, _ = h.find("a")
	Expect(known).NotTo(BeNil(), "as those that came in turns have not taken its place")
})
