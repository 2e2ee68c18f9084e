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

// hall is tokens in all the ways that are compared. No way holds more or fewer of them at the end of a contest than at its beginning.
type hall struct {
	live, revoked []string // what is read, and what is revoked again and again
	ours          opaque.Tokens
	bare          map[[sha256.Size]byte]opaque.Record
	locked        sync.RWMutex  // guards bare, where several use it
	turns         atomic.Uint64 // how often use was called
}

// revocable is how many tokens there are to be revoked.
const revocable = 1024

var errNotThere = errors.New("a live token is not found")

func newHall(tokens int) (*hall, error) {
	all := make([]string, tokens+revocable)
	h := &hall{live: all[:tokens], revoked: all[tokens:], ours: opaque.Tokens{Now: time.Now}, bare: make(map[[sha256.Size]byte]opaque.Record, len(all))}
	for i := range all {
		all[i] = fmt.Sprintf("%043d", i)
		r := h.record(i)
		h.bare[sha256.Sum256([]byte(all[i]))] = r
		if err := h.ours.HandOver(all[i], r); err != nil {
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

// revokeLocked leaves a record that has ended, so that nobody hands the token over once more.
func (h *hall) revokeLocked(name string) {
	key := digest(name)
	h.locked.Lock()
	h.bare[key] = opaque.Record{Expires: 1}
	h.locked.Unlock()
}

func (h *hall) find(name string) error {
	_, err := h.ours.Find(name)
	return err
}

func (h *hall) revoke(name string) { h.ours.Revoke(name) }

// OpaquePaths are the contests of reading alone, and of two that read and write at a time, over so many live tokens. done ends the two.
func OpaquePaths(tokens int) (paths []Path, done func(), err error) {
	h, err := newHall(tokens)
	if err != nil {
		return nil, nil, err
	}
	two := openCores(2)
	random := rand.New(rand.NewPCG(1, 1))
	reads := func(find func(string) error) func() error {
		return func() error { return find(h.live[random.IntN(len(h.live))]) }
	}
	reading := Path{
		Name: fmt.Sprintf("opaque, %d live tokens", tokens), Floor: "SHA-256, a lookup in a bare map by it, and the end compared with time.Now",
		Variants: []Variant{variant("bare", Aim{}, reads(h.findBare)), variant("ours", Aim{AtMost: 1.15, NoAllocations: true}, reads(h.find))},
	}
	const written = "ours, one in ten a revocation"
	ours, locked := keeper{h.find, h.revoke}, keeper{h.findLocked, h.revokeLocked}
	by := func(c cores, name string, aim Aim, k keeper, writing bool) Variant {
		return Variant{paired.Variant{Name: name, Run: func(n int) { c.do(func() { h.use(k, n, writing) }) }}, aim}
	}
	both := Path{
		Name: fmt.Sprintf("opaque, %d live tokens, 2 cores", tokens), Floor: "ours, two that read; a run is one read, or revocation, by each", Rounds: 300, Slice: 4 * time.Millisecond,
		Variants: []Variant{
			by(two, "ours, reads alone", Aim{}, ours, false),
			by(two[:1], "one that reads: 0.5 where two take turns on one core", Aim{AtLeast: 0.75}, ours, false),
			by(two, written, Aim{AtMost: 1 / 0.9}, ours, true),
			by(two, "an RWMutex and a map, reads alone", Aim{}, locked, false),
			by(two, "an RWMutex and a map, one in ten a revocation", Aim{AtLeast: 2, To: written}, locked, true),
		},
	}
	return []Path{reading, both}, two.close, nil
}

// keeper is what is asked of tokens. Each revocation writes, also of a token that was revoked before.
type keeper struct {
	find   func(name string) error
	revoke func(name string)
}

// use does n things: it reads tokens or, where it writes, revokes one time in ten.
func (h *hall) use(k keeper, n int, writing bool) {
	random := rand.New(rand.NewPCG(h.turns.Add(1), 2))
	for i := range n {
		if writing && i%10 == 9 {
			k.revoke(h.revoked[random.IntN(len(h.revoked))])
			continue
		}
		if err := k.find(h.live[random.IntN(len(h.live))]); err != nil {
			panic(err)
		}
	}
}
