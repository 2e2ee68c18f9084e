package scenarios

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	cast "countersign/actors/bidirectional"
	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// delegationAttacks turn a temporary credential into one of somebody else's.
func delegationAttacks() []Scenario {
	return []Scenario{
		attack("theft-at-step-9", "The first temporary credential stolen at step 9",
			"Site B takes delegations without TLS. A thief on the wire reads the temporary credential and its secret, rewrites the identifier to the dishonest site C, and has the answer send Alice to a page that asks for C. At core any registered client will do, and the page does not even name it.",
			twosites.Secrecy, []catalog.ID{"BI-CL-38", "BI-OS-25"}, stealDelegation).openAtCore(),
		attack("malicious-client-b", "Site B passes the credential on",
			"Site B is dishonest: it rewrites the identifier not to its own but to site C's, and shares the secret with C. Alice reads what she signs, but at core the page names the client that asked. At hardened the credential is good for B only, and the page would tell.",
			twosites.Secrecy, []catalog.ID{"BI-OS-25", "BI-OS-27"}, passOn).openAtCore(),
		attack("rewriting-the-second-credential", "A credential that nobody was to rewrite",
			"The second temporary credential is site A's own and meant for no rewriting. Mallory, who listens where site B has no TLS, begins a flow, learns the credential's secret, and lures Alice to a page that asks for site C instead. At core every credential can be rewritten. At hardened site A asks for nothing without TLS either.",
			twosites.Secrecy, []catalog.ID{"BI-CL-38", "BI-OS-24"}, rewriteSecond).openAtCore(),
		attack("replayed-delegation", "The delegation sent twice",
			"Without TLS at step 9, an attacker sends the very bytes of the delegation again and gets a second link for the same credential. Mallory opens it while Alice reads the page, so that site B takes the flow for Mallory's. At core the callback of Alice's browser ends it there. At hardened that browser would bring back another state than the one that went with Mallory's.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-38", "BI-CL-21", "BI-CL-25", "BI-CL-39"}, func(st *twosites.Stage) { enterBesideAlice(st, true) }).openAtCore(),
		attack("continue-link-opened-twice", "The link of step 9 opened twice",
			"Without TLS at step 9, an attacker reads the link that site B has made for Alice, and opens it after her while she reads the page. At core it is good for ever, the flow becomes Mallory's, and the callback of Alice's browser ends it there, with whatever state.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-38", "BI-CL-23", "BI-CL-25", "BI-CL-39"}, func(st *twosites.Stage) { enterBesideAlice(st, false) }).openAtCore(),
		attack("forged-delegation", "Delegation forged by a stranger",
			"Mallory has the dishonest site C ask for a temporary credential at site A and delegates it to site B in A's name, unsigned. Alice is lured to the link that B answers with, so that her browser waits for that credential. Mallory approves it with an account of her own and lures Alice to the callback: site B shows Alice what is Mallory's. At core a delegation needs no signature, and a callback no state of the page.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-17", "BI-CL-39"}, func(st *twosites.Stage) { forgeDelegation(st, nil) }).openAtCore(),
		attack("delegation-wrongly-signed", "Delegation under the name of site A",
			"As the forged delegation, but Mallory puts site A's name under it and makes up the signature. At core a signature on a delegation says nothing, as none is needed.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-18", "BI-CL-39"}, func(st *twosites.Stage) {
				forgeDelegation(st, &twosites.Speaker{Host: st.Mallory.Host, As: st.A, Secret: "made-up"})
			}).openAtCore(),
		attack("another-account-delegated", "A dishonest peer's credential, approved by another",
			"Site B's client is dishonest, and in league with Mallory. It asks its own OAuth server for a credential and delegates it to site A, rightly signed. Alice is lured to the link that A answers with, so that her browser waits for that credential. Mallory approves it with an account of her own and lures Alice to the callback: site A shows Alice what Mallory keeps at B, as if it were hers. Every message is right by itself; nothing ties the decision to the browser that site A sent to the page. A state does, which the client compares. The document has none.",
			twosites.SessionIntegrity, []catalog.ID{"BI-CL-39"}, approveForTheUser).openAtCore(),
		attack("state-of-another-page", "The state of the user's page, with the decision of another",
			"As the credential approved by another, but site A does send a state with Alice's browser, and compares. Its server takes the state for the credential's, keeps that of Alice's page, and gives it back with the decision that Mallory made on a page of her own, opened without any. A state says something only where it comes back with the decision of the page that was opened with it. At core there is none.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-54"}, approveForTheUser).openAtCore(),
		attack("issuer-of-the-senders-choice", "Delegation that names a server of the sender's choice",
			"Site A's client is dishonest. It delegates to site B, rightly signed, a credential of A's own OAuth server, but names itself as the issuer. Its metadata send Alice to the true page of site A, and B with the verifier to a token endpoint of its own, where it announces nothing but PLAINTEXT. A client B that follows whatever issuer is named, and takes the first method, writes its secret into the request: client A redeems and reads in B's name. The document asks for neither care.",
			twosites.Secrecy, []catalog.ID{"BI-CL-20", "BI-CL-30"}, nameAnotherIssuer).openAtCore(),
	}
}

