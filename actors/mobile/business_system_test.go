package mobile_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/conformance/catalog"
)

func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// another is a key that no phone has.
func another(name string) token.Signer { return newPhone(name, "nobody").key }

func otherKey(id string) token.Key {
	sum := sha256.Sum256([]byte(id))
	return token.Key{ID: id, Secret: sum[:]}
}

func renamed(name string, value any) func(object) {
	return func(claims object) { claims[name] = value }
}

// trial is what a spec tries on a business system, and what is said to it with the guard on, and with the guard lifted.
type trial struct {
	id     catalog.ID
	try    func(*systemPlay) string
	right  string
	lifted string
}

// trials is one for each requirement of the role.
func systemTrials() []trial {
	const in, no, unproved = "200 alice", "401 invalid_token", "401 invalid_dpop_proof"
	// with is a token that was changed before it was sealed; proof is a right token under another proof.
	with := func(change func(header, claims object)) func(*systemPlay) string {
		return func(p *systemPlay) string { return p.shows(p.sealed(change), showing{}).said() }
	}
	proof := func(s showing) func(*systemPlay) string {
		return func(p *systemPlay) string { return p.shows(p.sealed(nil), s).said() }
	}
	stranger := another("stranger")
	return []trial{
		{"MO-BS-01", func(p *systemPlay) string { return p.document()["system_id"].(string) }, "crm", "none"},
		{"MO-BS-02", func(p *systemPlay) string {
			return fmt.Sprint(len(p.shows(p.sealed(nil), showing{}).member("resources").([]any)))
		}, "1", "0"},
		{"MO-BS-03", proof(showing{authorization: "none", unproved: true}), no, "200 anybody"},
		{"MO-BS-04", func(p *systemPlay) string { return p.shows(flipped(p.sealed(nil), 4), showing{}).said() }, no, in},
		{"MO-BS-05", func(p *systemPlay) string {
			t := p.sealed(nil)
			clear(p.shared)
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-06", func(p *systemPlay) string {
			t := p.sealed(nil)
			p.last()["token"] = "another"
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-07", func(p *systemPlay) string {
			t := p.sealed(nil)
			Expect(p.shows(t, showing{}).said()).To(Equal(in))
			clear(p.shared)
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-08", func(p *systemPlay) string {
			p.shows(p.sealed(nil), showing{})
			p.phone = newPhone("device-alice-2", "alice")
			return p.shows(p.sealed(nil), showing{}).said()
		}, in, no},
		{"MO-BS-09", func(p *systemPlay) string {
			p.shows(p.sealed(nil), showing{})
			p.phone = bobsPhone()
			return p.shows(p.sealed(nil), showing{}).said()
		}, "200 bob", in},
		{"MO-BS-10", func(p *systemPlay) string {
			p.away = true
			return p.shows(p.sealed(nil), showing{}).said()
		}, "503 temporarily_unavailable", in},
		{"MO-BS-11", func(p *systemPlay) string {
			return p.shows("x", showing{}).header.Get("WWW-Authenticate")
		}, `DPoP algs="ES256", error="invalid_token"`, ""},
		{"MO-BS-12", with(func(header, _ object) { header["aud"] = "erp" }), no, in},
		{"MO-BS-13", with(func(_, claims object) { claims["cnf"] = object{"jkt": stranger.Thumbprint()} }), no, in},
		{"MO-BS-14", with(func(_, claims object) { claims["iss"] = "https://other.example" }), no, in},
		{"MO-BS-15", with(func(_, claims object) { claims["exp"] = claims["iat"] }), no, in},
		{"MO-BS-16", with(func(header, _ object) { header["crit"] = []string{"exp"} }), no, in},
		{"MO-BS-17", proof(showing{unproved: true}), no, in},
		{"MO-BS-18", proof(showing{by: &stranger}), unproved, in},
		{"MO-BS-19", proof(showing{signedBy: &stranger}), unproved, in},
		{"MO-BS-20", proof(showing{change: renamed("htu", erpAddress)}), unproved, in},
		{"MO-BS-21", proof(showing{change: renamed("ath", hashOf("another"))}), unproved, in},
		{"MO-BS-22", proof(showing{change: func(c object) { c["iat"] = c["iat"].(int64) - 61 }}), unproved, in},
		{"MO-BS-23", func(p *systemPlay) string {
			t := p.sealed(nil)
			once := p.proof(t, showing{method: http.MethodGet})
			Expect(p.shows(t, showing{proof: once}).said()).To(Equal(in))
			return p.shows(t, showing{proof: once}).said()
		}, unproved, in},
		{"MO-BS-24", func(p *systemPlay) string {
			p.shows(p.sealed(nil), showing{})
			var named []string
			for _, r := range p.asked {
				name, secret, _ := r.BasicAuth()
				named = append(named, name+":"+secret)
			}
			return strings.Join(named, " ")
		}, "crm:crm-secret crm:crm-secret", ": :"},
		{"MO-BS-25", func(p *systemPlay) string {
			p.shows(p.sealed(nil), showing{})
			return fmt.Sprint(p.asked[1].URL.RawQuery != "")
		}, "false", "true"},
		{"MO-BS-26", func(p *systemPlay) string {
			t := p.sealed(nil)
			p.last()["cache_lifetime"] = 40
			Expect(p.shows(t, showing{}).said()).To(Equal(in))
			clear(p.shared)
			p.sleep(29 * time.Second)
			Expect(p.shows(t, showing{}).said()).To(Equal(in))
			p.sleep(time.Second)
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-27", func(p *systemPlay) string {
			t := p.sealed(nil)
			p.last()["deviceid"] = "device-bob"
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-28", func(p *systemPlay) string {
			p.shows(p.sealed(nil), showing{})
			p.keys = []token.Key{otherKey("crm-2"), p.keys[0]}
			return p.shows(p.sealed(nil), showing{}).said()
		}, in, no},
		{"MO-BS-29", func(p *systemPlay) string {
			t := p.sealed(nil)
			p.keys = []token.Key{otherKey("crm-2"), p.keys[0]}
			return p.shows(t, showing{}).said()
		}, in, no},
		{"MO-BS-30", func(p *systemPlay) string {
			t := p.sealed(nil)
			Expect(p.shows(t, showing{}).said()).To(Equal(in))
			p.keys = []token.Key{otherKey("crm-2")}
			p.sleep(61 * time.Second)
			return p.shows(t, showing{}).said()
		}, no, in},
		{"MO-BS-31", func(p *systemPlay) string {
			for i := range 10 {
				Expect(p.shows(p.sealed(func(_, claims object) { claims["sealed under"] = otherKey(fmt.Sprint("made-up-", i)) }), showing{}).said()).To(Equal(no))
			}
			return fmt.Sprint(p.readings)
		}, "1", "10"},
		{"MO-BS-32", func(p *systemPlay) string {
			p.shows(flipped(p.sealed(nil), 3), showing{})
			return fmt.Sprint(p.downloads())
		}, "0", "1"},
		{"MO-BS-33", func(p *systemPlay) string {
			p.away = true
			p.shows(p.sealed(nil), showing{})
			p.away = false
			return p.shows(p.sealed(nil), showing{}).said()
		}, in, "503 temporarily_unavailable"},
		{"MO-BS-34", func(p *systemPlay) string {
			return p.shows(p.sealed(nil), showing{}).header.Get("Cache-Control")
		}, "no-store", ""},
		{"MO-BS-35", func(p *systemPlay) string {
			t := p.sealed(nil)
			return p.shows(t, showing{authorization: "none", query: "?access_token=" + t}).said()
		}, no, in},
		{"MO-BS-36", proof(showing{method: http.MethodPost}), "405 method_not_allowed", in},
		{"MO-BS-37", func(p *systemPlay) string {
			t := p.sealed(nil)
			record := p.last()
			record["cache_lifetime"] = 30
			Expect(p.shows(t, showing{}).said()).To(Equal(in))
			resealed := p.sealed(func(header, claims object) {
				bound := object{"jkt": stranger.Thumbprint()}
				claims["jti"], claims["token"] = record["token_id"], record["token"]
				header["cnf"], claims["cnf"] = bound, bound
			})
			return p.shows(resealed, showing{by: &stranger}).said()
		}, no, in},
	}
}

