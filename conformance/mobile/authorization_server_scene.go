package mobile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// rules are rules as they go over the wire: section 4.6 of the profile.
type rules struct {
	Systems []systemRule  `json:"systems"`
	Apps    []AppSetup    `json:"apps"`
	Devices []DeviceSetup `json:"devices"`
}

type systemRule struct {
	ID      string `json:"system_id"`
	Address string `json:"address"`
}

// clone is a copy that shares nothing.
func (r rules) clone() rules {
	apps := slices.Clone(r.Apps)
	for i := range apps {
		apps[i].Users = slices.Clone(apps[i].Users)
	}
	return rules{slices.Clone(r.Systems), apps, slices.Clone(r.Devices)}
}

// at is a copy in which a system has another address.
func (r rules) at(systemID, address string) rules {
	r = r.clone()
	for i := range r.Systems {
		if r.Systems[i].ID == systemID {
			r.Systems[i].Address = address
		}
	}
	return r
}

// usedBy is a copy in which an app is for those users.
func (r rules) usedBy(appID string, users ...string) rules {
	r = r.clone()
	for i := range r.Apps {
		if r.Apps[i].ID == appID {
			r.Apps[i].Users = append([]string{}, users...)
		}
	}
	return r
}

// connecting is a copy in which an app is one of another system.
func (r rules) connecting(appID, systemID string) rules {
	r = r.clone()
	for i := range r.Apps {
		if r.Apps[i].ID == appID {
			r.Apps[i].System = systemID
		}
	}
	return r
}

// owned is a copy in which a device is that user's.
func (r rules) owned(deviceID, username string) rules {
	r = r.without(deviceID)
	r.Devices = append(r.Devices, DeviceSetup{ID: deviceID, User: username})
	return r
}

// without is a copy that does not name a device.
func (r rules) without(deviceID string) rules {
	r = r.clone()
	r.Devices = slices.DeleteFunc(r.Devices, func(d DeviceSetup) bool { return d.ID == deviceID })
	return r
}

// body is the rules in JSON.
func (r rules) body() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic("rules that cannot be written: " + err.Error()) // they are made of strings
	}
	return text
}

// scene is a check with rules and devices of its own. It needs the authorization server for itself, and leaves it as it was.
type scene struct {
	*test
	// rules are those in force, of version; 0: not yet asked for.
	rules   rules
	version int64
	// touched says that the rules in force are not the first ones.
	touched bool
	// held are devices that were registered, and ended those that were deregistered and have not acknowledged it.
	held, ended []device

	mu    sync.Mutex // never held while a device waits
	mail  []letter
	moods map[string]func() // by deviceid: what happens before the device answers
	says  map[string]int    // by deviceid: the status that it answers; 202 where there is none
}

// letter is a request at the notification_uri of the devices, and what can be read of it without a key.
type letter struct {
	method, path, mediaType, text string
	message                       readStatement
	unread                        error
	// deviceID and jti are those that the message says.
	deviceID, jti string
	at            time.Time
	exchange      int
}

// staged makes a check's function out of one that needs rules and devices of its own.
func staged(f func(*scene)) func(*conformance.Session) {
	return against(func(t *test) {
		s := &scene{test: t, moods: map[string]func(){}, says: map[string]int{}}
		s.rules = rules{Apps: slices.Clone(t.Apps), Devices: slices.Clone(t.Devices)}
		for _, system := range t.Systems {
			s.rules.Systems = append(s.rules.Systems, systemRule{system.ID, system.Address()})
		}
		s.Play("devices", s)
		before := s.rules
		t.After(func() error {
			s.strike(before)
			return nil
		})
		f(s)
	})
}

// strike leaves the target as it was. Nothing is judged any more.
func (s *scene) strike(before rules) {
	for _, d := range s.held {
		resp, err := s.Try("user", s.request(s.metadata.DeregistrationEndpoint, s.deregistration(d)))
		if err != nil { // that none is named is the matter of MO-AS-01
			break
		}
		if resp.Status == http.StatusOK {
			s.Env.Await(promptly, func() bool { return s.wipeOf(d) != "" })
			s.ended = append(s.ended, d)
		}
	}
	for _, d := range s.ended {
		if jti := s.wipeOf(d); jti != "" {
			_, _ = s.Try("device", s.acknowledgement(d, jti)) // so that the target need not try for ever
		}
	}
	if !s.touched {
		return
	}
	if resp, err := s.Try("administrator", s.readingRules(s.admin())); err == nil {
		if body, err := judge.ReadMembers(resp.Body); err == nil {
			version, _ := body.Whole("rules_version")
			_, _ = s.Try("administrator", s.change(s.admin(), before.body(), entityTag(version)))
		}
	}
}

// ServeHTTP is the devices: they take every message, but for those that a check wants otherwise.
func (s *scene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	l := letter{method: r.Method, path: r.URL.Path, mediaType: r.Header.Get("Content-Type"), text: string(body), at: s.Env.Now(), exchange: conformance.ExchangeOf(r)}
	l.message, l.unread = readUnproved(l.text)
	l.unread = errors.Join(err, l.unread)
	l.deviceID, l.jti = l.message.claims.Text("aud"), l.message.claims.Text("jti")
	s.mu.Lock()
	s.mail = append(s.mail, l)
	mood, status := s.moods[l.deviceID], s.says[l.deviceID]
	s.mu.Unlock()
	if mood != nil {
		mood()
	}
	if status == 0 {
		status = http.StatusAccepted
	}
	w.WriteHeader(status)
}

