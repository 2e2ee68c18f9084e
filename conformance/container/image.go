// Package container runs a container that is the target. It alone knows testcontainers-go.
package container

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"countersign/conformance/launch"
)

// DefaultWait is how long a container may take until it answers, once its image is there.
const DefaultWait = time.Minute

// Image is what a container is made from, and how it is run.
type Image struct {
	// Name is an image that the engine has or can pull. Folder, in its place, is built by its Dockerfile.
	Name   string
	Folder string
	// Dockerfile is the path below Folder; empty: Dockerfile.
	Dockerfile string
	// Command takes the place of the image's own; Environment is added to it.
	Command     []string
	Environment map[string]string
	// Port is that of the container which is to be had at the loopback port Published of this machine. 0: the container is in the network of the machine,
	// so that it and the harness meet at the same loopback addresses.
	Port, Published int
}

func (i Image) String() string {
	if i.Name != "" {
		return i.Name
	}
	return "of " + i.Folder
}

// Start has the image pulled or built, and starts a container. Where it is built, out gets what the builder says.
// The error is an *EngineError, an *ImageError, a *FolderError, a *StartError, or that of ctx.
func (i Image) Start(ctx context.Context, out *launch.Output) (*Container, error) {
	if err := i.examine(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	retries := &retries{stop: stop}
	provider, err := engine(ctx, retries)
	if err != nil {
		return nil, err
	}
	c := &Container{provider: provider, out: out, ended: make(chan struct{})}
	c.made, err = provider.CreateContainer(ctx, i.request(out))
	if err == nil {
		err = c.begin(ctx)
	}
	if err == nil {
		return c, nil
	}
	c.remove()
	return nil, i.explain(ctx, err, out)
}

// examine finds what is wrong without an engine.
func (i Image) examine() error {
	if i.Name != "" {
		return nil
	}
	if info, err := os.Stat(i.Folder); err != nil || !info.IsDir() {
		return &FolderError{Folder: i.Folder, Problem: "there is no such folder", Mend: "name the folder that holds the Dockerfile"}
	}
	if info, err := os.Stat(filepath.Join(i.Folder, i.dockerfile())); err != nil || info.IsDir() {
		return &FolderError{Folder: i.Folder, Problem: "there is no " + i.dockerfile() + " in it", Mend: "write one, or name it with `dockerfile` in the configuration"}
	}
	return nil
}

func (i Image) dockerfile() string {
	if i.Dockerfile == "" {
		return "Dockerfile"
	}
	return i.Dockerfile
}

// request is what testcontainers is asked for.
func (i Image) request(out io.Writer) testcontainers.ContainerRequest {
	r := testcontainers.ContainerRequest{
		Image: i.Name, Cmd: i.Command, Env: i.Environment,
		HostConfigModifier: func(c *container.HostConfig) { c.NetworkMode = network.NetworkHost },
	}
	if i.Name == "" {
		r.FromDockerfile = testcontainers.FromDockerfile{
			Context: i.Folder, Dockerfile: i.dockerfile(), BuildLogWriter: out,
			Repo: "countersign-target", Tag: i.tag(), KeepImage: true, // so that the next build finds its layers
		}
	}
	if i.Port != 0 {
		port := network.MustParsePort(fmt.Sprintf("%d/tcp", i.Port))
		r.ExposedPorts = []string{port.String()}
		r.HostConfigModifier = func(c *container.HostConfig) {
			c.PortBindings = network.PortMap{port: {{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: fmt.Sprint(i.Published)}}}
		}
	}
	return r
}

// tag is the same for every build of a folder.
func (i Image) tag() string {
	folder, err := filepath.Abs(i.Folder)
	if err != nil {
		folder = i.Folder
	}
	sum := sha256.Sum256([]byte(folder + "\x00" + i.dockerfile()))
	return hex.EncodeToString(sum[:8])
}

// engine finds the container engine as testcontainers does: by its properties file, DOCKER_HOST, the context of docker, or the usual sockets.
// The library panics over some mistakes in what it reads there.
func engine(ctx context.Context, said log.Logger) (provider *testcontainers.DockerProvider, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = &EngineError{fmt.Errorf("%v", broken)}
		}
	}()
	log.SetDefault(log.NewNoopLogger()) // it greets on standard error
	found, err := testcontainers.ProviderDefault.GetProvider(testcontainers.WithLogger(said))
	if err != nil {
		return nil, &EngineError{err}
	}
	provider, ok := found.(*testcontainers.DockerProvider)
	if !ok {
		return nil, &EngineError{fmt.Errorf("the engine is of an unknown kind %T", found)}
	}
	if err := provider.Health(ctx); err != nil {
		return nil, &EngineError{err}
	}
	return provider, nil
}

// Engine reports whether there is a container engine. The error is an *EngineError.
func Engine(ctx context.Context) error {
	provider, err := engine(ctx, log.NewNoopLogger())
	if err != nil {
		return err
	}
	return provider.Close()
}

// retries stops what the library would try again for a quarter of an hour. It is the library's logger: each time is told there.
type retries struct {
	stop context.CancelCauseFunc

	mu    sync.Mutex
	count int
}

// attempts are made to pull or to build.
const attempts = 3

// Printf implements the library's Logger.
func (r *retries) Printf(format string, args ...any) {
	if !strings.Contains(format, "will retry") {
		return
	}
	for _, a := range args {
		if err, ok := a.(error); ok {
			r.mu.Lock()
			if r.count++; r.count == attempts {
				r.stop(&givenUp{err})
			}
			r.mu.Unlock()
		}
	}
}

// givenUp is the end of the attempts.
type givenUp struct{ last error }

func (e *givenUp) Error() string { return e.last.Error() }

// explain types what kept a container from running.
func (i Image) explain(ctx context.Context, err error, out *launch.Output) error {
	var tired *givenUp
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &tired):
		err = tired.last
	case cause != nil:
		return cause
	}
	start := &StartError{Image: i, Err: err}
	if text := line(err); start.NoProgram() || strings.Contains(text, "container start:") || strings.Contains(text, "reaper") {
		return start
	}
	return &ImageError{Image: i, Err: err, Output: out.Last()}
}
