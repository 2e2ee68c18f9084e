package mobile_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

var _ = Describe("The app's page", func() {
	var p *appPlay
	BeforeEach(func() { p = newAppPlay(guard.Set{}) })

	submit := func(origin string, inputs ...string) answer {
		GinkgoHelper()
		form := url.Values{}
		for i := 0; i < len(inputs); i += 2 {
			form.Set(inputs[i], inputs[i+1])
		}
		r, err := http.NewRequest(http.MethodPost, appURL+"/", strings.NewReader(form.Encode()))
		Expect(err).NotTo(HaveOccurred())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		response, err := p.harness.Client().Do(r)
		Expect(err).NotTo(HaveOccurred())
		text, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		return answer{response.StatusCode, response.Header, string(text)}
	}

	It("lets a person enrol the device, open the app, and see it wiped", func() {
		p.run(func() {
			Expect(p.ask(http.MethodGet, "/", "", "").body).To(And(ContainSubstring("no enrolment"), ContainSubstring("Enrol this device")))
			enrolled := submit(appURL, "do", "enrol", "password", "alice-password").body
			Expect(enrolled).To(And(ContainSubstring("registered this device"), ContainSubstring("an enrolment for alice")))
			Expect(enrolled).NotTo(ContainSubstring("alice-password"))
			opened := submit(appURL, "do", "start").body
			Expect(opened).To(And(ContainSubstring("learned the address "+crmAddress), ContainSubstring("<li>one</li>"), ContainSubstring("an access token, bound to this device")))
			Expect(opened).NotTo(ContainSubstring("access-token-1"))
			p.push(p.wipe(nil))
			Expect(p.ask(http.MethodGet, "/", "", "").body).To(And(ContainSubstring("no enrolment"), ContainSubstring("no access token"), Not(ContainSubstring("<li>one</li>"))))
			Expect(submit(appURL, "do", "start").body).To(ContainSubstring("This device is not enrolled"))
		})
	})

	It("says why nothing came", func() {
		p.run(func() {
			p.register = http.StatusForbidden
			Expect(submit(appURL, "do", "enrol", "password", "wrong").body).To(ContainSubstring("did not register this device"))
			p.register = 0
			submit(appURL, "do", "enrol", "password", "alice-password")
			p.authorize = func() (int, object) { return http.StatusForbidden, object{"error": "access_denied"} }
			Expect(submit(appURL, "do", "fresh").body).To(ContainSubstring("does not let this user use this app"))
		})
	})

	It("does nothing for another site's page", func() {
		p.run(func() {
			Expect(submit("https://evil.example", "do", "enrol", "password", "alice-password").status).To(Equal(http.StatusForbidden))
			Expect(p.sent).To(BeEmpty())
		})
	})
})
