package offline

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance/judge"
)

// small is how long frames are where a message has to take several, whatever the device's frame size.
const small = frameOverhead + 16

// OF-VD-10
func (d *deviceTest) messagesPutTogether() {
	v := d.visit()
	v.size = small
	first := v.cut(linkApplication, v.asked.encode())
	slices.Reverse(first)
	v.gives(first...)
	v.comesThrough("whose frames came in reverse order")
	countersign := v.countersign()
	second := v.cut(linkCountersign, countersign)
	var shuffled []frame // the odd ones first
	for from := 1; from >= 0; from-- {
		for i := from; i < len(second); i += 2 {
			shuffled = append(shuffled, second[i])
		}
	}
	v.gives(shuffled...)
	v.hears(linkDecision)
	v.relayed("verification", "the countersign, whose frames came out of order,", envelopeType, countersign)
	v.approves("a right countersign in frames out of order")
}

// OF-VD-11
func (d *deviceTest) sessionsSeparate() {
	one, two := d.visitOf(d.Handsets[0]), d.visitOf(d.Handsets[1])
	two.asked = two.asked.with(keyAmount, two.asked.number(keyAmount)-1)
	both := func(message byte, first, second []byte) {
		of := [2][]frame{one.cut(message, first), two.cut(message, second)}
		for i := range max(len(of[0]), len(of[1])) {
			for who, v := range []*visit{one, two} {
				if i < len(of[who]) {
					v.gives(of[who][i])
				}
			}
		}
	}
	one.size, two.size = small, small
	both(linkApplication, one.asked.encode(), two.asked.encode())
	for _, v := range []*visit{one, two} {
		v.comesThrough("one of two at once")
	}
	both(linkCountersign, one.countersign(), two.countersign())
	for _, v := range []*visit{two, one} {
		v.approves("a right countersign of one of two handsets at once")
		v.relayed("verification", "the countersign of one of two handsets at once", envelopeType, v.countersign())
	}
}

// comesThrough ends the check as failed unless the application, all of whose frames have come, was relayed as it was.
func (v *visit) comesThrough(what string) {
	v.hears(linkInformation)
	v.relayed("application", "the application, "+what+",", applicationType, v.asked.encode())
	v.takesInformation()
}

// OF-VD-12
func (d *deviceTest) damagedFrameDiscarded() {
	v := d.visit()
	v.size = small
	for i, f := range v.cut(linkApplication, v.asked.encode()) {
		for _, at := range []int{frameHeader + 2, 2, -1, 6} {
			if i == 0 || at == frameHeader+2 {
				v.ignored(flipped(f.bytes(), at), fmt.Sprintf("%s with a bit flipped in byte %d", f, at))
			}
		}
		v.gives(f)
	}
	v.comesThrough("each of whose frames came damaged first")
	v.ignored(flipped(v.poll(linkInformation, 0).bytes(), -1), "a POLL whose checksum is wrong")
	v.countersigns()
	v.approves("a right countersign")
}

// OF-VD-13
func (d *deviceTest) repeatedFrameAcknowledged() {
	v := d.visit()
	twice := func(message byte, content []byte) {
		frames := v.cut(message, content)
		for _, f := range frames {
			v.gives(f, f)
		}
		v.gives(frames...)
	}
	v.size = small
	twice(linkApplication, v.asked.encode())
	v.comesThrough("each of whose frames came three times")
	v.gives(v.cut(linkApplication, v.asked.encode())...)
	v.once("application", "when frames are repeated")
	twice(linkCountersign, v.countersign())
	v.approves("a right countersign, each frame of which came three times")
	v.gives(v.cut(linkCountersign, v.countersign())...)
	v.once("verification", "when frames are repeated")
	v.approves("the same countersign, polled for again after more repetitions")
}

// OF-VD-14
func (d *deviceTest) malformedFrameDiscarded() {
	v := d.visit()
	v.ignored(v.poll(linkInformation, 0).bytes(), "a POLL in a session that no application opened")
	v.ignored(frame{kind: frameData, session: v.session, message: linkCountersign, count: 1, payload: []byte{1}}.bytes(), "a countersign in a session that no application opened")
	v.size = small
	frames := v.cut(linkApplication, v.asked.encode())
	v.gives(frames[0])
	next := frames[1]
	with := func(f frame, change func(*frame)) frame { change(&f); return f }
	for _, c := range []struct {
		what  string
		bytes []byte
	}{
		{"DATA with another count than the message's first", with(next, func(f *frame) { f.count++ }).bytes()},
		{"DATA whose count is its index and one", with(next, func(f *frame) { f.count = f.index + 1 }).bytes()},
		{"DATA whose length is one too many", next.saying(len(next.payload) + 1)},
		{"DATA whose length is one too few", next.saying(len(next.payload) - 1)},
		{"a frame of type 0", with(next, func(f *frame) { f.kind = 0 }).bytes()},
		{"a frame of type 5", with(next, func(f *frame) { f.kind = 5 }).bytes()},
		{"ACK", frame{kind: frameAck, session: v.session}.bytes()},
		{"WAIT", frame{kind: frameWait, session: v.session, message: linkInformation}.bytes()},
		{"DATA with count 0", with(next, func(f *frame) { f.count = 0 }).bytes()},
		{"DATA with an index that is its count", with(next, func(f *frame) { f.index = f.count }).bytes()},
		{"DATA of message 1", with(next, func(f *frame) { f.message = linkInformation }).bytes()},
		{"DATA of message 4", with(next, func(f *frame) { f.message = 4 }).bytes()},
		{"POLL of message 0", v.poll(linkApplication, 0).bytes()},
		{"a countersign before there is information", with(next, func(f *frame) { f.message = linkCountersign }).bytes()},
		{"a frame longer than the frame size", with(next, func(f *frame) { f.payload = make([]byte, v.frameSize()-frameOverhead+1) }).bytes()},
		{"fewer bytes than any frame", next.bytes()[:9]},
		{"nothing", nil},
	} {
		v.ignored(c.bytes, c.what)
	}
	v.gives(frames[1:]...)
	v.comesThrough("between whose frames others came that are malformed")
	v.ignored(v.poll(linkInformation, 254).bytes(), "a POLL of an index that the message does not have")
	v.countersigns()
	v.approves("a right countersign")
}

