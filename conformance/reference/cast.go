// Package reference puts the built-in implementation under test, on loopback or in a simulated world. It is the one package of conformance that sees the actors.
package reference

import (
	"fmt"
	"net/http"
	"strings"
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

	// strain is part of the purpose of all randomness in a simulated world: with another one the reference's random values are others, and the harness's are not.
	strain string
}

func (r Reference) guards() guard.Set {
	return guard.Set{Level: r.Level, Lifted: r.Defect.lifted()}
}

// run names a run at its target: by the seed, so that the same run gives the same bytes.
func (r Reference) run() string { return fmt.Sprintf("seed%d", r.Seed) }

// part is a role to be cast: who plays it, where, in what surroundings, and for what setup. advance, where it is set, is the test clock.
type part struct {
	role    catalog.Role
	env     actors.Env
	base    string
	setup   conformance.Setup
	advance func(time.Duration) time.Time
}

// live reports whether the part is played in real time, where requests may wait for each other.
func (p part) live() bool { return p.advance != nil }

// company is what the reference can do in one flow.
type company struct {
	cast func(part) (http.Handler, error)
	// assemble makes what is served for people, so many parties.
	assemble func(venue) ([]http.Handler, error)
	parties  int
}

func companies() map[string]company {
	return map[string]company{
		"bidirectional": {castBidirectional, venue.sites, 2},
		"ticket":        {castTicket, venue.ticket, 4},
		"mobile":        {castMobile, venue.mobile, 5},
		"offline":       {castOffline, venue.offline, 4},
		"unified":       {castUnified, venue.unified, 4},
	}
}

// cast assembles the actor that plays a part of a flow.
func (r Reference) cast(flow string, p part) (http.Handler, error) {
	handler, err := companies()[flow].cast(p)
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
	var roles []string
	for _, f := range flows.All() {
		for _, sign := range f.Signs {
			for _, role := range sign.Roles {
				roles = append(roles, string(role))
			}
		}
	}
	return fmt.Sprintf("the reference plays no role %q: it plays %s", e.Role, strings.Join(roles, ", "))
}
