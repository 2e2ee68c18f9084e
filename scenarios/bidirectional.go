package scenarios

import (
	"net/url"
	"strings"
	"time"

	cast "countersign/actors/bidirectional"
	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

const flowBidirectional = "bidirectional"

// bidirectional is the flow as it is meant to go, and the refusals that it has to bear.
func bidirectional() []Scenario {
	return []Scenario{
		{
			Name: "bidirectional/happy", Flow: flowBidirectional, Kind: Happy,
			Title: "Both sites authorize each other",
			Text:  "Alice starts at site A. She is asked once at site B and once at site A, and in the end each site reads what she keeps at the other. These are the fifteen steps of the document, without anything in their way.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
				bothDirections(st, st.Alice)
			}),
		},
		{
			Name: "bidirectional/b-first", Flow: flowBidirectional, Kind: Happy,
			Title: "Site B begins",
			Text:  "Either site may be the first. Here Alice starts at site B, so that the roles are exchanged: B asks at A for itself, and at its own server for A.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				st.Alice.Plays(func(u *twosites.User) { connect(u, st.B, st.A) })
				bothDirections(st, st.Alice)
			}),
		},
		{
			Name: "bidirectional/both-at-once", Flow: flowBidirectional, Kind: Happy,
			Title: "Two users start at both sites at once",
			Text:  "Alice starts at site A and Bob at site B in the same moment. Their flows cross at every host, and neither may get the other's.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
				st.Bob.Plays(func(u *twosites.User) { connect(u, st.B, st.A) })
				bothDirections(st, st.Alice)
				bothDirections(st, st.Bob)
			}),
		},
		{
			Name: "bidirectional/one-user-both-sides", Flow: flowBidirectional, Kind: Happy,
			Title: "One user starts at both sides at once",
			Text:  "Alice has two browsers open and starts at site A in the one and at site B in the other. Four temporary credentials for one person are under way together, and each has to find back to the browser that it belongs to.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				first := false
				st.Alice.Plays(func(u *twosites.User) {
					second := u.SecondTerminal()
					u.Meanwhile(func() {
						connect(second, st.B, st.A)
						a, b := second.Look()
						first = a && b
					})
					connect(u, st.A, st.B)
				})
				bothDirections(st, st.Alice)
				st.Hope("both directions stand in the second browser too", func() bool { return first })
			}),
		},
		{
			Name: "bidirectional/refuses-second", Flow: flowBidirectional, Kind: Refusal,
			Title: "The user refuses site A",
			Text:  "Alice says no when site B asks whether A may read. The two legs are independent: she is asked about the other one all the same, and says yes.",
			play:  onTwoSites(refusing(true, false)),
		},
		{
			Name: "bidirectional/refuses-first", Flow: flowBidirectional, Kind: Refusal,
			Title: "The user refuses site B",
			Text:  "Alice says yes to A reading at B, and no to B reading at A. What she allowed stays as it is.",
			play:  onTwoSites(refusing(false, true)),
		},
		{
			Name: "bidirectional/refuses-both", Flow: flowBidirectional, Kind: Refusal,
			Title: "The user refuses both",
			Text:  "Alice says no twice. Nothing is read by anybody, and no access token comes into being.",
			play:  onTwoSites(refusing(true, true)),
		},
		{
			Name: "bidirectional/refused-beside-another-user", Flow: flowBidirectional, Kind: Refusal,
			Title: "One user refuses while another thinks it over",
			Text:  "Alice and Bob start at site A together. Alice refuses site A after a second, while Bob reads the page for two more and then approves. Her refusal is hers alone.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				st.Alice.Decide = func(at *twosites.Site, _ cast.Page) cast.Decision {
					if at == st.A {
						return cast.Approve
					}
					st.Alice.Wait(time.Second)
					return cast.Deny
				}
				st.Bob.Decide = func(*twosites.Site, cast.Page) cast.Decision {
					st.Bob.Wait(3 * time.Second)
					return cast.Approve
				}
				st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
				st.Bob.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
				st.Hope("site A reads nothing of Alice's", func() bool { return !st.Alice.Reads(st.A) })
				bothDirections(st, st.Bob)
			}),
		},
		{
			Name: "bidirectional/thinks-too-long", Flow: flowBidirectional, Kind: Refusal,
			Title: "The user thinks for too long",
			Text:  "Alice leaves the page of site B open for a quarter of an hour before she approves. At hardened the temporary credential has expired by then, and she has to begin again; at core it lives for ever.",
			play:  onTwoSites(thinkTooLong),
		},
		{
			Name: "bidirectional/wrong-password", Flow: flowBidirectional, Kind: Refusal,
			Title: "A wrong password, then the right one",
			Text:  "Alice mistypes her password at site B. She gets the page again and no verifier leaves the server; with the right password the flow goes on where it was.",
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				shownAgain := false
				st.Alice.Plays(func(u *twosites.User) {
					u.Mistypes(st.B, true)
					page, err := u.Connect(st.A, st.B)
					shownAgain = err == nil && page.Status == 403 && strings.HasPrefix(page.URL, st.B.Issuer)
					u.Mistypes(st.B, false)
					follow(u, page.URL)
				})
				st.Hope("the wrong password brings the page of site B again", func() bool { return shownAgain })
				bothDirections(st, st.Alice)
			}),
		},
		{
			Name: "bidirectional/own-server-down", Flow: flowBidirectional, Kind: Refusal,
			Title:  "The OAuth server of the first site is down",
			Text:   "Site A's own OAuth server does not answer when Alice starts, so that B cannot be let in. A still gets what it needs at B; when the server is back, a second try brings the other direction.",
			Faults: []sim.Fault{{Kind: "crash", From: "oauth.a", For: 2 * time.Minute}},
			play:   onTwoSites(oneSideDown(true, false)),
		},
		{
			Name: "bidirectional/peer-down", Flow: flowBidirectional, Kind: Refusal,
			Title: "The OAuth server of the second site is down for one leg",
			Text:  "Site B's OAuth server tells where its endpoints are and then answers no more, so that A cannot be let in. B still gets what it needs at A; when the server is back, a second try brings the other direction.",
			play:  onTwoSites(peerDown),
		},
		{
			Name: "bidirectional/revocation", Flow: flowBidirectional, Kind: Refusal,
			Title:     "The user takes the authorization back",
			Text:      "Alice tells site A to stop reading at B. From the moment that B has acknowledged it, the access token opens nothing. The document says nothing on that: at core the resource server never hears of it.",
			Invariant: twosites.Revocation.Text, breaks: twosites.Revocation, open: true,
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				revoke(st, func(u *twosites.User) { disconnect(u, st.A, st.B) })
			}),
		},
		{
			Name: "bidirectional/expiry", Flow: flowBidirectional, Kind: Refusal,
			Title:     "The access token expires",
			Text:      "Two hours after Alice has authorized both sites, site A uses its access token once more. It was issued for one hour. At core the resource server was never told, and opens.",
			Invariant: twosites.Expiry.Text, breaks: twosites.Expiry, open: true,
			play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
				revoke(st, func(u *twosites.User) { u.Wait(2 * time.Hour) })
			}),
		},
	}
}

