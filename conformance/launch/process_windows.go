package launch

import (
	"os/exec"
	"strconv"
	"syscall"
)

// shellFindsNothing is the exit status by which cmd says that there is no such program.
const shellFindsNothing = 9009

func shell(line string) []string { return []string{"cmd", "/S", "/C", line} }

// asLine gives the line to cmd without the quoting that other programs undo.
func asLine(cmd *exec.Cmd, line string) { cmd.SysProcAttr.CmdLine = `cmd /S /C "` + line + `"` }

// inGroup keeps what is typed at the harness's console from the command.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// ask asks the command and all that it has started to end.
func ask(cmd *exec.Cmd) {
	_ = exec.Command("taskkill", "/T", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
}

// kill ends the command and all that it has started.
func kill(cmd *exec.Cmd) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
	_ = cmd.Process.Kill()
}

// alive reports false: a tree of processes cannot be found any more once its first has ended.
func alive(*exec.Cmd) bool { return false }
