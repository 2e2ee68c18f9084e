package config_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goccy/go-yaml"

	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/ticket"
)

var _ = Describe("A draft of a configuration", func() {
	draft := config.Draft{Flow: ticket.Flow(), Level: catalog.Core, Target: "http://127.0.0.1:9000", Roles: []catalog.Role{catalog.AccountServer}}

	It("is written with its schema beside it, and loads", func() {
		dir := GinkgoT().TempDir()
		file, err := draft.Write(dir, false)
		Expect(err).NotTo(HaveOccurred())
		Expect(file).To(Equal(filepath.Join(dir, "countersign.yaml")))
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(HavePrefix("# yaml-language-server: $schema=countersign.schema.json\n"))
		Expect(filepath.Join(dir, "countersign.schema.json")).To(BeARegularFile())
		c, err := config.Load(file)
		Expect(err).NotTo(HaveOccurred())
		expected := config.Default()
		expected.Profile, expected.Level, expected.Target, expected.Roles = "ticket@1", catalog.Core, "http://127.0.0.1:9000", draft.Roles
		Expect(config.Unread(c)).To(Equal(expected))
	})

	It("does not write over what is there, unless it is told to", func() {
		dir := GinkgoT().TempDir()
		file := filepath.Join(dir, "countersign.yaml")
		Expect(os.WriteFile(file, []byte("ours"), 0o600)).To(Succeed())
		_, err := draft.Write(dir, false)
		Expect(err).To(MatchError(file + " is there already and has not been changed; say --force to write over it, or name another folder"))
		Expect(os.ReadFile(file)).To(BeEquivalentTo("ours"))
		_, err = draft.Write(dir, true)
		Expect(err).NotTo(HaveOccurred())
		Expect(config.Load(file)).To(HaveField("Profile", "ticket@1"))
		_, err = draft.Write(dir, false)
		Expect(err).NotTo(HaveOccurred(), "the same content is no obstacle")
	})

	It("makes its folder, and says where that cannot be", func() {
		dir := GinkgoT().TempDir()
		file, err := draft.Write(filepath.Join(dir, "new", "folder"), false)
		Expect(err).NotTo(HaveOccurred())
		Expect(file).To(BeARegularFile())
		_, err = draft.Write(filepath.Join(file, "below"), false)
		Expect(err).To(MatchError(ContainSubstring("its folder cannot be made: not a directory; name a folder that can be written to")))
	})

	It("loads for every flow, with both clients in one word, and also with every comment's value taken", func() {
		for _, flow := range flows.All() {
			d := config.Draft{Flow: flow}
			for _, sign := range flow.Signs {
				d.Roles = append(d.Roles, sign.Roles...)
			}
			text, err := d.File()
			Expect(err).NotTo(HaveOccurred())
			c, err := config.Parse("countersign.yaml", text)
			Expect(err).NotTo(HaveOccurred(), flow.Name)
			Expect(c.Profile).To(Equal(flow.Profile))

			taken := regexp.MustCompile(`(?m)^# ?((?:target|endpoints|lifetimes|expected_failures|setup): ?|  )`).ReplaceAllString(string(text), "$1")
			c, err = config.Parse("countersign.yaml", []byte(taken))
			Expect(err).NotTo(HaveOccurred(), flow.Name+"\n"+taken)
			Expect(c.ExpectedFailures).To(HaveLen(1))
			Expect(c.Endpoints).To(HaveLen(1))
			if !strings.Contains(taken, "more that section 8") {
				Expect(c.Setup).To(Equal(flow.Setup()), flow.Name)
			}
			Expect(valid(config.Published(flow), []byte(taken))).To(Succeed())
		}
	})

	It("has a schema that lets texts of the setup be references, and what is sent, and nothing else", func() {
		schema := config.Published(bidirectional.Flow())
		Expect(valid(schema, []byte("setup: {handover_key: '${env:X}', own_issuer: '${file:x}', users: [{name: a, password: '${env:X}'}, {name: b, password: '${env:X}'}]}"))).To(Succeed())
		Expect(valid(schema, []byte("setup: {own_issuer: '${vault:x}'}"))).NotTo(Succeed())
		Expect(valid(schema, []byte("login: {hook: '${env:X}', extra: {a: '${env:X}'}}\ntriggers: {start_endpoint: {url: 'http://a', form: {a: '${file:x}'}}}"))).To(Succeed())
		Expect(valid(schema, []byte("target: '${env:X}'"))).NotTo(Succeed())
		Expect(valid(schema, []byte("triggers: {start_endpoint: {url: '${env:X}'}}"))).NotTo(Succeed())
		Expect(valid(schema, []byte("setup: {handover: x}"))).NotTo(Succeed())
		Expect(valid(config.Schema(bidirectional.Flow()), []byte("setup: {own_issuer: '${env:X}'}"))).NotTo(Succeed(), "the one that the program goes by")
	})

	It("is made of what a target serves", func() {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != ticket.Flow().WellKnown {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, `{"resource_endpoint": "http://`+r.Host+`/resource", "use_endpoint": "http://elsewhere/"}`)
		}))
		DeferCleanup(server.Close)
		for _, url := range []string{server.URL, server.URL + "/", server.URL + ticket.Flow().WellKnown} {
			d, err := config.Discover(context.Background(), server.Client(), url)
			Expect(err).NotTo(HaveOccurred())
			Expect(d.Flow.Name).To(Equal("ticket"))
			Expect(d.Target).To(Equal(server.URL))
			Expect(d.Roles).To(Equal([]catalog.Role{catalog.AppServer}))
		}
		_, err := config.Discover(context.Background(), server.Client(), server.URL, bidirectional.Flow())
		Expect(err).To(BeAssignableToTypeOf(&config.NoMetadataError{}))
		Expect(err).To(MatchError(ContainSubstring("answers 404 Not Found; start the target, or name the flow and the roles")))
	})
})

// valid holds a file against a schema.
func valid(schema, file []byte) error {
	GinkgoHelper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	Expect(err).NotTo(HaveOccurred())
	c := jsonschema.NewCompiler()
	Expect(c.AddResource("s.json", doc)).To(Succeed())
	rules, err := c.Compile("s.json")
	Expect(err).NotTo(HaveOccurred())
	asJSON, err := yaml.YAMLToJSON(file)
	Expect(err).NotTo(HaveOccurred())
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	Expect(err).NotTo(HaveOccurred())
	return rules.Validate(value)
}
