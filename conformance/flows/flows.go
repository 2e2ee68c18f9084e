// Package flows is the list of the flows that the harness knows.
package flows

import (
	"fmt"
	"strings"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/ticket"
	"countersign/conformance/unified"
)

// All returns every flow, in the order of the catalogues.
func All() []conformance.Flow {
	return []conformance.Flow{bidirectional.Flow(), ticket.Flow(), mobile.Flow(), offline.Flow(), unified.Flow()}
}

// Checks returns every check of every flow.
func Checks() []conformance.Check {
	var all []conformance.Check
	for _, f := range All() {
		all = append(all, f.Checks...)
	}
	return all
}

// UnknownError says that there is no flow of a name or profile.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	var names []string
	for _, f := range All() {
		names = append(names, f.Name)
	}
	return fmt.Sprintf("there is no flow %q; there is %s", e.Name, strings.Join(names, ", "))
}

// Find returns the flow of a name, as bidirectional, or a profile, as bidirectional@1.
func Find(name string) (conformance.Flow, error) {
	for _, f := range All() {
		if f.Name == name || f.Profile == name {
			return f, nil
		}
	}
	return conformance.Flow{}, &UnknownError{Name: name}
}

// Of returns the flow that a requirement belongs to.
func Of(id catalog.ID) (conformance.Flow, error) {
	name, ok := catalog.FlowOf(id)
	if !ok {
		return conformance.Flow{}, fmt.Errorf("no catalogue has a requirement %s", id)
	}
	return Find(name)
}
