package bidirectional

import (
	"cmp"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/bidirectional/pages"
	"countersign/actors/secret"
	"countersign/actors/wire"
)

// Client asks for authorization at its peers, at the initiating or at the receiving side, and reads the
// user's resources there (profile section 6).
type Client struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash
	ID      string // client identifier
	Name    string // of its site, shown to the user
	Issuer  string // the OAuth server of its own site
	Secret  string // its own, at the servers of its own site
	Peers   []Peer

	TimestampWindow time.Duration // for delegations that it receives; zero: 300 seconds

	// TestClock is as in OAuthServer.
	TestClock func(time.Duration) time.Time
}

// Handler serves the client's endpoints and its home page.
func (c *Client) Handler() http.Handler { return Site{Client: c}.Handler() }

const (
	pathStart      = "/start"
	pathCallback   = "/callback"
	pathDelegation = "/delegation"
	pathContinue   = "/continue/"
	pathDisconnect = "/disconnect"
)

func (c *Client) routes(mux *http.ServeMux) {
	base := wire.PathOf(c.BaseURL)
	mux.HandleFunc(base+"/{$}", c.home)
	mux.HandleFunc(base+pathStart, c.start)
	mux.HandleFunc(base+pathCallback, c.callback)
	mux.HandleFunc(base+pathDelegation, c.takeDelegation)
	mux.HandleFunc(base+pathContinue+"{handle}", c.continueFlow)
	mux.HandleFunc(base+pathDisconnect, c.disconnect)
}

func (c *Client) describe(m *Metadata) {
	m.Issuer = cmp.Or(m.Issuer, c.Issuer)
	m.ClientID = c.ID
	m.StartEndpoint = c.BaseURL + pathStart
	m.CallbackEndpoint = c.BaseURL + pathCallback
	m.DelegationEndpoint = c.BaseURL + pathDelegation
}

