package offline

import (
	"mime"
	"net/http"
	"time"

	"countersign/actors/nearfield"
	"countersign/actors/outbound"
)

// How a handset waits for answers (profile section 4.2).
const (
	frameTries   = 8 // of one frame without a right answer
	answerWait   = 2 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
	pollPause    = 250 * time.Millisecond
	longestWait  = 30 * time.Second // while the device answers WAIT
)

// conversation is an exchange with a device over the near-field link.
type conversation struct {
	*Handset
	NearDevice
	Session nearfield.Session
}

func linkFailed() *problem {
	return &problem{Status: http.StatusGatewayTimeout, Code: "link_failed", Description: "the device does not answer; go nearer and begin anew"}
}

// send sends a message, each frame until it is acknowledged.
func (c conversation) send(message byte, content []byte) error {
	size := c.FrameSize
	// paragraph 0047: near-field link such as a sound wave
	if !c.Guards.On("OF-HS-12") {
		size = nearfield.MaxFrame
	}
	frames, err := nearfield.Cut(c.Session, message, content, size)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if _, err := c.ask(f, 0); err != nil {
			return err
		}
	}
	return nil
}

// fetch polls for a message until all of it is there. One that is longer than any message comes back empty.
func (c conversation) fetch(message byte) ([]byte, error) {
	var m nearfield.Assembly
	var waiting time.Time
	for index := byte(0); !m.Complete(); {
		f, err := c.ask(nearfield.Frame{Type: nearfield.Poll, Session: c.Session, Message: message, Index: index}, m.Count)
		if err != nil {
			return nil, err
		}
		if f.Type == nearfield.Data {
			m.Add(f)
			index++
			if m.Size() > MaxMessage {
				return nil, nil
			}
			continue
		}
		now := c.Clock.Now()
		if waiting.IsZero() {
			waiting = now
		}
		if now.Sub(waiting) >= longestWait {
			return nil, linkFailed()
		}
		c.Clock.Sleep(pollPause)
	}
	return m.Join(), nil
}

// ask sends a frame until there is a right answer. count is what an answer has to say of its message; 0 where it is the first to say so.
func (c conversation) ask(f nearfield.Frame, count byte) (nearfield.Frame, error) {
	frame, pause := f.Bytes(), firstPause
	for try := range c.tries() {
		if try > 0 {
			c.Clock.Sleep(pause)
			pause = min(2*pause, longestPause)
		}
		bytes, there := c.exchange(frame)
		// flows, framing with checksum
		if !there || c.Guards.Forbids("OF-HS-32", !nearfield.Intact(bytes)) {
			continue
		}
		answer, err := nearfield.Parse(bytes)
		if err == nil && answer.Answers(f) && (answer.Type != nearfield.Data || count == 0 || answer.Count == count) {
			return answer, nil
		}
	}
	return nearfield.Frame{}, linkFailed()
}

// tries is how often one frame is sent at most.
func (c conversation) tries() int {
	tries := frameTries
	// flows, bounded retry
	if !c.Guards.On("OF-HS-31") {
		tries = 40
	}
	// flows, framing with resend
	if !c.Guards.On("OF-HS-30") {
		tries = 1
	}
	return tries
}

// exchange sends a frame once, as it is or as a picture, and gives the bytes that came back (profile sections 4.3 and 4.4).
func (c conversation) exchange(frame []byte) (answer []byte, there bool) {
	sent := outbound.Call{Method: http.MethodPost, URL: c.NearField, ContentType: nearfield.FrameType, Body: frame}
	// flows, profile qr
	picture := c.Link == "qr" && c.Guards.On("OF-HS-35")
	if picture {
		shown, err := nearfield.Picture(frame)
		if err != nil {
			return nil, false
		}
		sent.ContentType, sent.Body = nearfield.PictureType, shown
	}
	got, err := sent.Do(c.Env, answerWait)
	if kind, _, _ := mime.ParseMediaType(got.Header.Get("Content-Type")); err != nil || got.Status != http.StatusOK || kind != sent.ContentType {
		return nil, false
	}
	if !picture {
		return got.Body, true
	}
	answer, err = nearfield.ReadPicture(got.Body)
	return answer, err == nil
}