// document is the system's metadata.
func (p *systemPlay) document() object {
	GinkgoHelper()
	response, err := p.harness.Client().Get("https://crm.example/.well-known/mobile-access")
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	whole := answer{body: string(text)}
	members := object{"system_id": "none"}
	for _, name := range []string{"profile", "issuer", "resource_endpoint", "system_id"} {
		if value := whole.text(name); value != "" {
			members[name] = value
		}
	}
	return members
}

var _ = Describe("The business system", func() {

	It("is tried on every requirement", func() {
		var tried, all []catalog.ID
		for _, t := range systemTrials() {
			tried = append(tried, t.id)
		}
		for _, r := range requirementsOf(catalog.BusinessSystem) {
			all = append(all, r.ID)
		}
		Expect(tried).To(Equal(all))
	})

	for _, t := range systemTrials() {
		about := catalog.MustLookup(t.id)
		It(fmt.Sprintf("holds %s, %s", t.id, about.Title), func() {
			p := newSystemPlay(guard.Set{})
			p.run(func() { Expect(t.try(p)).To(Equal(t.right)) })
		})
		It(fmt.Sprintf("%s when %s is lifted", about.Defect, t.id), func() {
			p := newSystemPlay(guard.Set{}.Without(t.id))
			p.run(func() { Expect(t.try(p)).To(Equal(t.lifted)) })
		})
	}

	It("serves at level core whoever shows a shared token, as DPoP or Bearer, bound or not", func() {
		p := newSystemPlay(core)
		p.keyless = true
		p.run(func() {
			t := p.sealed(func(header, claims object) {
				delete(header, "cnf")
				delete(claims, "cnf")
				delete(header, "aud")
			})
			Expect(p.shows(t, showing{unproved: true}).said()).To(Equal("200 alice"))
			Expect(p.shows("", showing{unproved: true, authorization: "bearer " + t}).said()).To(Equal("200 alice"))
			Expect(p.downloads()).To(Equal(2), "each access asks")
			Expect(p.shows(flipped(t, 4), showing{}).said()).To(Equal("401 invalid_token"))
			Expect(p.shows("", showing{authorization: "Basic x"}).header.Values("WWW-Authenticate")).To(HaveLen(2))
		})
	})

	DescribeTable("opens for no token whose record does not name its key",
		func(spoil func(record object)) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				t := p.sealed(nil)
				spoil(p.last())
				Expect(p.shows(t, showing{}).said()).To(Equal("401 invalid_token"))
			})
		},
		Entry("no key", func(record object) { delete(record, "jkt") }),
		Entry("another key", func(record object) { record["jkt"] = another("stranger").Thumbprint() }),
		Entry("an empty name", func(record object) { record["jkt"] = "" }),
		Entry("something that is no name", func(record object) { record["jkt"] = []string{record["jkt"].(string)} }),
	)

	It("opens with the configured key where no sealing keys are served", func() {
		p := newSystemPlay(guard.Set{})
		p.keyless = true
		p.run(func() {
			Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
			Expect(p.shows(p.sealed(func(_, claims object) { claims["sealed under"] = otherKey("crm-2") }), showing{}).said()).To(Equal("401 invalid_token"))
			Expect(p.readings).To(BeZero())
		})
	})

	DescribeTable("refuses tokens that are no tokens",
		func(change func(string) string) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				no := p.shows(change(p.sealed(nil)), showing{})
				Expect(no.said()).To(Equal("401 invalid_token"))
				Expect(no.text("error_description")).NotTo(BeEmpty())
				Expect(p.downloads()).To(BeZero())
			})
		},
		Entry("made up", func(string) string { return "made-up" }),
		Entry("cut short", func(t string) string { return t[:len(t)-2] }),
		Entry("with a bit of the header flipped", func(t string) string { return strings.Replace(t, t[:8], t[:7]+"J", 1) }),
		Entry("with a bit of the vector flipped", func(t string) string { return flipped(t, 2) }),
		Entry("with a bit of the ciphertext flipped", func(t string) string { return flipped(t, 3) }),
		Entry("with a bit of the tag flipped", func(t string) string { return flipped(t, 4) }),
		Entry("with a bit of the key lengthened", func(t string) string { return strings.Replace(t, "..", ".AA.", 1) }),
	)

	DescribeTable("opens one way of sealing, and at level core what is told",
		func(guards guard.Set, seal func(*systemPlay) string, want string) {
			p := newSystemPlay(guards)
			p.run(func() { Expect(p.shows(seal(p), showing{}).said()).To(Equal(want)) })
		},
		Entry("compressed", guard.Set{}, (*systemPlay).compressed, "401 invalid_token"),
		Entry("compressed, with the guard lifted", guard.Set{}.Without("MO-BS-16"), (*systemPlay).compressed, "200 alice"),
		Entry("under another algorithm", guard.Set{}, (*systemPlay).wrapped, "401 invalid_token"),
		Entry("under another algorithm, with the guard lifted", guard.Set{}.Without("MO-BS-16"), (*systemPlay).wrapped, "200 alice"),
		Entry("under a label that lies", guard.Set{}, (*systemPlay).mislabelled, "401 invalid_token"),
		Entry("under a label that lies, with the guard lifted", guard.Set{}.Without("MO-BS-16"), (*systemPlay).mislabelled, "200 alice"),
	)

	DescribeTable("stays closed while the authorization server says nothing of use, and opens when it does again",
		func(disturb, mend func(*systemPlay)) {
			p := newSystemPlay(guard.Set{})
			p.run(func() {
				disturb(p)
				t := p.sealed(nil)
				if p.spoil != nil {
					p.spoil(p.last())
				}
				Expect(p.shows(t, showing{}).said()).To(Equal("503 temporarily_unavailable"))
				mend(p)
				Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
			})
		},
		Entry("metadata of another issuer", func(p *systemPlay) { p.issuer = "https://another.example" }, func(p *systemPlay) { p.issuer = issuer }),
		Entry("endpoints in the open", func(p *systemPlay) { p.base = "http://as.example" }, func(p *systemPlay) { p.base = issuer }),
		Entry("no keys", func(p *systemPlay) { p.noKeys = true }, func(p *systemPlay) {
			p.noKeys = false
			p.sleep(time.Second)
		}),
		Entry("keys that have run out", func(p *systemPlay) {
			p.shows(p.sealed(nil), showing{})
			p.sleep(time.Minute)
			p.noKeys = true
		}, func(p *systemPlay) { p.noKeys = false }),
		Entry("a record without a token", func(p *systemPlay) { p.spoil = func(record object) { delete(record, "token") } }, func(p *systemPlay) { p.spoil = nil }),
	)

	It("waits for the authorization server for five seconds and no longer", func() {
		p := newSystemPlay(guard.Set{})
		p.silence = 9 * time.Second
		p.run(func() {
			begun := p.harness.Clock().Now()
			no := p.shows(p.sealed(nil), showing{})
			Expect(no.said()).To(Equal("503 temporarily_unavailable"))
			Expect(no.header.Get("Retry-After")).To(Equal("1"))
			Expect(p.harness.Clock().Now().Sub(begun)).To(BeNumerically("~", 5*time.Second, 100*time.Millisecond))
			p.silence = 0
			Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
		})
	})

	It("reads its keys once for all who come at once", func() {
		p := newSystemPlay(guard.Set{})
		p.run(func() {
			left := 8
			for range left {
				t := p.sealed(nil)
				p.harness.Go("beside the script", func() {
					defer GinkgoRecover()
					defer func() { left-- }()
					Expect(p.shows(t, showing{}).said()).To(Equal("200 alice"))
				})
			}
			for left > 0 {
				p.sleep(time.Millisecond)
			}
			Expect(p.readings).To(Equal(1))
		})
	})

	It("looks for an unknown key again after a second", func() {
		p := newSystemPlay(guard.Set{})
		p.run(func() {
			unknown := func(_, claims object) { claims["sealed under"] = otherKey("crm-2") }
			Expect(p.shows(p.sealed(nil), showing{}).said()).To(Equal("200 alice"))
			Expect(p.shows(p.sealed(unknown), showing{}).said()).To(Equal("401 invalid_token"))
			p.keys = append(p.keys, otherKey("crm-2"))
			Expect(p.shows(p.sealed(unknown), showing{}).said()).To(Equal("401 invalid_token"))
			p.sleep(time.Second)
			Expect(p.shows(p.sealed(unknown), showing{}).said()).To(Equal("200 alice"))
			Expect(p.readings).To(Equal(3))
		})
	})

	It("names no error where there was no token", func() {
		p := newSystemPlay(guard.Set{})
		p.run(func() {
			Expect(p.shows("", showing{authorization: "none", unproved: true}).header.Get("WWW-Authenticate")).To(Equal(`DPoP algs="ES256"`))
		})
	})

	It("answers HEAD like GET, without a body", func() {
		p := newSystemPlay(guard.Set{})
		p.run(func() {
			yes := p.shows(p.sealed(nil), showing{method: http.MethodHead})
			Expect(yes.status).To(Equal(http.StatusOK))
			Expect(yes.body).To(BeEmpty())
		})
	})
})
