package accounts

import (
	"fmt"
	"net/http"
	"time"

	cast "countersign/actors/ticket"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// User is an honest person at a terminal.
type User struct {
	*stage.Person
	UserName, Password string

	stage    *Stage
	terminal *cast.Terminal
}

// logout is that a terminal told its user to be logged out.
type logout struct {
	device, app string
	at          time.Duration
}

func (st *Stage) newUser(host, userName string) *User {
	u := &User{UserName: userName, Password: "password of " + userName, stage: st}
	u.Person = st.NewPerson(host, "user", func(h *sim.Host) {
		u.terminal = &cast.Terminal{Env: st.Env(h), BaseURL: "http://127.0.0.1", Issuer: st.Server.Issuer}
		for _, a := range st.apps() {
			u.terminal.Apps = append(u.terminal.Apps, cast.AppAddress{ID: a.ID, BaseURL: a.Base})
		}
		u.terminal.Handler() // takes up what a crash cut off; nothing reaches it from outside of the device
	})
	st.devices = append(st.devices, u)
	return u
}

// NewDevice gives a user another terminal, with a script of its own.
func (st *Stage) NewDevice(of *User, name string) *User {
	return st.newUser(of.Name+"."+name, of.UserName)
}

// Plays gives the user what to do.
func (u *User) Plays(script func(*User)) { u.Follows(func() { script(u) }) }

// Registers opens an app, and wants a new account if there is no ticket.
func (u *User) Registers(app *App) cast.Outcome {
	return u.open(cast.Wish{AppID: app.ID, UserName: u.UserName, Password: u.Password, Register: true})
}

// Opens opens an app, and types the password if asked.
func (u *User) Opens(app *App) cast.Outcome { return u.Types(u.Password, app) }

// Types is Opens with another password.
func (u *User) Types(password string, app *App) cast.Outcome {
	return u.open(cast.Wish{AppID: app.ID, UserName: u.UserName, Password: password})
}

// LeavesOpen has the terminal open an app while the user is not there to type.
func (u *User) LeavesOpen(app *App) cast.Outcome {
	return u.open(cast.Wish{AppID: app.ID, UserName: u.UserName})
}

func (u *User) open(w cast.Wish) cast.Outcome {
	u.Note(opening + w.AppID)
	r := u.terminal.Open(w)
	if r.Outcome != cast.GotResource {
		u.Note("the use ends with: " + string(r.Outcome))
	}
	return r.Outcome
}

// opening begins the remark with which a use begins.
const opening = "opens "

// LogsOut logs out of an app at this terminal.
func (u *User) LogsOut(app *App) cast.Outcome {
	u.Note("logs out of " + app.ID)
	outcome, err := u.terminal.Logout(u.UserName, app.ID)
	if err != nil {
		return cast.Unavailable
	}
	if outcome == cast.LoggedOut {
		u.stage.logouts = append(u.stage.logouts, logout{u.Host.Name(), app.ID, u.stage.World.Now()})
	}
	return outcome
}

// SignsOutEverywhere revokes all tickets of the account with the password, and returns the status of the answer.
func (u *User) SignsOutEverywhere() int {
	u.Note("signs out everywhere")
	body := fmt.Sprintf(`{"user_name":%q,"password":%q}`, u.UserName, u.Password)
	return u.stage.send(u.Host, http.MethodPost, u.stage.Server.Issuer+"/revocation", body, func(*http.Request) {})
}

// Follow opens a link in a browser on the device, and returns the status of the answer, 0 for none.
func (u *User) Follow(link string) int {
	u.Note("opens a link")
	return u.stage.send(u.Host, http.MethodGet, link, "", func(*http.Request) {})
}

// UntilServed opens an app again and again until it comes, registering where needed. When it does not come after all the tries, that is a lock-out.
func (u *User) UntilServed(app *App) {
	const tries, pause = 10, 20 * time.Second
	for range tries {
		if u.Registers(app) == cast.GotResource {
			return
		}
		u.Wait(pause)
	}
	u.stage.Breach(NoLockOut, u.Name+" tried ten times and "+app.ID+" did not open")
}
