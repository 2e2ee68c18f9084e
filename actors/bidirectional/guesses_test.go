package bidirectional_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

// wrongPasswords tries so many at site B for one user name, at a temporary credential of their own.
func (p *play) wrongPasswords(username string, n int) {
	GinkgoHelper()
	terminal := p.newTerminal(guard.Set{})
	terminal.Accounts[1].Username, terminal.Accounts[1].Password = username, "guess"
	target := siteB + "/authorize?oauth_token=" + p.asked().Token
	for range n {
		page, err := terminal.Open(target)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusForbidden))
	}
}

// rightPassword reports whether carol's password is taken at site B, at a temporary credential of its own.
func (p *play) rightPassword() bool {
	GinkgoHelper()
	terminal := p.newTerminal(guard.Set{})
	reached := ""
	p.tap = func(r *http.Request) *http.Response {
		if strings.HasPrefix(r.URL.String(), siteA+"/callback") {
			reached = r.URL.Query().Get("oauth_verifier")
		}
		return nil
	}
	_, err := terminal.Open(siteB + "/authorize?oauth_token=" + p.asked().Token)
	Expect(err).NotTo(HaveOccurred())
	p.tap = nil
	return reached != ""
}

var _ = Describe("Wrong passwords for one user name", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	It("end consent under it at the tenth, for ten minutes from then", func() {
		for range 3 {
			p.wrongPasswords("carol", 3)
			p.now = p.now.Add(time.Minute)
		}
		p.wrongPasswords("carol", 1)
		Expect(p.rightPassword()).To(BeFalse())
		p.now = p.now.Add(10*time.Minute - time.Second)
		p.wrongPasswords("carol", 3) // these do not count
		Expect(p.rightPassword()).To(BeFalse())
		p.now = p.now.Add(time.Second)
		Expect(p.rightPassword()).To(BeTrue())
	})

	It("are forgotten after the right one", func() {
		for range 3 {
			p.wrongPasswords("carol", 4)
			p.wrongPasswords("carol", 4)
			Expect(p.rightPassword()).To(BeTrue())
		}
	})

	It("are forgotten one by one after ten minutes", func() {
		for range 20 {
			p.wrongPasswords("carol", 1)
			p.now = p.now.Add(61 * time.Second)
		}
		Expect(p.rightPassword()).To(BeTrue())
	})

	It("do no harm to another name, known or not, however many there are", func() {
		for i := range 40 {
			p.wrongPasswords(fmt.Sprintf("nobody-%d", i), 4)
		}
		for range 4 {
			p.wrongPasswords("nobody", 4)
		}
		Expect(p.rightPassword()).To(BeTrue())
	})
})
