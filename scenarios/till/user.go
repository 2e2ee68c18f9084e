package till

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/offline"
	"countersign/actors/store"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// User is an honest person with a handset, who reads little of what it shows: the amount on the till is what they mean to pay.
type User struct {
	*stage.Person
	Handset string // its identifier
	// Password is the offline authorization password, AccountPassword that of the account at the server.
	Password, AccountPassword string
	// Unknown leaves the handset and its account out of those that are enrolled at the server.
	Unknown bool
	// Ponders is for how long the user looks at what is shown before saying yes or no.
	Ponders time.Duration
	// Looks, if set, is called while the user looks at what is shown.
	Looks func()

	stage   *Stage
	handset *cast.Handset
	inForce string // the password that the server was told last
	former  []string
}

// yes is that a user said yes to what a handset showed.
type yes struct {
	user  *User
	wish  cast.Wish // what the user applied for
	at    time.Duration
	shown cast.Shown
	typed string // password
	known bool   // the password typed was the one in force
	once  bool   // it was in force at some time before

	spent   bool // something was verified for it
	outcome Outcome
	ended   time.Duration
}

// Outcome is how something that a user does ends: an outcome of the profile, or the error token of a refusal.
type Outcome string

// The outcomes.
const (
	Approved  = Outcome(cast.Approved)
	Refused   = Outcome(cast.Refused)
	Unknown   = Outcome(cast.Unknown)
	Cancelled = Outcome(cast.Cancelled)
	Set       = Outcome("the password is set")
	Crashed   = Outcome("something broke")

	PasswordRequired = Outcome("password_required")
)

func (st *Stage) newUser(name, handset string) *User {
	u := &User{Handset: handset, Password: "offline password of " + name, AccountPassword: "account password of " + name, stage: st}
	u.Person = st.NewPerson(name, "user", func(h *sim.Host) {
		u.handset = &cast.Handset{
			Env: st.Env(h), BaseURL: "http://localhost", ID: handset, Key: key(handset), Account: name, Issuer: st.Server.Issuer,
			ServerKeys: st.pinned(), PasswordCost: Cost,
		}
	})
	st.people = append(st.people, u)
	return u
}

// Cost is what one guess at an offline password costs in simulated worlds, as scrypt's N: the least there is.
const Cost = 2

// Plays gives the user what to do.
func (u *User) Plays(script func(*User)) { u.Follows(func() { script(u) }) }

// SetsPassword sets the offline password, while there is a connection.
func (u *User) SetsPassword() Outcome {
	u.Note(setting)
	err := u.handset.SetPassword(u.AccountPassword, u.Password)
	if err == nil {
		u.former = append(u.former, u.inForce)
		u.inForce = u.Password
		return Set
	}
	return ending(err)
}

// setting and buying are the remarks with which something begins at a handset.
const (
	setting = "sets the offline password"
	buying  = "applies for "
)

// Order is what a user wants, and how they go about it. The zero value of a field is what is usual.
type Order struct {
	At      *Till
	Label   cast.NearDevice // zero: that of the till
	Service string          // empty: a coffee
	Amount  uint64
	Denies  bool
	Types   string // in the place of the password
	Forgets bool   // types nothing
	Twice   bool   // presses yes again when it is done
}

// Buys orders a coffee for an amount, and types the password if asked.
func (u *User) Buys(at *Till, amount uint64) Outcome { return u.Orders(Order{At: at, Amount: amount}) }

// Orders goes through an order.
func (u *User) Orders(o Order) Outcome { return u.Begins(o)() }

// Begins has the handset show an order; what it returns goes on from there, and says yes or no.
func (u *User) Begins(o Order) (goesOn func() Outcome) {
	w := cast.Wish{NearDevice: o.Label, Service: o.Service, Amount: o.Amount, Currency: currency}
	if w.NearDevice == (cast.NearDevice{}) {
		w.NearDevice = o.At.Label()
	}
	if w.Service == "" {
		w.Service = Coffee
	}
	u.Note(fmt.Sprintf("%s%s at %s, amount %d", buying, w.Service, w.Device, w.Amount))
	began, err := u.handset.Start(w)
	return func() Outcome {
		if err != nil {
			return u.ends(ending(err))
		}
		return u.answers(o, w, began)
	}
}