// answers makes a device answer with a status from now on; mood, where it is set, happens before.
func (s *scene) answers(d device, status int, mood func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says[d.id], s.moods[d.id] = status, mood
}

// silent is the mood of a device that is not reached.
func silent() { panic(http.ErrAbortHandler) }

// letters are those to a device so far that are about an event.
func (s *scene) letters(d device, event string) []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.mail), func(l letter) bool { return l.deviceID != d.id || l.message.event(event) == nil })
}

// wipeOf is the jti of the device's newest wipe message; empty for none.
func (s *scene) wipeOf(d device) string {
	all := s.letters(d, wipeEvent)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].jti
}

// promptly is how long a first try may take: 2 seconds by the profile, and a little for the way.
const promptly = 2500 * time.Millisecond

// awaited waits for the device's nth letter about an event, which has to come.
func (s *scene) awaited(d device, event string, n int, what string) letter {
	if !s.Env.Await(promptly, func() bool { return len(s.letters(d, event)) >= n }) {
		s.Fail(what+" at the device's notification_uri, in time", fmt.Sprintf("%d messages of that kind so far", len(s.letters(d, event))))
	}
	return s.letters(d, event)[n-1]
}

// settle gives a target the time to note how a try ended, before its clock is moved.
func (s *scene) settle() { s.Env.Await(60*time.Millisecond, func() bool { return false }) }

// awaitedAfter lets the pause after the newest try pass and waits for the nth letter, which has to come. A target counts the pause from when it noted how the try ended, and so may need it twice.
func (s *scene) awaitedAfter(pause time.Duration, d device, event string, n int, what string) letter {
	come := func() bool { return len(s.letters(d, event)) >= n }
	s.settle()
	s.Advance(pause)
	if !s.Env.Await(promptly, come) {
		s.Advance(pause)
	}
	return s.awaited(d, event, n, what)
}

// wiped deregisters a device and waits for its wipe message.
func (s *scene) wiped(d device) letter {
	s.deregistered(d, "pending", "the deregistration of a device by its user")
	s.ended = append(s.ended, d)
	return s.awaited(d, wipeEvent, 1, "a wipe message")
}

// registered registers a device, which has to succeed, and which the check deregisters when it ends.
func (s *scene) registered(d device) device {
	s.held = append(s.held, s.test.registered(d))
	return d
}

// newDevice makes a device that the rules do not know.
func (s *scene) newDevice(owner AccountSetup) device {
	return device{id: s.newDeviceID(), owner: owner, key: s.newSigner(""), notification: s.Notification()}
}

// allowed makes devices that the rules give to those users, and that nobody has registered.
func (s *scene) allowed(owners ...AccountSetup) []device {
	var made []device
	wanted := s.rules
	for _, owner := range owners {
		d := s.newDevice(owner)
		made = append(made, d)
		wanted = wanted.owned(d.id, owner.Name)
	}
	s.activate(wanted)
	return made
}

// enrolled makes a registered device of that user.
func (s *scene) enrolled(owner AccountSetup) device { return s.registered(s.allowed(owner)[0]) }

// readingRules asks for the rules in force.
func (s *scene) readingRules(by AccountSetup) *http.Request {
	return s.basic(s.rawRequest(http.MethodGet, s.document.Named("rules_endpoint", s.metadata.RulesEndpoint), "", nil), by.Name, by.Password)
}

// readRules reads the rules in force.
func (s *scene) readRules() (version int64, in members, resp *conformance.Response) {
	const what = "the rules in force"
	resp = s.Do("administrator", s.readingRules(s.admin()))
	s.Accepted(resp, "an administrator who reads the rules")
	version = s.whole(resp, "rules_version", what)
	if in = s.object(resp, what).Object("rules"); in == nil || version < 1 {
		s.FailAt(resp.Exchange, "the rules in force with rules and a rules_version of 1 or more", fmt.Sprintf("rules_version %d and rules %s", version, judge.Shown(in)))
	}
	return version, in, resp
}

// entityTag is a version as If-Match wants it.
func entityTag(version int64) string { return fmt.Sprintf("%q", fmt.Sprint(version)) }

// change is a request for other rules; an empty tag leaves If-Match out.
func (s *scene) change(by AccountSetup, body []byte, tag string) *http.Request {
	req := s.basic(s.rawRequest(http.MethodPut, s.document.Named("rules_endpoint", s.metadata.RulesEndpoint), jsonType, body), by.Name, by.Password)
	if tag != "" {
		req.Header.Set("If-Match", tag)
	}
	return req
}

// changing is a right request for other rules.
func (s *scene) changing(wanted rules) *http.Request {
	if s.version == 0 {
		s.version, _, _ = s.readRules()
	}
	s.touched = true
	return s.change(s.admin(), wanted.body(), entityTag(s.version))
}

// activate puts other rules in force.
func (s *scene) activate(wanted rules) *conformance.Response {
	resp := s.Do("administrator", s.changing(wanted))
	s.activated(resp, wanted)
	return resp
}

// activated reads the answer to a change of rules, which has to succeed.
func (s *scene) activated(resp *conformance.Response, wanted rules) {
	s.Accepted(resp, "rules from an administrator")
	s.version, s.rules = s.whole(resp, "rules_version", "the answer to a change of rules"), wanted
}
