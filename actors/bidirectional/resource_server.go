package bidirectional

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/actors"
	"countersign/actors/oauth1"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// ResourceServer takes access tokens from the OAuth server of its site, and gives the resources of the user
// who authorized to the client that shows one of them (profile section 5).
type ResourceServer struct {
	actors.Env
	BaseURL     string // the URL under which it lies, without a trailing slash; its endpoints are /handover and /resource below
	Issuer      string // the one OAuth server that it takes hand-overs from
	HandoverKey string // shared with that OAuth server
	Clients     []ClientRegistration
	Resources   []Collection

	TimestampWindow time.Duration // zero: 300 seconds

	// TestClock is as in OAuthServer.
	TestClock func(time.Duration) time.Time
}

// Handler serves the server's endpoints.
func (s *ResourceServer) Handler() http.Handler { return Site{ResourceServer: s}.Handler() }

const (
	pathHandover = "/handover"
	pathResource = "/resource"
)

func (s *ResourceServer) routes(mux *http.ServeMux) {
	base := wire.PathOf(s.BaseURL)
	mux.HandleFunc(base+pathHandover, s.takeHandover)
	mux.HandleFunc(base+pathResource, s.giveResource)
}

func (s *ResourceServer) describe(m *Metadata) {
	m.Issuer = cmp.Or(m.Issuer, s.Issuer)
	m.TokenHandoverEndpoint = s.BaseURL + pathHandover
	m.ResourceEndpoint = s.resourceEndpoint()
}

func (s *ResourceServer) resourceEndpoint() string { return s.BaseURL + pathResource }

// judge is what the resource server refuses in any signed request.
func (s *ResourceServer) judge() requestJudge {
	return requestJudge{
		Env:      s.Env,
		nonces:   "resource-server/nonces",
		window:   cmp.Or(s.TimestampWindow, window),
		unsigned: http.StatusUnauthorized,

		// RFC 5849 section 3.1: protocol parameters come once.
		refuseDuplicates: s.Guards.On("BI-RS-22"),
		// RFC 5849 section 3.4.4
		refusePlainPlaintext: s.Guards.On("BI-RS-21"),

		refuseVersions: true, refuseUnknownMethods: true, refuseUnknownClients: true,
		acceptHMACSHA1: true, coverBody: true, keepNoncesApart: true,
	}
}

func (s *ResourceServer) refuse(w http.ResponseWriter, err error) {
	// RFC 9110 section 11.6.1
	refuse(w, err, s.Guards.On("BI-RS-08"))
}

