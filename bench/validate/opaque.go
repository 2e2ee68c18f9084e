package validate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"countersign/actors/token/opaque"
	"countersign/bench/paired"
)

// hall is live tokens in all the ways that are compared.
type hall struct {
	names  []string
	ours   opaque.Tokens
	bare   map[[sha256.Size]byte]opaque.Record
	locked sync.RWMutex // guards bare, where several use it
}

var errNotThere = errors.New("a live token is not found")

func newHall(tokens int) (*hall, error) {
	h := &hall{names: make([]string, tokens), ours: opaque.Tokens{Now: time.Now}, bare: make(map[[sha256.Size]byte]opaque.Record, tokens)}
	for i := range h.names {
		h.names[i] = fmt.Sprintf("%043d", i)
		r := h.record(i)
		h.bare[sha256.Sum256([]byte(h.names[i]))] = r
		if err := h.ours.HandOver(h.names[i], r); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *hall) record(i int) opaque.Record {
	return opaque.Record{Secret: fmt.Sprintf("secret-%032d", i), Client: "client-b", User: fmt.Sprint("user-", i), Expires: time.Now().Unix() + 86400}
}

// digest does not take the heap, as ours does not.
func digest(name string) [sha256.Size]byte {
	var room [64]byte
	return sha256.Sum256(append(room[:0], name...))
}

func live(r opaque.Record, found bool) error {
	if !found || time.Now().Unix() >= r.Expires {
		return errNotThere
	}
	return nil
}

func (h *hall) findBare(name string) error {
	r, found := h.bare[digest(name)]
	return live(r, found)
}

func (h *hall) findLocked(name string) error {
	key := digest(name)
	h.locked.RLock()
	r, found := h.bare[key]
	h.locked.RUnlock()
	return live(r, found)
}

func (h *hall) find(name string) error {
	_, err := h.ours.Find(name)
	return err
}

// OpaquePaths are the contests of reading alone, and of two that read and write at a time, over so many live tokens.
func OpaquePaths(tokens int) ([]Path, error) {
	h, err := newHall(tokens)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 1))
	any := func(find func(string) error) func() error {
		return func() error { return find(h.names[random.IntN(len(h.names))]) }
	}
	reading := Path{
		Name: fmt.Sprintf("opaque, %d live tokens", tokens), Floor: "SHA-256, a lookup in a bare map by it, and the end compared with time.Now",
		Variants: []Variant{variant("bare", Aim{}, any(h.findBare)), variant("ours", Aim{AtMost: 1.15, NoAllocations: true}, any(h.find))},
	}
	rest := h.names[tokens/2:] // what is written to is not read, so that each read finds its token
	handed := h.record(0)
	ours := func(name string, revoke bool) {
		name = "x" + name[1:]
		if revoke {
			h.ours.Revoke(name)
		} else if err := h.ours.HandOver(name, handed); err != nil && !errors.Is(err, opaque.ErrRevoked) {
			panic(err)
		}
	}
	locked := func(name string, revoke bool) {
		key := digest("x" + name[1:])
		h.locked.Lock()
		defer h.locked.Unlock()
		if revoke {
			delete(h.bare, key)
		} else {
			h.bare[key] = handed
		}
	}
	two := func(name string, aim Aim, find func(string) error, write func(string, bool)) Variant {
		return Variant{paired.Variant{Name: name, Run: func(n int) { together(h.names[:tokens/2], rest, n, find, write) }}, aim}
	}
	const written = "ours, one in ten a write"
	both := Path{
		Name: fmt.Sprintf("opaque, %d live tokens, 2 cores", tokens), Floor: "ours, two that read; a run is one read, or write, by each", Rounds: 300, Slice: 4 * time.Millisecond,
		Variants: []Variant{
			two("ours, reads alone", Aim{}, h.find, nil),
			two(written, Aim{AtMost: 1 / 0.9}, h.find, ours),
			two("an RWMutex and a map, reads alone", Aim{}, h.findLocked, nil),
			two("an RWMutex and a map, one in ten a write", Aim{AtLeast: 2, To: written}, h.findLocked, locked),
		},
	}
	return []Path{reading, both}, nil
}

// turns tells the runs of together apart.
var turns atomic.Uint64

// together lets two do n things each: reads, of which one in ten is a write where there is one, and of the writes each second a revocation.
func together(read, written []string, n int, find func(string) error, write func(name string, revoke bool)) {
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			random := rand.New(rand.NewPCG(turns.Add(1), 2))
			for i := range n {
				if write != nil && i%10 == 9 {
					write(written[random.IntN(len(written))], i%20 == 19)
				} else if err := find(read[random.IntN(len(read))]); err != nil {
					panic(err)
				}
			}
		})
	}
	both.Wait()
}
