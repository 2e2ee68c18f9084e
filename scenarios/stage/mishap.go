package stage

import (
	"fmt"
	"strings"
	"time"

	"countersign/sim"
)

// Mishap is a kind of fault that can happen to any role. All end after a while, so that an honest user who tries again has to get through.
type Mishap struct {
	Name  string   // "loss", the first part of a scenario's name
	title string   // with %s for the role
	text  string   // what happens, with %[1]s for the role
	plan  []string // faults, with %s for the role
}

// Title and Text tell of the mishap at a role.
func (m Mishap) Title(role string) string { return fmt.Sprintf(m.title, role) }

// Text tells what happens to a role; what comes of it depends on the flow.
func (m Mishap) Text(role string) string { return fmt.Sprintf(m.text, role) }

// At is the plan of faults for a role.
func (m Mishap) At(role string) []sim.Fault {
	spelled := make([]string, len(m.plan))
	for i, s := range m.plan {
		spelled[i] = strings.ReplaceAll(s, "%s", role)
	}
	return Plan(spelled...)
}

// Plan reads faults that are spelled in the source. It panics on one that is misspelled.
func Plan(spelled ...string) []sim.Fault {
	var all []sim.Fault
	for _, s := range spelled {
		f, err := sim.ParseFault(s)
		if err != nil {
			panic(err)
		}
		all = append(all, f)
	}
	return all
}

// Mishaps are loss, delay, duplicate, reorder, partition, slow, stalled, half-open, crash, crash-late, skew-ahead and skew-behind.
// early and late are when in its flow a role crashes; at early it is cut off too.
func Mishaps(early, late time.Duration) []Mishap {
	return []Mishap{
		{"loss", "Messages to and from %s get lost", "For the first minute three in ten messages to %[1]s, and three in ten from it, do not arrive.", both("loss", "=0.3")},
		{"delay", "Messages to and from %s are late", "For the first minute every message to and from %[1]s takes up to two seconds longer.", both("delay", "=0s-2s")},
		{"duplicate", "Messages to and from %s arrive twice", "For the first minute half of all messages to and from %[1]s arrive twice, so that its requests are handled twice.", both("duplicate", "=0.5")},
		{"reorder", "Messages to and from %s overtake each other", "For the first minute half of all messages to and from %[1]s are overtaken by later ones.", both("reorder", "=0.5")},
		{"partition", "%s is cut off", "After " + words(early) + " nothing reaches %[1]s, and nothing leaves it, for twenty seconds.", []string{"partition:%s>*@" + early.String() + "+20s"}},
		{"slow", "%s is slow", "For the first minute every answer of %[1]s is three seconds late.", []string{"slow:%s@0s+1m=3s"}},
		{"stalled", "%s is slower than anybody waits", "For the first minute every answer of %[1]s is forty seconds late, which is longer than anybody waits.", []string{"slow:%s@0s+1m=40s"}},
		{"half-open", "%s acts and does not answer", "From " + words(early) + " on and for twenty seconds, %[1]s takes requests and acts on them, but no answer arrives.", []string{"halfopen:%s@" + early.String() + "+20s"}},
		{"crash", "%s crashes early", "%[1]s crashes after " + words(early) + ", loses all that it had not stored, and is up again after two seconds.", []string{"crash:%s@" + early.String() + "+2s"}},
		{"crash-late", "%s crashes late", "%[1]s crashes after " + words(late) + ", and is up again after two seconds.", []string{"crash:%s@" + late.String() + "+2s"}},
		{"skew-ahead", "The clock of %s is fast", "The clock of %[1]s is a minute and a half ahead.", []string{"skew:%s=1m30s"}},
		{"skew-behind", "The clock of %s is slow", "The clock of %[1]s is a minute and a half behind.", []string{"skew:%s=-1m30s"}},
	}
}

// both lays a fault of links on what goes to a role and what comes from it, for the first minute.
func both(kind, value string) []string {
	return []string{kind + ":%s>*@0s+1m" + value, kind + ":*>%s@0s+1m" + value}
}

// words is how a learner reads a moment.
func words(d time.Duration) string {
	switch d {
	case 200 * time.Millisecond:
		return "a fifth of a second"
	case 500 * time.Millisecond:
		return "half a second"
	}
	return fmt.Sprintf("%g seconds", d.Seconds())
}
