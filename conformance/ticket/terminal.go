package ticket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// terminalChecks are the checks of TI-TE. They are all Alone: the terminal is configured with the harness's addresses. TI-TE-14 has none: the catalogue says why.
func terminalChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*terminalTest)
	}{
		{"TI-TE-01", (*terminalTest).authenticatesWithoutTicket},
		{"TI-TE-02", (*terminalTest).usesStoredTicket},
		{"TI-TE-03", (*terminalTest).registersWhenWanted},
		{"TI-TE-04", (*terminalTest).keepsTicketsApart},
		{"TI-TE-05", (*terminalTest).showsThePairOnly},
		{"TI-TE-06", (*terminalTest).refreshesOnTicketError},
		{"TI-TE-07", (*terminalTest).takesNewTicketForOld},
		{"TI-TE-08", (*terminalTest).authenticatesAnew},
		{"TI-TE-09", (*terminalTest).boundsRetries},
		{"TI-TE-10", (*terminalTest).repeatsRefreshAsItWas},
		{"TI-TE-11", (*terminalTest).causesNoStorm},
		{"TI-TE-12", (*terminalTest).refusesWrongTickets},
		{"TI-TE-13", (*terminalTest).followsNoRedirect},
		{"TI-TE-15", (*terminalTest).logsOut},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.Terminal, Alone: true, Run: withParties(c.run)})
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "TI-TE-10", "TI-TE-11")
}

// terminalTest is a test of a terminal, with the parties that the harness plays around it.
type terminalTest struct {
	*test
	*parties
}

func withParties(f func(*terminalTest)) func(*conformance.Session) {
	return against(func(t *test) { f(&terminalTest{test: t, parties: newParties(t)}) })
}

// newcomer is a person of whom neither the terminal nor the account server has heard.
func (t *terminalTest) newcomer() person {
	return person{name: strings.ToLower(t.Fresh("t", 9)), password: "password " + t.Random(12)}
}

// resident is a person with an account, of whom the terminal has not heard.
func (t *terminalTest) resident() person {
	who := t.newcomer()
	t.open(who)
	return who
}

// use is what a person does at the terminal: open an app.
type use struct {
	who person
	app *party
	// there says that the person types the password when asked; register that a new account is wanted.
	there, register bool
}

func (u use) String() string {
	said := "a use of " + u.app.appID
	if !u.there {
		said += " without a password"
	}
	if u.register {
		said += " by somebody who wants an account"
	}
	return said
}

func (u use) body() map[string]any {
	members := map[string]any{"app_id": u.app.appID, "user_name": u.who.name}
	if u.there {
		members["password"] = u.who.password
	}
	if u.register {
		members["register"] = true
	}
	return members
}

// ended is how a use or a logout ended.
type ended struct {
	use      use
	outcome  string
	owner    string // of the resource
	exchange int
	// mark is the length of the record when it began.
	mark int
}

// post is a request to one of the terminal's endpoints.
func (t *terminalTest) post(endpoint string, members map[string]any) *http.Request {
	body, err := json.Marshal(members)
	if err != nil {
		t.Broken("a body cannot be written: %v", err)
	}
	req, err := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fail("an endpoint that can be asked", fmt.Sprintf("%q: %v", endpoint, err))
	}
	req.Header.Set("Content-Type", "application/json")
	return req
}

func (t *terminalTest) useRequest(u use) *http.Request {
	return t.post(t.document.Named("use_endpoint", t.metadata.UseEndpoint), u.body())
}

// do plays a use to its end.
func (t *terminalTest) do(u use) ended {
	mark := t.Mark()
	return t.read(u, mark, t.Do("user-terminal", t.useRequest(u)))
}

func (t *terminalTest) read(u use, mark int, resp *conformance.Response) ended {
	t.ExpectStatus(resp, u.String(), http.StatusOK)
	e := ended{use: u, exchange: resp.Exchange, mark: mark}
	e.outcome, e.owner = t.outcomeOf(resp, u.String())
	return e
}

