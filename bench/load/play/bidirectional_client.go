package play

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/bidirectional"
)

// client is a client of the bidirectional flow under load: one that initiates, or one that receives. The harness plays both sites and the browsers, whose users approve
// everything. The leg under load is the one by which the client gets to read at site B.
type client struct {
	setup                       *bidirectional.Setup
	own, peer                   *site
	start, delegation, callback *lean.Route
	*trouble                    // at both sites
}

// Legs of a journey at a client that initiates, and at one that receives.
const (
	legBegin = iota
	legInitiatedCallback
)

const (
	legDelegation = iota
	legContinue
	legReceivedCallback
	legContinueAgain
)

// newClient makes what both kinds have in common.
func newClient(scene *Scene) (*client, error) {
	setup, err := bidirectionalSetup(scene)
	if err != nil {
		return nil, err
	}
	c := &client{setup: setup, trouble: &trouble{}}
	if err := scene.routes(post(&c.start, "start_endpoint", asForm), post(&c.delegation, "delegation_endpoint", asForm), get(&c.callback, "callback_endpoint")); err != nil {
		return nil, err
	}
	own, peer := setup.Clients[0], setup.Clients[1]
	c.own = &site{
		issuer: setup.OwnIssuer, clientID: own.ID, delegationEndpoint: c.delegation.URL, secrets: map[string]string{}, trouble: c.trouble, random: newLots(), issued: map[string]*credentialOf{},
	}
	c.peer = &site{issuer: setup.PeerIssuer, clientID: peer.ID, secrets: map[string]string{own.ID: setup.SecretAtPeer}, trouble: c.trouble, random: newLots(), issued: map[string]*credentialOf{}}
	c.peer.delegationEndpoint = c.peer.in("delegation")
	for _, known := range setup.Clients {
		c.own.secrets[known.ID] = known.Secret
	}
	// At site B the client under load delegates with the secret by which it is registered there.
	for party, s := range map[string]*site{"site-a": c.own, "site-b": c.peer} {
		s.wellKnown, s.callback, s.handoverKey = scene.Flow.WellKnown, c.callback.URL, setup.HandoverKey
		if err := scene.Env.Play(party, s); err != nil {
			return nil, &SceneError{fmt.Sprintf("the harness cannot play %s: %v", party, err)}
		}
	}
	return c, nil
}

// Prepare implements load.Script.
func (c *client) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: a client forgets its legs by itself.
func (*client) Clean(*load.Seat) error { return nil }

// asked is what the client sends the browser to site B with: the token of a credential, and the state that it wants back.
type asked struct{ token, state string }

// sent wants an answer to send the browser to site B with one of its credentials and a state, for the client under load.
func (c *client) sent(s *load.Seat, resp *lean.Response) (asked, error) {
	if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return asked{}, s.Wrong("status 303 or 302", fmt.Sprintf("status %d", resp.Status))
	}
	to, err := url.Parse(string(resp.Header("Location")))
	if err != nil || !strings.HasPrefix(to.String(), c.peer.in("authorize")+"?") {
		return asked{}, s.Wrong("a redirect to "+c.peer.in("authorize"), fmt.Sprintf("Location %q", resp.Header("Location")))
	}
	with := asked{to.Query().Get("oauth_token"), to.Query().Get("state")}
	if c.peer.find(with.token) == nil {
		return asked{}, s.Wrong("a temporary credential of site B as oauth_token", fmt.Sprintf("oauth_token %q", with.token))
	}
	if !keyForm(with.state) {
		return asked{}, s.Wrong("a state of 22 or more characters A-Z a-z 0-9 - _", fmt.Sprintf("state %q", with.state))
	}
	return with, same(s, "client_id of the redirect", c.setup.Clients[0].ID, to.Query().Get("client_id"))
}

