package adversary

import (
	"fmt"
	"strings"
)

// Flows are those that can be explored.
func Flows() []Flow {
	return []Flow{Bidirectional(), Ticket(), Mobile(), Offline(), Unified()}
}

// UnknownError says that no flow of that name can be explored.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	var names []string
	for _, f := range Flows() {
		names = append(names, f.Name)
	}
	return fmt.Sprintf("no flow %q can be explored; there is %s", e.Name, strings.Join(names, ", "))
}

// Find finds a flow by its name. The error is an *UnknownError.
func Find(name string) (Flow, error) {
	for _, f := range Flows() {
		if f.Name == name {
			return f, nil
		}
	}
	return Flow{}, &UnknownError{name}
}
