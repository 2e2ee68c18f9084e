package bidirectional

import (
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/wire"
)

// Site is roles of one site on one origin. A role that is nil lives elsewhere, or nowhere.
type Site struct {
	OAuthServer    *OAuthServer
	ResourceServer *ResourceServer
	Client         *Client
}

// Handler serves the endpoints of the site's roles, and one metadata document with the members of all. The
// OAuth server takes up again the hand-overs that were not acknowledged when it last stopped.
func (s Site) Handler() http.Handler {
	mux := http.NewServeMux()
	document := Metadata{Profile: Profile}
	var bases []string
	var advance func(time.Duration) time.Time
	// The OAuth server comes first: it names the issuer, and what it says of the other roles gives way to what they say themselves.
	if o := s.OAuthServer; o != nil {
		o.routes(mux)
		o.describe(&document)
		o.resumeHandOvers()
		bases, advance = append(bases, o.Issuer), o.TestClock
	}
	if rs := s.ResourceServer; rs != nil {
		rs.routes(mux)
		rs.describe(&document)
		bases = append(bases, rs.BaseURL)
		if advance == nil {
			advance = rs.TestClock
		}
	}
	if c := s.Client; c != nil {
		c.routes(mux)
		c.describe(&document)
		bases = append(bases, c.BaseURL)
		if advance == nil {
			advance = c.TestClock
		}
	}
	if advance != nil && len(bases) > 0 {
		document.TestClockEndpoint = bases[0] + "/test-clock"
		mux.Handle(wire.PathOf(bases[0])+"/test-clock", wire.TestClock(advance))
	}
	served := map[string]bool{}
	for _, base := range bases {
		if path := wire.PathOf(base) + wellKnown; !served[path] {
			served[path] = true
			mux.Handle(path, wire.Document{Value: document})
		}
	}
	return mux
}

// SiteSettings are what the three roles of a whole site have in common.
type SiteSettings struct {
	actors.Env
	Origin      string // of all three roles, and the issuer: scheme://host[:port], without a trailing slash; a path is allowed
	Name        string // shown to the user
	Clients     []ClientRegistration
	Users       []Account
	Resources   []Collection
	HandoverKey string // shared by the OAuth server and the resource server

	ClientID string // of the site's own client, which is among Clients
	Peers    []Peer

	// TestClock is as in OAuthServer.
	TestClock func(time.Duration) time.Time
}

// Site makes the roles, which may be changed before Handler is called.
func (s SiteSettings) Site() Site {
	own, _ := findClient(s.Clients, s.ClientID)
	return Site{
		OAuthServer: &OAuthServer{
			Env: s.Env, Issuer: s.Origin, SiteName: s.Name, Clients: s.Clients, Users: s.Users,
			HandoverEndpoint: s.Origin + pathHandover, HandoverKey: s.HandoverKey, ResourceEndpoint: s.Origin + pathResource,
			ClientID: s.ClientID, DelegationEndpoint: s.Origin + pathDelegation, TestClock: s.TestClock,
		},
		ResourceServer: &ResourceServer{
			Env: s.Env, BaseURL: s.Origin, Issuer: s.Origin, HandoverKey: s.HandoverKey, Clients: s.Clients, Resources: s.Resources,
		},
		Client: &Client{
			Env: s.Env, BaseURL: s.Origin, ID: s.ClientID, Name: s.Name, Issuer: s.Origin, Secret: own.Secret, Peers: s.Peers,
		},
	}
}
