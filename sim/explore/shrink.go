package explore

import "slices"

// Shrink returns a part of the steps that still breaks the first invariant of the finding and from which no single step
// can be left out (delta debugging, Zeller and Hildebrandt 2002), and how many runs that took. Steps that no longer come up are left out.
func Shrink(m Model, f Finding) (Finding, int) {
	runs := 0
	test := func(steps []Step) *Finding {
		runs++
		c := Following(steps, true)
		o := m.Play(c)
		same := slices.ContainsFunc(o.Breaches, func(b Breach) bool { return b.Invariant == f.Breaches[0].Invariant })
		if !same {
			return nil
		}
		return &Finding{f.Model, c.Taken(), o.Breaches}
	}
	best := f
	for parts := 2; len(best.Steps) > 0; {
		shorter := reduce(best.Steps, parts, test)
		switch {
		case shorter != nil && len(shorter.Steps) < len(best.Steps):
			best, parts = *shorter, max(parts-1, 2)
		case parts >= len(best.Steps):
			return best, runs
		default:
			parts = min(2*parts, len(best.Steps))
		}
	}
	return best, runs
}

// reduce tries to leave out one part of the steps after the other.
func reduce(steps []Step, parts int, test func([]Step) *Finding) *Finding {
	parts = min(parts, len(steps))
	for i := range parts {
		from, to := i*len(steps)/parts, (i+1)*len(steps)/parts
		rest := append(slices.Clone(steps[:from]), steps[to:]...)
		if found := test(rest); found != nil {
			return found
		}
	}
	return nil
}
