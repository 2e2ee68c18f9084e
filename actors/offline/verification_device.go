package offline

import (
	"crypto/ed25519"
	"io"
	"mime"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/nearfield"
	"countersign/actors/wire"
)

// VerificationDevice is a till or turnstile: it relays between handsets near it and its server, and opens on the server's word alone (profile sections 4.5 and 5).
type VerificationDevice struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash
	Device  string // its identifier, as its label says
	Secret  string // what it authenticates with at the server
	Issuer  string // the server
	// ServerKeys are the server's public keys, pinned since enrolment.
	ServerKeys PinnedKeys
	// Link is the near-field link; it announces its name and frame size.
	Link nearfield.Link

	// TestClock is as in ServiceServer.
	TestClock func(time.Duration) time.Time
}

// PinnedKeys are public keys of a server by their kid.
type PinnedKeys map[string]ed25519.PublicKey

// vouch reports whether one of the keys has signed the envelope in one of the domains (profile section 2.2).
func (k PinnedKeys) vouch(e Envelope, domains ...Domain) bool {
	id, _ := e.KeyID()
	key, pinned := k[id]
	if !pinned || !e.IsEdDSA() {
		return false
	}
	for _, d := range domains {
		if e.Holds(d, key) {
			return true
		}
	}
	return false
}

// reading is what handset and device let pass in messages.
func reading(env actors.Env) Leniency {
	if env.Guards.Hardened() {
		return Leniency{}
	}
	return Core()
}

const pathNearField = "/near-field"

// Handler serves the near-field endpoint, and a page that shows what the device decided. Relaying that was under way when the device last stopped goes on.
func (d *VerificationDevice) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(d.BaseURL)
	d.resume()
	mux.HandleFunc(base+"/{$}", d.page)
	mux.HandleFunc(base+pathNearField, d.nearField)
	publish(mux, d.BaseURL, d.metadata(), d.TestClock)
	return mux
}

func (d *VerificationDevice) metadata() Metadata {
	m := Metadata{
		Issuer: d.Issuer, Device: d.Device, NearFieldEndpoint: d.BaseURL + pathNearField,
		NearFieldProfile: d.Link.Name, NearFieldFrameSize: d.Link.FrameSize, NearFieldMediaTypes: d.mediaTypes(),
	}
	// profile section 3
	if !d.Guards.On("OF-VD-01") {
		m.NearFieldFrameSize = 0
	}
	return m
}

// Near is the device as a handset before it is told of it, over one of the links.
func (d *VerificationDevice) Near(link string) NearDevice {
	return NearDevice{Device: d.Device, NearField: d.BaseURL + pathNearField, FrameSize: d.Link.FrameSize, Link: link}
}

func (d *VerificationDevice) mediaTypes() []string {
	if d.Guards.Hardened() {
		return []string{nearfield.FrameType, nearfield.PictureType}
	}
	return []string{nearfield.FrameType}
}

// nearField is the link over loopback (profile sections 4.3 and 4.4).
func (d *VerificationDevice) nearField(w http.ResponseWriter, r *http.Request) {
	const maxBody = 65536 // bytes
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	picture := err == nil && kind == nearfield.PictureType && d.Guards.Hardened()
	if !picture && (err != nil || kind != nearfield.FrameType) {
		wire.Refuse(w, http.StatusUnsupportedMediaType, wire.Refusal{Error: "invalid_request", Description: "the body is no frame; send it as " + nearfield.FrameType})
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, wire.Refusal{Error: "invalid_request", Description: "the body broke off"})
		return
	}
	if len(body) > maxBody {
		wire.Refuse(w, http.StatusRequestEntityTooLarge, wire.Refusal{Error: "invalid_request", Description: "the body is larger than 65536 bytes"})
		return
	}
	frame := body
	if picture {
		if frame, err = nearfield.ReadPicture(body); err != nil {
			w.WriteHeader(http.StatusNoContent) // a picture without a readable code is no frame
			return
		}
	}
	answer, err := d.Receive(frame)
	switch {
	case err != nil:
		wire.Refuse(w, http.StatusInternalServerError, wire.Broken())
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	case picture:
		d.showPicture(w, frame, answer)
	default:
		wire.Answer{Status: http.StatusOK, ContentType: nearfield.FrameType, Body: string(answer)}.Write(w)
	}
}

// showPicture answers with a picture of the frame.
func (d *VerificationDevice) showPicture(w http.ResponseWriter, asked, answer []byte) {
	// flows, profile qr
	if !d.Guards.On("OF-VD-31") {
		wire.Answer{Status: http.StatusOK, ContentType: nearfield.FrameType, Body: string(answer)}.Write(w)
		return
	}
	shown, err := nearfield.Picture(answer)
	if err == nil {
		err = d.rememberPictures(asked, answer)
	}
	if err != nil {
		wire.Refuse(w, http.StatusInternalServerError, wire.Broken())
		return
	}
	wire.Answer{Status: http.StatusOK, ContentType: nearfield.PictureType, Body: string(shown)}.Write(w)
}
