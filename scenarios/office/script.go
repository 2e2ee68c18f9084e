package office

import (
	"fmt"
	"time"
)

// Step is one thing that a user does.
type Step struct {
	text string
	does func(*User) Outcome
	ends Outcome // empty for what has no outcome
}

// Enrols has the user enrol.
func Enrols(ends Outcome) Step { return Step{"enrols", (*User).Enrols, ends} }

// Mistypes has the user enrol with a wrong password.
func Mistypes(ends Outcome) Step {
	return Step{"mistypes the password", func(u *User) Outcome { return u.Types("mistyped") }, ends}
}

// Starts has the user open the app.
func Starts(ends Outcome) Step { return Step{"opens the app", (*User).Starts, ends} }

// StartsAfresh has the user open the app with a new token.
func StartsAfresh(ends Outcome) Step {
	return Step{"opens the app with a new token", (*User).StartsAfresh, ends}
}

// Deregisters has the user deregister a device.
func Deregisters(lost *User, ends Outcome) Step {
	return Step{"deregisters " + lost.Name, func(u *User) Outcome { return u.Deregisters(lost) }, ends}
}

// Waits lets time pass.
func Waits(d time.Duration) Step { return Does(func(u *User) { u.Wait(d) }) }

// Does lets something happen.
func Does(what func(*User)) Step {
	return Step{does: func(u *User) Outcome {
		what(u)
		return ""
	}}
}

// Goes lets the user do one thing after the other, and hopes that each ends as it is to end.
func (u *User) Goes(steps ...Step) {
	ended := make([]Outcome, len(steps))
	u.Plays(func(u *User) {
		for i, s := range steps {
			ended[i] = s.does(u)
		}
	})
	for i, s := range steps {
		if s.ends != "" {
			u.stage.Hope(fmt.Sprintf("%s %s (step %d), and it ends with: %s", u.Name, s.text, i+1, s.ends), func() bool { return ended[i] == s.ends })
		}
	}
}
