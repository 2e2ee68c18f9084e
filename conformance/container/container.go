package container

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"countersign/conformance/launch"
)

// engineLimit bounds what the engine is asked for at the end, besides launch.Grace.
const engineLimit = 30 * time.Second

// Container is one under way.
type Container struct {
	provider *testcontainers.DockerProvider
	made     testcontainers.Container // nil when none was created
	out      *launch.Output
	ended    chan struct{}
	how      string // how it ended; to be read once ended is closed
	logs     sync.WaitGroup
	stop     sync.Once
}

// begin starts the container that was made, and follows its output to its end.
func (c *Container) begin(ctx context.Context) error {
	if err := c.made.Start(ctx); err != nil {
		return err
	}
	// Both last as long as the container, and not as ctx: what it says while it is stopped is kept too.
	lasting := context.WithoutCancel(ctx)
	engine, id := c.provider.Client(), c.made.GetContainerID()
	logs, err := engine.ContainerLogs(lasting, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return err
	}
	c.logs.Go(func() {
		defer logs.Close()
		if _, err := stdcopy.StdCopy(c.out, c.out, logs); err != nil {
			fmt.Fprintf(c.out, "the engine gives no more of the container's output: %v\n", err)
		}
	})
	go func() {
		defer close(c.ended)
		waiting := engine.ContainerWait(lasting, id, client.ContainerWaitOptions{})
		select {
		case end := <-waiting.Result:
			c.how = fmt.Sprintf("exit status %d", end.StatusCode)
		case err := <-waiting.Error:
			c.how = fmt.Sprintf("an error of the engine (%v)", err)
		}
		c.logs.Wait()
	}()
	return nil
}

// Ended is closed once the container has ended and its output is complete.
func (c *Container) Ended() <-chan struct{} { return c.ended }

// Cause says how the container ended, once Ended is closed. It is a *launch.EndedError.
func (c *Container) Cause() error {
	<-c.ended
	return &launch.EndedError{What: "the container", How: c.how, Output: c.out.Last()}
}

// Stop asks the container to end, has it killed after launch.Grace, keeps its last output and removes it.
func (c *Container) Stop() {
	c.stop.Do(func() {
		ctx, end := context.WithTimeout(context.Background(), launch.Grace+engineLimit)
		defer end()
		grace := launch.Grace
		_ = c.made.Stop(ctx, &grace) // what cannot be stopped is removed by force
		select {
		case <-c.ended:
		case <-time.After(launch.Grace):
		}
		c.remove()
	})
}

// remove leaves nothing of the container at the engine.
func (c *Container) remove() {
	ctx, end := context.WithTimeout(context.Background(), engineLimit)
	defer end()
	if c.made != nil {
		if err := c.made.Terminate(ctx, testcontainers.StopTimeout(0)); err != nil {
			fmt.Fprintf(c.out, "the container %s is left behind: %v\n", c.made.GetContainerID(), err)
		}
	}
	_ = c.provider.Close()
}
