package bidirectional

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/actors"
	"countersign/actors/oauth1"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// OAuthServer issues temporary credentials and access tokens to clients, puts the question to the user, and
// hands access tokens over to the resource server of its site (profile section 4).
type OAuthServer struct {
	actors.Env
	Issuer   string // the URL under which it lies, without a trailing slash; a path is allowed
	SiteName string // shown to the user
	Clients  []ClientRegistration
	Users    []Account

	HandoverEndpoint string // token_handover_endpoint of the site's resource server
	HandoverKey      string // shared with the site's resource server
	ResourceEndpoint string // resource_endpoint of the site's resource server

	// The site's own client, named in the metadata for peers; empty when the site has none.
	ClientID           string
	DelegationEndpoint string

	TemporaryCredentialLifetime time.Duration // zero: 10 minutes
	AccessTokenLifetime         time.Duration // zero: 1 hour
	TimestampWindow             time.Duration // zero: 300 seconds

	// TestClock moves the server's clock forward and gives the new time. When set, the test clock endpoint of profile section 9 is
	// served: never in production.
	TestClock func(time.Duration) time.Time
}

// Handler serves the server's endpoints, and takes up again the hand-overs that were not acknowledged when
// the server last stopped.
func (s *OAuthServer) Handler() http.Handler { return Site{OAuthServer: s}.Handler() }

const (
	pathTemporaryCredential = "/temporary-credential"
	pathAuthorization       = "/authorize"
	pathToken               = "/token"
	pathRevocation          = "/revoke"
)

func (s *OAuthServer) routes(mux *http.ServeMux) {
	base := wire.PathOf(s.Issuer)
	mux.Handle(base+pathTemporaryCredential, s.endpoint(s.issueTemporaryCredential))
	mux.HandleFunc(base+pathAuthorization, s.authorize)
	mux.Handle(base+pathToken, s.endpoint(s.issueAccessToken))
	mux.Handle(base+pathRevocation, s.endpoint(s.revoke))
}

func (s *OAuthServer) describe(m *Metadata) {
	m.Issuer = s.Issuer
	// RFC 8414 section 3.3
	if !s.Guards.On("BI-OS-01") {
		m.Issuer += "/another"
	}
	m.TemporaryCredentialEndpoint = s.Issuer + pathTemporaryCredential
	m.AuthorizationEndpoint = s.Issuer + pathAuthorization
	m.TokenEndpoint = s.Issuer + pathToken
	m.RevocationEndpoint = s.Issuer + pathRevocation
	m.SignatureMethodsSupported = s.signatureMethods()
	m.TemporaryCredentialLifetime = int64(s.temporaryCredentialLifetime() / time.Second)
	m.AccessTokenLifetime = int64(s.accessTokenLifetime() / time.Second)
	m.TimestampWindow = int64(s.timestampWindow() / time.Second)
	m.ResourceEndpoint = s.ResourceEndpoint
	m.ClientID = s.ClientID
	m.DelegationEndpoint = s.DelegationEndpoint
}

// signatureMethods are those to announce. PLAINTEXT, although taken over TLS, is recommended to nobody.
func (s *OAuthServer) signatureMethods() []string {
	methods := []string{string(oauth1.HMACSHA256), string(oauth1.HMACSHA1)}
	if slices.ContainsFunc(s.Clients, func(c ClientRegistration) bool { return c.PublicKey != nil }) {
		methods = append(methods, string(oauth1.RSASHA1))
	}
	return methods
}

func (s *OAuthServer) temporaryCredentialLifetime() time.Duration {
	return cmp.Or(s.TemporaryCredentialLifetime, 10*time.Minute)
}
func (s *OAuthServer) accessTokenLifetime() time.Duration {
	return cmp.Or(s.AccessTokenLifetime, time.Hour)
}
func (s *OAuthServer) timestampWindow() time.Duration { return cmp.Or(s.TimestampWindow, window) }

// endpoint serves a leg that a client calls with POST.
func (s *OAuthServer) endpoint(leg func(*http.Request) (wire.Answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			wire.WrongMethod(w, http.MethodPost)
			return
		}
		answer, err := leg(r)
		if err != nil {
			// RFC 9110 section 11.6.1
			refuse(w, err, s.Guards.On("BI-OS-23"))
			return
		}
		s.keepFromCaches(w)
		answer.Write(w)
	})
}

