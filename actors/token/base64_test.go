package token

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	raw := make([]byte, 400)
	rand.NewChaCha8([32]byte{1}).Read(raw)
	text := base64.RawURLEncoding.EncodeToString(raw)
	dst := make([]byte, 0, 400)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			dst, _ = appendDecoded(dst[:0], text)
		}
	})
	b.Run("library", func(b *testing.B) {
		src := []byte(text)
		for b.Loop() {
			dst, _ = strict.AppendDecode(dst[:0], src)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "A_-A", "A\nAA", "AA==", "AAAAA", "\x80AAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours, ok := appendDecoded([]byte("before"), text)
		theirs, err := strict.DecodeString(text)
		if lib := err == nil && !strings.ContainsAny(text, "\r\n"); lib != ok {
			t.Fatalf("%q: ours %v, the library %v", text, ok, err)
		}
		if ok && !bytes.Equal(ours[len("before"):], theirs) {
			t.Fatalf("%q: ours %x, the library %x", text, ours, theirs)
		}
	})
}
