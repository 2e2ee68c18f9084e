package mobile_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

// bare is cnf with the thumbprint alone; named has the name of the key beside it (RFC 7800 section 3.4).
func bare(jkt string) any { return object{"jkt": jkt} }

func named(keyID any) func(string) any {
	return func(jkt string) any { return object{"jkt": jkt, "kid": keyID} }
}

var _ = Describe("A business system that is shown what it must not take", func() {
	DescribeTable("takes no token in the URL",
		func(query, authorization string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				t := p.sealed(nil)
				no := p.shows(t, showing{query: strings.ReplaceAll(query, "TOKEN", t), authorization: authorization})
				Expect(no.said()).To(Equal("401 invalid_token"))
				Expect(no.header.Get("WWW-Authenticate")).To(ContainSubstring(`error="invalid_token"`))
				Expect(p.shows(t, showing{query: "?page=1"}).said()).To(Equal("200 alice"))
			})
		},
		Entry("alone", "?access_token=TOKEN", "none"),
		Entry("beside a right Authorization", "?access_token=TOKEN", ""),
		Entry("after something else, beside a right Authorization", "?page=1&access_token=TOKEN", ""),
		Entry("that is another, beside a right Authorization", "?access_token=another", ""),
		Entry("beside another scheme", "?access_token=TOKEN", "Basic x"),
	)

	DescribeTable("compares all of cnf in the header with that within",
		func(header, claims func(jkt string) any, want string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				jkt := p.phone.key.Thumbprint()
				t := p.sealed(func(h, c object) { h["cnf"], c["cnf"] = header(jkt), claims(jkt) })
				Expect(p.shows(t, showing{}).said()).To(Equal(want))
			})
		},
		Entry("the same", bare, bare, "200 alice"),
		Entry("the same, with a member more", named("one"), named("one"), "200 alice"),
		Entry("a member more in the header", named("one"), bare, "401 invalid_token"),
		Entry("a member more within", bare, named("one"), "401 invalid_token"),
		Entry("another member beside the same key", named("one"), named("other"), "401 invalid_token"),
		Entry("a member of another type", named("1"), named(1), "401 invalid_token"),
	)

	DescribeTable("reads its keys once a second at most for keys that there are not",
		func(disturb func(*systemPlay), want string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				disturb(p)
				p.readings = 0
				made := 0
				shows := func() string {
					made++
					return p.shows(p.sealed(func(_, claims object) { claims["sealed under"] = otherKey(fmt.Sprint("made-up-", made)) }), showing{}).said()
				}
				for second := range 3 {
					for range 5 {
						Expect(shows()).To(Equal(want))
					}
					Expect(p.readings).To(Equal(second + 1))
					p.sleep(time.Second)
				}
				p.noKeys = false
				Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
			})
		},
		Entry("while it has read none yet", func(*systemPlay) {}, "401 invalid_token"),
		Entry("while its set lives", func(p *systemPlay) { p.shows(p.sealed(nil), showing{}) }, "401 invalid_token"),
		Entry("when its set lives for no time", func(p *systemPlay) {
			p.kept = 0
			p.shows(p.sealed(nil), showing{})
		}, "401 invalid_token"),
		Entry("when its set has run out", func(p *systemPlay) {
			p.kept = 1
			p.shows(p.sealed(nil), showing{})
			p.sleep(5 * time.Second)
		}, "401 invalid_token"),
		Entry("while it can read none", func(p *systemPlay) { p.noKeys = true }, "503 temporarily_unavailable"),
		Entry("while it can read none, and its set lives", func(p *systemPlay) {
			p.shows(p.sealed(nil), showing{})
			p.noKeys = true
		}, "503 temporarily_unavailable"),
		Entry("while it can read none, and its set has run out", func(p *systemPlay) {
			p.kept = 0
			p.shows(p.sealed(nil), showing{})
			p.noKeys = true
		}, "503 temporarily_unavailable"),
	)

	It("reads a set that lives for no time for each key in it", func() {
		p := newSystemPlay(guard.Set{})
		p.kept = 0
		p.run(func() {
			p.keys = append(p.keys, otherKey("crm-2"))
			for range 3 {
				Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
				Expect(p.shows(p.sealed(func(_, claims object) { claims["sealed under"] = otherKey("crm-2") }), showing{}).said()).To(Equal("200 alice"))
			}
			Expect(p.readings).To(Equal(6))
		})
	})
})