// ends brings the verifier and the state to the callback endpoint, and wants the client to have read site B's resource with the token that it got for it.
func (c *client) ends(s *load.Seat, leg int, with asked, cookies jar) (*lean.Response, error) {
	approved := c.peer.find(with.token)
	s.Buffer = c.callback.Append(s.Buffer[:0], url.Values{"oauth_token": {with.token}, "oauth_verifier": {approved.verifier}, "state": {with.state}}.Encode(), cookies.line(), nil)
	resp, err := s.Do(leg, c.callback, s.Buffer)
	if err != nil {
		return nil, err
	}
	if !c.peer.forget(with.token) {
		return nil, s.Wrong("site B's resource read with the token for this credential, before the answer", "not so")
	}
	return resp, nil
}

// toBothSites is what requests of a client have to be.
const toBothSites = "requests to both sites as the profile has them"

// initiating is a client that begins.
type initiating struct{ *client }

func newInitiating(scene *Scene) (load.Script, error) {
	c, err := newClient(scene)
	return initiating{c}, err
}

// Legs implements load.Script: sections 6.1 and 6.2 of the profile.
func (initiating) Legs() []string { return []string{"start", "callback"} }

// Play implements load.Script: the client is started, and the user approves at site B.
func (c initiating) Play(s *load.Seat) error { return c.trouble.journey(s, toBothSites, c.play) }

func (c initiating) play(s *load.Seat) error {
	s.Buffer = c.start.Append(s.Buffer[:0], "", "", []byte(url.Values{"peer": {c.setup.PeerIssuer}}.Encode()))
	resp, err := s.Do(legBegin, c.start, s.Buffer)
	if err != nil {
		return err
	}
	var cookies jar
	cookies.take(resp)
	with, err := c.sent(s, resp)
	if err != nil {
		return err
	}
	if resp, err = c.ends(s, legInitiatedCallback, with, cookies); err != nil {
		return err
	}
	first, delegated := strings.CutPrefix(string(resp.Header("Location")), c.peer.in("continue?c="))
	if !delegated || c.own.find(first) == nil {
		return s.Wrong("a redirect to the continue_uri of the credential that was delegated", fmt.Sprintf("status %d and Location %q", resp.Status, resp.Header("Location")))
	}
	c.own.forget(first)
	return nil
}

// receiving is a client to which a credential is delegated.
type receiving struct{ *client }

func newReceiving(scene *Scene) (load.Script, error) {
	c, err := newClient(scene)
	return receiving{c}, err
}

// Legs implements load.Script: sections 6.3, 6.4 and 6.2 of the profile. The last one opens a continue_uri that has been used.
func (receiving) Legs() []string {
	return []string{"delegation", "continue", "callback", "continue-again"}
}

// Play implements load.Script: site B's client delegates a credential, and the browser continues with it.
func (c receiving) Play(s *load.Seat) error { return c.trouble.journey(s, toBothSites, c.play) }

func (c receiving) play(s *load.Seat) error {
	sender, own := c.setup.Clients[1], c.setup.Clients[0]
	first, credential := c.peer.mint(own.ID, nil)
	defer c.peer.forget(first)
	resp, err := signed{route: c.delegation, key: sender.ID, secret: sender.Secret, form: url.Values{
		"temporary_credential": {first}, "temporary_credential_secret": {credential.secret}, "client_id": {sender.ID}, "issuer": {c.setup.PeerIssuer},
	}}.send(s, legDelegation, s.Memory.(lots))
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	var said struct {
		ContinueURI string `json:"continue_uri"`
	}
	if err := json.Unmarshal(resp.Body, &said); err != nil {
		return s.Wrong("a JSON object with continue_uri", err.Error())
	}
	at, err := lean.NewRoute(http.MethodGet, said.ContinueURI)
	if err != nil {
		return s.Wrong("a continue_uri that can be opened", err.Error())
	}
	var cookies jar
	if resp, err = s.Do(legContinue, at, at.Append(s.Buffer[:0], "", "", nil)); err != nil {
		return err
	}
	cookies.take(resp)
	with, err := c.sent(s, resp)
	if err != nil {
		return err
	}
	if err := same(s, "oauth_token of the redirect", first, with.token); err != nil {
		return err
	}
	if resp, err = c.ends(s, legReceivedCallback, with, cookies); err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	if resp, err = s.Do(legContinueAgain, at, at.Append(s.Buffer[:0], "", cookies.line(), nil)); err != nil {
		return err
	}
	return status(s, resp, http.StatusBadRequest)
}
