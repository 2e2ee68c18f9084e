package interop_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/interop"
)

func TestInterop(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Finding peers for interoperation tests", suite, reporter)
}

// verdict records what RequirePython says about a test.
type verdict struct{ skipped, failed string }

func (*verdict) Helper()                        {}
func (v *verdict) Skipf(f string, args ...any)  { v.skipped = fmt.Sprintf(f, args...) }
func (v *verdict) Fatalf(f string, args ...any) { v.failed = fmt.Sprintf(f, args...) }

var _ = Describe("Looking for a Python interpreter with a module", func() {
	const absent = "countersign_has_no_such_module"

	It("finds one for a module of the standard library", func() {
		path := interop.RequirePython(GinkgoT(), "json", "python3")
		Expect(path).To(BeAnExistingFile())
	})

	It("names the Debian package when no interpreter has the module", func() {
		path, missing := interop.Python(absent, "python3-absent")
		Expect(path).To(BeEmpty())
		Expect(missing).To(And(ContainSubstring(absent), ContainSubstring("install the Debian package python3-absent")))
	})

	It("finds nothing when there is no interpreter on PATH and the system one lacks the module", func() {
		GinkgoT().Setenv("PATH", GinkgoT().TempDir())
		path, missing := interop.Python(absent, "python3-absent")
		Expect(path).To(BeEmpty())
		Expect(missing).NotTo(BeEmpty())
	})

	It("skips a test that misses its peer on a developer's machine", func() {
		GinkgoT().Setenv("CI", "")
		var v verdict
		interop.RequirePython(&v, absent, "python3-absent")
		Expect(v.failed).To(BeEmpty())
		Expect(v.skipped).To(ContainSubstring("python3-absent"))
	})

	It("fails a test that misses its peer in CI", func() {
		GinkgoT().Setenv("CI", "true")
		var v verdict
		interop.RequirePython(&v, absent, "python3-absent")
		Expect(v.skipped).To(BeEmpty())
		Expect(v.failed).To(ContainSubstring("python3-absent"))
	})
})
