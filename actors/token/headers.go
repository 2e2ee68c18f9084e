package token

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
)

// headers remembers what was read of headers, by their text, so that it need not be read again: the header of a token is the same in all of an issuer's
// tokens of one key, or of one key and one device. What is kept has stood under a true signature or seal, so that nobody but an issuer fills the places.
//
// Each text, or what it is looked for by, has one place, and the last to come there holds it. So there is nothing to clean up, and reading takes no lock.
type headers[T any] struct {
	seed   maphash.Seed
	places []place[T]
}

type place[T any] struct {
	kept atomic.Pointer[read[T]]
	once atomic.Uint64 // the hash of the text that came here last and is not kept
}

// read is a header and what was read of it.
type read[T any] struct {
	text string
	said T
}

func rememberHeaders[T any](places int) headers[T] {
	return headers[T]{seed: maphash.MakeSeed(), places: make([]place[T], places)}
}

// find gives what was read of a header of that text, nil where it is not kept, and the text's place.
func (h *headers[T]) find(text string) (*T, spot[T]) {
	hash := maphash.String(h.seed, text)
	at := h.place(hash)
	if kept := at.kept.Load(); kept != nil && kept.text == text {
		return &kept.said, spot[T]{}
	}
	return nil, spot[T]{at, hash}
}

// before gives what was read of the header that stands before the first dot of a token, and that header; nil where it is not kept. It looks in the place of a
// key that is shorter than the header, and that all tokens of this header share.
func (h *headers[T]) before(token, key string) (*T, string) {
	kept := h.place(maphash.String(h.seed, key)).kept.Load()
	if kept == nil || len(token) <= len(kept.text) || token[len(kept.text)] != '.' || token[:len(kept.text)] != kept.text {
		return nil, ""
	}
	return &kept.said, kept.text
}

// spot gives the place of a key for a header of that text.
func (h *headers[T]) spot(text, key string) spot[T] {
	return spot[T]{h.place(maphash.String(h.seed, key)), maphash.String(h.seed, text)}
}

func (h *headers[T]) place(hash uint64) *place[T] {
	at, _ := bits.Mul64(hash, uint64(len(h.places))) // even, and faster than a remainder
	return &h.places[at]
}

// spot is where a header that is not kept may be.
type spot[T any] struct {
	place *place[T]
	hash  uint64
}

// keep keeps a header that comes for the second time. One that comes once only is not worth its place, and would cost memory with every token.
func (s spot[T]) keep(text string, said func() T) {
	if s.place.once.Swap(s.hash) == s.hash {
		s.place.kept.Store(&read[T]{strings.Clone(text), said()})
	}
}
