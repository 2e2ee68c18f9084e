package adversary

import "countersign/scenarios/stage"

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
