package unified

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

var _ = DescribeTable("A content key is wrapped as RFC 3394 says,",
	func(under, key, want string) {
		raw := func(text string) []byte {
			b, err := hex.DecodeString(text)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			return b
		}
		wrapped, err := wrapKey(raw(under), raw(key))
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(strings.ToUpper(hex.EncodeToString(wrapped))).To(gomega.Equal(want))
	},
	Entry("128 bits under 128: section 4.1", "000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
		"1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"),
	Entry("256 bits under 256: section 4.6", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
		"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
)

var _ = DescribeTable("A link to the platform's logout is told by endpoint and client_id:",
	func(link string, want bool) {
		p := &platform{issuer: "https://p.example", clientID: "tp-a"}
		gomega.Expect(p.isLeft(link)).To(gomega.Equal(want))
	},
	Entry("as the profile writes it", "https://p.example/logout?client_id=tp-a", true),
	Entry("with another parameter", "https://p.example/logout?lang=en&client_id=tp-a", true),
	Entry("of another third-party platform", "https://p.example/logout?client_id=tp-b", false),
	Entry("without client_id", "https://p.example/logout", false),
	Entry("at another platform", "https://q.example/logout?client_id=tp-a", false),
	Entry("elsewhere at the platform", "https://p.example/logout/now?client_id=tp-a", false),
)

// stopped is the surroundings of a platform whose clock stands still.
type stopped struct {
	conformance.Env
	now time.Time
}

func (s stopped) Now() time.Time { return s.now }

var _ = Describe("A platform that the harness plays", func() {
	var p *platform
	who := person{sub: "u-1", nickname: "Alice", picture: "https://pictures.example/a.png", generation: 3}
	now := time.Unix(1_800_000_000, 0)

	BeforeEach(func() {
		t := &test{Judge: judge.Judge{Session: &conformance.Session{Env: stopped{now: now}}}, Setup: Default()}
		p = &platform{
			platforms: &platforms{t: t, mint: &mint{seed: []byte("a spec")}}, name: "platform-p", issuer: "http://p.example", clientID: "tp-a",
			keys: []jose.Key{{ID: "old", Secret: []byte("communication-key-of-tp-a-no-001")}, {ID: "new", Secret: []byte("communication-key-of-tp-a-no-002")}},
		}
	})

	// ask sends a message under a key, and opens the answer where there is one.
	ask := func(endpoint string, key jose.Key, own members) (status int, answer opened, to message) {
		GinkgoHelper()
		to = newMessage(p.mint.value(), now, p.line().back().under(key), messageTo(endpoint)+"-request", "", own)
		body, err := to.seal(p.mint)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		r := httptest.NewRequest(http.MethodPost, p.in(endpoint), strings.NewReader(body))
		r.Header.Set("Content-Type", joseType)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			answer, err = openMessage(w.Header().Get("Content-Type"), w.Body.Bytes(), p.keys...)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
		}
		return w.Code, answer, to
	}
	exchange := func(code string) members {
		return members{"grant_type": "authorization_code", "code": code}
	}

	It("takes a login through from the code to the status, under the key that it is asked with", func() {
		g := p.approve(who)
		status, answer, to := ask(atToken, p.keys[0], exchange(g.code))
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(answer.wrong(to.back(), "pass-token-response", to.id(), now)).To(gomega.BeEmpty())
		gomega.Expect(answer.payload.text("pass_token")).To(gomega.Equal(p.passTokenOf(g)))
		_, before, _ := ask(atStatus, p.keys[1], members{"sub": who.sub, "generation": who.generation})
		_, user, _ := ask(atAuthentication, p.keys[1], members{"pass_token": p.passTokenOf(g)})
		_, after, _ := ask(atStatus, p.keys[1], members{"sub": who.sub, "generation": who.generation})
		gomega.Expect(user.payload.text("sub")).To(gomega.Equal(who.sub))
		gomega.Expect([]any{before.payload["active"], after.payload["active"]}).To(gomega.Equal([]any{false, true}))
	})

	It("takes neither a code nor a pass token twice, and none that it did not give", func() {
		g := p.approve(who)
		var statuses []int
		for _, code := range []string{"made up", g.code, g.code} {
			status, _, _ := ask(atToken, p.keys[1], exchange(code))
			statuses = append(statuses, status)
		}
		for _, passToken := range []string{"", p.passTokenOf(g), p.passTokenOf(g)} {
			status, _, _ := ask(atAuthentication, p.keys[1], members{"pass_token": passToken})
			statuses = append(statuses, status)
		}
		gomega.Expect(statuses).To(gomega.Equal([]int{400, 200, 400, 400, 200, 400}))
	})

	It("errs as it is told until it behaves again, and remembers all that it was asked", func() {
		g := p.approve(who)
		p.errs(atToken, slip{status: http.StatusServiceUnavailable})
		status, _, _ := ask(atToken, p.keys[1], exchange(g.code))
		gomega.Expect(status).To(gomega.Equal(http.StatusServiceUnavailable))
		p.Behave()
		status, _, _ = ask(atToken, jose.Key{ID: "new", Secret: make([]byte, 32)}, exchange(g.code))
		gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
		status, _, _ = ask(atToken, p.keys[1], exchange(g.code))
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		asked := p.platforms.at(atToken, 0)
		gomega.Expect(asked).To(gomega.HaveLen(3))
		gomega.Expect([]bool{asked[0].problem == "", asked[1].problem == "", asked[2].problem == ""}).To(gomega.Equal([]bool{true, false, true}))
	})
})