// start is steps 1 to 4 and 9 (profile section 6.1).
func (c *Client) start(w http.ResponseWriter, r *http.Request) {
	// RFC 9110 section 9.2.1; RFC 5849 section 4.13: a GET begins nothing
	if c.Guards.Forbids("BI-CL-36", r.Method != http.MethodPost) {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	chosen := r.PostFormValue("peer")
	if r.Method == http.MethodGet {
		chosen = r.FormValue("peer")
	}
	peer, known := c.peerByIssuer(chosen)
	if !known {
		c.fail(w, http.StatusBadRequest, "The other site is unknown here.")
		return
	}
	session, err := c.openSession(r)
	if err != nil {
		c.fail(w, http.StatusInternalServerError, "This site cannot keep what it needs now. Try again later.")
		return
	}
	continueURI, onward, err := c.begin(session, peer)
	if err != nil {
		c.fail(w, http.StatusBadGateway, "Neither "+c.Name+" nor "+peer.Name+" can ask you for authorization now. Try again later.")
		return
	}
	c.setSession(w, r, session)
	http.Redirect(w, r, cmp.Or(onward, continueURI), http.StatusSeeOther)
}

// begin sets off both legs, and returns where the terminal goes on for the first and for the second. What is
// empty did not get going; the error says that nothing did.
func (c *Client) begin(session string, peer Peer) (first, second string, err error) {
	own, ownErr := c.discover(c.Issuer)
	theirs, theirsErr := c.discover(peer.Issuer)
	// A server is known by the name that its metadata give. Where BI-CL-32 is kept, that is the name that it was asked under.
	if named, known := c.peerByIssuer(theirs.Issuer); known {
		peer = named
	}

	firstCredential, firstErr := temporary{}, cmp.Or(ownErr, errNotAsked)
	// claims 2, 4, 6, 9: step 1, the first temporary credential, from the own OAuth server
	if ownErr == nil && c.Guards.On("BI-CL-01") {
		firstCredential, firstErr = c.askFirst(own, peer)
	}
	// claim 1: trouble at the own server leaves the second leg
	if firstErr != nil && !c.Guards.On("BI-CL-11") {
		return "", "", firstErr
	}
	secondCredential, secondErr := temporary{}, cmp.Or(theirsErr, errNotAsked)
	// claims 2, 4, 6, 9: step 2, the second temporary credential, from the peer's OAuth server
	if theirsErr == nil && c.Guards.On("BI-CL-02") {
		secondCredential, secondErr = c.askSecond(theirs, peer)
	}
	// claim 1: trouble at the peer's server leaves the first leg
	if secondErr != nil && !c.Guards.On("BI-CL-12") {
		return "", "", secondErr
	}
	if firstErr == nil {
		first, firstErr = c.delegate(theirs, peer, firstCredential) // step 9
	}
	if secondErr != nil {
		return first, "", firstErr
	}
	state, err := c.newState()
	if err != nil {
		return "", "", err
	}
	err = c.keepLeg(leg{
		Token: secondCredential.Token, Secret: secondCredential.Secret, Session: session, State: state,
		PeerID: peer.ClientID, Issuer: peer.Issuer, Continue: first,
	})
	if err != nil {
		return "", "", err
	}
	// claims 1, 6: step 4, the second temporary credential is what the user decides on
	put := secondCredential
	if !c.Guards.On("BI-CL-03") {
		put = firstCredential
	}
	return first, c.authorizationURL(theirs, put, c.ID, state), nil
}

// askFirst asks the own OAuth server for the credential that the peer's client will hold.
func (c *Client) askFirst(own Metadata, peer Peer) (temporary, error) {
	// closes claims 3, 7: the credential says to whom it may be rewritten
	if !c.Guards.On("BI-CL-15") {
		return c.askTemporary(own, c.Secret)
	}
	return c.askTemporary(own, c.Secret, "delegate", peer.ClientID)
}

// askSecond asks the peer's OAuth server for the credential that the user is to decide on there.
func (c *Client) askSecond(theirs Metadata, peer Peer) (temporary, error) {
	if err := c.private(theirs.AuthorizationEndpoint); err != nil {
		return temporary{}, err
	}
	return c.askTemporary(theirs, peer.Secret)
}

// newState is what the browser takes to the authorization page and has to bring back from it; empty for a client that sends none.
func (c *Client) newState() (string, error) {
	// RFC 6749 section 10.12; RFC 9700 section 4.7
	if !c.Guards.On("BI-CL-39") {
		return "", nil
	}
	return secret.Unguessable(c.Entropy("states"))
}

// authorizationURL is where the user is asked about a temporary credential under a client identifier.
func (c *Client) authorizationURL(server Metadata, credential temporary, clientID, state string) string {
	target := withQuery(server.AuthorizationEndpoint, "oauth_token", credential.Token, "client_id", clientID)
	if state != "" {
		target = withQuery(target, "state", state)
	}
	// RFC 9700 section 4.3: no secret in a URL
	if !c.Guards.On("BI-CL-31") {
		target = withQuery(target, "oauth_token_secret", credential.Secret)
	}
	return target
}

// callback is steps 6 to 8, and 13 to 15 at the receiving side (profile section 6.2).
//
// It answers POST too, which it gets from a server that redirects the decision with 307, but looks at the query only.
func (c *Client) callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodGet, http.MethodPost)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	query := r.URL.Query()
	refusedByUser := query.Get("error") != ""
	verifier := query.Get("oauth_verifier")
	if verifier == "" && !refusedByUser {
		c.fail(w, http.StatusBadRequest, "The other site sent you here without its answer. Begin again.")
		return
	}
	leg, err := c.finishLeg(c.sessionOf(r), query.Get("oauth_token"), query["state"])
	if err != nil {
		c.fail(w, http.StatusForbidden, "This answer does not belong to anything that was begun in this browser, or was used before. Begin again.")
		return
	}
	peer := c.peerOf(leg)
	result := pages.Result{Site: c.Name, Peer: peer.Name, Home: c.BaseURL + "/"}
	status := http.StatusOK
	if refusedByUser {
		result.Text = "You refused. " + c.Name + " reads nothing of yours at " + peer.Name + "."
		// claim 1: the refusal of one leg leaves the other
		if !c.Guards.On("BI-CL-10") {
			leg.Continue = ""
		}
	} else if grant, err := c.redeem(leg, verifier); err != nil {
		status = http.StatusBadGateway
		result.Text = "You allowed it, but " + peer.Name + " did not let " + c.Name + " read. Try again later."
	} else {
		shown := grant.shown()
		result.Reading = &shown
	}
	if leg.Continue != "" {
		http.Redirect(w, r, leg.Continue, http.StatusSeeOther)
		return
	}
	pages.Write(w, status, result)
}

