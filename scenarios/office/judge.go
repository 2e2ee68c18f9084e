package office

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// judge holds a trace against the invariants, event by event.
type judge struct {
	*Stage
	stage.Judge
	book       rulebook
	serving    map[int]*sim.Message // request that a process handles
	began      map[int]int64        // version in force when the request of a process came
	tokens     map[string]*given    // by access token
	inside     map[string]string    // what is in tokens of honest devices, and what it is
	vectors    map[string]bool
	registered map[string]bool          // by deviceid
	ended      map[string]time.Duration // by deviceid: when the deregistration was answered
	told       map[string]int64         // by host: the newest version of which an app knows
	enrolled   map[string]time.Duration // by host: when it was enrolled last
	starts     map[int]*start           // by process
	readings   map[string][]time.Duration
	doubtful   map[int]bool       // downloads for tokens that were never given, by message
	refusals   map[string]string  // by leg
	mail       map[string]*mailed // by host
}

// given is a token as the authorization server gave it.
type given struct {
	user, app, device, system string
	at, lifetime              time.Duration
	ended                     time.Duration // when its device was deregistered; zero: it was not
	version                   int64
}

// start is one start of an app under way.
type start struct{ authentications, accesses int }

// Judge implements [stage.Flow].
func (st *Stage) Judge(t *sim.Trace) []stage.Breach {
	j := &judge{
		Stage: st, book: rulebook{pages: map[int64]*page{}}, serving: map[int]*sim.Message{}, began: map[int]int64{}, tokens: map[string]*given{}, inside: map[string]string{},
		vectors: map[string]bool{}, registered: map[string]bool{}, ended: map[string]time.Duration{}, told: map[string]int64{}, starts: map[int]*start{},
		readings: map[string][]time.Duration{}, doubtful: map[int]bool{}, refusals: map[string]string{}, mail: map[string]*mailed{}, enrolled: map[string]time.Duration{},
	}
	j.Judge.Dishonest = st.Stage.Dishonest
	j.keepSecrets()
	j.collectRules(t)
	return j.Hear(t, stage.Hearing{Sent: j.sent, Delivered: j.delivered, Answered: j.answered, Received: j.received, Noted: j.noted})
}

// keepSecrets has passwords and sealing keys watched.
func (j *judge) keepSecrets() {
	server := j.Server.Host.Name()
	homes := map[string][]string{}
	for _, u := range j.devices {
		homes[u.UserName] = append(homes[u.UserName], u.Host.Name())
	}
	for _, u := range j.devices {
		j.Keep(stage.Secret{Value: u.Password, What: "the password of " + u.UserName, Hosts: append(homes[u.UserName], server), Breaks: AtHome, Bare: UnderTLS})
		j.Keep(stage.Secret{Value: customersOf(u.UserName), What: "what a business system keeps for " + u.UserName, Hosts: slices.Clone(homes[u.UserName]), Breaks: Secrecy})
	}
	for _, s := range []*System{j.CRM, j.ERP} {
		if s.brokenInto {
			continue
		}
		hosts := []string{server}
		for _, other := range j.systems {
			if other.key.ID == s.key.ID {
				hosts = append(hosts, other.Host.Name())
			}
		}
		j.Keep(stage.Secret{Value: jose.Encode(s.key.Secret), What: "the sealing key of " + s.ID, Hosts: hosts, Breaks: AtHome, Bare: UnderTLS})
	}
}

// hostsOf are the hosts of a business system.
func (st *Stage) hostsOf(systemID string) (hosts []string) {
	for _, s := range st.systems {
		if s.ID == systemID {
			hosts = append(hosts, s.Host.Name())
		}
	}
	return hosts
}

// brokenInto reports whether others know what a business system knows.
func (st *Stage) brokenInto(systemID string) bool {
	return slices.ContainsFunc([]*System{st.CRM, st.ERP}, func(s *System) bool { return s.ID == systemID && s.brokenInto })
}

// message is what the members of a request or an answer say; none has them all.
type message struct {
	AppID         string `json:"appid"`
	DeviceID      string `json:"deviceid"`
	UserName      string `json:"username"`
	Password      string `json:"password"`
	AccessToken   string `json:"access_token"`
	ExpiresIn     int64  `json:"expires_in"`
	SystemID      string `json:"system_id"`
	SystemAddress string `json:"system_address"`
	Version       int64  `json:"rules_version"`
	TokenID       string `json:"token_id"`
	Token         string `json:"token"`
	Owner         string `json:"owner"`
	Error         string `json:"error"`
	Description   string `json:"error_description"`
}

func read(body []byte) (m message) {
	_ = json.Unmarshal(body, &m) // what is no such object says nothing
	return m
}

// hashOf is the hash of an access token, as `ath` (RFC 9449 section 4.2).
func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return jose.Encode(sum[:])
}

