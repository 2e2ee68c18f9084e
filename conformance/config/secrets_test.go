package config_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/config"
	"countersign/conformance/unified"
)

const canary = "canary-secret-0123456789"

// folder is one with a file of each kind that a reference may name.
func folder() string {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	for name, text := range map[string]string{"secret.txt": canary + "\n", "empty.txt": "\n", "long.txt": strings.Repeat("x", 65<<10)} {
		Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)).To(Succeed())
	}
	return dir
}

// read reads a text as a file in a folder, with an environment.
func read(dir, text string) (config.Config, error) {
	reader := config.Reader{Env: func(name string) (string, bool) {
		value, ok := map[string]string{"CANARY": canary, "EMPTY": "", "URL": "http://127.0.0.1:1"}[name]
		return value, ok
	}}
	return reader.Parse(filepath.Join(dir, "countersign.yaml"), []byte(text))
}

var _ = Describe("A configuration with secrets that stand elsewhere", func() {
	It("has what the environment and files hold, and knows them for secrets", func() {
		c, err := read(folder(), "setup:\n  handover_key: ${env:CANARY}\n  secret_at_peer: ${file:secret.txt}\n  own_issuer: ${env:URL}\n  stranger: {name: x, password: spelled-out}\n")
		Expect(err).NotTo(HaveOccurred())
		setup := c.Setup.(*bidirectional.Setup)
		Expect([]string{setup.HandoverKey, setup.SecretAtPeer, setup.OwnIssuer}).To(Equal([]string{canary, canary, "http://127.0.0.1:1"}))
		Expect(c.Secrets).To(ConsistOf(
			conformance.Secret{Place: "setup.handover_key", Value: canary}, conformance.Secret{Place: "setup.secret_at_peer", Value: canary},
			conformance.Secret{Place: "setup.own_issuer", Value: "http://127.0.0.1:1"}, conformance.Secret{Place: "setup.stranger.password", Value: "spelled-out"},
		))
	})

	It("has them in what is sent to start a role and to log a user in, and knows them for secrets", func() {
		c, err := read(folder(), `target: http://a
triggers:
  start_endpoint: {url: 'http://a/start', query: {peer: '{peer}', api_key: spelled-out}, form: {who: '${env:CANARY}', password: '{password}'}}
  test_clock_endpoint: {url: 'http://a/clock', json: {tenant: acme, by: '${file:secret.txt}'}}
login: {hook: '${env:URL}', fields: {password: pass}, extra: {tenant: acme, csrf_token: as-spelled, by: '${env:CANARY}'}}
exec: {command: [./server], environment: {command: '${env:CANARY}'}}
`)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Drive.Triggers["start_endpoint"].Form).To(HaveKeyWithValue("who", canary))
		Expect(c.Drive.Triggers["test_clock_endpoint"].JSON).To(HaveKeyWithValue("by", canary))
		Expect(c.Drive.Login.Extra).To(HaveKeyWithValue("by", canary))
		Expect(c.Drive.Login.Hook).To(Equal("http://127.0.0.1:1"))
		Expect(c.Secrets).To(ConsistOf(
			conformance.Secret{Place: "triggers.start_endpoint.query.api_key", Value: "spelled-out"}, conformance.Secret{Place: "triggers.start_endpoint.form.who", Value: canary},
			conformance.Secret{Place: "triggers.test_clock_endpoint.json.by", Value: canary}, conformance.Secret{Place: "login.hook", Value: "http://127.0.0.1:1"},
			conformance.Secret{Place: "login.extra.csrf_token", Value: "as-spelled"}, conformance.Secret{Place: "login.extra.by", Value: canary},
			conformance.Secret{Place: "exec.environment.command", Value: canary},
		))
	})

	DescribeTable("takes what is sent for a secret also where it is spelled out, by its key",
		func(key, value string, secret bool) {
			c, err := read(folder(), "target: http://a\nlogin: {extra: {"+key+": '"+value+"'}}\n")
			Expect(err).NotTo(HaveOccurred())
			if secret {
				Expect(c.Secrets).To(ConsistOf(conformance.Secret{Place: "login.extra." + key, Value: value}))
			} else {
				Expect(c.Secrets).To(BeEmpty())
			}
		},
		Entry("an API key", "x-api-key", "spelled-out", true), Entry("another", "apiKey", "spelled-out", true),
		Entry("a password, as Unix has it", "passwd", "spelled-out", true), Entry("a PIN", "pin", "12345678", true),
		Entry("a PIN of somebody", "user_pin", "12345678", true), Entry("a credential", "credential", "spelled-out", true), Entry("credentials", "Credentials", "spelled-out", true),
		Entry("but not what is too short to be one", "remember_token", "true", false), Entry("nor what only ends alike", "spin", "clockwise", false),
		Entry("also where it has braces", "api_key", "k{9sJ}2aaQ", true), Entry("and where the braces hold a name, which nothing is put in for", "password", "{password}", true),
	)

	DescribeTable("takes what a trigger sends for a secret also where it is spelled out, unless it is made of members of the request",
		func(value string, secret bool) {
			c, err := read(folder(), "target: http://a\ntriggers: {start_endpoint: {url: 'http://a/start', form: {api_key: '"+value+"'}}}\n")
			Expect(err).NotTo(HaveOccurred())
			if secret {
				Expect(c.Secrets).To(ConsistOf(conformance.Secret{Place: "triggers.start_endpoint.form.api_key", Value: value}))
			} else {
				Expect(c.Secrets).To(BeEmpty())
			}
		},
		Entry("a text", "spelled-out", true), Entry("a member", "{password}", false), Entry("a member with text around it", "Bearer {token_secret}", false),
		Entry("a text with a brace", "p{word12345", true), Entry("a text with braces around no name", "k{9sJ}2aaQ", true),
	)

	It("reads a reference at no place that only looks like one for it", func() {
		for _, text := range []string{
			"setups: {x: '${env:CANARY}'}", "target: http://a\nlogin: {extras: {x: '${env:CANARY}'}}", "target: http://a\nlogin: {fields: {extra: '${env:CANARY}'}}",
			"target: http://a\ntriggers: {start_endpoint: {url: 'http://a', forms: {x: '${env:CANARY}'}}}", "exec: {command: x, environments: {x: '${env:CANARY}'}}", "setup: ''\nexec: '${env:CANARY}'",
			"target: http://a\ntriggers: {start_endpoint: {headers: {form: '${env:CANARY}'}}}", "exec: {command: x, environment-x: '${env:CANARY}'}", "image: {setup: {x: '${env:CANARY}'}}",
		} {
			_, err := read(folder(), text)
			Expect(err).To(MatchError(ContainSubstring("no reference is read here")), text)
		}
	})

	It("may have them at any depth", func() {
		c, err := read(folder(), "profile: unified@1\nsetup:\n  platforms:\n"+strings.Repeat("    - {issuer: 'http://127.0.0.1:1', client_id: x, keys: [{kid: a, k: '${env:KEY}'}]}\n", 3))
		Expect(err).To(MatchError(ContainSubstring("countersign.yaml:4:71: setup.platforms[0].keys[0].k: the environment has no KEY; set it")))
		Expect(c.Secrets).To(BeEmpty())
	})

	DescribeTable("is refused, and shows none of them,",
		func(text, message string) {
			dir := folder()
			_, err := read(dir, text)
			Expect(err).To(MatchError(filepath.Join(dir, "countersign.yaml") + message))
			Expect(err.Error()).NotTo(ContainSubstring(canary))
		},
		Entry("when the environment lacks one", "setup: {handover_key: '${env:NONE}'}\n", ":1:23: setup.handover_key: the environment has no NONE; set it, as in `NONE=... countersign check`, or correct the name"),
		Entry("when it is empty there", "setup: {handover_key: '${env:EMPTY}'}\n", ":1:23: setup.handover_key: the environment has EMPTY, but it is empty; give it a value"),
		Entry("when the file is missing", "setup: {handover_key: '${file:none}'}\n", ":1:23: setup.handover_key: the file none cannot be read: no such file or directory; write it there, or correct the path, which begins at the folder of the configuration"),
		Entry("when the file is a folder", "setup: {handover_key: '${file:.}'}\n", ":1:23: setup.handover_key: the file . cannot be read: is a directory; name a file that holds the value and nothing else"),
		Entry("when the file is empty", "setup: {handover_key: '${file:empty.txt}'}\n", ":1:23: setup.handover_key: the file empty.txt is empty; write the value into it"),
		Entry("when the file is too long", "setup: {handover_key: '${file:long.txt}'}\n", ":1:23: setup.handover_key: the file long.txt is longer than 65536 bytes; name a file that holds the value and nothing else"),
		Entry("when it is no URL where one is wanted", "setup: {own_issuer: '${env:CANARY}'}\n", ":1:21: setup.own_issuer: what the reference stands for is not a URL; correct it there"),
		Entry("when it is none of the words that are wanted", "profile: unified@1\nsetup:\n  third_parties:\n"+strings.Repeat("    - {client_id: a, name: A, base_url: 'http://a', logout: '${env:CANARY}', keys: [{kid: a, k: b}]}\n", 4),
			":4:61: setup.third_parties[0].logout: what the reference stands for is not batch, backchannel or none; correct it there"),
		Entry("when the reference has text around it", "setup: {handover_key: 'a${env:CANARY}'}\n", ":1:23: setup.handover_key: a reference is malformed or has other text around it; let the value be the reference and nothing else, as ${env:NAME} or ${file:PATH}"),
		Entry("when it stands where none is read", "target: '${env:URL}'\n",
			":1:9: target: no reference is read here; write the value itself; references are read in setup, in an environment, in query, form and json of a trigger, and in extra and hook of login"),
		Entry("when it stands in a text where none is read", "setup: {handover_key: x}\nexpected_failures: [{id: BI-OS-36, reason: 'see ${file:secret.txt}'}]\n",
			":2:44: expected_failures[0].reason: no reference is read here; write the value itself; references are read in setup, in an environment, in query, form and json of a trigger, and in extra and hook of login"),
		Entry("when it stands in the URL of a trigger", "target: http://a\ntriggers: {start_endpoint: {url: 'http://a/?key=${env:CANARY}'}}\n",
			":2:34: triggers.start_endpoint.url: no reference is read here; write the value itself; references are read in setup, in an environment, in query, form and json of a trigger, and in extra and hook of login"),
		Entry("when it stands in a command", "exec: {command: './server --key ${env:CANARY}'}\n",
			":1:17: exec.command: no reference is read in a command, which others on the machine see; let the command read its environment"),
		Entry("when it stands in a word of a command", "target: http://a\nlogin: {command: [./login, '${env:CANARY}']}\n",
			":2:28: login.command[1]: no reference is read in a command, which others on the machine see; let the command read its environment"),
		Entry("when a hook is none", "target: http://a\nlogin: {hook: '${env:CANARY}'}\n", ":2:15: login.hook: what the reference stands for is not a URL; correct it there"),
		Entry("when the kind is unknown", "setup: {handover_key: '${vault:x}'}\n", ":1:23: setup.handover_key: a reference of the kind \"vault\" is unknown; write ${env:NAME} or ${file:PATH}"),
	)

	It("has no environment unless it is given one", func() {
		_, err := parse("setup: {handover_key: '${env:PATH}'}\n")
		Expect(err).To(MatchError(ContainSubstring("the environment has no PATH")))
	})

	It("takes a number that is too large for what it is", func() {
		_, err := parse("profile: unified@1\nsetup: {queue: {batch_limit: 4, batch_idle_time: 1, batch_max_wait: 2, key_overlap: 99999999999999999999}}\n")
		Expect(err).To(HaveOccurred())
		_, err = parse("profile: unified@1\nsetup: {queue: {batch_limit: 4, batch_idle_time: 1, batch_max_wait: 2, key_overlap: 9999999999999999999}}\n")
		Expect(err).To(MatchError("countersign.yaml:2:85: setup.queue.key_overlap: the number is out of range; write a whole number of at most 18 digits"))
	})

	It("keeps the defaults where it says nothing", func() {
		c, err := read(folder(), "profile: unified@1\nsetup: {queue: {batch_limit: 4, batch_idle_time: 1, batch_max_wait: 2, key_overlap: 3}}\n")
		Expect(err).NotTo(HaveOccurred())
		setup := unified.Default()
		setup.Queue = unified.QueueSetup{BatchLimit: 4, BatchIdleTime: 1, BatchMaxWait: 2, KeyOverlap: 3}
		Expect(c.Setup).To(Equal(&setup))
	})
})
