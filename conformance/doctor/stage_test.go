package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/fixture"
	"countersign/conformance/practice"
)

// harness puts the certificate that the harness shows into the folder, for a name and a time.
func harness(name string, from, to time.Duration) func(string) {
	return func(folder string) { writeHarness(folder, newAuthority().issue(name, from, to)) }
}

func writeHarness(folder string, pair tls.Certificate) {
	GinkgoHelper()
	write(folder, "harness.pem", "CERTIFICATE", pair.Certificate[0])
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	Expect(err).NotTo(HaveOccurred())
	write(folder, "harness-key.pem", "PRIVATE KEY", key)
}

// shows is a file whose harness announces https and shows a certificate of its own.
const shows = "setup: {own_issuer: 'SECURE', peer_issuer: 'PEER'}\nstage: {certificate: harness.pem, key: harness-key.pem}"

// stageSeeds are misconfigurations of how the harness is reached.
var stageSeeds = []struct {
	name string
	seed
}{
	{"a certificate of the harness that is not there", seed{file: shows, code: "configuration", place: ":7:22", says: "stage.certificate: the file cannot be read: no such file"}},
	{"a certificate of the harness without its key", seed{file: "stage: {certificate: harness.pem}", code: "configuration", place: ":7:22", says: "stage.certificate: its key is missing"}},
	{"a certificate of the harness with another's key", seed{file: "stage: {certificate: harness.pem, key: countersign.yaml}", code: "configuration", place: ":7:40", says: "stage.key: certificate and key do not make a pair", prepare: harness("127.0.0.1", -day, day)}},
	{"a folder without a practice CA", seed{file: "stage: {practice_ca: none}", code: "configuration", place: ":7:22", says: "there is no practice CA; make one with"}},
	{"a folder with something else", seed{file: "stage: {practice_ca: .}", code: "configuration", place: ":7:22", says: "is no certificate in PEM to which the key beside it belongs", prepare: func(folder string) {
		for _, name := range []string{"ca.pem", "ca-key.pem"} {
			Expect(os.WriteFile(filepath.Join(folder, name), []byte(canary), 0o600)).To(Succeed())
		}
	}}},
	{"a practice CA besides a certificate of one's own", seed{file: "stage: {practice_ca: ., certificate: harness.pem}", code: "configuration", place: ":7:22", says: "a certificate of one's own is named too"}},
	{"a certificate of the harness that has expired", seed{file: shows, code: "stage-expired", place: ":7:22", says: "shows as a server expired on", prepare: harness("127.0.0.1", -2*day, -day)}},
	{"a certificate of the harness of tomorrow", seed{file: shows, code: "stage-not-yet-valid", place: ":7:22", says: "shows as a server is valid from", prepare: harness("127.0.0.1", day, 2*day)}},
	{"a certificate of the harness for another name", seed{file: shows, code: "stage-wrong-name", place: ":7:22", says: "is for example.org, and not for 127.0.0.1, which the setup announces", prepare: harness("example.org", -day, day)}},
	{"a client's certificate for the harness's own", seed{file: shows, code: "stage-no-server", place: ":7:22", says: "may not be used for a server", prepare: func(folder string) {
		ca, err := practice.Open(folder)
		Expect(err).NotTo(HaveOccurred())
		pair, _, _, err := ca.Client()
		Expect(err).NotTo(HaveOccurred())
		writeHarness(folder, pair)
	}}},
	{"a certificate of the harness for no address of https", seed{file: "stage: {certificate: harness.pem, key: harness-key.pem}", code: "stage-unused", place: ":7:8", says: "announces no address of https", prepare: harness("127.0.0.1", -day, day), warning: true}},
	{"a way for a party that there is not", seed{file: "stage: {listen: {site-z: 'LISTEN'}}", code: "stage-unknown-party", place: ":7:26", says: "the harness plays no site-z"}},
	{"a way that is a URL", seed{file: "stage: {listen: {site-a: 'http://0.0.0.0:8791'}}", code: "configuration", place: ":7:26", says: "stage.listen.site-a: "}},
	{"two parties on one way", seed{file: "stage: {listen: {site-a: 'LISTEN', site-b: 'LISTEN'}}", code: "listen-twice", place: ":7:53", says: "is to listen for site-a and site-b at the same address"}},
	{"a way whose port is taken", seed{file: "stage: {listen: {site-a: 'BUSY'}}", code: "address-taken", place: ":7:26", says: "the harness cannot listen as site-a at"}},
	{"a way from an announced address at which nobody answers", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'PEER'}\nstage: {listen: {site-a: 'LISTEN'}}", code: "stage-elsewhere", place: ":7:26", says: "(site-a): nobody answers there", warning: true}},
	{"a way from an announced name that is unknown here", seed{file: "setup: {own_issuer: 'http://harness.invalid', peer_issuer: 'http://harness.invalid:8792'}\nstage: {listen: {site-a: '127.0.0.1:0', site-b: 'LISTEN'}}", code: "stage-elsewhere", place: ":7:26",
		says: "not reached at http://harness.invalid (site-a), http://harness.invalid:8792 (site-b): the name harness.invalid is unknown here", warning: true}},
}

var _ = Describe("A doctor of a harness that is reached from elsewhere", func() {
	// examined are the findings of a good file with these lines.
	examined := func(prepare func(string), lines string) []doctor.Finding {
		GinkgoHelper()
		return doctor.File(context.Background(), config.Reader{}, seed{file: lines, prepare: prepare}.play())
	}
	practise := func(folder string) {
		_, err := practice.Open(filepath.Join(folder, "tls"))
		Expect(err).NotTo(HaveOccurred())
	}

	It("finds nothing wrong with certificates of one's own for the addresses that are announced", func() {
		Expect(examined(harness("127.0.0.1", -day, day), shows)).To(BeEmpty())
	})

	It("finds nothing wrong with a practice CA, and with names that lead here by another address", func() {
		port := fixture.FreeOrigin()[strings.LastIndex(fixture.FreeOrigin(), ":")+1:]
		Expect(examined(practise, fmt.Sprintf("setup: {own_issuer: 'https://localhost:%[1]s', peer_issuer: 'PEER'}\nstage: {practice_ca: tls, listen: {'https://localhost:%[1]s': '127.0.0.1:%[1]s'}}", port))).To(BeEmpty())
	})

	It("warns where somebody else answers at an announced address", func() {
		other := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(other.Close)
		Expect(examined(nil, fmt.Sprintf("setup: {own_issuer: '%s', peer_issuer: 'PEER'}\nstage: {listen: {site-a: 'LISTEN'}}", other.URL))).To(ConsistOf(And(
			HaveField("Code", "stage-elsewhere"), HaveField("Severity", doctor.Warning), HaveField("What", HaveSuffix("(site-a): somebody else answers there")))))
	})
})
