package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/ticket"
)

// keys are those of the file.
const keys = "document, endpoints, exec, expected_failures, image, level, lifetimes, limit, load, login, max_wait, metadata, profile, roles, seed, setup, stage, target, tls, triggers"

const client = "{id: a, secret: topsecret, name: A, callback: 'http://a/callback'}"

// bomb stands for ten million texts.
func bomb() string {
	text := "a: &a [x]\n"
	for i := range 7 {
		text += fmt.Sprintf("%c: &%c [%s*%c]\n", 'b'+i, 'b'+i, strings.Repeat(fmt.Sprintf("*%c, ", 'a'+i), 9), 'a'+i)
	}
	return text
}

func parse(text string) (config.Config, error) { return config.Parse("countersign.yaml", []byte(text)) }

var _ = Describe("A configuration with a mistake", func() {
	DescribeTable("is refused with the place, the mistake and how to mend it",
		func(text, message string) {
			_, err := parse(text)
			var mistake *config.Error
			Expect(errors.As(err, &mistake)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError("countersign.yaml" + message))
		},
		Entry("an unknown key at the top", "level: core\ntargt: http://x\n",
			`:2:1: unknown key "targt"; known here: `+keys),
		Entry("an unknown key in the setup", "setup:\n  handover_keys: topsecret\n",
			`:2:3: unknown key "handover_keys"; known here: clients, handover_key, own_issuer, peer_issuer, secret_at_peer, stranger, users`),
		Entry("an unknown key of a client", "setup:\n  clients:\n    - "+client+"\n    - "+client+"\n    - id: c\n      key: topsecret\n      secret: topsecret\n      name: C\n      callback: http://c/\n",
			`:6:7: unknown key "key"; known here: callback, id, name, secret`),
		Entry("an unknown key of a user", "setup:\n  stranger: {name: carol, password: topsecret, age: 7}\n", `:2:48: unknown key "age"; known here: name, password`),
		Entry("a key that is no word", "1: 2\n", `:1:1: unknown key "1"; known here: `+keys),
		Entry("several mistakes, of which the first is told", "seed: 3\nlevel: nope\ntarget: bad\nx: y\n", `:2:8: level: "nope" is unknown; write core or hardened`),
		Entry("two unknown keys, of which the first is told", "zebra: 1\nant: 2\n", `:1:1: unknown key "zebra"; known here: `+keys),
		Entry("a letter of another encoding", "level: core\n# caf\xe9\n", ":2:6: the byte 0xe9 is no UTF-8; save the file as text in UTF-8"),
		Entry("two bytes for each letter", "\xff\xfel\x00", ":1:1: the byte 0xff is no UTF-8; save the file as text in UTF-8"),
		Entry("a control character", "level: core\nseed: \x007\n", ":2:7: the control character 0x00 stands here; save the file as text in UTF-8"),
		Entry("an anchor", "profile: &p ticket@1\n", ":1:10: anchors and aliases of YAML, as & and *, are not read here; write the value itself"),
		Entry("aliases that stand for more than any memory holds", bomb(), ":1:4: anchors and aliases of YAML, as & and *, are not read here; write the value itself"),
		Entry("an alias of nothing", "limit: *nope\n", ":1:8: anchors and aliases of YAML, as & and *, are not read here; write the value itself"),
		Entry("a mapping merged into another", "tls: {<<: {ca: a}}\n", ":1:7: anchors and aliases of YAML, as & and *, are not read here; write the value itself"),
		Entry("a tag", "profile: !!str ticket@1\n", ":1:10: tags of YAML, as !!str, are not read here; write the value itself"),
		Entry("an infinite number", "seed: .inf\n", ":1:7: .inf is no number that can be used; write a whole number"),
		Entry("no number at all", "seed: .nan\n", ":1:7: .nan is no number that can be used; write a whole number"),
		Entry("an escaped control character", `limit: "\x01"`+"\n", ":1:8: limit: a duration is wanted here; write it as 500ms or 10s or 2m"),
		Entry("a file of megabytes", strings.Repeat("# no end\n", 1<<17), ": the configuration is longer than 1048576 bytes; name the file that `countersign init` has written"),
		Entry("nesting without end", "setup: "+strings.Repeat("{a: ", 11000)+"1"+strings.Repeat("}", 11000)+"\n", ": the file cannot be read as YAML: exceeded max depth; hold it against one that `countersign init` writes"),
		Entry("a text for a number", "seed: lots\n", `:1:7: seed: a whole number of 0 or more is wanted here, not a text; write it without quotes, as 7`),
		Entry("a broken number", "seed: 1.5\n", `:1:7: seed: a whole number of 0 or more is wanted here, not a number; write it without quotes, as 7`),
		Entry("a negative seed", "seed: -1\n", `:1:7: seed: a whole number of 0 or more is wanted here, not -1; write it without quotes, as 7`),
		Entry("a seed beyond 64 bits", "seed: 99999999999999999999\n", `:1:7: seed: a whole number of 0 or more is wanted here, not a text; write it without quotes, as 7`),
		Entry("an unknown level", "level: medium\n", `:1:8: level: "medium" is unknown; write core or hardened`),
		Entry("an unknown profile", "profile: tickets@1\n", `:1:10: profile: "tickets@1" is unknown; write bidirectional@1 or ticket@1 or mobile@1 or offline@1 or unified@1`),
		Entry("an unknown role", "roles:\n  - client\n  - server\n", `:3:5: roles[1]: "server" is unknown; write oauth-server or resource-server or client or client-initiating or client-receiving`),
		Entry("a role twice", "roles: [client, client]\n", `:1:8: roles: entries 1 and 2 are the same; take one of them out`),
		Entry("no role", "roles: []\n", `:1:8: roles: a list of roles is wanted here, not an empty one; write one entry after the other, each behind a dash`),
		Entry("a role that is no list", "roles: client\n", `:1:8: roles: a list of roles is wanted here, not a text; write one entry after the other, each behind a dash`),
		Entry("a URL without a scheme", "target: localhost:80\n", `:1:9: target: a URL is wanted here; write it as http://127.0.0.1:9000 or https://example.org/path`),
		Entry("a duration without a unit", "limit: 10\n", `:1:8: limit: a duration is wanted here, not a number; write it as 500ms or 10s or 2m`),
		Entry("a duration in words", "max_wait: ten seconds\n", `:1:11: max_wait: a duration is wanted here; write it as 500ms or 10s or 2m`),
		Entry("a duration of ages", "limit: 99999999999999999999s\n", `:1:8: limit: a duration is wanted here; write it as 500ms or 10s or 2m`),
		Entry("two clients only", "setup:\n  clients:\n    - "+client+"\n    - "+client+"\n", `:3:5: setup.clients: a list of three clients is wanted here, not one of 2; add what is missing`),
		Entry("four clients", "setup: {clients: ["+strings.Repeat(client+", ", 3)+client+"]}\n", `:1:18: setup.clients: a list of three clients is wanted here, not one of 4; take out what is too much`),
		Entry("one user only", "setup:\n  users: [{name: alice, password: topsecret}]\n", `:2:10: setup.users: a list of two users or more is wanted here, not one of 1; add what is missing`),
		Entry("a client without a secret", "setup:\n  clients:\n    - id: a\n      name: A\n      callback: http://a/\n    - "+client+"\n    - "+client+"\n",
			`:3:7: setup.clients[0]: the key "secret" is missing; add it: a client has callback, id, name, secret`),
		Entry("a user without a password", "setup:\n  stranger:\n    name: carol\n", `:3:5: setup.stranger: the key "password" is missing; add it: a user has name, password`),
		Entry("a number for a secret", "setup:\n  handover_key: 12345\n", `:2:17: setup.handover_key: a text is wanted here, not a number; put it in quotes`),
		Entry("an empty secret", "setup:\n  handover_key: ''\n", `:2:17: setup.handover_key: a text is wanted here, not an empty one; write at least one character`),
		Entry("an empty setup", "setup:\n", `:1:8: setup: a mapping is wanted here, not nothing; known here: clients, handover_key, own_issuer, peer_issuer, secret_at_peer, stranger, users`),
		Entry("a list for the whole", "- level\n", `:1:1: the file: a mapping is wanted here, not a list; known here: `+keys),
		Entry("nothing at all", "", ": the configuration is empty; begin with `profile: bidirectional@1`"),
		Entry("nothing but a comment", "# later\n", ": the configuration is empty; begin with `profile: bidirectional@1`"),
		Entry("two documents", "level: core\n---\nlevel: hardened\n", `:2:1: a second document begins here; keep one, and take out the line ---`),
		Entry("a tab", "setup:\n\thandover_key: topsecret\n", `:2:1: a tab stands in the indentation; indent with spaces`),
		Entry("a bracket that is never closed", "level: core\nroles: [client\n", `:2:8: sequence end token ']' not found; put texts that hold special characters in quotes, and indent with spaces`),
		Entry("a colon in a text without quotes", "setup:\n  handover_key: topsecret: x\n", `:2:17: mapping value is not allowed in this context; put texts that hold special characters in quotes, and indent with spaces`),
		Entry("a quote that is never closed", "setup:\n  handover_key: \"topsecret\n", `:2:17: could not find end character of double-quoted text; put texts that hold special characters in quotes, and indent with spaces`),
		Entry("a key twice", "level: core\nseed: 3\nlevel: hardened\n", `:3:1: the key "level" stands here again, after line 1; keep one of the two`),
	)

	DescribeTable("is refused without showing a secret",
		func(text string) {
			_, err := parse(text)
			Expect(err).To(HaveOccurred())
			Expect(err.Error()).NotTo(ContainSubstring("topsecret"))
		},
		Entry("in a client that lacks a key", "setup: {clients: [{secret: topsecret}, {secret: topsecret}, {secret: topsecret}]}\n"),
		Entry("in a list where a text is wanted", "setup: {handover_key: [topsecret]}\n"),
		Entry("in a URL", "setup: {own_issuer: 'http://user:topsecret@ x'}\n"),
		Entry("in the place of a duration", "limit: topsecret\n"),
		Entry("behind an alias", "setup: {handover_key: &k [topsecret], secret_at_peer: *k}\n"),
		Entry("in broken YAML", "setup: {handover_key: topsecret, secret_at_peer: 'topsecret\n"),
		Entry("with a bad escape", `setup: {handover_key: "topsecret\q"}`),
	)
})

