package reference

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"countersign/actors/live"
	"countersign/actors/password"
	"countersign/actors/store/bolt"
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

// serveUnified runs a platform, at PortA, and three third-party platforms, the first at PortB. The platform's state is kept
// in the directory State, which has to exist; where it is empty nothing survives the end of the process.
func (l Live) serveUnified(ctx context.Context, r Reference, world *live.World) (err error) {
	sites := portalSites()
	listeners, origins, err := listenAll(append([]int{l.PortA, l.PortB}, make([]int, len(sites)-1)...))
	if err != nil {
		return err
	}
	closeAll := func() error {
		var failed error
		for _, open := range listeners {
			failed = errors.Join(failed, open.Close())
		}
		return failed
	}
	issuer := origins[0]
	platform, err := r.portal(world, issuer)
	if err != nil {
		return errors.Join(err, closeAll())
	}
	if l.State != "" {
		file, opened := bolt.Open(filepath.Join(l.State, "platform.db"))
		if opened != nil {
			return errors.Join(opened, closeAll())
		}
		// The queues' work ends with the world, before their file is closed.
		defer func() {
			world.Close()
			err = errors.Join(err, file.Close())
		}()
		platform.Store = file
	}
	handlers := []http.Handler{nil}
	for i, s := range sites {
		party, handler := r.thirdParty(world, s, issuer, origins[i+1])
		platform.ThirdParties = append(platform.ThirdParties, party)
		handlers = append(handlers, handler)
	}
	handlers[0] = withPictures(platform.Handler())
	l.tellPortal(sites, issuer, origins[1:])
	return l.run(ctx, listeners, handlers, origins...)
}

// tellPortal says what there is to see.
func (l Live) tellPortal(sites []portalSite, issuer string, origins []string) {
	l.Tell(fmt.Sprintf("%-15s %s/portal   user name alice, password alice-at-the-platform", "Platform", issuer))
	for i, s := range sites {
		how := fmt.Sprintf("asks every %s whether you are still logged in", portalLogoutBound)
		switch {
		case s.batches:
			how = fmt.Sprintf("is told in batches, %s after the last logout", portalIdleTime)
		case s.backChannel:
			how = "is told by back-channel logout"
		}
		l.Tell(fmt.Sprintf("%-15s %s   %s", s.name, origins[i], how))
	}
	l.Tell("Open the portal in a browser, log in, enter the three sites, log out at the platform, and open them again. Interrupt to stop.")
}

// portal assembles the platform but for its third-party platforms.
func (r Reference) portal(world *live.World, issuer string) (*cast.Platform, error) {
	env := world.Env("platform", r.guards())
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
func (r Reference) thirdParty(world *live.World, s portalSite, issuer, origin string) (cast.RegisteredParty, http.Handler) {
	keys := []token.Key{{ID: s.id + "-1", Secret: []byte(s.key)}}
	party := cast.RegisteredParty{ClientID: s.id, Keys: keys, Registration: cast.Registration{Name: s.name, AccessURI: origin + cast.PathAccess, CallbackURI: origin + cast.PathCallback}}
	site := &cast.ThirdParty{
		Env: world.Env(s.id, r.guards()), BaseURL: origin, Name: s.name,
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

// listenAll takes several loopback ports, or none.
func listenAll(ports []int) (listeners []net.Listener, origins []string, err error) {
	for _, port := range ports {
		listener, origin, err := listen(port)
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return nil, nil, err
		}
		listeners, origins = append(listeners, listener), append(origins, origin)
	}
	return listeners, origins, nil
}
