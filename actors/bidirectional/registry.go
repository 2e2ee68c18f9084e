package bidirectional

import (
	"crypto/rsa"

	"countersign/actors/password"
)

// ClientRegistration is what a site's OAuth server and resource server know of a client.
type ClientRegistration struct {
	ID       string // client identifier, the same at every site
	Secret   string // shared with this site only
	Name     string // shown to the user
	Callback string // the one callback URI
	// PublicKey lets the client sign with RSA-SHA1; nil when it registered none.
	PublicKey *rsa.PublicKey
}

// Account is a user registered at a site.
type Account struct {
	Username string
	Password password.Hash
}

// Collection is the resources of one user at a site.
type Collection struct {
	Owner     string // user name
	Resources []Resource
}

// Resource is one thing that a site keeps for a user.
type Resource struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Peer is another site, as a client knows it.
type Peer struct {
	Name   string // shown to the user
	Issuer string // the peer's OAuth server
	Secret string // of the client that knows the peer, at the peer's servers

	ClientID   string // of the peer's client
	PeerSecret string // of the peer's client, at the own site
}

// find returns the first element that has the property.
func find[E any](all []E, has func(E) bool) (E, bool) {
	for _, e := range all {
		if has(e) {
			return e, true
		}
	}
	var none E
	return none, false
}

func findClient(all []ClientRegistration, id string) (ClientRegistration, bool) {
	return find(all, func(c ClientRegistration) bool { return c.ID == id })
}
