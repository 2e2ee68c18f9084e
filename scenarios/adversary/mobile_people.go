package adversary

import (
	"net/http"
	"slices"
	"time"

	"countersign/scenarios/office"
)

// people gives everybody a part.
func (st *officeWorld) people() {
	d := st.d
	playing := func(names ...string) bool { return slices.ContainsFunc(names, d.Playing) }
	switch {
	case playing("alice", "the telephone is lost"):
		st.Alice.Follows(d.Session("alice", st.aliceWorks))
	case d.Playing("the telephone is found again"):
		st.Alice.Follows(d.Session("alice", st.aliceFindsIt))
	}
	if d.Playing("the telephone is lost") {
		st.tablet = st.NewTablet()
	}
	switch {
	case d.Playing("clive is dismissed"):
		st.annDoes("dismisses Clive", func(a *office.Administrator) {
			a.Changes("Clive may not use the app", office.Withdraws(st.Clive.UserName, office.FieldSales))
		})
	case d.Playing("the register moves"):
		st.annDoes("moves the register", func(a *office.Administrator) {
			a.Changes("the customer register has another address", office.Moves(st.moved))
		}, st.registerMovesBack)
	case d.Playing("both systems move"):
		st.annDoes("moves both systems", func(a *office.Administrator) {
			a.Changes("the customer register has another address", office.Moves(st.moved))
			a.Changes("the stock has another address", office.Moves(st.otherMoved))
		})
	case d.Playing("a key is rotated"):
		st.Ann.Follows(d.Session("ann", st.annRotates))
	case d.Playing("two change the rules"):
		st.Ann.Follows(d.Session("ann", st.twoChangeRules))
	}
	st.Clive.Plays(func(c *office.Rogue) {
		if !st.nobodyDishonest() {
			c.Registers(office.Registration{})
			st.own = c.Authenticates(c.Own())
			c.Shows(st.CRM, st.own.AccessToken)
			d.Know(Term{Type: deviceToken, Name: "Clive's own token", Value: st.own.AccessToken})
		}
		d.Direct()
	})
}

// isThere has Alice enrol and open the app, where she does not work by herself.
func (st *officeWorld) isThere() {
	if !st.began {
		st.began = true
		st.Alice.Enrols()
		st.opens()
	}
}

// opens has Alice open the app, which opens as long as nobody disturbs it.
func (st *officeWorld) opens() {
	st.opened = st.Alice.Starts() == office.Opened
	if !st.opened && st.calm() {
		st.Breach(office.Opens, "Alice has enrolled, and nobody has disturbed her, and the app does not open")
	}
}

// annDoes is a session in which the rules change. Alice, who has opened the app before, opens it in the same moment, and again a minute later.
func (st *officeWorld) annDoes(what string, do func(*office.Administrator), more ...func()) {
	st.Ann.Follows(st.d.Session("ann", func() {
		st.isThere()
		st.d.Pause("ann", what)
		st.Ann.Host.Go("ann, at the same time", func() { do(st.Ann) })
		st.Alice.StartsAfresh()
		st.Ann.Wait(time.Minute + 10*time.Second)
		st.Alice.Starts()
		st.audits(2)
		st.d.Pause("ann", "has done it a minute ago")
		st.Alice.StartsAfresh()
		for _, then := range more {
			then()
		}
	}))
}

// registerMovesBack has the customer register go back to where it was, where somebody may have recorded the word of its move.
func (st *officeWorld) registerMovesBack() {
	if st.scene != "leaking-gateway" {
		return
	}
	st.Ann.Changes("the customer register is back", office.Moves(st.CRM))
	st.Ann.Wait(pushed)
	st.d.Pause("ann", "has moved it back")
	st.Alice.Starts()
}

// annRotates is a session in which the customer register gets a new sealing key. Alice has opened the app before, and goes on with the token that she has.
func (st *officeWorld) annRotates() {
	st.isThere()
	st.d.Pause("ann", "rotates a key")
	fresh := st.Alice.StartsAfresh() == office.Opened
	asked := st.Count(st.Alice.Host, office.LegAuthentication)
	rotated := st.Ann.Rotates(st.CRM) == http.StatusOK
	st.Ann.Wait(time.Minute + 10*time.Second) // by then the customer register has read its keys anew
	if st.Alice.Starts() == office.Opened && fresh && rotated && *asked > 0 {
		st.Breach(office.LiveTokens, "the key was rotated, and Alice's app had to get another token")
	}
	st.Alice.StartsAfresh()
	st.d.Pause("ann", "has done it a minute ago")
}

