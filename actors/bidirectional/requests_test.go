package bidirectional_test

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"

	"countersign/actors/oauth1"
)

// client signs requests by hand.
type client struct {
	*stage
	id, secret string
}

// holder is a client with a token.
type holder struct {
	client
	token oauth1.Credentials
}

func (c client) with(token oauth1.Credentials) holder { return holder{c, token} }

func (c client) post(target, body string, extra ...oauth1.Param) *http.Response {
	return holder{client: c}.post(target, body, extra...)
}

func (h holder) post(target, body string, extra ...oauth1.Param) *http.Response {
	return h.send(h.request(http.MethodPost, target, body, extra...))
}

func (h holder) get(target string) *http.Response {
	return h.send(h.request(http.MethodGet, target, ""))
}

func (h holder) signer() oauth1.Signer {
	entropy := rand.NewChaCha8(sha256.Sum256([]byte(strconv.Itoa(len(h.requests)))))
	return oauth1.Signer{ConsumerKey: h.id, ClientSecret: h.secret, Token: h.token.Token, TokenSecret: h.token.Secret, Now: h.Now, Entropy: entropy}
}

func (h holder) request(method, target, body string, extra ...oauth1.Param) *http.Request {
	r := plain(method, target, body)
	Expect(h.signer().Sign(r, extra...)).To(Succeed())
	return r
}

func plain(method, target, body string) *http.Request {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (s *stage) send(r *http.Request) *http.Response {
	response, err := s.RoundTrip(r)
	Expect(err).NotTo(HaveOccurred())
	return response
}

func credentialsIn(r *http.Response) oauth1.Credentials {
	GinkgoHelper()
	body, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.StatusCode).To(Equal(http.StatusOK), string(body))
	c, err := oauth1.ParseCredentials(string(body))
	Expect(err).NotTo(HaveOccurred())
	return c
}

func callback(uri string) oauth1.Param { return oauth1.Param{Name: "oauth_callback", Value: uri} }

func verifier(v string) oauth1.Param { return oauth1.Param{Name: "oauth_verifier", Value: v} }

// refuse matches a refusal by status and code, in the form that the profile wants.
func refuse(status int, code string) types.GomegaMatcher {
	return gcustom.MakeMatcher(func(r *http.Response) (bool, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return false, err
		}
		var said map[string]string
		if err := json.Unmarshal(body, &said); err != nil {
			return false, nil
		}
		challenged := strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "OAuth")
		return r.StatusCode == status && said["error"] == code && said["error_description"] != "" && challenged == (status == http.StatusUnauthorized), nil
	}).WithTemplate("Expected the answer to refuse with {{.Data}}, not {{.Actual.StatusCode}}", strconv.Itoa(status)+" "+code)
}

// verifierFor lets the terminal approve, and catches the verifier.
func (p *play) verifierFor(authorizationURL string) string {
	GinkgoHelper()
	before := p.tap
	defer func() { p.tap = before }()
	var got string
	p.tap = func(r *http.Request) *http.Response {
		if r.URL.Path != "/callback" {
			return nil
		}
		got = r.URL.Query().Get("oauth_verifier")
		return failing("/")(r)
	}
	_, err := p.terminal.Open(authorizationURL)
	Expect(err).NotTo(HaveOccurred())
	Expect(got).NotTo(BeEmpty())
	return got
}

// tokenOfA gets an access token of site B for client-a by hand; the tap is set while it is issued.
func (p *play) tokenOfA(c client, tap func(*http.Request) *http.Response) oauth1.Credentials {
	GinkgoHelper()
	asked := credentialsIn(c.post(siteB+"/temporary-credential", "", callback(siteA+"/callback")))
	v := p.verifierFor(siteB + "/authorize?oauth_token=" + asked.Token)
	p.tap = tap
	defer func() { p.tap = nil }()
	return credentialsIn(c.with(asked).post(siteB+"/token", "", verifier(v)))
}
