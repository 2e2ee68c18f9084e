package reports_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports"
)

// action is what the specs read of the composite action.
type action struct {
	Inputs map[string]struct{ Default *string }
	Runs   struct {
		Using string
		Steps []struct {
			ID, Name, Shell, Uses, Run string
			Env                        map[string]string
		}
	}
}

func readAction() action {
	GinkgoHelper()
	text, err := os.ReadFile("../.github/actions/countersign/action.yml")
	Expect(err).NotTo(HaveOccurred())
	var a action
	Expect(yaml.Unmarshal(text, &a)).To(Succeed())
	return a
}

// standIn takes the place of the program: it notes its arguments, writes a report unless it is told a mistake, and ends with the code that the environment names.
const standIn = `#!/bin/sh
for a in "$@"; do printf '%s|' "$a"; done >>"$NOTES"; echo >>"$NOTES"
case "$1" in
check) [ "$END" = 2 ] || echo '{}' >"$3/report.json"; exit "$END" ;;
report) echo "as $4" ;;
esac
`

var _ = Describe("The action", func() {
	// run plays the step that checks, with inputs beside the defaults, and returns what the program was called with, the outputs and the step summary.
	run := func(end string, inputs map[string]string) (notes, output, summary, out string) {
		GinkgoHelper()
		bash, err := exec.LookPath("bash")
		if err != nil {
			lacking("no bash is on this machine, so the action is not tried")
		}
		dir := GinkgoT().TempDir()
		program := filepath.Join(dir, "countersign")
		Expect(os.WriteFile(program, []byte(standIn), 0o700)).To(Succeed())
		a, variables := readAction(), []string{"PATH=" + os.Getenv("PATH"), "END=" + end}
		for _, file := range []string{"NOTES", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
			variables = append(variables, file+"="+filepath.Join(dir, file))
		}
		for _, step := range a.Runs.Steps {
			if step.ID != "check" {
				continue
			}
			for name, value := range step.Env {
				input, isInput := strings.CutPrefix(strings.TrimSuffix(value, " }}"), "${{ inputs.")
				if !isInput {
					continue
				}
				given, ok := inputs[input]
				if !ok {
					given = *a.Inputs[input].Default
				}
				if input == "binary" {
					given = program
				}
				variables = append(variables, name+"="+given)
			}
			command := exec.Command(bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
			command.Dir, command.Env = dir, variables
			text, err := command.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(text))
		}
		read := func(name string) string {
			text, err := os.ReadFile(filepath.Join(dir, name))
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}
		return read("NOTES"), read("GITHUB_OUTPUT"), read("GITHUB_STEP_SUMMARY"), filepath.Join(dir, "countersign-reports")
	}

	It("checks, writes the step summary and leaves the verdict to the last step", func() {
		notes, output, summary, out := run("1", map[string]string{"target": "http://127.0.0.1:9000", "role": "oauth-server,client"})
		Expect(notes).To(HavePrefix("check|--out|countersign-reports|--target|http://127.0.0.1:9000|--role|oauth-server,client|\n"))
		Expect(output).To(Equal("exit-code=1\n"))
		Expect(summary).To(Equal("as summary\n"))
		for file, text := range map[string]string{"report.sarif": "as sarif\n", "badge.json": "as badge\n"} {
			Expect(os.ReadFile(filepath.Join(out, file))).To(BeEquivalentTo(text))
		}
	})

	It("says where no report was written", func() {
		notes, output, summary, _ := run("2", nil)
		Expect(notes).To(Equal("check|--out|countersign-reports|\n"))
		Expect(output).To(Equal("exit-code=2\n"))
		Expect(summary).To(HavePrefix("Countersign wrote no report: exit code 2."))
	})

	It("takes an input for what it is, and never for a command", func() {
		evil := `x"; touch owned; $(touch owned) ` + "`touch owned`"
		notes, _, _, out := run("0", map[string]string{"only": evil})
		Expect(notes).To(ContainSubstring("|--only|" + evil + "|"))
		Expect(filepath.Join(filepath.Dir(out), "owned")).NotTo(BeAnExistingFile())
		for _, step := range readAction().Runs.Steps {
			Expect(step.Run).NotTo(ContainSubstring("${{"))
		}
	})

	It("asks for formats that there are", func() {
		asked := 0
		for _, step := range readAction().Runs.Steps {
			for _, m := range regexp.MustCompile(`--format (\w+)`).FindAllStringSubmatch(step.Run, -1) {
				_, err := reports.FindFormat(m[1])
				Expect(err).NotTo(HaveOccurred())
				asked++
			}
			Expect(step.Run == "" || step.Shell == "bash").To(BeTrue(), step.Name)
		}
		Expect(asked).To(Equal(3))
	})
})
