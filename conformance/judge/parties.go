package judge

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
)

// Record is what a party is asked that the harness plays around a target, and a lock for this and for all else that the party knows.
// R is a request as the flow reads it.
type Record[R any] struct {
	sync.Mutex // never held while a request is under way

	requests []*R
}

// Take takes down a request, which may still be written to under the lock.
func (r *Record[R]) Take(request *R) {
	r.Lock()
	defer r.Unlock()
	r.requests = append(r.requests, request)
}

// Mark is the length of the record: what comes later is since it.
func (r *Record[R]) Mark() int {
	r.Lock()
	defer r.Unlock()
	return len(r.requests)
}

// Since are the requests after a mark, in the order in which they came.
func (r *Record[R]) Since(mark int) []R {
	r.Lock()
	defer r.Unlock()
	var some []R
	for _, request := range r.requests[mark:] {
		some = append(some, *request)
	}
	return some
}

// Parties are several with one record, and the faults that a check has them make. F is a fault of the flow. The zero value is ready: all are honest.
type Parties[R, F any] struct {
	Record[R]

	faults []*fault[F]
}

type fault[F any] struct {
	of    F
	times int // how many requests meet it; 0: all
}

// Misbehave adds a fault, which ends by itself when so many requests have met it; 0 times: with Behave.
func (p *Parties[R, F]) Misbehave(f F, times int) {
	p.Lock()
	defer p.Unlock()
	p.faults = append(p.faults, &fault[F]{f, times})
}

// Behave makes all parties honest again.
func (p *Parties[R, F]) Behave() {
	p.Lock()
	defer p.Unlock()
	p.faults = nil
}

// Meet gives the fault that a request meets, of several the one that was added first; the zero value for none.
func (p *Parties[R, F]) Meet(meets func(F) bool) (met F) {
	p.Lock()
	defer p.Unlock()
	i := slices.IndexFunc(p.faults, func(f *fault[F]) bool { return meets(f.of) })
	if i < 0 {
		return met
	}
	f := p.faults[i]
	if f.times == 1 {
		p.faults = slices.Delete(p.faults, i, i+1)
	} else if f.times > 1 {
		f.times--
	}
	return f.of
}

// Mint makes values that no other run makes. It asks for no randomness when it does, because requests come in at the same time.
type Mint struct {
	Seed []byte
	made int
}

// Next gives n bytes, 32 at the most.
func (m *Mint) Next(n int) []byte {
	m.made++
	mac := hmac.New(sha256.New, m.Seed)
	fmt.Fprintf(mac, "%d", m.made)
	return mac.Sum(nil)[:n]
}
