package nearfield_test

import (
	"bytes"
	"io"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/nearfield"
)

func entropy() io.Reader { return rand.NewChaCha8([32]byte{7}) }

var _ = Describe("A link", func() {
	It("is one of the profile's four", func() {
		var names []string
		for _, l := range nearfield.Links() {
			names = append(names, l.Name)
			found, there := nearfield.Find(l.Name)
			Expect(there).To(BeTrue())
			Expect(found).To(Equal(l))
		}
		Expect(names).To(Equal([]string{"acoustic", "nfc", "ble", "qr"}))
		_, there := nearfield.Find("drums")
		Expect(there).To(BeFalse())
	})

	It("takes its time", func() {
		acoustic, _ := nearfield.Find("acoustic")
		Expect(acoustic.Duration(64)).To(Equal(640 * time.Millisecond))
		Expect(nearfield.Link{}.Duration(64)).To(BeZero())
	})

	DescribeTable("loses frames and turns bits over as often as it says",
		func(l nearfield.Link, frames int) {
			frame, random := make([]byte, l.FrameSize), entropy()
			lost, turned := 0, 0
			for range frames {
				carried, arrives, err := l.Carry(random, frame)
				Expect(err).NotTo(HaveOccurred())
				if !arrives {
					lost++
					continue
				}
				Expect(carried).To(HaveLen(len(frame)))
				for _, b := range carried {
					turned += bits.OnesCount8(b)
				}
			}
			Expect(float64(lost) / float64(frames)).To(BeNumerically("~", l.FrameLoss, 0.02))
			carriedBits := float64((frames - lost) * l.FrameSize * 8)
			Expect(float64(turned) / carriedBits).To(BeNumerically("~", l.BitErrorRate, 0.15*l.BitErrorRate+1e-9))
			Expect(frame).To(Equal(make([]byte, l.FrameSize)), "what was sent stays as it was")
		},
		Entry("acoustic", nearfield.Links()[0], 5000),
		Entry("qr", nearfield.Links()[3], 3000),
		Entry("a bad one", nearfield.Link{FrameSize: 20, BitErrorRate: 0.3, FrameLoss: 0.5}, 3000),
	)

	It("says when there is no entropy", func() {
		for _, l := range []nearfield.Link{{}, {BitErrorRate: 0.5}} {
			_, _, err := l.Carry(strings.NewReader("12345678"[:8*bitsOf(l)]), []byte("frame"))
			Expect(err).To(MatchError(io.EOF))
		}
	})
})

// bitsOf is 1 for a link that draws once more than for the loss.
func bitsOf(l nearfield.Link) int {
	if l.BitErrorRate > 0 {
		return 1
	}
	return 0
}

// watch is a clock that counts what is slept.
type watch struct{ slept time.Duration }

func (w *watch) Now() time.Time        { return time.Unix(0, 0).Add(w.slept) }
func (w *watch) Sleep(d time.Duration) { w.slept += d }

// device answers with what it was sent, turned round.
type device struct{ got []byte }

func (d *device) RoundTrip(r *http.Request) (*http.Response, error) {
	d.got, _ = io.ReadAll(r.Body)
	back := bytes.Clone(d.got)
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	h := http.Header{"Content-Type": {r.Header.Get("Content-Type")}}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(bytes.NewReader(back))}, nil
}

var _ = Describe("The air", func() {
	var clock *watch
	var beyond *device
	var heard []string
	BeforeEach(func() { clock, beyond, heard = &watch{}, &device{}, nil })

	sendBody := func(l nearfield.Link, kind, sent string) (string, error) {
		air := nearfield.Air{Link: l, Clock: clock, Entropy: entropy(), Over: beyond, Heard: func(frame []byte, toDevice bool) {
			heard = append(heard, map[bool]string{true: "to ", false: "from "}[toDevice]+string(frame))
		}}
		r, err := http.NewRequest(http.MethodPost, "http://till/near-field", strings.NewReader(sent))
		Expect(err).NotTo(HaveOccurred())
		r.Header.Set("Content-Type", kind)
		answer, err := air.RoundTrip(r)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(answer.Body)
		return string(body), err
	}

	send := func(l nearfield.Link, kind string) (string, error) { return sendBody(l, kind, "frame") }

	It("carries frames both ways in the link's time, heard by everybody", func() {
		Expect(send(nearfield.Link{FrameSize: 64, Rate: 10}, "application/octet-stream")).To(Equal("emarf"))
		Expect(string(beyond.got)).To(Equal("frame"))
		Expect(clock.slept).To(Equal(time.Second))
		Expect(heard).To(Equal([]string{"to frame", "from emarf"}))
	})

	It("loses frames: nothing arrives, and after two seconds nothing has come back", func() {
		_, err := send(nearfield.Link{FrameSize: 64, FrameLoss: 1}, "image/png")
		Expect(err).To(MatchError("till gave no answer over the near-field link"))
		Expect(beyond.got).To(BeNil())
		Expect(clock.slept).To(Equal(2 * time.Second))
	})

	It("takes for a picture the time of the frame in it, and lets that be heard", func() {
		picture, err := nearfield.Picture(frameOf(36))
		Expect(err).NotTo(HaveOccurred())
		_, err = sendBody(nearfield.Link{FrameSize: 64, Rate: 10}, "image/png", string(picture))
		Expect(err).NotTo(HaveOccurred())
		Expect(beyond.got).To(Equal(picture))
		Expect(clock.slept).To(Equal(5 * time.Second))
		Expect(heard).To(Equal([]string{"to " + string(frameOf(36))}), "what came back was no picture any more")
	})

	It("damages frames", func() {
		Expect(send(nearfield.Link{FrameSize: 64, BitErrorRate: 0.4}, "application/octet-stream")).NotTo(Equal("emarf"))
		Expect(string(beyond.got)).NotTo(Equal("frame"))
	})

	It("leaves alone what is no frame", func() {
		Expect(send(nearfield.Link{FrameSize: 64, FrameLoss: 1}, "application/json")).To(Equal("emarf"))
		Expect(heard).To(BeEmpty())
	})
})
