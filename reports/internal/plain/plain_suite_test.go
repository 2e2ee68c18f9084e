package plain_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"countersign/reports/internal/plain"
)

func TestPlain(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Plain texts", suite, reporter)
}

var _ = Describe("A text of unknown origin", func() {
	DescribeTable("is spelled out where it would act on a screen:", func(text, shown string) {
		Expect(plain.Text(text)).To(Equal(shown))
		Expect(plain.Text(shown)).To(Equal(shown), "what is shown is left as it is")
	},
		Entry("an escape sequence", "\x1b[31mred", `\x1b[31mred`),
		Entry("a bell, a null and a delete", "a\x07\x00\x7f", `a\x07\x00\x7f`),
		Entry("a C1 control, which some terminals obey", "\u009b2J", `\x9b2J`),
		Entry("a right-to-left override", "\u202egnp.exe", `\u{202e}gnp.exe`),
		Entry("a line separator and a byte order mark", "\u2028\ufeff", `\u{2028}\u{feff}`),
		Entry("characters that XML forbids", "\ufffe\uffff", `\u{fffe}\u{ffff}`),
		Entry("an invisible tag", "\U000E0041", `\u{e0041}`),
		Entry("a lone carriage return", "safe\rfake", `safe\x0dfake`),
		Entry("invalid UTF-8", "a\xffb", "a\ufffdb"),
		Entry("but not line ends", "a\r\nb\n\tc", "a\nb\n\tc"),
		Entry("nor the joiners that scripts and emoji need", "👩\u200d💻", "👩\u200d💻"),
		Entry("nor other languages", "Grüße, 世界, שלום", "Grüße, 世界, שלום"),
	)

	It("stays in one line as a Line", func() {
		Expect(plain.Line("a\r\nb\tc")).To(Equal(`a\nb\tc`))
	})

	It("is cleaned wherever it stands in plain data, and the original is kept", func() {
		type inner struct{ S []string }
		type outer struct {
			P    *inner
			None *inner
			N    int
			Bool bool
		}
		in := outer{P: &inner{S: []string{"a\x1b"}}, N: 3, Bool: true}
		Expect(plain.Clean(in)).To(Equal(outer{P: &inner{S: []string{`a\x1b`}}, N: 3, Bool: true}))
		Expect(in.P.S[0]).To(Equal("a\x1b"))
	})

	It("leaves structs alone whose fields it cannot see into", func() {
		moment := struct{ At time.Time }{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		Expect(plain.Clean(moment)).To(Equal(moment))
	})
})

var _ = Describe("Wrapping", func() {
	DescribeTable("breaks", func(text string, width int, lines ...string) {
		Expect(plain.Wrap(text, width)).To(Equal(lines))
	},
		Entry("at spaces", "one two three", 8, "one two", "three"),
		Entry("right at the width", "one two", 3, "one", "two"),
		Entry("in URLs behind a separator", "https://a.example/oauth/token", 20, "https://a.example/", "oauth/token"),
		Entry("before a URL rather than in it", "exchange to https://a.example/oauth/token", 29, "exchange to", "https://a.example/oauth/token"),
		Entry("long words anywhere", "abcdefghij", 4, "abcd", "efgh", "ij"),
		Entry("by columns, not bytes", "世界世界", 5, "世界", "世界"),
		Entry("never within a character", "👩‍💻👩‍💻", 1, "👩‍💻", "👩‍💻"),
		Entry("at line feeds, and keeps indents and empty lines", "a\n\n  b", 9, "a", "", "  b"),
		Entry("nothing when there is nothing", "", 9, ""),
	)

	It("keeps every line within the width and loses nothing but spaces", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			text := plain.Text(rapid.String().Draw(t, "text"))
			width := rapid.IntRange(2, 40).Draw(t, "width")
			lines := plain.Wrap(text, width)
			for _, line := range lines {
				if plain.Width(line) > width && uniseg.GraphemeClusterCount(line) > 1 {
					t.Fatalf("%q is wider than %d", line, width)
				}
			}
			if got, want := squeezed(strings.Join(lines, "")), squeezed(text); got != want {
				t.Fatalf("%q became %q", want, got)
			}
		})
	})
})

func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

var _ = Describe("Shortening", func() {
	It("leaves what fits and marks what it cuts", func() {
		Expect(plain.Shorten("short", 5)).To(Equal("short"))
		Expect(plain.Shorten("longer", 5)).To(Equal("long…"))
		Expect(plain.Shorten("世界世界", 4)).To(Equal("世…"))
	})
})
