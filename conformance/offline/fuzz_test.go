package offline

import (
	"bytes"
	"testing"

	"github.com/onsi/gomega"
)

// FuzzFrame reads frames: one that is taken is written in the same bytes, and every message that can be put together of them is.
func FuzzFrame(f *testing.F) {
	for _, some := range cut([4]byte{1, 2, 3, 4}, linkApplication, bytes.Repeat([]byte("x"), 100), 40) {
		f.Add(some.bytes())
	}
	f.Add(frame{kind: frameAck, message: 1}.bytes())
	f.Add(frame{kind: frameData, count: 1}.saying(9))
	f.Add([]byte("\x01abcd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := readFrame(b)
		if err != nil {
			return
		}
		if !bytes.Equal(read.bytes(), b) {
			t.Errorf("%x is read as %s and written %x", b, read, read.bytes())
		}
		var m fragments
		if m.take(read) != (read.kind == frameData && read.count == 1) {
			t.Errorf("%s makes a message of %d parts", read, read.count)
		}
		if m.complete() && !bytes.Equal(m.joined(), read.payload) {
			t.Errorf("%x became %x", read.payload, m.joined())
		}
	})
}

// FuzzMessage reads CBOR: what is taken for a message is written in the same bytes, what is taken for an envelope too, and what is looked into is never more than there.
func FuzzMessage(f *testing.F) {
	gomega.RegisterTestingT(f) // someone expects
	asked := newApplication([]byte("0123456789abcdef"), "h", "d", "s", 12, "EUR")
	f.Add(asked.encode())
	f.Add(newRefusal("invalid_request", nil).encode())
	f.Add(someone("h").sign(domainCountersign, asked))
	for _, wrong := range asked.badEncodings() {
		f.Add(wrong.data)
	}
	for _, b := range []string{"\xa0", "\xf6", "\x81\x81\x81", "\x9a\xff\xff\xff\xff", "\xbf\x01\x02\xff", "\xa2\x01\x02\x01\x03", "\xd2\x84\x40\xa0\x40\x40", "\xd2\x84\xf6\xa0\x00\x80", "\xa2\x01\xf9\x7e\x00\x02\xf7", "\xa1\x01\xc2\x49\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for message := range uint64(8) {
			read, err := readMessage(b, message)
			if err != nil {
				continue
			}
			if !bytes.Equal(read.encode(), b) {
				t.Errorf("%x is read as message %d and written %x", b, message, read.encode())
			}
		}
		if read, err := peekMessage(b); err == nil {
			for key := range read {
				_ = read.describe(key)
			}
			if again, err := peekMessage(read.encode()); err != nil || len(again) != len(read) {
				t.Errorf("%x is looked into as %v, and again as %v: %v", b, read, again, err)
			}
		}
		e, err := openEnvelope(b)
		if err != nil {
			return
		}
		if !bytes.Equal(e.encode(), b) {
			t.Errorf("%x is read as an envelope and written %x", b, e.encode())
		}
		_, _ = e.kid()
		if payload, err := peekPayload(b); err == nil && payload == nil {
			t.Error("a payload that is nil")
		}
	})
}

// FuzzPicture reads pictures, and writes the bytes into one: a picture that is taken holds what its code says in Base45, and a picture of the harness's own is taken.
func FuzzPicture(f *testing.F) {
	f.Add(picture([]byte("a frame")))
	f.Add(pngOf(blank(200)))
	f.Add(picture([]byte("cut"))[:100])
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x10\x06\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if read, err := readPicture(file); err == nil {
			if again, err := readPicture(picture(read)); err != nil || !bytes.Equal(again, read) {
				t.Errorf("%x became %x: %v", read, again, err)
			}
		}
	})
}

// FuzzBase45 reads Base45: what is taken is written in the same characters.
func FuzzBase45(f *testing.F) {
	for _, text := range []string{"", "QED8WEX0", "GGW", "::", ":::", "A", "FGW\x00", "0000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := unBase45(text); err == nil && base45(b) != text {
			t.Errorf("%q is %x, which is written %q", text, b, base45(b))
		}
		if b, err := unBase45(base45([]byte(text))); err != nil || string(b) != text {
			t.Errorf("%q became %q: %v", text, b, err)
		}
	})
}
