package adversary

import (
	"fmt"
	"slices"
	"strings"

	"countersign/reports/sequence"
	"countersign/scenarios/stage"
)

// learns begins the remark on what the attacker has come to know.
const learns = "the attacker learns "

// picture draws a run up to the breach, which ends it: what the world does afterwards is no part of the attack.
func (r run) picture(title string, breaches []stage.Breach) *sequence.Diagram {
	breaches = breaches[:min(len(breaches), 1)]
	d := r.stage.Draw(title, r.result.Trace, breaches)
	if end := 1 + slices.IndexFunc(d.Steps, func(s sequence.Step) bool { return s.Failing }); end > 0 {
		for end < len(d.Steps) && strings.HasPrefix(d.Steps[end].Label, learns) {
			end++
		}
		d.Steps = d.Steps[:end]
	}
	d.Steps = gathered(d.Steps)
	unexplained(d.Steps)
	for before := 0; before != len(d.Steps); { // what comes again may hold what comes again
		before = len(d.Steps)
		d.Steps = folded(d.Steps)
	}
	d.Lanes = slices.DeleteFunc(d.Lanes, func(l sequence.Lane) bool {
		return !slices.ContainsFunc(d.Steps, func(s sequence.Step) bool { return s.From == l.Name || s.To == l.Name })
	})
	if len(breaches) > 0 && len(d.Lanes) > 0 {
		first, last := d.Lanes[0].Name, d.Lanes[len(d.Lanes)-1].Name
		d.Steps = append(d.Steps, sequence.Step{From: first, To: last, Kind: sequence.Note, Label: "BROKEN " + breaches[0].Invariant.Name + ": " + breaches[0].Invariant.Text, Detail: breaches[0].Text})
	}
	return d
}

// gathered puts what the attacker learns at one moment into one note.
func gathered(steps []sequence.Step) (all []sequence.Step) {
	for _, s := range steps {
		known, remark := strings.CutPrefix(s.Label, learns)
		if last := len(all) - 1; remark && last >= 0 && strings.HasPrefix(all[last].Label, learns) && all[last].From == s.From {
			all[last].Label += ", " + known
			continue
		}
		all = append(all, s)
	}
	return all
}

// gatheredWords does so with what is told.
func gatheredWords(told []string) (all []string) {
	for _, line := range told {
		known, remark := strings.CutPrefix(line, learns)
		if last := len(all) - 1; remark && last >= 0 && strings.HasPrefix(all[last], learns) {
			all[last] += ", " + known
			continue
		}
		all = append(all, line)
	}
	return all
}

// unexplained leaves out what metadata say, which the reader can guess, but for those that the attacker has written.
func unexplained(steps []sequence.Step) {
	for i, s := range steps {
		for j := i + 1; s.Label == "metadata" && j < len(steps); j++ {
			if answer := &steps[j]; answer.From == s.To && answer.To == s.From {
				if answer.Kind == sequence.Response {
					answer.Detail = ""
				}
				break
			}
		}
	}
}

// folded leaves out what comes again and again, as tries do, and says how often it comes. What fails is kept.
func folded(steps []sequence.Step) (all []sequence.Step) {
	const longest, fewest = 16, 2 // steps that come again, and times that they do
	for i := 0; i < len(steps); {
		best, times := 0, 0
		for n := 1; n <= longest && i+n <= len(steps); n++ {
			again := 0
			for j := i + n; j+n <= len(steps) && slices.EqualFunc(steps[i:i+n], steps[j:j+n], alike); j += n {
				again++
			}
			if again >= fewest && again*n > best*times {
				best, times = n, again
			}
		}
		if best == 0 {
			all = append(all, steps[i])
			i++
			continue
		}
		all = append(all, steps[i:i+best]...)
		all = append(all, sequence.Step{From: steps[i].From, To: steps[i].To, Kind: sequence.Note, Label: fmt.Sprintf("the same again, %d times", times), At: steps[i+best*times].At})
		i += best * (times + 1)
	}
	return all
}

// alike reports whether two steps differ in nothing but their moments.
func alike(a, b sequence.Step) bool {
	a.At, b.At = "", ""
	return a == b && !a.Failing
}

// breachesOf are the breaches of one invariant, or all if none is named or there is none of it.
func breachesOf(invariant string, breaches []stage.Breach) []stage.Breach {
	i := slices.IndexFunc(breaches, func(b stage.Breach) bool { return b.Invariant.Name == invariant })
	if i < 0 {
		return breaches
	}
	return breaches[i:]
}
