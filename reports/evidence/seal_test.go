package evidence_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/evidence"
)

func verify(k keys, sealed []byte, files ...evidence.File) error {
	_, err := evidence.Verify(sealed, []ed25519.PublicKey{k.public}, files...)
	return err
}

func fileOf(name, text string) evidence.File {
	GinkgoHelper()
	f, err := evidence.NewFile(name, strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	return f
}

// envelope is a DSSE envelope as a reader who knows nothing of this package sees it.
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	} `json:"signatures"`
}

// sign wraps any payload as Seal would.
func sign(k keys, payload string) []byte {
	GinkgoHelper()
	const kind = "application/vnd.in-toto+json"
	id, err := evidence.KeyID(k.public)
	Expect(err).NotTo(HaveOccurred())
	signature := ed25519.Sign(k.private, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload))
	return fmt.Appendf(nil, `{"payloadType":"%s","payload":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}`+"\n",
		kind, base64.StdEncoding.EncodeToString([]byte(payload)), id, base64.StdEncoding.EncodeToString(signature))
}

var _ = Describe("Sealed evidence", func() {
	var (
		k       keys
		sealed  []byte
		payload string
	)
	BeforeEach(func() {
		k = newKeys()
		sealed = seal(k, caseOf(report(result("TI-AM-01", fail, ""), result("TI-AM-02", skip, "no clock"))))
		var e envelope
		Expect(json.Unmarshal(sealed, &e)).To(Succeed())
		text, err := base64.StdEncoding.DecodeString(e.Payload)
		Expect(err).NotTo(HaveOccurred())
		payload = string(text)
	})

	It("is opened by its signer's public key", func() {
		other := newKeys()
		statement, err := evidence.Verify(sealed, []ed25519.PublicKey{other.public, k.public})
		Expect(err).NotTo(HaveOccurred())
		Expect(statement.Predicate.FailedTests).To(Equal([]string{"TI-AM-01"}))
	})

	It("shows every change of a single byte, at every place", func() {
		for at := range sealed {
			for bit := range 8 {
				changed := bytes.Clone(sealed)
				changed[at] ^= 1 << bit
				if verify(k, changed) == nil {
					Fail(fmt.Sprintf("bit %d of byte %d of %d can be changed unseen", bit, at, len(sealed)))
				}
			}
			cut := append(bytes.Clone(sealed[:at]), sealed[at+1:]...)
			Expect(verify(k, cut)).NotTo(Succeed(), "byte %d can be taken out unseen", at)
			for _, more := range []string{" ", "\n", "A", "=", "0"} {
				grown := append(append(bytes.Clone(sealed[:at]), more...), sealed[at:]...)
				Expect(verify(k, grown)).NotTo(Succeed(), "%q can be put in at %d unseen", more, at)
			}
		}
		Expect(verify(k, append(bytes.Clone(sealed), ' '))).NotTo(Succeed())
		Expect(verify(k, sealed)).To(Succeed())
	})

	It("is accepted by a verification written from the DSSE specification alone", func() {
		var e envelope
		Expect(json.Unmarshal(sealed, &e)).To(Succeed())
		Expect(e.PayloadType).To(Equal("application/vnd.in-toto+json"))
		Expect(e.Signatures).To(HaveLen(1))
		signature, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
		Expect(err).NotTo(HaveOccurred())
		block, _ := pem.Decode(k.publicPEM)
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		Expect(err).NotTo(HaveOccurred())
		encoding := func(body string) []byte {
			return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(body), body)
		}
		Expect(ed25519.Verify(key.(ed25519.PublicKey), encoding(payload), signature)).To(BeTrue())
		Expect(ed25519.Verify(key.(ed25519.PublicKey), encoding(payload+" "), signature)).To(BeFalse())
	})

	It("is accepted, and refused when changed, by a verification in another language", func() {
		python, err := exec.LookPath("python3")
		if err == nil {
			err = exec.Command(python, "-c", "import cryptography").Run()
		}
		if err != nil {
			if os.Getenv("CI") != "" {
				Fail("python3 with cryptography is missing: install Debian's package python3-cryptography")
			}
			Skip("python3 with cryptography is missing")
		}
		folder := GinkgoT().TempDir()
		run := func(text, key []byte) (string, error) {
			file, public := filepath.Join(folder, "evidence.json"), filepath.Join(folder, "key.pem")
			Expect(os.WriteFile(file, text, 0o600)).To(Succeed())
			Expect(os.WriteFile(public, key, 0o600)).To(Succeed())
			out, err := exec.Command(python, "testdata/verify_dsse.py", file, public).Output()
			return string(out), err
		}
		out, err := run(sealed, k.publicPEM)
		Expect(err).NotTo(HaveOccurred())
		Expect(out).To(Equal(payload))
		_, err = run(sealed, newKeys().publicPEM)
		Expect(err).To(HaveOccurred())
		_, err = run(bytes.Replace(sealed, []byte("vnd.in-toto"), []byte("vnd.in-tofo"), 1), k.publicPEM)
		Expect(err).To(HaveOccurred())
	})

	Describe("that is refused", func() {
		It("says that the key is another one", func() {
			err := verify(newKeys(), sealed)
			Expect(err).To(BeAssignableToTypeOf(&evidence.SignerError{}))
			Expect(err).To(MatchError(ContainSubstring("none of those given")))
		})

		It("says that the signature does not fit", func() {
			forged := sign(k, strings.Replace(payload, `"verdict":"fail"`, `"verdict":"pass"`, 1))
			stolen := bytes.Replace(forged, signatureOf(forged), signatureOf(sealed), 1)
			Expect(verify(k, stolen)).To(BeAssignableToTypeOf(&evidence.SignatureError{}))
		})

		DescribeTable("says that the file is spelled otherwise, although the signature fits",
			func(change func(string) string) {
				changed := change(string(sealed))
				Expect(changed).NotTo(Equal(string(sealed)))
				err := verify(k, []byte(changed))
				Expect(err).To(BeAssignableToTypeOf(&evidence.EnvelopeError{}))
				Expect(err).To(MatchError(ContainSubstring("changed after it was written")))
			},
			Entry("white space", func(s string) string { return strings.Replace(s, `,"payload"`, `, "payload"`, 1) }),
			Entry("a byte more at the end", func(s string) string { return s + "\n" }),
			Entry("no line end", func(s string) string { return strings.TrimSuffix(s, "\n") }),
			Entry("a second document", func(s string) string { return s + s }),
			Entry("a member twice", func(s string) string {
				return strings.Replace(s, `{"payloadType"`, `{"payloadType":"x","payloadType"`, 1)
			}),
			Entry("an unknown member", func(s string) string { return strings.Replace(s, `{"payloadType"`, `{"note":"x","payloadType"`, 1) }),
			Entry("a member in other letters", func(s string) string { return strings.Replace(s, `"payload":`, `"Payload":`, 1) }),
			Entry("an escape", func(s string) string { return strings.Replace(s, "in-toto", `in-\u0074oto`, 1) }),
			Entry("members in another order", func(s string) string {
				rest, found := strings.CutPrefix(s, `{"payloadType":"application/vnd.in-toto+json",`)
				Expect(found).To(BeTrue())
				return "{" + strings.TrimSuffix(rest, "}\n") + `,"payloadType":"application/vnd.in-toto+json"}` + "\n"
			}),
			Entry("a line end within base64", func(s string) string { return strings.Replace(s, `"payload":"`, `"payload":"\n`, 1) }),
			Entry("base64 without padding", func(s string) string {
				return strings.Replace(s, `"sig":"`+string(signatureOf([]byte(s))), `"sig":"`+strings.TrimRight(string(signatureOf([]byte(s))), "="), 1)
			}),
			Entry("no signature", func(s string) string { return s[:strings.Index(s, `"signatures":[`)+len(`"signatures":[`)] + "]}\n" }),
			Entry("nothing", func(string) string { return "" }),
		)

		DescribeTable("says what is wrong with a statement that somebody with the key has signed",
			func(change func(string) string, what string) {
				changed := change(payload)
				Expect(changed).NotTo(Equal(payload))
				err := verify(k, sign(k, changed))
				Expect(err).To(BeAssignableToTypeOf(&evidence.StatementError{}))
				Expect(err).To(MatchError(ContainSubstring(what)))
			},
			Entry("a verdict that does not fit the lists", func(s string) string { return strings.Replace(s, `"verdict":"fail"`, `"verdict":"pass"`, 1) }, "sums its attempts up wrongly"),
			Entry("a better result", func(s string) string { return strings.Replace(s, `"FAILED"`, `"PASSED"`, 1) }, "sums its attempts up wrongly"),
			Entry("a member twice", func(s string) string { return strings.Replace(s, `"result":`, `"result":"PASSED","result":`, 1) }, "not spelled"),
			Entry("an unknown member", func(s string) string { return strings.Replace(s, `"result":`, `"note":1,"result":`, 1) }, "cannot be read"),
			Entry("white space", func(s string) string { return s + " " }, "not spelled"),
			Entry("another type", func(s string) string { return strings.Replace(s, "Statement/v1", "Statement/v2", 1) }, "is of type"),
			Entry("no transcript", func(s string) string { return strings.Replace(s, `"name":"transcript"`, `"name":"nothing"`, 1) }, "names no transcript"),
			Entry("a content that is not that of its digest", func(s string) string {
				at := strings.Index(s, `"content":"`) + len(`"content":"`)
				return s[:at] + "AAAA" + s[at+4:]
			}, "not that of its content"),
			Entry("a digest that is none", func(s string) string {
				at := strings.Index(s, `"sha256":"`) + len(`"sha256":"`)
				return s[:at] + "zz" + s[at+2:]
			}, "no SHA-256"),
		)
	})

	It("names files by their digests, and shows any change of them", func() {
		c := caseOf(report(result("TI-AM-01", pass, "")))
		c.Files = nil
		for _, name := range []string{evidence.Binary, evidence.Profile + " ticket", evidence.Catalogue + " ticket", evidence.Report, evidence.Transcript} {
			c.Files = append(c.Files, fileOf(name, "the "+name))
		}
		sealed := seal(k, c)
		Expect(verify(k, sealed, c.Files...)).To(Succeed())
		for _, f := range c.Files {
			text := []byte("the " + f.Name)
			for at := range text {
				changed := bytes.Clone(text)
				changed[at] ^= 1
				err := verify(k, sealed, fileOf(f.Name, string(changed)))
				Expect(err).To(BeAssignableToTypeOf(&evidence.FileError{}))
				Expect(err).To(MatchError(ContainSubstring("the " + f.Name + " is not the one of the statement")))
			}
		}
		Expect(verify(k, sealed, fileOf("diary", "dear diary"))).To(MatchError(ContainSubstring("names no diary")))
	})

	It("is not made of a statement that does not agree with itself, nor without a key", func() {
		statement, err := evidence.Make(caseOf(report(result("TI-AM-01", fail, ""))))
		Expect(err).NotTo(HaveOccurred())
		_, err = evidence.Seal(statement, nil)
		Expect(err).To(BeAssignableToTypeOf(&evidence.KeyError{}))
		statement.Predicate.Result = evidence.Passed
		_, err = evidence.Seal(statement, k.private)
		Expect(err).To(BeAssignableToTypeOf(&evidence.StatementError{}))
	})
})