// delivered notes what a host is asked.
func (j *judge) delivered(e sim.Event) {
	j.serving[e.PID] = e.Message
	if e.Host == j.Server.Host.Name() && j.Leg(e.Message) == LegAuthentication {
		j.began[e.PID] = j.book.inForce()
	}
}

// answered looks at what a host answers.
func (j *judge) answered(asked *sim.Message, e sim.Event) {
	if j.Stage.Dishonest(e.Host) {
		return
	}
	leg, status := j.Leg(asked), e.Message.Status
	switch s := j.systemAt(e.Host); {
	case s != nil && leg == LegResource:
		owners := shows(e.Message.Body)
		if status == http.StatusOK && asked.Method == http.MethodGet {
			j.mayBeKept(leg, e)
			if len(owners) == 0 {
				owners = []string{"nobody"}
			}
		}
		for _, owner := range owners {
			j.opened(s, owner, asked, e)
		}
	case e.Host == j.Server.Host.Name():
		j.serverAnswered(leg, asked, e)
	case leg == LegMessage && status == http.StatusAccepted && asked.From == j.Server.Host.Name():
		j.learned(asked, e)
	}
}

// mayBeKept looks whether a cache on the way may keep an answer.
func (j *judge) mayBeKept(leg string, e sim.Event) {
	if !strings.Contains(e.Message.Header.Get("Cache-Control"), "no-store") {
		j.Breach(NotKept, e, "%s answers without no-store: %s", e.Host, leg)
	}
}

// slack is by how much a token may outlive its end: half a minute for which a download may be kept, and what answers take on their way.
const slack = 35 * time.Second

// customers begin what the business systems keep for a user, and customersOf is the whole of it.
const customers = "Customers of "

func customersOf(userName string) string { return customers + userName }

// shows are those whose resources an answer opens, whatever its status says: whom it names as the owner, and whose customers are in it.
func shows(answer []byte) []string { return stage.Marked(answer, customers, `"`, read(answer).Owner) }

// longest is how long a token lives at most (profile section 3).
const longest = 10 * time.Minute

// opened judges an answer of a business system that opens somebody's resources.
func (j *judge) opened(s *System, owner string, asked *sim.Message, e sim.Event) {
	g := j.grantOf(tokenIn(asked))
	if g == nil {
		j.Breach(Secrecy, e, "%s opened the resources of %s to %s for a token that was never given", e.Host, owner, asked.From)
		return
	}
	if owner != g.user {
		j.Breach(Secrecy, e, "%s opened the resources of %s to %s for a token of %s", e.Host, owner, asked.From, g.user)
	}
	if asked.Injected || asked.From != j.hostOf(g.device) {
		j.Breach(OwnDevice, e, "%s opened the resources of %s to %s for a token of %s", e.Host, owner, asked.From, g.device)
	}
	if g.system != s.ID {
		j.Breach(Audience, e, "%s opened for a token for %s", e.Host, g.system)
	}
	if e.At > g.at+g.lifetime+slack {
		j.Breach(Expiry, e, "%s opened for a token after its lifetime of %s", e.Host, g.lifetime)
	}
	if g.ended != 0 && e.At > g.ended+slack {
		j.Breach(Deregistered, e, "%s opened for a token of %s, which had been deregistered", e.Host, g.device)
	}
	if !j.book.coveredSince(e.At-slack, g) {
		j.Breach(Withdrawn, e, "%s opened for a token of %s, whose right had been withdrawn", e.Host, g.user)
	}
}

// learned notes that an app has taken a message about an address, if it holds one whose place the new one takes. One that comes while the app
// authenticates and holds none changes nothing (profile section 6.4).
func (j *judge) learned(asked *sim.Message, e sim.Event) {
	u := j.deviceAt(e.Host)
	if u == nil {
		return
	}
	if system, version := movedBy(asked.Body); system == j.Stage.systemOf(u.AppID) {
		j.told[e.Host] = max(j.told[e.Host], version)
	}
}

// movedBy is the system whose address a message tells, and by which version of the rules; empty where it tells none.
func movedBy(message []byte) (systemID string, version int64) {
	var claims struct {
		Version int64 `json:"rules_version"`
		Events  map[string]struct {
			SystemID string `json:"system_id"`
		} `json:"events"`
	}
	payload, err := jose.Payload(string(message))
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "", 0
	}
	return claims.Events["urn:countersign:mobile:address"].SystemID, claims.Version
}

// systemOf is the system that an app belongs to.
func (st *Stage) systemOf(appID string) string {
	if appID == Stock {
		return st.ERP.ID
	}
	return st.CRM.ID
}

