// Package reference puts the built-in implementation under test, on loopback or in a simulated world. It is the one package of conformance that sees the actors.
package reference

import (
	"fmt"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
)

// Reference is the built-in implementation. The zero value is correct and at level hardened.
type Reference struct {
	Level  catalog.Level
	Defect Defect
	Seed   uint64
}

func (r Reference) guards() guard.Set {
	return guard.Set{Level: r.Level, Lifted: r.Defect.lifted()}
}

// part is a role to be cast: who plays it, where, in what surroundings, and for what setup. advance, where it is set, is the test clock.
type part struct {
	role    catalog.Role
	env     actors.Env
	base    string
	setup   conformance.Setup
	advance func(time.Duration) time.Time
}

// cast assembles the actor that plays a part of a flow.
func (r Reference) cast(flow string, p part) (http.Handler, error) {
	handler, err := map[string]func(part) (http.Handler, error){
		"bidirectional": castBidirectional,
		"ticket":        castTicket,
	}[flow](p)
	if err != nil {
		return nil, err
	}
	return r.Defect.wrap(p.role, handler, p.env.Clock), nil
}

// flowOf is the flow that a check belongs to.
func flowOf(c conformance.Check) (conformance.Flow, error) { return flows.Of(c.ID) }

// UnknownRoleError says that the reference plays no such role.
type UnknownRoleError struct{ Role catalog.Role }

func (e *UnknownRoleError) Error() string {
	return fmt.Sprintf("the reference plays no role %q: it plays oauth-server, resource-server and client of bidirectional, and account-server, app-server and terminal of ticket", e.Role)
}
