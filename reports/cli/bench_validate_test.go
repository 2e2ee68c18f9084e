package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/validate"
	"countersign/conformance/certify"
	"countersign/reports/cli"
)

// measuring is a program in the place of bench/peers, which tells what it was asked to measure.
const measuring = `package main

import (
	"encoding/json"
	"flag"
	"os"
)

func main() {
	only := flag.String("only", "", "")
	devices := flag.String("devices", "", "")
	flag.String("seed", "", "")
	flag.String("rounds", "", "")
	flag.Parse()
	_ = json.NewEncoder(os.Stdout).Encode([]map[string]any{{"path": *only + " of " + *devices + " devices, by others"}})
}
`

var _ = Describe("The command bench validate with other libraries", func() {
	var peers, out string
	BeforeEach(func() {
		peers, out = GinkgoT().TempDir(), GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(peers, "go.mod"), []byte("module peers\n\ngo 1.26\n"), 0o666)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(peers, "main.go"), []byte(measuring), 0o666)).To(Succeed())
	})
	run := func(only string) error {
		said := saidFile()
		c := cli.Program{In: os.Stdin, Out: said, Err: said, Env: func(string) (string, bool) { return "", false }}.Bench()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs([]string{"validate", "--peers", peers, "--out", out, "--rounds", "1", "--devices", "3", "--only", only})
		return c.ExecuteContext(context.Background())
	}
	paths := func() (paths []string) {
		GinkgoHelper()
		text, err := os.ReadFile(filepath.Join(out, "bench-validate.json"))
		Expect(err).NotTo(HaveOccurred())
		var document struct{ Tables []validate.Table }
		Expect(json.Unmarshal(text, &document)).To(Succeed())
		for _, t := range document.Tables {
			paths = append(paths, t.Path)
		}
		return paths
	}

	It("lets them take part where they can, and measures the other groups itself", func() {
		Expect(run("ticket,sealed,countersign")).To(Succeed())
		Expect(paths()).To(Equal([]string{"sealed of 3 devices, by others", "ticket", "countersign"}))
		Expect(run("sealed,signed")).To(Succeed())
		Expect(paths()).To(Equal([]string{"signed,sealed of 3 devices, by others"}))
	})

	DescribeTable("refuses groups before it measures any",
		func(only, sentence string) {
			err := run(only)
			var usage *certify.UsageError
			Expect(errors.As(err, &usage)).To(BeTrue())
			Expect(err).To(MatchError(ContainSubstring(sentence)))
		},
		Entry("that other libraries have no part in", "ticket,shared", "other libraries take part in signed and sealed"),
		Entry("that there are not", "sealed,open", `there is no group "open"`),
	)
})
