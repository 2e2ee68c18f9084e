package cli_test

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/reference"
	"countersign/reports"
	"countersign/reports/cli"
	"countersign/reports/evidence"
)

// cage is a folder with a configuration that is full of canaries, and what the commands said in it.
type cage struct {
	folder string
	env    map[string]string
	// said is what went to standard output and standard error, with the errors.
	said strings.Builder
	// planted are the canaries, in the form in which the configuration has them, and kept the lines of a key that no target is told.
	planted, kept []string
}

func newCage() *cage { return &cage{folder: GinkgoT().TempDir(), env: map[string]string{}} }

func (c *cage) path(name string) string { return filepath.Join(c.folder, name) }

func (c *cage) write(name, text string) string {
	GinkgoHelper()
	Expect(os.WriteFile(c.path(name), []byte(text), 0o600)).To(Succeed())
	return c.path(name)
}

// run runs a command and gives its exit code.
func (c *cage) run(command func(cli.Program) *cobra.Command, args ...string) int {
	GinkgoHelper()
	out, err := os.CreateTemp(GinkgoT().TempDir(), "said")
	Expect(err).NotTo(HaveOccurred())
	defer out.Close()
	p := cli.Program{In: os.Stdin, Out: out, Err: out, Env: func(name string) (string, bool) {
		value, ok := c.env[name]
		return value, ok
	}}
	root := command(p)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetArgs(args)
	err = root.ExecuteContext(context.Background())
	text, read := os.ReadFile(out.Name())
	Expect(read).NotTo(HaveOccurred())
	c.said.Write(text)
	if err == nil {
		return 0
	}
	c.said.WriteString(err.Error() + "\n")
	var code cli.ExitCode
	if errors.As(err, &code) {
		return int(code)
	}
	return certify.ExitCode(err)
}

// outputs are all texts that came out, by what they are, but for the transcripts and what the cage itself is made of.
func (c *cage) outputs() map[string]string {
	GinkgoHelper()
	all := map[string]string{"what was said": c.said.String()}
	Expect(filepath.WalkDir(c.folder, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, c.folder+"/")
		if err != nil || entry.IsDir() || !strings.Contains(name, "/") {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".transcript.jsonl") {
			Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)), name)
			return nil
		}
		text, err := os.ReadFile(path)
		all[name] = string(text)
		if strings.HasSuffix(name, ".evidence.json") {
			all["the inside of "+name] = inside(text)
		}
		return err
	})).To(Succeed())
	return all
}

// inside is all that evidence holds in base64.
func inside(sealed []byte) string {
	GinkgoHelper()
	var envelope struct{ Payload []byte }
	Expect(json.Unmarshal(sealed, &envelope)).To(Succeed())
	var statement evidence.Statement
	Expect(json.Unmarshal(envelope.Payload, &statement)).To(Succeed())
	all := string(envelope.Payload)
	for _, r := range slices.Concat(statement.Subject, statement.Predicate.Configuration) {
		all += string(r.Content)
	}
	return all
}

// song is what every canary begins with, in all the ways in which it can be written: its letters are the same in queries, JSON and HTML.
func song() []string {
	digits := hex.EncodeToString([]byte("canary"))
	all := []string{"canary", "CANARY", digits, strings.ToUpper(digits)}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + "canary"))
		all = append(all, text[(before*8+5)/6:((before+6)*8)/6])
	}
	return all
}

// expectSilence fails where a canary is heard.
func (c *cage) expectSilence() {
	GinkgoHelper()
	for name, text := range c.outputs() {
		for _, needle := range slices.Concat(song(), c.planted, c.kept) {
			if at := strings.Index(text, needle); at >= 0 {
				Fail(fmt.Sprintf("%q stands in %s: %q", needle, name, text[max(0, at-120):min(len(text), at+120)]))
			}
		}
	}
}

// secretMembers are the members of all setups that hold secrets, by the profiles' sections 8.
var secretMembers = []string{"secret", "password", "handover_key", "secret_at_peer", "k", "d", "key", "seal_keys", "account_password"}

// number256 is the form of a key in a setup.
var number256 = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// canary is a secret of the form that the member had.
func (c *cage) canary(was string) string {
	GinkgoHelper()
	text := fmt.Sprintf("canary-%03d+/<&\"ü of ours", len(c.planted))
	if number256.MatchString(was) {
		text = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "canary-%03d-of-thirty-two-bytes--", len(c.planted)))
	}
	c.planted = append(c.planted, text)
	return text
}