// thief is the dishonest site C with credentials that were stolen for it: it redeems them when a verifier comes in, and reads.
func thief(st *twosites.Stage, from *twosites.Site, stolen func(token string) twosites.Credentials) {
	st.C.TakeOver(func(h *sim.Host) http.Handler {
		c := twosites.Speaker{Host: h, As: st.C}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/callback" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			query := r.URL.Query()
			if token := c.Redeem(from, stolen(query.Get("oauth_token")), query.Get("oauth_verifier")); token.Token != "" {
				st.Note(h, "has an access token and reads")
				c.Read(from, token)
			}
		})
	})
}

// asking is the page on which a site asks for a client.
func asking(at *twosites.Site, token, client string) string {
	return at.Issuer + "/authorize?" + url.Values{"oauth_token": {token}, "client_id": {client}}.Encode()
}

// delegated reads the credential out of a delegation.
func delegated(body []byte) twosites.Credentials {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return twosites.Credentials{}
	}
	return twosites.Credentials{Token: form.Get("temporary_credential"), Secret: form.Get("temporary_credential_secret")}
}

func continueAt(link string) []byte {
	body, err := json.Marshal(map[string]string{"continue_uri": link})
	if err != nil {
		panic(err) // a map of strings can be marshalled
	}
	return body
}

func stealDelegation(st *twosites.Stage) {
	st.B.DelegationEndpoint = "http://client.b/delegation"
	var stolen twosites.Credentials
	thief(st, st.A, func(string) twosites.Credentials { return stolen })
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request {
			stolen = delegated(m.Body)
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Body = continueAt(asking(st.A, stolen.Token, st.C.ClientID))
		return sim.Verdict{Replace: &m}
	})
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}

func passOn(st *twosites.Stage) {
	var shared twosites.Credentials
	thief(st, st.A, func(string) twosites.Credentials { return shared })
	st.B.TakeOver(func(h *sim.Host) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /delegation", func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err == nil {
				shared = delegated([]byte(r.PostForm.Encode()))
			}
			st.Note(h, "shares the credential with site C")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(continueAt(st.B.ClientBase + "/continue"))
		})
		mux.HandleFunc("GET /continue", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, asking(st.A, shared.Token, st.C.ClientID), http.StatusSeeOther)
		})
		return mux
	})
	st.Alice.ReadsPages()
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}

func rewriteSecond(st *twosites.Stage) {
	st.B.Publish("temporary_credential_endpoint", "http://oauth.b/temporary-credential")
	var stolen twosites.Credentials
	listenForCredentials(st, &stolen)
	thief(st, st.B, func(string) twosites.Credentials { return stolen })
	bait := newLure(st)
	st.Alice.Plays(bait.opens)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		m.Start(st.A, st.B)
		m.Note("has heard the credential and its secret, and sends Alice to a page that asks for site C")
		bait.set(asking(st.B, stolen.Token, st.C.ClientID))
	})
}

// listenForCredentials keeps the last credential whose answer passed in the clear.
func listenForCredentials(st *twosites.Stage, heard *twosites.Credentials) {
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response {
			if answer, err := url.ParseQuery(string(m.Body)); err == nil && answer.Has("oauth_token_secret") {
				*heard = twosites.Credentials{Token: answer.Get("oauth_token"), Secret: answer.Get("oauth_token_secret")}
			}
		}
		return sim.Verdict{}
	})
}

// enterBesideAlice opens a link of step 9 in Mallory's browser while Alice reads the page: one got by sending the delegation again, or Alice's own.
func enterBesideAlice(st *twosites.Stage, replay bool) {
	st.B.DelegationEndpoint = "http://client.b/delegation"
	link := st.NewLetter("the link")
	reading, opened := st.NewLetter("Alice reads the page of site A"), st.NewLetter("Mallory has opened the link")
	found := func(answer sim.Message) {
		if made := continuing(string(answer.Body)); strings.HasPrefix(made, "https://") {
			link.Send(made)
		}
	}
	var seen *sim.Message
	st.OnTheWire(func(w *sim.World, m sim.Message) sim.Verdict {
		switch {
		case m.Injected:
		case m.Kind == sim.Request:
			seen = &m
		case !replay:
			found(m)
		case seen != nil:
			again := seen.Clone()
			again.From = st.Mallory.Name
			w.Inject(again).Then(found)
		}
		return sim.Verdict{}
	})
	st.Alice.Decide = func(at *twosites.Site, _ cast.Page) cast.Decision {
		if at == st.A {
			reading.Send("")
			opened.Await()
		}
		return cast.Approve
	}
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
	st.Mallory.Plays(func(m *twosites.Attacker) {
		defer opened.Send("")
		target, came := link.Await()
		if _, reads := reading.Await(); !came || !reads {
			return
		}
		m.Note("opens the link while Alice reads the page")
		m.Get(target)
		opened.Send("")
		m.Wait(waitForAlice)
		m.Look()
	})
}
