package offline

import (
	"bytes"
	"fmt"
	"net/http"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// upset is what goes wrong with the first answer to one frame of a handset.
type upset struct {
	what                 string
	kind, message, index byte
	answer               func(honest nearAnswer) nearAnswer
}

func (u upset) meets(f frame) bool {
	return f.kind == u.kind && f.message == u.message && f.index == u.index
}

// upsets plays a business, up to its outcome, in which all of that goes wrong: each of another frame, for a frame that is lost again and again is tried at ever longer intervals.
// It ends the check as failed unless each of those frames is sent again with the same bytes, and the business ends well.
func (h *handsetTest) upsets(all ...upset) {
	h.till.be(manner{answer: func(asked frame, before int, honest nearAnswer) nearAnswer {
		for _, u := range all {
			if before == 0 && u.meets(asked) {
				return u.answer(honest)
			}
		}
		return honest
	}})
	defer h.till.be(manner{})
	mark := h.till.mark()
	start := h.start(h.low())
	var end *conformance.Response
	if start.Status == http.StatusOK {
		end = h.confirm(h.waiting(start, "a start"), approval(""))
	}
	for _, u := range all {
		var sent []heard
		for _, f := range h.till.since(mark) {
			if f.problem == "" && u.meets(f.frame) {
				sent = append(sent, f)
			}
		}
		wanted := frame{kind: u.kind, message: u.message, index: u.index}
		if len(sent) > 0 {
			wanted = sent[0].frame
		}
		if len(sent) < 2 || !bytes.Equal(sent[0].bytes, sent[1].bytes) {
			h.FailAt(start.Exchange, fmt.Sprintf("%s, %s, sent again with the same bytes", wanted, u.what), fmt.Sprintf("sent %d times", len(sent)))
		}
	}
	h.Accepted(start, "a start during which answers are lost or wrong")
	h.hasOutcome(end, "approved", "during which answers are lost or wrong")
}

// OF-HS-30
func (h *handsetTest) lostFrameSentAgain() {
	h.begins(h.low())
	lost := func(nearAnswer) nearAnswer { return silent() }
	damaged := func(honest nearAnswer) nearAnswer { return nearAnswer{frame: flipped(honest.frame, -1)} }
	h.upsets(
		upset{"answered with 204", frameData, linkApplication, 0, lost},
		upset{"whose answer is damaged", frameData, linkCountersign, 1, damaged},
		upset{"answered with 204", framePoll, linkInformation, 0, lost},
		upset{"whose answer is damaged", framePoll, linkInformation, 1, damaged},
		upset{"not answered", frameData, linkCountersign, 0, func(nearAnswer) nearAnswer { return nearAnswer{lost: true} }},
		upset{"answered with status 500", framePoll, linkDecision, 0, func(nearAnswer) nearAnswer { return nearAnswer{status: http.StatusInternalServerError} }},
	)
}

// OF-HS-31
func (h *handsetTest) triesAreBounded() {
	const most = 8
	waiting := h.begins(h.low())
	// The link is dead until a handset without bounds has shown itself, and alive then, so that it comes to an end.
	alive := false
	h.till.be(manner{answer: func(_ frame, before int, honest nearAnswer) nearAnswer {
		if alive = alive || before >= most; alive {
			return honest
		}
		return silent()
	}})
	defer h.till.be(manner{})
	mark := h.till.mark()
	answers := h.TryTogether("user", h.json(h.startEndpoint(), h.low()), h.json(waiting.uri, approval(""))) // at once, for each takes all the tries
	times := map[string]int{}
	for _, f := range h.till.since(mark) {
		if times[string(f.bytes)]++; times[string(f.bytes)] > most {
			h.FailAt(f.exchange, fmt.Sprintf("no frame sent more than %d times without a right answer", most), f.frame.String()+" once more")
		}
	}
	h.Expect(len(times) > 1, "frames of a start and of a confirmation", fmt.Sprintf("%d different ones", len(times)))
	for _, resp := range answers {
		if resp == nil {
			h.Fail("an answer to a start and an approval over a dead link", "none")
		}
		h.Refused(resp, "a start or an approval over a dead link", http.StatusGatewayTimeout, "link_failed")
	}
}

// OF-HS-32
func (h *handsetTest) damagedAnswerDiscarded() {
	h.begins(h.low())
	flippedAt := func(at int) func(nearAnswer) nearAnswer {
		return func(honest nearAnswer) nearAnswer { return nearAnswer{frame: flipped(honest.frame, at)} }
	}
	// The checksum of these is right, and so are their bytes but for what would be used of them.
	other := func(change func(*frame)) func(nearAnswer) nearAnswer {
		return func(honest nearAnswer) nearAnswer {
			f, err := readFrame(honest.frame)
			if err != nil {
				return honest
			}
			f.payload = make([]byte, len(f.payload))
			change(&f)
			return nearAnswer{frame: f.bytes()}
		}
	}
	h.upsets(
		upset{"whose answer has a wrong checksum", frameData, linkApplication, 0, flippedAt(-2)},
		upset{"whose answer is of another session", frameData, linkCountersign, 0, other(func(f *frame) { f.session[0] ^= 1 })},
		upset{"whose answer has a flipped bit in its payload", framePoll, linkInformation, 0, flippedAt(frameHeader + 8)},
		upset{"whose answer is of another session", framePoll, linkInformation, 1, other(func(f *frame) { f.session[3] ^= 1 })},
		upset{"whose answer is of another index", framePoll, linkInformation, 2, other(func(f *frame) { f.index++ })},
		upset{"whose answer has another count", framePoll, linkInformation, 3, other(func(f *frame) { f.count++ })},
		upset{"whose answer is of another message", framePoll, linkDecision, 0, other(func(f *frame) { f.message = linkInformation })},
	)
}

// OF-HS-12
func (h *handsetTest) messagesCutIntoFrames() {
	for _, size := range []int{64, 100} {
		mark := h.till.mark()
		resp := h.start(h.low().With("frame_size", size))
		if resp.Status == http.StatusOK {
			h.ends(h.waiting(resp, "a start"), approval(""), "approved", fmt.Sprintf("over a link with the frame size %d", size))
		}
		for _, f := range h.till.since(mark) {
			if len(f.bytes) > size {
				h.FailAt(f.exchange, fmt.Sprintf("frames of at most %d bytes", size), fmt.Sprintf("%d bytes", len(f.bytes)))
			}
		}
		h.Accepted(resp, fmt.Sprintf("a start with the frame size %d", size))
	}
}

// OF-HS-35
func (h *handsetTest) framesAsPictures() {
	mark := h.till.mark()
	resp := h.start(h.low().With("link", "qr").With("frame_size", 256))
	shown := func(exchange int) {
		for _, f := range h.till.since(mark) {
			if !f.picture {
				h.FailAt(f.exchange, "each frame as a picture of type image/png where the link is qr", "raw bytes")
			}
			if f.problem != "" {
				h.FailAt(f.exchange, "a picture of a frame as section 4.4 has it", f.problem)
			}
		}
		if len(h.till.since(mark)) == 0 {
			h.FailAt(exchange, "frames as pictures where the link is qr", judge.Describe(resp))
		}
	}
	shown(resp.Exchange)
	b := h.waiting(resp, "a start over qr")
	resp = h.confirm(b, approval(""))
	shown(resp.Exchange)
	h.hasOutcome(resp, "approved", "over qr")
}
