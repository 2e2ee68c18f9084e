package mobile_test

import (
	"encoding/json"
	"fmt"
	"regexp"
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

	DescribeTable("takes no token that says something else to another reader",
		func(header, claims func(string) string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				said, plaintext := p.contents()
				said["alg"], said["enc"], said["kid"] = "dir", "A256GCM", p.keys[0].ID
				raw, err := json.Marshal(said)
				Expect(err).NotTo(HaveOccurred())
				Expect(p.shows(p.spelled(string(raw), string(plaintext)), showing{}).said()).To(Equal("200 alice"))
				Expect(p.shows(p.spelled(header(string(raw)), claims(string(plaintext))), showing{}).said()).To(Equal("401 invalid_token"))
			})
		},
		Entry("that ends twice", as, instead(`"exp":`, `"exp":1,"exp":`)),
		Entry("that has ended, and not so in another case", as, func(claims string) string {
			return more(`"EXP":99999999999`)(regexp.MustCompile(`"exp":\d+`).ReplaceAllString(claims, `"exp":1`))
		}),
		Entry("that ends in another case alone", as, instead(`"exp":`, `"Exp":`)),
		Entry("of two issuers", as, instead(`"iss":`, `"iss":"https://evil.example","iss":`)),
		Entry("for two systems", as, instead(`"aud":`, `"aud":"erp","aud":`)),
		Entry("for this system in another case", as, instead(`"aud":"crm"`, `"aud":"erp","AUD":"crm"`)),
		Entry("that is no UTF-8", as, more("\"x\":\"\xff\"")),
		Entry("with half a character", as, more(`"x":"\ud800"`)),
		Entry("with something behind it", as, func(claims string) string { return claims + " x" }),
		Entry("for two systems in its header", instead(`"aud":`, `"aud":"erp","aud":`), as),
		Entry("of two algorithms", instead(`"alg":`, `"alg":"none","alg":`), as),
		Entry("whose payload is not encoded", more(`"b64":false`), as),
		Entry("with a count of rounds", more(`"p2c":1`), as),
		Entry("with a key in its header", more(`"jwk":{"kty":"oct","k":"AAAA"}`), as),
		Entry("whose type is a number", instead(`"typ":"sealed+jwt"`, `"typ":1`), as),
	)

	DescribeTable("takes no proof that says something else to another reader",
		func(claims func(string) string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				Expect(p.shows(p.sealed(nil), showing{spell: as}).said()).To(Equal("200 alice"))
				Expect(p.shows(p.sealed(nil), showing{spell: claims}).said()).To(Equal("401 invalid_dpop_proof"))
			})
		},
		Entry("for two addresses", instead(`"htu":`, `"htu":"https://evil.example","htu":`)),
		Entry("for two tokens", instead(`"ath":`, `"ath":"another","ath":`)),
		Entry("for an address in another case", instead(`"htu":`, `"HTU":`)),
		Entry("that is no UTF-8", more("\"x\":\"\xff\"")),
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

// What is done to a JSON object letter by letter.
func as(object string) string { return object }

func instead(old, new string) func(string) string {
	return func(object string) string {
		changed := strings.Replace(object, old, new, 1)
		Expect(changed).NotTo(Equal(object))
		return changed
	}
}

func more(member string) func(string) string {
	return func(object string) string { return strings.TrimSuffix(object, "}") + "," + member + "}" }
}
