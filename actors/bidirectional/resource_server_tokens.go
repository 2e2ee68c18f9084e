package bidirectional

import (
	"context"
	"errors"

	"countersign/actors/oauth1"
	"countersign/actors/store/shared"
	"countersign/actors/token/opaque"
)

// tokens are those handed over, by their digests. They are judged by where every guard is on; opaque.Shared knows no guards.
func (s *ResourceServer) tokens() *opaque.Shared {
	return &opaque.Shared{
		Store: shared.Local{Store: s.Store, Bucket: handedOverTokens, Now: s.Clock.Now},
		Now:   s.Clock.Now, EndedKept: grace,
	}
}

// takeIn keeps a token that was issued. One that has ended, by its time or by a revocation, is acknowledged and stays as it is.
func (s *ResourceServer) takeIn(ctx context.Context, token string, offered handedOver) error {
	err := s.tokens().HandOver(ctx, token, opaque.Record{Secret: offered.Secret, Client: offered.ClientID, User: offered.Username, Expires: offered.Expires})
	switch {
	case errors.Is(err, opaque.ErrRevoked), errors.Is(err, opaque.ErrExpired):
		return nil
	case errors.Is(err, opaque.ErrOther):
		return handedOverBefore()
	}
	return err
}

// find finds a token. One that has ended is given too, so that the request is verified before anything is said about it, where it is known with what.
func (s *ResourceServer) find(ctx context.Context, token string) (*handedOver, error) {
	r, err := s.tokens().Find(ctx, token)
	revoked := errors.Is(err, opaque.ErrRevoked)
	switch {
	case errors.Is(err, opaque.ErrUnknown):
		return nil, neverHandedOver()
	case revoked && r.Secret == "": // before it was handed over
		return nil, hasBeenRevoked()
	case err != nil && !revoked && !errors.Is(err, opaque.ErrExpired):
		return nil, err
	}
	return &handedOver{Secret: r.Secret, ClientID: r.Client, Username: r.User, Expires: r.Expires, Revoked: revoked}, nil
}

func neverHandedOver() error {
	return oauth1.Refuse(oauth1.TokenRejected, "oauth_token", "no such access token has been handed over here; it may be on its way")
}

func hasBeenRevoked() error {
	return oauth1.Refuse(oauth1.TokenRevoked, "oauth_token", "the access token has been revoked")
}
