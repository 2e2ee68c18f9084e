package portal

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// judge holds a trace against the invariants, event by event.
type judge struct {
	*Stage
	stage.Judge
	codes       map[string]*grant
	passTokens  map[string]*grant
	sessions    map[string]*session    // of the platform, by cookie
	credentials map[string]*credential // of third-party platforms, by cookie
	users       map[string]*user       // by sub
	owners      map[account]string     // person who logged in to an account first
	accounts    map[account]string     // number of the account of a person, who stands in its place
	identities  map[int]identity       // that a platform has told, by the message
	told        map[int]identity       // that a process was told last
	done        map[ended]int64        // greatest generation that a third-party platform called done
	registry    map[string]*registered // by client_id
	asked       map[string]asked       // registrations that wait for review, by request_id
	arrived     map[int]time.Duration  // when a process got its request
	opened      map[*byte]opened       // by the body
	vectors     map[string]int         // message under a key and an initialization vector
	refusals    map[bool]string        // of logins, by whether somebody has the name
	enteredAs   map[pair]int           // logins of a user at a client
	wished      map[wish]int           // that were carried out
	queues      map[string]*queue      // by client_id
	tasks       []*pendingTask
	crashes     []time.Duration // of the platform
}

// user is somebody whom the platform knows.
type user struct {
	person    string
	sessions  []*session
	logouts   []time.Duration
	relations map[string]bool // in the present generation, by client_id
}

// generation is the user's present one.
func (u *user) generation() int64 { return int64(len(u.logouts)) + 1 }

// session is one at the platform as the wire showed it.
type session struct {
	sub   string
	ended bool
}

// grant is a code and what came of it.
type grant struct {
	sub, client      string
	given, exchanged time.Duration
	generation       int64
	used             int // times that it gave a pass token
	logins           int
	revoked          bool
}

// credential is a login credential as the wire showed it.
type credential struct {
	identity
	party *ThirdParty
	given time.Duration
	left  bool
}

// identity is what a third-party platform was told about a user, and in which generation.
type identity struct {
	issuer, sub string
	generation  int64
}

// person is who an identity is of; a user of a rival platform is nobody of the platform's.
func (j *judge) person(i identity) string {
	if u := j.users[i.sub]; u != nil && i.issuer == j.Platform.Issuer {
		return u.person
	}
	return i.sub + " of " + i.issuer
}

type (
	account struct{ host, number string }
	ended   struct{ host, issuer, sub string }
	pair    struct{ sub, client string }
)

// registered is what is in force of a third-party platform, by the rules.
type registered struct {
	owner     string
	callbacks []string // a code that was given before a change stays bound to the path before it
}

// asked is a registration that waits for review.
type asked struct{ requester, client, callback string }

// Judge implements [stage.Flow].
func (st *Stage) Judge(t *sim.Trace) []stage.Breach {
	j := &judge{
		Stage: st, codes: map[string]*grant{}, passTokens: map[string]*grant{}, sessions: map[string]*session{}, credentials: map[string]*credential{},
		users: map[string]*user{}, owners: map[account]string{}, accounts: map[account]string{}, identities: map[int]identity{}, told: map[int]identity{}, done: map[ended]int64{},
		registry: map[string]*registered{}, asked: map[string]asked{}, arrived: map[int]time.Duration{}, opened: map[*byte]opened{}, vectors: map[string]int{},
		refusals: map[bool]string{}, enteredAs: map[pair]int{}, wished: map[wish]int{}, queues: map[string]*queue{},
	}
	j.Judge.Dishonest = st.Stage.Dishonest
	platform := st.Platform.Host.Name()
	for _, name := range []string{"alice", "bob", "mallory"} {
		j.users[SubOf(name)] = &user{person: name, relations: map[string]bool{}}
		j.Keep(stage.Secret{
			Value: url.QueryEscape(PasswordOf(name)), What: "the password of " + name, Hosts: append(j.machinesOf(name), platform),
			Breaks: PasswordAtHome, Bare: PasswordUnderTLS,
		})
	}
	for _, p := range st.parties {
		j.registry[p.ID] = &registered{owner: Olga, callbacks: []string{p.CallbackURI()}}
		j.queues[p.ID] = &queue{}
	}
	for _, e := range t.Events() {
		if e.Kind == sim.EventCrash && e.Host == platform {
			j.crashes = append(j.crashes, e.At)
		}
	}
	breaches := j.Hear(t, stage.Hearing{Sent: j.sent, Delivered: j.delivered, Answered: j.answered, Received: j.received})
	return append(breaches, j.lost(st.World.Now())...)
}

