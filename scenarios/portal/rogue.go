package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"countersign/actors/token"
	cast "countersign/actors/unified"
	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// claims writes members out.
func claims(members map[string]any) []byte {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // texts and numbers can be written
	}
	return text
}

// Dishonest is a third-party platform in dishonest hands: it logs users in as an honest one does, and keeps what comes of it.
type Dishonest struct {
	*ThirdParty
	// Came is called with the code that a user's browser brings.
	Came func(code string)

	stage *Stage
}

// The verifier of all the logins at a dishonest third-party platform, and its challenge.
const (
	verifier  = "dishonest-verifier-dishonest-verifier-dishonest"
	Challenge = "isWy3wZOgopW3BM5iGDrHpSEKozE1yU06ARnoMfdOA8"
)

// TurnDishonest puts a dishonest party in the place of a third-party platform.
func (st *Stage) TurnDishonest(t *ThirdParty) *Dishonest {
	d := &Dishonest{ThirdParty: t, stage: st}
	st.TakeOver(t.Host, func(h *sim.Host) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc(cast.PathAccess, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, st.AuthorizationURL(t, t.CallbackURI(), "state-of-a-dishonest-party", Challenge), http.StatusSeeOther)
		})
		mux.HandleFunc(cast.PathCallback, func(w http.ResponseWriter, r *http.Request) {
			code := r.URL.Query().Get("code")
			w.WriteHeader(http.StatusBadGateway)
			if code != "" && d.Came != nil {
				h.Go("keep the code", func() { d.Came(code) })
			}
		})
		mux.HandleFunc(wellKnown, func(w http.ResponseWriter, _ *http.Request) {
			stage.WriteJSON(w, http.StatusOK, map[string]string{
				"client_id": t.ID, "access_endpoint": t.AccessURI(), "callback_endpoint": t.CallbackURI(), "batch_logout_endpoint": t.Base + cast.PathBatchLogout,
			})
		})
		st.LearnLegs(h, wellKnown, mux, func(member string) string { return legs[member] })
		return t.withPages(mux)
	})
	return d
}

// PassToken exchanges a code. The callback path is that of whom the code was given to.
func (d *Dishonest) PassToken(code string, of *ThirdParty) (passToken string, got bool) {
	_, answer := d.stage.speak(d.Host, d.stage.keys[d.keys[0].ID], d.ID, d.stage.Platform.Issuer+"/pass-token", "pass-token-request", map[string]any{
		"grant_type": "authorization_code", "code": code, "redirect_uri": of.CallbackURI(), "code_verifier": verifier,
	})
	return answer.PassToken, answer.PassToken != ""
}

// Authenticate shows a pass token, and gives the sub that the platform names.
func (d *Dishonest) Authenticate(passToken string) (sub string, got bool) {
	_, answer := d.stage.speak(d.Host, d.stage.keys[d.keys[0].ID], d.ID, d.stage.Platform.Issuer+"/authentication", "authentication-request", map[string]any{"pass_token": passToken})
	return answer.Sub, answer.Sub != ""
}

// AskStatus asks whether somebody is logged in.
func (d *Dishonest) AskStatus(user string, generation int64) (active bool) {
	_, answer := d.stage.speak(d.Host, d.stage.keys[d.keys[0].ID], d.ID, d.stage.Platform.Issuer+"/status", "status-request", map[string]any{"sub": SubOf(user), "generation": generation})
	return answer.Active != nil && *answer.Active
}

// SendBatch sends a batch in the name of the platform under its own key, with a key ID that may be another's.
func (d *Dishonest) SendBatch(to *ThirdParty, kid string, users ...string) (status int) {
	under := sealer{jose.Key{ID: kid, Secret: d.keys[0].Secret}, to.ID, d.stage.Platform.Issuer}
	status, _ = d.stage.speak(d.Host, under, d.stage.Platform.Issuer, to.Base+cast.PathBatchLogout, "batch-logout-request", forgedTasks(users))
	return status
}

// Rival is a second platform, in dishonest hands, at which Mail is registered too.
type Rival struct {
	Host   *sim.Host
	Issuer string
	// Leads is where its authorization page sends the browser; empty: it approves everybody as Sub at once.
	Leads func(asked url.Values) string
	// Sub is the user that it names, whoever comes.
	Sub string
	// Code is the last code that Mail brought.
	Code string

	stage *Stage
	key   sealer
}

// NewRival adds the second platform. Nobody is logged in there with a password.
func (st *Stage) NewRival() *Rival {
	r := &Rival{Issuer: "https://rival", stage: st}
	key := jose.Key{ID: "rival-tp-mail-1", Secret: []byte("the key of tp-mail at the rival.")}
	r.key = sealer{key, st.Mail.ID, r.Issuer}
	st.keys[key.ID] = r.key
	st.Mail.platforms = append(st.Mail.platforms, cast.PlatformSetup{Issuer: r.Issuer, ClientID: st.Mail.ID, Keys: []token.Key{token.Key(key)}})
	r.Host = st.Host("rival", stage.Nobody)
	st.rival = r
	st.TakeOver(r.Host, func(h *sim.Host) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc(wellKnown, func(w http.ResponseWriter, _ *http.Request) {
			stage.WriteJSON(w, http.StatusOK, map[string]any{
				"profile": "unified@1", "issuer": r.Issuer, "authorization_endpoint": r.Issuer + "/authorize", "logout_endpoint": r.Issuer + "/logout",
				"token_endpoint": r.Issuer + "/pass-token", "authentication_endpoint": r.Issuer + "/authentication", "status_endpoint": r.Issuer + "/status",
				"logout_bound": 300,
			})
		})
		mux.HandleFunc("/authorize", r.authorize)
		mux.HandleFunc("/pass-token", r.answers(h, "pass-token-response", func(m opened) map[string]any {
			r.Code = m.Code
			return map[string]any{"pass_token": "pass-token-of-the-rival-0001", "expires_in": 60}
		}))
		mux.HandleFunc("/authentication", r.answers(h, "authentication-response", func(opened) map[string]any {
			return map[string]any{"sub": r.Sub, "nickname": "Alice", "picture": "", "generation": 1}
		}))
		st.LearnLegs(h, wellKnown, mux, func(member string) string { return legs[member] })
		return mux
	})
	return r
}

func (r *Rival) authorize(w http.ResponseWriter, request *http.Request) {
	asked := request.URL.Query()
	to := asked.Get("redirect_uri") + "?" + url.Values{"code": {"code-of-the-rival-00000001"}, "state": {asked.Get("state")}, "iss": {r.Issuer}}.Encode()
	if r.Leads != nil {
		to = r.Leads(asked)
	}
	http.Redirect(w, request, to, http.StatusSeeOther)
}

// answers answers a sealed message with members.
func (r *Rival) answers(h *sim.Host, kind string, own func(opened) map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m := r.stage.read(body)
		members := own(m)
		members["in_reply_to"] = m.ID
		answer, err := r.stage.seal(h, r.key, r.Issuer, kind, members)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/jose")
		_, _ = w.Write([]byte(answer))
	}
}

// SendBatch sends a batch to Mail under the rival's own key.
func (r *Rival) SendBatch(users ...string) (status int) {
	status, _ = r.stage.speak(r.Host, r.key, r.Issuer, r.stage.Mail.Base+cast.PathBatchLogout, "batch-logout-request", forgedTasks(users))
	return status
}
