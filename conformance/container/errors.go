package container

import (
	"fmt"
	"strings"

	"countersign/conformance/launch"
)

// EngineError says that there is no container engine to be asked.
type EngineError struct{ Err error }

func (e *EngineError) Error() string {
	return fmt.Sprintf("no container engine answers: %s; start one, as docker or podman, and name it with DOCKER_HOST if it is not at its usual socket", line(e.Err))
}

// Unwrap gives the cause.
func (e *EngineError) Unwrap() error { return e.Err }

// FolderError is a folder that no image can be built from.
type FolderError struct{ Folder, Problem, Mend string }

func (e *FolderError) Error() string {
	return fmt.Sprintf("no image can be built from %s: %s; %s", e.Folder, e.Problem, e.Mend)
}

// ImageError is an image that cannot be had.
type ImageError struct {
	Image  Image
	Err    error
	Output launch.Lines // of the builder
}

func (e *ImageError) Error() string {
	if e.Image.Name == "" {
		return fmt.Sprintf("the image %s cannot be built: %s; mend its %s%s", e.Image, line(e.Err), e.Image.dockerfile(), e.Output)
	}
	if e.Malformed() {
		return fmt.Sprintf("%q is no name of an image: %s; write it as name:tag or registry/name:tag", e.Image, line(e.Err))
	}
	return fmt.Sprintf("the image %s cannot be had: %s; correct its name, log in to its registry with docker login, or pull it yourself", e.Image, line(e.Err))
}

// Malformed reports whether the name is none that an image could have.
func (e *ImageError) Malformed() bool {
	return strings.Contains(line(e.Err), "invalid reference format")
}

// Unwrap gives the cause.
func (e *ImageError) Unwrap() error { return e.Err }

// StartError is a container that was made and cannot be started.
type StartError struct {
	Image Image
	Err   error
}

func (e *StartError) Error() string {
	mend := "correct `command` and `port`"
	switch text := line(e.Err); {
	case e.NoProgram():
		mend = "correct `command`: the image holds no such program"
	case strings.Contains(text, "reaper"):
		mend = "let the engine pull the image testcontainers/ryuk, or set TESTCONTAINERS_RYUK_DISABLED=true"
	}
	return fmt.Sprintf("the container of the image %s cannot be started: %s; %s", e.Image, line(e.Err), mend)
}

// NoProgram reports whether the command of the container names a program that is not there.
func (e *StartError) NoProgram() bool {
	text := line(e.Err)
	return strings.Contains(text, "executable file not found") || strings.Contains(text, "no such file or directory") || strings.Contains(text, "no command specified")
}

// Unwrap gives the cause.
func (e *StartError) Unwrap() error { return e.Err }

// line is an error in one line.
func line(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
