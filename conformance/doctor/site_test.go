package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/flows"
)

// site is a target that is well but for what its fields say.
type site struct {
	flow   string         // empty: bidirectional
	change map[string]any // members of the metadata, in which ORIGIN stands for its origin; nil takes one out
	// document answers in the place of the metadata.
	document http.HandlerFunc
	// clock answers at the test clock.
	clock http.HandlerFunc
	// other answers all else.
	other http.HandlerFunc
	// below is a path under which the site lies.
	below string
	// tls makes it a site of https.
	tls *tls.Config
}

// members are those of a whole site, by flow.
var members = map[string]map[string]any{
	"bidirectional": {"temporary_credential_endpoint": "ORIGIN/temporary", "token_endpoint": "ORIGIN/token"},
	"ticket":        {"authentication_endpoint": "ORIGIN/authentication", "verification_endpoint": "ORIGIN/verification"},
	"mobile":        {"authentication_endpoint": "ORIGIN/authentication", "rules_endpoint": "ORIGIN/rules", "sealing_keys_endpoint": "ORIGIN/sealing-keys"},
	"offline":       {"application_endpoint": "ORIGIN/application", "verification_endpoint": "ORIGIN/verification"},
	"unified":       {"token_endpoint": "ORIGIN/token", "review_endpoint": "ORIGIN/review"},
}

// start serves the site and gives its URL.
func (s site) start() string {
	GinkgoHelper()
	flow, err := flows.Find(s.name())
	Expect(err).NotTo(HaveOccurred())
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.TLS = s.tls; s.tls != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	DeferCleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	document := map[string]any{"profile": flow.Profile, "issuer": "ORIGIN", "test_clock_endpoint": "ORIGIN/clock"}
	maps.Copy(document, members[flow.Name])
	maps.Copy(document, s.change)
	maps.DeleteFunc(document, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(document)
	Expect(err).NotTo(HaveOccurred())
	mux.HandleFunc("GET "+s.below+flow.WellKnown, func(w http.ResponseWriter, r *http.Request) {
		if s.document != nil {
			s.document(w, r)
			return
		}
		_, _ = fmt.Fprint(w, strings.ReplaceAll(string(text), "ORIGIN", server.URL+s.below))
	})
	mux.HandleFunc("POST "+s.below+"/clock", func(w http.ResponseWriter, r *http.Request) {
		if s.clock != nil {
			s.clock(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"now": %d}`, time.Now().Unix())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if s.other != nil && !strings.Contains(r.URL.Path, "/.well-known/") {
			s.other(w, r)
			return
		}
		http.NotFound(w, r)
	})
	return server.URL
}

func (s site) name() string {
	if s.flow == "" {
		return "bidirectional"
	}
	return s.flow
}

// status answers with it and nothing else.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// text answers 200 with it.
func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, s) }
}

// never gives no answer.
func never(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// raw is a server that does with a connection what it likes.
func raw(serve func(net.Conn)) string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// authority issues certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority() authority {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of the specs"}, NotBefore: time.Now().Add(-time.Hour * 24 * 90), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	cert, err := x509.ParseCertificate(der)
	Expect(err).NotTo(HaveOccurred())
	return authority{key, cert}
}

// issue makes a certificate for a name or an address, valid from and to so far from now.
func (a authority) issue(name string, from, to time.Duration) tls.Certificate {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	Expect(err).NotTo(HaveOccurred())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serving is what a site of https needs.
func serving(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }

// write puts a PEM file of certificates or keys into a folder.
func write(folder, name, kind string, der []byte) {
	GinkgoHelper()
	Expect(os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)).To(Succeed())
}

// writePair puts a certificate and its key into a folder, as client.pem and client-key.pem.
func writePair(folder string, c tls.Certificate) {
	GinkgoHelper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	Expect(err).NotTo(HaveOccurred())
	write(folder, "client.pem", "CERTIFICATE", c.Certificate[0])
	write(folder, "client-key.pem", "PRIVATE KEY", der)
}
