package scenarios

import (
	"encoding/json"
	"net/http"
	"net/url"

	"countersign/scenarios/twosites"
	"countersign/sim"
)

// continuing reads the link out of the answer to a delegation, empty when there is none.
func continuing(body string) string {
	var made struct {
		ContinueURI string `json:"continue_uri"`
	}
	if json.Unmarshal([]byte(body), &made) != nil {
		return ""
	}
	return made.ContinueURI
}

// delegation is the form of step 9, for a credential that is said to be site A's.
func delegation(st *twosites.Stage, c twosites.Credentials, issuer string) url.Values {
	return url.Values{
		"temporary_credential": {c.Token}, "temporary_credential_secret": {c.Secret}, "client_id": {st.A.ClientID}, "issuer": {issuer},
	}
}

// forgeDelegation delegates a credential of the attacker's to site B, signed by somebody or by nobody, and gets Alice to wait for it.
func forgeDelegation(st *twosites.Stage, signedBy *twosites.Speaker) {
	first, second := newLure(st), newLure(st)
	st.Alice.Plays(func(u *twosites.User) {
		u.Mistypes(st.A, true)
		first.opens(u)
		u.Note("looks for the right password, and meanwhile opens another link")
		second.opens(u)
	})
	st.Mallory.Plays(func(m *twosites.Attacker) {
		m.Note("has site C ask for a temporary credential, and delegates it in the name of site A")
		own := twosites.Speaker{Host: st.C.Client, As: st.C}.Ask(st.A, st.B.ClientID)
		form := delegation(st, own, st.A.Issuer)
		var answer string
		if signedBy != nil {
			_, answer = signedBy.Send(http.MethodPost, st.B.DelegationEndpoint, st.B, twosites.Credentials{}, form)
		} else {
			answer = m.Post(st.B.DelegationEndpoint, form).Body
		}
		link := continuing(answer)
		if link == "" {
			m.Note("site B took no delegation: there is no link to lay out")
			return
		}
		first.set(link)
		m.Note("approves the credential with an account of the attacker's own")
		second.set(m.OwnConsent(asking(st.A, own.Token, st.B.ClientID), st.A).Location)
	})
}

// approveForTheUser has the client of site B delegate a credential of B's to site A, and Mallory approve it while Alice's browser waits for it.
func approveForTheUser(st *twosites.Stage) {
	st.Corrupt(st.B.Client)
	first, second := newLure(st), newLure(st)
	st.Alice.Plays(func(u *twosites.User) {
		u.Mistypes(st.B, true)
		first.opens(u)
		u.Note("looks for the right password, and meanwhile opens another link")
		second.opens(u)
	})
	st.Mallory.Plays(func(m *twosites.Attacker) {
		m.Note("has the client of site B ask for a temporary credential there, and delegate it to site A")
		b := twosites.Speaker{Host: st.B.Client, As: st.B}
		own := b.Ask(st.B, st.A.ClientID)
		_, answer := b.Send(http.MethodPost, st.A.DelegationEndpoint, st.A, twosites.Credentials{}, url.Values{
			"temporary_credential": {own.Token}, "temporary_credential_secret": {own.Secret}, "client_id": {st.B.ClientID}, "issuer": {st.B.Issuer},
		})
		link := continuing(answer)
		if link == "" {
			m.Note("site A took no delegation: there is no link to lay out")
			return
		}
		first.set(link)
		m.Note("approves the credential with an account of the attacker's own")
		second.set(m.OwnConsent(asking(st.B, own.Token, st.A.ClientID), st.B).Location)
	})
}

// nameAnotherIssuer is a dishonest client of site A that poses as an OAuth server before site B.
func nameAnotherIssuer(st *twosites.Stage) {
	st.A.TakeOver(func(h *sim.Host) http.Handler {
		asA := twosites.Speaker{Host: h, As: st.A}
		var first twosites.Credentials
		mux := http.NewServeMux()
		mux.HandleFunc("GET /.well-known/bidirectional-authorization", func(w http.ResponseWriter, _ *http.Request) {
			document, err := json.Marshal(map[string]any{
				"profile": "bidirectional@1", "issuer": st.A.ClientBase, "start_endpoint": st.A.ClientBase + "/start",
				"authorization_endpoint": st.A.Issuer + "/authorize", "token_endpoint": st.A.ClientBase + "/token",
				"resource_endpoint": st.A.ClientBase + "/resource", "signature_methods_supported": []string{"PLAINTEXT"},
			})
			if err != nil {
				panic(err) // a map of strings can be marshalled
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(document)
		})
		mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
			first = asA.Ask(st.A, st.B.ClientID)
			st.Note(h, "delegates the credential, and names itself as the issuer")
			_, answer := asA.Send(http.MethodPost, st.B.DelegationEndpoint, st.B, twosites.Credentials{}, delegation(st, first, st.A.ClientBase))
			link := continuing(answer)
			if link == "" {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			http.Redirect(w, r, link, http.StatusSeeOther)
		})
		mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			signed := sim.Message{Header: r.Header}
			secret, _ := twosites.ShownSecret(signed)
			if secret == "" {
				st.Note(h, "has the verifier, but not the secret of site B")
				return
			}
			st.Note(h, "has the verifier and the secret of site B, and redeems in its name")
			redeemAndRead(twosites.Speaker{Host: h, As: st.B, Secret: secret}, st.A, first, twosites.SignedParameter(signed, "oauth_verifier"))
		})
		return mux
	})
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}
