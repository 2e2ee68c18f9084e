package job

import (
	"context"
	"fmt"
	"slices"

	"countersign/bench/load"
	"countersign/bench/load/play"
	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/doctor"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/remote"
)

// cast is a script with what it plays against.
type cast struct {
	script                load.Script
	profile, target, name string
	own                   bool // the target is in this process
	closing               []func()
}

func (c *cast) close() {
	if c == nil {
		return
	}
	for _, f := range slices.Backward(c.closing) {
		f()
	}
}

// cast finds the target and makes the script for it.
func (j Job) cast(ctx context.Context) (*cast, error) {
	if o := j.Endpoint; o != nil {
		script, err := play.NewEndpoint(*o)
		if err != nil {
			return nil, err
		}
		return &cast{script: script, target: o.URL, name: script.Name()}, nil
	}
	if err := j.examine(ctx); err != nil {
		return nil, err
	}
	if j.Config.Target == "" {
		return j.reference(ctx)
	}
	return j.remote(ctx)
}

// examine asks a doctor, as check does before anything is judged. The error is a *doctor.Refusal.
func (j Job) examine(ctx context.Context) error {
	findings := doctor.Examine(ctx, j.Config)
	for _, f := range findings {
		if f.Severity == doctor.Warning && j.Warn != nil {
			j.Warn(fmt.Sprint(f))
		}
	}
	return doctor.Refuse(findings)
}

// reference puts each role of the built-in reference under load, on connections of the loopback interface.
func (j Job) reference(ctx context.Context) (*cast, error) {
	if j.Config.Profile == "" {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("name the flow that is to be played with --flow: one of %v", Playable())}
	}
	flow, err := flows.Find(j.Config.Profile)
	if err != nil {
		return nil, err
	}
	built := reference.Reference{Level: j.Config.Level, Seed: j.Config.Seed}
	c := &cast{profile: flow.Profile, target: "built-in reference", own: true}
	roles, err := wanted(flow, j.Config.Roles, play.Roles(flow.Name))
	if err != nil {
		return c, err
	}
	return c, c.open(ctx, flow, roles, built.OnLoopback)
}

// remote puts each role that a target plays under load.
func (j Job) remote(ctx context.Context) (*cast, error) {
	chosen := flows.All()
	if j.Config.Profile != "" {
		flow, err := flows.Find(j.Config.Profile)
		if err != nil {
			return nil, err
		}
		chosen = []conformance.Flow{flow}
	}
	over, err := j.Config.Transport()
	if err != nil {
		return nil, &certify.UsageError{Problem: err.Error()}
	}
	target, err := remote.Find(ctx, remote.Options{
		URL: j.Config.Target, Roles: j.Config.Roles, Limit: j.Config.Limit, MaxWait: j.Config.MaxWait, Flows: chosen, Setup: j.Config.Setup, Through: over,
		Listen: j.Config.Stage.Listener,
	})
	if err != nil {
		return nil, err
	}
	c := &cast{profile: target.Flow.Profile, target: j.Config.Target, closing: []func(){target.Close}}
	roles, err := wanted(target.Flow, j.Config.Roles, target.Roles)
	if err != nil {
		return c, err
	}
	return c, c.open(ctx, target.Flow, roles, target.Open)
}

// wanted are the roles that are put under load: those that are asked for, or else those that are there and serve many, as far as there is a script for them.
func wanted(flow conformance.Flow, asked, there []catalog.Role) ([]catalog.Role, error) {
	playable := play.Roles(flow.Name)
	for _, role := range asked {
		if !slices.Contains(playable, role) {
			return nil, &play.SceneError{Problem: fmt.Sprintf("the role %q of %s cannot be put under load; the roles that can are %v", role, flow.Name, playable)}
		}
	}
	if len(asked) > 0 {
		return slices.DeleteFunc(playable, func(role catalog.Role) bool { return !slices.Contains(asked, role) }), nil
	}
	if chosen := play.Chosen(flow.Name, there); len(chosen) > 0 {
		return chosen, nil
	}
	return nil, &play.SceneError{Problem: fmt.Sprintf("none of the roles %v of %s can be put under load; those that can are %v", there, flow.Name, playable)}
}

// open makes one script of those of all roles.
func (c *cast) open(ctx context.Context, flow conformance.Flow, roles []catalog.Role, open func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error)) error {
	var scripts load.Joined
	c.name = flow.Name
	for _, role := range roles {
		at := slices.IndexFunc(flow.Checks, func(check conformance.Check) bool { return check.Role == role })
		if at < 0 {
			return &play.SceneError{Problem: fmt.Sprintf("%s has no role %q", flow.Name, role)}
		}
		env, target, err := open(ctx, flow.Checks[at])
		if err != nil {
			return err
		}
		c.closing = append(c.closing, env.Close)
		script, err := play.Open(ctx, &play.Scene{Flow: flow, Env: env, Target: target}, role)
		if err != nil {
			return err
		}
		scripts = append(scripts, script)
		c.name += " " + string(role)
	}
	c.script = scripts
	return nil
}

// Playable are the flows that have a script.
func Playable() []string {
	var names []string
	for _, f := range flows.All() {
		if len(play.Roles(f.Name)) > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}
