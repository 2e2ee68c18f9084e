//go:build unix

package config_test

import (
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A configuration with a secret in a file", func() {
	It("is refused where a file is a pipe, for which nobody would write", func() {
		dir := folder()
		Expect(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)).To(Succeed())
		_, err := read(dir, "setup: {handover_key: '${file:pipe}'}\n")
		Expect(err).To(MatchError(ContainSubstring(":1:23: setup.handover_key: the file pipe is a pipe, and would be waited for; name a file")))
	})
})
