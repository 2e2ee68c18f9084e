package ticket

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/conformance/judge"
)

// parties are the account server and the apps that the harness plays around a terminal under test. They answer as the profile says, and record what they are asked.
// They do not insist on what level hardened alone asks of a terminal: a check that wants that looks at the record.
type parties struct {
	judge.Parties[received, fault]
	t *test
	// accounts is the account server, apps are the apps of the setup.
	accounts *party
	apps     []*party

	// The lock guards what follows.
	mint    judge.Mint
	people  []*holder
	tickets []*heldTicket
}

// party is one of them, at its address.
type party struct {
	*parties
	name, base string
	// appID is empty for the account server.
	appID string
}

// person is a user of the terminal, who has an account or not.
type person struct{ name, password string }

// holder is a person with an account.
type holder struct {
	person
	userID string
}

// heldTicket is a ticket as the account server knows it.
type heldTicket struct {
	userID, appID                string
	authorizationKey, refreshKey string
	family                       *family
	// expired says that the authorization key no longer verifies; the refresh key is good as ever.
	expired bool
	// successor is what refreshing made of it, at the request_id and moment of the first use.
	successor *heldTicket
	requestID string
	usedAt    time.Time
}

// family is revoked as a whole: section 1 of the profile.
type family struct{ revoked bool }

// fault is what a party does at one endpoint otherwise than the profile says.
type fault struct {
	party    *party
	endpoint string
	// times is how many requests meet it; 0 means all.
	times int
	// status is answered in place of all that the endpoint does; location and retryAfter, where set, are headers beside it.
	status               int
	location, retryAfter string
	// denied answers a ticket error indication whatever the ticket.
	denied bool
	// lost breaks the connection when everything is done but the answer.
	lost bool
	// forged changes the ticket of the answer; nothing comes of the request besides.
	forged func(map[string]any)
	// during happens while the request waits for its answer.
	during func()
}

// received is one request to a party, as the party judged it.
type received struct {
	party *party
	// endpoint is the path without the slash: registration, resource and so on.
	endpoint string
	line     string // method and path
	// text is the request line, the header lines and the body, to search for values.
	text string
	// members are those of the body that are strings.
	members map[string]string
	// pair is the ticket of the Authorization header.
	pair pair
	// problem is what is wrong with the request; empty when it is what the profile asks for.
	problem string
	// status is the answer's; 0 while there is none.
	status int
	at     time.Time
	// exchange is its number in the report.
	exchange int
}

// pair is what an app is shown of a ticket.
type pair struct{ userID, authorizationKey string }

func (r received) String() string {
	verdict := "in order"
	if r.problem != "" {
		verdict = r.problem
	}
	return fmt.Sprintf("%s at %s (%s)", r.line, r.party.name, verdict)
}

func newParties(t *test) *parties {
	p := &parties{t: t, mint: judge.Mint{Seed: []byte(t.Random(32))}}
	p.accounts = &party{parties: p, name: "account-server", base: strings.TrimSuffix(t.Issuer, "/")}
	for i, name := range []string{"app-one", "app-two"} {
		p.apps = append(p.apps, &party{parties: p, name: name, base: strings.TrimSuffix(t.Apps[i].BaseURL, "/"), appID: t.Apps[i].ID})
	}
	t.Play(p.accounts.name, p.accounts)
	for _, app := range p.apps {
		t.Play(app.name, app)
	}
	return p
}

// in gives the URL of one of the party's endpoints.
func (p *party) in(endpoint string) string { return p.base + "/" + endpoint }

// misbehave adds a fault; it ends by itself where it has times, and otherwise with Behave.
func (p *parties) misbehave(f fault) { p.Misbehave(f, f.times) }

// meet gives the fault that a request meets; a fault of nothing for none.
func (p *party) meet(endpoint string) fault {
	return p.Meet(func(f fault) bool { return f.party == p && f.endpoint == endpoint })
}

// at returns the requests to an endpoint of a party after a mark.
func (p *party) at(endpoint string, mark int) []received {
	return slices.DeleteFunc(p.Since(mark), func(r received) bool { return r.party != p || r.endpoint != endpoint })
}

// open gives a person an account without a registration.
func (p *parties) open(who person) {
	p.Lock()
	defer p.Unlock()
	p.enter(who)
}

func (p *parties) enter(who person) *holder {
	opened := &holder{person: who, userID: "u-" + p.newKey()}
	p.people = append(p.people, opened)
	return opened
}

func (p *parties) find(name string) *holder {
	i := slices.IndexFunc(p.people, func(h *holder) bool { return h.name == name })
	if i < 0 {
		return nil
	}
	return p.people[i]
}

// userID is that of a person's account; empty without one.
func (p *parties) userID(who person) string {
	p.Lock()
	defer p.Unlock()
	if a := p.find(who.name); a != nil {
		return a.userID
	}
	return ""
}

// latest is the ticket that a person was given last for an app; nil for none.
func (p *parties) latest(who person, app *party) *heldTicket {
	userID := p.userID(who)
	p.Lock()
	defer p.Unlock()
	for _, held := range slices.Backward(p.tickets) {
		if held.userID == userID && held.appID == app.appID {
			return held
		}
	}
	return nil
}

// given are all tickets handed out so far.
func (p *parties) given() []*heldTicket {
	p.Lock()
	defer p.Unlock()
	return slices.Clone(p.tickets)
}

// discloses reports whether a secret stands in a text, as it is or escaped for a URL or a form.
func discloses(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, url.PathEscape(secret))
}

// expire ends the authorization key of a ticket, as time does.
func (p *parties) expire(held *heldTicket) {
	p.Lock()
	defer p.Unlock()
	held.expired = true
}

// endFamily ends the family of a ticket, as its owner does elsewhere.
func (p *parties) endFamily(held *heldTicket) {
	p.Lock()
	defer p.Unlock()
	held.family.revoked = true
}

// revoked reports whether the family of a ticket is over.
func (p *parties) revoked(held *heldTicket) bool {
	p.Lock()
	defer p.Unlock()
	return held.family.revoked
}

// newTicket makes a ticket that is in nobody's hands yet.
func (p *parties) newTicket(userID, appID string, of *family) *heldTicket {
	return &heldTicket{userID: userID, appID: appID, authorizationKey: p.newKey(), refreshKey: p.newKey(), family: of}
}

// newKey makes a value of 24 characters.
func (p *parties) newKey() string { return base64.RawURLEncoding.EncodeToString(p.mint.Next(18)) }

// ServeHTTP records a request, lets happen what the fault wants to happen meanwhile, and answers.
func (p *party) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := p.read(r)
	p.Take(rec)
	f := p.meet(rec.endpoint)
	if f.during != nil {
		f.during()
	}
	p.Lock()
	a := p.answer(rec, r.Method, f)
	rec.status = a.status
	p.Unlock()
	if f.lost {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}
