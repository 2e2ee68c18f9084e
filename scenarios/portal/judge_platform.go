package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// slack is by how much something may outlive its end: what answers take on their way.
const slack = 30 * time.Second

// platformAnswered looks at what the platform answers.
func (j *judge) platformAnswered(leg string, asked *sim.Message, e sim.Event) {
	ok := e.Message.Status == http.StatusOK
	switch leg {
	case LegPortal, LegAuthorization:
		j.pageAnswered(leg, asked, e)
	case LegLogout:
		j.logoutAnswered(asked, e)
	case LegToken, LegAuthentication, LegStatus:
		request, answer := j.said(asked), j.said(e.Message)
		if ok && request.sealed && (!answer.sealed || answer.Key.ID != request.Key.ID) {
			j.Breach(Sealed, e, "the platform answers a %s unsealed", leg)
		}
		j.vector(answer, e)
		switch {
		case leg == LegToken:
			j.exchanged(request, answer, e)
		case ok && leg == LegAuthentication:
			j.authenticated(request, answer, e)
		case ok && answer.Active != nil && *answer.Active && j.Stage.Dishonest(asked.From) && j.party(j.client(request)) != j.partyAt(asked.From):
			j.Breach(NoOracle, e, "the platform told %s, who spoke as %s, that %s is logged in there", asked.From, j.client(request), request.Sub)
		case ok && answer.Active != nil && *answer.Active && !j.related(request):
			j.Breach(NoOracle, e, "the platform told %s that %s is logged in, who is not logged in there", j.client(request), request.Sub)
		}
		if ok {
			j.keptOnTheWay(leg, e)
		}
	case LegRegistration, LegReview, LegKey:
		if e.Message.Status/100 == 2 && asked.Method == http.MethodPost {
			j.operated(leg, asked, e)
		}
	}
}

// client is who sent a message by its key, or where it is not sealed by what it says.
func (j *judge) client(m opened) string {
	if m.sealed {
		return m.clientID
	}
	return m.Issuer
}

// vector looks at the initialization vector of a message that an honest party sealed.
func (j *judge) vector(m opened, e sim.Event) {
	if !m.sealed {
		return
	}
	under := m.Key.ID + " " + m.vector
	if before, used := j.vectors[under]; used && before != e.Message.ID {
		j.Breach(FreshVectors, e, "%s used an initialization vector again", e.Host)
	}
	j.vectors[under] = e.Message.ID
}

// pageKey is the part of a page that differs each time.
var pageKey = regexp.MustCompile(`value="[^"]*"`)

// pageAnswered looks at logins and decisions.
func (j *judge) pageAnswered(leg string, asked *sim.Message, e sim.Event) {
	answers := form(asked)
	if asked.Method == http.MethodGet {
		answers = query(asked.URL)
	}
	name := answers.Get("username")
	if e.Message.Status == http.StatusForbidden && answers.Get("password") != "" {
		_, known := j.users[SubOf(name)]
		said := pageKey.ReplaceAllString(string(e.Message.Body), "")
		if other, refused := j.refusals[!known]; refused && leg == LegPortal && other != said {
			j.Breach(NoEnumeration, e, "a login under a name that nobody has is refused in other words than one with a wrong password")
		}
		if leg == LegPortal {
			j.refusals[known] = said
		}
	}
	if e.Message.Status/100 != 3 {
		return
	}
	if value := setCookie(e.Message, "__Host-platform-"); value != "" && name != "" && answers.Get("password") != "" {
		j.entered(value, name, asked, e)
	}
	location := e.Message.Header.Get("Location")
	if code := query(location).Get("code"); leg == LegAuthorization && code != "" {
		j.keptOnTheWay(leg, e)
		j.coded(code, location, name, answers, asked, e)
	}
}

// entered takes down a session.
func (j *judge) entered(value, name string, asked *sim.Message, e sim.Event) {
	person := j.personAt(asked.From)
	switch {
	case person == name:
	case j.Stage.Dishonest(asked.From):
		j.Breach(OwnLogin, e, "%s was logged in at the platform as %s", asked.From, name)
	default:
		j.Breach(SessionIntegrity, e, "the browser of %s was logged in at the platform as %s", asked.From, name)
	}
	s := &session{sub: SubOf(name)}
	j.sessions[value] = s
	if u := j.users[s.sub]; u != nil {
		u.sessions = append(u.sessions, s)
	}
	j.Keep(stage.Secret{
		Value: value, What: "a session of " + name, Hosts: []string{j.Platform.Host.Name(), asked.From}, Breaks: CookiesAtHome,
	})
}

