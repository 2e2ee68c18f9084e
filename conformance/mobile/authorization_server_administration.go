package mobile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// MO-AS-55: rules and keys are the administrators' business.
func rulesOnlyByAnAdministrator(s *scene) {
	audit := func() *http.Request {
		return s.rawRequest(http.MethodGet, s.document.Named("rules_audit_endpoint", s.metadata.RulesAuditEndpoint), "", nil)
	}
	version, before, _ := s.readRules()
	for _, administrator := range s.Administrators[:2] {
		s.Accepted(s.Do("administrator", s.readingRules(administrator)), "an administrator who reads the rules, as a control")
		s.Accepted(s.Do("administrator", s.basic(audit(), administrator.Name, administrator.Password)), "an administrator who reads the audit, as a control")
	}
	for _, c := range []struct{ what, name, password string }{
		{"no credentials", "", ""},
		{"a wrong password", s.admin().Name, changed(s.admin().Password)},
		{"an empty password", s.admin().Name, ""},
		{"another administrator's password", s.admin().Name, s.deputy().Password},
		{"a name that nobody has", s.stranger(), s.admin().Password},
		{"a user's name and password", s.alice().Name, s.alice().Password},
		{"a business system's identifier and secret", s.crm().ID, s.crm().Secret},
	} {
		for _, request := range []struct {
			what string
			req  *http.Request
		}{
			{"reading the rules", s.readingRules(s.admin())},
			{"changing the rules", s.change(s.admin(), s.rules.usedBy(s.first().ID).body(), entityTag(version))},
			{"reading the audit", audit()},
			{"rotating keys", s.request(s.keyRotationEndpoint(), members{"system_id": s.crm().ID})},
		} {
			request.req.Header.Del("Authorization")
			if c.name != "" {
				s.basic(request.req, c.name, c.password)
			}
			s.touched = true
			s.notAuthenticated(s.Do("stranger", request.req), request.what+" with "+c.what)
		}
	}
	after, now, resp := s.readRules()
	if after != version || fmt.Sprint(now) != fmt.Sprint(before) {
		s.FailAt(resp.Exchange, fmt.Sprintf("rules_version %d and the rules as before after all that", version), fmt.Sprintf("rules_version %d", after))
	}
}

// MO-AS-56: who has not read the rules in force does not change them.
func lostUpdatesPrevented(s *scene) {
	d := s.enrolled(s.alice())
	old := s.version
	s.activate(s.rules)
	if resp := s.Do("administrator", s.readingRules(s.admin())); resp.Header.Get("ETag") != entityTag(s.version) {
		s.FailAt(resp.Exchange, "the rules with the ETag "+entityTag(s.version), fmt.Sprintf("ETag %q", resp.Header.Get("ETag")))
	}
	forbidding := s.rules.usedBy(s.first().ID)
	for _, c := range []struct {
		what, tag string
		status    int
	}{
		{"without If-Match", "", http.StatusPreconditionRequired},
		{"whose If-Match is the version before", entityTag(old), http.StatusPreconditionFailed},
		{"whose If-Match is a later version", entityTag(s.version + 1), http.StatusPreconditionFailed},
		{"whose If-Match is *", "*", http.StatusPreconditionFailed},
		{"whose If-Match is no version", `"version"`, http.StatusPreconditionFailed},
		{"whose If-Match is a weak tag", "W/" + entityTag(s.version), http.StatusPreconditionFailed},
	} {
		s.Refused(s.Do("administrator", s.change(s.admin(), forbidding.body(), c.tag)), "rules "+c.what, c.status)
		if version, _, resp := s.readRules(); version != s.version {
			s.FailAt(resp.Exchange, fmt.Sprintf("rules_version %d still, after rules %s", s.version, c.what), fmt.Sprintf("rules_version %d", version))
		}
		s.token(s.first(), d, "an authentication that the rules in force allow, after rules "+c.what)
	}
	answers := s.TryTogether("administrator", s.changing(s.rules), s.changing(s.rules), s.changing(s.rules))
	won := 0
	for _, resp := range answers {
		switch {
		case resp == nil:
			s.Fail("an answer to each of several changes of rules at once", "none to one of them")
		case resp.Status == http.StatusOK:
			if won++; won > 1 {
				s.FailAt(resp.Exchange, "one of several changes of rules at once activated", "a second one")
			}
		default:
			s.Refused(resp, "all but one of several changes of rules at once", http.StatusPreconditionFailed)
		}
	}
	s.Expect(won == 1, "one of several changes of rules at once activated", "none")
	s.version = 0 // another one now
	s.activate(forbidding)
	s.denied(s.first(), d, "an authentication that right rules forbid, as a control")
}

// MO-AS-60: the audit tells who put what in force, and when.
func ruleChangesAudited(s *scene) {
	type entry struct {
		Version     int64  `json:"rules_version"`
		ActivatedAt int64  `json:"activated_at"`
		By          string `json:"by"`
		Digest      string `json:"sha256"`
	}
	read := func() ([]entry, int) {
		req := s.rawRequest(http.MethodGet, s.document.Named("rules_audit_endpoint", s.metadata.RulesAuditEndpoint), "", nil)
		resp := s.Do("administrator", s.basic(req, s.admin().Name, s.admin().Password))
		s.Accepted(resp, "an administrator who reads the audit")
		var audit struct {
			Entries []entry `json:"entries"`
		}
		if err := json.Unmarshal(resp.Body, &audit); err != nil {
			s.FailAt(resp.Exchange, "an audit with entries", err.Error())
		}
		return audit.Entries, resp.Exchange
	}
	before, _ := read()
	s.version, _, _ = s.readRules()
	var wanted []entry
	for i, by := range []AccountSetup{s.admin(), s.deputy(), s.admin(), s.admin()} {
		body := append(s.rules.body(), strings.Repeat(" ", i)...) // the same rules in other bytes
		s.touched = true
		s.activated(s.Do("administrator", s.change(by, body, entityTag(s.version))), s.rules)
		sum := sha256.Sum256(body)
		wanted = append(wanted, entry{Version: s.version, By: by.Name, Digest: hex.EncodeToString(sum[:])})
		s.Refused(s.Do("administrator", s.change(by, []byte("{}"), entityTag(s.version))), "broken rules, as a control", http.StatusBadRequest)
	}
	after, at := read()
	if len(after) != len(before)+len(wanted) {
		s.FailAt(at, fmt.Sprintf("%d more entries in the audit for as many activated versions", len(wanted)), fmt.Sprintf("%d more", len(after)-len(before)))
	}
	for i := 1; i < len(after); i++ {
		if after[i].Version <= after[i-1].Version {
			s.FailAt(at, "an audit with the oldest version first, each once", fmt.Sprintf("rules_version %d behind %d", after[i].Version, after[i-1].Version))
		}
	}
	for i, want := range wanted {
		got := after[len(before)+i]
		if !s.near(got.ActivatedAt) {
			s.FailAt(at, fmt.Sprintf("the time of activation, in seconds since 1970, for version %d", want.Version), fmt.Sprintf("activated_at %d", got.ActivatedAt))
		}
		want.ActivatedAt = got.ActivatedAt
		if got != want {
			s.FailAt(at, fmt.Sprintf("version %d by %s, with the sha256 %s of the body sent", want.Version, want.By, want.Digest), fmt.Sprintf("version %d by %q with %s", got.Version, got.By, got.Digest))
		}
	}
}
