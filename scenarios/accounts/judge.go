package accounts

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// judge holds a trace against the invariants, event by event.
type judge struct {
	*Stage
	stage.Judge
	owners    map[string]string // person who registered a name
	names     map[string]string // by user_id
	families  []*family
	keys      map[string]*authorizationKey
	refreshes map[string]*refreshKey
	refusals  map[bool]string // of authentications, by whether somebody has the name
	uses      map[int]*use    // by process
	presented map[presented][]time.Duration
	asked     map[int]int    // event at which a process took a request
	denied    map[string]int // event at which a pair was last not confirmed, by pair
}

// family is what an authentication began, as the wire showed it.
type family struct {
	name, app, device string
	begun             time.Duration
	ended             time.Duration // zero while it lives
	lost              bool          // others than its terminal have presented a refresh key of it
	why               stage.Invariant
}

// authorizationKey is one as the wire showed it.
type authorizationKey struct {
	*family
	userID, app string
	issued      time.Duration
	lifetime    time.Duration
	replaced    time.Duration // zero while it is the family's last
	loose       bool          // others than its terminal have it, by a theft that is given
}

// refreshKey is one as the wire showed it.
type refreshKey struct {
	*family
	userID    string
	beside    *authorizationKey // on the same ticket
	successor string            // authorization key; empty while it is unused
	used      time.Duration     // when it was first used
}

// use is one use of a terminal under way.
type use struct{ refreshed string }

// presented is that a host sent a refresh key.
type presented struct{ host, key string }

// Judge implements [stage.Flow].
func (st *Stage) Judge(t *sim.Trace) []stage.Breach {
	j := &judge{
		Stage: st, owners: map[string]string{}, names: map[string]string{}, keys: map[string]*authorizationKey{},
		refreshes: map[string]*refreshKey{}, refusals: map[bool]string{}, uses: map[int]*use{}, presented: map[presented][]time.Duration{},
		asked: map[int]int{}, denied: map[string]int{},
	}
	j.Judge.Dishonest = st.Stage.Dishonest
	for _, u := range st.devices {
		j.guardPassword(u)
	}
	for _, a := range st.apps() {
		for _, written := range []string{a.secret, base64.StdEncoding.EncodeToString([]byte(a.ID + ":" + a.secret))} { // the other is how RFC 7617 writes it
			j.Keep(stage.Secret{Value: written, What: "the secret of " + a.ID, Hosts: []string{st.Server.Host.Name(), a.Host.Name()}, Breaks: KeysAtHome, Bare: UnderTLS})
		}
	}
	return j.Hear(t, stage.Hearing{Sent: j.sent, Delivered: func(e sim.Event) { j.asked[e.PID] = e.Seq }, Answered: j.answered, Received: j.received, Noted: j.noted})
}

func (j *judge) guardPassword(of *User) {
	hosts := []string{j.Server.Host.Name()}
	for _, u := range j.devices {
		if u.UserName == of.UserName {
			hosts = append(hosts, u.Host.Name())
		}
	}
	j.Keep(stage.Secret{Value: of.Password, What: "the password of " + of.UserName, Hosts: hosts, Breaks: KeysAtHome, Bare: UnderTLS})
}

// message is what the members of a request or an answer say; none has them all.
type message struct {
	UserName         string `json:"user_name"`
	Password         string `json:"password"`
	UserID           string `json:"user_id"`
	AppID            string `json:"app_id"`
	AuthorizationKey string `json:"authorization_key"`
	RefreshKey       string `json:"refresh_key"`
	ExpiresIn        int64  `json:"expires_in"`
	CacheLifetime    int64  `json:"cache_lifetime"`
	Owner            string `json:"owner"`
	Active           bool   `json:"active"`
	Error            string `json:"error"`
}

func read(body []byte) (m message) {
	_ = json.Unmarshal(body, &m) // what is no such object says nothing
	return m
}

// answered looks at what a host answers.
func (j *judge) answered(asked *sim.Message, e sim.Event) {
	if j.Stage.Dishonest(e.Host) {
		return
	}
	leg := j.Leg(asked)
	switch app := j.appAt(e.Host); {
	case app != nil && leg == LegResource:
		for _, owner := range shows(e.Message.Body) {
			j.resourceGiven(app, owner, asked, e)
		}
		if e.Message.Status == http.StatusUnauthorized {
			j.resourceDenied(app, asked, e)
		}
	case e.Host != j.Server.Host.Name():
	case e.Message.Status == http.StatusOK && j.mayBeKept(leg, e.Message):
		j.Breach(NotKept, e, "accounts answers without no-store: %s", leg)
		fallthrough
	default:
		j.accountsAnswered(leg, asked, e)
	}
}

// mayBeKept reports whether an answer with a key or about one may be kept on the way.
func (j *judge) mayBeKept(leg string, m *sim.Message) bool {
	return (leg == LegAuthentication || leg == LegRefresh || leg == LegVerification) && !strings.Contains(m.Header.Get("Cache-Control"), "no-store")
}

