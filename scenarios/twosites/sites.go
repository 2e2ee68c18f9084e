package twosites

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"

	cast "countersign/actors/bidirectional"
	"countersign/actors/password"
	"countersign/scenarios/stage"
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
	// Beside are further sites that its client is a client of.
	Beside []*Site
	// NumbersNonces has its client count its nonces, which are then new each time and known to everybody beforehand.
	NumbersNonces bool

	accounts []account
	// published are members of the OAuth server's metadata that the site publishes otherwise than its server says.
	published map[string]string
	numbered  Numbers
	stage     *Stage
}

// account is a user's at one site.
type account struct {
	person   string // whose it is
	username string
	password string
	// derived is what Argon2id makes of the password, at the least cost and with the salt of hashed. To derive eight of them in every world would take a tenth of its time.
	derived string
}

// hashed is how the OAuth server keeps the password.
func (a account) hashed() password.Hash {
	return password.Hash("$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiBwYXNzd29yZA$" + a.derived)
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
	s.Archive = st.Host("archive."+s.Letter, st.bootResourceServer(s, archiveBase(s)))
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
func (s *Site) TakeOver(boot func(*sim.Host) http.Handler) { s.stage.TakeOver(s.Client, boot) }

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

func (st *Stage) bootOAuthServer(s *Site) sim.Boot {
	return func(h *sim.Host) http.Handler {
		var users []cast.Account
		for _, a := range s.accounts {
			users = append(users, cast.Account{Username: a.username, Password: a.hashed()})
		}
		server := &cast.OAuthServer{
			Env: st.Env(h), Issuer: s.Issuer, SiteName: s.Name, Clients: st.registrations(s), Users: users,
			HandoverEndpoint: s.HandoverEndpoint, HandoverKey: handoverKey(s), ResourceEndpoint: s.meantFor(),
			ClientID: s.ClientID, DelegationEndpoint: s.DelegationEndpoint,
		}
		handler := server.Handler()
		st.learnLegs(h, s.Issuer, handler)
		return stage.Publishing(handler, wellKnown, s.published)
	}
}

func (st *Stage) bootResourceServer(s *Site, base string) sim.Boot {
	return func(h *sim.Host) http.Handler {
		var resources []cast.Collection
		for _, a := range s.accounts {
			resources = append(resources, cast.Collection{Owner: a.username, Resources: []cast.Resource{{ID: "1", Title: a.title()}}})
		}
		handler := (&cast.ResourceServer{
			Env: st.Env(h), BaseURL: base, Issuer: s.Issuer, HandoverKey: handoverKey(s), Clients: st.registrations(s), Resources: resources,
		}).Handler()
		st.learnLegs(h, base, handler)
		return handler
	}
}

func (st *Stage) bootClient(s, peer *Site) sim.Boot {
	return func(h *sim.Host) http.Handler {
		env := st.Env(h)
		if s.NumbersNonces {
			env.Entropy = func(purpose string) io.Reader {
				if purpose == "nonces" {
					return &s.numbered
				}
				return h.Entropy(purpose)
			}
		}
		var peers []cast.Peer
		for _, p := range append([]*Site{peer}, s.Beside...) {
			peers = append(peers, cast.Peer{Name: p.Name, Issuer: p.Issuer, Secret: secretAt(s, p), ClientID: p.ClientID, PeerSecret: secretAt(p, s)})
		}
		handler := (&cast.Client{
			Env: env, BaseURL: s.ClientBase, ID: s.ClientID, Name: s.Name, Issuer: s.Issuer, Secret: secretAt(s, s), Peers: peers,
		}).Handler()
		st.learnLegs(h, s.ClientBase, handler)
		return handler
	}
}

// Numbers gives the numbers from one on, each as 16 bytes: nonces that are counted.
type Numbers struct{ last uint64 }

// Read implements [io.Reader]. It fills p with the next number.
func (n *Numbers) Read(p []byte) (int, error) {
	n.last++
	clear(p)
	if len(p) >= 8 {
		binary.BigEndian.PutUint64(p[len(p)-8:], n.last)
	}
	return len(p), nil
}
