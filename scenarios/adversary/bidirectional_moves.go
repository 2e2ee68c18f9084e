package adversary

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/scenarios/twosites"
)

// move gives the attacker what every endpoint of the flow takes.
func (st *twoSites) move(scene string) {
	for _, s := range []*twosites.Site{st.A, st.B} {
		switch scene {
		case "likely-passwords":
			st.d.May(st.atPassword(s)...)
		case "numbered-nonces":
			st.d.May(st.spentNonces(s))
		case "spare-verifier", "slow-way-back", "slow-network":
			st.d.May(st.underWay(s)...)
		case "delegations":
			st.d.May(st.delegations(s)...)
		case "hasty-user":
			st.d.May(st.inBrowsers(s)...)
			st.d.May(st.asClient(st.C, s)[1:]...) // it asks for nothing
		case "mix-up", "wrong-issuer", "losing-network": // see below
		default:
			st.d.May(st.inBrowsers(s)...)
			st.d.May(st.asClient(st.C, s)...)
			st.d.May(st.unsigned(s)...)
		}
	}
	switch scene {
	case "mix-up":
		st.d.May(st.serverOfC()...)
		st.d.May(st.asClient(st.C, st.B)...)
	case "wrong-issuer":
		st.d.May(st.inBrowsers(st.A)...)
		st.d.May(st.inBrowsers(st.B)...)
		st.d.May(st.delegationOf(st.A, st.B, st.C.Issuer, ", which names the server of site C as the issuer,"), st.delegationOf(st.A, st.B, st.B.Issuer, ""))
	}
	if scene == "mix-up" || scene == "wrong-issuer" || scene == "plain-server" {
		st.d.May(st.inTheNameOfA()...)
	}
	if st.d.bent[st.B.Client.Name()] {
		st.d.May(st.asClient(st.B, st.A)...)
		st.d.May(st.asClient(st.B, st.B)...)
	}
	if scene == "plain-page" {
		st.d.May(Move{
			Name: "opens the page of oauth.b without TLS", Slots: []string{temporary, client, pageState}, Fits: first(of("oauth.b"), ofTheClient),
			Link: func(t []Term) Link {
				return Link{Target: strings.Replace(asked(st.B, t), "https:", "http:", 1)}
			},
		})
	}
	if scene == "losing-network" {
		return
	}
	st.d.May(Move{
		Name: "opens", Slots: []string{continueLink},
		Send: func(t []Term) { st.Mallory.Get(t[0].Value) },
		Link: func(t []Term) Link { return Link{Target: t[0].Value} },
	})
}

// inBrowsers are the legs that go through a browser, honest or not.
func (st *twoSites) inBrowsers(s *twosites.Site) []Move {
	peer := st.B
	if s == st.B {
		peer = st.A
	}
	form := url.Values{"peer": {peer.Issuer}}
	return append(st.underWay(s), []Move{
		{Name: "begins a flow at " + s.Client.Name() + " by a page of site C", Link: func([]Term) Link { return Link{s.ClientBase + "/start", form} }},
		{Name: "begins a flow at " + s.Client.Name() + " by a link", Link: func([]Term) Link { return Link{Target: s.ClientBase + "/start?" + form.Encode()} }},
		{Name: "disconnects at " + s.Client.Name() + " by a page of site C", Link: func([]Term) Link { return Link{s.ClientBase + "/disconnect", form} }},
	}...)
}

