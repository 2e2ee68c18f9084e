package bidirectional

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/dghubble/oauth1"
	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// noon is surroundings in which it is always the same time.
type noon struct{ conformance.Env }

func (noon) Now() time.Time { return time.Unix(1_800_000_000, 0) }

var _ = Describe("A site that the harness plays", func() {
	const callback = "http://client.example/callback"
	var (
		t      *test
		s      *site
		server *httptest.Server
	)

	BeforeEach(func() {
		t = &test{Judge: judge.Judge{Session: &conformance.Session{Env: noon{}}}, metadata: metadata{CallbackEndpoint: callback}}
		s = &site{t: t, name: "site-b", clientID: "client-b", secrets: map[string]string{"client-a": "secret-a", "client-b": "secret-b"}, seed: []byte("seed")}
		server = httptest.NewServer(s)
		s.issuer = server.URL
		DeferCleanup(server.Close)
	})

	send := func(r request) (int, string) {
		GinkgoHelper()
		if r.nonce == "" {
			r.nonce = "a-nonce"
		}
		resp, err := server.Client().Do(t.sign(r))
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		return resp.StatusCode, string(body)
	}
	clientA := credentials{client: "client-a", clientSecret: "secret-a"}
	asking := func() request {
		return request{method: http.MethodPost, url: s.in("temporary-credential"), by: clientA, oauth: []param{{"oauth_callback", callback}}}
	}
	exchanging := func() (request, *credential) {
		c := s.issue("client-b")
		s.approve(c, "client-a")
		by := clientA
		by.token, by.tokenSecret = c.token, c.secret
		return request{method: http.MethodPost, url: s.in("token"), by: by, oauth: []param{{"oauth_verifier", c.verifier}}}, c
	}
	lastProblem := func() string { all := s.all(); return all[len(all)-1].problem }

	DescribeTable("is content with an independent library, from the temporary credential to the resource",
		func(signer oauth1.Signer, method string) {
			library := oauth1.Config{
				ConsumerKey: "client-a", ConsumerSecret: "secret-a", CallbackURL: callback, Signer: signer,
				Endpoint: oauth1.Endpoint{RequestTokenURL: s.in("temporary-credential"), AccessTokenURL: s.in("token")},
			}
			token, secret, err := library.RequestToken()
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			c := s.credentialOf(token)
			gomega.Expect(c.secret).To(gomega.Equal(secret))
			s.approve(c, "client-a")
			access, accessSecret, err := library.AccessToken(token, secret, c.verifier)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			gomega.Expect(s.tokenFrom(c).token).To(gomega.Equal(access))
			resp, err := library.Client(context.Background(), oauth1.NewToken(access, accessSecret)).Get(s.in("resource"))
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			defer resp.Body.Close()
			gomega.Expect(resp.StatusCode).To(gomega.Equal(http.StatusOK))
			gomega.Expect(s.all()).To(gomega.HaveLen(3))
			for _, r := range s.all() {
				gomega.Expect(r.problem).To(gomega.BeEmpty(), r.String())
				gomega.Expect(r.oauth).To(gomega.HaveKeyWithValue("oauth_signature_method", method))
			}
		},
		Entry("that signs with HMAC-SHA1", &oauth1.HMACSigner{ConsumerSecret: "secret-a"}, "HMAC-SHA1"),
		Entry("that signs with HMAC-SHA256", &oauth1.HMAC256Signer{ConsumerSecret: "secret-a"}, "HMAC-SHA256"),
	)

	DescribeTable("sees what is wrong with a request for a temporary credential",
		func(change func(*request), status int, problem string) {
			r := asking()
			change(&r)
			got, _ := send(r)
			gomega.Expect(got).To(gomega.Equal(status))
			gomega.Expect(lastProblem()).To(gomega.HavePrefix(problem))
			gomega.Expect(s.all()[0].issued).To(gomega.BeNil())
		},
		Entry("no signature", func(r *request) { r.unsigned = true }, 401, "parameter_absent"),
		Entry("one character of the signature", func(r *request) { r.corrupt = true }, 401, "signature_invalid"),
		Entry("another secret", func(r *request) { r.by.clientSecret = "secret-b" }, 401, "signature_invalid"),
		Entry("an unknown client", func(r *request) { r.by.client = "client-x" }, 401, "consumer_key_unknown"),
		Entry("an unknown method", func(r *request) { r.signatureMethod = "HMAC-MD5" }, 400, "signature_method_rejected"),
		Entry("a parameter left out", func(r *request) { r.without = "oauth_timestamp" }, 400, "parameter_absent"),
		Entry("a parameter sent twice", func(r *request) { r.twice = "oauth_nonce" }, 400, "parameter_rejected"),
		Entry("no callback", func(r *request) { r.oauth = nil }, 400, "parameter_absent"),
		Entry("somebody else's callback", func(r *request) { r.oauth[0].value = "http://attacker.example/callback" }, 400, "parameter_rejected"),
		Entry("a body that the signature does not cover", func(r *request) {
			r.form = url.Values{"delegate": {"client-b"}}
			r.afterSigning = func(req *http.Request) { setBody(req, url.Values{"delegate": {"client-c"}}) }
		}, 401, "signature_invalid"),
	)

	DescribeTable("sees what is wrong with a token request",
		func(change func(*request, *credential), problem string) {
			r, c := exchanging()
			change(&r, c)
			status, _ := send(r)
			gomega.Expect(status).To(gomega.Equal(http.StatusUnauthorized))
			gomega.Expect(lastProblem()).To(gomega.HavePrefix(problem))
			gomega.Expect(s.tokenFrom(c)).To(gomega.BeNil())
		},
		Entry("no verifier", func(r *request, _ *credential) { r.oauth = nil }, "permission_denied"),
		Entry("another verifier", func(r *request, _ *credential) { r.oauth[0].value = "made-up" }, "permission_denied"),
		Entry("the asking client, after the identifier was rewritten", func(r *request, _ *credential) { r.by.client, r.by.clientSecret = "client-b", "secret-b" }, "token_rejected"),
		Entry("a key without the credential's secret", func(r *request, _ *credential) { r.by.tokenSecret = "" }, "signature_invalid"),
		Entry("an unknown credential", func(r *request, _ *credential) { r.by.token = "made-up" }, "token_rejected"),
		Entry("no consent yet", func(_ *request, c *credential) { c.approved = false }, "permission_denied"),
	)

	It("refuses as many resource requests as it was told to, and holds nothing against the client for them", func() {
		r, c := exchanging()
		send(r)
		token := s.tokenFrom(c)
		s.misbehave(conduct{rejections: 2})
		var statuses []int
		for range 3 {
			by := clientA
			by.token, by.tokenSecret = token.token, token.secret
			status, _ := send(request{method: http.MethodGet, url: s.in("resource"), by: by})
			statuses = append(statuses, status)
			gomega.Expect(lastProblem()).To(gomega.BeEmpty())
		}
		gomega.Expect(statuses).To(gomega.Equal([]int{401, 401, 200}))
	})

	It("has trouble of its own when it was told to, until it behaves again", func() {
		s.misbehave(conduct{noCredentials: true})
		status, _ := send(asking())
		gomega.Expect(status).To(gomega.Equal(http.StatusInternalServerError))
		s.behave()
		status, body := send(asking())
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(body).To(gomega.ContainSubstring("oauth_callback_confirmed=true"))
	})

	It("acknowledges a hand-over with its receipt, and one without a signature with none", func() {
		t.HandoverKey = "handover-key"
		r := request{method: http.MethodPost, url: s.in("handover"), by: credentials{client: "http://server.example", clientSecret: "handover-key"}, nonce: "a-nonce", form: url.Values{"event": {"revoked"}, "token": {"t"}}}
		for _, unsigned := range []bool{false, true} {
			r.unsigned = unsigned
			req := t.sign(r)
			resp, err := server.Client().Do(req)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			gomega.Expect(resp.Body.Close()).To(gomega.Succeed())
			gomega.Expect(resp).To(gomega.HaveHTTPStatus(http.StatusNoContent))
			gomega.Expect(resp.Header.Get("Handover-Receipt")).To(gomega.Equal(receiptFor(req.Header, "handover-key")))
			gomega.Expect(resp.Header.Get("Handover-Receipt") == "").To(gomega.Equal(unsigned))
		}
	})

	It("takes a delegation without a signature, which level core allows, and gives each another continue_uri", func() {
		r := request{method: http.MethodPost, url: s.in("delegation"), unsigned: true, form: url.Values{
			"temporary_credential": {"t"}, "temporary_credential_secret": {"s"}, "client_id": {"client-a"}, "issuer": {"http://site-a.example"},
		}}
		uris := map[string]bool{}
		for range 2 {
			_, body := send(r)
			var doc map[string]string
			gomega.Expect(json.Unmarshal([]byte(body), &doc)).To(gomega.Succeed())
			uris[doc["continue_uri"]] = true
		}
		gomega.Expect(uris).To(gomega.HaveLen(2))
		r.form.Del("temporary_credential_secret")
		status, _ := send(r)
		gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
		gomega.Expect(lastProblem()).To(gomega.Equal("parameter_absent: temporary_credential_secret"))
	})
})

