package portal

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

// Enters is [User.Enters].
func Enters(t *ThirdParty, ends Outcome) Step {
	return Step{"enters " + t.Host.Name(), func(u *User) Outcome { return u.Enters(t) }, ends}
}

// Reads is [User.Reads].
func Reads(t *ThirdParty, ends Outcome) Step {
	return Step{"reads at " + t.Host.Name(), func(u *User) Outcome { return u.Reads(t) }, ends}
}

// Looks is [User.Looks].
func Looks(t *ThirdParty, ends Outcome) Step {
	return Step{"looks at " + t.Host.Name(), func(u *User) Outcome { return u.Looks(t) }, ends}
}

// LogsIn is [User.LogsIn].
func LogsIn(ends Outcome) Step { return Step{"logs in at the portal", (*User).LogsIn, ends} }

// LogsOut is [User.LogsOut].
func LogsOut(ends Outcome) Step { return Step{"logs out everywhere", (*User).LogsOut, ends} }

// LogsOutFrom is [User.LogsOutFrom].
func LogsOutFrom(t *ThirdParty, ends Outcome) Step {
	return Step{"logs out everywhere from " + t.Host.Name(), func(u *User) Outcome { return u.LogsOutFrom(t) }, ends}
}

// Leaves is [User.Leaves].
func Leaves(t *ThirdParty, ends Outcome) Step {
	return Step{"leaves " + t.Host.Name(), func(u *User) Outcome { return u.Leaves(t) }, ends}
}

// Mistypes is [User.LogsIn] with a wrong password.
func Mistypes(ends Outcome) Step {
	return Step{"logs in with a wrong password", func(u *User) Outcome {
		u.Types(true)
		defer u.Types(false)
		return u.LogsIn()
	}, ends}
}

// Waits lets time pass.
func Waits(d time.Duration) Step { return Does(func(u *User) { u.Wait(d) }) }

// Does has something happen.
func Does(what func(*User)) Step {
	return Step{does: func(u *User) Outcome {
		what(u)
		return ""
	}}
}

// Goes lets a user do one thing after the other, and hopes that each ends as it is to end.
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

// Opens is [User.Opens].
func Opens(link string, ends Outcome) Step {
	return Step{"opens " + link, func(u *User) Outcome { return u.Opens(link) }, ends}
}

// Follows is [User.FollowsOnly].
func Follows(link string, ends Outcome) Step {
	return Step{"follows " + link, func(u *User) Outcome { return u.FollowsOnly(link) }, ends}
}
