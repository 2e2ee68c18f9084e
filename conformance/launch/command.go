// Package launch starts a command that is the target, waits until it answers, keeps its output and stops it.
package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Grace is how long a target may take to end after it has been asked to, before it is killed.
const Grace = 5 * time.Second

// afterwards is how long the output of a process is waited for that has ended and left it open to others.
const afterwards = 500 * time.Millisecond

// Command is a program to be started.
type Command struct {
	// Words are the program and its arguments as they are. Line is given to the system's shell in their place.
	Words []string
	Line  string
	// Folder is where it runs; empty: where the harness runs. A path of a program begins there.
	Folder string
	// Environment is added to that of the harness.
	Environment map[string]string
}

func (c Command) String() string {
	if c.Line != "" {
		return c.Line
	}
	return strings.Join(c.Words, " ")
}

// Process is a command under way, with all that it has started.
type Process struct {
	command Command
	cmd     *exec.Cmd
	out     *Output
	ended   chan struct{}
	how     error // why it ended; this and left are to be read once ended is closed
	left    bool  // what it had started was still there when it ended
	stop    sync.Once
}

// Start starts the command in a process group of its own. The error is a *CommandError.
func (c Command) Start(out *Output) (*Process, error) {
	if info, err := os.Stat(c.Folder); c.Folder != "" && (err != nil || !info.IsDir()) {
		return nil, &CommandError{Command: c, Problem: fmt.Sprintf("its folder %s does not exist", c.Folder), Mend: "make it, or name another"}
	}
	words := c.Words
	if c.Line != "" {
		words = shell(c.Line)
	}
	if len(words) == 0 || words[0] == "" {
		return nil, &CommandError{Command: c, Problem: "it is empty", Mend: "write the program and its arguments"}
	}
	program, err := c.find(words[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Args[0] = words[0]
	cmd.Dir, cmd.Env = c.Folder, append(os.Environ(), pairs(c.Environment)...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, afterwards
	inGroup(cmd)
	if c.Line != "" {
		asLine(cmd, c.Line)
	}
	p := &Process{command: c, cmd: cmd, out: out, ended: make(chan struct{})}
	if err := p.begin(); err != nil {
		return nil, c.missing(err)
	}
	return p, nil
}

// begin starts the process and waits for its end in one thread: where the system lets a process die with the one that started it, it means the thread.
func (p *Process) begin() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if err := p.cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			p.how = err
		}
		p.left = alive(p.cmd)
		close(p.ended)
	}()
	return <-started
}

// Ended is closed once the command has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Cause says how the command ended, once Ended is closed: a *CommandError where the shell did not find its program, else an *EndedError.
func (p *Process) Cause() error {
	<-p.ended
	if p.command.Line != "" && p.cmd.ProcessState.ExitCode() == shellFindsNothing {
		return &CommandError{Command: p.command, Problem: "the shell finds no such program", Mend: "install the program, or correct its name", Output: p.out.Last()}
	}
	how := "exit status 0"
	if p.how != nil {
		how = p.how.Error()
	}
	return &EndedError{What: "the command", How: how, Output: p.out.Last()}
}

// Stop asks the command and all that it has started to end, kills what has not ended after Grace, and returns when the command has ended.
func (p *Process) Stop() {
	p.stop.Do(func() {
		select {
		case <-p.ended:
			if !p.left { // its number may be another's by now
				return
			}
		default:
		}
		patience := time.NewTimer(Grace)
		defer patience.Stop()
		ask(p.cmd)
		select {
		case <-p.ended:
			p.others(patience.C)
		case <-patience.C:
		}
		kill(p.cmd)
		<-p.ended
	})
}

// others waits for what the command has started and left behind.
func (p *Process) others(patience <-chan time.Time) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for alive(p.cmd) {
		select {
		case <-tick.C:
		case <-patience:
			return
		}
	}
}

// inFolder is the path of a program that is named by a path, and else its name.
func inFolder(folder, program string) string {
	if folder == "" || filepath.IsAbs(program) || !strings.ContainsRune(filepath.ToSlash(program), '/') {
		return program
	}
	if absolute, err := filepath.Abs(filepath.Join(folder, program)); err == nil {
		return absolute
	}
	return program
}

func pairs(environment map[string]string) []string {
	var all []string
	for name, value := range environment {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}
