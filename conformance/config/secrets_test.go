package config_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

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
			config.Secret{Place: "setup.handover_key", Value: canary}, config.Secret{Place: "setup.secret_at_peer", Value: canary},
			config.Secret{Place: "setup.own_issuer", Value: "http://127.0.0.1:1"}, config.Secret{Place: "setup.stranger.password", Value: "spelled-out"},
		))
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