// keepFromCaches marks a response that bears a secret (RFC 6749 section 5.1; RFC 9111 section 5.2.2.5).
func (s *OAuthServer) keepFromCaches(w http.ResponseWriter) {
	if s.Guards.On("BI-OS-44") {
		w.Header().Set("Cache-Control", "no-store")
	}
}

// judge is what the OAuth server refuses in a signed request.
func (s *OAuthServer) judge() requestJudge {
	return requestJudge{
		Env:      s.Env,
		nonces:   "oauth-server/nonces",
		window:   s.timestampWindow(),
		unsigned: http.StatusBadRequest,
		keys:     registeredKeys(s.Clients),

		// RFC 5849 section 3.1: protocol parameters come once.
		refuseDuplicates: s.Guards.On("BI-OS-42"),
		// RFC 5849 section 3.2
		refuseVersions:        s.Guards.On("BI-OS-10"),
		refuseUnknownMethods:  s.Guards.On("BI-OS-09"),
		refuseUnknownClients:  s.Guards.On("BI-OS-04"),
		refuseWrongSignatures: s.Guards.On("BI-OS-05"),
		// RFC 5849 section 3.3
		refuseOld:       s.Guards.On("BI-OS-38"),
		refuseFuture:    s.Guards.On("BI-OS-39"),
		refuseReplays:   s.Guards.On("BI-OS-36"),
		keepNoncesApart: s.Guards.On("BI-OS-37"),
		// RFC 5849 section 3.4: what is announced is accepted.
		acceptHMACSHA1: s.Guards.On("BI-OS-08"),
		// RFC 5849 section 3.4.1.3
		coverBody: s.Guards.On("BI-OS-07"),
		// RFC 5849 section 3.4.4
		refusePlainPlaintext: s.Guards.On("BI-OS-41"),
	}
}

// issueTemporaryCredential is steps 1 to 3 (profile section 4.1).
func (s *OAuthServer) issueTemporaryCredential(r *http.Request) (wire.Answer, error) {
	judge := s.judge()
	m, err := judge.read(r)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := judge.verify(m, ""); err != nil {
		return wire.Answer{}, err
	}
	asking, known := findClient(s.Clients, m.ConsumerKey)
	// RFC 5849 section 2.1: oauth_callback is required.
	callback := m.Callback
	if s.Guards.Forbids("BI-OS-06", callback == "") {
		return wire.Answer{}, absent("oauth_callback")
	}
	if !known {
		asking.Callback = callback // an unknown client that was let pass
	}
	callback = cmp.Or(callback, asking.Callback)
	// RFC 5849 section 4.7; RFC 9700 section 4.1
	if s.Guards.Forbids("BI-OS-40", callback != asking.Callback) || !absoluteURL(callback) {
		return wire.Answer{}, oauth1.Refuse(oauth1.ParameterRejected, "oauth_callback", "the callback is not the one registered for the client")
	}
	// closes claims 3, 7: whom the credential may be rewritten to is said now, by the client that asks
	delegate := r.PostForm.Get("delegate")
	_, registered := findClient(s.Clients, delegate)
	if s.Guards.Forbids("BI-OS-26", delegate != "" && !registered) {
		return wire.Answer{}, oauth1.Refuse(oauth1.ParameterRejected, "delegate", "no client of this identifier is registered here")
	}
	token, err := s.newCredential()
	if err != nil {
		return wire.Answer{}, err
	}
	secret, err := s.newCredential()
	if err != nil {
		return wire.Answer{}, err
	}
	expires := s.Clock.Now().Add(s.temporaryCredentialLifetime())
	err = s.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, temporaryCredentials, s.Clock.Now(), time.Hour); err != nil {
			return err
		}
		return tx.Put(temporaryCredentials, token, temporaryCredential{
			Mortal: store.Mortal{Forget: expires.Add(grace)}, Token: token, Secret: secret, Expires: expires,
			ClientID: m.ConsumerKey, Holder: m.ConsumerKey, Callback: callback, Delegate: delegate,
		})
	})
	if err != nil {
		return wire.Answer{}, err
	}
	issued := oauth1.Credentials{Token: token, Secret: secret}
	// description of fig. 2: the response packet carries the client identifier
	if s.Guards.On("BI-OS-03") {
		issued.Extra = append(issued.Extra, oauth1.Param{Name: "client_id", Value: m.ConsumerKey})
	}
	issued.Extra = append(issued.Extra, oauth1.Param{Name: "expires_in", Value: seconds(s.temporaryCredentialLifetime())})
	// RFC 5849 section 2.1: oauth_callback_confirmed is required.
	if !s.Guards.On("BI-OS-02") {
		return formAnswer(issued.Encode()), nil
	}
	return formAnswer(issued.EncodeTemporary()), nil
}

