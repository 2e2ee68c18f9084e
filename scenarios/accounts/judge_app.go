package accounts

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// slack is by how much a ticket may outlive its end: a minute for which a confirmation may be kept, and what answers take on their way.
const slack = 2 * time.Minute

// transit is by how much one may outlive its key's lifetime, beyond which no confirmation may be kept: what answers take on their way.
const transit = 20 * time.Second

// usualLifetime is that of authorization keys (profile section 3), where the account server has no other.
const usualLifetime = 10 * time.Minute

// notes begin what the apps keep for a user, and notesOf is the whole of it.
const notes = "Notes of "

func notesOf(userID string) string { return notes + userID }

// shows are the user IDs of those whose resources an answer opens, whatever its status says: whom it names as the owner, and whose notes are in it.
func shows(answer []byte) []string { return stage.Marked(answer, notes, `"`, read(answer).Owner) }

// resourceGiven judges an answer of an app that opens the resources of a user ID.
func (j *judge) resourceGiven(app *App, userID string, asked *sim.Message, e sim.Event) {
	owner := j.names[userID]
	k := j.keys[parameter(asked, "authorization_key")]
	what := fmt.Sprintf("%s gave the resources of %s to %s", e.Host, owner, asked.From)
	given := k != nil && k.loose
	if given {
		j.Admit(notesOf(userID), asked.From)
	}
	if owner == "" || !given && (j.ownerOf(asked.From) != j.owners[owner] || asked.Injected) {
		j.Breach(Secrecy, e, "%s", what)
	}
	if k == nil {
		j.Breach(Secrecy, e, "%s for an authorization key that was never issued", what)
		return
	}
	if k.userID != userID {
		j.Breach(Secrecy, e, "%s for a ticket of %s", what, k.name)
	}
	if k.app != app.ID {
		j.Breach(Audience, e, "%s for a ticket for %s", what, k.app)
	}
	if k.ended != 0 && e.At > k.ended+slack {
		j.Breach(k.why, e, "%s for a ticket whose family had ended", what)
	}
	if k.replaced != 0 && e.At > k.replaced+slack {
		j.Breach(Replaced, e, "%s for an authorization key that a refresh had replaced", what)
	}
	if e.At > k.issued+k.lifetime+transit {
		j.Breach(Expiry, e, "%s after the authorization key's lifetime of %s", what, k.lifetime)
	}
	for _, l := range j.logouts {
		if l.device == k.device && l.app == k.app && k.begun < l.at && e.At > l.at+slack {
			j.Breach(LoggedOut, e, "%s for a ticket from which the user had logged out", what)
		}
	}
}

// resourceDenied judges a ticket error indication.
func (j *judge) resourceDenied(app *App, asked *sim.Message, e sim.Event) {
	user, key := parameter(asked, "user_id"), parameter(asked, "authorization_key")
	k := j.keys[key]
	if read(e.Message.Body).Error != "invalid_token" || k == nil || k.userID != user || k.app != app.ID {
		return
	}
	if at, said := j.denied[pairOf(user, key)]; !said || at < j.asked[e.PID] {
		j.Breach(Denials, e, "%s denied a ticket of %s, and the account server did not", e.Host, k.name)
	}
}

func pairOf(userID, key string) string { return userID + " " + key }

// grace is how long the answer to a refresh is given again (profile section 4.3).
const grace = time.Minute

// parameter reads a parameter of the Authorization header, or else of the query.
func parameter(m *sim.Message, name string) string {
	for _, v := range m.Header["Authorization"] {
		if _, rest, found := strings.Cut(v, name+`="`); found {
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	if _, query, found := strings.Cut(m.URL, "?"); found {
		if values, err := url.ParseQuery(query); err == nil {
			return values.Get(name)
		}
	}
	return ""
}