var _ = Describe("A configuration", func() {
	It("overrides the defaults where it says something, and nowhere else", func() {
		c, err := parse("level: core\nseed: 18446744073709551615\ntarget: https://example.org/base\nroles: [client, oauth-server]\nlimit: 500ms\nmax_wait: 2m\n" +
			"setup:\n  own_issuer: http://127.0.0.1:1\n  users:\n    - {name: u, password: pw}\n    - {name: v, password: pv}\n    - {name: w, password: pz}\n  handover_key: '12345'\n")
		Expect(err).NotTo(HaveOccurred())
		expected := config.Default()
		expected.Level, expected.Seed, expected.Target = catalog.Core, math.MaxUint64, "https://example.org/base"
		expected.Roles = []catalog.Role{"client", catalog.OAuthServer}
		expected.Limit, expected.MaxWait = 500*time.Millisecond, 2*time.Minute
		setup := bidirectional.Default()
		expected.Profile, expected.Setup = "bidirectional@1", &setup
		setup.OwnIssuer, setup.HandoverKey = "http://127.0.0.1:1", "12345"
		expected.Secrets = []conformance.Secret{
			{Place: "setup.handover_key", Value: "12345"}, {Place: "setup.users[0].password", Value: "pw"},
			{Place: "setup.users[1].password", Value: "pv"}, {Place: "setup.users[2].password", Value: "pz"},
		}
		setup.Users = []bidirectional.UserSetup{{Name: "u", Password: "pw"}, {Name: "v", Password: "pv"}, {Name: "w", Password: "pz"}}
		Expect(config.Unread(c)).To(Equal(expected))
	})

	It("replaces the clients as a whole", func() {
		c, err := parse("setup: {clients: [" + strings.Repeat(client+", ", 2) + client + "]}\n")
		Expect(err).NotTo(HaveOccurred())
		one := bidirectional.ClientSetup{ID: "a", Secret: "topsecret", Name: "A", Callback: "http://a/callback"}
		setup := c.Setup.(*bidirectional.Setup)
		Expect(setup.Clients).To(Equal([]bidirectional.ClientSetup{one, one, one}))
		Expect(setup.Users).To(Equal(bidirectional.Default().Users))
	})

	DescribeTable("reads a duration",
		func(text string, d time.Duration) {
			c, err := parse("limit: " + text + "\n")
			Expect(err).NotTo(HaveOccurred())
			Expect(c.Limit).To(Equal(d))
		},
		Entry("in milliseconds", "250ms", 250*time.Millisecond), Entry("in seconds", "3s", 3*time.Second),
		Entry("in minutes", "1m", time.Minute), Entry("in quotes", `"0s"`, time.Duration(0)),
	)

	It("may begin with the mark of a document and hold a comment", func() {
		c, err := parse("---\n# ours\nprofile: bidirectional@1\n")
		Expect(err).NotTo(HaveOccurred())
		expected := config.Default()
		expected.Profile = "bidirectional@1"
		Expect(config.Unread(c)).To(Equal(expected))
	})

	It("is read from a file", func() {
		file := filepath.Join(GinkgoT().TempDir(), "countersign.yaml")
		Expect(os.WriteFile(file, []byte("seed: 7\n"), 0o600)).To(Succeed())
		c, err := config.Load(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Seed).To(Equal(uint64(7)))
	})

	DescribeTable("that cannot be read is refused with a sentence",
		func(file func() string, because string) {
			name := file()
			_, err := config.Load(name)
			Expect(err).To(MatchError(name + ": the configuration cannot be read: " + because + "; name an existing file with --config"))
		},
		Entry("because there is none", func() string { return filepath.Join(GinkgoT().TempDir(), "none.yaml") }, "no such file or directory"),
		Entry("because it is a folder", func() string { return GinkgoT().TempDir() }, "is a directory"),
	)
})

