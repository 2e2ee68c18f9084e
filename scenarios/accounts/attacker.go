package accounts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// Attacker is a dishonest person who has an account of her own, once registered.
type Attacker struct {
	*stage.Attacker
	stage *Stage
}

// Plays gives the attacker what to do.
func (a *Attacker) Plays(script func(*Attacker)) { a.Follows(func() { script(a) }) }

// Password is that of the attacker's own account.
const Password = "password of mallory"

// Ticket is one in dishonest hands.
type Ticket struct {
	UserID           string `json:"user_id"`
	AppID            string `json:"app_id"`
	AuthorizationKey string `json:"authorization_key"`
	RefreshKey       string `json:"refresh_key"`
	// RequestID is that of the last refresh of the ticket that was seen.
	RequestID string `json:"-"`
}

// Written is the ticket as the account server would write it.
func (t Ticket) Written() []byte {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // a struct of texts can be written
	}
	return text
}

// ReadTicket reads the ticket in an answer.
func ReadTicket(body string) (t Ticket, got bool) {
	err := json.Unmarshal([]byte(body), &t)
	return t, err == nil && t.AuthorizationKey != ""
}

// Register registers a name.
func (a *Attacker) Register(name, password string) stage.Reply {
	return a.PostJSON(a.stage.Server.Issuer+"/registration", map[string]string{"user_name": name, "password": password}, nil)
}

// Authenticate asks for a ticket.
func (a *Attacker) Authenticate(name, password string, app *App) (Ticket, bool) {
	r := a.PostJSON(a.stage.Server.Issuer+"/authentication", map[string]string{"user_name": name, "password": password, "app_id": app.ID}, nil)
	return ReadTicket(r.Body)
}

// OwnTicket registers the attacker's own account, and gets a ticket for it.
func (a *Attacker) OwnTicket(app *App) Ticket {
	a.Register(a.Name, Password)
	t, _ := a.Authenticate(a.Name, Password, app)
	return t
}

// Show shows a pair to an app.
func (a *Attacker) Show(app *App, t Ticket) stage.Reply {
	return a.Do(http.MethodGet, app.Base+"/resource", "", shown(t))
}

func shown(t Ticket) http.Header {
	return http.Header{"Authorization": {fmt.Sprintf(`Ticket user_id="%s", authorization_key="%s"`, t.UserID, t.AuthorizationKey)}}
}

// Refresh refreshes a ticket; with an empty request_id, without any.
func (a *Attacker) Refresh(t Ticket, requestID string) (Ticket, bool) {
	form := map[string]string{"user_id": t.UserID, "refresh_key": t.RefreshKey}
	if requestID != "" {
		form["request_id"] = requestID
	}
	r := a.PostJSON(a.stage.Server.Issuer+"/refresh", form, nil)
	return ReadTicket(r.Body)
}

// Verify asks the account server about a pair, without credentials.
func (a *Attacker) Verify(t Ticket) stage.Reply {
	return a.PostJSON(a.stage.Server.Issuer+"/verification", map[string]string{"user_id": t.UserID, "authorization_key": t.AuthorizationKey}, nil)
}

// VerifyAs asks about a pair in the name of an app, as whoever runs its server can.
func (st *Stage) VerifyAs(app *App, t Ticket) {
	body := fmt.Sprintf(`{"user_id":%q,"authorization_key":%q}`, t.UserID, t.AuthorizationKey)
	st.send(app.Host, http.MethodPost, st.Server.Issuer+"/verification", body, func(r *http.Request) { r.SetBasicAuth(app.ID, app.secret) })
}

// ShowFrom shows a pair to an app from the server of another.
func (st *Stage) ShowFrom(by, to *App, t Ticket) {
	st.send(by.Host, http.MethodGet, to.Base+"/resource", "", func(r *http.Request) { r.Header = shown(t) })
}

// Register registers a name from a host, and returns the status of the answer, 0 for none.
func (st *Stage) Register(from *sim.Host, name, password string) int {
	body := fmt.Sprintf(`{"user_name":%q,"password":%q}`, name, password)
	return st.send(from, http.MethodPost, st.Server.Issuer+"/registration", body, func(*http.Request) {})
}

func (st *Stage) send(from *sim.Host, method, target, body string, prepare func(*http.Request)) (status int) {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return 0
	}
	prepare(r)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := from.Client().Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// Loot is what somebody has copied from a terminal: the last ticket that came to it.
type Loot struct{ Ticket Ticket }

// Steal copies the tickets for an app that come to a terminal from now on.
func (st *Stage) Steal(from *User, app *App) *Loot {
	loot := &Loot{}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		switch leg := st.Leg(&m); {
		case m.Kind == sim.Request && m.From == from.Host.Name() && leg == LegRefresh:
			var asked struct {
				RefreshKey string `json:"refresh_key"`
				RequestID  string `json:"request_id"`
			}
			if json.Unmarshal(m.Body, &asked) == nil && asked.RefreshKey == loot.Ticket.RefreshKey {
				loot.Ticket.RequestID = asked.RequestID
			}
		case m.Kind == sim.Response && m.To == from.Host.Name() && (leg == LegAuthentication || leg == LegRefresh):
			if t, got := ReadTicket(string(m.Body)); got && t.AppID == app.ID {
				loot.Ticket = t
			}
		}
		return sim.Verdict{}
	}))
	return loot
}

// CacheBefore puts a shared cache before an app: it answers a GET with what it has kept under the same address.
func (st *Stage) CacheBefore(app *App) {
	kept := map[string]*sim.Message{}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		switch {
		case m.Kind == sim.Request && m.To == app.Host.Name() && m.Method == http.MethodGet && kept[m.URL] != nil:
			again := kept[m.URL].Clone()
			return sim.Verdict{Answer: &again}
		case m.Kind == sim.Response && m.From == app.Host.Name() && m.Status == http.StatusOK && !strings.Contains(m.Header.Get("Cache-Control"), "no-store"):
			kept[m.URL] = &m
		}
		return sim.Verdict{}
	}))
}