// coded takes down a code.
func (j *judge) coded(code, location, name string, answers url.Values, asked *sim.Message, e sim.Event) {
	client := query(asked.URL).Get("client_id")
	sub := SubOf(name)
	if s := j.sessions[sessionOf(asked)]; name == "" || answers.Get("password") == "" {
		if s == nil {
			j.Breach(OwnLogin, e, "the platform gave %s a code without a login", asked.From)
			return
		}
		sub = s.sub
		if s.ended {
			j.Breach(LoggedOut, e, "the platform gave a code within a session that had been logged out of")
		}
	}
	u := j.users[sub]
	if u == nil {
		return
	}
	target, _, _ := strings.Cut(location, "?")
	reviewed := j.registry[client] != nil && slices.Contains(j.registry[client].callbacks, target)
	if !reviewed {
		j.Breach(ReviewedPaths, e, "a code for %s was sent to %s", client, target)
	}
	if answers.Get("decision") == "deny" {
		j.Breach(Consent, e, "%s refused, and the platform gave %s a code", u.person, client)
	}
	j.codes[code] = &grant{sub: sub, client: client, given: e.At, generation: u.generation()}
	hosts := []string{j.Platform.Host.Name(), asked.From}
	if p := j.party(client); p != nil {
		hosts = append(hosts, p.Host.Name())
	} else if to, err := url.Parse(target); err == nil && reviewed {
		hosts = append(hosts, to.Host) // one that was registered in the course of the world
	}
	if slices.ContainsFunc(hosts, j.Stage.Dishonest) {
		return // who gets it may show it to anybody
	}
	j.Keep(stage.Secret{Value: code, What: "a code of " + u.person + " for " + client, Hosts: hosts, Breaks: CodesAtHome, Bare: CodesAtHome})
}

// exchanged looks at an answer to a pass-token request.
func (j *judge) exchanged(request, answer opened, e sim.Event) {
	g := j.codes[request.Code]
	switch {
	case g == nil:
		if answer.PassToken != "" {
			j.Breach(Consent, e, "the platform gave %s a pass token for a code that it had not given", j.client(request))
		}
		return
	case answer.PassToken == "":
		if g.used > 0 && g.client == j.client(request) && answer.Error == "invalid_grant" {
			g.revoked = true
		}
		return
	}
	if g.used++; g.used > 1 {
		j.Breach(CodeOnce, e, "a code gave %s %d pass tokens", j.client(request), g.used)
	}
	if e.At > g.given+Lifetime+slack {
		j.Breach(Expiry, e, "%s exchanged a code %s after it was given", j.client(request), (e.At - g.given).Round(time.Second))
	}
	g.exchanged = e.At
	j.passTokens[answer.PassToken] = g
}

// authenticated looks at what a third-party platform is told about a user.
func (j *judge) authenticated(request, answer opened, e sim.Event) {
	client, g := j.client(request), j.passTokens[request.PassToken]
	if g == nil {
		j.Breach(Consent, e, "the platform told %s of %s for a pass token that it had not given", client, answer.Sub)
		return
	}
	u := j.users[g.sub]
	g.logins++
	entered := pair{g.sub, client}
	j.enteredAs[entered]++
	approvals := 0
	for _, c := range j.consents {
		if c.person == u.person && c.client == client && c.at <= e.At {
			approvals++
		}
	}
	mallory := u.person == j.Mallory.Name // approves what she likes
	switch {
	case g.client != client:
		j.Breach(Consent, e, "the platform told %s of %s, who had approved %s", client, u.person, g.client)
	case approvals == 0 && !mallory:
		j.Breach(Consent, e, "the platform told %s of %s, who had not approved it", client, u.person)
	case g.logins > 1 || j.enteredAs[entered] > approvals && !mallory:
		j.Breach(OneLogin, e, "%s was told of %s more often than approved", client, u.person)
	}
	if answer.Sub != g.sub {
		j.Breach(SessionIntegrity, e, "the platform told %s of %s where %s had logged in", client, answer.Sub, u.person)
	}
	if g.revoked {
		j.Breach(ReuseRevokes, e, "%s was told of %s for a pass token whose code was sent twice", client, u.person)
	}
	if g.generation != u.generation() {
		j.Breach(NoStaleLogin, e, "%s was told of %s for a pass token from before a logout", client, u.person)
	}
	if e.At > g.exchanged+Lifetime+slack {
		j.Breach(Expiry, e, "%s showed a pass token %s after it was given", client, (e.At - g.exchanged).Round(time.Second))
	}
	u.relations[client] = true
	j.identities[e.Message.ID] = identity{j.Platform.Issuer, answer.Sub, u.generation()}
}

