package adversary

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// pretence is what the server of site C says that it is, and gives.
type pretence struct {
	issuer string               // whose server it says that it is
	asks   string               // the page on which users are asked
	gives  twosites.Credentials // its temporary credential
	page   string               // where its own page sends browsers
	shows  string               // its resource
}

// posing is what site C answers. In most scenes it only reads what comes, and shows a page that looks like site A's.
func (st *twoSites) posing(scene string) sim.Boot {
	return func(h *sim.Host) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<h1>Site A</h1><form method="post" action="/taken"><input name="username"><input type="password" name="password"><button>Sign in</button></form>`))
		})
		switch scene {
		case "hasty-user":
			mux.HandleFunc("/callback", func(_ http.ResponseWriter, r *http.Request) { st.redeems(h, r.URL.Query()) })
		case "wrong-issuer":
			st.pretends = pretence{issuer: st.C.Issuer, asks: st.B.Issuer + "/authorize", shows: st.B.Diary(st.Mallory.Name)}
			st.poses(mux)
		case "mix-up":
			st.poses(mux)
		}
		return mux
	}
}

// redeems has site C redeem what comes to its callback, where it knows the credential's secret, and read.
func (st *twoSites) redeems(h *sim.Host, query url.Values) {
	c := twosites.Speaker{Host: h, As: st.C}
	for _, t := range st.d.Terms(temporary) {
		if t.Secret == "" || t.Value != query.Get("oauth_token") {
			continue
		}
		for _, s := range []*twosites.Site{st.A, st.B} {
			if token := c.Redeem(s, credentials(t), query.Get("oauth_verifier")); token.Token != "" {
				c.Read(s, token)
			}
		}
	}
}

// poses adds what a dishonest server answers: to every request what it takes to go on.
func (st *twoSites) poses(mux *http.ServeMux) {
	form := func(c oauth1.Credentials, encode func(oauth1.Credentials) string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			_, _ = w.Write([]byte(encode(c)))
		}
	}
	mux.HandleFunc("/.well-known/bidirectional-authorization", func(w http.ResponseWriter, _ *http.Request) {
		stage.WriteJSON(w, http.StatusOK, map[string]any{
			"profile": "bidirectional@1", "issuer": st.pretends.issuer, "authorization_endpoint": st.pretends.asks,
			"temporary_credential_endpoint": st.C.ClientBase + "/temporary-credential", "token_endpoint": st.C.ClientBase + "/token",
			"resource_endpoint": st.C.ClientBase + "/resource", "delegation_endpoint": st.C.ClientBase + "/delegation",
			"signature_methods_supported": []string{string(oauth1.Plaintext), string(oauth1.HMACSHA256)},
		})
	})
	mux.HandleFunc("/temporary-credential", func(w http.ResponseWriter, r *http.Request) {
		given := oauth1.Credentials{Token: st.pretends.gives.Token, Secret: st.pretends.gives.Secret, Extra: []oauth1.Param{{Name: "client_id", Value: st.A.ClientID}}}
		form(given, oauth1.Credentials.EncodeTemporary)(w, r)
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		page := st.pretends.page
		if sent := r.URL.Query().Get("state"); sent != "" {
			page += "&" + url.Values{"state": {sent}}.Encode()
		}
		http.Redirect(w, r, page, http.StatusSeeOther)
	})
	mux.HandleFunc("/token", form(oauth1.Credentials{Token: madeUp + "-token", Secret: madeUp + "-secret"}, oauth1.Credentials.Encode))
	mux.HandleFunc("/resource", func(w http.ResponseWriter, _ *http.Request) {
		owner, _ := st.B.Account(st.Mallory.Name)
		stage.WriteJSON(w, http.StatusOK, map[string]any{"owner": owner, "resources": []map[string]string{{"id": "1", "title": st.pretends.shows}}})
	})
}

// serverOfC are what the server of site C may answer to site A's client, when Alice begins a flow there.
func (st *twoSites) serverOfC() []Move {
	begins := func(t []Term, asks, page string) Link {
		st.pretends = pretence{issuer: t[0].Value, gives: credentials(t[1]), asks: asks, page: page, shows: "Notes at site C."}
		return Link{st.A.ClientBase + "/start", url.Values{"peer": {st.C.Issuer}}}
	}
	lure := "begins a flow with site C at " + st.A.Client.Name() + ", whose server gives itself a name and hands out a credential, and"
	secret := func(t []Term) bool { return withSecret(t[1:]) }
	return []Move{
		{
			Name: lure + " sends her on to the page of " + st.B.OAuthServer.Name() + ",", Slots: []string{issuer, temporary}, Fits: secret,
			Link: func(t []Term) Link { return begins(t, st.B.Issuer+"/authorize", "") },
		},
		{
			Name: lure + " sends her back with a verifier,", Slots: []string{issuer, temporary, verifier}, Fits: secret,
			Link: func(t []Term) Link {
				back := st.A.Callback() + "?" + url.Values{"oauth_token": {t[1].Value}, "oauth_verifier": {t[2].Value}}.Encode()
				return begins(t, st.C.ClientBase+"/authorize", back)
			},
		},
	}
}

// inTheNameOfA is what can be done from elsewhere with a secret of site A's client that was seen.
func (st *twoSites) inTheNameOfA() []Move {
	asA := func(t Term) twosites.Speaker {
		secret, _, _ := strings.Cut(t.Value, "&") // the token's comes after it (RFC 5849 section 3.4.4)
		return twosites.Speaker{Host: st.Mallory.Host, As: st.A, Secret: secret}
	}
	inItsName := " in the name of " + st.A.ClientID + ", from elsewhere,"
	secret := func(t []Term) bool { return withSecret(t[1:]) }
	return []Move{
		{
			Name: "reads at " + st.B.ResourceServer.Name() + inItsName, Slots: []string{shownSecret, access}, Fits: secret,
			Send: func(t []Term) { asA(t[0]).Read(st.B, credentials(t[1])) },
		},
		{
			Name: "redeems at " + st.B.OAuthServer.Name() + inItsName + " and reads,", Slots: []string{shownSecret, temporary, verifier}, Fits: secret,
			Send: func(t []Term) {
				if token := asA(t[0]).Redeem(st.B, credentials(t[1]), t[2].Value); token.Token != "" {
					asA(t[0]).Read(st.B, token)
				}
			},
		},
	}
}

// spentNonces is a move of one who knows which nonces site A's client uses next, and uses them first, again and again for half an hour.
func (st *twoSites) spentNonces(s *twosites.Site) Move {
	const ahead, times, pause = 60, 7, 5*time.Minute + 2*time.Second // a nonce is forgotten when the window and a second have passed
	return Move{
		Name: "uses up the nonces that " + st.A.ClientID + " will use at " + s.OAuthServer.Name() + ", signed by client-c, again and again",
		Send: func([]Term) {
			// Nonces that are remembered make no state of their own, and these do.
			st.d.Know(Term{Type: "nonces", Name: "the nonces that it has used up at " + s.OAuthServer.Name(), Value: s.Letter})
			st.C.Client.Go("uses up nonces", func() {
				for range times {
					speaker := twosites.Speaker{Host: st.C.Client, As: st.C, Nonces: &twosites.Numbers{}}
					for range ahead {
						speaker.Revoke(s, madeUp)
					}
					st.C.Client.Clock().Sleep(pause)
				}
			})
		},
	}
}