// plant puts canaries into a setup: one third as they are, one by the environment, one by files.
func (c *cage) plant(value any, member string) any {
	GinkgoHelper()
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			v[name] = c.plant(v[name], name)
			if name != "d" {
				continue
			}
			raw, err := base64.RawURLEncoding.DecodeString(c.planted[len(c.planted)-1])
			Expect(err).NotTo(HaveOccurred())
			key, err := ecdh.P256().NewPrivateKey(raw)
			Expect(err).NotTo(HaveOccurred())
			point := key.PublicKey().Bytes()
			v["x"], v["y"] = base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
		}
	case []any:
		for i := range v {
			v[i] = c.plant(v[i], member)
		}
	case string:
		if !slices.Contains(secretMembers, member) {
			return v
		}
		secret, number := c.canary(v), len(c.planted)
		switch number % 3 {
		case 0:
			name := fmt.Sprintf("SECRET_%d", number)
			c.env[name] = secret
			return "${env:" + name + "}"
		case 1:
			name := fmt.Sprintf("secret-%d", number)
			c.write(name, secret+"\n")
			return "${file:" + name + "}"
		}
		return secret
	}
	return value
}

// members is a flow's setup as it stands in a file, with the harness at free addresses.
func members(flow conformance.Flow) any {
	GinkgoHelper()
	setup := flow.Setup()
	for _, a := range setup.Addresses() {
		*a.Origin = fixture.FreeOrigin()
	}
	text, err := json.Marshal(setup)
	Expect(err).NotTo(HaveOccurred())
	var value any
	Expect(json.Unmarshal(text, &value)).To(Succeed())
	return value
}

// configure writes countersign.yaml, with more beside the setup, and gives what it says.
func (c *cage) configure(flow conformance.Flow, more map[string]any) config.Config {
	GinkgoHelper()
	file := map[string]any{"profile": flow.Profile, "max_wait": "0s", "setup": c.plant(members(flow), "")}
	for key, value := range more {
		file[key] = value
	}
	certificate, key := c.clientCertificate()
	file["tls"] = map[string]any{"certificate": c.write("client.pem", certificate), "key": c.write("client.key", key)}
	text, err := json.Marshal(file)
	Expect(err).NotTo(HaveOccurred())
	path := c.write("countersign.yaml", string(text))
	read, err := config.Reader{Env: func(name string) (string, bool) { return c.env[name], c.env[name] != "" }}.Load(path)
	Expect(err).NotTo(HaveOccurred())
	return read
}

// clientCertificate is a certificate and its key, whose lines are canaries too.
func (c *cage) clientCertificate() (certificate, key string) {
	GinkgoHelper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	der, err := x509.MarshalPKCS8PrivateKey(private)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "harness"}, NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	Expect(err).NotTo(HaveOccurred())
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	c.kept = append(c.kept, strings.Split(key, "\n")[1:3]...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})), key
}

// serve serves one role of the reference, which has agreed on the configuration's setup, and gives its URL.
func serve(flow conformance.Flow, role catalog.Role, setup conformance.Setup, defect string) string {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	ready, served := make(chan string, 1), make(chan error, 1)
	go func() {
		served <- reference.Live{
			Flow: flow, Level: catalog.Hardened, Role: role, Setup: setup, Defect: defect, Tell: func(string) {}, Ready: func(origins ...string) { ready <- origins[0] },
		}.Serve(ctx)
	}()
	DeferCleanup(func() {
		stop()
		Eventually(served).Should(Receive(Succeed()))
	})
	var origin string
	Eventually(ready).Should(Receive(&origin))
	return origin
}

// some are the first checks of a role, which play the flow from end to end.
func some(flow conformance.Flow, role catalog.Role) []string {
	for _, c := range flow.Checks {
		if c.Role == role {
			return []string{"--role", string(role), "--only", string(c.ID[:len(c.ID)-1])}
		}
	}
	return nil
}

// everything has the target checked, and the outcome written in every form that there is. It gives check's exit code.
func (c *cage) everything(args ...string) int {
	GinkgoHelper()
	key := c.path("signer")
	if _, err := os.Stat(key); err != nil {
		Expect(c.run(cli.Program.Key, "new", key)).To(Equal(0))
	}
	out := c.path("out")
	file := []string{"--config", c.path("countersign.yaml")}
	c.run(cli.Program.Doctor, append(file, "--json")...)
	code := c.run(cli.Program.Check, slices.Concat(file, []string{"--evidence", "--key", key, "--out", out, "--json"}, args)...)
	if _, err := os.Stat(filepath.Join(out, "report.json")); err != nil {
		return code
	}
	for _, format := range reports.Formats() {
		Expect(c.run(cli.Program.Report, filepath.Join(out, "report.json"), "--format", format.Name)).To(Equal(0))
	}
	sealed, transcript := filepath.Join(out, "report.evidence.json"), filepath.Join(out, "report.transcript.jsonl")
	Expect(c.run(cli.Program.Verify, sealed, "--key", key+".pub", "--recording", transcript, "--report", filepath.Join(out, "report.json"))).To(Equal(0), c.said.String())
	again := c.run(cli.Program.Rejudge, transcript, "--evidence", sealed, "--key", key+".pub", "--out", c.path("rejudged"), "--json")
	Expect(again).To(Equal(code), c.said.String())
	one, err := os.ReadFile(filepath.Join(out, "report.json"))
	Expect(err).NotTo(HaveOccurred())
	two, err := os.ReadFile(filepath.Join(c.path("rejudged"), "report.json"))
	Expect(err).NotTo(HaveOccurred())
	Expect(string(two) == string(one)).To(BeTrue(), "the report that was judged again is another one")
	return code
}

