// Package redisserver starts a Redis server of the machine for a measurement or a test, on a socket in a folder of its own, keeping nothing.
package redisserver

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrNone says that the machine has no redis-server.
var ErrNone = errors.New("there is no redis-server in the PATH; Debian's package is redis-server")

// Server is one that runs.
type Server struct {
	// Socket is the path of its Unix socket.
	Socket string

	folder  string
	command *exec.Cmd
}

// Start starts a server and waits until it is ready. The error is ErrNone, or says why it does not come up, in its own words.
func Start() (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNone
	}
	folder, err := os.MkdirTemp("", "redis-")
	if err != nil {
		return nil, fmt.Errorf("no folder is to be had for a Redis server: %w", err)
	}
	s := &Server{Socket: filepath.Join(folder, "socket"), folder: folder}
	s.command = exec.Command(program, "--port", "0", "--unixsocket", s.Socket, "--save", "", "--appendonly", "no", "--dir", folder)
	output, err := s.command.StdoutPipe()
	if err == nil {
		err = s.command.Start()
	}
	if err != nil {
		_ = os.RemoveAll(folder) // it is empty, in a folder for what may be removed
		return nil, fmt.Errorf("the Redis server does not start: %w", err)
	}
	last := ""
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if last = lines.Text(); strings.Contains(last, "eady to accept connections") {
			go func() { // what it says from now on is read, so that it never waits for a reader
				for lines.Scan() {
				}
			}()
			return s, nil
		}
	}
	s.Stop()
	return nil, fmt.Errorf("the Redis server ended before it was ready, and said last: %q", last)
}

// Stop ends the server and removes what it wrote.
func (s *Server) Stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = s.command.Wait()                          // however it ended
	_ = os.RemoveAll(s.folder)                    // in a folder for what may be removed
}
