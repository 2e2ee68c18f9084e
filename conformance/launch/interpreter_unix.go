//go:build unix

package launch

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// interpreted finds that a script names an interpreter that is not there. The system says of it no more than that a file is missing. The error is a *CommandError.
func (c Command) interpreted(program string) error {
	f, err := os.Open(program)
	if err != nil {
		return nil // a program may be executed that may not be read
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n')
	named, script := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#!")
	interpreter, _, _ := strings.Cut(strings.TrimLeft(named, " \t"), " ")
	if !script || !filepath.IsAbs(interpreter) {
		return nil
	}
	if _, err := os.Stat(interpreter); err == nil {
		return nil
	}
	if strings.HasSuffix(named, "\r") {
		return &CommandError{Command: c, Problem: "its lines end as those of Windows do, with which its interpreter is not found", Mend: "save the script with line ends of Unix"}
	}
	return &CommandError{Command: c, Problem: "its first line names the interpreter " + interpreter + ", which is not there", Mend: "install that, or correct the line"}
}
