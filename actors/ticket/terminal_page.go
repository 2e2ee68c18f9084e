package ticket

import (
	"cmp"
	"encoding/json"
	"net/http"

	"countersign/actors/store"
	"countersign/actors/ticket/pages"
	"countersign/actors/wire"
)

// page is the terminal as its user sees it, in a browser on the same device.
func (t *Terminal) page(w http.ResponseWriter, r *http.Request) {
	shown := pages.Terminal{}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		// Another site's page can neither open an app nor sign the user out.
		if err := http.NewCrossOriginProtection().Check(r); err != nil || !wire.Private("http://"+r.Host) {
			shown.Notice = "This came from another page than the terminal's own, and nothing was done."
			t.show(w, http.StatusForbidden, shown)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		t.act(r, &shown)
	default:
		wire.WrongMethod(w, http.MethodGet, http.MethodHead, http.MethodPost)
		return
	}
	t.show(w, http.StatusOK, shown)
}

// act does what the user chose.
func (t *Terminal) act(r *http.Request, shown *pages.Terminal) {
	shown.UserName = r.PostFormValue("user_name")
	if app := r.PostFormValue("logout"); app != "" {
		outcome, err := t.Logout(shown.UserName, app)
		if err != nil || outcome != LoggedOut {
			shown.Notice = "The ticket is gone from here, but the account server could not be told."
			return
		}
		shown.Steps = []string{"threw the ticket for " + app + " away", "revoked it at the account server"}
		return
	}
	wish := Wish{
		AppID: cmp.Or(r.PostFormValue("open"), r.PostFormValue("register")), UserName: shown.UserName,
		Password: r.PostFormValue("password"), Register: r.PostFormValue("register") != "",
	}
	if _, configured := t.app(wish.AppID); !configured {
		shown.Notice = "This terminal knows no such app."
		return
	}
	if wish.Register && wish.Password == "" {
		shown.Notice = "Choose a password for the new account."
		return
	}
	u := t.begin(wish)
	outcome := u.run()
	shown.Steps = u.steps
	if outcome != GotResource {
		shown.Notice = notices(outcome)
		return
	}
	var got collection
	if err := json.Unmarshal(u.resource, &got); err != nil {
		shown.Notice = "The app answered with something that cannot be shown."
		return
	}
	shown.Resource = &pages.Resource{AppID: got.AppID, Owner: got.Owner}
	for _, one := range got.Resources {
		shown.Resource.Titles = append(shown.Resource.Titles, one.Title)
	}
}

func notices(o Outcome) string {
	switch o {
	case LoginRequired:
		return "No ticket is kept here: type your password."
	case RegistrationRefused:
		return "The account server did not open an account: the user name is of lower-case letters and digits, the password of 8 characters or more."
	case AuthenticationRefused:
		return "User name or password is wrong."
	case Unavailable:
		return "The app or the account server is away, or asks for patience. Try again later."
	}
	return "The app refused."
}

func (t *Terminal) show(w http.ResponseWriter, status int, shown pages.Terminal) {
	for _, a := range t.Apps {
		_, stored, err := store.Load[kept](t.Store, tickets, keptUnder(shown.UserName, a.ID))
		shown.Apps = append(shown.Apps, pages.App{ID: a.ID, Stored: err == nil && stored})
	}
	pages.Write(w, status, shown)
}
