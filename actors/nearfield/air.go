package nearfield

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"countersign/actors"
)

// Air lies between a handset and the devices near it, and does to frames what its link does. It is the RoundTripper of the handset's
// HTTP client; exchanges other than those of frames pass through it as they are.
type Air struct {
	Link    Link
	Clock   actors.Clock
	Entropy io.Reader
	Over    http.RoundTripper
	// Heard, if set, is given every frame that is sent, before the link does anything to it: everybody near hears everything.
	Heard func(frame []byte, toDevice bool)
}

// patience is how long a handset waits for an answer (profile section 4.2).
const patience = 2 * time.Second

// SilenceError says that no answer came.
type SilenceError struct{ Device string }

func (e *SilenceError) Error() string {
	return fmt.Sprintf("%s gave no answer over the near-field link", e.Device)
}

// Timeout tells callers that waiting longer might have helped, as net.Error has it.
func (e *SilenceError) Timeout() bool { return true }

// RoundTrip carries a frame to the device, and its answer back.
func (a Air) RoundTrip(r *http.Request) (*http.Response, error) {
	picture, framed := carrier(r.Header)
	if !framed || r.Body == nil {
		return a.Over.RoundTrip(r)
	}
	sent, err := io.ReadAll(io.LimitReader(r.Body, MaxFrame+1))
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	arrived, arrives, err := a.carry(sent, picture, true)
	if err != nil {
		return nil, err
	}
	if !arrives {
		return nil, a.silence(r)
	}
	carried := r.Clone(r.Context())
	carried.Body, carried.ContentLength = io.NopCloser(bytes.NewReader(arrived)), int64(len(arrived))
	answer, err := a.Over.RoundTrip(carried)
	if err != nil {
		return nil, err
	}
	if picture, framed = carrier(answer.Header); !framed {
		return answer, nil
	}
	defer answer.Body.Close()
	back, err := io.ReadAll(io.LimitReader(answer.Body, MaxFrame+1))
	if err != nil {
		return nil, err
	}
	if back, arrives, err = a.carry(back, picture, false); err != nil {
		return nil, err
	}
	if !arrives {
		return nil, a.silence(r)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(back)), int64(len(back))
	answer.Header.Set("Content-Length", strconv.Itoa(len(back)))
	return answer, nil
}

// carry carries what is a frame or the picture of one. A picture takes as long as the frame in it, whatever its file is.
func (a Air) carry(sent []byte, picture, toDevice bool) (arrived []byte, arrives bool, err error) {
	frame := sent
	if picture {
		if frame, err = ReadPicture(sent); err != nil {
			frame = nil
		}
	}
	if a.Heard != nil && frame != nil {
		a.Heard(frame, toDevice)
	}
	a.Clock.Sleep(a.Link.Duration(len(frame)))
	return a.Link.Carry(a.Entropy, sent)
}

func (a Air) silence(r *http.Request) error {
	a.Clock.Sleep(patience)
	return &SilenceError{r.URL.Host}
}

// carrier reports whether a body is a frame, and whether it is one as a picture.
func carrier(h http.Header) (picture, framed bool) {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == PictureType, err == nil && (kind == FrameType || kind == PictureType)
}
