package mobile

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// around are the parties that the harness plays around an app under test: the authorization server, two business systems, the first of them at a second address too,
// and whoever a redirect leads to. They answer as the profile says, and record what they are asked.
// They do not insist on what level hardened alone asks of an app: a check that wants that looks at the record.
type around struct {
	judge.Parties[received, fault]
	t      *test
	signer jose.Signer
	key    jose.Key // of the first system
	// server is the authorization server; system and moved are the first business system at its two addresses, other is the second one.
	server, system, moved, other, elsewhere *party

	// The lock guards what follows.
	mint    judge.Mint
	grants  []grant
	address string // that the authorization server gives
	version int64  // of the rules, likewise
	// thumbprint is that of the device key, as it was last registered; empty when there was no proof.
	thumbprint string
}

// party is one of them, at its address.
type party struct {
	*around
	name, base string
}

// grant is an access token that was given, and the address that it was given with.
type grant struct{ accessToken, address string }

// fault is what a party does at one endpoint otherwise than the profile says.
type fault struct {
	at       *party
	endpoint string
	// times is how many requests meet it; 0 means all.
	times int
	// status is answered with the body, in place of all that the endpoint does; header are names and values beside it.
	status int
	body   members
	header [][2]string
	// lost breaks the connection instead of answering; silent lets that much time pass before.
	lost   bool
	silent time.Duration
	// forge changes the answer to an authentication, and document the metadata.
	forge    func(*answering)
	document func(members) members
	// during happens while the request waits for its answer.
	during func()
}

// answering is an answer to an authentication before it is signed.
type answering struct {
	body        members
	address     statement
	accessToken string
	// sign makes the signed_address; an empty one is left out.
	sign func(statement) (string, error)
}

func playAround(t *test) *around {
	signer, err := t.SigningKey.signer()
	if err != nil {
		t.Broken("%v", err)
	}
	a := &around{t: t, mint: judge.Mint{Seed: t.bytes(32)}, signer: signer, key: t.sealingKey(t.crm()), address: t.crm().Address(), version: t.firstVersion()}
	for _, p := range []struct {
		into       **party
		name, base string
	}{
		{&a.server, "authorization-server", t.Issuer},
		{&a.system, "business-system", t.crm().BaseURL},
		{&a.other, "other-system", t.erp().BaseURL},
		{&a.moved, "second-address", t.SecondBaseURL},
		{&a.elsewhere, "redirect-target", t.RedirectBaseURL},
	} {
		*p.into = &party{a, p.name, p.base}
		t.Play(p.name, *p.into)
	}
	return a
}

// firstVersion is the version of the rules with which a check begins. Checks of an app run one by one in the order of the catalogue, so that versions grow over a run, and are the same in every run.
func (t *test) firstVersion() int64 {
	_, number, _ := strings.Cut(string(t.Check.ID), "-AP-")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Broken("%s is no requirement of the app: %v", t.Check.ID, err)
	}
	return 1000 * n
}

// addressed is the URL of a business system's resource.
func (p *party) addressed() string { return AddressAt(p.base) }

// move lets the rules give the first system another address, in a new version, which it returns.
func (a *around) move(address string) int64 {
	a.Lock()
	defer a.Unlock()
	a.address = address
	a.version++
	return a.version
}

// inForce is the version of the rules.
func (a *around) inForce() int64 {
	a.Lock()
	defer a.Unlock()
	return a.version
}

// misbehave lets a party make a fault from here on; it ends by itself where it has times, and otherwise with Behave.
func (a *around) misbehave(f fault) { a.Misbehave(f, f.times) }

// meet gives the fault that a request meets; a fault of nothing for none.
func (p *party) meet(endpoint string) fault {
	return p.Meet(func(f fault) bool { return f.at == p && f.endpoint == endpoint })
}

// at returns the requests to an endpoint of a party after a mark.
func (p *party) at(endpoint string, mark int) []received {
	return slices.DeleteFunc(p.Since(mark), func(r received) bool { return r.party != p || r.endpoint != endpoint })
}

// accesses are the requests after a mark to whoever is not the authorization server.
func (a *around) accesses(mark int) []received {
	return slices.DeleteFunc(a.Since(mark), func(r received) bool { return r.party == a.server })
}

// given are all access tokens given so far.
func (a *around) given() []grant {
	a.Lock()
	defer a.Unlock()
	return slices.Clone(a.grants)
}

// deviceKey is the thumbprint of the key that the app has registered.
func (a *around) deviceKey() string {
	a.Lock()
	defer a.Unlock()
	return a.thumbprint
}

// ServeHTTP records a request, lets happen what the fault wants to happen meanwhile, and answers.
func (p *party) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := p.read(r)
	p.Take(rec)
	f := p.meet(rec.endpoint)
	if f.during != nil {
		f.during()
	}
	p.t.silence(r, f.silent)
	if f.lost {
		panic(http.ErrAbortHandler)
	}
	p.Lock()
	status, body := p.answer(rec, f)
	p.Unlock()
	for _, h := range f.header {
		w.Header().Set(h[0], h[1])
	}
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `DPoP algs="ES256", error="invalid_token"`)
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	reply(w, status, body)
}

// String names the party in words.
func (p *party) String() string { return strings.ReplaceAll(p.name, "-", " ") }
