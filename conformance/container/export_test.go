package container

import (
	"context"

	"github.com/moby/moby/client"
)

// Known reports whether the engine knows the container, running or not.
func (c *Container) Known(ctx context.Context) bool {
	_, err := c.provider.Client().ContainerInspect(ctx, c.made.GetContainerID(), client.ContainerInspectOptions{})
	return err == nil
}
