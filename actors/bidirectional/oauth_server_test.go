package bidirectional_test

import (
	cryptorand "crypto/rand"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/oauth1"
	"countersign/actors/store"
)

var _ = Describe("The OAuth server", func() {
	var (
		p *play
		a client
	)
	BeforeEach(func() {
		p = newPlay(guard.Set{})
		a = client{p.stage, "client-a", "secret-a-at-b"}
	})
	ask := func(c client) *http.Response {
		return c.post(siteB+"/temporary-credential", "", callback(siteA+"/callback"))
	}

	It("accepts HMAC-SHA1 and PLAINTEXT over TLS", func() {
		for _, method := range []oauth1.Method{oauth1.HMACSHA1, oauth1.Plaintext} {
			s := holder{client: a}.signer()
			s.Method = method
			r := plain(http.MethodPost, siteB+"/temporary-credential", "")
			Expect(s.Sign(r, callback(siteA+"/callback"))).To(Succeed())
			Expect(p.send(r)).To(HaveHTTPStatus(http.StatusOK))
		}
	})

	It("refuses an unknown client", func() {
		Expect(ask(client{p.stage, "client-x", "secret"})).To(refuse(http.StatusUnauthorized, "consumer_key_unknown"))
	})

	It("refuses a wrong secret", func() {
		Expect(ask(client{p.stage, "client-a", "guess"})).To(refuse(http.StatusUnauthorized, "signature_invalid"))
	})

	It("refuses a request without Authorization", func() {
		Expect(p.send(plain(http.MethodPost, siteB+"/temporary-credential", ""))).To(refuse(http.StatusBadRequest, "parameter_absent"))
	})

	It("refuses a body changed after signing", func() {
		r := holder{client: a}.request(http.MethodPost, siteB+"/temporary-credential", "delegate=client-b", callback(siteA+"/callback"))
		r.Body = io.NopCloser(strings.NewReader("delegate=client-a"))
		Expect(p.send(r)).To(refuse(http.StatusUnauthorized, "signature_invalid"))
	})

	It("refuses a nonce that the client has used, as long as its timestamp is fresh, and takes it from another", func() {
		r := holder{client: a}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		Expect(p.send(r.Clone(r.Context()))).To(HaveHTTPStatus(http.StatusOK))
		p.now = p.now.Add(300 * time.Second)
		Expect(p.send(r.Clone(r.Context()))).To(refuse(http.StatusUnauthorized, "nonce_used"))
		p.now = p.now.Add(time.Second)
		Expect(p.send(r.Clone(r.Context()))).To(refuse(http.StatusUnauthorized, "timestamp_refused"))
	})

	It("remembers nonces through a restart, and forgets them after the window", func() {
		r := holder{client: a}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		Expect(p.send(r.Clone(r.Context()))).To(HaveHTTPStatus(http.StatusOK))
		p.open()
		Expect(p.send(r.Clone(r.Context()))).To(refuse(http.StatusUnauthorized, "nonce_used"))
		p.now = p.now.Add(time.Hour)
		Expect(ask(a)).To(HaveHTTPStatus(http.StatusOK))
		Expect(p.b.OAuthServer.Store.Update(func(tx store.Tx) error {
			Expect(tx.Keys("oauth-server/nonces")).To(HaveLen(1))
			return nil
		})).To(Succeed())
	})

	It("refuses a timestamp from the future", func() {
		p.now = p.now.Add(302 * time.Second)
		r := holder{client: a}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		p.now = p.now.Add(-302 * time.Second)
		Expect(p.send(r)).To(refuse(http.StatusUnauthorized, "timestamp_refused"))
	})

	It("refuses a foreign callback, an unknown delegate and a doubled parameter", func() {
		Expect(a.post(siteB+"/temporary-credential", "", callback(siteA+"/callback/"))).To(refuse(http.StatusBadRequest, "parameter_rejected"))
		Expect(a.post(siteB+"/temporary-credential", "delegate=client-x", callback(siteA+"/callback"))).To(refuse(http.StatusBadRequest, "parameter_rejected"))
		r := holder{client: a}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		r.URL.RawQuery = "oauth_callback=x"
		Expect(p.send(r)).To(refuse(http.StatusBadRequest, "parameter_rejected"))
	})

	It("answers 405 to a wrong method", func() {
		Expect(holder{client: a}.get(siteB + "/token")).To(HaveHTTPStatus(http.StatusMethodNotAllowed))
	})

	It("exchanges a credential once, for its holder, with its own verifier", func() {
		asked := credentialsIn(ask(a))
		Expect(a.with(asked).post(siteB+"/token", "", verifier("x"))).To(refuse(http.StatusUnauthorized, "permission_denied"))
		v := p.verifierFor(siteB + "/authorize?oauth_token=" + asked.Token)
		other := credentialsIn(ask(a))
		p.verifierFor(siteB + "/authorize?oauth_token=" + other.Token)
		Expect(a.with(other).post(siteB+"/token", "", verifier(v))).To(refuse(http.StatusUnauthorized, "permission_denied"))
		b := client{p.stage, "client-b", "secret-b-at-b"}
		Expect(b.with(asked).post(siteB+"/token", "", verifier(v))).To(refuse(http.StatusUnauthorized, "token_rejected"))
		Expect(a.with(asked).post(siteB+"/token", "")).To(refuse(http.StatusUnauthorized, "permission_denied"))
		Expect(a.with(asked).post(siteB+"/token", "", verifier(v))).To(HaveHTTPStatus(http.StatusOK))
		Expect(a.with(asked).post(siteB+"/token", "", verifier(v))).To(refuse(http.StatusUnauthorized, "token_used"))
	})

	It("lets a credential expire", func() {
		asked := credentialsIn(ask(a))
		v := p.verifierFor(siteB + "/authorize?oauth_token=" + asked.Token)
		p.now = p.now.Add(10 * time.Minute)
		Expect(a.with(asked).post(siteB+"/token", "", verifier(v))).To(refuse(http.StatusUnauthorized, "token_expired"))
		page, err := p.terminal.Open(siteB + "/authorize?oauth_token=" + asked.Token)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusBadRequest))
	})

	It("gives one token to two requests at once", func() {
		asked := credentialsIn(ask(a))
		v := p.verifierFor(siteB + "/authorize?oauth_token=" + asked.Token)
		first := a.with(asked).request(http.MethodPost, siteB+"/token", "", verifier(v))
		p.requests = append(p.requests, first)
		second := a.with(asked).request(http.MethodPost, siteB+"/token", "", verifier(v))
		answers := make(chan int)
		p.b.OAuthServer.Entropy = func(string) io.Reader { return cryptorand.Reader }
		p.b.OAuthServer.HTTP = &http.Client{Transport: &stage{now: p.now, hosts: p.hosts}}
		handler := p.hosts["b.example"]
		for _, r := range []*http.Request{first, second} {
			lone := &stage{now: p.now, hosts: map[string]http.Handler{"b.example": handler}}
			go func() {
				defer GinkgoRecover()
				answers <- lone.send(r).StatusCode
			}()
		}
		Expect([]int{<-answers, <-answers}).To(ConsistOf(http.StatusOK, http.StatusUnauthorized))
	})

	It("lets the identifier be rewritten to the delegate only", func() {
		own := client{p.stage, "client-a", "secret-a-at-a"}
		asked := credentialsIn(own.post(siteA+"/temporary-credential", "delegate=client-b", callback(siteA+"/callback")))
		bare := credentialsIn(own.post(siteA+"/temporary-credential", "", callback(siteA+"/callback")))
		for query, status := range map[string]int{
			asked.Token + "&client_id=client-b": http.StatusOK,
			asked.Token + "&client_id=client-c": http.StatusBadRequest,
			bare.Token + "&client_id=client-b":  http.StatusBadRequest,
			"unknown&client_id=client-b":        http.StatusBadRequest,
		} {
			Expect(p.send(plain(http.MethodGet, siteA+"/authorize?oauth_token="+query, ""))).To(HaveHTTPStatus(status), query)
		}
	})

	Describe("at its authorization page", func() {
		var target string
		BeforeEach(func() { target = siteB + "/authorize?oauth_token=" + credentialsIn(ask(a)).Token })
		wrong := func(password string) *bidirectional.Terminal {
			t := p.newTerminal(guard.Set{})
			t.Accounts[1].Password = password
			return t
		}

		It("ends the credential at the fifth wrong password", func() {
			for i := range 5 {
				page, err := wrong("guess" + strconv.Itoa(i)).Open(target)
				Expect(err).NotTo(HaveOccurred())
				Expect(page.Status).To(Equal(http.StatusForbidden))
			}
			page, err := p.terminal.Open(target)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusBadRequest))
		})

		It("takes the right password at the fifth try", func() {
			for range 4 {
				_, err := wrong("guess").Open(target)
				Expect(err).NotTo(HaveOccurred())
			}
			Expect(p.verifierFor(target)).NotTo(BeEmpty())
		})

		It("takes no decision from another site's page, from the query, or twice", func() {
			form := url.Values{"username": {"carol"}, "password": {"carol-password-at-b"}, "decision": {"approve"}}
			page, err := p.terminal.Post("https://evil.example", target, form)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusForbidden))
			Expect(p.send(plain(http.MethodGet, target+"&"+form.Encode(), ""))).To(HaveHTTPStatus(http.StatusOK))
			Expect(p.verifierFor(target)).NotTo(BeEmpty())
			page, err = p.terminal.Open(target)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusBadRequest))
		})

		It("cannot be framed or cached", func() {
			header := p.send(plain(http.MethodGet, target, "")).Header
			Expect(header.Get("Content-Security-Policy")).To(ContainSubstring("frame-ancestors 'none'"))
			Expect(header.Get("Cache-Control")).To(Equal("no-store"))
			Expect(header.Get("Set-Cookie")).To(And(HavePrefix("__Host-"), ContainSubstring("HttpOnly"), ContainSubstring("Secure")))
		})
	})
})