// twoChangeRules is a session in which Ann has the rules before her while somebody else changes them at her desk.
func (st *officeWorld) twoChangeRules() {
	a := st.Ann
	before := a.Reads()
	st.d.Pause("ann", "has the rules before her")
	a.Changes("Clive may not use the app", office.Withdraws(st.Clive.UserName, office.FieldSales))
	office.Grants(st.Bob.UserName, office.Stock)(&before.Rules)
	a.Note("sends the rules that she had before her")
	versions := int64(2)
	if a.Puts(before.Version, before.Rules) != http.StatusOK {
		a.Changes("Bob may use the app of the stock", office.Grants(st.Bob.UserName, office.Stock))
	}
	versions++
	a.Wait(time.Minute)
	st.audits(versions)
	st.d.Pause("ann", "has done it a minute ago")
}

// audits has Ann look whether the audit names her for each version that she has activated; the first is of a file.
func (st *officeWorld) audits(versions int64) {
	entries := st.Ann.Audits()
	if len(entries) == 0 {
		return // nobody has answered
	}
	for version := int64(2); version <= versions; version++ {
		if !slices.Contains(entries, office.Entry{Version: version, By: st.Ann.Name}) && st.calm() {
			st.Breach(office.Audited, "Ann has activated a version of the rules, and the audit does not say so")
		}
	}
}

// aliceWorks is Alice's session: she enrols, opens the app, again when a download has run out, again when proofs are forgotten, and again when her token is over.
func (st *officeWorld) aliceWorks() {
	d, a := st.d, st.Alice
	st.began = true
	a.Enrols()
	d.Pause("alice", "has enrolled")
	st.opens()
	if d.Playing("the telephone is lost") {
		st.aliceLosesIt()
		return
	}
	d.Pause("alice", "has opened the app")
	a.Wait(2 * time.Minute)
	d.Pause("alice", "is back after two minutes")
	a.Starts()
	a.StartsAfresh()
	a.Wait(10 * time.Minute)
	d.Pause("alice", "is back after ten minutes")
	a.Starts()
}

// aliceLosesIt goes on with a telephone that is lost, and that Alice has deregistered.
func (st *officeWorld) aliceLosesIt() {
	d, a := st.d, st.Alice
	d.Pause("alice", "is about to lose the telephone")
	st.lost = true
	for tries := 0; tries < 5 && st.tablet.Deregisters(a) == office.Unreachable; tries++ {
		a.Wait(10 * time.Second)
	}
	a.Wait(time.Minute)
	if st.scene == "no-push" {
		a.StartsAfresh() // by whoever has found it
	}
	if st.enrols {
		st.keptAway = false
		a.Enrols()
	}
	d.Pause("alice", "has had the telephone deregistered a minute ago")
}

// aliceFindsIt is a session of Alice's in which the telephone is lost, wiped, found, and enrolled anew, twice.
func (st *officeWorld) aliceFindsIt() {
	d, a := st.d, st.Alice
	st.began = true
	a.Enrols()
	a.Starts()
	a.Deregisters(a)
	a.Wait(20 * time.Second)
	a.Enrols()
	st.opens()
	d.Pause("alice", "has enrolled the telephone anew")
	a.Wait(20 * time.Second)
	a.Starts()
	a.Deregisters(a)
	a.Wait(20 * time.Second)
	a.Finds()
	a.Enrols()
	a.Starts()
}

// look is what everybody sees at the end, when the faults have ended and guesses are forgotten.
func (st *officeWorld) look() {
	if st.scene == "plain-server" {
		return // nothing has to work without TLS
	}
	st.lies, st.answers, st.keptAway, st.relayed, st.disturbed, st.mixedUp = nil, nil, false, false, false, false
	const calm = 15 * time.Minute
	st.Alice.Wait(calm)
	switch {
	case st.lost:
		if st.muted {
			st.Alice.StartsAfresh() // it asks, as no message gets through to it
		}
		st.Alice.Wait(calm)
		st.Alice.Finds()
		st.asksAfterIt()
		if !st.Dishonest(st.ERP.Host.Name()) {
			st.tablet.UntilOpened()
		}
	case st.began:
		st.Alice.Starts()
		st.Alice.UntilOpened()
	}
}

// asksAfterIt has Alice deregister the lost telephone once more, to hear whether it was wiped.
func (st *officeWorld) asksAfterIt() {
	if !st.opened || st.enrols || st.Alice.Holds() != (office.Holdings{}) {
		return
	}
	if st.tablet.Deregisters(st.Alice) == office.Pending {
		st.Breach(office.WipeKnown, "Alice's telephone is wiped, and she is told that it is not")
	}
}
