package twosites

import (
	"net/url"
	"slices"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// keepDiaries has what honest people keep at the sites watched: each reads it at home, and lets the client of the other site read it.
func (j *judge) keepDiaries() {
	for _, pair := range [][2]*Site{{j.A, j.B}, {j.B, j.A}} {
		site, peer := pair[0], pair[1]
		for _, a := range site.accounts {
			if a.person != j.Mallory.Name {
				j.Keep(stage.Secret{Value: a.title(), What: "what " + a.username + " keeps at " + site.Name, Hosts: []string{a.person, peer.Client.Name()}, Breaks: Secrecy})
			}
		}
	}
}

// keepKeys has the keys watched with which the sites begin.
func (j *judge) keepKeys() {
	for _, site := range []*Site{j.A, j.B} {
		j.keepKey(handoverKey(site), "the hand-over key of "+site.Name, site.servers()...)
		for _, client := range []*Site{j.A, j.B} {
			hosts := append(site.servers(), client.Client.Name(), site.Client.Name()) // whose delegations it signs too
			j.keepKey(secretAt(client, site), "the secret of "+client.ClientID+" at "+site.Name, hosts...)
		}
	}
}

// servers are the hosts of the site's OAuth server and resource servers.
func (s *Site) servers() []string {
	hosts := []string{s.OAuthServer.Name(), s.ResourceServer.Name()}
	if s.Archive != nil {
		hosts = append(hosts, s.Archive.Name())
	}
	return hosts
}

// keepKey has a key watched, unless somebody dishonest has it of right. What travels without TLS is kept no longer: in some scenes a link is in the clear.
func (j *judge) keepKey(value, what string, hosts ...string) {
	if !slices.ContainsFunc(hosts, j.Stage.Dishonest) {
		j.Keep(stage.Secret{Value: value, What: what, Hosts: slices.Clone(hosts), Breaks: KeysAtHome, Audible: true})
	}
}

// keepToken takes down the secret of an access token that a site has issued to a client.
func (j *judge) keepToken(at *Site, secret, client string) {
	j.secrets[secret] = true
	j.keepKey(secret, "the secret of an access token of "+at.OAuthServer.Name(), append(at.servers(), j.clientHost(client))...)
}

// handedOver takes down the secret in a hand-over, which leaves before the client has its answer.
func (j *judge) handedOver(from *Site, m *sim.Message) {
	if form, err := url.ParseQuery(string(m.Body)); err == nil {
		j.keepToken(from, form.Get("token_secret"), form.Get("client_id"))
	}
}

// keepVerifier has the verifier watched that a decision has made: it goes by the user's browser to the client that asked, or to its delegate.
func (j *judge) keepVerifier(at *Site, asked *sim.Message, location string) {
	u, err := url.Parse(location)
	if err != nil {
		return
	}
	if c := j.credentials[u.Query().Get("oauth_token")]; c != nil {
		j.keepKey(u.Query().Get("oauth_verifier"), "a verifier of "+at.OAuthServer.Name(), append(c.holders, at.OAuthServer.Name(), asked.From)...)
	}
}
