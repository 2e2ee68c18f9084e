package cli

import (
	"context"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
)

// startFlags name a target that the harness is to start.
type startFlags struct{ exec, image, build string }

func (s *startFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.exec, "exec", "", "command line to start as the target, given to sh -c (on Windows: cmd /C), and to stop at the end; {port} in it and in --target is a free port (default --target "+config.StartedTarget+")")
	f.StringVar(&s.image, "image", "", "container image to start as the target, in the network of this machine")
	f.StringVar(&s.build, "build", "", "folder whose Dockerfile makes the image to start as the target")
}

// override lets the flags win over the file, also over a target of another kind that it has started.
func (s startFlags) override(c *cobra.Command, into *config.Config) error {
	var named []string
	start := config.Start{ByFlags: true}
	for _, flag := range []struct {
		name, value string
		set         func()
	}{
		{"exec", s.exec, func() { start.Exec = &config.Exec{Command: config.Words{Line: s.exec}} }},
		{"image", s.image, func() { start.Image = &config.Image{Name: s.image} }},
		{"build", s.build, func() { start.Image = &config.Image{Build: s.build} }},
	} {
		if !c.Flags().Changed(flag.name) {
			continue
		}
		if flag.value == "" {
			return &certify.UsageError{Problem: "--" + flag.name + " is empty; write what is to be started, or leave it out"}
		}
		named = append(named, "--"+flag.name)
		flag.set()
	}
	switch {
	case len(named) > 1:
		return &certify.UsageError{Problem: named[0] + " and " + named[1] + " name two targets, and only one can be started; leave one out"}
	case len(named) == 1:
		if into.Start = start; into.Target == "" {
			into.Target = config.StartedTarget
		}
	}
	if err := into.CheckStart(); err != nil {
		return usage(err)
	}
	return nil
}

// examined examines a configuration, and starts its target, where it says how, for as long as that takes.
func examined(ctx context.Context, settings config.Config) ([]doctor.Finding, error) {
	if !settings.Start.Any() {
		return doctor.Examine(ctx, settings), nil
	}
	started, err := certify.StartTarget(ctx, settings, "")
	if err != nil {
		return nil, err
	}
	findings := doctor.Examine(ctx, started.Config)
	return findings, started.Stop()
}
