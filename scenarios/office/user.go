package office

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	cast "countersign/actors/mobile"
	"countersign/actors/outbound"
	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Outcome is what a user sees in the end.
type Outcome string

// What an app tells its user (profile section 6).
const (
	Enrolled              Outcome = "enrolled"
	Opened                Outcome = "opened"
	NotEnrolled           Outcome = "not_enrolled"
	RegistrationRefused   Outcome = "registration_refused"
	AuthenticationRefused Outcome = "authentication_refused"
	AnswerRefused         Outcome = "answer_refused"
	AccessRefused         Outcome = "access_refused"
	Unreachable           Outcome = "unreachable"
)

// What the authorization server says to a deregistration.
const (
	Pending      Outcome = "pending"      // the wipe is on its way
	Acknowledged Outcome = "acknowledged" // the data are gone
	Denied       Outcome = "access_denied"
)

// User is an honest person with an app on a device.
type User struct {
	*stage.Person
	UserName, Password, DeviceID, AppID string
	// Slowest is how long the longest start took.
	Slowest time.Duration

	stage    *Stage
	app      *cast.MobileApp
	handler  http.Handler // of the app, its triggers included
	enrolled bool         // as far as the user knows
	lost     bool         // the user has had the device deregistered
}

func (st *Stage) newUser(host, userName, appID string) *User {
	u := &User{UserName: userName, Password: passwordOf(userName), DeviceID: deviceOf(host), AppID: appID, stage: st}
	u.Person = st.NewReachablePerson(host, "user", func(h *sim.Host) http.Handler {
		u.app = &cast.MobileApp{
			Env: st.Env(h), BaseURL: "https://" + host, Issuer: st.Server.Issuer, SigningKeys: st.issuerKeys(), AppID: u.AppID, DeviceID: u.DeviceID, Username: u.UserName,
		}
		u.handler = u.app.Handler()
		st.LearnLegs(h, WellKnown, u.handler, nil)
		return http.HandlerFunc(u.fromOutside)
	})
	st.devices = append(st.devices, u)
	st.watchWipes(u)
	return u
}

// fromOutside serves what the network reaches of an app: its metadata and its notification endpoint. The triggers are under the user's finger.
func (u *User) fromOutside(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != WellKnown && r.URL.Path != "/notification" {
		http.NotFound(w, r)
		return
	}
	u.handler.ServeHTTP(w, r)
}

// NewTablet gives Alice a second device, with the app of ERP on it and a script of its own.
func (st *Stage) NewTablet() *User { return st.newUser("alice.tablet", "alice", Stock) }

// Plays gives the user what to do.
func (u *User) Plays(script func(*User)) { u.Follows(func() { script(u) }) }

// Enrols registers the device with the user's password.
func (u *User) Enrols() Outcome { return u.Types(u.Password) }

// Types is Enrols with another password.
func (u *User) Types(password string) Outcome {
	u.Note("enrols " + u.DeviceID)
	err := u.app.Enrol(password)
	if err == nil {
		u.enrolled, u.lost = true, false
	}
	return u.told(Enrolled, err)
}

// Starts opens the app.
func (u *User) Starts() Outcome { return u.start(false) }

// StartsAfresh opens the app with a new token.
func (u *User) StartsAfresh() Outcome { return u.start(true) }

// opening begins the remark with which a start begins.
const opening = "opens "

func (u *User) start(fresh bool) Outcome {
	u.Note(opening + u.AppID)
	begun := u.stage.World.Now()
	_, err := u.app.Start(fresh)
	u.Slowest = max(u.Slowest, u.stage.World.Now()-begun)
	ends := u.told(Opened, err)
	if ends == NotEnrolled && u.enrolled && !u.lost {
		u.stage.Breach(NotWiped, u.Name+" finds the app empty and has deregistered nothing")
	}
	return ends
}

// told is what the user reads at the end.
func (u *User) told(done Outcome, err error) Outcome {
	if err == nil {
		return done
	}
	code, _, _ := strings.Cut(err.Error(), ":")
	u.Note("this ends with: " + code)
	return Outcome(code)
}

// Meets has a page in the device's own browser load something from the app, as with an image in it.
func (u *User) Meets(path string) {
	u.Host.Go("a page in the browser", func() { stage.Ask(u.handler, path) })
}

// Holdings is what whoever has the device in hand finds on it (profile section 6.3).
type Holdings struct {
	Enrolled  bool `json:"enrolled"`
	Token     bool `json:"token"`
	Address   bool `json:"address"`
	Resources int  `json:"resources"`
}

// Holds looks into the device.
func (u *User) Holds() (held Holdings) {
	_ = json.Unmarshal(stage.Ask(u.handler, "/holdings"), &held) // an app always says
	return held
}

// Deregisters ends a device of the user from another one, or from itself.
func (u *User) Deregisters(lost *User) Outcome { return u.DeregistersWith(lost, u.Password) }

// DeregistersWith is Deregisters with another password.
func (u *User) DeregistersWith(lost *User, password string) Outcome {
	u.Note("deregisters " + lost.DeviceID)
	lost.lost = password == lost.Password // whatever comes of the answer
	r := u.stage.post(u.Host, "/deregistration", map[string]string{"username": u.UserName, "password": password, "deviceid": lost.DeviceID})
	said := members(r.Body)
	for _, member := range []string{"wipe", "error"} {
		if text, _ := said[member].(string); text != "" {
			return Outcome(text)
		}
	}
	return Unreachable
}

// post sends a JSON object to the authorization server.
func (st *Stage) post(from *sim.Host, path string, object any) outbound.Reply {
	r, err := outbound.Call{Method: http.MethodPost, URL: st.Server.Issuer + path, Object: object}.Do(st.Env(from), patience)
	if err != nil {
		return outbound.Reply{}
	}
	return r
}

// UntilOpened enrols where needed and starts again and again until the app opens. When it does not after all the tries, that is a lock-out.
// At level core a business system that was disturbed may stay closed for an hour (MO-BS-33), and the user comes back after it.
func (u *User) UntilOpened() {
	const tries, pause = 12, 15 * time.Second
	for i := range tries + 2 {
		if i == tries && u.stage.level != catalog.Core {
			break
		}
		if i >= tries {
			u.Wait(time.Hour)
		}
		if u.Holds().Enrolled || u.Enrols() == Enrolled {
			if u.Starts() == Opened {
				return
			}
		}
		u.Wait(pause)
	}
	u.stage.Breach(NoLockOut, u.Name+" tried again and again and "+u.AppID+" did not open")
}

// watchWipes looks into a device whenever its acknowledgement has been taken.
func (st *Stage) watchWipes(u *User) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && m.From == u.Host.Name() && st.Leg(&m) == LegAcknowledgement && u.lost {
			if held := u.Holds(); held != (Holdings{}) {
				st.Breach(Wiped, u.Name+" reports that its data are gone, and still holds some")
			}
		}
		return sim.Verdict{}
	}))
}

// Finds has whoever found a device look whether it was wiped, as it has to be by then.
func (u *User) Finds() {
	u.Note("is searched by its finder")
	if held := u.Holds(); held != (Holdings{}) {
		u.stage.Breach(WipeArrives, u.Name+" was deregistered, could be reached, and still holds data")
	}
}
