package mobile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// addressed ends the check as failed unless an answer gives that address.
func (s *scene) addressed(g granted, address, what string) {
	if got := s.text(g.answer, "system_address", "the answer to "+what); got != address {
		s.FailAt(g.answer.Exchange, fmt.Sprintf("the system_address %q for %s", address, what), fmt.Sprintf("%q", got))
	}
}

// MO-AS-08: an app need not know where its system lies.
func addressComesWithTheToken(s *scene) {
	d := s.enrolled(s.alice())
	for _, app := range []AppSetup{s.first(), s.second()} {
		s.addressed(s.token(app, d, "a right authentication"), s.systemOf(app).Address(), "an authentication for "+app.ID)
	}
}

// MO-AS-09: where a system has moved, the next answer says so.
func changedAddressReachesTheApp(s *scene) {
	d := s.enrolled(s.alice())
	ask := func(app AppSetup, address, what string) { s.addressed(s.token(app, d, what), address, what) }
	ask(s.first(), s.crm().Address(), "an authentication before any change, as a control")
	for range 2 {
		s.activate(s.rules.at(s.crm().ID, s.secondAddress()))
		ask(s.first(), s.secondAddress(), "the first authentication after a change of address")
		ask(s.second(), s.erp().Address(), "an authentication for an app of another system")
		s.activate(s.rules.at(s.crm().ID, s.crm().Address()))
		ask(s.first(), s.crm().Address(), "the first authentication after the address was changed back")
	}
}

// MO-AS-14: a rule counts from the answer to its activation on.
func rulesChangedWhileRunning(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	alices, bobs := s.registered(devices[0]), s.registered(devices[1])
	s.denied(s.second(), bobs, "an authentication of a user without right to the app, as a control")
	for range 2 {
		s.activate(s.rules.usedBy(s.second().ID, s.alice().Name, s.bob().Name))
		s.token(s.second(), bobs, "an authentication of a user whom the rules have just given the right")
		s.activate(s.rules.usedBy(s.second().ID, s.alice().Name))
		s.denied(s.second(), bobs, "an authentication of a user from whom the rules have just taken the right")
	}
	s.token(s.first(), alices, "an authentication before the device is given to another, as a control")
	s.activate(s.rules.owned(alices.id, s.bob().Name))
	s.denied(s.first(), alices, "an authentication with a device that the rules have just given to another user")
	s.activate(s.rules.without(bobs.id))
	s.denied(s.first(), bobs, "an authentication with a device that the rules do not name any more")
	s.activate(s.rules.owned(alices.id, s.alice().Name))
	s.token(s.first(), alices, "an authentication with a device that the rules have just given back")
}

// MO-AS-15: nobody waits for a change of rules, and nobody is turned away by it.
func ruleChangesDisturbNobody(s *scene) {
	const (
		rounds, crowd = 3, 3
		atMost        = 2 * time.Second
	)
	d := s.enrolled(s.alice())
	s.Advance(atMost) // the change that brought the device is over
	id := s.tokenID(s.token(s.first(), d, "a right authentication, as a control"))
	before := s.Env.Now()
	s.activate(s.rules)
	patience := atMost + s.Env.Now().Sub(before) // that the change itself takes so long is no fault
	for range rounds {
		requests := []*http.Request{s.changing(s.rules)}
		for range crowd {
			requests = append(requests, s.authenticationRequest(s.first(), d), s.download(s.crm(), id))
		}
		begun := s.Env.Now()
		answers := s.TryTogether("app", requests...)
		took := s.Env.Now().Sub(begun)
		for _, resp := range answers {
			if resp == nil {
				s.Fail("an answer to each of several requests while rules are changed", "none to one of them")
			}
			s.Accepted(resp, "an authentication or a download while rules are changed that allow it alike")
		}
		s.Expect(took <= patience, "answers within 2 seconds while rules are changed", fmt.Sprintf("the last one after %v", took))
		s.activated(answers[0], s.rules)
		for _, request := range []*http.Request{s.authenticationRequest(s.first(), d), s.download(s.crm(), id)} {
			begun := s.Env.Now()
			s.Accepted(s.Do("app", request), "an authentication or a download just after rules were changed that allow it alike")
			took := s.Env.Now().Sub(begun)
			s.Expect(took <= atMost, "an answer within 2 seconds after rules were changed", fmt.Sprintf("after %v", took))
		}
	}
}