// underWay are the legs in a browser of a flow that was begun.
func (st *twoSites) underWay(s *twosites.Site) []Move {
	page := func(t []Term) string { return asked(s, t) }
	server := of(s.OAuthServer.Name())
	opened := first(server, ofTheClient)
	// The state of another client is to this one as none.
	stateOfItsOwn := func(t []Term) bool { return stateOf(t[len(t)-1], s.Client.Name()) }
	own := func(t []Term) url.Values {
		username, password := s.Account(st.Mallory.Name)
		st.Mallory.Agrees(s, t[0].Value, t[1].Value)
		return url.Values{"username": {username}, "password": {password}, "decision": {"approve"}}
	}
	back := func(t []Term) string {
		query := url.Values{"oauth_token": {t[0].Value}, "oauth_verifier": {t[1].Value}}
		if state := t[2].Value; state != "" {
			query.Set("state", state)
		}
		return s.Callback() + "?" + query.Encode()
	}
	return []Move{
		{
			Name: "opens the page of " + s.OAuthServer.Name(), Slots: []string{temporary, client, pageState}, Fits: opened,
			Link: func(t []Term) Link { return Link{Target: page(t)} },
		},
		{ // what the attacker's own browser brings back is the attacker's to change, so that the page needs no state
			Name: "approves with Mallory's account at " + s.OAuthServer.Name(), Slots: []string{temporary, client}, Fits: server,
			Send: func(t []Term) { st.Mallory.OwnConsent(asking(s, t[0].Value, t[1].Value), s) },
		},
		{
			Name: "approves by a page of site C with Mallory's account at " + s.OAuthServer.Name(), Slots: []string{temporary, client, pageState}, Fits: opened,
			Link: func(t []Term) Link { return Link{page(t), own(t)} },
		},
		{
			Name: "approves by a link with Mallory's account at " + s.OAuthServer.Name(), Slots: []string{temporary, client, pageState}, Fits: opened,
			Link: func(t []Term) Link { return Link{Target: page(t) + "&" + own(t).Encode()} },
		},
		{
			Name: "brings to the callback of " + s.Client.Name(), Slots: []string{temporary, verifier, pageState}, Fits: stateOfItsOwn,
			Send: func(t []Term) { st.Mallory.Get(back(t)) },
			Link: func(t []Term) Link { return Link{Target: back(t)} },
		},
		{
			Name: "brings to the callback of " + s.Client.Name() + ", with the number that comes next as the verifier,", Slots: []string{temporary, pageState}, Fits: first(numbered, stateOfItsOwn),
			Send: func(t []Term) { st.Mallory.Get(back([]Term{t[0], {Value: next(t[0].Value)}, t[1]})) },
		},
	}
}

// atPassword are tries to consent in Alice's name.
func (st *twoSites) atPassword(s *twosites.Site) []Move {
	peer := st.B
	if s == st.B {
		peer = st.A
	}
	right, word := s.Account(st.Alice.Name)
	elsewhere, _ := peer.Account(st.Alice.Name)
	try := func(username string, guesses ...string) func([]Term) {
		return func([]Term) {
			page := ""
			for i, guess := range guesses {
				if i%4 == 0 && len(guesses) > 8 || i == 0 {
					page = st.Mallory.Start(peer, s)
				}
				if answer := st.Mallory.Consent(page, username, guess); answer.Location != "" {
					st.Mallory.Get(answer.Location)
				}
			}
		}
	}
	wrong := strings.Split(strings.Repeat("guess ", 11), " ")[:11]
	at := " at " + s.OAuthServer.Name()
	return []Move{
		{Name: "consents in Alice's name with a password made up" + at, Send: try(right, wrong[0])},
		{Name: "consents with Alice's name of the other site" + at, Send: try(elsewhere, wrong[0])},
		{Name: "tries eight likely passwords of Alice's in one flow, the last of them right," + at, Send: try(right, append(wrong[:7:7], word)...)},
		{Name: "tries twelve likely passwords of Alice's over many flows, the last of them right," + at, Send: try(right, append(wrong[:11:11], word)...)},
	}
}