// onTwoSites sets the stage of the flow, and gives the cast its parts.
func onTwoSites(play func(*twosites.Stage, catalog.Level)) func(stage.Setting) *stage.Stage {
	return func(s stage.Setting) *stage.Stage {
		st := twosites.New(s)
		play(st, s.Level)
		return st.Stage
	}
}

// connect goes through a flow once, and notes what stopped it.
func connect(u *twosites.User, from, with *twosites.Site) {
	if _, err := u.Connect(from, with); err != nil {
		u.Note("gives up: " + err.Error())
	}
}

// disconnect has a site stop reading at another.
func disconnect(u *twosites.User, client, peer *twosites.Site) {
	if _, err := u.Post(client.ClientBase, client.ClientBase+"/disconnect", url.Values{"peer": {peer.Issuer}}); err != nil {
		u.Note("gives up: " + err.Error())
	}
}

// follow opens a link, and notes what stopped it.
func follow(u *twosites.User, link string) (cast.Page, bool) {
	page, err := u.Open(link)
	if err != nil {
		u.Note("gives up: " + err.Error())
	}
	return page, err == nil
}

func bothDirections(st *twosites.Stage, u *twosites.User) {
	st.Hope("site A reads what "+u.Name+" keeps at B", func() bool { return u.Reads(st.A) })
	st.Hope("site B reads what "+u.Name+" keeps at A", func() bool { return u.Reads(st.B) })
}

func refusing(second, first bool) func(*twosites.Stage, catalog.Level) {
	return func(st *twosites.Stage, _ catalog.Level) {
		var at []*twosites.Site
		if second {
			at = append(at, st.B)
		}
		if first {
			at = append(at, st.A)
		}
		st.Alice.Refuses(at...)
		st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
		st.Hope("site A reads at B only if the user allowed it", func() bool { return st.Alice.Reads(st.A) == !second })
		st.Hope("site B reads at A only if the user allowed it", func() bool { return st.Alice.Reads(st.B) == !first })
	}
}

func thinkTooLong(st *twosites.Stage, level catalog.Level) {
	slow := true
	st.Alice.Decide = func(at *twosites.Site, _ cast.Page) cast.Decision {
		if slow && at == st.B {
			st.Alice.Wait(15 * time.Minute)
		}
		return cast.Approve
	}
	first := false
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		first, _ = u.Look()
		slow = false
		connect(u, st.A, st.B)
	})
	st.Hope("what was approved too late counts at core only", func() bool { return first == (level == catalog.Core) })
	bothDirections(st, st.Alice)
}

// oneSideDown is a first try in which one site's own server is down, and a second one after that.
func oneSideDown(aReads, bReads bool) func(*twosites.Stage, catalog.Level) {
	return func(st *twosites.Stage, _ catalog.Level) {
		var a, b bool
		st.Alice.Plays(func(u *twosites.User) {
			connect(u, st.A, st.B)
			a, b = u.Look()
			u.Wait(3 * time.Minute)
			connect(u, st.A, st.B)
		})
		st.Hope("the first try brings the direction that nothing stands in the way of, and no other", func() bool { return a == aReads && b == bReads })
		bothDirections(st, st.Alice)
	}
}

// peerDown takes the peer's OAuth server away once the first site has read its metadata: without them the first site cannot know where to delegate.
func peerDown(st *twosites.Stage, level catalog.Level) {
	asked := false
	st.OverhearTemporary(st.A, func(twosites.Credentials) {
		if !asked {
			asked = true
			st.B.OAuthServer.Crash(2 * time.Minute)
		}
	})
	oneSideDown(false, true)(st, level)
}

// revoke connects both sites, lets something happen, and has site A use its access token at B once more.
func revoke(st *twosites.Stage, then func(*twosites.User)) {
	var token twosites.Credentials
	st.OverhearTokens(st.B, func(c twosites.Credentials) { token = c })
	var first bool
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		first, _ = u.Look()
		then(u)
		u.Note("site A shows its access token once more")
		twosites.Speaker{Host: st.A.Client, As: st.A}.Read(st.B, token)
	})
	st.Hope("site A reads at B to begin with", func() bool { return first })
}
