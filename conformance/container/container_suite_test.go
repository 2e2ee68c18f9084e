package container_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"countersign/conformance/container"
)

func TestContainer(t *testing.T) {
	// The specs remove their containers themselves, and need no image but those that they build from nothing.
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RunSpecs(t, "A target in a container", suite, reporter)
}

var _ = AfterSuite(gexec.CleanupBuildArtifacts)

// needsEngine skips a spec with the reason where there is no container engine. In CI there has to be one.
func needsEngine() {
	GinkgoHelper()
	if err := container.Engine(context.Background()); err != nil {
		if os.Getenv("CI") != "" {
			Fail(err.Error())
		}
		Skip(err.Error())
	}
}

// static are the programs that have been built without anything that an empty image lacks, by package.
var static = struct {
	sync.Mutex
	files map[string]string
}{files: map[string]string{}}

// fromScratch is a folder from which an image is built that has nothing in it but the program of a package, as /program.
func fromScratch(program string) string {
	GinkgoHelper()
	static.Lock()
	defer static.Unlock()
	file, built := static.files[program]
	if !built {
		var err error
		file, err = gexec.BuildWithEnvironment(program, []string{"CGO_ENABLED=0", "GOOS=linux"}, "-ldflags=-s -w")
		Expect(err).NotTo(HaveOccurred())
		static.files[program] = file
	}
	folder := GinkgoT().TempDir()
	Expect(os.Link(file, filepath.Join(folder, "program"))).To(Succeed())
	const text = "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n"
	Expect(os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(text), 0o600)).To(Succeed())
	return folder
}
