package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance/config"
	"countersign/conformance/launch"
)

// driven examines what the file says of roles that are started otherwise than by the profile's endpoints, and of logins. It starts nothing.
func (e *examination) driven(ctx context.Context) []func() {
	c := e.config
	var steps []func()
	reach := func(what, address string, at config.Place) {
		if u, err := url.Parse(address); err == nil && address != "" {
			steps = append(steps, func() { e.dial(ctx, at, what, u, true) })
		}
	}
	for name, t := range c.Drive.Triggers {
		e.program(t.Program(), "triggers", name, "command")
		reach("the url of triggers."+name, t.URL, c.Place("triggers", name, "url"))
	}
	if l := c.Drive.Login; l != nil {
		e.program(l.Program(), "login", "command")
		reach("login.hook", l.Hook, c.Place("login", "hook"))
		e.unpaged()
	}
	for _, key := range c.ByHand() {
		e.warn(c.Place(strings.Split(key, ".")...), "by-hand", key+" is done by hand, so that a run needs a terminal and a person before it", "run it at one, or write a url or a command")
	}
	return steps
}

// program tells when a command cannot be found.
func (e *examination) program(command launch.Command, at ...string) {
	if len(command.Words) == 0 {
		return
	}
	var missing *launch.CommandError
	if _, err := command.Find(); errors.As(err, &missing) {
		e.wrong(e.config.Place(at...), "command-missing", fmt.Sprintf("the command %q cannot be started: %s", command, missing.Problem), missing.Mend)
	}
}

// unpaged tells of a login where no role under test has users log in.
func (e *examination) unpaged() {
	asked := e.asked()
	if e.flow == nil || len(asked) == 0 || len(config.LoginPages(*e.flow)) == 0 || slices.Contains(asked, e.flow.Signs[0].Roles[0]) {
		return
	}
	e.warn(e.config.Place("login"), "login-unused", fmt.Sprintf("users log in at the role %s, which is not under test, so that it is not used", e.flow.Signs[0].Roles[0]), "take it out, or add the role to `roles`")
}
