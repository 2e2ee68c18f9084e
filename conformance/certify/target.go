package certify

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/container"
	"countersign/conformance/launch"
	"countersign/conformance/redact"
)

// Started is a target that the harness has started itself.
type Started struct {
	// Config is the one under which the target is met: with its port, and with nothing to start any more.
	Config config.Config

	running launch.Running
	out     *launch.Output
}

// StartTarget starts what a configuration says, and waits until it answers; Stop ends it. log is the file that its output is kept in; empty: it is not kept.
// Secrets of the configuration are taken out of the output. ExitCode knows the errors.
func StartTarget(ctx context.Context, c config.Config, log string) (started *Started, err error) {
	if err := c.CheckStart(); err != nil {
		return nil, &UsageError{err.Error()}
	}
	port := launch.PortOf(c.Target) // 0 where it has the mark
	if strings.Contains(c.Target, config.PortMark) {
		if port, err = launch.FreePort(); err != nil {
			return nil, err
		}
	}
	c = c.With(port)
	start := c.Start
	c.Start = config.Start{}
	door, err := doorOf(c)
	if err != nil {
		return nil, err
	}
	if err := door.Free(ctx); err != nil {
		return nil, err
	}
	s := &Started{Config: c, out: &launch.Output{File: log, Hide: without(c.Secrets)}}
	if err := s.out.Open(); err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		_ = s.Stop() // what kept it from starting is what matters
		if ctx.Err() != nil {
			err = &StoppedError{}
		}
	}()
	wait, err := s.start(ctx, start, port)
	if err != nil {
		return nil, err
	}
	return s, door.Await(ctx, s.running, s.out, wait)
}

// start starts the command or the container, and gives how long it may take to answer.
func (s *Started) start(ctx context.Context, what config.Start, port int) (time.Duration, error) {
	if e := what.Exec; e != nil {
		process, err := launch.Command{Words: e.Command.List, Line: e.Command.Line, Folder: e.Folder, Environment: e.Environment}.Start(s.out)
		if err != nil {
			return 0, err
		}
		s.running = process
		return time.Duration(e.Wait), nil
	}
	i := what.Image
	c, err := container.Image{
		Name: i.Name, Folder: i.Build, Dockerfile: i.Dockerfile, Command: i.Command.Shelled(), Environment: i.Environment, Port: i.Port, Published: port,
	}.Start(ctx, s.out)
	if err != nil {
		return 0, err
	}
	s.running = c
	if i.Wait == 0 {
		return container.DefaultWait, nil
	}
	return time.Duration(i.Wait), nil
}

// Stop ends the target. The error is a *launch.OutputError.
func (s *Started) Stop() error {
	if s.running != nil {
		s.running.Stop()
	}
	return s.out.Close()
}

// doorOf is where a target is to answer: at the metadata document, where its flow is known.
func doorOf(c config.Config) (launch.Door, error) {
	over, err := c.Transport()
	if err != nil {
		return launch.Door{}, &UsageError{err.Error()}
	}
	flows, err := Job{Config: c}.flows()
	if err != nil {
		return launch.Door{}, err
	}
	return launch.Door{URL: strings.TrimSuffix(c.Target, "/") + flows[0].WellKnown, Through: over(flows[0], &http.Transport{DisableKeepAlives: true})}, nil
}

// without takes secrets out of a line, also where a secret has lines of its own.
func without(secrets []conformance.Secret) func(string) string {
	text := redact.New(nil)
	for _, s := range secrets {
		for line := range strings.Lines(s.Value) {
			if line = strings.TrimRight(line, "\r\n"); len(line) >= conformance.ShortestSecret {
				text.LearnSecret(s.Place, line)
			}
		}
	}
	return text.Redact
}

// runStarted is Run for a target that has to be started. Where that ends by itself, nothing is concluded.
func (j Job) runStarted(ctx context.Context) (report conformance.Report, failure error) {
	if j.Defect != "" || j.Simulated {
		return report, &UsageError{"--defect and --simulated change the built-in reference: leave them out, or start no target"}
	}
	started, err := StartTarget(ctx, j.Config, j.Log)
	if err != nil {
		return report, err
	}
	defer func() {
		if err := started.Stop(); failure == nil {
			failure = err
		}
	}()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-started.running.Ended():
			stop(started.running.Cause())
		case <-ctx.Done():
		}
	}()
	judging := j
	judging.Config, judging.written = started.Config, &j.Config
	report, err = judging.Run(ctx)
	if err == nil && report.Conclusion != conformance.Conformant {
		started.settle(ctx)
	}
	if ended := new(launch.EndedError); errors.As(context.Cause(ctx), &ended) {
		return report, ended
	}
	return report, err
}

// settle waits until it is known that a target has ended which nobody meets any more: checks can fail at its closed door sooner than the system tells of its end.
func (s *Started) settle(ctx context.Context) {
	door, err := doorOf(s.Config)
	if err != nil || door.Free(ctx) != nil {
		return // somebody answers
	}
	patience := time.NewTimer(launch.Grace)
	defer patience.Stop()
	select {
	case <-ctx.Done():
	case <-patience.C: // it lives, and has closed its door
	}
}
