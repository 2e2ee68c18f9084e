package bidirectional

import (
	"cmp"
	"net/http"

	"countersign/actors/oauth1"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// continuation is a first temporary credential that a peer's client has delegated, until the terminal comes for it.
type continuation struct {
	store.Mortal
	Token, Secret string
	SenderID      string // the identifier that the credential carries
	Issuer        string
	Opened        bool
}

// takeDelegation is the receiving end of step 9 (profile section 6.3).
func (c *Client) takeDelegation(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	delegated, err := c.judgeDelegation(r)
	if err != nil {
		refuse(w, err, true)
		return
	}
	handle, err := c.keepContinuation(delegated)
	if err != nil {
		refuse(w, err, true)
		return
	}
	answer, err := wire.JSON(map[string]string{"continue_uri": c.BaseURL + pathContinue + handle})
	if err != nil {
		refuse(w, err, true)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer.Write(w)
}

// judgeDelegation judges who delegates what.
func (c *Client) judgeDelegation(r *http.Request) (continuation, error) {
	m, err := oauth1.Parse(r, 0)
	if err != nil {
		return continuation{}, err
	}
	// closes claim 4: a delegation is signed
	if signed := len(m.Transports) > 0; signed || c.Guards.On("BI-CL-17") {
		judge := c.judge()
		if m, err = judge.read(r); err != nil {
			return continuation{}, err
		}
		if err := judge.verify(m, ""); err != nil {
			return continuation{}, err
		}
	}
	for _, name := range []string{"temporary_credential", "temporary_credential_secret", "client_id", "issuer"} {
		if r.PostForm.Get(name) == "" {
			return continuation{}, absent(name)
		}
	}
	delegated := continuation{
		Token: r.PostForm.Get("temporary_credential"), Secret: r.PostForm.Get("temporary_credential_secret"),
		SenderID: r.PostForm.Get("client_id"), Issuer: r.PostForm.Get("issuer"),
	}
	senderID := cmp.Or(m.ConsumerKey, delegated.SenderID)
	if senderID != delegated.SenderID {
		return continuation{}, oauth1.Refuse(oauth1.ParameterRejected, "client_id", "the temporary credential carries another identifier than the sender's")
	}
	sender, known := c.peerByID(senderID)
	if !known { // a stranger that was let pass
		sender, _ = c.peerByIssuer(delegated.Issuer)
	}
	// RFC 9700 section 4.4: mix-up
	if c.Guards.Forbids("BI-CL-20", delegated.Issuer != sender.Issuer) {
		return continuation{}, oauth1.Refuse(oauth1.ParameterRejected, "issuer", "the issuer is not the sender's own OAuth server")
	}
	busy, err := c.hasOpenLegs()
	if err != nil {
		return continuation{}, err
	}
	// description: either side may initiate, also at once
	if busy && !c.Guards.On("BI-CL-14") {
		return continuation{}, &oauth1.Problem{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "a flow of this client's own is under way"}
	}
	return delegated, nil
}

// judge is what the client refuses in a delegation.
func (c *Client) judge() requestJudge {
	// RFC 5849 section 3.3
	fresh := c.Guards.On("BI-CL-22")
	return requestJudge{
		Env:      c.Env,
		nonces:   "client/nonces",
		window:   cmp.Or(c.TimestampWindow, window),
		unsigned: http.StatusUnauthorized,
		keys: func(consumerKey string) (oauth1.Keys, bool) {
			peer, known := c.peerByID(consumerKey)
			return oauth1.Keys{ClientSecret: peer.PeerSecret}, known
		},

		// closes claim 4
		refuseWrongSignatures: c.Guards.On("BI-CL-18"),
		refuseUnknownClients:  c.Guards.On("BI-CL-19"),
		// RFC 5849 section 3.3
		refuseReplays: c.Guards.On("BI-CL-21"),
		refuseOld:     fresh,
		refuseFuture:  fresh,

		refuseDuplicates: true, refuseVersions: true, refuseUnknownMethods: true, refusePlainPlaintext: true,
		acceptHMACSHA1: true, coverBody: true, keepNoncesApart: true,
	}
}

// continueFlow is steps 10 and 11 (profile section 6.4): the identifier is rewritten.
func (c *Client) continueFlow(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		wire.WrongMethod(w, http.MethodGet)
		return
	}
	handle := r.PathValue("handle")
	waiting, known, err := store.Load[continuation](c.Store, continuations, handle)
	if err != nil || !known {
		c.fail(w, http.StatusBadRequest, "Nothing waits for you under this link. Begin again.")
		return
	}
	server, err := c.discover(waiting.Issuer)
	if err == nil {
		err = c.private(server.AuthorizationEndpoint)
	}
	if err != nil {
		c.fail(w, http.StatusBadGateway, "The other site cannot be reached safely now. Open the link again later.")
		return
	}
	session, err := c.openSession(r)
	var state string
	if err == nil {
		state, err = c.newState()
	}
	if err == nil {
		err = c.openContinuation(handle, session, state)
	}
	if err != nil {
		c.fail(w, http.StatusBadRequest, "This link has been opened before, or is too old. Begin again.")
		return
	}
	c.setSession(w, r, session)
	// claims 3, 7: the receiving client's own identifier takes the place of the sender's
	rewritten := c.ID
	if !c.Guards.On("BI-CL-07") {
		rewritten = waiting.SenderID
	}
	http.Redirect(w, r, c.authorizationURL(server, temporary{Token: waiting.Token, Secret: waiting.Secret}, rewritten, state), http.StatusSeeOther)
}
