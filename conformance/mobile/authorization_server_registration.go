package mobile

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
)

// MO-AS-17: a device is registered by the user whose it is.
func deviceRegisteredByItsUser(s *scene) {
	d := s.allowed(s.alice())[0]
	refused := func(d device, what string) {
		s.Refused(s.register(d), "a registration "+what, http.StatusForbidden, "access_denied")
	}
	refused(d.as(s.alice().wrong()), "with a wrong password")
	refused(d.as(AccountSetup{s.alice().Name, s.bob().Password}), "with another user's password")
	refused(d.as(AccountSetup{s.alice().Name, s.alice().Password[:len(s.alice().Password)-1]}), "with the password without its last character")
	refused(d.as(s.bob()), "of another user's device, with one's own password")
	refused(d.as(AccountSetup{s.stranger(), s.alice().Password}), "under a name that nobody has")
	refused(d.called("device-"+s.stranger()), "of a device that the rules do not name")
	s.denied(s.first(), d, "an authentication from the device that nobody has registered after all that")

	resp := s.register(d)
	s.Accepted(resp, "the registration of a device by its user")
	if wrong := differing(s.object(resp, "the answer to a registration"), "deviceid", d.id, "registered", true); wrong != "" {
		s.FailAt(resp.Exchange, "the deviceid and registered true for a registration", wrong)
	}
	s.token(s.first(), d, "an authentication from the registered device")
}

// MO-AS-30: a device is registered under a key that it holds.
func registrationProvesTheKey(s *scene) {
	d := s.allowed(s.alice())[0]
	other, endpoint := s.newSigner(""), s.registrationEndpoint()
	for _, l := range slices.Concat(noProofs(), forgedProofs(), misdirectedProofs(http.MethodPost, s.authenticationEndpoint()), untimelyProofs()) {
		req := s.belie(s.request(endpoint, s.registration(d)), l, s.proof(d.key, http.MethodPost, endpoint, ""), d.key, other)
		s.Refused(s.Do("device", req), "a registration with "+l.what, http.StatusBadRequest, "invalid_dpop_proof")
	}
	s.denied(s.first(), d, "an authentication from the device that nobody has registered after all that")
	p := s.proof(d.key, http.MethodPost, endpoint, "")
	s.Accepted(s.Do("device", s.prove(s.request(endpoint, s.registration(d)), d.key, p)), "a registration with a right proof")
	again := s.Do("device", s.prove(s.request(endpoint, s.registration(d)), d.key, p))
	s.Refused(again, "a registration with a proof that was used before", http.StatusBadRequest, "invalid_dpop_proof")
	s.token(s.first(), d, "an authentication from the registered device")
}

// MO-AS-31: the key of a device stays; what goes with it may be said anew under it.
func registeredKeyNotReplaced(s *scene) {
	d := s.enrolled(s.alice())
	thief := d.under(s.newSigner(""))
	thief.notification = s.DevicesBaseURL + "/notification-of-another"
	refused := func(what string) {
		s.Refused(s.register(thief), what, http.StatusConflict, "device_registered")
		s.denied(s.first(), thief, "an authentication by that key after that")
		s.token(s.first(), d, "an authentication by the device's own key after that")
	}
	refused("a registration of a registered device with another key")
	s.registered(d)
	refused("a registration with another key after the same device has registered again")

	d.notification = s.DevicesBaseURL + "/notification-moved"
	s.registered(d)
	refused("a registration with another key after the device has given another notification_uri")
	s.activate(s.rules.owned(d.id, s.bob().Name))
	thief.owner, d.owner = s.bob(), s.bob()
	refusedFor := s.register(thief)
	s.Refused(refusedFor, "a registration with another key by the user to whom the rules give the device now", http.StatusConflict, "device_registered")
	s.registered(d)
	s.token(s.first(), d, "an authentication of the user who registered the device with its key")

	if l := s.wiped(d); l.path != "/notification-moved" {
		s.FailAt(l.exchange, "the wipe message at the notification_uri of the latest registration", "it came to "+l.path)
	}
}

// The throttle of section 4.1 of the profile.
const (
	guesses      = 10
	throttleTime = 600 * time.Second
)

