package unified

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

const (
	firstWait   = time.Second
	longestWait = 300 * time.Second
)

// outcome is what became of a request for tasks.
type outcome struct {
	done       []bool        // by the order of the tasks; nil stands for none
	retryAfter time.Duration // that was asked for
}

// all is the outcome in which every task is done.
func all(tasks []task) []bool {
	done := make([]bool, len(tasks))
	for i := range done {
		done[i] = true
	}
	return done
}

// send sends one request for the tasks to their third-party platform, on the path that is registered now.
func (w worker) send(found look) outcome {
	switch to := found.to; {
	case to.BackchannelLogoutURI != "":
		return w.sendLogoutToken(to, found.tasks[0])
	case to.LogoutURI != "":
		return w.sendBatch(to, found.tasks)
	}
	return outcome{} // it has given its paths up; tasks wait, since it may register one again
}

// settle takes the tasks that are done out of the queue, and says when the rest may be tried again.
func (w worker) settle(tasks []task, sent outcome) error {
	delay, err := w.jitter()
	if err != nil {
		return err
	}
	return w.update(func(_, tx store.Tx) error {
		var q queue
		if _, err := tx.Get(queueStates, w.queue, &q); err != nil {
			return err
		}
		if q.Worker != w.number {
			return nil // they are the other worker's now, and are sent once more, which does no harm
		}
		left, err := w.remove(tx, &q, tasks, sent.done)
		if err != nil {
			return err
		}
		switch {
		case left == 0:
			q.Failures, q.NotBefore = 0, time.Time{}
		case left < len(tasks):
			q.Failures = 1
		default:
			q.Failures++
		}
		if left > 0 {
			q.NotBefore = w.Clock.Now().Add(delay(w.wait(q.Failures, sent.retryAfter)))
		}
		if err := tx.Delete(queueTurn, ""); err != nil {
			return err
		}
		return tx.Put(queueStates, w.queue, q)
	})
}

// remove deletes the tasks that are done from the front of the queue, moves the rest together, and counts it.
func (w worker) remove(tx store.Tx, q *queue, tasks []task, done []bool) (left int, err error) {
	front := q.First + int64(len(tasks))
	next := front // where the rest begins
	for i := len(tasks) - 1; i >= 0; i-- {
		if done != nil && done[i] {
			continue
		}
		next--
		left++
		if at := q.First + int64(i); at != next {
			if err := tx.Put(tasksOf(w.queue), position(next), tasks[i]); err != nil {
				return 0, err
			}
		}
	}
	for at := q.First; at < next; at++ {
		if err := tx.Delete(tasksOf(w.queue), position(at)); err != nil {
			return 0, err
		}
	}
	q.First = next
	return left, nil
}

// wait is how long a queue waits after so many failures in a row.
func (p *Platform) wait(failures int, retryAfter time.Duration) time.Duration {
	wait := firstWait
	// flows, backoff: one that is down is not asked every second
	if p.Guards.On("UN-PL-77") {
		for n := 1; n < failures && wait < longestWait; n++ {
			wait *= 2
		}
		wait = min(wait, longestWait)
	}
	// RFC 9110 section 10.2.3
	if p.Guards.On("UN-PL-78") {
		wait = max(wait, retryAfter)
	}
	return wait
}

// jitter draws how much a wait is lengthened: by up to a fifth, so that queues that failed together do not come back together.
func (p *Platform) jitter() (func(time.Duration) time.Duration, error) {
	var bits [2]byte
	if _, err := io.ReadFull(p.Entropy("waits"), bits[:]); err != nil {
		return nil, fmt.Errorf("reading entropy for a wait: %w", err)
	}
	part := time.Duration(binary.BigEndian.Uint16(bits[:]))
	return func(wait time.Duration) time.Duration { return wait + wait/5*part/(1<<16) }, nil
}

// retryAfter reads the header of that name, in whole seconds up to longestWait; zero for anything else.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 32)
	if wait := time.Duration(seconds) * time.Second; err == nil && wait <= longestWait {
		return wait
	}
	return 0
}

// batchTask is a task on the wire.
type batchTask struct {
	TaskID     string `json:"task_id"`
	Sub        string `json:"sub"`
	Generation int64  `json:"generation"`
}

// sendBatch sends a batch-logout request (profile section 4.6).
func (p *Platform) sendBatch(to receiver, tasks []task) outcome {
	position := map[string]int{} // by task_id
	batch := make([]batchTask, len(tasks))
	for i, t := range tasks {
		// flows, idempotent batch logout: a task that comes again is known
		if !p.Guards.On("UN-PL-83") {
			id, err := secret.Unguessable(p.Entropy("task IDs"))
			if err != nil {
				return outcome{}
			}
			t.ID = id
		}
		batch[i] = batchTask{t.ID, t.Sub, t.Generation}
		position[t.ID] = i
	}
	under, err := p.lineTo(to.clientID)
	if err != nil {
		return outcome{}
	}
	judge := replyJudge{
		refusePlain: p.Guards.Hardened(),
		// closes claim 7: an answer to another batch says nothing about this one
		compareRequest: p.Guards.On("UN-PL-80"),
	}
	back, err := p.outbox().ask(under, to.LogoutURI, batchLogoutRequest, map[string]any{"tasks": batch}, judge)
	var results []carried
	if err == nil {
		err = back.Into("results", &results, "array of results")
	}
	sent := outcome{retryAfter: retryAfter(back.header)}
	if err != nil {
		// flows, at least once
		if !p.Guards.On("UN-PL-76") {
			sent.done = all(tasks)
		}
		return sent
	}
	// flows, hardened: a third-party platform may answer for part of a batch
	if !p.Guards.On("UN-PL-79") {
		sent.done = all(tasks)
		return sent
	}
	sent.done = make([]bool, len(tasks))
	for _, r := range results {
		if i, asked := position[r.TaskID]; asked && r.Status == statusDone && tasks[i].ClientID == to.clientID {
			sent.done[i] = true
		}
	}
	return sent
}
