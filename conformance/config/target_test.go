package config_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/bidirectional"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

var _ = Describe("What a configuration says of the target", func() {
	It("is read", func() {
		c, err := parse("profile: ticket@1\ntarget: http://t\nmetadata: http://m/doc\nendpoints: {use_endpoint: 'http://t/use'}\nlifetimes: {refresh_grace: 60}\n" +
			"tls: {server_name: t.example}\nexpected_failures:\n  - id: TI-TE-01\n    reason: not yet\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Metadata).To(Equal("http://m/doc"))
		Expect(c.Endpoints).To(Equal(map[string]string{"use_endpoint": "http://t/use"}))
		Expect(c.Lifetimes).To(Equal(map[string]int64{"refresh_grace": 60}))
		Expect(c.TLS).To(Equal(config.TLS{ServerName: "t.example"}))
		Expect(c.ExpectedFailures).To(Equal([]config.ExpectedFailure{{ID: "TI-TE-01", Reason: "not yet"}}))
		Expect(c.Place("expected_failures", "0", "id").String()).To(Equal("countersign.yaml:8:9"))
		Expect(c.Place("limit")).To(Equal(config.Place{}))
	})

	It("is found by the document's URL alone, where that lies at its own path", func() {
		c, err := parse("metadata: https://t/base/.well-known/bidirectional-authorization\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Target).To(Equal("https://t/base"))
		Expect(c.Overrides()).To(BeFalse())
	})

	DescribeTable("is refused with the place and how to mend it",
		func(text, message string) {
			_, err := parse(text)
			Expect(err).To(MatchError("countersign.yaml" + message))
		},
		Entry("when the document's URL tells no target", "metadata: https://t/doc\n", ":1:11: metadata: the document does not lie at its own path /.well-known/bidirectional-authorization, so that the target is not known by it; add the key `target`: the base URL under which the target lies"),
		Entry("when the document's URL holds a password", "target: http://t\nmetadata: https://me:topsecret@t/doc\n", ":2:11: metadata: the URL is malformed or holds a user name or a password; write it as https://example.org/path"),
		Entry("when endpoints are of no target", "endpoints: {token_endpoint: 'http://t/t'}\n", ":1:12: endpoints: endpoints of no target are named; add the key `target`: the base URL under which the target lies"),
		Entry("when an endpoint is of another flow", "endpoints: {use_endpoint: 'http://t/t'}\n", `:1:13: unknown key "use_endpoint"; known here: authorization_endpoint, callback_endpoint, delegation_endpoint, resource_endpoint, revocation_endpoint, start_endpoint, temporary_credential_endpoint, test_clock_endpoint, token_endpoint, token_handover_endpoint`),
		Entry("when a lifetime is no number", "lifetimes: {timestamp_window: 5m}\n", ":1:31: lifetimes.timestamp_window: a whole number of seconds is wanted here, not a text; write it without quotes, as 7"),
		Entry("when a lifetime has no end", "lifetimes: {timestamp_window: 10000000000}\n", ":1:31: lifetimes.timestamp_window: a whole number of seconds is wanted here, not 10000000000; write a smaller one"),
		Entry("when an expected failure has no reason", "expected_failures: [{id: BI-OS-36}]\n", `:1:21: expected_failures[0]: the key "reason" is missing; add it: an expected failure has id, reason`),
		Entry("when it names no ID", "expected_failures: [{id: tokens, reason: x}]\n", ":1:26: expected_failures[0].id: the ID of a requirement is wanted here; write it as BI-OS-36 or BI-CL-01@client-initiating"),
		Entry("when a file of TLS is missing", "tls: {ca: none.pem}\n", ":1:11: tls.ca: the file cannot be read: no such file or directory; correct the path, which begins at the folder of the configuration"),
		Entry("when tls has an unknown key", "tls: {insecure: true}\n", `:1:7: unknown key "insecure"; known here: ca, certificate, key, server_name`),
	)

	It("names the members of section 3 of the profiles", func() {
		for _, flow := range flows.All() {
			profile, err := os.ReadFile("../profiles/" + flow.Name + ".md")
			Expect(err).NotTo(HaveOccurred())
			_, section, _ := strings.Cut(string(profile), "\n## 3.")
			section, _, _ = strings.Cut(section, "\n## 4.")
			row := regexp.MustCompile(`(?m)^\| ([^|]+)\| ([^|]+)\|`)
			listed := map[string]bool{}
			for _, m := range row.FindAllStringSubmatch(section, -1) {
				names := regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[1], -1)
				for i, name := range names {
					kind, _, _ := strings.Cut(strings.ReplaceAll(m[2], ":", ";"), ";")
					if each := strings.Split(kind, ","); len(each) == len(names) { // as string, URL
						kind = each[i]
					}
					lifetime := strings.Contains(kind, "second")
					if lifetime || strings.HasPrefix(strings.TrimSpace(kind), "URL") && name[1] != "issuer" {
						listed[fmt.Sprint(name[1], " ", lifetime)] = true
					}
				}
			}
			known := map[string]bool{}
			for _, m := range config.Members(flow) {
				known[fmt.Sprint(m.Name, " ", m.Lifetime)] = true
			}
			Expect(known).To(Equal(listed), flow.Name)
		}
	})
})

var _ = Describe("The way to a target", func() {
	It("brings no mark of the harness that comes from there: a target would take judgements of itself back by one", func() {
		target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(config.OverrideHeader, config.DocumentConfigured)
			w.Header().Set("X-Own", "1")
			w.Header().Set("countersign-driven", "a person")
		}))
		defer target.Close()
		way, err := config.Default().Transport()
		Expect(err).NotTo(HaveOccurred())
		client := http.Client{Transport: way(bidirectional.Flow(), &http.Transport{})}
		defer client.CloseIdleConnections()
		resp, err := client.Get(target.URL)
		Expect(err).NotTo(HaveOccurred())
		defer resp.Body.Close()
		Expect(resp.Header).To(HaveKey("X-Own"))
		Expect(resp.Header).NotTo(Or(HaveKey(config.OverrideHeader), HaveKey("Countersign-Driven")))
	})
})

