package reference

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"countersign/actors/password"
	"countersign/actors/token"
	cast "countersign/actors/unified"
)

// portalSite is a third-party platform that a person enters from the portal.
type portalSite struct {
	id, name, key string
	// how it learns of logouts: by batches, by back-channel logout, or by asking
	batches, backChannel bool
	titles               []string
}

func portalSites() []portalSite {
	return []portalSite{
		{id: "lantern-video", name: "Lantern Video", key: "communication-key-of-lantern-001", batches: true, titles: []string{"Harbour at dawn (4 min)", "How to mend a bicycle (11 min)"}},
		{id: "wren-microblog", name: "Wren Microblog", key: "communication-key-of-wren-no-001", backChannel: true, titles: []string{"Rain again. The tomatoes are happy.", "New bicycle chain, new me."}},
		{id: "moss-library", name: "Moss Library", key: "communication-key-of-moss-no-001", titles: []string{"Three books out, one of them late"}},
	}
}

// Short, so that a person sees how each site learns of a logout.
const (
	portalIdleTime    = 2 * time.Second
	portalLogoutBound = 15 * time.Second
)

// unified assembles a platform and three third-party platforms. What the platform must not lose is kept in the folder State, if there is one.
func (v venue) unified() ([]http.Handler, error) {
	sites, issuer := portalSites(), v.origins[0]
	platform, err := v.portal(issuer)
	if err != nil {
		return nil, err
	}
	handlers := []http.Handler{nil}
	for i, s := range sites {
		party, handler := v.thirdParty(s, issuer, v.origins[i+1])
		platform.ThirdParties = append(platform.ThirdParties, party)
		handlers = append(handlers, handler)
	}
	handlers[0] = withPictures(platform.Handler())
	v.tellPortal(sites, issuer)
	return handlers, nil
}

// tellPortal says what there is to see.
func (v venue) tellPortal(sites []portalSite, issuer string) {
	v.Tell(fmt.Sprintf("%-15s %s/portal   user name alice, password alice-at-the-platform", "Platform", issuer))
	for i, s := range sites {
		how := fmt.Sprintf("asks every %s whether you are still logged in", portalLogoutBound)
		switch {
		case s.batches:
			how = fmt.Sprintf("is told in batches, %s after the last logout", portalIdleTime)
		case s.backChannel:
			how = "is told by back-channel logout"
		}
		v.Tell(fmt.Sprintf("%-15s %s   %s", s.name, v.origins[i+1], how))
	}
	v.Tell("Open the portal in a browser, log in, enter the three sites, log out at the platform, and open them again. Interrupt to stop.")
}

// portal assembles the platform but for its third-party platforms.
func (v venue) portal(issuer string) (*cast.Platform, error) {
	env := v.lasting("platform")
	platform := &cast.Platform{Env: env, Issuer: issuer, Name: "Platform", BatchIdleTime: portalIdleTime, LogoutBound: portalLogoutBound}
	salts := env.Entropy("salts")
	for _, u := range []cast.User{{Name: "alice", Sub: "1001", Nickname: "Alice"}, {Name: "bob", Sub: "1002", Nickname: "Bob"}} {
		var err error
		if u.Password, err = (password.Cost{}).Hash(u.Name+"-at-the-platform", salts); err != nil {
			return nil, err
		}
		u.Picture = issuer + pathPictures + u.Name
		platform.Users = append(platform.Users, u)
	}
	return platform, nil
}

const pathPictures = "/pictures/"

// withPictures draws the head portraits beside the platform: a disc with the user's initial.
func withPictures(platform http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", platform)
	mux.HandleFunc("GET "+pathPictures+"{name}", func(w http.ResponseWriter, r *http.Request) {
		initial := html.EscapeString(strings.ToUpper(string([]rune(r.PathValue("name"))[:1])))
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><circle cx="36" cy="36" r="36" fill="#0b57a4"/>`+
			`<text x="36" y="48" font-family="sans-serif" font-size="36" text-anchor="middle" fill="#fff">%s</text></svg>`, initial)
	})
	return mux
}

// thirdParty assembles a third-party platform, and what the platform knows of it.
func (v venue) thirdParty(s portalSite, issuer, origin string) (cast.RegisteredParty, http.Handler) {
	keys := []token.Key{{ID: s.id + "-1", Secret: []byte(s.key)}}
	party := cast.RegisteredParty{ClientID: s.id, Keys: keys, Registration: cast.Registration{Name: s.name, AccessURI: origin + cast.PathAccess, CallbackURI: origin + cast.PathCallback}}
	site := &cast.ThirdParty{
		Env: v.env(s.id), BaseURL: origin, Name: s.name,
		Platforms:     []cast.PlatformSetup{{Issuer: issuer, ClientID: s.id, Keys: keys}},
		NoBatchLogout: !s.batches, NoBackChannelLogout: !s.backChannel, NoUserLogout: !s.batches && !s.backChannel,
		Data: func(cast.Visitor) (kept []cast.Datum) {
			for i, title := range s.titles {
				kept = append(kept, cast.Datum{ID: fmt.Sprint(i + 1), Title: title})
			}
			return kept
		},
	}
	if s.batches {
		party.LogoutURI = origin + cast.PathBatchLogout
	}
	if s.backChannel {
		party.BackchannelLogoutURI = origin + cast.PathBackChannelLogout
	}
	return party, site.Handler()
}
