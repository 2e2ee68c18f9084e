package evidence_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/reports/evidence"
)

func TestEvidence(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Evidence", suite, reporter)
}

// keys is a fresh pair, in PEM and parsed.
type keys struct {
	privatePEM, publicPEM []byte
	private               ed25519.PrivateKey
	public                ed25519.PublicKey
}

func newKeys() keys {
	GinkgoHelper()
	var k keys
	var err error
	k.privatePEM, k.publicPEM, err = evidence.NewKey(rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	k.private, err = evidence.ParsePrivateKey(k.privatePEM)
	Expect(err).NotTo(HaveOccurred())
	k.public, err = evidence.ParsePublicKey(k.publicPEM)
	Expect(err).NotTo(HaveOccurred())
	return k
}

// result is one check of the ticket flow with one exchange.
func result(check string, verdict conformance.Verdict, reason string) conformance.Result {
	r := conformance.Result{
		Check: check, Role: catalog.AccountServer, Requirement: catalog.MustLookup(catalog.ID(check)), Verdict: verdict, Reason: reason,
		Exchanges: []conformance.Exchange{{
			Number: 1, From: "harness", To: "account-server", Method: "GET", URL: "http://target/" + check, Status: 200,
			RequestHeaders: []conformance.Header{{Name: "Accept", Value: "*/*"}}, ResponseBody: `{"check":"` + check + `"}`,
		}},
	}
	if verdict == conformance.Fail {
		r.Failure = &conformance.Failure{Expected: "one thing", Actual: "another", Blame: "account-server", Exchange: 1}
	}
	return r
}

func report(results ...conformance.Result) conformance.Report {
	r := conformance.Report{Profile: "ticket@1", Level: "hardened", Seed: 1, Target: "http://127.0.0.1:9000", Results: results}
	r.Conclude()
	return r
}

func caseOf(attempts ...conformance.Report) evidence.Case {
	return evidence.Case{Attempts: attempts, Config: config.Default(), Files: []evidence.File{{Name: evidence.Transcript, SHA256: strings.Repeat("0", 64)}}}
}

// seal makes and signs.
func seal(k keys, c evidence.Case) []byte {
	GinkgoHelper()
	statement, err := evidence.Make(c)
	Expect(err).NotTo(HaveOccurred())
	sealed, err := evidence.Seal(statement, k.private)
	Expect(err).NotTo(HaveOccurred())
	return sealed
}
