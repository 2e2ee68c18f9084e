package offline

import (
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"countersign/actors"
	"countersign/actors/nearfield"
	"countersign/actors/wire"
)

// Handset is what the user carries: it shows what is to be authorized, and countersigns it. It has no connection but the near-field link (profile section 6).
type Handset struct {
	actors.Env
	BaseURL string // the URL under which its screen and keys lie, without a trailing slash; on loopback only
	ID      string // its identifier
	Key     ed25519.PrivateKey
	Account string // its owner's at the server
	Issuer  string // the server
	// ServerKeys are the server's public keys, pinned since enrolment.
	ServerKeys PinnedKeys
	// PasswordCost is scrypt's N, a power of two. Zero is the profile's 16384; less is for simulated worlds only.
	PasswordCost int
	// Near are the devices that the page offers its user.
	Near []NearDevice

	// TestClock is as in ServiceServer.
	TestClock func(time.Duration) time.Time
}

// NearDevice is a device that the user stands before.
type NearDevice struct {
	Device    string `json:"device"`              // its identifier, as its label says
	NearField string `json:"near_field_endpoint"` // where frames for it go
	FrameSize int    `json:"frame_size"`          // bytes, 64 to 1024
	Link      string `json:"link"`                // acoustic, nfc, ble or qr; with qr frames go as pictures
}

// Wish is what the user wants to have authorized, and before which device.
type Wish struct {
	NearDevice
	Service  string `json:"service"`
	Amount   uint64 `json:"amount"` // in the smallest unit of the currency
	Currency string `json:"currency"`
}

// Shown is what the user sees before signing, as it stands in the information.
type Shown struct {
	Device    string `json:"device"`
	Service   string `json:"service"`
	Amount    uint64 `json:"amount"`
	Currency  string `json:"currency"`
	Level     uint64 `json:"level"`
	ExpiresAt uint64 `json:"expires_at"` // seconds since 1970
}

// Outcome is how a confirmation ended (profile section 6.2).
type Outcome string

// The outcomes.
const (
	Approved  Outcome = "approved"
	Refused   Outcome = "refused"
	Unknown   Outcome = "unknown"
	Cancelled Outcome = "cancelled"
)

// The decisions of a user.
const (
	Approve = "approve"
	Deny    = "deny"
)

const (
	pathStart           = "/start"
	pathConfirmation    = "/confirmation/"
	pathPasswordSetting = "/password-setting"
)

// Reason is the error token of a refusal that Start, Confirm or SetPassword returned, as it goes over the wire; empty for other errors.
func Reason(err error) string {
	var p *problem
	if !errors.As(err, &p) {
		return ""
	}
	return p.Code
}

// Handler serves the handset's screen and keys: the endpoints, and a page for its user.
func (h *Handset) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(h.BaseURL)
	mux.HandleFunc(base+"/{$}", h.page)
	mux.Handle(base+pathStart, h.endpoint(h.start))
	mux.Handle(base+pathConfirmation+"{token}", h.endpoint(h.confirm))
	mux.Handle(base+pathPasswordSetting, h.endpoint(h.setPassword))
	m := Metadata{Issuer: h.Issuer, Handset: h.ID, StartEndpoint: h.BaseURL + pathStart, PasswordSettingEndpoint: h.BaseURL + pathPasswordSetting}
	// profile section 3
	if !h.Guards.On("OF-HS-01") {
		m.PasswordSettingEndpoint = ""
	}
	publish(mux, h.BaseURL, m, h.TestClock)
	return mux
}

// endpoint serves what a press of a key does.
func (h *Handset) endpoint(do func(*http.Request) (wire.Answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			wire.WrongMethod(w, http.MethodPost)
			return
		}
		// Fetch standard, simple requests: no foreign page can send this media type
		if !h.Guards.On("OF-HS-34") {
			r.Header.Set("Content-Type", wire.JSONType)
		}
		answer, err := do(r)
		if err != nil {
			refuse(w, err)
			return
		}
		// Of the handset's answers too nothing stays behind (RFC 9111 section 5.2.2.5).
		if h.Guards.Hardened() {
			w.Header().Set("Cache-Control", "no-store")
		}
		answer.Write(w)
	})
}

// start begins a business (profile section 6.1).
func (h *Handset) start(r *http.Request) (wire.Answer, error) {
	w, err := h.readWish(r)
	if err != nil {
		return wire.Answer{}, err
	}
	began, err := h.Start(w)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(began)
}

func (h *Handset) readWish(r *http.Request) (w Wish, err error) {
	m, err := readObject(r)
	if err != nil {
		return w, err
	}
	for _, member := range []struct {
		name string
		into any
	}{
		{"device", &w.Device}, {"near_field_endpoint", &w.NearField}, {"frame_size", &w.FrameSize}, {"link", &w.Link},
		{"service", &w.Service}, {"amount", &w.Amount}, {"currency", &w.Currency},
	} {
		if err := m.Into(member.name, member.into, "value of the right type"); err != nil {
			return w, err
		}
	}
	return w, nil
}

// judge refuses a wish that no application can be made of.
func (h *Handset) judge(w Wish) error {
	where, err := url.Parse(w.NearField)
	_, linked := nearfield.Find(w.Link)
	switch {
	case err != nil || where.Host == "" || where.Scheme != "http" && where.Scheme != "https":
		return wire.InvalidRequest("near_field_endpoint is no URL")
	case h.Guards.Hardened() && !wire.Private(w.NearField):
		return wire.InvalidRequest("near_field_endpoint is neither on loopback nor on TLS")
	case w.FrameSize < 64 || w.FrameSize > 1024:
		return wire.InvalidRequest("frame_size is not from 64 to 1024")
	case !linked:
		return wire.InvalidRequest("link is none of acoustic, nfc, ble and qr")
	case w.Link == "qr" && !h.Guards.Hardened():
		return &problem{Status: http.StatusBadRequest, Code: "unsupported_link", Description: "this handset has no camera; use another link"}
	}
	wanted := Application{Device: w.Device, Service: w.Service, Amount: w.Amount, Currency: w.Currency}.Fields()
	for _, key := range []uint64{KeyDevice, KeyService, KeyAmount, KeyCurrency} {
		if limits := valueOf(key); !limits.fits(key, wanted[key]) {
			return wire.InvalidRequest(limits.name + " is beyond the limits of an application")
		}
	}
	return nil
}

// random draws bytes for a purpose.
func (h *Handset) random(purpose string, size int) ([]byte, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(h.Entropy(purpose), b)
	return b, err
}