var _ = Describe("The schema of the configuration", func() {
	It("is a schema, and its examples obey it", func() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema(bidirectional.Flow())))
		Expect(err).NotTo(HaveOccurred())
		c := jsonschema.NewCompiler()
		Expect(c.AddResource("countersign.schema.json", doc)).To(Succeed())
		_, err = c.Compile("countersign.schema.json")
		Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{"url", "duration"} {
			s, err := c.Compile("countersign.schema.json#/$defs/" + name)
			Expect(err).NotTo(HaveOccurred())
			Expect(s.Examples).NotTo(BeEmpty())
			for _, example := range s.Examples {
				Expect(s.Validate(example)).To(Succeed())
			}
		}
	})

	It("reads the setup of the flow that is named", func() {
		c, err := parse("profile: ticket@1\nroles: [terminal]\nsetup: {issuer: 'http://127.0.0.1:1'}\n")
		Expect(err).NotTo(HaveOccurred())
		setup := ticket.Default()
		setup.Issuer = "http://127.0.0.1:1"
		Expect(c.Setup).To(Equal(&setup))
	})

	It("knows exactly the keys that the program reads, for each flow", func() {
		for _, flow := range flows.All() {
			var schema struct {
				node
				Defs map[string]node `json:"$defs"`
			}
			Expect(json.Unmarshal(config.Schema(flow), &schema)).To(Succeed())
			schema.Properties["setup"].matches(reflect.TypeOf(flow.Setup()).Elem(), schema.Defs)
			Expect(strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", ")).To(Equal(keys))
		}
	})
})

