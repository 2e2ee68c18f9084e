package ticket

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/judge"
)

var _ = Describe("The account server that the harness plays for an app server", func() {
	var (
		t      *appTest
		c      *confirmer
		server *httptest.Server
	)

	BeforeEach(func() {
		now := time.Unix(1_800_000_000, 0)
		inner := &test{Judge: judge.Judge{Session: &conformance.Session{Env: halted{now: &now}}}, Setup: Default()}
		c = &confirmer{t: inner}
		server = httptest.NewServer(c)
		inner.Issuer = server.URL
		t = &appTest{test: inner, accounts: c}
		DeferCleanup(server.Close)
	})

	ask := func(body string) (int, members) {
		GinkgoHelper()
		req, err := http.NewRequest(http.MethodPost, server.URL+"/verification", strings.NewReader(body))
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth("app-one", "its secret")
		resp, err := http.DefaultClient.Do(req)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		var got members
		gomega.Expect(json.Unmarshal(text, &got)).To(gomega.Succeed())
		return resp.StatusCode, got
	}

	It("confirms one pair, denies every other, and remembers who asked about which", func() {
		c.behave(t.confirms(pair{"u", "k"}, 30))
		status, got := ask(`{"user_id":"u","authorization_key":"k"}`)
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(got).To(gomega.Equal(members{"active": true, "user_id": "u", "app_id": "app-one", "exp": 1_800_000_600.0, "cache_lifetime": 30.0}))
		_, got = ask(`{"user_id":"v","authorization_key":"k"}`)
		gomega.Expect(got).To(gomega.Equal(members{"active": false}))
		asked := c.asked()
		gomega.Expect(asked).To(gomega.HaveLen(2))
		gomega.Expect(asked[1].pair).To(gomega.Equal(pair{"v", "k"}))
		gomega.Expect([]string{asked[0].app, asked[0].secret, asked[0].problem}).To(gomega.Equal([]string{"app-one", "its secret", ""}))
	})

	It("denies until it is told otherwise, and refuses what it does not understand", func() {
		_, got := ask(`{"user_id":"u","authorization_key":"k"}`)
		gomega.Expect(got).To(gomega.Equal(members{"active": false}))
		status, _ := ask(`{"user_id":7}`)
		gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
		gomega.Expect(c.asked()[1].problem).NotTo(gomega.BeEmpty())
	})

	It("serves a document under its own issuer", func() {
		resp, err := http.Get(server.URL + wellKnown)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		defer resp.Body.Close()
		var document metadata
		gomega.Expect(json.NewDecoder(resp.Body).Decode(&document)).To(gomega.Succeed())
		gomega.Expect([]string{document.Issuer, document.VerificationEndpoint}).To(gomega.Equal([]string{server.URL, server.URL + "/verification"}))
	})
})

var _ = DescribeTable("A ticket error is told by its challenge:",
	func(challenge string, want bool) {
		gomega.Expect(invalidToken.MatchString(challenge)).To(gomega.Equal(want))
	},
	Entry("as the profile writes it", `Ticket error="invalid_token"`, true),
	Entry("unquoted, in other letters, behind a realm with a comma", `TICKET realm="a, b", error=invalid_token`, true),
	Entry("behind another challenge", `Basic realm="x", Ticket error="invalid_token"`, true),
	Entry("no error", `Ticket`, false),
	Entry("another error", `Ticket error="invalid_token_or_so"`, false),
	Entry("of another scheme", `Bearer error="invalid_token"`, false),
	Entry("in the description alone", `Ticket error_description="invalid_token"`, false),
)

var _ = It("Pairs that are made up differ from the ticket, each in one thing", func() {
	k, other := issued{userID: "u1", authorizationKey: "Ak1", refreshKey: "r1"}, issued{userID: "u2"}
	pairs, which := madeUp(k, other)
	gomega.Expect(which).To(gomega.HaveLen(len(pairs)))
	for i, p := range pairs {
		same := 0
		if p.userID == k.userID {
			same++
		}
		if p.authorizationKey == k.authorizationKey {
			same++
		}
		gomega.Expect(same).To(gomega.Equal(1), which[i])
	}
})