// brokenRules are rules that cannot be activated, each with what is wrong. What is right in them would change who may do what.
func (s *scene) brokenRules() [][2]string {
	r := s.rules.clone()
	r.Apps[0].Users = []string{s.bob().Name}
	changed := func(change func(members)) string {
		m, err := judge.ReadMembers(r.body())
		if err != nil {
			s.Broken("rules cannot be read: %v", err)
		}
		change(m)
		text, err := json.Marshal(m)
		if err != nil {
			s.Broken("rules cannot be written: %v", err)
		}
		return string(text)
	}
	without := func(list string) string { return changed(func(m members) { delete(m, list) }) }
	instead := func(list string, value any) string { return changed(func(m members) { m[list] = value }) }
	entry := func(list string, more ...any) string {
		return changed(func(m members) { m[list] = append(m[list].([]any), more...) })
	}
	app := func(name string, value any) any {
		return members{"appid": "app-more", "system_id": s.crm().ID, "users": []string{s.alice().Name}}.With(name, value)
	}
	system := func(name string, value any) any {
		return members{"system_id": s.erp().ID, "address": s.erp().Address()}.With(name, value)
	}
	whole := changed(func(members) {})
	addressed := func(address string) string {
		return changed(func(m members) {
			for _, each := range m["systems"].([]any) {
				if one := each.(map[string]any); one["system_id"] == s.erp().ID {
					one["address"] = address
				}
			}
		})
	}
	return [][2]string{
		{"an empty body", ""}, {"no JSON", "rules"}, {"a body that breaks off", whole[:len(whole)-1]}, {"an array", "[" + whole + "]"}, {"nothing in them", "{}"},
		{"no systems", without("systems")}, {"no apps", without("apps")}, {"no devices", without("devices")},
		{"a member too many", instead("colour", "blue")}, {"an object for the devices", instead("devices", members{})}, {"null for the apps", instead("apps", nil)},
		{"a device with a member too many", entry("devices", members{"deviceid": "device-more", "username": s.alice().Name, "colour": "blue"})},
		{"a device without username", entry("devices", members{"deviceid": "device-more"})},
		{"a device with an empty deviceid", entry("devices", members{"deviceid": "", "username": s.alice().Name})},
		{"a device that is no object", entry("devices", "device-more")},
		{"a deviceid given twice", entry("devices", members{"deviceid": "device-more", "username": s.alice().Name}, members{"deviceid": "device-more", "username": s.bob().Name})},
		{"an appid given twice", entry("apps", app("system_id", s.crm().ID), app("system_id", s.erp().ID))},
		{"an appid with a space", entry("apps", app("appid", "app more"))},
		{"an appid of 129 characters", entry("apps", app("appid", strings.Repeat("a", 129)))},
		{"an app of a system that they do not name", entry("apps", app("system_id", "system-nobody"))},
		{"an app without users", entry("apps", app("users", nil))},
		{"an app whose users are a string", entry("apps", app("users", s.alice().Name))},
		{"an app with a number among its users", entry("apps", app("users", []any{s.alice().Name, 7}))},
		{"a system_id given twice", entry("systems", system("address", s.secondAddress()))},
		{"a system for which the server has no sealing key", entry("systems", system("system_id", "system-"+s.stranger()))},
		{"an address over plain HTTP to another host", addressed("http://erp.example/resource")},
		{"an address with user information", addressed("https://name@erp.example/resource")},
		{"an address with a fragment", addressed("https://erp.example/resource#part")},
		{"an address that is no URL", addressed("resource")},
	}
}

// MO-AS-16: rules are activated whole or not at all.
func brokenRulesLeaveTheOldInForce(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	alices, bobs := s.registered(devices[0]), s.registered(devices[1])
	_, before, _ := s.readRules()
	asBefore := func(what string) {
		version, now, resp := s.readRules()
		if version != s.version {
			s.FailAt(resp.Exchange, fmt.Sprintf("rules_version %d still, after rules with %s", s.version, what), fmt.Sprintf("rules_version %d", version))
		}
		if fmt.Sprint(now) != fmt.Sprint(before) {
			s.FailAt(resp.Exchange, "the rules as before, after rules with "+what, fmt.Sprint(now))
		}
		s.token(s.first(), alices, "an authentication that the rules in force allow, after rules with "+what)
		s.denied(s.second(), bobs, "an authentication that the rules in force forbid, after rules with "+what)
	}
	for _, broken := range s.brokenRules() {
		s.touched = true
		resp := s.Do("administrator", s.change(s.admin(), []byte(broken[1]), entityTag(s.version)))
		s.Refused(resp, "rules with "+broken[0], http.StatusBadRequest, "invalid_request")
		asBefore(broken[0])
	}
	s.activate(s.rules.usedBy(s.first().ID, s.bob().Name))
	s.denied(s.first(), alices, "an authentication that right rules forbid, as a control")
}

