package config_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/bidirectional"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/practice"
)

var _ = Describe("The stage of a configuration", func() {
	It("listens where it is told to, by the name of the party or by the origin that is announced, and else at that origin", func() {
		s := config.Stage{Listen: map[string]string{"site-a": "0.0.0.0:1", "http://b.example:80": "127.0.0.1:2"}}
		for _, wanted := range []struct {
			party, origin, address string
			apart                  bool
		}{
			{"site-a", "https://a.example", "0.0.0.0:1", true},
			{"site-b", "http://b.example:80", "127.0.0.1:2", true},
			{"site-b", "http://127.0.0.1:3", "127.0.0.1:3", false},
		} {
			address, apart := s.At(wanted.party, wanted.origin)
			Expect(address).To(Equal(wanted.address))
			Expect(apart).To(Equal(wanted.apart))
		}
	})

	It("is met over TLS by those who trust its practice CA, under the announced name", func() {
		folder := filepath.Join(GinkgoT().TempDir(), "tls")
		ca, err := practice.Open(folder)
		Expect(err).NotTo(HaveOccurred())
		l, err := config.Stage{PracticeCA: folder, Listen: map[string]string{"site-a": "127.0.0.1:0"}}.Listener("site-a", "https://harness.example:8791")
		Expect(err).NotTo(HaveOccurred())
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.TLS.ServerName)
		})}
		go func() { _ = server.Serve(l) }() // ends with Close
		DeferCleanup(server.Close)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: "harness.example"}, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + l.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		defer resp.Body.Close()
		Expect(io.ReadAll(resp.Body)).To(BeEquivalentTo("harness.example"))
	})

	It("does not listen over https without a certificate, nor at an address that is taken", func() {
		_, err := config.Stage{}.Listener("site-a", "https://127.0.0.1:0")
		Expect(err).To(BeAssignableToTypeOf(&config.FileError{}))
		Expect(err).To(MatchError(HavePrefix("stage.certificate: the harness has no certificate to show over https; name one")))
		l, err := config.Stage{}.Listener("site-a", "http://127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		_, err = config.Stage{}.Listener("site-b", "http://"+l.Addr().String())
		Expect(err).To(MatchError(ContainSubstring("address already in use")))
	})

	It("names files that begin at the folder of the configuration", func() {
		folder := GinkgoT().TempDir()
		_, err := practice.Open(filepath.Join(folder, "tls"))
		Expect(err).NotTo(HaveOccurred())
		c, err := config.Parse(filepath.Join(folder, "countersign.yaml"), []byte("stage: {practice_ca: tls, listen: {site-a: '[::]:8791'}}"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Stage).To(Equal(config.Stage{PracticeCA: filepath.Join(folder, "tls"), Listen: map[string]string{"site-a": "[::]:8791"}}))
	})

	It("trusts certificates besides the machine's, and says what is no certificate", func() {
		folder := GinkgoT().TempDir()
		ca, err := practice.Open(folder)
		Expect(err).NotTo(HaveOccurred())
		pool, err := config.Trusted(ca.CA())
		Expect(err).NotTo(HaveOccurred())
		machine, err := config.Trusted()
		Expect(err).NotTo(HaveOccurred())
		Expect(pool.Equal(machine)).To(BeFalse())
		_, err = config.Trusted(filepath.Join(folder, "none.pem"))
		Expect(err).To(MatchError(MatchRegexp(`^ca: the file .*none.pem cannot be read: no such file or directory; correct the path$`)))
		_, err = config.Trusted(filepath.Join(folder, "ca-key.pem"))
		Expect(err).To(MatchError(ContainSubstring("holds no certificate in PEM")))
	})
})

var _ = Describe("A draft of a configuration for a harness that is reached from elsewhere", func() {
	It("announces all addresses anew, listens for them on this machine, and obeys the schema", func() {
		for _, flow := range flows.All() {
			folder := GinkgoT().TempDir()
			_, err := practice.Open(filepath.Join(folder, "tls"))
			Expect(err).NotTo(HaveOccurred())
			d := config.Draft{Flow: flow, Target: "https://app.test:9000", Announce: "https://harness.test", Stage: config.Stage{PracticeCA: "tls"}}
			file, err := d.Write(folder, false)
			Expect(err).NotTo(HaveOccurred())
			c, err := config.Load(file)
			Expect(err).NotTo(HaveOccurred())
			for _, a := range c.Setup.Addresses() {
				Expect(*a.Origin).To(MatchRegexp(`^https://harness\.test:88?\d+$|^https://harness\.test:87\d\d$`))
				address, apart := c.Stage.At(a.Party, *a.Origin)
				Expect(apart).To(BeTrue())
				Expect(address).To(Equal("0.0.0.0:" + (*a.Origin)[len("https://harness.test:"):]))
			}
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).NotTo(ContainSubstring("http://127.0.0.1:88"))
			Expect(valid(config.Published(flow), text)).To(Succeed())
		}
	})

	It("stays on loopback where that is announced, and then listens where it is announced", func() {
		text, err := config.Draft{Flow: bidirectional.Flow(), Announce: "https://localhost"}.File()
		Expect(err).NotTo(HaveOccurred())
		c, err := config.Parse("countersign.yaml", text)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Setup.(*bidirectional.Setup).Clients[0].Callback).To(Equal("https://localhost:8791/callback"))
		Expect(c.Stage.Listen).To(BeEmpty())
	})
})

var _ = Describe("A draft of a configuration without secrets", func() {
	It("refers to variables, which a file beside it sets to the profile's values", func() {
		for _, flow := range flows.All() {
			folder := GinkgoT().TempDir()
			file, err := config.Draft{Flow: flow, Environment: true}.Write(folder, false)
			Expect(err).NotTo(HaveOccurred())
			text, err := os.ReadFile(filepath.Join(folder, config.EnvironmentName))
			Expect(err).NotTo(HaveOccurred())
			variables := inShell(string(text))
			Expect(variables).NotTo(BeEmpty())
			c, err := config.Reader{Env: func(name string) (string, bool) { value, ok := variables[name]; return value, ok }}.Load(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(c.Setup).To(Equal(flow.Setup()))
			Expect(c.Secrets).To(HaveLen(len(variables)), "no variable is used twice")
			written, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			for _, value := range variables {
				if len(value) > 20 { // a shorter one may be a word of a comment
					Expect(string(written)).NotTo(ContainSubstring(value))
				}
			}
			Expect(valid(config.Published(flow), written)).To(Succeed())
			_, err = config.Load(file)
			Expect(err).To(MatchError(ContainSubstring("the environment has no COUNTERSIGN_")))
		}
	})
})

// inShell has a shell read a file of variables.
func inShell(text string) map[string]string {
	GinkgoHelper()
	cmd := exec.CommandContext(context.Background(), "sh", "-c", "set -a; eval \"$1\"; env", "sh", text)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	Expect(err).NotTo(HaveOccurred())
	variables := map[string]string{}
	for line := range strings.SplitSeq(string(out), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, "COUNTERSIGN_") {
			variables[name] = value
		}
	}
	return variables
}