// related reports whether a user is logged in at the third-party platform that asks.
func (j *judge) related(request opened) bool {
	u := j.users[request.Sub]
	return u != nil && u.relations[j.client(request)]
}

// logoutAnswered takes down a logout.
func (j *judge) logoutAnswered(asked *sim.Message, e sim.Event) {
	s := j.sessions[sessionOf(asked)]
	if asked.Method != http.MethodPost || form(asked).Get("decision") != "logout" || e.Message.Status/100 > 3 || s == nil || s.ended {
		return
	}
	if took := e.At - j.arrived[e.PID]; took > 2*time.Second {
		j.Breach(AnsweredAtOnce, e, "the answer to the logout of %s took %s", j.users[s.sub].person, took)
	}
	j.wish(asked, e)
	u := j.users[s.sub]
	for _, client := range registeredIn(j.Stage) {
		if way := j.party(client).Way; u.relations[client] && (way == Batches || way == BackChannel && j.hardened()) {
			j.tasks = append(j.tasks, &pendingTask{sub: s.sub, client: client, generation: u.generation(), made: e.At})
		}
	}
	u.logouts = append(u.logouts, e.At)
	clear(u.relations)
	s.ended = true
	for _, other := range u.sessions {
		other.ended = other.ended || j.hardened()
	}
}

// registeredIn are the third-party platforms in their order.
func registeredIn(st *Stage) (ids []string) {
	for _, p := range st.parties {
		ids = append(ids, p.ID)
	}
	return ids
}

// wish breaks when an honest browser logs out though its user did not press the button.
func (j *judge) wish(asked *sim.Message, e sim.Event) {
	w := wish{asked.From, e.Host}
	pressed := 0
	for _, other := range j.wishes {
		if other == w {
			pressed++
		}
	}
	if pressed == 0 && !j.Stage.Dishonest(asked.From) {
		j.Breach(StaysLoggedIn, e, "the browser of %s was logged out at %s, and its user did not want that", asked.From, e.Host)
	}
}

// operated looks at what an operator was granted.
func (j *judge) operated(leg string, m *sim.Message, e sim.Event) {
	by, _, _ := (&http.Request{Header: m.Header}).BasicAuth()
	var said, wanted struct {
		RequestID string `json:"request_id"`
		ClientID  string `json:"client_id"`
		Callback  string `json:"callback_uri"`
		Decision  string `json:"decision"`
		KeyID     string `json:"kid"`
		Key       string `json:"k"`
	}
	if json.Unmarshal(e.Message.Body, &said) != nil || json.Unmarshal(m.Body, &wanted) != nil {
		return
	}
	switch leg {
	case LegRegistration:
		if j.registry[said.ClientID] == nil {
			j.registry[said.ClientID] = &registered{owner: by}
		}
		j.asked[said.RequestID] = asked{by, said.ClientID, wanted.Callback}
	case LegReview:
		a := j.asked[wanted.RequestID]
		if r := j.registry[a.client]; r != nil && r.owner == a.requester && wanted.Decision == "approve" && by != a.requester && (by == Olga || by == Rene) {
			r.callbacks = append(r.callbacks, a.callback)
		}
	case LegKey:
		if r := j.registry[said.ClientID]; r == nil || r.owner != by {
			j.Breach(OwnKeys, e, "%s got a communication key of %s", by, said.ClientID)
		}
		if secret, err := jose.Decode(said.Key); err == nil {
			j.keys[said.KeyID] = sealer{jose.Key{ID: said.KeyID, Secret: secret}, said.ClientID, j.Platform.Issuer}
		}
	}
}
