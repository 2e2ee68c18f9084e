package conformance_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/sim/worldlint"
)

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// packages asks the go command for every package of the project, once.
var packages = sync.OnceValue(func() []goPackage {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "countersign/...")
	out, err := cmd.Output()
	Expect(err).NotTo(HaveOccurred())
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		Expect(err).NotTo(HaveOccurred())
		all = append(all, p)
	}
	Expect(len(all)).To(BeNumerically(">", 10))
	return all
})

var _ = Describe("The house", func() {
	// who may not import whom; a name stands for itself and all below it
	within := func(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

	DescribeTable("keeps imports running one way",
		func(who, whom string, except ...string) {
			matched := false
			for _, p := range packages() {
				if !within(p.ImportPath, who) || slices.Contains(except, p.ImportPath) {
					continue
				}
				matched = true
				for _, imported := range p.Imports {
					if within(imported, whom) && !slices.Contains(except, imported) {
						Fail(p.ImportPath + " imports " + imported)
					}
				}
			}
			Expect(matched).To(BeTrue(), "no package lies under %s any more", who)
		},
		Entry("the world knows no actor", "countersign/sim", "countersign/actors"),
		Entry("the world knows no check", "countersign/sim", "countersign/conformance"),
		Entry("the world knows no report", "countersign/sim", "countersign/reports"),
		Entry("actors cannot tell which world they live in", "countersign/actors", "countersign/sim"),
		Entry("actors know of conformance only the catalogue", "countersign/actors", "countersign/conformance", "countersign/conformance/catalog"),
		Entry("actors know no scenario", "countersign/actors", "countersign/scenarios"),
		Entry("checks know no actor", "countersign/conformance/bidirectional", "countersign/actors"),
		Entry("checks of one flow know no other list of flows", "countersign/conformance/bidirectional", "countersign/conformance/flows"),
		Entry("the harness knows no actor but in the package of the reference", "countersign/conformance", "countersign/actors", "countersign/conformance/reference"),
		Entry("the harness knows no report", "countersign/conformance", "countersign/reports"),
		Entry("parties that are driven know no run", "countersign/conformance/drive", "countersign/conformance/certify"),
		Entry("who launches commands knows nothing else", "countersign/conformance/launch", "countersign"),
		Entry("who starts containers knows only how commands are launched", "countersign/conformance/container", "countersign", "countersign/conformance/launch"),
		Entry("certificates to practise with are a leaf", "countersign/conformance/practice", "countersign"),
		Entry("hostile peers do not know whom they harass", "countersign/conformance/hostile", "countersign"),
		Entry("the profiles are a leaf", "countersign/conformance/profiles", "countersign"),
		Entry("the catalogue is a leaf", "countersign/conformance/catalog", "countersign"),
		Entry("reports know no actor", "countersign/reports", "countersign/actors"),
		Entry("only the top knows the scenarios", "countersign/conformance", "countersign/scenarios"),
	)

	It("leaves to specs what is there for specs only", func() {
		for _, p := range packages() {
			Expect(p.Imports).NotTo(ContainElement("countersign/conformance/hostile"), p.ImportPath)
			Expect(p.Imports).NotTo(ContainElement("countersign/conformance/specs"), p.ImportPath)
			Expect(p.Imports).NotTo(ContainElement("countersign/conformance/fixture"), p.ImportPath)
			Expect(p.Imports).NotTo(ContainElement("countersign/actors/fixture"), p.ImportPath)
		}
	})

	DescribeTable("keeps each heavy library in its place",
		func(library string, places ...string) {
			var users []string
			for _, p := range packages() {
				if slices.ContainsFunc(p.Imports, func(imported string) bool { return within(imported, library) }) {
					users = append(users, p.ImportPath)
				}
			}
			Expect(users).To(ConsistOf(places))
		},
		Entry("the progress bar", "github.com/vbauerster/mpb", "countersign/reports/progress"),
		Entry("JSON Schema, of configurations and of reports", "github.com/santhosh-tekuri/jsonschema", "countersign/conformance/config", "countersign/reports"),
		Entry("the command tree", "github.com/spf13/cobra", "countersign", "countersign/reports/cli"),
		Entry("the terminal", "golang.org/x/term", "countersign/reports/cli"),
		Entry("the spec runner", "github.com/onsi/ginkgo", "countersign/conformance/fixture", "countersign/conformance/specs"),
		Entry("containers", "github.com/testcontainers/testcontainers-go", "countersign/conformance/container"),
		Entry("their engine", "github.com/moby/moby", "countersign/conformance/container"),
		Entry("envelopes of evidence", "github.com/secure-systems-lab/go-securesystemslib", "countersign/reports/evidence"),
		Entry("the database", "go.etcd.io/bbolt", "countersign/actors/store/bolt"),
	)

	It("keeps real time, goroutines and chance out of everything that lives in a world", func() {
		outside := []string{"countersign/actors/live", "countersign/actors/interop", "countersign/actors/fixture"} // the real world, and what is there for specs
		var inside []string
		for _, p := range packages() {
			if (within(p.ImportPath, "countersign/actors") || within(p.ImportPath, "countersign/scenarios")) && !slices.Contains(outside, p.ImportPath) {
				inside = append(inside, p.ImportPath)
			}
		}
		for _, f := range flows.All() {
			inside = append(inside, "countersign/conformance/"+f.Name)
		}
		Expect(len(inside)).To(BeNumerically(">", 8))
		findings, err := worldlint.Check(inside...)
		Expect(err).NotTo(HaveOccurred())
		Expect(findings).To(BeEmpty())
	})

	It("has one guard, spelled out, for every requirement, and no guard without one", func() {
		guarded := map[catalog.ID]int{}
		comment := regexp.MustCompile(`(?m)^\s*//.*$`)
		call := regexp.MustCompile(`Guards\.(?:On|Forbids)\("([A-Z]{2}-[A-Z]{2}-\d{2})"`)
		sources, err := filepath.Glob("../actors/*/*.go")
		Expect(err).NotTo(HaveOccurred())
		for _, file := range sources {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			for _, m := range call.FindAllStringSubmatch(comment.ReplaceAllString(string(text), ""), -1) {
				guarded[catalog.ID(m[1])]++
			}
		}
		for id := range guarded {
			_, ok := catalog.Lookup(id)
			Expect(ok).To(BeTrue(), "the guard %s stands for no requirement", id)
		}
		for _, c := range catalog.Catalogs() {
			for _, r := range c.Requirements {
				Expect(guarded[r.ID]).To(Equal(1), "the actors have %d guards for %s", guarded[r.ID], r.ID)
			}
		}
	})
})
