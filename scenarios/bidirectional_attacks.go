package scenarios

import (
	"slices"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
)

// bidirectionalAttacks are the attacks on the flow: on sessions, on credentials under way, on access tokens, and on users.
func bidirectionalAttacks() []Scenario {
	return slices.Concat(sessionAttacks(), delegationAttacks(), signatureAttacks(), tokenAttacks(), userAttacks())
}

// attack is an attack on the bidirectional flow. One that level core leaves open is marked so by the caller.
func attack(name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(*twosites.Stage)) Scenario {
	return attackOn(flowBidirectional, name, title, text, breaks, guards, onTwoSites(func(st *twosites.Stage, _ catalog.Level) { play(st) }))
}

// lure is a link that the attacker gets the user to open, and the word that the user has done so.
type lure struct{ link, opened *stage.Letter }

func newLure(st *twosites.Stage) lure {
	return lure{st.NewLetter("a link for the victim"), st.NewLetter("the victim has opened the link")}
}

// opens lets a user open the link, if it comes.
func (l lure) opens(u *twosites.User) {
	if link, came := l.link.Await(); came {
		follow(u, link)
	}
	l.opened.Send("")
}

// set sends the link and waits until it was opened.
func (l lure) set(link string) {
	l.link.Send(link)
	l.opened.Await()
}
