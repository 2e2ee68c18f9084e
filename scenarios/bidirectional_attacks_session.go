package scenarios

import (
	"net/http"
	"net/url"
	"strings"

	cast "countersign/actors/bidirectional"
	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// sessionAttacks mix up whose browser gets what.
func sessionAttacks() []Scenario {
	return []Scenario{
		attack("session-fixation", "Session fixation",
			"Mallory begins a flow at site A and sends the link to site B's page to Alice. Alice approves, and her browser brings the verifier to site A: into the flow that Mallory began. OAuth 1.0 fell to this in 2009. At core site A takes the callback of any browser, and Mallory reads Alice's resources.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-24"}, func(st *twosites.Stage) { fixation(st, false) }).openAtCore(),
		attack("session-fixation-logged-in", "Session fixation of a known browser",
			"As session fixation, but Alice has a session of her own at site A already. That the callback comes with some session is not enough: it has to be the one that began. At core nobody compares.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-25"}, func(st *twosites.Stage) { fixation(st, true) }).openAtCore(),
		attack("verifier-injection", "Verifier of one user injected into the flow of another",
			"Mallory begins two flows. Alice is lured to approve the first, and site A turns her browser away. Mallory approves the second herself, keeps the verifier, and brings it to site A for the first. A server that takes any live verifier gives out a token for Alice's resources. At core it does, and the first step alone would do as well.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-35"}, injectVerifier).openAtCore(),
		attack("callback-tampering", "Callback changed on the way",
			"Site B takes requests for temporary credentials without TLS. Mallory begins a flow and, on the wire, puts the callback of the dishonest site C in the place of site A's. Alice is lured to approve, the verifier goes to C, and Mallory brings it to site A herself. The signature covers the callback, so the change is noticed at core already; at hardened only the registered callback would do.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-05", "BI-OS-40", "BI-CL-38"}, tamperWithCallback),
		attack("login-csrf", "Forged consent",
			"While Alice looks for her password, a page of site C posts Mallory's user name and password to the page that waits for Alice, which Mallory knows from a link without TLS. Site A then shows Alice the resources of Mallory as if they were hers. At core any page may send the decision. At hardened it would also lack the state with which site A sent Alice to the page, which nobody has heard.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-38", "BI-OS-28", "BI-CL-39"}, func(st *twosites.Stage) {
				forgeConsent(st, func(u *twosites.User, page string, form url.Values) error {
					_, err := u.Post(st.C.ClientBase, page, form)
					return err
				})
			}).openAtCore(),
		attack("login-csrf-by-link", "Forged consent in a link",
			"As the forged consent, but it is a link that holds Mallory's user name, password and decision. A decision comes in the body of a POST, from the server's own page. At core neither is asked for, nor the state of the page.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-38", "BI-OS-28", "BI-OS-43", "BI-CL-39"}, func(st *twosites.Stage) {
				forgeConsent(st, func(u *twosites.User, page string, form url.Values) error {
					_, err := u.Open(page + "&" + form.Encode())
					return err
				})
			}).openAtCore(),
		attack("approved-by-an-eavesdropper", "The user's credential approved by an eavesdropper",
			"Site B takes requests for temporary credentials without TLS. While Alice looks for her password, Mallory, who has heard the name of Alice's credential, approves it on the true page with an account of her own. Then she lures Alice to the callback with the verifier: it is Alice's browser and Alice's flow, and site A shows her the resources of Mallory as if they were hers. A client that does not let the credential be heard stops it, and one that takes no decision without the state that it gave to Alice's browser; at core it goes out on any connection, and there is no state.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-38", "BI-CL-39"}, approveAsEavesdropper).openAtCore(),
	}
}

// fixation lures Alice, with or without a session of her own, into Mallory's flow.
func fixation(st *twosites.Stage, known bool) {
	bait := newLure(st)
	st.Alice.Plays(func(u *twosites.User) {
		if known {
			connect(u, st.A, st.B)
		}
		bait.opens(u)
	})
	st.Mallory.Plays(func(m *twosites.Attacker) {
		m.Note("begins a flow at site A and sends the link to Alice")
		bait.set(m.Start(st.A, st.B))
		m.Note("looks at what site A shows in the attacker's browser")
		m.Look()
	})
}

