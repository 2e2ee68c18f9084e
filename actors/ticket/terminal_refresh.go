package ticket

import (
	"net/http"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/secret"
)

// Bounds of one use (profile section 6.1), and what holds between uses (section 6.2).
const (
	maxErrors    = 4
	unbounded    = 100
	refreshPause = 30 * time.Second // after a refresh that got no answer
	waitingBeat  = 50 * time.Millisecond
)

// afterError is step 4: what is done after a ticket error indication for the ticket that was sent. The outcome is empty when the use goes on with a ticket.
func (u *use) afterError(sent ticket) (kept, Outcome) {
	// claim 1: on the basis of the ticket error indication
	if !u.Guards.On("TI-TE-06") {
		return kept{}, Refused
	}
	indications, refreshes := maxErrors, 1
	// flows, bounded retry by the terminal
	if !u.Guards.On("TI-TE-09") {
		indications, refreshes = unbounded+1, unbounded
	}
	if u.errors >= indications {
		return kept{}, Refused
	}
	for {
		k, turn, err := u.takeTurn(sent, u.refreshed < refreshes)
		if err != nil {
			return kept{}, Unavailable
		}
		switch turn {
		case replaced:
			return k, ""
		case heldOff:
			return kept{}, Unavailable
		case gone, spent:
			return u.authenticateAnew(turn)
		case busy:
			if u.Clock.Now().Add(waitingBeat).After(u.end) {
				return kept{}, Unavailable
			}
			u.Clock.Sleep(waitingBeat)
		case mine:
			u.refreshed++
			k, outcome := u.refresh(k)
			if outcome == tryAnew {
				return u.authenticateAnew(gone)
			}
			return k, outcome
		}
	}
}

// authenticateAnew is the last resort of step 4, once in a use.
func (u *use) authenticateAnew(after turn) (kept, Outcome) {
	switch {
	case u.Password != "" && !u.authenticated:
		return u.authenticate()
	case u.Password == "" && after == gone:
		return kept{}, LoginRequired
	}
	return kept{}, Refused
}

// tryAnew is no outcome: the ticket has been thrown away.
const tryAnew Outcome = "try anew"

// refresh sends the refresh request for a ticket whose turn was taken (profile section 4.3).
func (u *use) refresh(k kept) (kept, Outcome) {
	answer, err := u.sendRefresh(k)
	if err != nil {
		_, unsent := err.(*openError)
		return kept{}, u.settle(k, func(now *kept) {
			// flows, refresh storm after an outage
			if !unsent && u.Guards.On("TI-TE-11") {
				now.NotBefore = u.Clock.Now().Add(refreshPause)
			}
		}, Unavailable)
	}
	if answer.Status == http.StatusBadRequest && answer.Code() == "invalid_grant" {
		// claim 1: or transmitting the authentication request
		if !u.Guards.On("TI-TE-08") {
			return kept{}, u.settle(k, nil, Refused)
		}
		return kept{}, u.discard(k)
	}
	if answer.Status != http.StatusOK {
		return kept{}, u.settle(k, nil, Refused)
	}
	fresh, err := decodeTicket(answer.Body)
	if err != nil || !u.mayStore(fresh, u.AppID, &k.Ticket) {
		return kept{}, u.settle(k, nil, Refused)
	}
	// claim 1: receiving the new ticket and storing it
	if !u.Guards.On("TI-TE-07") {
		fresh.RefreshKey = k.Ticket.RefreshKey
	}
	return u.replace(k, fresh)
}

// sendRefresh sends the request, every try the same, so that a lost answer can be given again.
func (u *use) sendRefresh(k kept) (outbound.Reply, error) {
	ask := func(requestID string) outbound.Call {
		return outbound.Call{Method: http.MethodPost, URL: u.server.RefreshEndpoint, Object: map[string]string{
			"user_id": k.Ticket.UserID, "refresh_key": k.Ticket.RefreshKey, "request_id": requestID,
		}}
	}
	// profile sections 4.3 and 6.2; flows, lost refresh response
	if u.Guards.On("TI-TE-10") {
		return u.send(ask(k.RequestID), tries)
	}
	var answer outbound.Reply
	var err error
	for range tries {
		var id string
		if id, err = secret.Unguessable(u.Entropy("request IDs")); err != nil {
			return outbound.Reply{}, err
		}
		if answer, err = u.send(ask(id), 1); err == nil {
			return answer, nil
		}
		u.Clock.Sleep(time.Second)
	}
	return answer, err
}