func (t *terminalTest) outcomeOf(resp *conformance.Response, what string) (outcome, owner string) {
	var body struct {
		Outcome  string `json:"outcome"`
		Resource struct {
			Owner string `json:"owner"`
		} `json:"resource"`
	}
	if err := json.Unmarshal(resp.Body, &body); err != nil || body.Outcome == "" {
		t.FailAt(resp.Exchange, "a JSON object with the string member outcome as the answer to "+what, fmt.Sprintf("%q", resp.Body))
	}
	return body.Outcome, body.Resource.Owner
}

// endsWith fails the check unless the use ended with the outcome.
func (t *terminalTest) endsWith(e ended, outcome, when string) {
	if e.outcome != outcome {
		t.FailAt(e.exchange, fmt.Sprintf("the outcome %q for %s %s", outcome, e.use, when), fmt.Sprintf("the outcome %q", e.outcome))
	}
}

// getsResource fails the check unless the use ended with the person's own resource.
func (t *terminalTest) getsResource(e ended, when string) {
	t.endsWith(e, "resource", when)
	if owner := t.userID(e.use.who); e.owner != owner {
		t.FailAt(e.exchange, fmt.Sprintf("the app's resource, whose owner is %s, for %s %s", owner, e.use, when), fmt.Sprintf("a resource with the owner %q", e.owner))
	}
}

// settle brings a ticket for the app to the terminal, as a control: a terminal that does nothing at all must not pass.
func (t *terminalTest) settle(who person, app *party) *heldTicket {
	e := t.do(use{who: who, app: app, there: true})
	t.getsResource(e, "with nothing in its way, as a control")
	held := t.latest(who, app)
	if held == nil {
		t.FailAt(e.exchange, "an authentication for "+app.appID+" before its resource is had", "no ticket for it was asked for")
	}
	return held
}

// none fails the check if there is a request to an endpoint since a use began.
func (t *terminalTest) none(e ended, p *party, endpoint, when string) {
	if found := p.at(endpoint, e.mark); len(found) > 0 {
		t.FailAt(found[0].exchange, fmt.Sprintf("no request to /%s of %s in %s %s", endpoint, p.name, e.use, when), found[0].String())
	}
}

// first is the first request to an endpoint since a use began; the check fails when there is none.
func (t *terminalTest) first(e ended, p *party, endpoint, when string) received {
	found := p.at(endpoint, e.mark)
	if len(found) == 0 {
		t.FailAt(e.exchange, fmt.Sprintf("a request to /%s of %s in %s %s", endpoint, p.name, e.use, when), fmt.Sprintf("none, and the outcome %q", e.outcome))
	}
	return found[0]
}

// carries fails the check unless the request has the string member with that value.
func (t *terminalTest) carries(r received, member, value, when string) {
	expected := fmt.Sprintf("%s %q in the request to /%s of %s %s", member, value, r.endpoint, r.party.name, when)
	if got, ok := r.members[member]; !ok {
		t.FailAt(r.exchange, expected, "none: "+r.String())
	} else if got != value {
		t.FailAt(r.exchange, expected, fmt.Sprintf("%s is %q", member, got))
	}
}

// shows fails the check unless the resource request shows that ticket.
func (t *terminalTest) shows(r received, held *heldTicket, when string) {
	expected := fmt.Sprintf("a resource request to %s with user_id=%q and authorization_key=%q %s", r.party.name, held.userID, held.authorizationKey, when)
	if r.problem != "" {
		t.FailAt(r.exchange, expected, r.problem)
	}
	if r.pair != (pair{held.userID, held.authorizationKey}) {
		t.FailAt(r.exchange, expected, fmt.Sprintf("user_id=%q and authorization_key=%q", r.pair.userID, r.pair.authorizationKey))
	}
}
