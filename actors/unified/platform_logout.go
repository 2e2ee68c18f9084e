package unified

import (
	"net/http"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/unified/pages"
)

// asksLogout is what the logout page asks.
const asksLogout = "logout"

// onOwnPage reports whether a logout is taken only from the page that asked for it (RFC 9110 section 9.2.1).
func (p *Platform) onOwnPage() bool { return p.Guards.On("UN-PL-51") }

// logoutPage asks whether the user wants to leave (profile section 4.6). A third-party platform's link may lead here.
func (p *Platform) logoutPage(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	from, known, err := p.sender(r)
	if err != nil {
		p.broken(w)
		return
	}
	// claim 10: the platform logs out for a third-party platform that cannot do it itself
	if known && from.LogoutURI == "" && from.BackchannelLogoutURI == "" && !p.Guards.On("UN-PL-29") {
		p.fail(w, http.StatusForbidden, "This site does not log users out for "+from.Name+".")
		return
	}
	if v.live && p.Guards.Hardened() && !p.onOwnPage() {
		if err := p.logOut(v); err != nil {
			p.broken(w)
			return
		}
		v.live = false
	}
	if !v.live {
		p.sayLoggedOut(w, from)
		return
	}
	hidden, err := p.hidden(w, v, asksLogout)
	if err != nil {
		p.broken(w)
		return
	}
	pages.Write(w, http.StatusOK, pages.Logout{Platform: p.name(), UserName: v.user.Name, Client: from.Name, Hidden: hidden})
}

// sender is the third-party platform whose link led the browser here, if any.
func (p *Platform) sender(r *http.Request) (from RegisteredParty, known bool, err error) {
	id := r.URL.Query().Get("client_id")
	if id == "" {
		return from, false, nil
	}
	err = p.Store.Update(func(tx store.Tx) error {
		from, known, err = p.thirdParty(tx, id)
		return err
	})
	return from, known, err
}

func (p *Platform) sayLoggedOut(w http.ResponseWriter, from RegisteredParty) {
	pages.Write(w, http.StatusOK, pages.LoggedOut{Platform: p.name(), Client: from.Name, Portal: p.Issuer + pathPortal})
}

// logout takes what was decided on the logout page (profile section 4.6).
func (p *Platform) logout(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	answers := p.answers(r)
	own, err := p.fromOwnPage(v, asksLogout, answers)
	if err != nil {
		p.broken(w)
		return
	}
	from, _, err := p.sender(r)
	switch {
	case err != nil:
		p.broken(w)
	case !own && p.onOwnPage():
		p.fail(w, http.StatusForbidden, notOwnPage)
	case answers.Get("decision") != "logout":
		p.fail(w, http.StatusBadRequest, "Use the button to log out.")
	case !v.live:
		p.sayLoggedOut(w, from) // the same form again
	case p.logOut(v) != nil:
		p.broken(w)
	default:
		p.sayLoggedOut(w, from)
	}
}

// logOut is the transaction of a logout, durable when it returns. No third-party platform is asked.
func (p *Platform) logOut(v visitor) error {
	var idle []worker
	var tasks []task
	err := p.update(func(kept, queued store.Tx) error {
		var now platformSession
		// Of two logouts at once in one browser the second has nothing left to end.
		if _, err := kept.Get(sessions, v.Digest, &now); err != nil || !now.live(p.Clock.Now()) {
			return err
		}
		if err := p.endLogins(kept, v); err != nil {
			return err
		}
		var err error
		if tasks, err = p.tasksFor(kept, v.Sub); err != nil {
			return err
		}
		// The relations, codes and pass tokens of the generation that ends hold no longer.
		if err := raiseGeneration(kept, v.Sub); err != nil {
			return err
		}
		idle, err = p.enqueue(queued, tasks)
		return err
	})
	if err != nil {
		return err
	}
	p.start(idle)
	// claim 7: the user is answered while the tasks wait
	if !p.Guards.On("UN-PL-22") {
		p.awaitSent(tasks)
	}
	return nil
}

// endLogins ends the platform sessions of the user.
func (p *Platform) endLogins(tx store.Tx, v visitor) error {
	end := func() error { return endSession(tx, v.Digest) }
	// flows, hardened: in every browser
	if p.Guards.On("UN-PL-47") {
		end = func() error { return endSessions(tx, v.Sub) }
	}
	if err := end(); err != nil {
		return err
	}
	// claim 7: quitting the platform
	if p.Guards.On("UN-PL-23") {
		return nil
	}
	if err := tx.Put(sessionsOf(v.Sub), v.Digest, v.Mortal); err != nil {
		return err
	}
	return tx.Put(sessions, v.Digest, v.platformSession)
}

// tasksFor makes a task of each relation of the user whose third-party platform has a logout path.
func (p *Platform) tasksFor(tx store.Tx, sub string) (tasks []task, err error) {
	present, err := generation(tx, sub)
	if err != nil {
		return nil, err
	}
	holding, err := relations(tx, sub)
	if err != nil {
		return nil, err
	}
	var clients []string
	for _, r := range holding {
		clients = append(clients, r.ClientID)
	}
	// claim 7: tasks are made from the relation data
	if !p.Guards.On("UN-PL-24") {
		everybody, err := p.allInForce(tx)
		if err != nil {
			return nil, err
		}
		clients = nil
		for _, party := range everybody {
			clients = append(clients, party.ClientID)
		}
	}
	for _, client := range clients {
		party, _, err := p.thirdParty(tx, client)
		if err != nil {
			return nil, err
		}
		// Profile section 4.7 stands at level hardened only.
		if party.LogoutURI == "" && (party.BackchannelLogoutURI == "" || !p.Guards.Hardened()) {
			continue
		}
		id, err := secret.Unguessable(p.Entropy("task IDs"))
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task{ID: id, Sub: sub, ClientID: client, Generation: p.told(present), Since: p.Clock.Now()})
	}
	return tasks, nil
}

// awaitSent waits until the requests for the tasks are through, for a minute at most.
func (p *Platform) awaitSent(tasks []task) {
	behind := make([]int64, len(tasks)) // the positions after them
	look := func(see func(i int, q queue)) error {
		return p.update(func(_, queued store.Tx) error {
			for i, t := range tasks {
				var q queue
				if _, err := queued.Get(queueStates, p.queueOf(t.ClientID), &q); err != nil {
					return err
				}
				see(i, q)
			}
			return nil
		})
	}
	err := look(func(i int, q queue) { behind[i] = q.End })
	end := p.Clock.Now().Add(time.Minute)
	for sent := false; err == nil && !sent && p.Clock.Now().Before(end); p.Clock.Sleep(tick) {
		sent = true
		err = look(func(i int, q queue) { sent = sent && q.First >= behind[i] })
	}
}
