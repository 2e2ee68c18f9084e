package config_test

import (
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/config"
)

var _ = Describe("A target that the file has started", func() {
	reader := config.Reader{Env: func(name string) (string, bool) { return "secret of " + name, name == "KEY" }}

	It("may be a line for a shell, in the folder of the file, at a free port", func() {
		c, err := reader.Parse("/here/countersign.yaml", []byte("exec: {command: './server {port}', wait: 2m, environment: {PORT: '{port}', KEY: '${env:KEY}'}}"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Target).To(Equal("http://127.0.0.1:{port}"))
		Expect(c.Start.Any()).To(BeTrue())
		Expect(c.Start.ByFlags).To(BeFalse())
		Expect(c.Start.Exec.Folder).To(Equal("/here"))
		Expect(time.Duration(c.Start.Exec.Wait)).To(Equal(2 * time.Minute))
		Expect(c.Secrets).To(ConsistOf(conformance.Secret{Place: "exec.environment.KEY", Value: "secret of KEY"}))

		met := c.With(9000)
		Expect(met.Target).To(Equal("http://127.0.0.1:9000"))
		Expect(met.Start.Exec.Command.Line).To(Equal("./server 9000"))
		Expect(met.Start.Exec.Environment).To(Equal(map[string]string{"PORT": "9000", "KEY": "secret of KEY"}))
		Expect(c.Start.Exec.Command.Line).To(Equal("./server {port}"), "the one that was read stays as it is")
	})

	It("gets a secret as it is, also one that looks like a mark", func() {
		marked := config.Reader{Env: func(string) (string, bool) { return "http://a/{port}-secret", true }}
		c, err := marked.Parse("x.yaml", []byte("exec: {command: [server], environment: {KEY: '${env:KEY}', PORT: '{port}'}}\nlogin: {hook: '${env:HOOK}'}\n"))
		Expect(err).NotTo(HaveOccurred())
		met := c.With(9000)
		Expect(met.Start.Exec.Environment).To(Equal(map[string]string{"KEY": "http://a/{port}-secret", "PORT": "9000"}))
		Expect(met.Drive.Login.Hook).To(Equal("http://a/{port}-secret"))
	})

	It("may be an image to be built, whose paths begin at the file too", func() {
		c, err := config.Parse("/here/countersign.yaml", []byte("target: http://127.0.0.1:9000\nimage: {build: site, dockerfile: other, command: [serve, '{port}'], port: 80}"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Target).To(Equal("http://127.0.0.1:9000"))
		Expect(*c.Start.Image).To(Equal(config.Image{Build: filepath.Join("/here", "site"), Dockerfile: "other", Command: config.Words{List: []string{"serve", "{port}"}}, Port: 80}))
		Expect(c.With(9000).Start.Image.Command.List).To(Equal([]string{"serve", "9000"}))
	})

	It("may have its metadata and endpoints at the free port too", func() {
		c, err := config.Parse("x.yaml", []byte("profile: bidirectional@1\nexec: {command: [server]}\nmetadata: http://127.0.0.1:{port}/elsewhere\nendpoints: {token_endpoint: 'http://127.0.0.1:{port}/token'}\ntarget: http://127.0.0.1:{port}"))
		Expect(err).NotTo(HaveOccurred())
		met := c.With(9000)
		Expect(met.Metadata).To(Equal("http://127.0.0.1:9000/elsewhere"))
		Expect(met.Endpoints).To(Equal(map[string]string{"token_endpoint": "http://127.0.0.1:9000/token"}))
	})

	It("gives a line to the shell of an image", func() {
		Expect(config.Words{Line: "serve $X"}.Shelled()).To(Equal([]string{"sh", "-c", "serve $X"}))
		Expect(config.Words{List: []string{"serve"}}.Shelled()).To(Equal([]string{"serve"}))
		Expect(config.Words{}.Shelled()).To(BeEmpty())
	})

	DescribeTable("is refused with its place where", func(text, want string) {
		_, err := reader.Parse("x.yaml", []byte(text))
		Expect(err).To(MatchError(want))
	},
		Entry("there is no command", "exec: {folder: .}", `x.yaml:1:7: exec: the key "command" is missing; add it: a mapping has command, environment, folder, wait`),
		Entry("the command is empty", "exec:\n  command: ''", "x.yaml:2:12: exec.command: a command is wanted here, not an empty one; write at least one character"),
		Entry("the command has no words", "exec:\n  command: []", "x.yaml:2:12: exec.command: a command is wanted here, not an empty one; write it as [./server, --port, '{port}'] or './server --port {port}'"),
		Entry("the command is a number", "exec:\n  command: 7", "x.yaml:2:12: exec.command: a command is wanted here, not a number; write it as [./server, --port, '{port}'] or './server --port {port}'"),
		Entry("a variable is a number", "exec:\n  command: x\n  environment:\n    PORT: 9000", "x.yaml:4:11: exec.environment.PORT: a text is wanted here, not a number; put it in quotes"),
		Entry("a variable refers to what is not there", "image:\n  name: x\n  environment:\n    A: ${env:NONE}", "x.yaml:4:8: image.environment.A: the environment has no NONE; set it, as in `NONE=... countersign check`, or correct the name"),
		Entry("two targets are named", "exec: {command: x}\nimage: {name: x}", "x.yaml:2:8: image: there is an `exec` too, and only one target can be started; keep one of the two"),
		Entry("no image is named", "image: {port: 80}", "x.yaml:1:8: image: it names no image; add `name`, or `build` with the folder of a Dockerfile"),
		Entry("two images are named", "image:\n  name: x\n  build: y", "x.yaml:3:10: image.build: there is a `name` too; keep one of the two"),
		Entry("a Dockerfile has nothing to build", "image:\n  name: x\n  dockerfile: y", "x.yaml:3:15: image.dockerfile: an image that has a `name` is not built; take it out, or write `build` in place of `name`"),
		Entry("a port is none", "image:\n  name: x\n  port: 70000", "x.yaml:3:9: image.port: a port is wanted here, not 70000; write a smaller one"),
	)

	It("is needed where a port is left open", func() {
		Expect(config.Config{Target: "http://127.0.0.1:{port}"}.CheckStart()).To(MatchError(ContainSubstring("stands for the port of a target that is started")))
		Expect(config.Config{Target: "http://127.0.0.1:9000"}.CheckStart()).To(Succeed())
		mapped := config.Config{Target: "http://192.0.2.1:80", Start: config.Start{Image: &config.Image{Name: "x", Port: 80}}}
		Expect(mapped.CheckStart()).To(MatchError(ContainSubstring("a mapped port is had at a loopback address")))
	})
})