// lobby is surroundings that keep who is played.
type lobby struct {
	noon
	played map[string]http.Handler
}

func (l lobby) Play(party string, h http.Handler) error {
	l.played[party] = h
	return nil
}

var _ = Describe("The resource server of an OAuth server under test", func() {
	DescribeTable("answers hand-overs, and elsewhere shows a browser a page, so that a person can read the address of the callback there,",
		func(play func(*test)) {
			env := lobby{played: map[string]http.Handler{}}
			t := &test{
				Judge: judge.Judge{Session: &conformance.Session{Env: env}},
				Setup: Setup{OwnIssuer: "http://site-a.example/below", HandoverKey: "handover-key"},
			}
			play(t)
			answer := func(req *http.Request) *http.Response {
				rec := httptest.NewRecorder()
				env.played["site-a"].ServeHTTP(rec, req)
				return rec.Result()
			}
			handover := t.sign(request{
				method: http.MethodPost, url: t.OwnIssuer + "/handover", nonce: "a-nonce",
				by: credentials{client: "http://server.example", clientSecret: "handover-key"}, form: url.Values{"event": {"issued"}, "token": {"t"}},
			})
			gomega.Expect(answer(handover)).To(gomega.And(
				gomega.HaveHTTPStatus(http.StatusNoContent),
				gomega.HaveHTTPHeaderWithValue("Handover-Receipt", receiptFor(handover.Header, "handover-key")),
			))
			gomega.Expect(answer(httptest.NewRequest(http.MethodGet, "http://site-a.example/below/callback?oauth_verifier=v", nil))).To(gomega.And(
				gomega.HaveHTTPStatus(http.StatusNotFound),
				gomega.HaveHTTPHeaderWithValue("Content-Type", gomega.HavePrefix("text/plain")),
				gomega.HaveHTTPBody(gomega.Not(gomega.BeEmpty())),
			))
		},
		Entry("where no check asks for them", (*test).acknowledgeHandovers),
		Entry("where a check does", func(t *test) { t.takeHandovers() }),
	)
})

var _ = DescribeTable("An Authorization header",
	func(headers []string, want []param, ok bool) {
		got, isOAuth := authorizationParams(headers)
		gomega.Expect(isOAuth).To(gomega.Equal(ok))
		gomega.Expect(got).To(gomega.Equal(want))
	},
	Entry("is read by name and value, decoded", []string{`OAuth realm="x", oauth_token="a%2Bb%20c"`}, []param{{"realm", "x"}, {"oauth_token", "a+b c"}}, true),
	Entry("keeps a plus sign, which is no space here", []string{`oauth oauth_nonce="a+b"`}, []param{{"oauth_nonce", "a+b"}}, true),
	Entry("of another scheme counts as none", []string{`Bearer abc`}, nil, false),
	Entry("that comes twice counts as none", []string{`OAuth a="1"`, `OAuth a="1"`}, nil, false),
	Entry("may be missing", nil, nil, false),
)
