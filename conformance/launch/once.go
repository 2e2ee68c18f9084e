package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Find looks for the program of the command. The error is a *CommandError.
func (c Command) Find() (string, error) {
	if len(c.Words) == 0 || c.Words[0] == "" {
		return "", &CommandError{Command: c, Problem: "it is empty", Mend: "write the program and its arguments"}
	}
	return c.find(c.Words[0])
}

func (c Command) find(name string) (string, error) {
	program, err := exec.LookPath(inFolder(c.Folder, name))
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", c.missing(err)
	}
	return program, c.interpreted(program)
}

// Once runs the command, Words only, to its end, or until ctx ends, when it is killed with all that it has started. It gives what the command wrote on
// standard output, most bytes of it at the most, and the end of what it wrote on standard error. The error is a *CommandError or an *OnceError.
func (c Command) Once(ctx context.Context, in []byte, most int64) (out []byte, said string, err error) {
	program, err := c.Find()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, program, c.Words[1:]...)
	cmd.Args[0] = c.Words[0]
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.Folder, append(os.Environ(), pairs(c.Environment)...), afterwards
	cmd.Stdin = bytes.NewReader(in)
	answer, complaint := &head{most: most + 1}, &tail{}
	cmd.Stdout, cmd.Stderr = answer, complaint
	inGroup(cmd)
	cmd.Cancel = func() error {
		kill(cmd)
		return nil
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, "", c.missing(err)
	}
	err = cmd.Wait()
	said = strings.TrimSpace(complaint.String())
	switch {
	case ctx.Err() != nil:
		return nil, said, &OnceError{c, fmt.Sprintf("did not end within %s", time.Since(begun).Round(100*time.Millisecond)), said}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, io.ErrClosedPipe) && cmd.ProcessState != nil && !cmd.ProcessState.Success():
		return nil, said, &OnceError{c, "ended with " + cmd.ProcessState.String(), said}
	case int64(answer.Len()) > most:
		return nil, said, &OnceError{c, fmt.Sprintf("wrote more than %d bytes on standard output", most), said}
	}
	return answer.Bytes(), said, nil
}

// OnceError is a command that did not do what it was run for.
type OnceError struct {
	Command Command
	// How it went wrong, as "ended with exit status 1"; Said is the end of its standard error.
	How, Said string
}

func (e *OnceError) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("the command %q %s, and said nothing on standard error", e.Command, e.How)
	}
	lines := strings.Split(e.Said, "\n")
	return fmt.Sprintf("the command %q %s, saying %q", e.Command, e.How, strings.TrimSpace(lines[len(lines)-1]))
}

// head keeps the first bytes that are written to it, and takes the rest.
type head struct {
	bytes.Buffer
	most int64
}

func (h *head) Write(p []byte) (int, error) {
	room := max(0, h.most-int64(h.Len()))
	h.Buffer.Write(p[:min(int64(len(p)), room)])
	return len(p), nil
}

// tail keeps the last bytes.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-most):]
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(string(t.kept), "\uFFFD") }
