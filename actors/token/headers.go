package token

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// headers remembers what was read of headers, by their text, so that it need not be read again: the header of a token is the same in all of an issuer's
// tokens of one key, or of one key and one device. What is kept has stood under a true signature or seal, so that nobody but an issuer fills the places.
//
// Each text has one place, and the last to come there holds it. So there is nothing to clean up, and reading takes no lock.
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
	at := &h.places[hash%uint64(len(h.places))]
	if kept := at.kept.Load(); kept != nil && kept.text == text {
		return &kept.said, spot[T]{}
	}
	return nil, spot[T]{at, hash}
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
