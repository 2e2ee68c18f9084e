//go:build unix

package launch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/launch"
)

// started starts a command, and stops it at the end of the spec.
func started(c launch.Command, out *launch.Output) *launch.Process {
	GinkgoHelper()
	p, err := c.Start(out)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Stop)
	return p
}

// line is a command for the shell.
func line(text string) launch.Command { return launch.Command{Line: text} }

// running finds out whether there is a process of that number.
func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// written waits for a number in a file.
func written(file string) (number int) {
	GinkgoHelper()
	Eventually(func() error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		number, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err
	}, "5s", "10ms").Should(Succeed())
	return number
}

var _ = Describe("A command that is started", func() {
	It("runs in its folder, with what is added to the environment, and its output is kept", func() {
		folder := GinkgoT().TempDir()
		out := &launch.Output{File: filepath.Join(folder, "target.log")}
		Expect(out.Open()).To(Succeed())
		p := started(launch.Command{Line: `pwd; echo "$GREETING"; echo problem >&2; printf unended`, Folder: folder, Environment: map[string]string{"GREETING": "good day"}}, out)
		Eventually(p.Ended(), "5s").Should(BeClosed())
		Expect(out.Close()).To(Succeed())
		log, err := os.ReadFile(out.File)
		Expect(err).NotTo(HaveOccurred())
		real, err := filepath.EvalSymlinks(folder)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Split(string(log), "\n")).To(ConsistOf(real, "good day", "problem", "unended", ""))
	})

	It("gives a list of words to the program as they are", func() {
		out := &launch.Output{}
		p := started(launch.Command{Words: []string{"printf", "%s|", "two words", "$HOME", "*"}}, out)
		Eventually(p.Ended(), "5s").Should(BeClosed())
		Expect(out.Last().Text).To(Equal([]string{"two words|$HOME|*|"}))
	})

	It("finds a program that is named by a path from its folder", func() {
		folder := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(folder, "server"), []byte("#!/bin/sh\necho here\n"), 0o755)).To(Succeed())
		out := &launch.Output{}
		p := started(launch.Command{Words: []string{"./server"}, Folder: folder}, out)
		Eventually(p.Ended(), "5s").Should(BeClosed())
		Expect(out.Last().Text).To(Equal([]string{"here"}))
	})

	DescribeTable("is refused with a sentence that says how to mend it", func(c launch.Command, problem, mend string) {
		_, err := c.Start(&launch.Output{})
		var wrong *launch.CommandError
		Expect(errors.As(err, &wrong)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring(problem)))
		Expect(err).To(MatchError(ContainSubstring(mend)))
	},
		Entry("when there is no such program", launch.Command{Words: []string{"countersign-no-such-program"}}, "there is no such program", "install the program"),
		Entry("when there is no such path", launch.Command{Words: []string{"./no/such/program"}, Folder: "/"}, "there is no such program", "correct its name"),
		Entry("when it may not be executed", launch.Command{Words: []string{"./launch_test.go"}}, "may not be executed", "chmod +x"),
		Entry("when the interpreter of a script is not there", launch.Command{Words: []string{"./testdata/uninterpreted.sh"}}, "names the interpreter /no/such/interpreter, which is not there", "install that, or correct the line"),
		Entry("when a script has come from Windows", launch.Command{Words: []string{"./testdata/windows.sh"}}, "its lines end as those of Windows do", "save the script with line ends of Unix"),
		Entry("when there is no such folder", launch.Command{Line: "true", Folder: "/no/such/folder"}, "its folder /no/such/folder does not exist", "make it"),
		Entry("when it is empty", launch.Command{}, "it is empty", "write the program"),
	)

	It("is known not to have been found when a shell says so", func() {
		p := started(line("countersign-no-such-program --port 1"), &launch.Output{})
		Eventually(p.Ended(), "5s").Should(BeClosed())
		var wrong *launch.CommandError
		Expect(errors.As(p.Cause(), &wrong)).To(BeTrue())
		Expect(p.Cause()).To(MatchError(ContainSubstring("the shell finds no such program")))
	})

	It("is asked to end, and its farewell is kept", func() {
		out := &launch.Output{}
		p := started(line(`trap 'echo farewell; exit 0' TERM; echo ready; while :; do sleep 0.05; done`), out)
		Eventually(func() []string { return out.Last().Text }, "5s", "10ms").Should(ContainElement("ready"))
		before := time.Now()
		p.Stop()
		Expect(time.Since(before)).To(BeNumerically("<", launch.Grace))
		Expect(out.Last().Text).To(ContainElements("ready", "farewell")) // the shell may also tell that its sleep was ended
		p.Stop()                                                         // again
	})

	It("is killed with all that it has started when it does not end", func() {
		file := filepath.Join(GinkgoT().TempDir(), "pid")
		p := started(line(fmt.Sprintf(`trap '' TERM; sh -c 'trap "" TERM; echo $$ >%s; while :; do sleep 0.05; done' & wait; wait`, file)), &launch.Output{})
		child := written(file)
		p.Stop()
		Expect(p.Ended()).To(BeClosed())
		Eventually(func() bool { return running(child) }, "2s", "10ms").Should(BeFalse())
	})

	It("takes what it has left behind with it, and does not wait for the output of that", func() {
		file := filepath.Join(GinkgoT().TempDir(), "pid")
		p := started(line(fmt.Sprintf(`sleep 1000 & echo $! >%s; exit 0`, file)), &launch.Output{})
		child := written(file)
		Eventually(p.Ended(), "5s").Should(BeClosed())
		Expect(running(child)).To(BeTrue())
		p.Stop()
		Eventually(func() bool { return running(child) }, "2s", "10ms").Should(BeFalse())
	})
})

