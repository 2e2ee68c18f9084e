package oauth1_test

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"countersign/actors/oauth1"
)

func TestOAuth1(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "OAuth 1.0 messages", suite, reporter)
}

// privatePEM is the key of the RSA-SHA1 example among the public test cases of OAuth Core 1.0.
//
//go:embed testdata/rsa.pem
var privatePEM []byte

func privateKey() *rsa.PrivateKey {
	GinkgoHelper()
	block, _ := pem.Decode(privatePEM)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	Expect(err).NotTo(HaveOccurred())
	return key.(*rsa.PrivateKey)
}

func publicPEM() string {
	GinkgoHelper()
	der, err := x509.MarshalPKIXPublicKey(&privateKey().PublicKey)
	Expect(err).NotTo(HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// signing returns a signer of the RFC's printer service with a clock that stands and fixed entropy.
func signing(method oauth1.Method) oauth1.Signer {
	return oauth1.Signer{
		ConsumerKey: "dpf43f3p2l4k3l03", ClientSecret: "kd94hf93k423kf44",
		Token: "nnch734d00sl2jdk", TokenSecret: "pfkkdhi9sl3r4s00",
		Method: method, PrivateKey: privateKey(),
		Now:     func() time.Time { return time.Unix(137131202, 0) },
		Entropy: strings.NewReader(strings.Repeat("entropy.", 16)),
	}
}

// held are the keys that verify what signing signs.
func held() oauth1.Keys {
	return oauth1.Keys{ClientSecret: "kd94hf93k423kf44", TokenSecret: "pfkkdhi9sl3r4s00", PublicKey: &privateKey().PublicKey}
}

// raw reads a request as a server does; lines are separated by "|".
func raw(text string) *http.Request {
	GinkgoHelper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "|", "\r\n"))))
	Expect(err).NotTo(HaveOccurred())
	return r
}

// received sends a client's request over an imaginary wire.
func received(t types.Gomega, r *http.Request) *http.Request {
	var wire bytes.Buffer
	t.Expect(r.Write(&wire)).To(Succeed())
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	t.Expect(err).NotTo(HaveOccurred())
	if r.URL.Scheme == "https" {
		got.TLS = &tls.ConnectionState{}
	}
	return got
}

func parse(r *http.Request) *oauth1.Message {
	GinkgoHelper()
	m, err := oauth1.Parse(r, 0)
	Expect(err).NotTo(HaveOccurred())
	return m
}

func body(r *http.Request) string {
	GinkgoHelper()
	text, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// HaveProblem matches a *Problem by status, code and parameter.
func HaveProblem(status int, code, parameter string) types.GomegaMatcher {
	return WithTransform(func(err error) oauth1.Problem {
		if p, ok := err.(*oauth1.Problem); ok {
			return oauth1.Problem{Status: p.Status, Code: p.Code, Parameter: p.Parameter}
		}
		return oauth1.Problem{}
	}, Equal(oauth1.Problem{Status: status, Code: code, Parameter: parameter}))
}
