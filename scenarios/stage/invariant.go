package stage

import (
	"fmt"
	"time"

	"countersign/conformance/catalog"
)

// Invariant is what has to hold in every world, whatever goes wrong in it.
type Invariant struct {
	Name string // "secrecy"
	Text string // one sentence
	// Requirement is the one that protects it, and whose level is the invariant's.
	Requirement catalog.ID
}

// Level is the level at which the invariant has to hold.
func (i Invariant) Level() catalog.Level { return catalog.MustLookup(i.Requirement).Level }

// Breach is an invariant that did not hold.
type Breach struct {
	Invariant Invariant
	Event     int           // number of the event in the trace, negative when it is none in particular
	Message   int           // ID of the message, 0 when it is none in particular
	At        time.Duration // virtual time since the world's start
	Text      string        // what happened, without secrets
}

func (b Breach) String() string {
	return fmt.Sprintf("%s (%s): %s", b.Invariant.Name, b.Invariant.Requirement, b.Text)
}