// takeHandover is the resource server's end of step 7 (profile section 5.1).
func (s *ResourceServer) takeHandover(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	signature, err := s.authenticateHandover(r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	form := r.PostForm
	// RFC 8707: a token meant for another server is not taken
	if s.Guards.Forbids("BI-RS-10", form.Get("resource_server") != s.resourceEndpoint()) {
		s.refuse(w, oauth1.Refuse(oauth1.ParameterRejected, "resource_server", "the token is meant for another resource server"))
		return
	}
	// flows, push racing revocation: hand-overs say in which order they were made
	const greatest = 1<<53 - 1
	if _, err := positive(form, "sequence", greatest); err != nil && s.Guards.Hardened() {
		s.refuse(w, err)
		return
	}
	switch event := form.Get("event"); event {
	case eventIssued:
		err = s.keep(r.Context(), form)
	case eventRevoked:
		err = s.forgo(r.Context(), form)
	case "":
		err = absent("event")
	default:
		err = oauth1.Refuse(oauth1.ParameterRejected, "event", "an event is issued or revoked")
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	// profile section 4.4: the OAuth server knows from whom the acknowledgement comes
	if signature != "" && s.Guards.On("BI-RS-26") {
		w.Header().Set(headerReceipt, receiptOf(signature, s.HandoverKey))
	}
	w.WriteHeader(http.StatusNoContent)
}

// authenticateHandover judges whether a hand-over comes from the site's own OAuth server (closes claim 4), and gives its signature, empty
// where one without is taken. Nonces are not remembered: a hand-over that arrives again has to be acknowledged, and changes nothing.
func (s *ResourceServer) authenticateHandover(r *http.Request) (signature string, err error) {
	m, err := oauth1.Parse(r, 0)
	if err != nil {
		return "", err
	}
	signed := len(m.Transports) > 0
	// flows, authenticated channel
	if !signed && !s.Guards.On("BI-RS-11") {
		return "", nil
	}
	judge := s.judge()
	judge.keys = func(consumerKey string) (oauth1.Keys, bool) {
		if consumerKey == s.Issuer {
			return oauth1.Keys{ClientSecret: s.HandoverKey}, true
		}
		// closes claim 4: no registered client can plant a token with its own secret
		if s.Guards.On("BI-RS-13") {
			return oauth1.Keys{}, false
		}
		return registeredKeys(s.Clients)(consumerKey)
	}
	// flows, authenticated channel
	judge.refuseWrongSignatures = s.Guards.On("BI-RS-12")
	// RFC 5849 section 3.3
	judge.refuseOld = s.Guards.On("BI-RS-25")
	judge.refuseFuture = judge.refuseOld
	m, err = judge.read(r)
	if err != nil {
		return "", err
	}
	return m.Signature, judge.verify(m, "")
}

// keep takes a token that was issued.
func (s *ResourceServer) keep(ctx context.Context, form url.Values) error {
	for _, name := range []string{"token", "token_secret", "client_id", "username"} {
		if form.Get(name) == "" {
			return absent(name)
		}
	}
	expires, err := positive(form, "expires_at", latestExpiry)
	// RFC 6749 section 1.4: it has to be said when a token ends
	if err != nil && s.expires() {
		return err
	}
	offered := handedOver{Secret: form.Get("token_secret"), ClientID: form.Get("client_id"), Username: form.Get("username"), Expires: expires}
	if s.Guards.Whole() {
		return s.takeIn(ctx, form.Get("token"), offered)
	}
	return s.Store.Update(func(tx store.Tx) error { return s.accept(tx, form.Get("token"), offered) })
}

// latestExpiry is the greatest expires_at, in seconds since 1970 (profile section 4.4). It lies so far before the end of the year 9999 that what is kept for longer
// can be written down.
const latestExpiry = 250_000_000_000

// positive reads a whole number of 1 to most. The error is an *oauth1.Problem: 400 parameter_absent or parameter_rejected.
func positive(form url.Values, name string, most int64) (int64, error) {
	text := form.Get(name)
	if text == "" {
		return 0, absent(name)
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n < 1 || int64(n) > most {
		return 0, oauth1.Refuse(oauth1.ParameterRejected, name, fmt.Sprintf("%s is no whole number of 1 to %d", name, most))
	}
	return int64(n), nil
}

// handedOverBefore refuses to bind a known token anew.
func handedOverBefore() error {
	return &oauth1.Problem{Status: http.StatusConflict, Code: oauth1.ParameterRejected, Parameter: "token", Description: "the token has been handed over before, with another client, user or secret"}
}

func (s *ResourceServer) accept(tx store.Tx, token string, offered handedOver) error {
	var known handedOver
	found, err := tx.Get(handedOverTokens, token, &known)
	if err != nil {
		return err
	}
	switch {
	case found && known.Revoked:
		// flows, push racing revocation: a revocation is final
		if s.Guards.On("BI-RS-15") {
			return nil
		}
	case found && known.sameAs(offered):
		// flows, repeated push
		if s.Guards.On("BI-RS-16") {
			return nil
		}
		return handedOverBefore()
	// flows, repeated push; RFC 9700 section 2.3
	case s.Guards.Forbids("BI-RS-17", found):
		return handedOverBefore()
	}
	if err := s.forgetTokens(tx); err != nil {
		return err
	}
	offered.Forget = s.longKept()
	if s.expires() {
		offered.Forget = time.Unix(offered.Expires, 0).Add(grace).UTC()
	}
	return tx.Put(handedOverTokens, token, offered)
}

// forgo takes the revocation of a token, also of one that has not been handed over yet.
func (s *ResourceServer) forgo(ctx context.Context, form url.Values) error {
	token := form.Get("token")
	if token == "" {
		return absent("token")
	}
	// RFC 7009 section 2: the revocation takes effect
	if !s.Guards.On("BI-RS-14") {
		return nil
	}
	if s.Guards.Whole() {
		return s.tokens().Revoke(ctx, token)
	}
	return s.Store.Update(func(tx store.Tx) error {
		var known handedOver
		if _, err := tx.Get(handedOverTokens, token, &known); err != nil {
			return err
		}
		if err := s.forgetTokens(tx); err != nil {
			return err
		}
		known.Revoked = true
		if known.Forget.IsZero() {
			known.Forget = s.longKept()
		}
		return tx.Put(handedOverTokens, token, known)
	})
}

// expires says whether tokens end (RFC 6749 section 1.4).
func (s *ResourceServer) expires() bool { return s.Guards.On("BI-RS-18") }