var _ = Describe("The target's metadata document, met through a configuration", func() {
	flow := bidirectional.Flow()
	// meet asks a target that serves the document, at its own path or elsewhere, if it is not empty.
	meet := func(file, path, document string) (int, map[string]any, http.Header) {
		GinkgoHelper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, document)
		}))
		DeferCleanup(server.Close)
		c, err := parse(strings.ReplaceAll("target: TARGET\n"+file, "TARGET", server.URL))
		Expect(err).NotTo(HaveOccurred())
		resp, err := (&http.Client{Transport: c.Through(flow, http.DefaultTransport)}).Get(server.URL + flow.WellKnown)
		Expect(err).NotTo(HaveOccurred())
		defer resp.Body.Close()
		var members map[string]any
		if resp.StatusCode == http.StatusOK {
			Expect(json.NewDecoder(resp.Body).Decode(&members)).To(Succeed())
		}
		return resp.StatusCode, members, resp.Header
	}

	It("has endpoints and lifetimes of the file over its own, and says so in a header line", func() {
		_, members, header := meet("endpoints: {token_endpoint: 'http://t/t'}\nlifetimes: {timestamp_window: 5}\n", flow.WellKnown, `{"token_endpoint": "http://old/", "start_endpoint": "http://s/"}`)
		Expect(members).To(Equal(map[string]any{"token_endpoint": "http://t/t", "start_endpoint": "http://s/", "timestamp_window": 5.0}))
		Expect(header.Get(config.OverrideHeader)).To(Equal("token_endpoint, timestamp_window"))
	})

	It("is fetched where the file says, and otherwise unchanged", func() {
		_, members, header := meet("metadata: TARGET/doc\n", "/doc", `{"start_endpoint": "http://s/"}`)
		Expect(members).To(Equal(map[string]any{"start_endpoint": "http://s/"}))
		Expect(header.Get(config.OverrideHeader)).To(BeEmpty())
	})

	It("is made of the file where the target has none", func() {
		_, members, _ := meet("endpoints: {token_endpoint: 'http://t/t'}\n", "/nowhere", "")
		Expect(members).To(And(HaveKeyWithValue("profile", "bidirectional@1"), HaveKeyWithValue("token_endpoint", "http://t/t"), HaveKey("issuer")))
	})

	It("stays away where the target has none and the file names no endpoint", func() {
		status, _, _ := meet("lifetimes: {timestamp_window: 5}\n", "/nowhere", "")
		Expect(status).To(Equal(http.StatusNotFound))
	})
})
