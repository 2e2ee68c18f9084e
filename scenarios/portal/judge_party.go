package portal

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// loggedIn takes down a login credential that a callback gives.
func (j *judge) loggedIn(party *ThirdParty, asked *sim.Message, e sim.Event) {
	value := setCookie(e.Message, "tp-login-")
	if value == "" || e.Message.Status/100 != 3 {
		return
	}
	j.keptOnTheWay(LegCallback, e)
	who, known := j.told[e.PID]
	delete(j.told, e.PID)
	if !known {
		j.Breach(Consent, e, "%s logged somebody in without the platform's yes", e.Host)
		return
	}
	person := j.person(who)
	if before := j.credentials[value]; before != nil && j.person(before.identity) != person {
		j.Breach(SessionIntegrity, e, "%s gave %s the login credential of %s", e.Host, person, j.person(before.identity))
		return
	}
	if strings.Contains(e.Message.Header.Get("Location"), value) {
		j.Breach(CookiesAtHome, e, "%s put a login credential into a URL", e.Host)
	}
	if who.generation <= j.done[ended{e.Host, who.issuer, who.sub}] && j.hardened() {
		j.Breach(DoneIsDone, e, "%s logged %s in after it had said that the logout of that login is done", e.Host, person)
	}
	j.credentials[value] = &credential{identity: who, party: party, given: e.At}
	j.Keep(stage.Secret{Value: value, What: "a login credential of " + person, Hosts: []string{e.Host, asked.From}, Breaks: CookiesAtHome})
}

// lasts is how long a login at a third-party platform lives.
const lasts = 8 * time.Hour

// visited looks at what a third-party platform shows, whatever the status of its answer says, or refuses to show.
func (j *judge) visited(party *ThirdParty, asked *sim.Message, e sim.Event) {
	c := j.credentials[credentialOf(asked)]
	switch {
	case e.Message.Status == http.StatusForbidden && c != nil && c.party == party:
		ownPlatform := c.issuer == j.Platform.Issuer // another one is dishonest, and may end the logins of its own users as it likes
		if ownPlatform && !c.left && e.At <= c.given+lasts && !j.loggedOutAt(c, new(time.Duration)) {
			j.Breach(StaysLoggedIn, e, "%s refused %s, who had not logged out", e.Host, j.person(c.identity))
		}
	case e.Message.Status == http.StatusOK:
		j.keptOnTheWay(j.Leg(asked), e)
	}
	for _, number := range accountsIn(e.Message.Body) {
		if c == nil || c.party != party {
			j.Breach(Secrecy, e, "%s showed %s an account without a login", e.Host, asked.From)
			return
		}
		j.shown(c, account{e.Host, number}, asked, e)
	}
}

// accountsIn are the numbers of the accounts that an answer shows: whose notes are in it, and which it names.
func accountsIn(answer []byte) []string {
	var said struct {
		Account string `json:"account"`
	}
	_ = json.Unmarshal(answer, &said) // a page names none
	return stage.Marked(answer, notePrefix, ".", said.Account)
}

// shown judges that an account was shown for a login credential.
func (j *judge) shown(c *credential, of account, asked *sim.Message, e sim.Event) {
	whose := j.person(c.identity)
	if j.owners[of] == "" {
		j.owners[of] = whose
	}
	at := account{of.host, whose}
	if j.accounts[at] == "" {
		j.accounts[at] = of.number
	}
	if j.accounts[at] != of.number {
		j.Breach(KnownAgain, e, "%s showed %s another account than before", e.Host, whose)
	}
	for _, person := range []string{whose, j.owners[of]} {
		j.reads(asked.From, person, e.Host, e)
	}
	var left time.Duration
	if j.loggedOutAt(c, &left) {
		if e.At > left+LogoutBound+slack {
			j.Breach(LoggedOutEverywhere, e, "%s was served at %s %s after the logout", whose, e.Host, (e.At - left).Round(time.Second))
		}
		if c.generation <= j.done[ended{e.Host, c.issuer, c.sub}] {
			j.Breach(DoneIsDone, e, "%s was served at %s, which had said that the logout is done", whose, e.Host)
		}
	}
	if c.left {
		j.Breach(LeftHere, e, "%s was served at %s after having left it", whose, e.Host)
	}
	if e.At > c.given+lasts+slack {
		j.Breach(Expiry, e, "%s was served at %s %s after the login", whose, e.Host, (e.At - c.given).Round(time.Second))
	}
}

// reads judges that a host gets what a person keeps at a third-party platform. A dishonest one may be a user of a rival platform.
func (j *judge) reads(host, person, at string, e sim.Event) {
	dishonest := j.Stage.Dishonest(host)
	switch {
	case person == j.personAt(host), dishonest && strings.Contains(person, " of "):
	case dishonest:
		j.Breach(Secrecy, e, "%s showed %s what %s keeps there", at, host, person)
	default:
		j.Breach(SessionIntegrity, e, "%s showed %s what %s keeps there", at, host, person)
	}
}

// reached looks at what of a third-party platform has reached somebody, as it may have been changed on the way.
func (j *judge) reached(e sim.Event) {
	if j.partyAt(e.Peer) == nil || j.Stage.Dishonest(e.Peer) {
		return
	}
	for _, number := range accountsIn(e.Message.Body) {
		if owner := j.owners[account{e.Peer, number}]; owner != "" {
			j.reads(e.Host, owner, e.Peer, e)
		}
	}
}

// loggedOutAt reports whether the user of a login has logged out since, and when.
func (j *judge) loggedOutAt(c *credential, at *time.Duration) bool {
	u := j.users[c.sub]
	if u == nil || c.issuer != j.Platform.Issuer || c.generation >= u.generation() {
		return false
	}
	*at = u.logouts[c.generation-1]
	return true
}

// leftParty takes down that a user has left a third-party platform.
func (j *judge) leftParty(party *ThirdParty, asked *sim.Message, e sim.Event) {
	c := j.credentials[credentialOf(asked)]
	if c == nil || c.party != party || asked.Method != http.MethodPost || e.Message.Status/100 > 3 {
		return
	}
	j.wish(asked, e)
	c.left = true
}

// calledDone takes down that a third-party platform has called a logout done.
func (j *judge) calledDone(party *ThirdParty, issuer, sub string, generation int64) {
	key := ended{party.Host.Name(), issuer, sub}
	j.done[key] = max(j.done[key], generation)
}

// batchAnswered looks at the answer to a batch.
func (j *judge) batchAnswered(party *ThirdParty, asked *sim.Message, e sim.Event) {
	request, answer := j.said(asked), j.said(e.Message)
	if e.Message.Status != http.StatusOK {
		return
	}
	if request.sealed && (!answer.sealed || answer.Key.ID != request.Key.ID) {
		j.Breach(Sealed, e, "%s answers a batch unsealed", e.Host)
	}
	j.vector(answer, e)
	for _, r := range answer.Results {
		for _, t := range request.Tasks {
			if t.ID == r.ID && r.Status == "done" {
				j.calledDone(party, request.Issuer, t.Sub, t.Generation)
			}
		}
	}
}

// tokenClaims are what a logout token says.
type tokenClaims struct {
	Issuer     string `json:"iss"`
	Sub        string `json:"sub"`
	Generation int64  `json:"generation"`
}

// logoutToken reads the logout token in the body of a request.
func logoutToken(body []byte) (t tokenClaims) {
	m := sim.Message{Body: body}
	payload, err := jose.Payload(form(&m).Get("logout_token"))
	if err == nil {
		_ = json.Unmarshal(payload, &t) // what is no such object says nothing
	}
	return t
}