// answers what the handset shows, yes or no.
func (u *User) answers(o Order, w cast.Wish, began cast.Began) Outcome {
	if u.Ponders > 0 {
		u.Wait(u.Ponders)
	}
	if u.Looks != nil {
		u.Looks()
	}
	token := began.ConfirmationURI[strings.LastIndex(began.ConfirmationURI, "/")+1:]
	if o.Denies {
		u.Note("says no")
		outcome, err := u.handset.Confirm(token, cast.Deny, "")
		return u.ends(either(outcome, err))
	}
	typed := ""
	if began.Shown.Level == 2 && !o.Forgets {
		if typed = u.Password; o.Types != "" {
			typed = o.Types
		}
	}
	if o.Types != "" {
		typed = o.Types
	}
	ended := u.says(token, w, began.Shown, typed)
	if ended == PasswordRequired && !o.Forgets && typed == "" {
		typed = u.Password
		ended = u.says(token, w, began.Shown, typed)
	}
	if o.Twice {
		u.Note("says yes again")
		outcome, err := u.handset.Confirm(token, cast.Approve, typed)
		ended = either(outcome, err)
	}
	return u.ends(ended)
}

// says yes, which is taken down.
func (u *User) says(token string, w cast.Wish, shown cast.Shown, typed string) Outcome {
	y := &yes{user: u, wish: w, shown: shown, at: u.stage.World.Now(), typed: typed, known: typed != "" && typed == u.inForce, once: slices.Contains(u.former, typed)}
	u.stage.yeses = append(u.stage.yeses, y)
	outcome, err := u.handset.Confirm(token, cast.Approve, typed)
	if y.outcome, y.ended = either(outcome, err), u.stage.World.Now(); y.outcome == PasswordRequired {
		u.stage.yeses = slices.DeleteFunc(u.stage.yeses, func(other *yes) bool { return other == y }) // it counts for nothing
	}
	return y.outcome
}

func (u *User) ends(o Outcome) Outcome {
	if o != Approved {
		u.Note("it ends with: " + string(o))
	}
	return o
}

func either(outcome cast.Outcome, err error) Outcome {
	if err != nil {
		return ending(err)
	}
	return Outcome(outcome)
}

func ending(err error) Outcome {
	if reason := cast.Reason(err); reason != "" {
		return Outcome(reason)
	}
	return Crashed
}

// Page is what a foreign page in a browser on the same device can send to the handset: a form, as text. Its answer is not shown to it.
func (u *User) Page(path, body string) {
	r, err := http.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "text/plain")
	u.handset.Handler().ServeHTTP(unread{http.Header{}}, r)
}

// unread is an answer that nobody reads.
type unread struct{ header http.Header }

func (u unread) Header() http.Header         { return u.header }
func (u unread) Write(p []byte) (int, error) { return len(p), nil }
func (u unread) WriteHeader(int)             {}

// UntilSet and UntilServed try again and again. When nothing comes of all the tries, that is a lock-out.
const (
	tries = 10
	pause = 20 * time.Second
)

// UntilSet sets the password.
func (u *User) UntilSet() {
	u.until("could not set the password", func() bool { return u.SetsPassword() == Set })
}

// UntilServed buys a coffee.
func (u *User) UntilServed(at *Till, amount uint64) {
	u.until("was not served at "+at.ID, func() bool { return u.Buys(at, amount) == Approved })
}

func (u *User) until(what string, does func() bool) {
	for range tries {
		if does() {
			return
		}
		u.Wait(pause)
	}
	u.stage.Breach(NoLockOut, u.Name+" tried ten times and "+what)
}

// salt is what a thief finds on the handset: how the password key was salted.
func (u *User) salt() ([]byte, error) {
	salt, _, err := store.Load[[]byte](u.handset.Store, "handset/password", "salt")
	return salt, err
}

// Step is one thing that a user does.
type Step struct {
	text string
	does func(*User) Outcome
	ends Outcome // empty for what has no outcome
}

// Buys is [User.Buys].
func Buys(at *Till, amount uint64, ends Outcome) Step {
	return Orders(Order{At: at, Amount: amount}, ends)
}

// Orders is [User.Orders].
func Orders(o Order, ends Outcome) Step {
	return Step{fmt.Sprintf("orders at %s for %d", o.At.ID, o.Amount), func(u *User) Outcome { return u.Orders(o) }, ends}
}

// SetsPassword is [User.SetsPassword].
func SetsPassword(ends Outcome) Step { return Step{"sets the password", (*User).SetsPassword, ends} }

// Waits lets time pass.
func Waits(d time.Duration) Step { return Does(func(u *User) { u.Wait(d) }) }

// Does has something happen.
func Does(what func(*User)) Step {
	return Step{does: func(u *User) Outcome {
		what(u)
		return ""
	}}
}

// Enrols lets the server know the password of the user's account in this world.
func (u *User) Enrols() { u.stage.enrol(u.Name, u.AccountPassword) }

// Goes lets a user do one thing after the other, and hopes that each ends as it is to end.
func (u *User) Goes(steps ...Step) {
	u.Enrols()
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

// digest names bytes.
func digest(b []byte) [32]byte { return sha256.Sum256(b) }