// accountsAnswered looks at what the account server answers.
func (j *judge) accountsAnswered(leg string, asked *sim.Message, e sim.Event) {
	switch {
	case leg == LegRegistration && e.Message.Status == http.StatusCreated:
		j.registered(asked, e)
	case leg == LegAuthentication && e.Message.Status == http.StatusOK:
		j.authenticated(asked, e)
	case leg == LegAuthentication:
		j.refused(asked, e)
	case leg == LegRefresh:
		j.refreshed(asked, e)
	case leg == LegVerification && e.Message.Status == http.StatusOK:
		j.told(asked, e)
	case leg == LegRevocation && e.Message.Status == http.StatusOK:
		j.revoked(asked, e)
	}
}

func (j *judge) registered(asked *sim.Message, e sim.Event) {
	who, person := read(asked.Body), j.ownerOf(asked.From)
	if owner := j.owners[who.UserName]; owner != "" && owner != person {
		j.Breach(Takeover, e, "%s registered the user name of %s again", asked.From, owner)
	}
	j.own(who.UserName, person)
	j.named(read(e.Message.Body).UserID, who.UserName)
}

// named takes down the name that a user ID stands for, and has watched what the apps keep for an honest user.
func (j *judge) named(userID, name string) {
	j.names[userID] = name
	var homes []string
	for _, u := range j.devices {
		if u.UserName == j.owners[name] {
			homes = append(homes, u.Host.Name())
		}
	}
	if len(homes) > 0 {
		j.Keep(stage.Secret{Value: notesOf(userID), What: "what an app keeps for " + name, Hosts: homes, Breaks: Secrecy})
	}
}

// own takes down who has a name, if nobody had it.
func (j *judge) own(name, person string) {
	if j.owners[name] == "" {
		j.owners[name] = person
	}
}

func (j *judge) authenticated(asked *sim.Message, e sim.Event) {
	who, person, t := read(asked.Body), j.ownerOf(asked.From), read(e.Message.Body)
	j.own(who.UserName, person)
	j.named(t.UserID, who.UserName)
	if owner := j.owners[who.UserName]; owner != person {
		j.Breach(OwnTickets, e, "%s got a ticket for the account of %s", asked.From, owner)
	}
	f := &family{name: who.UserName, app: t.AppID, device: asked.From, begun: e.At}
	j.families = append(j.families, f)
	j.issued(f, t, asked.From, e)
}

// issued takes down the keys of a ticket, and who may see them.
func (j *judge) issued(f *family, t message, to string, e sim.Event) {
	k := &authorizationKey{family: f, userID: t.UserID, app: t.AppID, issued: e.At, lifetime: cmp.Or(j.Server.KeyLifetime, usualLifetime)}
	if said := time.Duration(t.ExpiresIn) * time.Second; said > 0 {
		k.lifetime = min(k.lifetime, said)
	}
	k.loose = to != f.device || slices.Contains(j.copied, t.AuthorizationKey)
	j.keys[t.AuthorizationKey] = k
	if t.RefreshKey != "" {
		j.refreshes[t.RefreshKey] = &refreshKey{family: f, userID: t.UserID, beside: k}
	}
	if j.Stage.Dishonest(f.device) {
		return // may give her own keys away
	}
	hosts := []string{j.Server.Host.Name(), f.device, to}
	if k.loose {
		hosts = append(hosts, j.Mallory.Name)
	}
	if t.RefreshKey != "" {
		j.Keep(stage.Secret{Value: t.RefreshKey, What: fmt.Sprintf("a refresh key of %s for %s", f.name, t.AppID), Hosts: hosts, Breaks: KeysAtHome, Bare: UnderTLS})
	}
	for _, a := range j.apps() {
		if a.ID == t.AppID {
			hosts = append(hosts[:len(hosts):len(hosts)], a.Host.Name())
		}
	}
	j.Keep(stage.Secret{Value: t.AuthorizationKey, What: fmt.Sprintf("an authorization key of %s for %s", f.name, t.AppID), Hosts: hosts, Breaks: KeysAtHome, Bare: UnderTLS})
}

// refused compares the refusals of names that somebody has and names that nobody has.
func (j *judge) refused(asked *sim.Message, e sim.Event) {
	if read(e.Message.Body).Error != "invalid_grant" || e.Message.Status != http.StatusBadRequest {
		return
	}
	taken := j.owners[read(asked.Body).UserName] != ""
	j.refusals[taken] = fmt.Sprintf("%d %s", e.Message.Status, e.Message.Body)
	if other, seen := j.refusals[!taken]; seen && other != j.refusals[taken] {
		j.Breach(NoEnumeration, e, "accounts refuses a name that somebody has otherwise than one that nobody has")
	}
}

