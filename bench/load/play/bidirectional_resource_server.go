package play

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/bidirectional"
)

// resourceServer is the resource server of the bidirectional flow under load. The harness plays its OAuth server and the clients, with the users of the setup in turn.
type resourceServer struct {
	setup              *bidirectional.Setup
	handover, resource *lean.Route
	named              string // the resource endpoint as the metadata have it
}

// Legs of a journey at the resource server.
const (
	legHandover = iota
	legRead
	legTakeBack
	legRefusal
)

func newResourceServer(scene *Scene) (load.Script, error) {
	setup, err := bidirectionalSetup(scene)
	if err != nil {
		return nil, err
	}
	r := &resourceServer{setup: setup}
	if err := scene.routes(post(&r.handover, "token_handover_endpoint", asForm), get(&r.resource, "resource_endpoint")); err != nil {
		return nil, err
	}
	r.named = r.resource.URL
	return r, nil
}

// Legs implements load.Script: section 5 of the profile.
func (*resourceServer) Legs() []string {
	return []string{"hand-over", "resource-request", "hand-over-of-revocation", "refusal-of-revoked"}
}

// Prepare implements load.Script.
func (r *resourceServer) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: every journey takes its token back.
func (*resourceServer) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a token is handed over, opens its user's resources, and is taken back.
func (r *resourceServer) Play(s *load.Seat) error {
	random := s.Memory.(lots)
	user := r.setup.Users[s.Journey%len(r.setup.Users)]
	client := r.setup.Clients[1]
	token, secret := random.text(24), random.text(24)
	if err := r.hand(s, legHandover, random, url.Values{
		"event": {"issued"}, "token": {token}, "token_secret": {secret}, "client_id": {client.ID}, "username": {user.Name},
		"expires_at": {strconv.FormatInt(time.Now().Unix()+3600, 10)}, "resource_server": {r.named}, "sequence": {"1"},
	}); err != nil {
		return err
	}
	reading := signed{route: r.resource, key: client.ID, secret: client.Secret, token: token, tokenSecret: secret}
	resp, err := reading.send(s, legRead, random)
	if err != nil {
		return err
	}
	var got struct {
		Owner     string            `json:"owner"`
		Resources []json.RawMessage `json:"resources"`
	}
	if err := secretJSON(s, resp, &got); err != nil {
		return err
	}
	if err := same(s, "owner", user.Name, got.Owner); err != nil {
		return err
	}
	if len(got.Resources) == 0 {
		return s.Wrong("resources, a list of one or more", "none")
	}
	if err := r.hand(s, legTakeBack, random, url.Values{"event": {"revoked"}, "token": {token}, "resource_server": {r.named}, "sequence": {"2"}}); err != nil {
		return err
	}
	if resp, err = reading.send(s, legRefusal, random); err != nil {
		return err
	}
	return refusal(s, resp, http.StatusUnauthorized, "token_revoked")
}

// hand is section 4.4 of the profile, as the OAuth server sends it: an acknowledgement has to bear the receipt for this very request.
func (r *resourceServer) hand(s *load.Seat, leg int, random lots, form url.Values) error {
	request, signature, err := signed{route: r.handover, key: r.setup.OwnIssuer, secret: r.setup.HandoverKey, form: form}.write(s, random)
	if err != nil {
		return err
	}
	resp, err := s.Do(leg, r.handover, request)
	if err != nil {
		return err
	}
	return first(status(s, resp, http.StatusNoContent), same(s, "Handover-Receipt", receipt(signature, r.setup.HandoverKey), string(resp.Header("Handover-Receipt"))))
}