// OF-VD-15
func (d *deviceTest) frameSizeKept() {
	v := d.visit()
	v.asked = v.asked.with(keyAmount, d.Services[0].Threshold+1) // at level 2 messages are longer
	whole := map[byte]*fragments{}
	for _, message := range []byte{linkInformation, linkDecision} {
		send := v.cut(linkApplication, v.asked.encode())
		if message == linkDecision {
			send = v.cut(linkCountersign, v.countersign())
		}
		for _, f := range send {
			v.fits(f)
		}
		v.hears(message)
		m := &fragments{}
		for index := byte(0); !m.complete(); index++ {
			m.take(v.fits(v.poll(message, index)))
		}
		if whole[message] = m; message == linkInformation {
			v.takesInformation()
		}
	}
	if !bytes.Equal(whole[linkInformation].joined(), v.information) {
		v.Fail("the same information, polled for again", "other bytes")
	}
}

// fits hands a frame over, and ends the check as failed when the answer is longer than the device's frame size.
func (v *visit) fits(asked frame) frame {
	resp := v.hand(asked.bytes(), asked.String())
	if most := v.frameSize(); len(resp.Body) > most {
		v.FailAt(resp.Exchange, fmt.Sprintf("a frame of at most %d bytes as the answer to %s", most, asked), fmt.Sprintf("%d bytes", len(resp.Body)))
	}
	return v.frame(resp, asked)
}

// OF-VD-16
func (d *deviceTest) firstFragmentStands() {
	v := d.visit()
	v.size = small
	inject := func(message byte, content []byte) {
		frames := v.cut(message, content)
		for _, f := range frames {
			lie := f
			lie.payload = bytes.Repeat([]byte{0xee}, len(f.payload))
			v.gives(f, lie)
		}
		shorter := frames[0]
		shorter.payload = shorter.payload[:1]
		v.gives(shorter)
	}
	inject(linkApplication, v.asked.encode())
	v.comesThrough("each of whose frames came again with other bytes")
	inject(linkCountersign, v.countersign())
	v.hears(linkDecision)
	v.relayed("verification", "the countersign, each of whose frames came again with other bytes,", envelopeType, v.countersign())
	v.approves("a right countersign, each of whose frames came again with other bytes")
}

// OF-VD-30
func (d *deviceTest) idleSessionForgotten() {
	v := d.visit()
	v.isInformed()
	asked := v.poll(linkInformation, 0)
	const idle, less = forgotten, 100 * time.Second
	v.Advance(less)
	v.frame(v.hand(asked.bytes(), asked.String()), asked)
	v.Advance(idle)
	v.ignored(asked.bytes(), fmt.Sprintf("%s after %s without a frame", asked, idle))
	v.ignored(v.cut(linkCountersign, v.countersign())[0].bytes(), fmt.Sprintf("DATA of message 2 after %s without a frame", idle))
	d.visit().buys()
}

// OF-VD-31
func (d *deviceTest) framesAsPictures() {
	kinds := d.metadata.NearFieldMediaTypes
	d.announces(announced{slices.Contains(kinds, pictureType), "near_field_media_types with " + pictureType, strings.Join(kinds, ", ")})
	v := d.visit()
	shown := func(asked frame) frame {
		resp := v.Do("handset", v.request(pictureType, picture(asked.bytes())))
		what := "the answer to a picture of " + asked.String()
		v.Accepted(resp, "a picture of "+asked.String())
		v.OfType(resp, what, pictureType)
		b, err := readPicture(resp.Body)
		if err != nil {
			v.FailAt(resp.Exchange, what+": a QR code as section 4.4 has it", err.Error())
		}
		return v.right(b, resp.Exchange, asked)
	}
	for _, f := range v.cut(linkApplication, v.asked.encode()) {
		shown(f)
	}
	v.takesInformation() // frames and pictures are of one session
	asked := v.poll(linkInformation, 0)
	if f := shown(asked); !bytes.HasPrefix(v.information, f.payload) {
		v.Fail("the information as message 1 in pictures too", f.String()+" with other bytes")
	}
	resp := v.Do("handset", v.request(pictureType, pngOf(blank(200))))
	if resp.Status != http.StatusNoContent {
		v.FailAt(resp.Exchange, "status 204, no answer, to a picture without a code", judge.Describe(resp))
	}
}
