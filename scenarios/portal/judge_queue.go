package portal

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// queue is that of a third-party platform, as the wire shows it.
type queue struct {
	inVain []time.Duration // requests since the last one that did something: under way, lost or failed
	free   time.Duration   // since when no request is under way or failed
	pause  time.Duration   // until when the third-party platform has asked for a pause
}

// pendingTask is a logout that a third-party platform has to be told.
type pendingTask struct {
	sub, client string
	generation  int64
	made, last  time.Duration // last is that of its last try
	tried, done bool
	ids         []string // task_ids that it was sent under
	lastRequest int      // the ID of the message that it was last in
}

// sent looks at requests with logout tasks.
func (j *judge) sent(e sim.Event) {
	if e.Kind != sim.EventSend || e.Host != j.Platform.Host.Name() {
		return
	}
	leg, party := j.Leg(e.Message), j.partyAt(e.Message.To)
	if party == nil || leg != LegBatch && leg != LegBackChannel {
		return
	}
	tasks := []task{}
	if leg == LegBackChannel {
		t := logoutToken(e.Message.Body)
		tasks = append(tasks, task{Sub: t.Sub, Generation: t.Generation})
	} else {
		m := j.said(e.Message)
		j.vector(m, e)
		tasks = m.Tasks
		j.bounded(tasks, e)
	}
	for _, t := range tasks {
		j.tried(t, party, e)
	}
	j.stormed(party, e)
}

// bounded looks at the size of a batch.
func (j *judge) bounded(tasks []task, e sim.Event) {
	ids := map[string]bool{}
	for _, t := range tasks {
		if ids[t.ID] {
			j.Breach(BoundedBatch, e, "a request has a task twice")
		}
		ids[t.ID] = true
	}
	if limit := cmp.Or(j.Platform.BatchLimit, 100); len(tasks) > limit {
		j.Breach(BoundedBatch, e, "a request has %d tasks, and the limit count is %d", len(tasks), limit)
	}
}

// tried takes a try of a task down.
func (j *judge) tried(t task, party *ThirdParty, e sim.Event) {
	i := slices.IndexFunc(j.tasks, func(p *pendingTask) bool {
		return p.client == party.ID && p.sub == t.Sub && (p.generation == t.Generation || t.Generation == 0)
	})
	if i < 0 {
		j.Breach(OwnUsers, e, "%s was told of %s, who has not logged out there", e.Message.To, t.Sub)
		return
	}
	p := j.tasks[i]
	p.last, p.ids, p.lastRequest = e.At, append(p.ids, t.ID), e.Message.ID
	if p.tried {
		return
	}
	p.tried = true
	bound := cmp.Or(j.Platform.BatchMaxWait, 30*time.Second)
	if party.Way == BackChannel {
		bound = 0
	}
	q := j.queues[party.ID]
	const second = 2 * time.Second // the one that the profile leaves, and one for rounding
	if waited := e.At - max(p.made, q.free); waited <= bound+second || len(q.inVain) > 0 || j.restarted(p.made, e.At) {
		return
	}
	waited := (e.At - p.made).Round(time.Second)
	for _, other := range registeredIn(j.Stage) {
		if other != party.ID && len(j.queues[other].inVain) > 0 {
			j.Breach(OthersUndelayed, e, "a logout waited %s for %s while %s did not answer", waited, party.ID, other)
			return
		}
	}
	j.Breach(BoundedWait, e, "a logout waited %s before %s was told", waited, party.ID)
}

// stormed counts the requests that did nothing.
func (j *judge) stormed(party *ThirdParty, e sim.Event) {
	const most = 8
	q := j.queues[party.ID]
	if e.At < q.pause && !j.restarted(q.pause-longestPause, e.At) {
		j.Breach(PausesKept, e, "%s was asked again %s before the pause was over that it had asked for", e.Message.To, (q.pause - e.At).Round(time.Second))
	}
	if n := len(q.inVain); n >= most && q.inVain[n-most] > e.At-time.Minute && !j.restarted(q.inVain[n-most], e.At) {
		j.Breach(NoStorm, e, "%s was asked %d times within a minute, in vain", e.Message.To, most+1)
	}
	q.inVain = append(q.inVain, e.At)
}

// longestPause is the longest that a third-party platform may ask for.
const longestPause = 5 * time.Minute

// pauseIn is the pause that an answer asks for; zero for none.
func pauseIn(m *sim.Message) time.Duration {
	seconds, err := strconv.ParseUint(m.Header.Get("Retry-After"), 10, 16)
	if pause := time.Duration(seconds) * time.Second; err == nil && pause <= longestPause {
		return pause
	}
	return 0
}

// restarted reports whether the platform crashed in between.
func (j *judge) restarted(from, to time.Duration) bool {
	return slices.ContainsFunc(j.crashes, func(at time.Duration) bool { return from <= at && at <= to })
}

// batchReceived looks at what the platform learns of a request with logout tasks.
func (j *judge) batchReceived(leg string, e sim.Event) {
	party := j.partyAt(e.Peer)
	if party == nil {
		return
	}
	done := 0
	for _, p := range j.tasks {
		if p.client == party.ID && p.tried && !p.done && j.saysDone(leg, party, p, e) {
			p.done = true
			done++
		}
	}
	q := j.queues[party.ID]
	if done > 0 {
		q.inVain, q.free = nil, e.At
	}
	q.pause = 0
	if pause := pauseIn(e.Message); pause > 0 && !j.saidAll(party) {
		q.pause = e.At + pause
	}
}

// names reports whether an answer calls one of the tasks done.
func (m opened) names(ids []string) bool {
	return slices.ContainsFunc(m.Results, func(r carried) bool { return r.Status == "done" && slices.Contains(ids, r.ID) })
}

// saidAll reports whether a third-party platform has called all done that it was told, so that there is no next try.
func (j *judge) saidAll(party *ThirdParty) bool {
	return !slices.ContainsFunc(j.tasks, func(p *pendingTask) bool { return p.client == party.ID && p.tried && !p.done })
}

// saysDone reports whether the third-party platform has called a task done by the answer that the platform just got. Who has answered a logout token the
// platform cannot tell (profile section 4.7), and so it has to take anybody's word for that.
func (j *judge) saysDone(leg string, party *ThirdParty, p *pendingTask, e sim.Event) bool {
	switch m := j.said(e.Message); {
	case leg == LegBackChannel:
		return p.lastRequest == e.Message.InReplyTo && (e.Message.Status == http.StatusOK || e.Message.Status == http.StatusNoContent)
	case e.Message.Status != http.StatusOK, !m.sealed && j.hardened(), !m.names(p.ids):
		return false
	}
	return p.generation <= j.done[ended{party.Host.Name(), j.Platform.Issuer, p.sub}]
}

// lost finds the tasks that nobody works at any more.
func (j *judge) lost(end time.Duration) (breaches []stage.Breach) {
	if j.Stage.Unfinished {
		return nil
	}
	for _, p := range j.tasks {
		if j.Stage.Dishonest(j.party(p.client).Host.Name()) {
			continue // it may say what it likes
		}
		if p.done || p.tried && p.last > end-10*time.Minute && j.restarted(end-time.Minute, end) {
			continue
		}
		how := "never reached"
		if p.generation <= j.done[ended{j.party(p.client).Host.Name(), j.Platform.Issuer, p.sub}] {
			how = "is done, and the platform is never told so by"
		}
		breaches = append(breaches, stage.Breach{
			Invariant: NoLostTask, Event: -1, At: end, Text: fmt.Sprintf("the logout of %s %s %s", j.users[p.sub].person, how, p.client),
		})
	}
	return breaches
}
