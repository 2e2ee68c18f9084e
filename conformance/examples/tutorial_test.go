package examples_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"countersign/conformance/config"
)

// step is a block of commands of the tutorial, and lines of what they print.
type step struct{ commands, shown string }

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// blocks are the fenced ones of a language.
func blocks(text, language string) []string {
	var all []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

func steps(text string) []step {
	var all []step
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		switch m[1] {
		case "sh":
			all = append(all, step{commands: m[2]})
		case "text":
			all[len(all)-1].shown = m[2]
		}
	}
	return all
}

// elsewhere are free ports in the place of those that the tutorial and the profile name, so that nothing else on this machine is in the way.
type elsewhere struct {
	moved *strings.Replacer
	setup string // as countersign.yaml has it
}

func freePorts() elsewhere {
	GinkgoHelper()
	var pairs []string
	next := 30000 + os.Getpid()*13%2600 // below the ports that connections take by themselves
	for _, port := range []string{"9000", "9001", "8811", "8812", "8813"} {
		for ; ; next++ {
			Expect(next).To(BeNumerically("<", 32768), "no port is free")
			if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", next)); err == nil {
				Expect(l.Close()).To(Succeed())
				break
			}
		}
		free := fmt.Sprint(next)
		next++
		pairs = append(pairs, "127.0.0.1:"+port, "127.0.0.1:"+free, "--port "+port, "--port "+free)
	}
	e := elsewhere{moved: strings.NewReplacer(pairs...)}
	file, err := os.ReadFile("countersign.yaml")
	Expect(err).NotTo(HaveOccurred())
	_, setup, found := strings.Cut(string(file), "\nsetup:")
	Expect(found).To(BeTrue())
	e.setup = e.moved.Replace("setup:" + setup)
	return e
}

// changed are commands that do the same at the free ports: a program is told of them, and what writes a configuration writes them into it.
func (e elsewhere) changed(commands string) string {
	issuer := e.moved.Replace("http://127.0.0.1:8811")
	commands = regexp.MustCompile(`(?m)^python3 .*--port \d+`).ReplaceAllString(e.moved.Replace(commands), "$0 --issuer "+issuer)
	commands = strings.ReplaceAll(commands, "roles: [app-server]\n", "roles: [app-server]\n"+e.setup)
	written := regexp.MustCompile(`(?m)^countersign init .*$`)
	return written.ReplaceAllString(commands, "$0\ncat >>out/countersign.yaml <<'SETUP'\n\n"+e.setup+"SETUP")
}

// shell is one that a person types at.
type shell struct {
	in   io.Writer
	said *gbytes.Buffer
}

func open(folder string) shell {
	GinkgoHelper()
	s := shell{said: gbytes.NewBuffer()}
	cmd := exec.Command("bash")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	w := io.MultiWriter(s.said, GinkgoWriter)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it starts in the background ends with it
	in, err := cmd.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	s.in = in
	Expect(cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	return s
}

// play types the commands and waits for them to end, and for each of the lines.
func (s shell) play(commands, lines string) {
	GinkgoHelper()
	before := len(s.said.Contents())
	_, err := fmt.Fprintf(s.in, "%s\necho 'ended '$((%d))\n", commands, before)
	Expect(err).NotTo(HaveOccurred())
	said := func() string { return string(s.said.Contents()[before:]) }
	const patience = 90 * time.Second
	Eventually(said, patience).Should(ContainSubstring(fmt.Sprintf("ended %d\n", before)), commands)
	for line := range strings.Lines(lines) {
		Eventually(said, patience).Should(ContainSubstring(strings.TrimSuffix(line, "\n")), commands)
	}
}

// ready skips where there is no python3. In CI it has to be there.
func ready() {
	GinkgoHelper()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") != "" {
			Fail("python3 is missing: install Debian's package python3")
		}
		Skip("python3 is missing, so the example is not put under test here")
	}
}

var _ = Describe("The example that vendors start from", func() {
	var tutorial string

	BeforeEach(func() {
		text, err := os.ReadFile("README.md")
		Expect(err).NotTo(HaveOccurred())
		tutorial = string(text)
	})

	It("does all that its tutorial says, command by command", func() {
		ready()
		root, err := filepath.Abs("../..")
		Expect(err).NotTo(HaveOccurred())
		folder := GinkgoT().TempDir()
		Expect(os.MkdirAll(filepath.Join(folder, "conformance"), 0o755)).To(Succeed())
		Expect(os.Symlink(filepath.Join(root, "conformance/examples"), filepath.Join(folder, "conformance/examples"))).To(Succeed())

		all, ports, sh := steps(tutorial), freePorts(), open(folder)
		Expect(len(all)).To(BeNumerically(">=", 9))
		for i, step := range all {
			commands := ports.changed(step.commands)
			if i == 0 { // the program comes from the project itself, and the rest stays in a folder of this spec
				Expect(commands).To(HavePrefix("go build -o out/ .\n"))
				commands = strings.Replace(commands, "go build -o out/ .", fmt.Sprintf("go build -C '%s' -o '%s/out/' .", root, folder), 1)
			}
			sh.play(commands, ports.moved.Replace(step.shown))
		}
	})

	It("is short enough to be read at a sitting", func() {
		text, err := os.ReadFile("app_server.py")
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Count(string(text), "\n")).To(BeNumerically("<", 150))
	})

	It("has a configuration that can be read, and that says what the tutorial says", func() {
		c, err := config.Load("countersign.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Profile).To(Equal("ticket@1"))
		Expect(tutorial).To(ContainSubstring("--target " + c.Target + " "))
		Expect(tutorial).To(ContainSubstring(strings.TrimPrefix(c.Target, "http://127.0.0.1:")))
	})

	It("tells CI of inputs that the composite action has", func() {
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Uses string         `yaml:"uses"`
					With map[string]any `yaml:"with"`
				} `yaml:"steps"`
			} `yaml:"jobs"`
		}
		yamls := blocks(tutorial, "yaml")
		Expect(yamls).To(HaveLen(1))
		Expect(yaml.Unmarshal([]byte(yamls[0]), &workflow)).To(Succeed())
		var action struct {
			Inputs map[string]any `yaml:"inputs"`
		}
		text, err := os.ReadFile("../../.github/actions/countersign/action.yml")
		Expect(err).NotTo(HaveOccurred())
		Expect(yaml.Unmarshal(text, &action)).To(Succeed())
		used := 0
		for _, s := range workflow.Jobs["conformance"].Steps {
			if strings.HasSuffix(s.Uses, ".github/actions/countersign") {
				used++
				for input := range s.With {
					Expect(action.Inputs).To(HaveKey(input))
				}
			}
		}
		Expect(used).To(Equal(1))
	})

	It("names files that are there", func() {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(tutorial, -1) {
			Expect(m[1]).To(BeAnExistingFile())
		}
	})
})