// newCredential makes a token, a secret or a verifier (RFC 5849 sections 4.10 and 4.11).
func (s *OAuthServer) newCredential() (string, error) {
	if s.Guards.On("BI-OS-34") {
		return secret.Unguessable(s.Entropy("credentials"))
	}
	var count int
	err := s.Store.Update(func(tx store.Tx) error {
		if _, err := tx.Get("oauth-server/count", "credentials", &count); err != nil {
			return err
		}
		count++
		return tx.Put("oauth-server/count", "credentials", count)
	})
	return strconv.Itoa(count) + "-" + wire.Label(s.Issuer), err
}

// issueAccessToken is step 7 (profile section 4.3): a verifier is exchanged for an access token.
func (s *OAuthServer) issueAccessToken(r *http.Request) (wire.Answer, error) {
	judge := s.judge()
	m, err := judge.read(r, "oauth_token")
	if err != nil {
		return wire.Answer{}, err
	}
	credential, known, err := store.Load[temporaryCredential](s.Store, temporaryCredentials, m.Token)
	if err != nil {
		return wire.Answer{}, err
	}
	if !known {
		return wire.Answer{}, oauth1.Refuse(oauth1.TokenRejected, "oauth_token", "no temporary credential of this name was issued here")
	}
	if err := judge.verify(m, credential.Secret); err != nil {
		return wire.Answer{}, err
	}
	token, err := s.newCredential()
	if err != nil {
		return wire.Answer{}, err
	}
	secret, err := s.newCredential()
	if err != nil {
		return wire.Answer{}, err
	}
	expires := s.Clock.Now().Add(s.accessTokenLifetime())
	issued := handover{Event: eventIssued, Sequence: 1, Token: token, TokenSecret: secret, ClientID: m.ConsumerKey, Expires: expires}
	// One transaction judges and uses up the credential, so that two requests at once get one token.
	err = s.Store.Update(func(tx store.Tx) error {
		if _, err := tx.Get(temporaryCredentials, m.Token, &credential); err != nil {
			return err
		}
		if err := s.redeem(tx, &credential, m); err != nil {
			return err
		}
		issued.Username = s.tokenUser(credential)
		if err := tx.Put(temporaryCredentials, credential.Token, credential); err != nil {
			return err
		}
		if err := store.Forget(tx, accessTokens, s.Clock.Now(), time.Hour); err != nil {
			return err
		}
		record := accessToken{Mortal: store.Mortal{Forget: expires.Add(grace)}, ClientID: issued.ClientID, Expires: expires}
		if err := tx.Put(accessTokens, token, record); err != nil {
			return err
		}
		return s.plan(tx, issued)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	// claims 2, 3, 4: the resource server knows the token before the client has it
	s.handOver(issued)
	answer := oauth1.Credentials{Token: token, Secret: secret, Extra: []oauth1.Param{
		{Name: "client_id", Value: issued.ClientID}, {Name: "expires_in", Value: seconds(s.accessTokenLifetime())},
	}}.Encode()
	// RFC 5849 section 2.3: oauth_token_secret is required.
	if !s.Guards.On("BI-OS-15") {
		answer = without(answer, "oauth_token_secret")
	}
	return formAnswer(answer), nil
}

// redeem judges whether the request may exchange the credential, and uses it up.
func (s *OAuthServer) redeem(tx store.Tx, c *temporaryCredential, m *oauth1.Message) error {
	// description of fig. 2: once rewritten, the credential is the second client's
	if s.Guards.Forbids("BI-OS-19", c.Holder != m.ConsumerKey) {
		return oauth1.Refuse(oauth1.TokenRejected, "oauth_token", "the temporary credential belongs to another client")
	}
	// RFC 5849 section 2.1: a server may limit how long temporary credentials live.
	if s.Guards.Forbids("BI-OS-32", !s.Clock.Now().Before(c.Expires)) {
		return oauth1.Refuse(oauth1.TokenExpired, "oauth_token", "the temporary credential has expired")
	}
	// RFC 5849 section 2.3: a temporary credential is exchanged once.
	if s.Guards.Forbids("BI-OS-31", c.Exchanged) || c.Decision == Deny {
		return oauth1.Refuse(oauth1.TokenUsed, "oauth_token", "the temporary credential has been exchanged, or refused by the user")
	}
	denied := func(why string) error {
		return &oauth1.Problem{Status: http.StatusUnauthorized, Code: oauth1.PermissionDenied, Parameter: "oauth_verifier", Description: why}
	}
	if c.Decision == "" {
		// claim 1: the user authorizes
		if s.Guards.On("BI-OS-16") {
			return denied("the user has not consented")
		}
	} else {
		right := secret.Same(m.Verifier, c.Verifier)
		// RFC 5849 section 2.2: a verifier is bound to its temporary credential.
		if !right && !s.Guards.On("BI-OS-35") {
			live, err := s.liveVerifier(tx, m.Verifier)
			if err != nil {
				return err
			}
			right = live
		}
		// RFC 5849 section 2.3: the server verifies the verifier.
		if s.Guards.Forbids("BI-OS-17", !right) {
			return denied("the verifier is missing or wrong")
		}
	}
	c.Exchanged = true
	return nil
}

// tokenUser names the user whose resources the token opens: the one who consented (claims 10, 11).
func (s *OAuthServer) tokenUser(c temporaryCredential) string {
	if s.Guards.On("BI-OS-21") && c.Username != "" || len(s.Users) == 0 {
		return c.Username
	}
	return s.Users[0].Username
}

// revoke ends an access token (profile section 4.5, after RFC 7009 section 2). It is answered with 200 once the resource server knows.
func (s *OAuthServer) revoke(r *http.Request) (wire.Answer, error) {
	judge := s.judge()
	m, err := judge.read(r)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := judge.verify(m, ""); err != nil {
		return wire.Answer{}, err
	}
	token := r.PostForm.Get("token")
	if token == "" {
		return wire.Answer{}, absent("token")
	}
	var revoked *handover
	pending := false
	err = s.Store.Update(func(tx store.Tx) error {
		var record accessToken
		known, err := tx.Get(accessTokens, token, &record)
		if err != nil || !known {
			return err // RFC 7009 section 2.2: an unknown token is no error
		}
		// RFC 7009 section 2.1
		if s.Guards.Forbids("BI-OS-49", record.ClientID != m.ConsumerKey) {
			return oauth1.Refuse(oauth1.PermissionDenied, "token", "the access token is another client's")
		}
		if record.Revoked {
			var waiting handover
			_, err := tx.Get(handovers, token, &waiting)
			pending = waiting.Event == eventRevoked
			return err
		}
		record.Revoked = true
		if err := tx.Put(accessTokens, token, record); err != nil {
			return err
		}
		// RFC 7009 section 2: the revocation takes effect at the resource server
		if !s.Guards.On("BI-OS-48") {
			return nil
		}
		revoked = &handover{Event: eventRevoked, Sequence: 2, Token: token, Expires: record.Expires}
		return s.plan(tx, *revoked)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if revoked != nil {
		pending = !s.handOver(*revoked)
	}
	// RFC 7009 section 2.2.1: as long as the token opens anything, the client is told to ask again.
	if pending {
		return wire.Answer{}, &oauth1.Problem{
			Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Parameter: "token",
			Description: "the resource server has not acknowledged the revocation yet; it will be told again, so ask again later",
		}
	}
	return wire.Answer{Status: http.StatusOK}, nil
}
