package bidirectional

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The events of a hand-over (profile section 4.4).
const (
	eventIssued  = "issued"
	eventRevoked = "revoked"
)

// headerReceipt is the header of an acknowledgement that says whose it is.
const headerReceipt = "Handover-Receipt"

// receiptOf is what only the OAuth server and the resource server of a site can make of a hand-over's oauth_signature. The signature covers all that was said
// and a fresh nonce, so that no receipt is another hand-over's; and no receipt is a signature, as a base string begins with an HTTP method.
func receiptOf(signature, handoverKey string) string {
	return oauth1.Keys{ClientSecret: handoverKey}.MAC("receipt&" + oauth1.Escape(signature))
}

// handover is a message to the resource server that waits in the outbox until it is acknowledged. There is
// one for a token at most: a revocation takes the place of an issue that is still under way.
type handover struct {
	Event                                  string
	Sequence                               int
	Token, TokenSecret, ClientID, Username string
	Expires                                time.Time // of the token
}

// plan puts a hand-over into the outbox, in the transaction that makes it necessary.
func (s *OAuthServer) plan(tx store.Tx, h handover) error {
	return tx.Put(handovers, h.Token, h)
}

// handOver tells the resource server of a token (claims 2, 3, 4), and reports whether that was acknowledged at once. When it was not, it goes on trying in the background.
func (s *OAuthServer) handOver(h handover) bool {
	// claims 2, 3, 4: the server hands the access token over to the resource server of its site
	if !s.Guards.On("BI-OS-20") {
		s.settle(h)
		return true // there is nobody to wait for
	}
	acknowledged := s.deliver(h)
	// flows, lost push: one lost message must not lock the client out
	if acknowledged || !s.Guards.On("BI-OS-46") {
		s.settle(h)
		return acknowledged
	}
	s.Go("hand-over", func() { s.retry(h) })
	return false
}

// retry tries again after one second, then at growing intervals of at most 30 seconds, until the hand-over is acknowledged, expired, or overtaken by a revocation.
func (s *OAuthServer) retry(h handover) {
	const longest = 30 * time.Second
	for wait := time.Second; ; wait = min(2*wait, longest) {
		s.Clock.Sleep(wait)
		latest, pending, err := store.Load[handover](s.Store, handovers, h.Token)
		if err != nil || pending && latest.Sequence == h.Sequence && s.Clock.Now().Before(h.Expires) && !s.deliver(h) {
			continue
		}
		s.settle(h)
		return
	}
}

// settle takes a hand-over out of the outbox, unless a later one for the same token has taken its place.
// When that fails it stays there, and is sent once more after a restart, which does no harm.
func (s *OAuthServer) settle(h handover) {
	_ = s.Store.Update(func(tx store.Tx) error {
		var latest handover
		if found, err := tx.Get(handovers, h.Token, &latest); err != nil || !found || latest.Sequence != h.Sequence {
			return err
		}
		return tx.Delete(handovers, h.Token)
	})
}

// resumeHandOvers takes up what the outbox holds after a restart.
func (s *OAuthServer) resumeHandOvers() {
	var pending []handover
	err := s.Store.Update(func(tx store.Tx) error {
		tokens, err := tx.Keys(handovers)
		if err != nil {
			return err
		}
		for _, token := range tokens {
			var h handover
			if _, err := tx.Get(handovers, token, &h); err != nil {
				return err
			}
			pending = append(pending, h)
		}
		return nil
	})
	if err != nil {
		pending = nil // a store that cannot be read fails every request too, and says why there
	}
	for _, h := range pending {
		s.Go("hand-over after a restart", func() { s.handOver(h) })
	}
}

// deliver sends a hand-over once, signed anew, and reports whether it was acknowledged.
func (s *OAuthServer) deliver(h handover) bool {
	form := url.Values{"event": {h.Event}, "token": {h.Token}}
	if h.Event == eventIssued {
		form.Set("token_secret", h.TokenSecret)
		form.Set("client_id", h.ClientID)
		form.Set("username", h.Username)
	}
	// RFC 8707: a token names the server that it is meant for
	if s.Guards.On("BI-OS-47") {
		form.Set("resource_server", s.ResourceEndpoint)
		form.Set("sequence", strconv.Itoa(h.Sequence))
		if h.Event == eventIssued {
			form.Set("expires_at", strconv.FormatInt(h.Expires.Unix(), 10))
		}
	}
	request, err := http.NewRequest(http.MethodPost, s.HandoverEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", wire.FormType)
	signature := ""
	// closes claim 4: the resource server knows from whom the token comes
	if s.Guards.On("BI-OS-45") {
		signer := oauth1.Signer{
			ConsumerKey: s.Issuer, ClientSecret: s.HandoverKey, Method: oauth1.HMACSHA256,
			Now: s.Clock.Now, Entropy: s.Entropy("hand-over nonces"),
		}
		if signature, err = signer.Signature(request); err != nil {
			return false
		}
	}
	response, err := s.HTTP.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, wire.MaxBody)) // so that the connection can be used again
	if response.StatusCode != http.StatusNoContent {
		return false
	}
	receipt := response.Header.Get(headerReceipt)
	// profile section 4.4: whoever sits on the link can answer with a status, and with nothing that takes the key
	return !s.Guards.Forbids("BI-OS-55", signature != "" && !secret.Same(receipt, receiptOf(signature, s.HandoverKey)))
}
