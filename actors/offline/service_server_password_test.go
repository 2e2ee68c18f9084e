package offline_test

import (
	"bytes"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/offline"
)

var _ = Describe("The service server", func() {
	var d *desk
	BeforeEach(func() { d = newDesk(guard.Set{}) })

	Describe("with a password", func() {
		BeforeEach(func() { d.withPassword() })

		It("locks it after five wrong attempts, at level 2 only, until it is set anew", func() {
			d.wrongAttempts(4)
			Expect(d.opens(password1)).To(BeTrue())
			d.wrongAttempts(5)
			Expect(d.opens(password1)).To(BeFalse())
			Expect(d.opens(password1)).To(BeFalse())
			Expect(d.verifies(plain(d.informed(d.small())))).To(BeTrue())
			d.Sleep(24 * time.Hour)
			Expect(d.opens(password1)).To(BeFalse())
			Expect(d.setPassword(password2).status).To(Equal(http.StatusNoContent))
			Expect(d.opens(password1)).To(BeFalse())
			Expect(d.opens(password2)).To(BeTrue())
		})

		It("counts an attempt that is asked again once", func() {
			wrong := d.proving(d.informed(d.large()), password2)
			for range 6 {
				Expect(d.verifies(wrong)).To(BeFalse())
			}
			Expect(d.opens(password1)).To(BeTrue())
		})

		DescribeTable("counts as a wrong attempt",
			func(attempt func(*desk, offline.Information) []byte, counts bool) {
				for range 5 {
					Expect(d.verifies(attempt(d, d.informed(d.large())))).To(BeFalse())
				}
				Expect(d.opens(password1)).To(Equal(!counts))
			},
			Entry("a wrong proof", func(d *desk, i offline.Information) []byte { return d.proving(i, password2) }, true),
			Entry("a right proof that is bare", func(d *desk, i offline.Information) []byte {
				return signed(offline.Countersign{Information: i, Proof: offline.Proof(passwordKey(password1), bound(i))})
			}, true),
			Entry("a proof that cannot be opened", func(d *desk, i offline.Information) []byte {
				return signed(offline.Countersign{Information: i, SealedProof: make([]byte, 80)})
			}, true),
			Entry("a seal under the label alone", func(d *desk, i offline.Information) []byte {
				return d.sealing(i, offline.Proof(passwordKey(password1), bound(i)), []byte("countersign/offline@1/password"))
			}, true),
			Entry("but no proof at all", func(d *desk, i offline.Information) []byte { return plain(i) }, false),
			Entry("but a wrong proof under another's signature", func(d *desk, i offline.Information) []byte {
				c := offline.Countersign{Information: i, SealedProof: make([]byte, 80)}
				return signedAs("handset-2", offline.DomainCountersign, encode(c.Fields()))
			}, false),
			Entry("but a wrong proof beside another fault", func(d *desk, i offline.Information) []byte {
				i.Amount++
				return d.proving(i, password2)
			}, false),
			Entry("but a wrong proof that comes too late", func(d *desk, i offline.Information) []byte {
				d.Sleep(61 * time.Second)
				return d.proving(i, password2)
			}, false),
		)

		It("says nothing of why it does not verify", func() {
			var looks [][]any
			look := func(countersign func(offline.Information) []byte) {
				a := d.sendCountersign("till-1", countersign(d.informed(d.large())))
				Expect(a.status).To(Equal(http.StatusOK))
				looks = append(looks, []any{a.header, len(a.body)})
			}
			look(func(i offline.Information) []byte { return d.proving(i, password2) })
			look(plain)
			look(func(i offline.Information) []byte {
				return signedAs("handset-2", offline.DomainCountersign, encode(offline.Countersign{Information: i}.Fields()))
			})
			d.wrongAttempts(5)
			look(func(i offline.Information) []byte { return d.proving(i, password1) })
			for _, other := range looks {
				Expect(other).To(Equal(looks[0]))
			}
		})

		It("judges by the password of now", func() {
			i := d.informed(d.large())
			Expect(d.setPassword(password2).status).To(Equal(http.StatusNoContent))
			Expect(d.verifies(d.proving(i, password2))).To(BeTrue())
		})
	})

	Describe("setting a password", func() {
		It("refuses strangers all alike, and changes nothing", func() {
			d.withPassword()
			var bodies [][]byte
			for _, changes := range [][]string{
				{"account_password", "wrong"}, {"account", "mallory"}, {"handset", "handset-2"}, {"handset", "handset-9"}, {"account", "bob"},
			} {
				no := d.setPassword(password2, changes...)
				refused(no, 403, "access_denied")
				bodies = append(bodies, no.body)
			}
			for _, body := range bodies {
				Expect(bytes.Equal(body, bodies[0])).To(BeTrue())
			}
			Expect(d.opens(password1)).To(BeTrue())
		})

		It("throttles known and unknown accounts alike, and no others", func() {
			for _, name := range []string{"alice", "mallory"} {
				for range 5 {
					refused(d.setPassword(password1, "account", name, "account_password", "wrong"), 403, "access_denied")
				}
				no := d.setPassword(password1, "account", name)
				refused(no, 429, "too_many_attempts")
				Expect(no.header.Get("Retry-After")).To(Equal("600"))
			}
			Expect(d.setPassword(password1, "account", "bob", "account_password", "bob-account-password", "handset", "handset-2").status).To(Equal(http.StatusNoContent))
			d.Sleep(599 * time.Second)
			no := d.setPassword(password1)
			refused(no, 429, "too_many_attempts")
			Expect(no.header.Get("Retry-After")).To(Equal("1"))
			d.Sleep(time.Second)
			d.withPassword()
		})

		DescribeTable("counts wrong account passwords",
			func(meanwhile func(), throttled bool) {
				for range 4 {
					d.setPassword(password1, "account_password", "wrong")
				}
				meanwhile()
				d.setPassword(password1, "account_password", "wrong")
				Expect(d.setPassword(password1).status == http.StatusTooManyRequests).To(Equal(throttled))
			},
			Entry("as they come", func() {}, true),
			Entry("anew after a right one", func() { d.setPassword(password1) }, false),
			Entry("on after a right one with another's handset", func() { d.setPassword(password1, "handset", "handset-2") }, true),
			Entry("for ten minutes", func() { d.Sleep(10 * time.Minute) }, false),
		)
	})
})