func injectVerifier(st *twosites.Stage) {
	bait := newLure(st)
	st.Alice.Plays(bait.opens)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		first, second := m.Start(st.A, st.B), m.Start(st.A, st.B)
		own := m.OwnConsent(second, st.B).Location
		m.Note("approved the second flow and keeps the verifier; Alice gets the link of the first")
		bait.set(first)
		m.Note("brings the verifier of the second flow to site A for the first")
		m.Get(st.A.Callback() + "?" + url.Values{"oauth_token": {parameter(first, "oauth_token")}, "oauth_verifier": {parameter(own, "oauth_verifier")}, "state": {parameter(first, "state")}}.Encode())
		m.Look()
	})
}

// parameter reads a parameter of a URL's query.
func parameter(link, name string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

func tamperWithCallback(st *twosites.Stage) {
	st.B.Publish("temporary_credential_endpoint", "http://oauth.b/temporary-credential")
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		signed := m.Header.Get("Authorization")
		changed := strings.Replace(signed, url.QueryEscape(st.A.Callback()), url.QueryEscape(st.C.Callback()), 1)
		if m.Kind == sim.Response || signed == changed {
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Header.Set("Authorization", changed)
		return sim.Verdict{Replace: &m}
	})
	verifier := st.NewLetter("the verifier, from site C to Mallory")
	st.C.TakeOver(func(h *sim.Host) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			st.Note(h, "has the verifier and passes it to Mallory")
			verifier.Send(r.URL.RawQuery)
		})
	})
	bait := newLure(st)
	st.Alice.Plays(bait.opens)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		link := m.Start(st.A, st.B)
		if !strings.HasPrefix(link, st.B.Issuer) {
			m.Note("site B noticed the change: there is no link to lay out")
			return
		}
		bait.set(link)
		if query, came := verifier.Await(); came {
			m.Get(st.A.Callback() + "?" + query)
			m.Look()
		}
	})
}

// forgeConsent has Alice's browser decide with Mallory's account.
func forgeConsent(st *twosites.Stage, decide func(u *twosites.User, page string, form url.Values) error) {
	st.B.Publish("temporary_credential_endpoint", "http://oauth.b/temporary-credential")
	var overheard string
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && overheard == "" {
			if answer, err := url.ParseQuery(string(m.Body)); err == nil {
				overheard = answer.Get("oauth_token")
			}
		}
		return sim.Verdict{}
	})
	st.Alice.Plays(func(u *twosites.User) {
		u.Mistypes(st.B, true)
		connect(u, st.A, st.B)
		u.Note("looks for the right password, and meanwhile opens a page of site C")
		username, password := st.B.Account(st.Mallory.Name)
		st.Mallory.Agrees(st.B, overheard, st.A.ClientID)
		form := url.Values{"username": {username}, "password": {password}, "decision": {string(cast.Approve)}}
		if err := decide(u, asking(st.B, overheard, st.A.ClientID), form); err != nil {
			u.Note("the page of site C leads nowhere: " + err.Error())
		}
	})
}

// approveAsEavesdropper approves the credential of Alice's flow with Mallory's account, before Alice does.
func approveAsEavesdropper(st *twosites.Stage) {
	st.B.Publish("temporary_credential_endpoint", "http://oauth.b/temporary-credential")
	overheard := st.NewLetter("the name of Alice's credential, from the wire")
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response {
			if answer, err := url.ParseQuery(string(m.Body)); err == nil && answer.Has("oauth_token") {
				overheard.Send(answer.Get("oauth_token"))
			}
		}
		return sim.Verdict{}
	})
	bait := newLure(st)
	st.Alice.Plays(func(u *twosites.User) {
		u.Mistypes(st.B, true)
		connect(u, st.A, st.B)
		u.Note("looks for the right password, and meanwhile opens a link")
		bait.opens(u)
	})
	st.Mallory.Plays(func(m *twosites.Attacker) {
		token, came := overheard.Await()
		if !came {
			m.Note("has heard nothing")
			return
		}
		m.Note("approves Alice's credential with an account of the attacker's own")
		bait.set(m.OwnConsent(asking(st.B, token, st.A.ClientID), st.B).Location)
	})
}
