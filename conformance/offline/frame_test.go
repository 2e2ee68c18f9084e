package offline

import (
	"bytes"
	"encoding/hex"
	"image"
	"image/draw"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

var _ = Describe("The harness's frames", func() {
	f := frame{kind: frameData, session: [4]byte{0xde, 0xad, 0xbe, 0xef}, message: linkCountersign, index: 1, count: 3, payload: []byte("123456789")}

	It("are written as section 4.1 says, checksum of ISO/IEC 8802-3 included", func() {
		gomega.Expect(hex.EncodeToString(f.bytes())).To(gomega.Equal("01deadbeef0201030009" + "313233343536373839" + "e7cb2aa4"))
	})

	It("read as they were written", func() {
		for _, kind := range []byte{frameAck, framePoll, frameWait} {
			other := frame{kind: kind, session: f.session, message: 3, index: 7, payload: []byte{}}
			gomega.Expect(readFrame(other.bytes())).To(gomega.Equal(other))
		}
		gomega.Expect(readFrame(f.bytes())).To(gomega.Equal(f))
	})

	It("are none with any bit flipped", func() {
		for at := range f.bytes() {
			_, err := readFrame(flipped(f.bytes(), at))
			gomega.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("checksum")))
		}
	})

	DescribeTable("are none",
		func(b []byte, reason string) {
			_, err := readFrame(b)
			gomega.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(reason)))
		},
		Entry("when they are shorter than any frame", f.bytes()[:13], "fewer than any frame"),
		Entry("when their length is not that of the payload", f.saying(8), "says that its payload has 8 bytes"),
		Entry("of type 5", frame{kind: 5}.bytes(), "no type 5"),
		Entry("when DATA has count 0", frame{kind: frameData, payload: []byte{1}}.bytes(), "fragment 0 of 0"),
		Entry("when DATA has an index that is its count", frame{kind: frameData, index: 2, count: 2, payload: []byte{1}}.bytes(), "fragment 2 of 2"),
		Entry("when DATA is empty", frame{kind: frameData, count: 2}.bytes(), "with 0 bytes"),
		Entry("when POLL has a count", frame{kind: framePoll, count: 2}.bytes(), "no DATA"),
	)

	It("carry a message in any order, the first of each fragment", func() {
		message := bytes.Repeat([]byte("message "), 20)
		frames := cut(f.session, linkApplication, message, small)
		var m fragments
		for i := range frames {
			gomega.Expect(m.joined()).To(gomega.BeNil())
			of := frames[len(frames)-1-i]
			gomega.Expect(len(of.bytes())).To(gomega.BeNumerically("<=", small))
			gomega.Expect(m.take(of)).To(gomega.Equal(i == len(frames)-1))
			of.payload = []byte("something else")
			gomega.Expect(m.take(of)).To(gomega.BeFalse())
		}
		gomega.Expect(m.joined()).To(gomega.Equal(message))
	})
})

var _ = Describe("The harness's pictures", func() {
	DescribeTable("write Base45 as RFC 9285 does",
		func(said, written string) {
			gomega.Expect(base45([]byte(said))).To(gomega.Equal(written))
			gomega.Expect(unBase45(written)).To(gomega.BeEquivalentTo(said))
		},
		Entry("AB", "AB", "BB8"),
		Entry("Hello!!", "Hello!!", "%69 VD92EX0"),
		Entry("base-45", "base-45", "UJCLQE7W581"),
		Entry("ietf!", "ietf!", "QED8WEX0"),
	)

	DescribeTable("take no other text for Base45",
		func(text string) {
			_, err := unBase45(text)
			gomega.Expect(err).To(gomega.HaveOccurred())
		},
		Entry("a number over 65535", "GGW"),
		Entry("a number over 255", "::"),
		Entry("a digit left over", "BB8B"),
		Entry("small letters", "bb8"),
	)

	It("read as they were drawn, whatever the size of the frame", func() {
		for _, size := range []int{14, 64, 185, 256, 1024} {
			f := bytes.Repeat([]byte{0xa5, 0, 0x7e}, size)[:size]
			gomega.Expect(readPicture(picture(f))).To(gomega.Equal(f))
		}
	})

	// drawn is a code of a frame with any error correction, size of modules and quiet zone.
	drawn := func(level qr.ErrorCorrectionLevel, text string, module, margin int) []byte {
		code := must(qr.Encode(text, level, qr.AlphaNumeric))
		side := code.Bounds().Dx() * module
		scaled := must(barcode.Scale(code, side, side))
		canvas := blank(side + 2*margin)
		draw.Draw(canvas, image.Rect(margin, margin, margin+side, margin+side), scaled, image.Point{}, draw.Src)
		return pngOf(canvas)
	}

	It("are bigger than they need be", func() {
		gomega.Expect(readPicture(drawn(qr.H, "CSO1:"+base45([]byte("a frame")), 7, 40))).To(gomega.BeEquivalentTo("a frame"))
	})

	DescribeTable("are none",
		func(file []byte, reason string) {
			_, err := readPicture(file)
			gomega.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(reason)))
		},
		Entry("when there is no code", pngOf(blank(200)), "no readable QR code"),
		Entry("when they are no PNG", []byte("no picture"), "no PNG"),
		Entry("when they are huge", pngOf(blank(5000)), "no PNG of at most"),
		Entry("with error correction L", drawn(qr.L, "CSO1:BB8", 4, 16), "lower than M"),
		Entry("with modules of three pixels", drawn(qr.M, "CSO1:BB8", 3, 16), "3 pixels"),
		Entry("with a narrow quiet zone", drawn(qr.M, "CSO1:BB8", 4, 12), "12 pixels of white"),
		Entry("of another text", drawn(qr.M, "CSO2:BB8", 4, 16), "does not begin with CSO1:"),
		Entry("whose text is not Base45", drawn(qr.M, "CSO1:GGW", 4, 16), "not Base45"),
	)
})
