package token

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
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
	for _, seed := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "A_-A", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ABC", "A\nAA", "AA==", "AAAAA", "\x80AAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if problem := differs(text); problem != "" {
			t.Fatal(problem)
		}
	})
}

// differs says how one of our ways to decode a text and the library differ; empty where none does.
func differs(text string) string {
	theirs, err := strict.DecodeString(text)
	for _, appends := range []func([]byte, string) ([]byte, bool){appendDecoded, appendGroups} {
		ours, ok := appends([]byte("before"), text)
		if lib := err == nil && !strings.ContainsAny(text, "\r\n"); lib != ok {
			return fmt.Sprintf("%q: ours %v, the library %v", text, ok, err)
		}
		if ok && (!bytes.HasPrefix(ours, []byte("before")) || !bytes.Equal(ours[len("before"):], theirs)) {
			return fmt.Sprintf("%q: ours %x, the library %x", text, ours, theirs)
		}
	}
	return ""
}

var _ = It("Text that is decoded by blocks comes out as the library has it, whatever byte stands where", func() {
	const blocks = 64 // characters of two blocks
	long := strings.Repeat("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 2)
	for place := range blocks + 8 { // and what comes behind them
		for c := range 256 {
			Expect(differs(long[:place] + string([]byte{byte(c)}) + long[place+1:blocks+8])).To(BeEmpty())
		}
	}
	for n := range len(long) {
		Expect(differs(long[:n])).To(BeEmpty())
	}
})