var _ = Describe("Waiting for a target", func() {
	silent := func() *launch.Process { return started(line("exec sleep 1000"), &launch.Output{}) }

	It("ends with the first answer, whatever it is, once somebody is behind the door", func() {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			switch asked.Add(1) {
			case 1:
				w.WriteHeader(http.StatusBadGateway)
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		}))
		DeferCleanup(server.Close)
		Expect(launch.Door{URL: server.URL}.Await(context.Background(), silent(), &launch.Output{}, 5*time.Second)).To(Succeed())
		Expect(asked.Load()).To(Equal(int32(3)))
	})

	It("ends at once when the target ends, and shows its last words", func() {
		out := &launch.Output{}
		p := started(line(`i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line $i"; done; printf 'no \033[31mconfig\033[0m\n' >&2; exit 3`), out)
		before := time.Now()
		err := launch.Door{URL: "http://127.0.0.1:1/metadata"}.Await(context.Background(), p, out, time.Minute)
		Expect(time.Since(before)).To(BeNumerically("<", 5*time.Second))
		var ended *launch.EndedError
		Expect(errors.As(err, &ended)).To(BeTrue(), "%v", err)
		Expect(err.Error()).To(HavePrefix("the command ended with exit status 3 before it answered at http://127.0.0.1:1/metadata; "))
		Expect(err.Error()).To(HaveSuffix("\n  line 29\n  line 30\n  no [31mconfig[0m"))
		Expect(err.Error()).NotTo(ContainSubstring("line 18\n"))
	})

	It("does not take another's answer for that of a target that has ended", func() {
		server := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(server.Close)
		p := started(line("exit 1"), &launch.Output{})
		Eventually(p.Ended(), "5s").Should(BeClosed())
		Expect(launch.Door{URL: server.URL}.Await(context.Background(), p, &launch.Output{}, time.Second)).To(MatchError(ContainSubstring("ended with exit status 1")))
		Expect(launch.Door{URL: server.URL}.Free(context.Background())).To(MatchError(ContainSubstring("something answers at " + server.URL + " already")))
	})

	It("ends when the limit is over, with what the last question got", func() {
		err := launch.Door{URL: "http://127.0.0.1:1/"}.Await(context.Background(), silent(), &launch.Output{}, 200*time.Millisecond)
		var dumb *launch.SilentError
		Expect(errors.As(err, &dumb)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(And(ContainSubstring("within 200ms"), ContainSubstring("connection refused"), ContainSubstring("`wait`"))))
	})

	It("ends when the run is stopped", func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		Expect(launch.Door{URL: "http://127.0.0.1:1/"}.Await(ctx, silent(), &launch.Output{}, time.Minute)).To(MatchError(context.Canceled))
	})
})

var _ = Describe("The output of a target", func() {
	It("is written without what nobody is to read, also where it comes in pieces", func() {
		out := &launch.Output{File: filepath.Join(GinkgoT().TempDir(), "target.log"), Hide: func(s string) string { return strings.ReplaceAll(s, "topsecret", "***") }}
		Expect(out.Open()).To(Succeed())
		for _, piece := range []string{"the key is top", "secret\r\nand ", "again topsecret"} {
			_, err := out.Write([]byte(piece))
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(out.Close()).To(Succeed())
		log, err := os.ReadFile(out.File)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(log)).To(Equal("the key is ***\nand again ***\n"))
		Expect(out.Last().Text).To(Equal([]string{"the key is ***", "and again ***"}))
	})

	It("says when it cannot be kept", func() {
		out := &launch.Output{File: filepath.Join(GinkgoT().TempDir(), "none", "target.log")}
		var wrong *launch.OutputError
		Expect(errors.As(out.Open(), &wrong)).To(BeTrue())
		Expect(wrong).To(MatchError(ContainSubstring("name another folder with --out")))
	})

	It("does not grow without end where a target never ends a line", func() {
		out := &launch.Output{}
		for range 40 {
			_, err := out.Write([]byte(strings.Repeat("x", 100_000)))
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(len(out.Last().Text)).To(BeNumerically(">", 1))
		for _, line := range out.Last().Text {
			Expect(len(line)).To(BeNumerically("<", 1000))
		}
	})
})

var _ = Describe("A free port", func() {
	It("can be listened at, and is none that a system gives away", func() {
		port, err := launch.FreePort()
		Expect(err).NotTo(HaveOccurred())
		Expect(port).To(And(BeNumerically(">=", 10000), BeNumerically("<", 20000)))
	})

	DescribeTable("is not needed where a URL has one", func(url string, port int) {
		Expect(launch.PortOf(url)).To(Equal(port))
	},
		Entry("that it names", "http://127.0.0.1:9000/x", 9000),
		Entry("that its scheme stands for", "https://example.org", 443),
		Entry("but a mark is none", "http://127.0.0.1:{port}", 0),
	)
})
