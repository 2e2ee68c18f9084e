package practice_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/practice"
)

var quiet = log.New(io.Discard, "", 0)

var _ = Describe("A CA for practice", func() {
	var folder string
	BeforeEach(func() { folder = filepath.Join(GinkgoT().TempDir(), "below", "tls") })

	open := func() *practice.Authority {
		GinkgoHelper()
		a, err := practice.Open(folder)
		Expect(err).NotTo(HaveOccurred())
		return a
	}
	content := func(name string) string {
		GinkgoHelper()
		text, err := os.ReadFile(filepath.Join(folder, name))
		Expect(err).NotTo(HaveOccurred())
		return string(text)
	}
	refused := func(says string) {
		GinkgoHelper()
		_, err := practice.Open(folder)
		Expect(err).To(BeAssignableToTypeOf(&practice.FolderError{}), "%v", err)
		Expect(err).To(MatchError(ContainSubstring(says)))
	}

	It("issues what a server and a client meet each other with, and nobody else", func() {
		a := open()
		server, err := a.Server("localhost", "127.0.0.1", "::1")
		Expect(err).NotTo(HaveOccurred())
		client, _, _, err := a.Client()
		Expect(err).NotTo(HaveOccurred())
		site := httptest.NewUnstartedServer(http.NotFoundHandler())
		site.Config.ErrorLog = quiet
		site.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()}
		site.StartTLS()
		DeferCleanup(site.Close)

		get := func(c *tls.Config) error {
			t := &http.Transport{TLSClientConfig: c}
			defer t.CloseIdleConnections()
			resp, err := (&http.Client{Transport: t}).Get(site.URL)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		Expect(get(&tls.Config{RootCAs: a.Pool(), Certificates: []tls.Certificate{client}})).To(Succeed())
		Expect(get(&tls.Config{RootCAs: a.Pool(), Certificates: []tls.Certificate{server}})).NotTo(Succeed(), "a server's certificate is no client's")
		Expect(get(&tls.Config{RootCAs: a.Pool()})).NotTo(Succeed())
		Expect(get(&tls.Config{Certificates: []tls.Certificate{client}})).NotTo(Succeed(), "the machine does not trust the CA")
		Expect(get(&tls.Config{RootCAs: a.Pool(), Certificates: []tls.Certificate{client}, ServerName: "example.org"})).NotTo(Succeed())
	})

	It("keeps keys to their owner, and takes what it made before", func() {
		a := open()
		_, err := a.Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		_, file, key, err := a.Client()
		Expect(err).NotTo(HaveOccurred())
		Expect(file).To(Equal(filepath.Join(folder, "client.pem")))
		before := map[string]string{}
		for _, name := range []string{"ca.pem", "ca-key.pem", "server.pem", "server-key.pem", "client.pem", "client-key.pem"} {
			before[name] = content(name)
		}
		for _, name := range []string{"ca-key.pem", "server-key.pem", filepath.Base(key)} {
			there, err := os.Stat(filepath.Join(folder, name))
			Expect(err).NotTo(HaveOccurred())
			Expect(there.Mode().Perm()).To(Equal(os.FileMode(0o600)), name)
		}
		Expect(os.Chmod(filepath.Join(folder, "server-key.pem"), 0o644)).To(Succeed())

		a = open()
		_, err = a.Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		_, _, _, err = a.Client()
		Expect(err).NotTo(HaveOccurred())
		for name, text := range before {
			Expect(content(name)).To(Equal(text), name)
		}
		there, err := os.Stat(filepath.Join(folder, "server-key.pem"))
		Expect(err).NotTo(HaveOccurred())
		Expect(there.Mode().Perm()).To(Equal(os.FileMode(0o600)), "it is made its owner's alone again")
		Expect(filepath.Glob(filepath.Join(folder, "*"))).To(HaveLen(len(before)), "nothing half-written stays behind")
	})

	It("makes a server's certificate anew for names that it lacks, and of another CA", func() {
		a := open()
		_, err := a.Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		first := content("server.pem")
		pair, err := a.Server("localhost", "harness.example", "10.0.0.7")
		Expect(err).NotTo(HaveOccurred())
		Expect(content("server.pem")).NotTo(Equal(first))
		Expect(pair.Leaf.DNSNames).To(ConsistOf("localhost", "harness.example"))
		second := content("server.pem")
		Expect(os.Remove(filepath.Join(folder, "ca.pem"))).To(Succeed())
		Expect(os.Remove(filepath.Join(folder, "ca-key.pem"))).To(Succeed())
		_, err = open().Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		Expect(content("server.pem")).NotTo(Equal(second))
	})

	It("issues a certificate that is written nowhere", func() {
		a := open()
		pair, err := a.Issue("harness.example", "127.0.0.1")
		Expect(err).NotTo(HaveOccurred())
		Expect(pair.Leaf.VerifyHostname("harness.example")).To(Succeed())
		Expect(pair.Leaf.VerifyHostname("127.0.0.1")).To(Succeed())
		Expect(filepath.Glob(filepath.Join(folder, "*"))).To(HaveLen(2))
	})

	It("is found where it has been made, and else its making is shown", func() {
		_, err := practice.Find(folder)
		Expect(err).To(BeAssignableToTypeOf(&practice.FolderError{}))
		Expect(err).To(MatchError(ContainSubstring("there is no practice CA; make one with")))
		open()
		Expect(practice.Find(folder)).NotTo(BeNil())
	})

	It("is made anew when it has expired, with what it issues", func() {
		_, err := open().Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		issued := content("server.pem")
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		old := &x509.Certificate{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		der, err := x509.CreateCertificate(rand.Reader, old, old, key.Public(), key)
		Expect(err).NotTo(HaveOccurred())
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(folder, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "ca-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)).To(Succeed())

		_, err = practice.Find(folder)
		Expect(err).To(MatchError(ContainSubstring("the practice CA expired on ")))
		a := open()
		_, err = a.Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		Expect(content("server.pem")).NotTo(Equal(issued))
		Expect(practice.Find(folder)).NotTo(BeNil())
	})

	It("writes over nothing that it did not make", func() {
		Expect(os.MkdirAll(folder, 0o755)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "ca.pem"), []byte("ours"), 0o600)).To(Succeed())
		refused("ca-key.pem: the file cannot be read: no such file or directory; name another folder")
		Expect(os.WriteFile(filepath.Join(folder, "ca-key.pem"), []byte("canary-key"), 0o600)).To(Succeed())
		refused("ca.pem: it is no certificate in PEM to which the key beside it belongs; name another folder")
		Expect(content("ca.pem")).To(Equal("ours"))

		Expect(os.RemoveAll(folder)).To(Succeed())
		a := open()
		Expect(os.WriteFile(filepath.Join(folder, "server.pem"), []byte("ours"), 0o600)).To(Succeed())
		_, err := a.Server("localhost")
		Expect(err).To(BeAssignableToTypeOf(&practice.FolderError{}))
		Expect(content("server.pem")).To(Equal("ours"))
	})

	It("does not take a server's certificate for a CA", func() {
		_, err := open().Server("localhost")
		Expect(err).NotTo(HaveOccurred())
		for from, to := range map[string]string{"server.pem": "ca.pem", "server-key.pem": "ca-key.pem"} {
			Expect(os.Rename(filepath.Join(folder, from), filepath.Join(folder, to))).To(Succeed())
		}
		refused("the certificate is none of a CA")
	})

	It("says where it cannot write", func() {
		Expect(os.WriteFile(filepath.Dir(filepath.Dir(folder))+"/file", nil, 0o600)).To(Succeed())
		folder = filepath.Dir(filepath.Dir(folder)) + "/file"
		refused("not a directory")
	})
})
