package sim

import "time"

// event is something that happens at a point in virtual time. One of its
// fields says what: a process wakes or starts, a packet arrives, or, for
// everything rarer, a function is called.
type event struct {
	at    time.Duration
	seq   uint64
	index int // place in the queue; -1 when not queued

	process *process
	packet  *packet
	fire    func()
}

func (e *event) before(f *event) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

// queue is a four-way heap of events ordered by time, then by sequence. It
// knows each event's place, so that a timer can be taken out again: nearly
// every timeout is.
type queue struct {
	heap []*event
	free []*event
	seq  uint64
}

func (q *queue) add(at time.Duration) *event {
	var e *event
	if n := len(q.free); n > 0 {
		e, q.free = q.free[n-1], q.free[:n-1]
	} else {
		e = new(event)
	}
	q.seq++
	e.at, e.seq = at, q.seq
	q.put(e)
	return e
}

func (q *queue) put(e *event) {
	e.index = len(q.heap)
	q.heap = append(q.heap, e)
	q.up(e.index)
}

// pop takes out the earliest event, nil if there is none. The caller gives it
// back with release.
func (q *queue) pop() *event {
	if len(q.heap) == 0 {
		return nil
	}
	e := q.heap[0]
	q.take(e)
	return e
}

// remove takes out an event that shall not happen.
func (q *queue) remove(e *event) {
	q.take(e)
	q.release(e)
}

func (q *queue) take(e *event) {
	i, n := e.index, len(q.heap)-1
	last := q.heap[n]
	q.heap[n] = nil
	q.heap = q.heap[:n]
	e.index = -1
	if i == n {
		return
	}
	q.heap[i], last.index = last, i
	if !q.up(i) {
		q.down(i)
	}
}

func (q *queue) release(e *event) {
	e.process, e.packet, e.fire = nil, nil, nil
	q.free = append(q.free, e)
}

func (q *queue) up(i int) bool {
	e, start := q.heap[i], i
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		q.heap[i].index = i
		i = parent
	}
	q.heap[i], e.index = e, i
	return i != start
}

func (q *queue) down(i int) {
	e, n := q.heap[i], len(q.heap)
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(e) {
			break
		}
		q.heap[i] = q.heap[least]
		q.heap[i].index = i
		i = least
	}
	q.heap[i], e.index = e, i
}
