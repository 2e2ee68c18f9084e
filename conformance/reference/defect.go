package reference

import (
	"fmt"
	"slices"

	"countersign/conformance/catalog"
)

// Defect is one way in which the reference can be made wrong.
type Defect struct {
	// ID is the requirement's for a lifted guard, and W-nn for a defect on the wire.
	ID   string `json:"id"`
	Kind string `json:"kind"` // guard or wire
	// Requirement is the one whose check catches the defect.
	Requirement catalog.ID   `json:"requirement"`
	Role        catalog.Role `json:"role"`
	Text        string       `json:"text"`

	tap tap
}

// Defects lists every defect that a check over the wire can catch: the guards in the order of the catalogue, then those on the wire.
func Defects() []Defect {
	var all []Defect
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			if r.Untestable == "" {
				all = append(all, Defect{ID: string(r.ID), Kind: "guard", Requirement: r.ID, Role: r.Roles[0], Text: r.Defect})
			}
		}
	}
	return append(all, wireDefects()...)
}

// UnknownDefectError says that there is no defect of that name.
type UnknownDefectError struct{ ID string }

func (e *UnknownDefectError) Error() string {
	return fmt.Sprintf("there is no defect %q: `countersign list defects` names them all", e.ID)
}

// FindDefect looks a defect up; the empty ID gives the correct reference.
func FindDefect(id string) (Defect, error) {
	if id == "" {
		return Defect{}, nil
	}
	all := Defects()
	i := slices.IndexFunc(all, func(d Defect) bool { return d.ID == id })
	if i < 0 {
		return Defect{}, &UnknownDefectError{ID: id}
	}
	return all[i], nil
}

// lifted are the guards to lift for the defect.
func (d Defect) lifted() []catalog.ID {
	if d.Kind != "guard" {
		return nil
	}
	return []catalog.ID{d.Requirement}
}
