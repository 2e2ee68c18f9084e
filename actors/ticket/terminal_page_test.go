package ticket_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

var _ = Describe("The terminal's page", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	submit := func(origin string, inputs ...string) *httptest.ResponseRecorder {
		form := url.Values{"user_name": {"alice"}}
		for i := 0; i < len(inputs); i += 2 {
			form.Set(inputs[i], inputs[i+1])
		}
		r := httptest.NewRequest(http.MethodPost, device+"/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		shown := httptest.NewRecorder()
		p.hosts["localhost:8814"].ServeHTTP(shown, r)
		return shown
	}

	It("lets a person register, come back after a refresh, and sign out", func() {
		first := submit(device, "register", "app-one", "password", right).Body.String()
		Expect(first).To(And(ContainSubstring("registered a new account"), ContainSubstring("authenticated with the password"), ContainSubstring("Notes of ")))
		Expect(first).NotTo(ContainSubstring(right))
		p.Sleep(time.Hour)
		Expect(submit(device, "open", "app-one").Body.String()).To(And(ContainSubstring("refreshed the ticket"), ContainSubstring("Notes of ")))
		Expect(submit(device, "logout", "app-one").Body.String()).To(ContainSubstring("revoked it at the account server"))
		Expect(submit(device, "open", "app-one").Body.String()).To(ContainSubstring("type your password"))
	})

	It("does nothing for another site's page", func() {
		p.opens("app-one", right)
		Expect(submit("https://evil.example", "logout", "app-one").Code).To(Equal(http.StatusForbidden))
		Expect(p.to("/revocation")).To(BeEmpty())
	})
})

var _ = Describe("The terminal's endpoints", func() {
	It("begin nothing with a GET, a form or an app that is not configured", func() {
		p := newPlay(guard.Set{})
		Expect(p.send(http.MethodGet, device+"/use?app_id=app-one&user_name=alice", "", "").status).To(Equal(http.StatusMethodNotAllowed))
		Expect(p.post(device+"/use", "app_id", "app-x", "user_name", "alice").text("error")).To(Equal("invalid_request"))
		Expect(p.post(device+"/use", "app_id", "app-one", "user_name", "alice", "password", "wrong password").text("outcome")).To(Equal("authentication_refused"))
		Expect(p.post(device+"/logout", "app_id", "app-one", "user_name", "alice").text("outcome")).To(Equal("logged_out"))
		Expect(p.to("/registration")).To(BeEmpty())
	})
})