func signatureOf(sealed []byte) []byte {
	GinkgoHelper()
	var e envelope
	Expect(json.Unmarshal(sealed, &e)).To(Succeed())
	return []byte(e.Signatures[0].Sig)
}

var _ = Describe("A key", func() {
	It("is the same for the same random bytes, and another for others", func() {
		one, _, err := evidence.NewKey(bytes.NewReader(make([]byte, 32)))
		Expect(err).NotTo(HaveOccurred())
		two, _, err := evidence.NewKey(bytes.NewReader(make([]byte, 32)))
		Expect(err).NotTo(HaveOccurred())
		Expect(two).To(Equal(one))
		Expect(newKeys().privatePEM).NotTo(Equal(one))
		_, _, err = evidence.NewKey(bytes.NewReader(make([]byte, 31)))
		Expect(err).To(HaveOccurred())
	})

	It("is refused in any other form, with a sentence that says which", func() {
		k := newKeys()
		foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		der, err := x509.MarshalPKIXPublicKey(&foreign.PublicKey)
		Expect(err).NotTo(HaveOccurred())
		for text, what := range map[string]string{
			"":                        "no PEM block",
			string(k.privatePEM):      `of kind "PRIVATE KEY"`,
			string(k.publicPEM) + "x": "more behind",
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})):     "not Ed25519",
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[1:]})): "no public key",
		} {
			_, err := evidence.ParsePublicKey([]byte(text))
			Expect(err).To(BeAssignableToTypeOf(&evidence.KeyError{}))
			Expect(err).To(MatchError(ContainSubstring(what)))
		}
		_, err = evidence.ParsePrivateKey(k.publicPEM)
		Expect(err).To(MatchError(ContainSubstring(`of kind "PUBLIC KEY"`)))
	})
})