// received looks at what reaches an app.
func (j *judge) received(e sim.Event) {
	u := j.deviceAt(e.Host)
	if u == nil || e.Message.Status != http.StatusOK {
		return
	}
	switch j.Leg(e.Message) {
	case LegRegistration:
		delete(j.told, e.Host) // enrolment begins anew
		j.enrolled[e.Host] = e.At
	case LegAuthentication:
		if g := j.tokens[read(e.Message.Body).AccessToken]; g != nil {
			j.told[e.Host] = max(j.told[e.Host], g.version)
		}
	}
}

// noted begins a start.
func (j *judge) noted(e sim.Event) {
	if strings.HasPrefix(e.Text, opening) {
		j.starts[e.PID] = &start{}
	}
}

// sent looks at what leaves a host.
func (j *judge) sent(e sim.Event) {
	m := e.Message
	switch u, s := j.deviceAt(e.Host), j.systemAt(e.Host); {
	case j.Stage.Dishonest(e.Host):
		j.rogueSent(e)
	case u != nil:
		j.appSent(e)
	case s != nil:
		j.systemSent(e)
	case e.Host == j.Server.Host.Name():
		if !m.Secure {
			j.Breach(UnderTLS, e, "the authorization server sent a message to %s in the clear", m.To)
		}
		j.mails(e)
	}
	if !j.Stage.Dishonest(e.Host) && strings.Contains(m.URL, "access_token=") {
		j.Breach(NoSecretInURL, e, "%s put a token into a URL", e.Host)
	}
}

// rogueSent looks for what nobody outside can know.
func (j *judge) rogueSent(e sim.Event) {
	if len(e.Message.Body) == 0 || j.systemAt(e.Host) != nil {
		return
	}
	said := read(e.Message.Body)
	for _, value := range [...]string{said.TokenID, said.Token} {
		// an identifier that is counted up can be guessed, and nothing was opened for it
		if what := j.inside[value]; what != "" && len(value) > 16 {
			j.Breach(Sealed, e, "%s knows %s", e.Host, what)
		}
	}
}

// appSent looks at what an honest app sends.
func (j *judge) appSent(e sim.Event) {
	m, leg := e.Message, j.Leg(e.Message)
	j.byItself(leg, e)
	if read(m.Body).Password != "" && m.To != j.Server.Host.Name() {
		j.Breach(AtHome, e, "%s sent a password to %s", e.Host, m.To)
	}
	s := j.starts[e.PID]
	if s == nil {
		s = &start{}
	}
	const mostAuthentications, mostAccesses = 4, 8
	if leg == LegAuthentication {
		s.authentications++
	}
	if proof := m.Header.Get("DPoP"); proof != "" && namesPrivateKey(proof) {
		j.Breach(PrivateKey, e, "%s sent its private key to %s", e.Host, m.To)
	}
	if g := j.tokens[tokenIn(m)]; g != nil {
		s.accesses++
		j.appShowed(g, e)
	}
	if s.authentications > mostAuthentications || s.accesses > mostAccesses {
		j.Breach(BoundedStart, e, "%s went on and on in one start", e.Host)
	}
}

// appShowed judges where a token goes.
func (j *judge) appShowed(g *given, e sim.Event) {
	m := e.Message
	target, _, _ := strings.Cut(m.URL, "?")
	known := false
	for _, s := range j.systems {
		known = known || s.ID == g.system && target == s.Address()
	}
	if !known {
		j.Breach(AtHome, e, "%s sent a token for %s to %s", e.Host, g.system, target)
	} else if !j.book.namesSince(j.told[e.Host], g.system, target) {
		j.Breach(NoWayBack, e, "%s went to %s, and knew of a newer address", e.Host, target)
	} else {
		j.leftBehind(g, target, e)
	}
	if m.Header.Get("DPoP") == "" {
		j.Breach(Proved, e, "%s showed a token without a proof", e.Host)
	}
}

// namesPrivateKey reports whether the key in a proof is a private one.
func namesPrivateKey(proof string) bool {
	first, _, _ := strings.Cut(proof, ".")
	header, err := jose.Decode(first)
	return err == nil && strings.Contains(string(header), `"d":`)
}

// systemSent looks at what a business system asks the authorization server.
func (j *judge) systemSent(e sim.Event) {
	switch j.Leg(e.Message) {
	case LegKeys:
		const most, span = 3, time.Second
		at := append(j.readings[e.Host], e.At)
		j.readings[e.Host] = at
		if len(at) > most && at[len(at)-1-most] > e.At-span {
			j.Breach(NoStorm, e, "%s read its keys four times within a second", e.Host)
		}
	case LegDownload:
		if asked := j.serving[e.PID]; asked != nil && j.tokens[tokenIn(asked)] == nil && j.unsealed(tokenIn(asked)) == nil {
			j.doubtful[e.Message.ID] = true
		}
	}
}
