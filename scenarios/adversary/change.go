package adversary

import (
	"errors"

	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

// longest is how many steps a world may take: far more than any takes with actors that are right.
const longest = 50_000

// Changed is the flow with something wrong in each of its worlds, which [Hunt], [Attack.Play] and [Necessity] then explore like the flow itself. Change is called
// when a world was set and has not run yet: with a tap of one's own (stage.World.Tap), a program around an actor's (stage.Alter), or an actor that goes without a
// guard which all others have (stage.Lift). It has to do the same each time, as worlds are played again and again.
func (f Flow) Changed(change func(*stage.Stage)) Flow {
	set := f.Set
	f.changed = true
	f.Set = func(d *Director, scene string, s stage.Setting) *stage.Stage {
		st := set(d, scene, s)
		change(st)
		return st
	}
	return f
}

// Endless is the name of what is broken when a world does not come to its end, since an actor goes on for ever.
const Endless = "endless"

// endless is the breach of a world that goes on for ever.
func endless(err error) (explore.Breach, bool) {
	var circle *sim.LivelockError
	var late *sim.HorizonError
	if !errors.As(err, &circle) && !errors.As(err, &late) {
		return explore.Breach{}, false
	}
	return explore.Breach{Invariant: Endless, Text: err.Error()}, true
}