type node struct {
	Ref        string          `json:"$ref"`
	Properties map[string]node `json:"properties"`
	Items      *node           `json:"items"`
}

// matches compares the properties of a schema with the yaml fields of a type, at every depth.
func (n node) matches(t reflect.Type, defs map[string]node) {
	GinkgoHelper()
	if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		n = defs[name]
	}
	switch t.Kind() {
	case reflect.Slice:
		Expect(n.Items).NotTo(BeNil(), "%s is a list", t)
		n.Items.matches(t.Elem(), defs)
	case reflect.Struct:
		var fields, keys []string
		for i := range t.NumField() {
			name := t.Field(i).Tag.Get("yaml")
			fields = append(fields, name)
			n.Properties[name].matches(t.Field(i).Type, defs)
		}
		for key := range n.Properties {
			keys = append(keys, key)
		}
		Expect(keys).To(ConsistOf(fields), "the keys of %s", t)
	}
}

var _ = Describe("A configuration that an editor has marked as UTF-8", func() {
	It("is read", func() {
		Expect(parse("\ufeffprofile: ticket@1\n")).To(HaveField("Profile", "ticket@1"))
	})
})

var _ = Describe("A secret with a letter that JSON escapes", func() {
	It("is read as it is", func() {
		c, err := parse("profile: ticket@1\nsetup:\n  apps:\n    - {id: a, secret: \"\\x7f\\a pass\", base_url: 'http://127.0.0.1:1'}\n    - {id: b, secret: \"topsecret\", base_url: 'http://127.0.0.1:2'}\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Setup.(*ticket.Setup).Apps[0].Secret).To(Equal("\x7f\a pass"))
	})
})