// MO-AS-57: each answer tells by which rules it was judged.
func everyAnswerNamesItsRules(s *scene) {
	d := s.enrolled(s.alice())
	last := int64(0)
	named := func(resp *conformance.Response, what string) {
		if got := s.whole(resp, "rules_version", what); got != s.version {
			s.FailAt(resp.Exchange, fmt.Sprintf("%s with the rules_version in force, %d", what, s.version), fmt.Sprintf("rules_version %d", got))
		}
	}
	for _, wanted := range []rules{s.rules, s.rules.usedBy(s.second().ID), s.rules, s.rules} {
		resp := s.activate(wanted)
		if s.version < 1 || s.version <= last {
			s.FailAt(resp.Exchange, fmt.Sprintf("a rules_version of 1 or more, and greater than %d", last), fmt.Sprintf("rules_version %d", s.version))
		}
		last = s.version
		version, _, read := s.readRules()
		if version != s.version {
			s.FailAt(read.Exchange, fmt.Sprintf("the rules in force with the rules_version that their activation gave, %d", s.version), fmt.Sprintf("rules_version %d", version))
		}
		named(s.token(s.first(), d, "a right authentication").answer, "a grant")
		named(s.denied(AppSetup{ID: "app-" + s.stranger()}, d, "an authentication for an unknown app"), "the refusal of an unknown app")
		named(s.denied(s.first(), d.as(s.bob()), "an authentication with the device of another user"), "the refusal of another user's device")
		named(s.denied(s.first(), d.under(s.newSigner("")), "an authentication by another key"), "the refusal of another key")
	}
}

// MO-AS-58: an answer is of one version in all its parts.
func oneVersionJudgesARequest(s *scene) {
	const rounds, crowd = 4, 4
	d := s.enrolled(s.alice())
	type place struct {
		system  SystemSetup
		address string
	}
	places := []place{{s.crm(), s.crm().Address()}, {s.erp(), s.secondAddress()}, {s.erp(), s.erp().Address()}, {s.crm(), s.secondAddress()}}
	wanted := func(p place) rules {
		return s.rules.at(s.crm().ID, s.crm().Address()).at(s.erp().ID, s.erp().Address()).at(p.system.ID, p.address).connecting(s.first().ID, p.system.ID)
	}
	signing := s.signingKeys()
	by := map[int64]place{}
	agrees := func(resp *conformance.Response, what string) {
		g := s.grantedBy(resp, s.first(), d, what)
		version := s.whole(resp, "rules_version", "the answer to "+what)
		p, known := by[version]
		if !known {
			s.FailAt(resp.Exchange, "an answer to "+what+" that names a version that was in force", fmt.Sprintf("rules_version %d", version))
		}
		of := fmt.Sprintf("as in version %d, which the answer to %s names", version, what)
		if wrong := differing(s.object(resp, "the answer"), "system_id", p.system.ID, "system_address", p.address); wrong != "" {
			s.FailAt(resp.Exchange, "system_id and system_address "+of, wrong)
		}
		if wrong := differing(s.openedFor(p.system, g).claims, "aud", p.system.ID); wrong != "" {
			s.FailAt(resp.Exchange, "a token for the system "+of, wrong)
		}
		signed, err := readSigned(s.text(resp, "signed_address", "the answer"), "address+jwt", signing)
		if err != nil {
			s.FailAt(resp.Exchange, "a signed_address", err.Error())
		}
		if wrong := differing(signed.claims, "system_id", p.system.ID, "address", p.address, "rules_version", version); wrong != "" {
			s.FailAt(resp.Exchange, "a signed_address "+of, wrong)
		}
	}
	s.activate(wanted(places[0]))
	by[s.version] = places[0]
	for i := range rounds {
		next := places[(i+1)%len(places)]
		requests := []*http.Request{s.changing(wanted(next))}
		for range crowd {
			requests = append(requests, s.authenticationRequest(s.first(), d))
		}
		answers := s.TryTogether("app", requests...)
		for _, resp := range answers {
			if resp == nil {
				s.Fail("an answer to each of several requests while rules are changed", "none to one of them")
			}
		}
		s.activated(answers[0], wanted(next))
		by[s.version] = next
		for _, resp := range answers[1:] {
			agrees(resp, "an authentication while rules are changed")
		}
		after := s.authenticate(s.first(), d)
		if got := s.whole(after, "rules_version", "the answer to an authentication"); got != s.version {
			s.FailAt(after.Exchange, fmt.Sprintf("an answer by the rules that were activated before the request, %d", s.version), fmt.Sprintf("rules_version %d", got))
		}
		agrees(after, "an authentication after a change of rules")
	}
}