func (j *judge) refreshed(asked *sim.Message, e sim.Event) {
	shown := read(asked.Body)
	r := j.refreshes[shown.RefreshKey]
	if r != nil && asked.From != r.device {
		r.lost = true
	}
	if e.Message.Status != http.StatusOK {
		if r != nil && r.successor != "" && r.userID == shown.UserID && e.Message.Status == http.StatusBadRequest {
			if !r.lost && !j.Stage.Dishonest(r.device) && e.At < r.used+grace && r.ended == 0 {
				j.Breach(LostAnswer, e, "accounts refused %s the answer to its refresh once more, and ended its ticket", asked.From)
			}
			r.end(e.At, ReuseEnds)
		}
		return
	}
	t := read(e.Message.Body)
	if r == nil {
		j.Breach(OwnTickets, e, "%s got a ticket for a refresh key that was never issued", asked.From)
		return
	}
	if r.successor == t.AuthorizationKey {
		return // the lost answer, once more
	}
	if r.ended != 0 {
		j.Breach(r.why, e, "%s refreshed a ticket of %s for %s whose family had ended", asked.From, r.name, r.app)
	}
	if r.successor != "" {
		j.Breach(OneLineage, e, "a refresh key of %s for %s has a second successor", r.name, r.app)
	}
	if j.keys[t.AuthorizationKey] != nil || j.refreshes[t.RefreshKey] != nil || t.UserID != r.userID || t.AppID != r.app {
		j.Breach(FreshKeys, e, "a refresh gave %s a key that was issued before, or a ticket for something else", asked.From)
	}
	r.successor, r.used = t.AuthorizationKey, e.At
	if r.beside.replaced == 0 {
		r.beside.replaced = e.At
	}
	to := r.device
	if shown.UserID == r.userID {
		to = asked.From // a refresh key in other hands was stolen before this
	}
	j.issued(r.family, t, to, e)
}

// end ends a family, for the first reason that there is.
func (f *family) end(at time.Duration, why stage.Invariant) {
	if f.ended == 0 {
		f.ended, f.why = at, why
	}
}

// told looks at what the account server says about a ticket.
func (j *judge) told(asked *sim.Message, e sim.Event) {
	k := j.keys[read(asked.Body).AuthorizationKey]
	app := j.appAt(asked.From)
	if !read(e.Message.Body).Active {
		j.denied[pairOf(read(asked.Body).UserID, read(asked.Body).AuthorizationKey)] = e.Seq
	}
	var said map[string]any
	if json.Unmarshal(e.Message.Body, &said) != nil {
		return
	}
	no := said["active"] == false && len(said) == 1
	if k != nil {
		may, left := time.Duration(read(e.Message.Body).CacheLifetime)*time.Second, k.issued+k.lifetime-e.At
		if may > 0 && may > min(time.Minute, left+time.Second) { // the moments in messages are whole seconds
			j.Breach(ShortApproval, e, "accounts lets %s keep a confirmation for %s", asked.From, may)
		}
	}
	switch {
	case app == nil:
		j.Breach(NoOracle, e, "accounts told %s about a ticket", asked.From)
	case !no && said["active"] == false:
		j.Breach(NoOracle, e, "accounts told %s why it does not confirm a ticket", asked.From)
	case !no && k != nil && k.app != app.ID && j.Stage.Dishonest(asked.From):
		j.Breach(NoOracle, e, "accounts told %s about a ticket for %s", asked.From, k.app)
	}
}

func (j *judge) revoked(asked *sim.Message, e sim.Event) {
	wish := read(asked.Body)
	if r := j.refreshes[wish.RefreshKey]; r != nil && r.userID == wish.UserID {
		r.end(e.At, Revocation)
	}
	if wish.UserName == "" || j.owners[wish.UserName] != j.ownerOf(asked.From) {
		return
	}
	for _, f := range j.families {
		if f.name == wish.UserName && (wish.AppID == "" || wish.AppID == f.app) {
			f.end(e.At, Revocation)
		}
	}
}

// received looks at what reaches a terminal.
func (j *judge) received(e sim.Event) {
	user := j.ownerOf(e.Host)
	if user == "" || j.Stage.Dishonest(e.Host) || e.Message.Status != http.StatusOK || j.appAt(e.Peer) == nil {
		return
	}
	if owner := read(e.Message.Body).Owner; owner != "" && j.names[owner] != user {
		j.Breach(OwnAccount, e, "%s got what %s keeps at %s", e.Host, j.names[owner], e.Peer)
	}
}

// noted begins a use.
func (j *judge) noted(e sim.Event) {
	if strings.HasPrefix(e.Text, opening) {
		j.uses[e.PID] = &use{}
	}
}

// sent looks at the refreshes that a terminal asks for.
func (j *judge) sent(e sim.Event) {
	if j.Leg(e.Message) != LegRefresh || j.Stage.Dishonest(e.Host) || e.Kind != sim.EventSend {
		return
	}
	const most, span = 6, 30 * time.Second
	key := read(e.Message.Body).RefreshKey
	at := append(j.presented[presented{e.Host, key}], e.At)
	j.presented[presented{e.Host, key}] = at
	if len(at) > most && at[len(at)-1-most] > e.At-span {
		j.Breach(NoStorm, e, "%s presented a refresh key %d times within half a minute", e.Host, most+1)
	}
	u := j.uses[e.PID]
	if u == nil {
		return
	}
	if u.refreshed != "" && u.refreshed != key {
		j.Breach(BoundedUse, e, "%s refreshed a second ticket in one use", e.Host)
	}
	u.refreshed = key
}
