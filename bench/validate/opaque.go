package validate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
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
	handed opaque.Record
	turns  atomic.Uint64 // how often use was called
}

var (
	errNotThere = errors.New("a live token is not found")
	errThere    = errors.New("a token that there has never been is there")
)

func newHall(tokens int) (*hall, error) {
	h := &hall{names: make([]string, tokens), ours: opaque.Tokens{Now: time.Now}, bare: make(map[[sha256.Size]byte]opaque.Record, tokens)}
	h.handed = h.record(0)
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

func (h *hall) handOverLocked(name string, r opaque.Record) error {
	key := digest(name)
	h.locked.Lock()
	defer h.locked.Unlock()
	if _, found := h.bare[key]; found {
		return errThere
	}
	h.bare[key] = r
	return nil
}

// revokeLocked leaves a record that has ended, so that nobody hands the token over once more.
func (h *hall) revokeLocked(name string) error {
	key := digest(name)
	h.locked.Lock()
	defer h.locked.Unlock()
	if r, found := h.bare[key]; !found || r.Expires == ended {
		return errNotThere
	}
	h.bare[key] = opaque.Record{Expires: ended}
	return nil
}

const ended = 1

func (h *hall) find(name string) error {
	_, err := h.ours.Find(name)
	return err
}

func (h *hall) revoke(name string) error {
	if !h.ours.Revoke(name) {
		return errNotThere
	}
	return nil
}

// OpaquePaths are the contests of reading alone, and of two that read and write at a time, over so many live tokens. done ends the two.
func OpaquePaths(tokens int) (paths []Path, done func(), err error) {
	h, err := newHall(tokens)
	if err != nil {
		return nil, nil, err
	}
	two := openCores(2)
	random := rand.New(rand.NewPCG(1, 1))
	any := func(find func(string) error) func() error {
		return func() error { return find(h.names[random.IntN(len(h.names))]) }
	}
	reading := Path{
		Name: fmt.Sprintf("opaque, %d live tokens", tokens), Floor: "SHA-256, a lookup in a bare map by it, and the end compared with time.Now",
		Variants: []Variant{variant("bare", Aim{}, any(h.findBare)), variant("ours", Aim{AtMost: 1.15, NoAllocations: true}, any(h.find))},
	}
	const written = "ours, one in ten a write"
	ours, locked := keeper{h.find, h.ours.HandOver, h.revoke}, keeper{h.findLocked, h.handOverLocked, h.revokeLocked}
	by := func(c cores, name string, aim Aim, k keeper, writing bool) Variant {
		return Variant{paired.Variant{Name: name, Run: func(n int) { c.do(func() { h.use(k, n, writing) }) }}, aim}
	}
	both := Path{
		Name: fmt.Sprintf("opaque, %d live tokens, 2 cores", tokens), Floor: "ours, two that read; a run is one read, or write, by each", Rounds: 300, Slice: 4 * time.Millisecond,
		Variants: []Variant{
			by(two, "ours, reads alone", Aim{}, ours, false),
			by(two[:1], "one that reads: 0.5 where two take turns on one core", Aim{AtLeast: 0.75}, ours, false),
			by(two, written, Aim{AtMost: 1 / 0.9}, ours, true),
			by(two, "an RWMutex and a map, reads alone", Aim{}, locked, false),
			by(two, "an RWMutex and a map, one in ten a write", Aim{AtLeast: 2, To: written}, locked, true),
		},
	}
	return []Path{reading, both}, two.close, nil
}

// keeper is what is asked of tokens. Each refuses what changes nothing, so that a write is one wherever it is measured.
type keeper struct {
	find     func(name string) error
	handOver func(name string, r opaque.Record) error
	revoke   func(name string) error
}

// use does n things: it reads tokens or, one time in ten, writes. Of the writes each hands over a token that there has never been, or revokes that one.
func (h *hall) use(k keeper, n int, writing bool) {
	turn := h.turns.Add(1)
	random := rand.New(rand.NewPCG(turn, 2))
	var new string
	for i := range n {
		var err error
		switch {
		case writing && i%20 == 9:
			new = "token " + strconv.FormatUint(turn, 36) + "/" + strconv.Itoa(i)
			err = k.handOver(new, h.handed)
		case writing && i%20 == 19:
			err = k.revoke(new)
		default:
			err = k.find(h.names[random.IntN(len(h.names))])
		}
		if err != nil {
			panic(err)
		}
	}
}
