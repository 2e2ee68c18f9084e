package twosites

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"countersign/actors"
	cast "countersign/actors/bidirectional"
	"countersign/actors/password"
	"countersign/actors/store"
	"countersign/sim"
)

// Site is one of the two sites, or the third one, C, of which only the client is on stage.
type Site struct {
	Letter string // "a"
	Name   string // "Site A"

	Issuer       string // URL of its OAuth server
	ResourceBase string // URL of its resource server
	ClientBase   string // URL of its client
	ClientID     string

	// Where the site's servers find each other's endpoints and publish them. A scenario may move them off TLS before the world runs.
	HandoverEndpoint   string
	DelegationEndpoint string

	OAuthServer, ResourceServer, Client *sim.Host
	// Archive is a second resource server, nil where there is none.
	Archive *sim.Host

	accounts []account
	// published are members of the OAuth server's metadata that the site publishes otherwise than its server says.
	published map[string]string
	// dishonest takes the place of the client when it is set.
	dishonest func(*sim.Host) http.Handler
}

// account is a user's at one site.
type account struct {
	person   string // whose it is
	username string
	password string
}

func newSite(letter string, accounts ...account) *Site {
	upper := strings.ToUpper(letter)
	s := &Site{
		Letter: letter, Name: "Site " + upper, ClientID: "client-" + letter,
		Issuer: "https://oauth." + letter, ResourceBase: "https://resource." + letter, ClientBase: "https://client." + letter,
		accounts: accounts,
	}
	s.HandoverEndpoint = s.ResourceBase + "/handover"
	s.DelegationEndpoint = s.ClientBase + "/delegation"
	return s
}

// Callback is the callback URI that the site's client registers everywhere.
func (s *Site) Callback() string { return s.ClientBase + "/callback" }

// Resource is the site's resource endpoint.
func (s *Site) Resource() string { return s.ResourceBase + "/resource" }

// meantFor is the resource endpoint for which the site's OAuth server issues access tokens.
func (s *Site) meantFor() string {
	if s.Archive != nil {
		return archiveBase(s) + "/resource"
	}
	return s.Resource()
}

func archiveBase(s *Site) string { return "https://archive." + s.Letter }

// OpenArchive gives a site a second resource server, which shares the hand-over key of the first, and has the OAuth server issue tokens for that one. Hand-overs to it travel without TLS.
func (st *Stage) OpenArchive(s *Site) {
	s.Archive = st.World.Host("archive."+s.Letter, st.bootResourceServer(s, archiveBase(s)))
	s.HandoverEndpoint = "http://archive." + s.Letter + "/handover"
}

// Publish has the site's OAuth server name another URL for a member of its metadata.
func (s *Site) Publish(member, url string) {
	if s.published == nil {
		s.published = map[string]string{}
	}
	s.published[member] = url
}

// TakeOver puts a dishonest client in the place of the site's own.
func (s *Site) TakeOver(boot func(*sim.Host) http.Handler) { s.dishonest = boot }

func (s *Site) accountOf(person string) account {
	for _, a := range s.accounts {
		if a.person == person {
			return a
		}
	}
	return account{}
}

// title is what an account keeps; no two accounts keep the same.
func (a account) title() string { return "Diary of " + a.username + "." }

// secretAt is what a client shares with a site.
func secretAt(client, site *Site) string {
	return "secret-of-" + client.Letter + "-at-" + site.Letter + "-it-is"
}

func handoverKey(s *Site) string { return "handover-key-of-" + s.Letter + "-it-is" }

// registrations are the clients that a site knows: its own, and those of the two others.
func (st *Stage) registrations(at *Site) []cast.ClientRegistration {
	var all []cast.ClientRegistration
	for _, c := range []*Site{st.A, st.B, st.C} {
		all = append(all, cast.ClientRegistration{ID: c.ClientID, Secret: secretAt(c, at), Name: c.Name, Callback: c.Callback()})
	}
	return all
}

func (st *Stage) env(h *sim.Host) actors.Env {
	return actors.Env{
		Clock: h.Clock(), Entropy: h.Entropy, HTTP: h.Client(), Go: h.Go, Guards: st.guards,
		Store: h.Durable("store", func() any { return &store.Memory{} }).(store.Store),
	}
}

func (st *Stage) bootOAuthServer(s *Site) sim.Boot {
	return func(h *sim.Host) http.Handler {
		var users []cast.Account
		for _, a := range s.accounts {
			hash, err := password.Cheapest().Hash(a.password, h.Entropy("accounts"))
			if err != nil {
				panic(fmt.Sprintf("the account %s cannot be registered: %v", a.username, err))
			}
			users = append(users, cast.Account{Username: a.username, Password: hash})
		}
		server := &cast.OAuthServer{
			Env: st.env(h), Issuer: s.Issuer, SiteName: s.Name, Clients: st.registrations(s), Users: users,
			HandoverEndpoint: s.HandoverEndpoint, HandoverKey: handoverKey(s), ResourceEndpoint: s.meantFor(),
			ClientID: s.ClientID, DelegationEndpoint: s.DelegationEndpoint,
		}
		handler := server.Handler()
		st.learnLegs(h.Name(), s.Issuer, handler)
		return publishing(handler, s.published)
	}
}

func (st *Stage) bootResourceServer(s *Site, base string) sim.Boot {
	return func(h *sim.Host) http.Handler {
		var resources []cast.Collection
		for _, a := range s.accounts {
			resources = append(resources, cast.Collection{Owner: a.username, Resources: []cast.Resource{{ID: "1", Title: a.title()}}})
		}
		handler := (&cast.ResourceServer{
			Env: st.env(h), BaseURL: base, Issuer: s.Issuer, HandoverKey: handoverKey(s), Clients: st.registrations(s), Resources: resources,
		}).Handler()
		st.learnLegs(h.Name(), base, handler)
		return handler
	}
}

func (st *Stage) bootClient(s, peer *Site) sim.Boot {
	return func(h *sim.Host) http.Handler {
		if s.dishonest != nil {
			return s.dishonest(h)
		}
		handler := (&cast.Client{
			Env: st.env(h), BaseURL: s.ClientBase, ID: s.ClientID, Name: s.Name, Issuer: s.Issuer, Secret: secretAt(s, s),
			Peers: []cast.Peer{{Name: peer.Name, Issuer: peer.Issuer, Secret: secretAt(s, peer), ClientID: peer.ClientID, PeerSecret: secretAt(peer, s)}},
		}).Handler()
		st.learnLegs(h.Name(), s.ClientBase, handler)
		return handler
	}
}

// publishing changes members of the metadata that a handler serves.
func publishing(handler http.Handler, members map[string]string) http.Handler {
	if len(members) == 0 {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, wellKnown) {
			handler.ServeHTTP(w, r)
			return
		}
		var document map[string]any
		if err := json.Unmarshal(ask(handler, r.URL.Path), &document); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			document[name] = members[name]
		}
		body, err := json.Marshal(document)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
}