// redeem exchanges the verifier and reads the resources.
func (c *Client) redeem(leg leg, verifier string) (grant, error) {
	server, err := c.discover(leg.Issuer)
	if err != nil {
		return grant{}, err
	}
	token, err := c.exchange(server, leg, verifier)
	if err != nil {
		return grant{}, err
	}
	g := grant{Issuer: leg.Issuer, Token: token.Token, Secret: token.Secret}
	if err := c.keepGrant(leg.Session, g); err != nil {
		return grant{}, err
	}
	if !c.reads(leg) {
		return g, nil
	}
	if g.Reading, err = c.read(server, leg, g); err != nil {
		return grant{}, err
	}
	return g, c.keepGrant(leg.Session, g)
}

// reads says whether the resources are read once there is a token for them.
func (c *Client) reads(l leg) bool {
	if l.Receiving {
		// claims 3, 7: steps 14 and 15
		return c.Guards.On("BI-CL-09")
	}
	// claims 1, 4, 6: step 8
	return c.Guards.On("BI-CL-05")
}

// home shows what the site can read at each peer, and offers to connect.
func (c *Client) home(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	grants, err := c.grants(c.sessionOf(r))
	if err != nil {
		c.fail(w, http.StatusInternalServerError, "This site cannot look up what it needs now. Try again later.")
		return
	}
	page := pages.Home{Site: c.Name}
	for _, peer := range c.Peers {
		shown := pages.Peer{Name: peer.Name, Issuer: peer.Issuer}
		for _, g := range grants {
			if g.Issuer == peer.Issuer {
				shown.Readings = append(shown.Readings, g.shown())
			}
		}
		page.Peers = append(page.Peers, shown)
	}
	w.Header().Set("Cache-Control", "no-store")
	pages.Write(w, http.StatusOK, page)
}

// disconnect revokes what this session was granted at a peer, and forgets it.
func (c *Client) disconnect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	peer, known := c.peerByIssuer(r.PostFormValue("peer"))
	if !known {
		c.fail(w, http.StatusBadRequest, "The other site is unknown here.")
		return
	}
	session := c.sessionOf(r)
	grants, err := c.grants(session)
	for _, g := range grants {
		if err == nil && g.Issuer == peer.Issuer {
			err = c.revoke(peer, g.Token)
		}
		if err == nil && g.Issuer == peer.Issuer {
			err = c.dropGrant(session, g)
		}
	}
	if err != nil {
		c.fail(w, http.StatusBadGateway, peer.Name+" cannot be told now that "+c.Name+" is to read no more. Try again later.")
		return
	}
	http.Redirect(w, r, c.BaseURL+"/", http.StatusSeeOther)
}

func (c *Client) peerByIssuer(issuer string) (Peer, bool) {
	return find(c.Peers, func(p Peer) bool { return p.Issuer == issuer })
}

func (c *Client) peerByID(clientID string) (Peer, bool) {
	return find(c.Peers, func(p Peer) bool { return p.ClientID == clientID })
}

// peerOf is the peer of a leg. Only where a stranger's delegation was let pass it is not the one that sent it,
// but the one that issued the credential, or none that is known.
func (c *Client) peerOf(l leg) Peer {
	if peer, known := c.peerByID(l.PeerID); known {
		return peer
	}
	if peer, known := c.peerByIssuer(l.Issuer); known {
		return peer
	}
	return Peer{Name: l.Issuer, Issuer: l.Issuer, ClientID: l.PeerID}
}

func (c *Client) fail(w http.ResponseWriter, status int, text string) {
	pages.Write(w, status, pages.Failure{Site: c.Name, Text: text})
}
