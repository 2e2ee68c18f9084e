//go:build unix

package launch

import (
	"errors"
	"os/exec"
	"syscall"
)

// shellFindsNothing is the exit status by which sh says that there is no such program.
const shellFindsNothing = 127

func shell(line string) []string { return []string{"sh", "-c", line} }

// asLine does nothing: the shell is given the line as it is.
func asLine(*exec.Cmd, string) {}

// inGroup gives the command a process group of its own.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	diesWithUs(cmd.SysProcAttr)
}

// ask asks the whole group to end.
func ask(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// kill ends the whole group.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// alive reports whether any of the group is there.
func alive(cmd *exec.Cmd) bool { return !errors.Is(syscall.Kill(-cmd.Process.Pid, 0), syscall.ESRCH) }
