package nearfield_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"countersign/actors/nearfield"
)

var session = nearfield.Session{0xde, 0xad, 0xbe, 0xef}

var _ = Describe("A frame", func() {
	It("is written as the profile says", func() {
		f := nearfield.Frame{Type: nearfield.Data, Session: session, Message: nearfield.Countersign, Index: 1, Count: 3, Payload: []byte("123456789")}
		Expect(hex.EncodeToString(f.Bytes())).To(Equal("01deadbeef0201030009" + "313233343536373839" + "e7cb2aa4"))
		Expect(hex.EncodeToString(nearfield.Frame{Type: nearfield.Poll, Session: session, Message: nearfield.Information}.Bytes())).To(HavePrefix("03deadbeef0100000000"))
	})

	It("has the checksum of zlib", func() {
		Expect(nearfield.Intact([]byte("123456789"+"\xcb\xf4\x39\x26"+""))).To(BeFalse(), "shorter than any frame")
		Expect(nearfield.Intact([]byte("0123456789" + "\xa6\x84\xc7\xc6"))).To(BeTrue())
	})

	It("is no longer intact when any bit of it is turned over", func() {
		frame := nearfield.Frame{Type: nearfield.Data, Session: session, Count: 1, Payload: []byte("some payload")}.Bytes()
		Expect(nearfield.Intact(frame)).To(BeTrue())
		for bit := range 8 * len(frame) {
			frame[bit/8] ^= 1 << (bit % 8)
			Expect(nearfield.Intact(frame)).To(BeFalse())
			frame[bit/8] ^= 1 << (bit % 8)
		}
	})

	It("is read as it was written, whatever is in it", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			f := nearfield.Frame{
				Type: nearfield.Type(rapid.IntRange(1, 4).Draw(t, "type")), Session: nearfield.Session(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "session")),
				Message: rapid.Byte().Draw(t, "message"), Index: rapid.ByteRange(0, 254).Draw(t, "index"),
			}
			if f.Type == nearfield.Data {
				f.Count, f.Payload = rapid.ByteRange(f.Index+1, 255).Draw(t, "count"), rapid.SliceOfN(rapid.Byte(), 1, 1100).Draw(t, "payload")
			}
			read, err := nearfield.Parse(f.Bytes())
			Expect(err).NotTo(HaveOccurred())
			Expect(read).To(Equal(f))
		})
	})

	DescribeTable("is none with",
		func(change func([]byte) []byte, reason string) {
			_, err := nearfield.Parse(change(nearfield.Frame{Type: nearfield.Data, Session: session, Index: 1, Count: 3, Payload: []byte("x")}.Bytes()))
			Expect(err).To(BeAssignableToTypeOf(&nearfield.MalformedError{}))
			Expect(err).To(MatchError(ContainSubstring(reason)))
		},
		Entry("a byte too few", func(b []byte) []byte { return b[:len(b)-2] }, "at least 14 bytes"),
		Entry("a byte too many", func(b []byte) []byte { return append(b, 0) }, "says that its payload has 1 bytes, and has 2"),
		Entry("type 0", func(b []byte) []byte { b[0] = 0; return b }, "no type 0"),
		Entry("type 5", func(b []byte) []byte { b[0] = 5; return b }, "no type 5"),
		Entry("count 0", func(b []byte) []byte { b[7] = 0; return b }, "fragment 1 of 0"),
		Entry("an index not below the count", func(b []byte) []byte { b[6] = 3; return b }, "fragment 3 of 3"),
		Entry("a payload where none belongs", func(b []byte) []byte { b[0] = 2; return b }, "only DATA"),
		Entry("no payload where one belongs", func(b []byte) []byte { b[9] = 0; return b[:len(b)-1] }, "holds nothing"),
	)

	It("answers the frame that was asked, and no other", func() {
		poll := nearfield.Frame{Type: nearfield.Poll, Session: session, Message: 1, Index: 2}
		Expect(nearfield.Frame{Type: nearfield.Wait, Session: session, Message: 1, Index: 2}.Answers(poll)).To(BeTrue())
		Expect(nearfield.Frame{Type: nearfield.Data, Session: session, Message: 1, Index: 2}.Answers(poll)).To(BeTrue())
		Expect(nearfield.Frame{Type: nearfield.Ack, Session: session, Message: 1, Index: 2}.Answers(poll)).To(BeFalse())
		Expect(nearfield.Frame{Type: nearfield.Wait, Session: session, Message: 1, Index: 3}.Answers(poll)).To(BeFalse())
		data := nearfield.Frame{Type: nearfield.Data, Session: session, Message: 0, Index: 2}
		Expect(nearfield.Frame{Type: nearfield.Ack, Session: session, Message: 0, Index: 2}.Answers(data)).To(BeTrue())
		Expect(nearfield.Frame{Type: nearfield.Wait, Session: session, Message: 0, Index: 2}.Answers(data)).To(BeFalse())
	})
})

var _ = Describe("A message", func() {
	It("comes back whole, cut into frames of any size and joined in any order", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			content := rapid.SliceOfN(rapid.Byte(), 1, 2048).Draw(t, "content")
			size := rapid.IntRange(64, 1024).Draw(t, "frame size")
			frames, err := nearfield.Cut(session, nearfield.Information, content, size)
			Expect(err).NotTo(HaveOccurred())
			var m nearfield.Assembly
			for i, at := range rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Perm(len(frames)) {
				Expect(m.Complete()).To(BeFalse())
				Expect(m.Begun()).To(Equal(i > 0))
				Expect(len(frames[at].Bytes())).To(BeNumerically("<=", size))
				m.Add(frames[at])
			}
			Expect(m.Complete()).To(BeTrue())
			Expect(m.Size()).To(Equal(len(content)))
			Expect(bytes.Equal(m.Join(), content)).To(BeTrue())
		})
	})

	DescribeTable("cannot be cut", func(length, size int) {
		_, err := nearfield.Cut(session, 0, make([]byte, length), size)
		Expect(err).To(BeAssignableToTypeOf(&nearfield.UncuttableError{}))
		Expect(err).To(MatchError(ContainSubstring("cannot be cut into frames of")))
	},
		Entry("when it is empty", 0, 64),
		Entry("into frames without room", 1, 14),
		Entry("into more than 255 frames", 256, 15),
	)

	It("keeps the first of a fragment until it is replaced", func() {
		var m nearfield.Assembly
		m.Add(nearfield.Frame{Index: 1, Count: 2, Payload: []byte("b")})
		m.Replace(nearfield.Frame{Index: 1, Count: 2, Payload: []byte("B")})
		m.Replace(nearfield.Frame{Index: 0, Count: 2, Payload: []byte("A")})
		Expect(m.Fragment(0)).To(BeNil())
		m.Add(nearfield.Frame{Index: 0, Count: 2, Payload: []byte("a")})
		Expect(string(m.Join())).To(Equal("aB"))
	})
})

func FuzzParse(f *testing.F) {
	f.Add(nearfield.Frame{Type: nearfield.Data, Session: session, Count: 1, Payload: []byte("x")}.Bytes())
	f.Add(nearfield.Frame{Type: nearfield.Wait, Session: session}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := nearfield.Parse(b)
		if err != nil {
			return
		}
		if again := frame.Bytes(); !bytes.Equal(again[:len(again)-4], b[:len(b)-4]) {
			t.Errorf("%x was read, and %x written", b, again)
		}
	})
}