// parrot is a target that answers everything with all canaries, written in every way.
func (c *cage) parrot(flow conformance.Flow) string {
	GinkgoHelper()
	var song []string
	for _, secret := range c.planted[:min(12, len(c.planted))] { // more do not go into a header
		quoted, err := json.Marshal(secret)
		Expect(err).NotTo(HaveOccurred())
		digits := hex.EncodeToString([]byte(secret))
		song = append(song, secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), string(quoted), strconv.QuoteToASCII(secret), digits, strings.ToUpper(digits))
		for _, before := range []string{"", "a", "ab"} {
			song = append(song, base64.StdEncoding.EncodeToString([]byte(before+secret)), base64.RawURLEncoding.EncodeToString([]byte(before+secret+"?")))
		}
	}
	document := map[string]any{"profile": flow.Profile, "leak": song}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range song {
			w.Header().Add("X-Leak", line)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == flow.WellKnown {
			_ = json.NewEncoder(w).Encode(document)
			return
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprint(w, strings.Join(song, "\n"))
	}))
	DeferCleanup(target.Close)
	document["issuer"] = target.URL
	for _, m := range config.Members(flow) {
		if m.Lifetime {
			document[m.Name] = 300
		} else if m.Name != "test_clock_endpoint" {
			document[m.Name] = target.URL + "/" + m.Name
		}
	}
	return target.URL
}

// issued is what a party makes up by chance: letters and digits in a row that no word has.
var issued = regexp.MustCompile(`[A-Za-z0-9_-]{20,}`)

// public are the members of messages whose chance values are names and no secrets.
var public = strings.Fields("deviceid client_id kid x y sha256 appid account system_id user_name username handset device sub jkt")

// expectNothingIssued fails where a chance value of the transcript stands in an output.
func (c *cage) expectNothingIssued() {
	GinkgoHelper()
	transcript, err := os.ReadFile(c.path("out/report.transcript.jsonl"))
	Expect(err).NotTo(HaveOccurred())
	secret, known := map[string]string{}, map[string]bool{}
	keep := func(member, text string) {
		if decoded, err := url.QueryUnescape(text); err == nil {
			text += " " + decoded
		}
		for _, value := range issued.FindAllString(text, -1) {
			if !strings.ContainsAny(value, "0123456789") || strings.ToLower(value) == value && strings.Contains(value, "-") {
				continue // a phrase
			}
			if slices.Contains(public, member) {
				known[value] = true
			} else {
				secret[value] = member
			}
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(transcript)), "\n") {
		var step struct {
			Request, Answer *struct {
				URL    any
				Header []struct{ Name, Value any }
				Body   []byte
			}
		}
		Expect(json.Unmarshal([]byte(line), &step)).To(Succeed())
		for _, m := range []*struct {
			URL    any
			Header []struct{ Name, Value any }
			Body   []byte
		}{step.Request, step.Answer} {
			if m == nil {
				continue
			}
			keep("url", fmt.Sprint(m.URL))
			for _, h := range m.Header {
				if slices.Contains([]string{"Authorization", "Cookie", "Set-Cookie", "Location"}, fmt.Sprint(h.Name)) {
					keep(fmt.Sprint(h.Name), fmt.Sprint(h.Value))
				}
			}
			var object any
			if json.Unmarshal(m.Body, &object) == nil {
				each(object, "", keep)
			} else if form, err := url.ParseQuery(string(m.Body)); err == nil {
				for name, values := range form {
					keep(name, strings.Join(values, " "))
				}
			}
		}
	}
	Expect(secret).NotTo(BeEmpty(), "nothing was issued")
	for name, text := range c.outputs() {
		for _, value := range issued.FindAllString(text, -1) {
			if member, heard := secret[value]; heard && !known[value] {
				Fail(fmt.Sprintf("%s, which was issued as %s, stands in %s", value, member, name))
			}
		}
	}
}

// each gives every text of a JSON value with the member that it stands in.
func each(value any, member string, use func(member, text string)) {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			each(v[name], name, use)
		}
	case []any:
		for _, item := range v {
			each(item, member, use)
		}
	case string:
		use(member, v)
	}
}
