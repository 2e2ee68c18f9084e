// Package expiring is a map whose values end by themselves, read and written by many at a time, for what a server looks up with every request.
package expiring

import (
	"maps"
	"sync"
)

// Key is where a value lies. Keys have to be spread evenly, as half of a SHA-256 is.
type Key [16]byte

// Map is ready as its zero value. It is split by the first byte of the keys into parts that wait for nobody but themselves.
type Map[V any] struct{ parts [256]part[V] }

// part has a lock of its own, on a cache line that it shares with no other.
type part[V any] struct {
	mu     sync.RWMutex
	values map[Key]Entry[V]
	writes int // since what has ended was forgotten
	_      [64]byte
}

// Entry is a value and when it ends, in any unit, as long as it is always the same.
type Entry[V any] struct {
	Value V
	Ends  int64 // 0: never
}

// Ended reports whether the entry has ended by now.
func (e *Entry[V]) Ended(now int64) bool { return e.Ends != 0 && now >= e.Ends }

// Get gives the entry under a key, also when it has ended. Whether what has ended is still there is left to chance.
func (m *Map[V]) Get(key Key) (Entry[V], bool) {
	p := &m.parts[key[0]]
	p.mu.RLock()
	e, found := p.values[key]
	p.mu.RUnlock()
	return e, found
}

// Update changes what is under a key while nobody else does. The function is given what is there and has not ended; what it gives is written if write is true.
func (m *Map[V]) Update(key Key, now int64, change func(before Entry[V], found bool) (after Entry[V], write bool)) {
	p := &m.parts[key[0]]
	p.mu.Lock()
	defer p.mu.Unlock()
	before, found := p.values[key]
	if after, write := change(before, found && !before.Ended(now)); write {
		p.put(key, after, now)
	}
}

// put writes an entry. After half as many writes as there are entries, it forgets those that have ended: each write bears the cost of looking at two.
func (p *part[V]) put(key Key, e Entry[V], now int64) {
	const fewest = 32
	if p.values == nil {
		p.values = map[Key]Entry[V]{}
	}
	p.values[key] = e
	if p.writes++; p.writes >= max(len(p.values)/2, fewest) {
		maps.DeleteFunc(p.values, func(_ Key, e Entry[V]) bool { return e.Ended(now) })
		p.writes = 0
	}
}

// Len is how many entries there are, with those that have ended and are not forgotten yet.
func (m *Map[V]) Len() (n int) {
	for i := range m.parts {
		p := &m.parts[i]
		p.mu.RLock()
		n += len(p.values)
		p.mu.RUnlock()
	}
	return n
}
