package unified

import (
	"net/http"

	"encoding/json"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// loggedOut is a task of a batch in the receiver's hands.
type loggedOut struct {
	id string // task_id
	ending
}

// carried is what the receiver says of a task.
type carried struct {
	TaskID string `json:"task_id"`
	Status string `json:"status"`
}

// What is said of a task (profile section 4.6).
const (
	statusDone  = "done"
	statusRetry = "retry"
)

// batchLogout ends the login credentials of the users that a platform names (profile section 5.3).
func (t *ThirdParty) batchLogout(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	m, err := t.inbox().open(r, batchLogoutRequest)
	if err != nil {
		t.refuse(w, err)
		return
	}
	tasks, malformed := t.readTasks(m)
	// closes claim 7: all of a batch is read before any of it is done
	if malformed != nil && t.Guards.On("UN-TP-45") {
		t.refuse(w, malformed)
		return
	}
	results, err := t.carryOut(tasks)
	if err == nil {
		err = malformed
	}
	if err != nil {
		t.refuse(w, err)
		return
	}
	answer, err := t.outbox().answer(m, batchLogoutResponse, map[string]any{"results": results})
	if err != nil {
		t.refuse(w, err)
		return
	}
	answer.Write(w)
}

// inbox opens the messages of the platforms.
func (t *ThirdParty) inbox() inbox {
	// RFC 8725 sections 3.8, 3.9, 3.11: a message is of its kind and for its receiver
	kinds := t.Guards.On("UN-TP-36")
	return inbox{
		Env: t.Env, used: batchMessages, lines: t.lines, from: t.linesFrom,
		// closes claim 6
		refusePlain: t.Guards.On("UN-TP-34"),
		// RFC 8725 section 3.1
		refuseAlgorithms: t.Guards.On("UN-TP-35"),
		refuseOtherTypes: kinds, refuseOtherIssuer: true, refuseOtherAudience: kinds,
		// RFC 7519 sections 4.1.7 and 4.1.6
		refuseReplays: t.Guards.On("UN-TP-37"),
		refuseStale:   t.Guards.On("UN-TP-38"),
	}
}

// lines are the lines whose key has the key ID, at every platform.
func (t *ThirdParty) lines(kid string) (named []line, err error) {
	var all []line
	for _, p := range t.Platforms {
		keys := p.Keys
		// closes claim 6: every key in use is taken
		if len(keys) > 0 && !t.Guards.On("UN-TP-40") {
			keys = keys[len(keys)-1:]
		}
		for _, key := range keys {
			all = append(all, line{key: key, self: p.ClientID, peer: p.Issuer})
		}
	}
	for _, l := range all {
		if l.key.ID == kid {
			named = append(named, l)
		}
	}
	// claim 6; RFC 7516 section 5.2: a key is tried for its own key ID only
	if len(named) == 0 && !t.Guards.On("UN-TP-19") {
		return all, nil
	}
	return named, nil
}

// linesFrom are the lines of a platform.
func (t *ThirdParty) linesFrom(issuer string) (own []line, err error) {
	if p, known := t.platform(issuer); known {
		for _, key := range p.Keys {
			own = append(own, line{key: key, self: p.ClientID, peer: p.Issuer})
		}
	}
	return own, nil
}

// readTasks reads the tasks of a batch. With the error come those before the malformed one.
func (t *ThirdParty) readTasks(m message) (tasks []loggedOut, err error) {
	var listed []json.RawMessage
	if err := m.Into("tasks", &listed, "array"); err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		return nil, wire.InvalidRequest("tasks is empty; send one task or more")
	}
	for _, text := range listed {
		task, err := t.readTask(m.peer, text)
		if err != nil {
			return tasks, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

func (t *ThirdParty) readTask(issuer string, text []byte) (task loggedOut, err error) {
	m, err := wire.StrictObject(text)
	if err != nil {
		return task, err
	}
	if task.id, err = m.Word("task_id"); err != nil {
		return task, err
	}
	task.ending = ending{Issuer: issuer, Generation: everyGeneration}
	if task.Sub, err = m.Word("sub"); err != nil {
		return task, err
	}
	// At core there may be no generation: then all logins end (profile section 5.3).
	if t.Guards.Hardened() || m.Has("generation") {
		task.Generation, err = m.Whole("generation")
	}
	return task, err
}

// carryOut ends what the tasks name, in one transaction, and says what became of each.
func (t *ThirdParty) carryOut(tasks []loggedOut) ([]carried, error) {
	// claim 7: every task of a batch
	if !t.Guards.On("UN-TP-14") {
		tasks = tasks[:min(1, len(tasks))]
	}
	results := make([]carried, 0, len(tasks))
	err := t.Store.Update(func(tx store.Tx) error {
		endings := make([]ending, 0, len(tasks))
		for _, task := range tasks {
			status, err := t.judgeTask(tx, task)
			if err != nil {
				return err
			}
			results = append(results, carried{TaskID: task.id, Status: status})
			endings = append(endings, task.ending)
		}
		// claim 7: what is called done is done
		if !t.Guards.On("UN-TP-12") {
			return nil
		}
		// claims 7, 8: the named users and no others
		if !t.Guards.On("UN-TP-13") {
			return t.delete(tx, func(credential) bool { return true })
		}
		return t.end(tx, endings...)
	})
	return results, err
}

// judgeTask says what becomes of a task: done, also where there is nothing to end.
func (t *ThirdParty) judgeTask(tx store.Tx, task loggedOut) (string, error) {
	// closes claim 7: a lost answer makes the platform send a task again
	if !t.Guards.On("UN-TP-41") {
		var before bool
		again, err := tx.Get(carriedOut, task.id, &before)
		if err != nil || again {
			return statusRetry, err
		}
		if err := tx.Put(carriedOut, task.id, true); err != nil {
			return "", err
		}
	}
	// closes claim 7: who is not here is logged out
	if !t.Guards.On("UN-TP-42") {
		var number string
		known, err := tx.Get(accountOf, t.accountKey(identity{Issuer: task.Issuer, Sub: task.Sub}), &number)
		if err != nil || !known {
			return statusRetry, err
		}
	}
	return statusDone, nil
}
