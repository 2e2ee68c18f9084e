package mobile

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// desk are the surroundings of a check that sends nothing.
type desk struct {
	conformance.Env
	random io.Reader
}

func (d desk) Entropy() io.Reader                           { return d.random }
func (d desk) Now() time.Time                               { return time.Unix(1_800_000_000, 0) }
func (d desk) Play(string, http.Handler) error              { return nil }
func (d desk) Await(_ time.Duration, done func() bool) bool { return done() }
func atDesk() *test {
	return &test{Judge: judge.Judge{Session: &conformance.Session{Env: desk{random: rand.NewChaCha8([32]byte{7})}}}, Setup: Default()}
}

var _ = Describe("What the checks of a business system show", func() {
	var (
		t *systemTest
		p pass
	)
	BeforeEach(func() {
		inner := atDesk()
		t = &systemTest{test: inner, server: playSharer(inner), key: inner.sealingKey(inner.crm())}
		p = t.sharedPass(t.alice())
	})

	It("opens when it is right", func() {
		_, text, err := jose.Open(p.sealed, t.key.Secret)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(string(text)).To(gomega.MatchJSON(p.contents.statement().payload()))
	})

	DescribeTable("opens for a receiver that lets the sender choose how it is sealed",
		func(seal func(*systemTest, statement) string) {
			statement := p.contents.statement()
			sealed, err := gojose.ParseEncryptedCompact(seal(t, statement), []gojose.KeyAlgorithm{gojose.DIRECT, gojose.A256GCMKW}, []gojose.ContentEncryption{gojose.A256GCM, gojose.A128CBC_HS256})
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			text, err := sealed.Decrypt(t.key.Secret)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			gomega.Expect(string(text)).To(gomega.MatchJSON(statement.payload()))
		},
		Entry("under a wrapped key", (*systemTest).sealedWrapped),
		Entry("by CBC", (*systemTest).sealedByCBC),
		Entry("compressed", (*systemTest).sealedCompressed),
	)

	It("opens nowhere when it is spoilt, in a different way each time", func() {
		seen := map[string]string{p.sealed: "the right one"}
		for _, c := range t.spoilt(p) {
			gomega.Expect(seen).NotTo(gomega.HaveKey(c.sealed), c.what)
			seen[c.sealed] = c.what
			_, _, err := jose.Open(c.sealed, t.key.Secret)
			gomega.Expect(err).To(gomega.HaveOccurred(), c.what)
		}
		gomega.Expect(len(seen)).To(gomega.BeNumerically(">", 15))
	})
})

var _ = Describe("The authorization server that the harness plays for a business system", func() {
	It("shares a record under its name until it is withdrawn, and remembers who asked", func() {
		inner := atDesk()
		s := playSharer(inner)
		server := httptest.NewServer(s)
		DeferCleanup(server.Close)
		ask := func(id string) int {
			GinkgoHelper()
			req, err := http.NewRequest(http.MethodPost, server.URL+atSharedToken, strings.NewReader(`{"token_id":"`+id+`"}`))
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			req.Header.Set("Content-Type", "application/json")
			req.SetBasicAuth("crm", "crm-secret")
			resp, err := http.DefaultClient.Do(req)
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			gomega.Expect(resp.Body.Close()).To(gomega.Succeed())
			return resp.StatusCode
		}
		s.share("one", members{"token_id": "one", "token": "t"})
		gomega.Expect(ask("one")).To(gomega.Equal(http.StatusOK))
		gomega.Expect(ask("another")).To(gomega.Equal(http.StatusNotFound))
		s.share("one", nil)
		gomega.Expect(ask("one")).To(gomega.Equal(http.StatusNotFound))
		s.behave(atSharedToken, conduct{status: http.StatusTeapot})
		gomega.Expect(ask("one")).To(gomega.Equal(http.StatusTeapot))
		asked := s.asked(atSharedToken, 1)
		gomega.Expect(asked).To(gomega.HaveLen(3))
		gomega.Expect(asked[0].tokenID).To(gomega.Equal("another"))
		gomega.Expect([]string{asked[0].system, asked[0].secret, asked[0].problem}).To(gomega.Equal([]string{"crm", "crm-secret", ""}))
	})
})
