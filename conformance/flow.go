package conformance

import (
	"time"

	"countersign/conformance/catalog"
)

// Flow is what the harness knows of one flow, apart from any implementation of it.
type Flow struct {
	Name    string // bidirectional
	Profile string // bidirectional@1
	// WellKnown is the path of the metadata document below a target's URL.
	WellKnown string
	// Signs tell by the metadata which roles a target plays.
	Signs  []Sign
	Checks []Check
	// Setup gives the defaults of section 8 of the profile, a fresh copy each time.
	Setup func() Setup
	// SetupSchema is the JSON Schema of the setup, as it stands in countersign.yaml.
	SetupSchema []byte
	// Patience is how long one exchange with a role may take; a role that is not in it gets DefaultPatience.
	Patience map[catalog.Role]time.Duration
}

// DefaultPatience is how long one exchange may take where a flow says nothing else.
const DefaultPatience = 10 * time.Second

// Sign is a member of the metadata that tells roles: those of a target at whose origin the member's URL lies.
type Sign struct {
	Member string
	Roles  []catalog.Role
}

// Setup is what harness and target have agreed on. Each flow has a type of its own, a pointer to a struct.
type Setup interface {
	// Addresses are where the harness plays parties; they may be set anew.
	Addresses() []Address
}

// Address is where the harness plays a party.
type Address struct {
	Party  string
	Origin *string
}

// PatienceWith is how long one exchange with the role may take.
func (f Flow) PatienceWith(role catalog.Role) time.Duration {
	if d, ok := f.Patience[role]; ok {
		return d
	}
	return DefaultPatience
}
