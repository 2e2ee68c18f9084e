// Package guard decides which requirements an actor enforces.
//
// An actor asks before each refusal or duty that a requirement stands for:
//
//	if s.Guards.Forbids("BI-OS-36", seen) {
//	    return refuse(401, "nonce_used")
//	}
//
// Lifting one guard makes a defective actor; lifting all of level hardened makes one of level core.
package guard

import (
	"slices"

	"countersign/conformance/catalog"
)

// Set is the guards that are on. The zero value enforces every requirement.
type Set struct {
	Level  catalog.Level // empty means hardened
	Lifted []catalog.ID  // guards taken off one by one
	// Asked, if set, is told of every requirement that decides something: whose guard was asked for, and for a refusal only where it is violated.
	Asked func(catalog.ID)
}

// On reports whether the requirement is enforced. It panics on an ID that the catalogue lacks.
func (s Set) On(id catalog.ID) bool {
	if s.Asked != nil {
		s.Asked(id)
	}
	return s.Level.Includes(catalog.MustLookup(id).Level) && !slices.Contains(s.Lifted, id)
}

// Hardened reports whether the level is hardened: for what the profile asks of it and no requirement stands for by itself.
func (s Set) Hardened() bool { return s.Level.Includes(catalog.Hardened) }

// Whole reports whether every guard is on, at level hardened with none lifted, and nobody wants to be told which of them were asked for: then an actor may
// judge by a validator, which knows no guards.
func (s Set) Whole() bool { return s.Hardened() && len(s.Lifted) == 0 && s.Asked == nil }

// Forbids reports whether a request that violates the requirement is to be refused.
func (s Set) Forbids(id catalog.ID, violated bool) bool { return violated && s.On(id) }

// Without returns the set with more guards lifted.
func (s Set) Without(ids ...catalog.ID) Set {
	s.Lifted = append(slices.Clone(s.Lifted), ids...)
	return s
}