// asClient is what a dishonest client can ask of a site under its own signature.
func (st *twoSites) asClient(c, s *twosites.Site) []Move {
	speaker := twosites.Speaker{Host: c.Client, As: c}
	as := ", signed by " + c.ClientID
	delegate := st.B.ClientID
	if s == st.B {
		delegate = st.A.ClientID
	}
	return []Move{
		{
			Name: "asks " + s.OAuthServer.Name() + as + ", for a credential with the delegate " + delegate,
			Send: func([]Term) { speaker.Ask(s, delegate) },
		},
		{
			Name: "redeems at " + s.OAuthServer.Name() + as + ", and reads,", Slots: []string{temporary, verifier}, Fits: first(withSecret, of(s.OAuthServer.Name())),
			Send: func(t []Term) {
				if token := speaker.Redeem(s, credentials(t[0]), t[1].Value); token.Token != "" {
					speaker.Read(s, token)
				}
			},
		},
		{
			Name: "reads at " + s.ResourceServer.Name() + as + ",", Slots: []string{access},
			Send: func(t []Term) { speaker.Read(s, credentials(t[0])) },
		},
		{
			Name: "revokes at " + s.OAuthServer.Name() + as + ",", Slots: []string{access}, Fits: of(s.OAuthServer.Name()),
			Send: func(t []Term) { speaker.Revoke(s, t[0].Value) },
		},
		{
			Name: "delegates to " + s.Client.Name() + as + ",", Slots: []string{temporary}, Fits: withSecret,
			Send: func(t []Term) { st.delegate(s, speaker, c.ClientID, t[0]) },
		},
		{
			Name: "hands over to " + s.ResourceServer.Name() + as + ",", Slots: []string{access}, Fits: withSecret,
			Send: func(t []Term) { st.handOver(s, &speaker, t[0]) },
		},
	}
}

// unsigned is what anybody can send, with no signature or one made up under another's name.
func (st *twoSites) unsigned(s *twosites.Site) []Move {
	peer := st.B
	if s == st.B {
		peer = st.A
	}
	posing := func(as string) twosites.Speaker {
		return twosites.Speaker{Host: st.Mallory.Host, As: &twosites.Site{ClientID: as}, Secret: madeUp}
	}
	asPeer, asServer := posing(peer.ClientID), posing(s.Issuer)
	return []Move{
		{
			Name: "delegates to " + s.Client.Name() + ", unsigned,", Slots: []string{temporary}, Fits: withSecret,
			Send: func(t []Term) { st.Mallory.Post(s.DelegationEndpoint, delegation(peer, peer.ClientID, t[0])) },
		},
		{
			Name: "delegates to " + s.Client.Name() + ", with a signature made up,", Slots: []string{temporary}, Fits: withSecret,
			Send: func(t []Term) { st.delegate(s, asPeer, peer.ClientID, t[0]) },
		},
		{
			Name: "hands over to " + s.ResourceServer.Name() + ", unsigned,", Slots: []string{access}, Fits: withSecret,
			Send: func(t []Term) { st.handOver(s, nil, t[0]) },
		},
		{
			Name: "hands over to " + s.ResourceServer.Name() + ", with a signature made up,", Slots: []string{access}, Fits: withSecret,
			Send: func(t []Term) { st.handOver(s, &asServer, t[0]) },
		},
		{
			Name: "revokes at " + s.OAuthServer.Name() + ", with a signature made up,", Slots: []string{access}, Fits: of(s.OAuthServer.Name()),
			Send: func(t []Term) { asPeer.Revoke(s, t[0].Value) },
		},
		{
			Name: "reads at " + s.ResourceServer.Name() + ", with a signature made up,", Slots: []string{access}, Fits: of(s.OAuthServer.Name()),
			Send: func(t []Term) {
				asPeer.Read(s, twosites.Credentials{Token: t[0].Value, Secret: cmp.Or(t[0].Secret, madeUp)})
			},
		},
		{
			Name: "revokes at " + s.OAuthServer.Name() + ", with a signature by a method that there is not,", Slots: []string{access}, Fits: of(s.OAuthServer.Name()),
			Send: func(t []Term) { st.revokesByNoMethod(s, peer.ClientID, t[0].Value) },
		},
		{Name: "reads at " + s.ResourceServer.Name() + " without an access token", Send: func([]Term) { st.Mallory.Get(s.Resource()) }},
	}
}

