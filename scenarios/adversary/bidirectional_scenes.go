package adversary

import (
	"net/http"
	"slices"
	"strings"

	"countersign/actors/oauth1"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// twoSitesScenes are the places where the flow is explored.
func twoSitesScenes() []Scene {
	return []Scene{
		{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Mallory is a user of both sites, and site C is registered at both and hers."},
		{Name: "dishonest-b", Attacker: Web, Text: "The client of site B is dishonest: it knows what passes there, has its keys, and says what it likes.", Sessions: []string{"alice", "mallory", "the client of B"}},
		{Name: "likely-passwords", Attacker: Web, Text: "As the open web, but Mallory does nothing but try passwords.", Sessions: []string{"alice"}},
		{Name: "leaking-log", Attacker: Web, Text: "A log of the resource servers leaks: it shows the names of access tokens, without their secrets. That of a temporary credential under way must stay unknown: who knows it approves it before the user does.", Sessions: []string{"alice", "mallory", "site C"}},
		{Name: "spare-verifier", Attacker: Web, Text: "As the open web, but Mallory has approved a flow of her own and kept its verifier, and does nothing but go on with what was begun.", Sessions: []string{"mallory"}},
		{Name: "slow-way-back", Attacker: Web, Text: "It takes Alice a while to get back to site B, and the log of site A leaks: it shows the temporary credentials that were decided. The attacker does nothing but go on with what was begun.", Sessions: []string{"alice"}},
		{Name: "delegations", Attacker: Web, Text: "As the open web, but site C does nothing but delegate credentials of its own, and lure Alice to what comes of it.", Sessions: []string{"alice"}},
		{Name: "wrong-issuer", Attacker: Web, Text: "The client of site B signs what Mallory likes, and site C poses as an OAuth server and a resource server. They do nothing but delegate, and use browsers.", Sessions: []string{"alice"}},
		{Name: "mix-up", Attacker: Web, Text: "Site A's client is a client of site C too, whose server is Mallory's: it says what it is called, what its credential is, and where the user goes.", Sessions: []string{"alice", "site C"}},
		{Name: "wrong-issuer-at-b", Mirrors: "wrong-issuer", Attacker: Web, Text: "As the wrong issuer, and it is the client of site A that signs what Mallory likes.", Sessions: []string{"alice"}},
		{Name: "mix-up-at-b", Mirrors: "mix-up", Attacker: Web, Text: "As the mix-up, and it is site B's client that is a client of site C too.", Sessions: []string{"site C"}},
		{Name: "stolen-token", Attacker: Web, Text: "A backup of the clients leaks: it shows their access tokens, with their secrets.", Sessions: []string{"alice"}},
		{Name: "numbered-nonces", Attacker: Web, Text: "Site A's client counts its nonces, so that everybody knows the next one. Mallory does nothing but use nonces up.", Sessions: []string{"alice"}},
		{Name: "slow-network", Attacker: Web, Text: "As the open web, and Mallory knows how to slow down what the sites ask each other for: some seconds in which others go on. The attacker does nothing but go on with what was begun.", Sessions: []string{"alice", "mallory"}},
		{Name: "losing-network", Attacker: Network, Text: "Messages get lost or come twice, and servers crash. Nobody is dishonest.", Sessions: []string{"alice", "alice leaves"}, Faults: true},
		{Name: "two-resource-servers", Attacker: Network, Text: "Site B has a second resource server, to which hand-overs travel without TLS.", Sessions: []string{"alice", "alice leaves"}},
		{Name: "plain-handover", Attacker: Network, Text: "Site B's hand-overs travel without TLS.", Sessions: []string{"alice", "alice leaves"}},
		{Name: "two-resource-servers-of-a", Mirrors: "two-resource-servers", Attacker: Network, Text: "Site A has a second resource server, to which hand-overs travel without TLS.", Sessions: []string{"alice"}},
		{Name: "plain-handover-of-a", Mirrors: "plain-handover", Attacker: Network, Text: "Site A's hand-overs travel without TLS.", Sessions: []string{"alice leaves"}},
		{Name: "plain-temporary", Attacker: Network, Text: "Site B takes requests for temporary credentials without TLS.", Sessions: []string{"alice", "mallory"}},
		{Name: "plain-temporary-a", Attacker: Network, Text: "Site A takes requests for temporary credentials without TLS.", Sessions: []string{"alice", "mallory"}},
		{Name: "plain-token", Attacker: Network, Text: "Site B takes token requests without TLS.", Sessions: []string{"alice"}},
		{Name: "plain-resource", Attacker: Network, Text: "Site B gives resources without TLS.", Sessions: []string{"alice", "mallory"}},
		{Name: "plain-delegation", Attacker: Network, Text: "Site B takes delegations without TLS.", Sessions: []string{"alice", "mallory"}},
		{Name: "plain-page", Attacker: Network, Text: "Site B publishes its authorization page without TLS, and Alice has an account under that address.", Sessions: []string{"alice", "mallory"}},
		{Name: "plain-server", Attacker: Network, Text: "The OAuth server of site B is reached without TLS, but for its page.", Sessions: []string{"alice"}},
		{Name: "hasty-user", Attacker: Network, Text: "Alice reads no page before she approves. Credentials are asked for without TLS at both sites, and site B takes delegations without. Site C asks for nothing itself, and redeems what comes to it.", Sessions: []string{"alice"}},
	}
}

// arrange makes the scene.
func (st *twoSites) arrange(scene string) {
	switch scene {
	case "open-web", "likely-passwords", "leaking-log", "two-resource-servers", "plain-handover", "slow-way-back", "delegations", "wrong-issuer", "stolen-token", "numbered-nonces", "slow-network", "losing-network":
		st.connects = true
	}
	plain := func(s *twosites.Site, member, url string) { s.Publish(member, "http://"+url) }
	switch scene {
	case "dishonest-b":
		st.d.Bends(st.B.Client)
	case "leaking-log":
		st.d.Leaks(func(m *sim.Message) bool { return st.Leg(m) == "resource request" && m.Kind == sim.Request })
	case "slow-way-back":
		st.Alice.OnTheWay = st.lingers
		st.logDecisions()
	case "wrong-issuer":
		st.d.Owns(st.B.Client)
		st.Corrupt(st.B.Client)
		st.C.Issuer = st.C.ClientBase
	case "mix-up":
		st.C.Issuer = st.C.ClientBase
		st.A.Beside = []*twosites.Site{st.C}
		st.d.Know(Term{Type: issuer, Name: "its own name", Value: st.C.Issuer})
		st.d.Know(Term{Type: issuer, Name: "the name of " + st.B.OAuthServer.Name(), Value: st.B.Issuer})
	case "stolen-token":
		st.d.Leaks(func(m *sim.Message) bool { return st.Leg(m) == "token request" && m.Kind == sim.Response })
	case "slow-network":
		honest := func(host string) bool { return strings.HasSuffix(host, ".a") || strings.HasSuffix(host, ".b") }
		st.d.Slow(heldFor, func(m *sim.Message) bool { return honest(m.From) && honest(m.To) })
	case "numbered-nonces":
		st.A.NumbersNonces = true
	case "hasty-user":
		plain(st.A, "temporary_credential_endpoint", "oauth.a/temporary-credential")
		plain(st.B, "temporary_credential_endpoint", "oauth.b/temporary-credential")
		st.B.DelegationEndpoint = "http://client.b/delegation"
	case "two-resource-servers":
		st.OpenArchive(st.B)
		st.d.Diverts(st.B.ResourceServer, st.B.Archive)
	case "plain-handover":
		st.B.HandoverEndpoint = "http://" + st.B.ResourceServer.Name() + "/handover"
	case "plain-temporary":
		plain(st.B, "temporary_credential_endpoint", "oauth.b/temporary-credential")
	case "plain-temporary-a":
		plain(st.A, "temporary_credential_endpoint", "oauth.a/temporary-credential")
	case "plain-token":
		plain(st.B, "token_endpoint", "oauth.b/token")
	case "plain-resource":
		plain(st.B, "resource_endpoint", "resource.b/resource")
	case "plain-delegation":
		st.B.DelegationEndpoint = "http://client.b/delegation"
	case "plain-page":
		plain(st.B, "authorization_endpoint", "oauth.b/authorize")
		st.Alice.HasAccountAt("http://oauth.b", st.B)
	case "plain-server":
		st.B.Issuer = "http://oauth.b"
		st.B.Publish("authorization_endpoint", "https://oauth.b/authorize")
		st.Alice.HasAccountAt("https://oauth.b", st.B)
		st.d.Tricks(st.downgrades)
		st.World.Tap(sim.TapFunc(st.signs))
	}
}

// downgrades is an attacker between site A and the OAuth server of site B, who has secrets shown, and signs what shows them anew.
func (st *twoSites) downgrades(m *sim.Message) []Trick {
	shown := slices.IndexFunc(fieldsOf(m), func(f Field) bool { return f.Name == "signature_methods_supported" })
	if shown < 0 || m.Kind != sim.Response || m.Secure || st.signsAnew {
		return nil
	}
	return []Trick{{"signature method becomes PLAINTEXT, and what shows a secret is signed anew", func() sim.Verdict {
		st.d.prepared("that what shows a secret is signed anew")
		st.signsAnew = true
		changed := with(*m, fieldsOf(m)[shown], string(oauth1.Plaintext))
		return sim.Verdict{Replace: &changed}
	}}}
}

// signs is that attacker at a request, before anybody else hears it.
func (st *twoSites) signs(_ *sim.World, m sim.Message) sim.Verdict {
	if !st.signsAnew || m.Kind != sim.Request || m.Secure || m.Injected {
		return sim.Verdict{}
	}
	secret, _ := twosites.ShownSecret(m)
	signed, _ := twosites.SignAnew(st.Mallory.Host, m)
	if secret == "" {
		return sim.Verdict{}
	}
	st.d.Know(Term{Type: shownSecret, Name: "the secret of " + m.From, Value: secret})
	return sim.Verdict{Replace: &signed}
}

// know is what the attacker knows to begin with.
func (st *twoSites) know() {
	d := st.d
	for _, s := range []*twosites.Site{st.A, st.B, st.C} {
		d.Know(Term{Type: client, Name: s.ClientID, Value: s.ClientID})
		d.Know(Term{Type: callback, Name: "the callback of " + s.ClientID, Value: s.Callback()})
	}
	d.Know(Term{Type: methods, Name: "PLAINTEXT", Value: "PLAINTEXT"})
	d.Know(Term{Type: verifier, Name: "a verifier made up", Value: madeUp})
	d.Know(Term{Type: pageState, Name: noState})
	d.Know(Term{Type: access, Name: "an access token made up", Value: "made-up-token", Secret: "made-up-secret"})
	d.Know(Term{Type: continueLink, Name: "a page of the attacker's", Value: st.C.ClientBase + "/page"})
}

// lingers is a user who takes a while on the way back to a client, and is there at once by a link that is opened meanwhile.
func (st *twoSites) lingers(target string) {
	if st.lingering || !strings.HasPrefix(target, st.B.Callback()) {
		return
	}
	st.lingering = true
	st.d.Pause("alice", "is on the way back to "+st.B.Client.Name())
	st.lingering = false
}

// logDecisions gives the attacker each temporary credential that was decided at site A, without its verifier.
func (st *twoSites) logDecisions() {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && m.Status == http.StatusSeeOther && m.From == st.A.OAuthServer.Name() && st.Leg(&m) == "decision of the user" {
			t := Term{Type: temporary, Value: parameter(m.Header.Get("Location"), "oauth_token")}
			t.Name = st.d.name(t, m.From, &m)
			st.d.Know(t)
		}
		return sim.Verdict{}
	}))
}