// MO-AS-32: ten guesses close the name for a while, and nothing else.
func guessingLimited(s *scene) {
	devices := s.allowed(s.carol(), s.alice())
	d, beside := devices[0], s.registered(devices[1])
	if s.register(d).Status == http.StatusTooManyRequests {
		s.Skip("guesses at the password of %s are used up, perhaps by an earlier run: wait ten minutes", s.carol().Name)
	}
	s.registered(d)
	for range 2 {
		s.guess(d, guesses-1)
		s.Accepted(s.register(d), fmt.Sprintf("the right password after %d wrong ones", guesses-1))
	}
	s.guess(d, guesses)
	s.throttled(s.register(d.as(s.carol().wrong())), fmt.Sprintf("a wrong password after %d wrong ones", guesses))
	s.throttled(s.register(d), fmt.Sprintf("the right password after %d wrong ones", guesses))
	s.throttled(s.deregister(d), fmt.Sprintf("a deregistration with the right password after %d wrong ones", guesses))
	s.token(s.first(), d, "an authentication from a device of that user meanwhile")
	s.Accepted(s.register(beside), "a registration under another name meanwhile")

	nobody := d.as(AccountSetup{s.stranger(), s.Random(9)})
	s.guess(nobody, guesses)
	s.throttled(s.register(nobody), fmt.Sprintf("the next password for a name that nobody has, after %d", guesses))
	another := func() *conformance.Response { return s.register(d.as(AccountSetup{s.stranger(), s.Random(9)})) }
	resp := another()
	if resp.Status == http.StatusTooManyRequests { // names that nobody has may share a count, one in 2^20
		resp = another()
	}
	s.Refused(resp, "a password for another name that nobody has, meanwhile", http.StatusForbidden, "access_denied")

	if !s.Passes(throttleTime / 2) {
		return
	}
	s.throttled(s.register(d), fmt.Sprintf("the right password %.0f s after the tenth wrong one", (throttleTime/2).Seconds()))
	s.Advance(throttleTime/2 + 2*time.Second)
	s.Accepted(s.register(d), fmt.Sprintf("the right password %.0f s after the tenth wrong one", throttleTime.Seconds()))
}

// guess tries so many wrong passwords at both endpoints in turn, each of which has to be compared.
func (s *scene) guess(d device, n int) {
	for i := range n {
		send := s.register
		if i%2 == 1 {
			send = s.deregister
		}
		wrong := d.as(AccountSetup{d.owner.Name, fmt.Sprintf("guess %d at it", i+1)})
		s.Refused(send(wrong), fmt.Sprintf("wrong password %d in a row", i+1), http.StatusForbidden, "access_denied")
	}
}

// throttled ends the check as failed unless the answer says how long to wait.
func (s *scene) throttled(resp *conformance.Response, what string) {
	s.Refused(resp, what, http.StatusTooManyRequests, "temporarily_unavailable")
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if most := int(throttleTime.Seconds()); err != nil || seconds < 1 || seconds > most {
		s.FailAt(resp.Exchange, fmt.Sprintf("status 429 with Retry-After, 1 to %d whole seconds, for %s", most, what), fmt.Sprintf("Retry-After %q", resp.Header.Get("Retry-After")))
	}
}

// MO-AS-63: messages go where only the device reads them.
func notificationOnlyToSafePlaces(s *scene) {
	d := s.allowed(s.alice())[0]
	refused := func(uri any, what string) {
		body := s.registration(d).With("notification_uri", uri)
		s.Refused(s.Do("device", s.proved(d, s.registrationEndpoint(), body)), "a registration "+what, http.StatusBadRequest, "invalid_request")
	}
	_, rest, _ := strings.Cut(s.Notification(), "://")
	for _, uri := range []string{
		"http://device.example/notification", "http://192.0.2.7/notification", "http://localhost.example/notification", "http://127.0.0.1.example/notification",
		"ftp://127.0.0.1/notification", "//" + rest, "/notification", "no URL", "",
		"http://name@" + rest, "https://name:secret@device.example/notification", s.Notification() + "#part", "https://device.example/notification#part",
	} {
		refused(uri, fmt.Sprintf("with the notification_uri %q", uri))
	}
	refused(nil, "without a notification_uri")
	refused(7, "with a number as notification_uri")
	s.denied(s.first(), d, "an authentication from the device that nobody has registered after all that")
	for _, uri := range []string{"https://device.example/notification", "http://phone.localhost:8823/notification", "http://[::1]:8823/notification", s.Notification()} {
		d.notification = uri
		s.Accepted(s.register(d), fmt.Sprintf("a registration with the notification_uri %q", uri))
	}
	s.token(s.first(), d, "an authentication from the registered device")
}
