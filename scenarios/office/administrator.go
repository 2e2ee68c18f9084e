package office

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	cast "countersign/actors/mobile"
	"countersign/actors/outbound"
	"countersign/scenarios/stage"
)

const (
	administrator         = "ann"
	administratorPassword = "password of ann, who may change the rules"
)

// Administrator changes the rules and rotates keys.
type Administrator struct {
	*stage.Person
	stage *Stage
}

// Plays gives the administrator what to do.
func (a *Administrator) Plays(script func(*Administrator)) { a.Follows(func() { script(a) }) }

// Sheet is the rules as an administrator has them before her.
type Sheet struct {
	Version int64      `json:"rules_version"`
	Rules   cast.Rules `json:"rules"`
}

// Reads reads the rules in force.
func (a *Administrator) Reads() (s Sheet) {
	_ = json.Unmarshal(a.ask(http.MethodGet, "/rules", nil, "").Body, &s) // no answer, no rules
	return s
}

// Puts sends rules in the place of those of a version, and gives the status of the answer, 0 for none.
func (a *Administrator) Puts(over int64, rules cast.Rules) int {
	text, err := json.Marshal(rules)
	if err != nil {
		return 0
	}
	return a.PutsText(over, text)
}

// PutsText is Puts with the text as it is sent.
func (a *Administrator) PutsText(over int64, text []byte) int {
	return a.ask(http.MethodPut, "/rules", text, strconv.Quote(strconv.FormatInt(over, 10))).Status
}

// Changes reads the rules, changes them, and sends them back.
func (a *Administrator) Changes(what string, change func(*cast.Rules)) int {
	a.Note("changes the rules: " + what)
	s := a.Reads()
	change(&s.Rules)
	return a.Puts(s.Version, s.Rules)
}

// Rotates gives a system a new sealing key, and gives the status of the answer.
func (a *Administrator) Rotates(of *System) int {
	a.Note("rotates the sealing key of " + of.ID)
	text, err := json.Marshal(map[string]string{"system_id": of.ID})
	if err != nil {
		return 0
	}
	return a.ask(http.MethodPost, "/key-rotation", text, "").Status
}

// Entry is what the audit says of one version.
type Entry struct {
	Version int64  `json:"rules_version"`
	By      string `json:"by"`
}

// Audits reads the audit.
func (a *Administrator) Audits() []Entry {
	var audit struct{ Entries []Entry }
	_ = json.Unmarshal(a.ask(http.MethodGet, "/rules/audit", nil, "").Body, &audit) // no answer, no entries
	return audit.Entries
}

func (a *Administrator) ask(method, path string, body []byte, over string) outbound.Reply {
	c := outbound.Call{
		Method: method, URL: a.stage.Server.Issuer + path, Authorization: outbound.Basic(administrator, administratorPassword), Body: body, Header: http.Header{},
	}
	if body != nil {
		c.ContentType = "application/json"
	}
	if over != "" {
		c.Header.Set("If-Match", over)
	}
	r, err := c.Do(a.stage.Env(a.Host), patience)
	if err != nil {
		return outbound.Reply{}
	}
	return r
}

// Moves gives a system another address.
func Moves(to *System) func(*cast.Rules) {
	return func(r *cast.Rules) {
		for i := range r.Systems {
			if r.Systems[i].SystemID == to.ID {
				r.Systems[i].Address = to.Address()
			}
		}
	}
}

// Withdraws takes the right to an app from a user.
func Withdraws(username, appID string) func(*cast.Rules) {
	return func(r *cast.Rules) {
		for i := range r.Apps {
			if r.Apps[i].AppID == appID {
				r.Apps[i].Users = slices.DeleteFunc(slices.Clone(r.Apps[i].Users), func(u string) bool { return u == username })
			}
		}
	}
}

// Grants gives a user the right to an app.
func Grants(username, appID string) func(*cast.Rules) {
	return func(r *cast.Rules) {
		for i := range r.Apps {
			if r.Apps[i].AppID == appID {
				r.Apps[i].Users = append(slices.Clone(r.Apps[i].Users), username)
			}
		}
	}
}
