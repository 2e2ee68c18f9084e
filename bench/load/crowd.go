package load

import (
	"context"
	"sync"
	"time"
)

// crowd plays the journeys with a goroutine for each seat: where the system has nothing better, and in virtual time.
func (a *Attacker) crowd(ctx context.Context, p Pacer, r *Recorder, waiting func(int)) (left int, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	q := newQueue()
	var playing sync.WaitGroup
	for _, s := range a.seats {
		playing.Go(func() {
			if err := a.play(s, p, q, r); err != nil {
				stop(err)
			}
		})
	}
	a.pace(ctx, p, q, r, waiting)
	left = a.drain(ctx, q, &playing)
	if ctx.Err() != nil {
		return left, context.Cause(ctx)
	}
	return left, nil
}

// pace lets journeys begin when they are due.
func (a *Attacker) pace(ctx context.Context, p Pacer, q *queue, r *Recorder, waiting func(int)) {
	sleep := a.Sleep
	if sleep == nil {
		own, end := sleeper()
		defer end()
		sleep = own
	}
	for n, all := 0, p.Journeys(); n < all && ctx.Err() == nil; {
		now := r.now()
		if wait := p.At(n) - now; wait > 0 {
			sleep(min(max(wait, grain), 100*time.Millisecond)) // to notice when the run is stopped
			continue
		}
		first := n
		for n++; n < all && p.At(n) <= now; n++ {
		}
		r.released(now-p.At(first), n-first)
		q.release(n)
		waiting(q.waiting())
	}
}

// play plays one journey after the other, until none is to come.
func (a *Attacker) play(s *Seat, p Pacer, q *queue, r *Recorder) error {
	defer func() { s.recorder = nil }()
	for {
		n, ok := q.take()
		if !ok {
			return nil
		}
		if err := a.journey(s, p, n, r); err != nil {
			return err
		}
	}
}

// drain waits for the journeys under way and for those that wait, these no longer than allowed, and gives how many are left that never began.
func (a *Attacker) drain(ctx context.Context, q *queue, playing *sync.WaitGroup) (left int) {
	q.finish()
	done := make(chan struct{})
	go func() {
		playing.Wait()
		close(done)
	}()
	timer := time.NewTimer(a.drainTime())
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		left = q.drop()
	case <-ctx.Done():
		left = q.drop()
	}
	<-done
	return left
}

// queue holds the journeys that are due and wait for a connection. It is two numbers: any backlog costs the same.
type queue struct {
	mu              sync.Mutex
	news            *sync.Cond
	released, taken int
	finished        bool // no more will be released
}

func newQueue() *queue {
	q := &queue{}
	q.news = sync.NewCond(&q.mu)
	return q
}

// release makes all journeys before n due.
func (q *queue) release(n int) {
	q.mu.Lock()
	more := n - q.released
	q.released = n
	q.mu.Unlock()
	for range min(more, 1024) { // more seats there hardly are, and one that is not woken looks again by itself when it is done
		q.news.Signal()
	}
}

// take waits for a journey; false when none is to come.
func (q *queue) take() (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.taken == q.released {
		if q.finished {
			return 0, false
		}
		q.news.Wait()
	}
	n := q.taken
	q.taken++
	return n, true
}

func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	q.news.Broadcast()
}

// drop takes away what waits, and gives how much that was.
func (q *queue) drop() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.released - q.taken
	q.taken, q.finished = q.released, true
	q.news.Broadcast()
	return left
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.released - q.taken
}
