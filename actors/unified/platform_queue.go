package unified

import (
	"strconv"
	"time"

	"countersign/actors/store"
)

// The buckets of the queues.
const (
	queueStates = "platform/queues"
	queueTurn   = "platform/queue-turn"
)

// tasksOf is the bucket of the tasks that wait in a queue, under their positions.
func tasksOf(queue string) string { return "platform/tasks/" + queue }

// update runs a transaction over what the platform keeps, and over its queues.
func (p *Platform) update(f func(kept, queued store.Tx) error) error {
	return p.Store.Update(func(kept store.Tx) error {
		if p.queueStore == p.Store {
			return f(kept, kept)
		}
		return p.queueStore.Update(func(queued store.Tx) error { return f(kept, queued) })
	})
}

// receiver is a third-party platform as the registration in force describes it when a request is made.
type receiver struct {
	clientID string
	Registration
}

// task is the logout of one user at one third-party platform, until that says that it is done.
type task struct {
	ID, Sub, ClientID string
	Generation        int64 // that ended
	Since             time.Time
}

// queue is where the tasks of one third-party platform wait (profile section 4.6). They stand at the positions from First up to End, the oldest first.
type queue struct {
	First, End int64
	Latest     time.Time // when the newest task came
	Failures   int       // requests since the last one that left nothing behind
	NotBefore  time.Time // the end of the wait after a failure

	// One worker empties the queue, while it holds anything. One with another number than this was left over from before a restart.
	Worker  int64
	Working bool
}

func (q queue) length() int64 { return q.End - q.First }

func position(n int64) string { return strconv.FormatInt(n, 10) }

// tick is how often a worker looks whether a queue has become due sooner than it was: profile sections 4.6 and 9 leave a second for that.
const tick = 250 * time.Millisecond

// queueOf names the queue that a third-party platform's tasks join.
func (p *Platform) queueOf(clientID string) string {
	// claim 7: each third-party platform has its own queue
	if p.Guards.On("UN-PL-28") {
		return clientID
	}
	return "all"
}

// enqueue puts tasks into their queues. What it returns is to be started once the transaction is durable.
func (p *Platform) enqueue(tx store.Tx, tasks []task) (idle []worker, err error) {
	for _, t := range tasks {
		name := p.queueOf(t.ClientID)
		var q queue
		if _, err := tx.Get(queueStates, name, &q); err != nil {
			return nil, err
		}
		if err := tx.Put(tasksOf(name), position(q.End), t); err != nil {
			return nil, err
		}
		q.End++
		q.Latest = t.Since
		if !q.Working {
			q.Working = true
			q.Worker++
			idle = append(idle, worker{p, name, q.Worker})
		}
		if err := tx.Put(queueStates, name, q); err != nil {
			return nil, err
		}
	}
	return idle, nil
}

// start begins the work on queues that had none.
func (p *Platform) start(idle []worker) {
	for _, w := range idle {
		p.Go("queue of "+w.queue, w.work)
	}
}

// startQueues takes up what the queues hold after a restart.
func (p *Platform) startQueues() {
	p.queueStore = p.Store
	// flows, hardened: a crash loses no task
	if !p.Guards.On("UN-PL-82") {
		p.queueStore = &store.Memory{}
	}
	if p.resumeQueues() == nil {
		return
	}
	p.Go("queues that cannot be read", func() {
		for {
			p.Clock.Sleep(time.Second)
			if p.resumeQueues() == nil {
				return
			}
		}
	})
}

