package certify_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
)

var _ = Describe("A target that a configuration describes", func() {
	It("is reached over TLS with a CA of its own, and at the endpoints that the file names", func() {
		asked := make(chan string, 64)
		target := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.URL.Path
			if r.URL.Path == "/elsewhere.json" {
				_, _ = fmt.Fprintf(w, `{"profile": "bidirectional@1", "issuer": "https://%[1]s", "temporary_credential_endpoint": "https://%[1]s/old"}`, r.Host)
				return
			}
			http.NotFound(w, r)
		}))
		DeferCleanup(target.Close)
		folder := GinkgoT().TempDir()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw})
		Expect(os.WriteFile(filepath.Join(folder, "ca.pem"), ca, 0o600)).To(Succeed())
		c, err := config.Parse(filepath.Join(folder, "countersign.yaml"), []byte(fmt.Sprintf(`profile: bidirectional@1
target: %[1]s
metadata: %[1]s/elsewhere.json
endpoints: {temporary_credential_endpoint: '%[1]s/new'}
tls: {ca: ca.pem}
setup: {own_issuer: '%[2]s', peer_issuer: '%[3]s'}
`, target.URL, fixture.FreeOrigin(), fixture.FreeOrigin())))
		Expect(err).NotTo(HaveOccurred())
		report, err := certify.Job{Config: c, Only: []string{"BI-OS-05"}}.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Nonconformant))
		Expect(asked).To(Receive(Equal("/elsewhere.json")))
		paths := map[string]bool{}
		for len(asked) > 0 {
			paths[<-asked] = true
		}
		Expect(paths).To(HaveKey("/new"))
		Expect(paths).NotTo(HaveKey("/old"))
	})
})
