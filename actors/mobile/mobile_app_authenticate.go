package mobile

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// authenticate gets and stores a token and its address (step 2).
func (s *starting) authenticate() error {
	if s.authentications >= s.mostAuthentications {
		return errSpent
	}
	s.authentications++
	server, err := s.discover(s.left())
	if err != nil {
		return err
	}
	id := map[string]string{"appid": s.AppID, "deviceid": s.DeviceID, "username": s.Username}
	// claims 1, 5; description of step S101: the authentication ID is complete
	if !s.Guards.On("MO-AP-02") {
		delete(id, "username")
	}
	if s.left() <= 0 {
		return ended(codeUnreachable, "the authorization server takes too long; try again later")
	}
	sent := s.Clock.Now()
	answer, err := s.tell(server.AuthenticationEndpoint, id, s.left())
	switch {
	case err != nil:
		return ended(codeUnreachable, "the authorization server does not answer")
	case answer.Status == http.StatusOK:
		return s.take(answer, sent)
	case answer.Status == http.StatusBadRequest, answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden:
		return s.refused(answer)
	case s.holdOff(answer):
		return nil
	}
	return ended(codeAccessRefused, "the authorization server answered with status "+strconv.Itoa(answer.Status))
}

// refused is what an app does that is not let in.
func (s *starting) refused(answer outbound.Reply) error {
	s.did("was refused by the authorization server")
	// flows, wipe message dropped: it comes on contact
	if m, err := wire.Object(answer.Body); err == nil && m.Has("message") && s.Guards.On("MO-AP-30") {
		if text, err := m.Word("message"); err == nil {
			if e, err := s.readMessage(text); err == nil && e.is(wipeEvent) {
				s.did("was told to wipe what it holds")
				return errors.Join(s.obeyWipe(e.ID), ended(codeAuthenticationRefused, "the device is deregistered, and its data are wiped"))
			}
		}
	}
	if err := s.drop(); err != nil {
		return err
	}
	// claim 1: a token only when valid
	if !s.Guards.On("MO-AP-08") && s.former.Token != "" {
		_, err := s.store(func(h *holdings) error {
			h.Token, h.TokenType, h.Until, h.Address, h.SystemID = s.former.Token, s.former.TokenType, s.end, s.former.Address, s.former.SystemID
			return nil
		})
		return err
	}
	return ended(codeAuthenticationRefused, "the authorization server does not let this user use this app on this device")
}

// grant is what an authentication answer gives.
type grant struct {
	AccessToken, TokenType, SystemID, Address string
	ExpiresIn, RulesVersion                   int64 // seconds; a version
}

var errAnswerRefused = ended(codeAnswerRefused, "the authorization server's answer is not what it should be, and nothing was done with it")

// take judges and stores an answer to a request of that time.
func (s *starting) take(answer outbound.Reply, sent time.Time) error {
	m, err := wire.Object(answer.Body)
	if err != nil {
		return errAnswerRefused
	}
	g, err := readGrant(m)
	if err != nil {
		return errAnswerRefused
	}
	if !s.mayUse(g, m) {
		return errAnswerRefused
	}
	_, err = s.store(func(h *holdings) error {
		if s.older(g.RulesVersion, h.Newest) {
			return errAnswerRefused
		}
		h.Token, h.TokenType, h.Until = g.AccessToken, g.TokenType, sent.Add(time.Duration(g.ExpiresIn)*time.Second)
		h.Address, h.SystemID, h.AddressVersion, h.Newest = g.Address, g.SystemID, g.RulesVersion, max(h.Newest, g.RulesVersion)
		return nil
	})
	if err != nil {
		return err
	}
	s.did("authenticated, by version " + strconv.FormatInt(g.RulesVersion, 10) + " of the rules, and learned the address " + g.Address)
	// claims 1, 3; description of the third embodiment: the token goes nowhere else
	if !s.Guards.On("MO-AP-04") {
		_, _ = s.send(outbound.Call{Method: http.MethodGet, URL: s.Issuer + wellKnown, Authorization: g.TokenType + " " + g.AccessToken}, s.left())
	}
	return nil
}

func readGrant(m members) (g grant, err error) {
	if g.AccessToken, err = m.Word("access_token"); err != nil {
		return g, err
	}
	if g.TokenType, err = m.Word("token_type"); err != nil {
		return g, err
	}
	for _, known := range []string{schemeDPoP, schemeBearer} {
		if strings.EqualFold(g.TokenType, known) { // RFC 6749 section 5.1: compared without regard to case
			g.TokenType = known
		}
	}
	if g.SystemID, err = m.Word("system_id"); err != nil {
		return g, err
	}
	if g.Address, err = m.Word("system_address"); err != nil {
		return g, err
	}
	if g.ExpiresIn, err = m.Whole("expires_in"); err != nil || g.ExpiresIn < 0 || g.ExpiresIn > 1<<30 {
		return g, wire.InvalidRequest("expires_in is no time")
	}
	g.RulesVersion, err = m.Whole("rules_version")
	return g, err
}

// mayUse judges an answer by its signed address (profile section 6.2). At level core what the server says is taken as it is.
func (s *starting) mayUse(g grant, m members) bool {
	// RFC 9449 section 5
	if s.Guards.Forbids("MO-AP-22", g.TokenType != schemeDPoP) {
		return false
	}
	if !s.Guards.Hardened() {
		return true
	}
	text, _ := m.Word("signed_address")
	signed, err := token.ParseSigned(text)
	unsigned := err != nil || signed.Header["alg"] != "ES256" || signed.Header["typ"] != addressType
	// closes claim 3; RFC 8725 section 3.1; flows, address substitution
	if s.Guards.Forbids("MO-AP-17", unsigned) {
		return false
	}
	if unsigned {
		return true
	}
	// RFC 7515 section 5.2; flows, address substitution
	if s.Guards.Forbids("MO-AP-18", !s.trusts(signed)) {
		return false
	}
	var c addressClaims
	if json.Unmarshal(signed.Payload, &c) != nil || c.Issuer != s.Issuer || s.Clock.Now().Unix() >= c.Expires {
		return false
	}
	// RFC 8725 sections 3.8 and 3.9; flows, address substitution
	if s.Guards.Forbids("MO-AP-19", c.Audience != s.AppID || c.Subject != s.DeviceID) {
		return false
	}
	// RFC 9449 section 4.2; flows, address substitution: it is the address of this answer
	if s.Guards.Forbids("MO-AP-20", c.TokenHash != hashOf(g.AccessToken)) {
		return false
	}
	// RFC 8725 section 3.9; flows, address substitution: what is signed is what is used
	return !s.Guards.Forbids("MO-AP-21", c.SystemID != g.SystemID || c.Address != g.Address || c.RulesVersion != g.RulesVersion)
}
