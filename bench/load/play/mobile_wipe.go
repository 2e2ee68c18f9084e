package play

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"countersign/bench/load"
	"countersign/conformance/jose"
)

// deregister ends the device, and has its app told so when it asks for a token. It gives the jti of the wipe message.
func (a *authorizationServer) deregister(s *load.Seat, own *phone, leg, contact int) (jti string, err error) {
	s.Buffer = a.deregistration.Append(s.Buffer[:0], "", "", own.ending)
	resp, err := s.Do(leg, a.deregistration, s.Buffer)
	if err != nil {
		return "", err
	}
	var said struct {
		DeviceID string `json:"deviceid"`
		Wipe     string `json:"wipe"`
	}
	if err := object(s, resp, &said); err != nil {
		return "", err
	}
	if err := first(same(s, "deviceid", own.id, said.DeviceID), same(s, "wipe", "pending", said.Wipe)); err != nil {
		return "", err
	}
	if resp, err = a.ask(s, contact, a.authenticated, own, own.authenticating); err != nil {
		return "", err
	}
	if err := refusal(s, resp, http.StatusForbidden, "device_deregistered"); err != nil {
		return "", err
	}
	var told struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(resp.Body, &told); err != nil {
		return "", s.Wrong("a wipe message in message", err.Error())
	}
	return a.wipe(s, own, told.Message)
}

// wipe reads a wipe message as the device does, section 4.5 of the profile.
func (a *authorizationServer) wipe(s *load.Seat, own *phone, compact string) (jti string, err error) {
	payload, err := verifyES256(compact, "secevent+jwt", a.keys)
	if err != nil {
		return "", s.Wrong("a wipe message, signed under a key of jwks_uri", err.Error())
	}
	var c struct {
		Issuer       string `json:"iss"`
		Audience     string `json:"aud"`
		ID           string `json:"jti"`
		Confirmation struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return "", s.Wrong("a wipe message with the claims of the profile", err.Error())
	}
	if _, wipes := c.Events["urn:countersign:mobile:wipe"]; !wipes || len(c.Events) != 1 || len(c.ID) < 16 {
		return "", s.Wrong("a message with a jti of 16 or more characters, about a wipe and nothing else", fmt.Sprintf("jti %q and %d events", c.ID, len(c.Events)))
	}
	return c.ID, first(
		same(s, "iss of the wipe message", a.issuer, c.Issuer), same(s, "aud of the wipe message", own.id, c.Audience), same(s, "jkt of the wipe message", own.thumbprint, c.Confirmation.Thumbprint),
	)
}

func (a *authorizationServer) acknowledge(s *load.Seat, own *phone, leg int, jti string) error {
	resp, err := a.ask(s, leg, a.acknowledged, own, fmt.Appendf(nil, `{"deviceid":%q,"jti":%q}`, own.id, jti))
	if err != nil {
		return err
	}
	own.held = resp.Status != http.StatusNoContent
	return status(s, resp, http.StatusNoContent)
}

// ServeHTTP plays the devices, which take every message: section 6.4 of the profile.
func (a *authorizationServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var c struct {
		Audience string `json:"aud"`
	}
	payload, bad := jose.Payload(string(body))
	if bad == nil {
		bad = json.Unmarshal(payload, &c)
	}
	switch {
	case err != nil: // the server has gone
	case kind != "application/secevent+jwt" || bad != nil:
		a.trouble.note("one that is no security event token")
	case !strings.HasPrefix(c.Audience, a.named):
		a.trouble.note(fmt.Sprintf("one for %q", c.Audience))
	}
	w.WriteHeader(http.StatusAccepted)
}
