package mobile

import (
	"crypto/ecdsa"
	"errors"
	"net/http"
	"slices"
	"time"

	"countersign/actors"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// MobileApp is an app on one device, of one user (profile section 6). It learns from the authorization server where to go, and goes nowhere else.
type MobileApp struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash; its triggers on loopback only
	Issuer  string // the authorization server
	// SigningKeys are the issuer's public keys. They come with the app, and not over the line that they guard.
	SigningKeys []*ecdsa.PublicKey
	AppID       string // appid
	DeviceID    string // deviceid
	Username    string // username

	// TestClock is as in BusinessSystem.
	TestClock func(time.Duration) time.Time
}

const (
	pathStart        = "/start"
	pathEnrolment    = "/enrolment"
	pathHoldings     = "/holdings"
	pathNotification = "/notification"
)

// Handler serves the app's endpoints, and a page for its user.
func (m *MobileApp) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(m.BaseURL)
	mux.HandleFunc(base+"/{$}", m.page)
	mux.Handle(base+pathStart, m.trigger(m.start))
	mux.Handle(base+pathEnrolment, m.trigger(m.enrolment))
	mux.HandleFunc(base+pathHoldings, m.holdings)
	mux.HandleFunc(base+pathNotification, m.notification)
	document := Metadata{
		Issuer: m.Issuer, StartEndpoint: m.BaseURL + pathStart, EnrolmentEndpoint: m.BaseURL + pathEnrolment,
		HoldingsEndpoint: m.BaseURL + pathHoldings, NotificationEndpoint: m.BaseURL + pathNotification, AppID: m.AppID, DeviceID: m.DeviceID,
	}
	// RFC 8414 section 2; profile section 3
	if !m.Guards.On("MO-AP-01") {
		document.DeviceID = ""
	}
	publish(mux, m.BaseURL, document, m.TestClock)
	return mux
}

// trigger serves what stands in for the user's finger.
func (m *MobileApp) trigger(do func(members) (wire.Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// RFC 9110 section 9.2.1
		if m.Guards.Forbids("MO-AP-37", r.Method != http.MethodPost) {
			wire.WrongMethod(w, http.MethodPost)
			return
		}
		said, err := readTrigger(r)
		if err != nil {
			wire.Reject(w, err)
			return
		}
		answer, err := do(said)
		if err != nil {
			wire.Reject(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		answer.Write(w)
	}
}

// readTrigger reads what the user wants. Only a POST has a body.
func readTrigger(r *http.Request) (members, error) {
	if r.Method != http.MethodPost {
		return members{}, nil
	}
	text, _, err := readBody(r, maxRequest, wire.JSONType)
	if err != nil {
		return nil, err
	}
	if wire.Repeats(text) {
		return nil, wire.InvalidRequest("a member appears twice; send it once")
	}
	return wire.Object(text)
}

// The ways in which an enrolment or a start ends without what was wanted (profile sections 6.1 and 6.2).
const (
	codeNotEnrolled           = "not_enrolled"
	codeRegistrationRefused   = "registration_refused"
	codeAuthenticationRefused = "authentication_refused"
	codeAnswerRefused         = "answer_refused"
	codeAccessRefused         = "access_refused"
	codeUnreachable           = "unreachable"
)

var errNotEnrolled = &problem{Status: http.StatusConflict, Code: codeNotEnrolled, Description: "this device is not enrolled; enrol it with the user's password"}

// ended is an end of an enrolment or a start that is another party's doing.
func ended(code, description string) error {
	return &problem{Status: http.StatusBadGateway, Code: code, Description: description}
}

// enrolment registers the device for its user (profile section 6.1).
func (m *MobileApp) enrolment(said members) (wire.Answer, error) {
	password, err := said.Word("password")
	if err != nil {
		return wire.Answer{}, err
	}
	if !isPassword(password) {
		return wire.Answer{}, wire.InvalidRequest("password is longer than 256 characters")
	}
	if err := m.Enrol(password); err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]bool{"enrolled": true})
}

// Enrol is what enrolment_endpoint does. What was held before is forgotten when the authorization server agrees.
func (m *MobileApp) Enrol(password string) error {
	before, err := m.held()
	if err != nil {
		return err
	}
	server, err := m.discover(patience)
	if err != nil {
		return err
	}
	registration := map[string]string{"deviceid": m.DeviceID, "username": m.Username, "password": password}
	// description of step S102: the device can be reached
	if m.Guards.On("MO-AP-09") {
		registration["notification_uri"] = m.BaseURL + pathNotification
	}
	answer, err := m.tell(server.RegistrationEndpoint, registration, patience)
	if err != nil {
		return ended(codeUnreachable, "the authorization server does not answer; try again later")
	}
	if answer.Status != http.StatusOK {
		return ended(codeRegistrationRefused, "the authorization server does not register this device for this user and password")
	}
	_, err = m.change(before.Epoch, func(h *holdings) error {
		*h = holdings{Epoch: h.Epoch + 1, Enrolled: true}
		return nil
	})
	if errors.Is(err, errOvertaken) {
		return ended(codeRegistrationRefused, "the device was wiped or enrolled meanwhile; try again")
	}
	return err
}

// holdings says what the app holds, and no value of it (profile section 6.3).
func (m *MobileApp) holdings(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		wire.WrongMethod(w, http.MethodGet)
		return
	}
	held, err := m.held()
	if err != nil {
		wire.Reject(w, err)
		return
	}
	answer, err := wire.JSON(map[string]any{"enrolled": held.Enrolled, "token": held.Token != "", "address": held.Address != "", "resources": len(held.Resources)})
	if err != nil {
		wire.Reject(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer.Write(w)
}

// trusts reports whether a token is signed under one of the issuer's keys.
func (m *MobileApp) trusts(signed token.Signed) bool {
	return slices.ContainsFunc(m.SigningKeys, func(key *ecdsa.PublicKey) bool { return signed.Verify(key) == nil })
}