// revokesByNoMethod sends a revocation in a client's name whose signature nobody can judge. Its nonce is another for each token.
func (st *twoSites) revokesByNoMethod(s *twosites.Site, as, token string) {
	now := strconv.FormatInt(st.Mallory.Host.Clock().Now().Unix(), 10)
	st.Mallory.Do(http.MethodPost, s.Issuer+"/revoke", url.Values{"token": {token}}.Encode(), http.Header{
		"Content-Type":  {"application/x-www-form-urlencoded"},
		"Authorization": {`OAuth oauth_consumer_key="` + as + `", oauth_signature_method="MADE-UP", oauth_timestamp="` + now + `", oauth_nonce="` + token + `", oauth_signature="` + madeUp + `"`},
	})
}

// delegation is the form of step 9 for a credential that is said to be of a site's own OAuth server.
func delegation(from *twosites.Site, as string, t Term) url.Values {
	return url.Values{
		"temporary_credential": {t.Value}, "temporary_credential_secret": {t.Secret}, "client_id": {as}, "issuer": {from.Issuer},
	}
}

func (st *twoSites) delegate(to *twosites.Site, by twosites.Speaker, as string, t Term) {
	from := st.A
	if to == st.A {
		from = st.B
	}
	by.Send(http.MethodPost, to.DelegationEndpoint, to, twosites.Credentials{}, delegation(from, as, t))
}

// handOver hands a token over for the resources of Alice and for site C.
func (st *twoSites) handOver(to *twosites.Site, by *twosites.Speaker, t Term) {
	username, _ := to.Account(st.Alice.Name)
	form := url.Values{
		"event": {"issued"}, "token": {t.Value}, "token_secret": {t.Secret}, "client_id": {st.C.ClientID}, "username": {username},
		"resource_server": {to.Resource()}, "sequence": {"1"},
		"expires_at": {strconv.FormatInt(st.Mallory.Host.Clock().Now().Add(time.Hour).Unix(), 10)},
	}
	if by == nil {
		st.Mallory.Post(to.HandoverEndpoint, form)
		return
	}
	by.Send(http.MethodPost, to.HandoverEndpoint, to, twosites.Credentials{}, form)
}

func credentials(t Term) twosites.Credentials {
	return twosites.Credentials{Token: t.Value, Secret: t.Secret}
}

// of lets pass terms whose first comes from a host, or is made up: no other host could tell it from one that is.
func of(host string) func([]Term) bool {
	return func(t []Term) bool {
		return strings.HasSuffix(t[0].Name, " of "+host) || strings.Contains(t[0].Name, "made up")
	}
}

// ofTheClient lets pass a client with a state of its own, or with none: to others its state is nothing.
func ofTheClient(t []Term) bool {
	return stateOf(t[2], hostOf(t[1].Value))
}

// stateOf reports whether a state is one that a client made, or none.
func stateOf(t Term, host string) bool {
	return t.Name == noState || strings.HasSuffix(t.Name, " of "+host)
}

func withSecret(t []Term) bool { return t[0].Secret != "" }

func first(conditions ...func([]Term) bool) func([]Term) bool {
	return func(t []Term) bool {
		for _, holds := range conditions {
			if !holds(t) {
				return false
			}
		}
		return true
	}
}

// numbered lets pass a credential whose server counts what it gives out.
func numbered(t []Term) bool { return next(t[0].Value) != "" }

// next is the verifier that follows a temporary credential and its secret where a server counts; empty for a credential that was drawn.
func next(token string) string {
	number, rest, _ := strings.Cut(token, "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return ""
	}
	return strconv.Itoa(n+2) + "-" + rest
}