// resumeQueues gives each queue that holds anything a worker, and takes it from the one it had.
func (p *Platform) resumeQueues() error {
	var left []worker
	err := p.update(func(_, tx store.Tx) error {
		if err := tx.Delete(queueTurn, ""); err != nil {
			return err
		}
		names, err := tx.Keys(queueStates)
		if err != nil {
			return err
		}
		for _, name := range names {
			var q queue
			if _, err := tx.Get(queueStates, name, &q); err != nil {
				return err
			}
			q.Worker++
			q.Working = q.length() > 0
			if q.Working {
				left = append(left, worker{p, name, q.Worker})
			}
			if err := tx.Put(queueStates, name, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		p.start(left)
	}
	return err
}

// worker empties one queue.
type worker struct {
	*Platform
	queue  string
	number int64
}

// look is what a worker finds in its queue.
type look struct {
	over  bool      // there is nothing left, or another worker is at it
	tasks []task    // to be sent now; none when it is too early
	due   time.Time // when it is too early
	fixed bool      // due comes no sooner, whatever joins the queue
	to    receiver
}

// work sends what is due, one request at a time, until the queue is empty.
func (w worker) work() {
	for {
		found, err := w.take()
		switch {
		case err != nil:
			w.Clock.Sleep(time.Second) // a full disk may have room again; tasks are not given up
		case found.over:
			return
		case len(found.tasks) == 0:
			w.await(found)
		default:
			sent := w.send(found)
			for w.settle(found.tasks, sent) != nil {
				w.Clock.Sleep(time.Second)
			}
		}
	}
}

// await sleeps until a queue may be due. Nothing wakes a sleeper: what may come sooner, by a new task or a test clock, is looked for every tick.
func (w worker) await(found look) {
	wait := found.due.Sub(w.Clock.Now())
	if !found.fixed || w.TestClock != nil {
		wait = min(wait, tick)
	}
	w.Clock.Sleep(wait)
}

// take looks into the queue, and reads the tasks of the next request when it is due. They stay in the queue.
func (w worker) take() (found look, err error) {
	err = w.update(func(kept, tx store.Tx) error {
		var q queue
		if _, err := tx.Get(queueStates, w.queue, &q); err != nil {
			return err
		}
		if q.Worker != w.number {
			found.over = true
			return nil
		}
		if q.length() == 0 {
			found.over = true
			q.Working = false
			return tx.Put(queueStates, w.queue, q)
		}
		return w.takeDue(kept, tx, q, &found)
	})
	return found, err
}

// takeDue reads the tasks of a queue that is not empty.
func (w worker) takeDue(kept, tx store.Tx, q queue, found *look) error {
	var oldest task
	if _, err := tx.Get(tasksOf(w.queue), position(q.First), &oldest); err != nil {
		return err
	}
	party, _, err := w.thirdParty(kept, oldest.ClientID)
	if err != nil {
		return err
	}
	found.to = receiver{oldest.ClientID, party.Registration}
	limit := w.limit(found.to)
	now := w.Clock.Now()
	found.due, found.fixed = w.due(q, oldest, limit)
	if found.due.After(now) {
		return nil
	}
	free, err := w.takeTurn(tx)
	if err != nil {
		return err
	}
	if !free {
		found.due, found.fixed = now.Add(tick), true
		return nil
	}
	end := min(q.End, q.First+limit)
	// flows, hardened: a receiver knows how much may come
	if !w.Guards.On("UN-PL-75") && limit > 1 {
		end = q.End
	}
	for at := q.First; at < end; at++ {
		var t task
		if _, err := tx.Get(tasksOf(w.queue), position(at), &t); err != nil {
			return err
		}
		found.tasks = append(found.tasks, t)
	}
	return nil
}

// limit is the limit count of the queue of a third-party platform: logout tokens go one by one (profile section 4.7).
func (p *Platform) limit(to receiver) int64 {
	if to.BackchannelLogoutURI != "" {
		return 1
	}
	return int64(p.batchLimit())
}

// due is when the next request of a queue may begin; fixed says that new tasks cannot make it sooner.
func (p *Platform) due(q queue, oldest task, limit int64) (due time.Time, fixed bool) {
	// profile section 4.6: when the wait after a failure is over the queue is flushed, whatever the rules say
	if !q.NotBefore.IsZero() {
		return q.NotBefore, true
	}
	due = q.Latest.Add(p.batchIdleTime())
	// closes claim 7: a steady trickle does not hold the queue off for ever
	if bound := oldest.Since.Add(p.batchMaxWait()); p.Guards.On("UN-PL-74") && bound.Before(due) {
		due = bound
	}
	switch {
	case limit == 1:
		due = oldest.Since
	// claim 7: the limit number of tasks
	case q.length() >= limit && p.Guards.On("UN-PL-27"):
		due = oldest.Since
	// claim 7: or no new task for the preset time
	case !p.Guards.On("UN-PL-26"):
		due = oldest.Since
	}
	return due, false
}

// takeTurn reports whether a request may begin beside those of other queues.
func (w worker) takeTurn(tx store.Tx) (free bool, err error) {
	// flows, hardened: a slow third-party platform does not delay the others
	if w.Guards.On("UN-PL-81") {
		return true, nil
	}
	var holder string
	taken, err := tx.Get(queueTurn, "", &holder)
	if err != nil || taken {
		return false, err
	}
	return true, tx.Put(queueTurn, "", w.queue)
}
