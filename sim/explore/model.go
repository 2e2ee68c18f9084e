package explore

// Model is something that can happen in many ways.
type Model struct {
	Name string // unique among the models of a search
	// Play plays one run from its beginning. The same answers of the chooser have to give the same run. It may be called by several goroutines at once, each with a chooser of its own.
	Play func(*Chooser) Outcome
}

// Outcome is what came of a run.
type Outcome struct {
	Breaches []Breach
	// Exchanges are how many requests were answered.
	Exchanges int
	// Err says that the run went wrong in itself, and ends the search, unless a breach that counts came before.
	Err error
}

// Breach is an invariant that did not hold.
type Breach struct {
	Invariant   string `json:"invariant"`
	Requirement string `json:"requirement"` // that protects it
	Text        string `json:"text"`
}

// Point is where more than one thing may happen.
type Point struct {
	// Label says where: unique among the points of a run, unless nothing has happened between them.
	Label string
	// State is equal for equal states of the world, and 0 for one that cannot be compared.
	State uint64
	// Options are what may happen. The first one is what happens of itself, at no price; any other has one, unless the point is Free.
	Options func() []Option
	Free    bool
}

// Option is something that may happen.
type Option struct {
	Label string // unique at its point
	Price Price
	Who   string // goes on with this option; empty for a move, and where nobody is who could have to wait for another
}

// Price is what counts against the bounds.
type Price struct {
	Moves    int `json:"moves"`    // of an attacker, or of the network
	Switches int `json:"switches"` // from one who could go on to another
}

// covers reports whether something of that price can still be had.
func (p Price) covers(other Price) bool {
	return p.Moves >= other.Moves && p.Switches >= other.Switches
}

func (p Price) plus(other Price) Price {
	return Price{p.Moves + other.Moves, p.Switches + other.Switches}
}

func (p Price) less(other Price) Price {
	return Price{p.Moves - other.Moves, p.Switches - other.Switches}
}

// Step is an option, not the first one, that was taken at a point.
type Step struct {
	At     string `json:"at"`
	Choose string `json:"choose"`
}

// Stats count what a search did.
type Stats struct {
	Runs      int `json:"runs"`      // played
	Tried     int `json:"tried"`     // steps taken beyond those that led there
	Inert     int `json:"inert"`     // of those, steps that left the state as it was
	States    int `json:"states"`    // that differ, at points that runs came to
	Pruned    int `json:"pruned"`    // points that were reached in a known state
	Random    int `json:"random"`    // runs drawn at random, which count as runs too
	Exchanges int `json:"exchanges"` // requests that were answered, in all runs
}

// Finding is a run in which an invariant did not hold.
type Finding struct {
	Model    string
	Steps    []Step
	Breaches []Breach
}