// machinesOf are the hosts at which a person sits.
func (j *judge) machinesOf(person string) (hosts []string) {
	for _, u := range j.Stage.users {
		if u.UserName == person {
			hosts = append(hosts, u.Host.Name())
		}
	}
	if person == j.Mallory.Name {
		hosts = append(hosts, j.Mallory.Name)
	}
	return hosts
}

// delivered looks at who gets a code in a sealed message.
func (j *judge) delivered(e sim.Event) {
	j.arrived[e.PID] = e.At
	if e.Host == j.Platform.Host.Name() || j.Leg(e.Message) != LegToken {
		return
	}
	if g := j.codes[j.said(e.Message).Code]; g != nil {
		j.Breach(CodesAtHome, e, "%s got a code of %s for %s from %s", e.Host, j.users[g.sub].person, g.client, e.Message.From)
	}
}

func (j *judge) hardened() bool { return j.level.Includes(catalog.Hardened) }

// said opens a message, once for all the events in which it comes.
func (j *judge) said(m *sim.Message) opened {
	if len(m.Body) == 0 {
		return opened{}
	}
	at := &m.Body[0]
	o, known := j.opened[at]
	if !known {
		o = j.read(m.Body)
		j.opened[at] = o
	}
	return o
}

// answered looks at what an honest host answers.
func (j *judge) answered(asked *sim.Message, e sim.Event) {
	if j.Stage.Dishonest(e.Host) {
		return
	}
	leg := j.Leg(asked)
	if e.Host == j.Platform.Host.Name() {
		j.platformAnswered(leg, asked, e)
	} else if party := j.partyAt(e.Host); party != nil {
		j.partyAnswered(party, leg, asked, e)
	}
}

// partyAnswered looks at what a third-party platform answers.
func (j *judge) partyAnswered(party *ThirdParty, leg string, asked *sim.Message, e sim.Event) {
	switch leg {
	case LegCallback:
		j.loggedIn(party, asked, e)
	case LegHome, LegResource:
		j.visited(party, asked, e)
	case LegLeave:
		j.leftParty(party, asked, e)
	case LegBatch:
		j.batchAnswered(party, asked, e)
	case LegBackChannel:
		if e.Message.Status/100 == 2 {
			t := logoutToken(asked.Body)
			j.calledDone(party, t.Issuer, t.Sub, t.Generation)
		}
	}
}

// received looks at what reaches whoever waits for it.
func (j *judge) received(e sim.Event) {
	j.reached(e)
	leg := j.Leg(e.Message)
	switch {
	case e.Host == j.Platform.Host.Name() && (leg == LegBatch || leg == LegBackChannel):
		j.batchReceived(leg, e)
	case leg == LegAuthentication && e.Message.Status == http.StatusOK && j.partyAt(e.Host) != nil:
		m := j.said(e.Message)
		who := identity{m.Issuer, m.Sub, m.Generation}
		if told := j.identities[e.Message.ID]; told.sub == m.Sub { // else somebody has changed it on the way
			who = told
		}
		j.told[e.PID] = who
	}
}

// credentialOf is the login credential in a request, empty without one.
func credentialOf(m *sim.Message) string { return cookie(m.Header["Cookie"], "tp-login-") }

func sessionOf(m *sim.Message) string { return cookie(m.Header["Cookie"], "__Host-platform-") }

// cookie is the value of the first cookie whose name begins so.
func cookie(lines []string, name string) string {
	for _, line := range lines {
		for _, c := range strings.Split(line, "; ") {
			if n, value, _ := strings.Cut(c, "="); strings.HasPrefix(n, name) {
				return value
			}
		}
	}
	return ""
}

// setCookie is the value that an answer gives to such a cookie.
func setCookie(m *sim.Message, name string) string {
	for _, line := range m.Header["Set-Cookie"] {
		if strings.HasPrefix(line, name) {
			return cookie([]string{line}, name)
		}
	}
	return ""
}

// query reads the query of a URL, and form the body of a request.
func query(target string) url.Values {
	_, text, _ := strings.Cut(target, "?")
	values, _ := url.ParseQuery(text) // what cannot be read says nothing
	return values
}

func form(m *sim.Message) url.Values {
	values, _ := url.ParseQuery(string(m.Body))
	return values
}

// keptOnTheWay breaks when an answer that bears a secret may be kept by a cache.
func (j *judge) keptOnTheWay(leg string, e sim.Event) {
	if !strings.Contains(e.Message.Header.Get("Cache-Control"), "no-store") {
		j.Breach(NotKept, e, "%s answers without no-store: %s", e.Host, leg)
	}
}
