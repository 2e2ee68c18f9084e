package bidirectional

import (
	"context"
	"net/http"
	"time"

	"countersign/actors/oauth1"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// giveResource is step 8 (profile section 5.2).
func (s *ResourceServer) giveResource(w http.ResponseWriter, r *http.Request) {
	// RFC 9110 section 15.5.6: consent to read is none to write
	if s.Guards.Forbids("BI-RS-24", r.Method != http.MethodGet && r.Method != http.MethodHead) {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	owner, err := s.authorizeReading(r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	collection, _ := find(s.Resources, func(c Collection) bool { return c.Owner == owner })
	collection.Owner = owner
	// claims 10, 11: the resources are those of the user who authorized
	if !s.Guards.On("BI-RS-06") {
		collection = s.firstCollection()
	}
	// RFC 9111 section 5.2.2.5
	if s.Guards.On("BI-RS-23") {
		w.Header().Set("Cache-Control", "no-store")
	}
	body := map[string]any{"owner": collection.Owner}
	// claims 2, 3, 4: the flow ends with the resources
	if s.Guards.On("BI-RS-01") {
		body["resources"] = append([]Resource{}, collection.Resources...)
	}
	answer, err := wire.JSON(body)
	if err != nil {
		s.refuse(w, err)
		return
	}
	answer.Write(w)
}

func (s *ResourceServer) firstCollection() Collection {
	if len(s.Resources) == 0 {
		return Collection{}
	}
	return s.Resources[0]
}

// authorizeReading compares the token in the request with those handed over (description of fig. 2), and returns the user whose resources it opens.
func (s *ResourceServer) authorizeReading(r *http.Request) (owner string, err error) {
	judge := s.judge()
	judge.keys = registeredKeys(s.Clients)
	// RFC 5849 section 3.3
	judge.refuseReplays = s.Guards.On("BI-RS-19")
	judge.refuseOld = s.Guards.On("BI-RS-20")
	judge.refuseFuture = judge.refuseOld
	// RFC 5849 section 3.2
	judge.refuseWrongSignatures = s.Guards.On("BI-RS-07")

	m, err := oauth1.Parse(r, 0)
	if err != nil {
		return "", err
	}
	// claim 4: the client shows the access token
	if m.Token == "" {
		if s.Guards.On("BI-RS-04") {
			p := absent("oauth_token")
			p.Status = http.StatusUnauthorized
			return "", p
		}
		return s.firstCollection().Owner, nil
	}
	if m, err = judge.read(r); err != nil {
		return "", err
	}
	token, err := s.compare(r.Context(), m.Token)
	if err != nil {
		return "", err
	}
	if token == nil { // an unknown token that was let pass
		return s.firstCollection().Owner, nil
	}
	if err := judge.verify(m, token.Secret); err != nil {
		return "", err
	}
	switch {
	// description of fig. 2: the token of the first client, or of the second
	case s.Guards.Forbids("BI-RS-05", token.ClientID != m.ConsumerKey):
		return "", oauth1.Refuse(oauth1.TokenRejected, "oauth_token", "the access token was issued to another client")
	case token.Revoked:
		return "", hasBeenRevoked()
	case s.expires() && !s.Clock.Now().Before(time.Unix(token.Expires, 0)):
		return "", oauth1.Refuse(oauth1.TokenExpired, "oauth_token", "the access token has expired")
	}
	return token.Username, nil
}

// compare finds the token among those handed over. It gives nil, without error, only where an unknown token is let pass.
func (s *ResourceServer) compare(ctx context.Context, token string) (*handedOver, error) {
	if s.Guards.Whole() {
		return s.find(ctx, token)
	}
	known, found, err := store.Load[handedOver](s.Store, handedOverTokens, token)
	// description of fig. 2: the two access tokens are compared whole
	if !found && !s.Guards.On("BI-RS-03") {
		known, found, err = s.beginsLike(token)
	}
	if err != nil {
		return nil, err
	}
	// claim 4; flows, late push: a refusal is not remembered
	if !s.Guards.On("BI-RS-09") {
		refused, err := s.refusedBefore(token, found)
		if err != nil {
			return nil, err
		}
		if refused {
			return nil, neverHandedOver()
		}
	}
	if found && (known.Secret != "" || !known.Revoked) {
		return &known, nil
	}
	if known.Revoked { // before it was handed over, so that nothing is known to verify with
		return nil, hasBeenRevoked()
	}
	// description of fig. 2: a token that the OAuth server did not send is refused
	if s.Guards.On("BI-RS-02") {
		return nil, neverHandedOver()
	}
	return nil, nil
}

// refusedBefore reports whether the token was refused before, and remembers it when it is refused now.
func (s *ResourceServer) refusedBefore(token string, found bool) (refused bool, err error) {
	err = s.Store.Update(func(tx store.Tx) error {
		if refused, err = tx.Get(refusedTokens, token, &store.Mortal{}); err != nil || refused || found {
			return err
		}
		return tx.Put(refusedTokens, token, store.Mortal{Forget: s.longKept()})
	})
	return refused, err
}
