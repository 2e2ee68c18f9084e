package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// roles are the hosts that something can happen to.
func roles() []string {
	return []string{"oauth.a", "resource.a", "client.a", "oauth.b", "resource.b", "client.b", "alice"}
}

// bidirectionalFaults is every mishap for every role, and clocks that are beyond the window.
func bidirectionalFaults() []Scenario {
	all := mishapsOf(flowBidirectional, roles(), stage.Mishaps(200*time.Millisecond, 500*time.Millisecond), map[string]string{
		"loss":        "Whoever waits gives up after half a minute; Alice tries again.",
		"delay":       "Nobody gives up so soon, so that one try is enough.",
		"duplicate":   "A nonce lets the second one pass for nothing.",
		"reorder":     "A hand-over may come after the first use of its token, and the client has to try again.",
		"partition":   "What was asked of it is lost, and whoever waited has to ask anew.",
		"slow":        "That is long for a person and short for a protocol: the flow goes through.",
		"stalled":     "What was asked has been done all the same: the credentials exist and nobody holds them, and a new try must not stumble over them.",
		"half-open":   "Tokens are issued that never reach their client.",
		"crash":       "What it keeps in its store has to be enough for the next try.",
		"crash-late":  "That is in the second half of the flow. Hand-overs that were not acknowledged are taken up again.",
		"skew-ahead":  "Timestamps may be five minutes off, so that nothing comes of it.",
		"skew-behind": "Timestamps may be five minutes off, so that nothing comes of it.",
	}, twosites.NoLockOut, onTwoSites(survive))
	for _, role := range roles() {
		all = append(all, skewBeyond(role))
	}
	return append(all, handoverLate(), everything())
}

// survive is a user who tries until both directions stand.
func survive(st *twosites.Stage, _ catalog.Level) {
	st.Alice.Plays(func(u *twosites.User) { u.UntilConnected(st.A, st.B) })
	bothDirections(st, st.Alice)
}

// handoverLate is a hand-over that does not get through the first time, so that the client uses its token before the resource server knows it.
func handoverLate() Scenario {
	return Scenario{
		Name: "bidirectional/fault/handover-late", Flow: flowBidirectional, Kind: Fault,
		Title: "The hand-over comes after the first use of the token",
		Text:  "Something before the resource server of B answers the first hand-over with 503. At hardened the OAuth server tries again, the client waits, and Alice notices nothing. At core both try once, and site A reads only when she begins anew.",
		play: onTwoSites(func(st *twosites.Stage, level catalog.Level) {
			answered := false
			st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
				if m.Kind == sim.Request && m.From == "oauth.b" && m.To == "resource.b" && !answered {
					answered = true
					return sim.Verdict{Answer: &sim.Message{Status: 503}}
				}
				return sim.Verdict{}
			}))
			first := false
			st.Alice.Plays(func(u *twosites.User) {
				connect(u, st.A, st.B)
				first, _ = u.Look()
				u.UntilConnected(st.A, st.B)
			})
			st.Hope("the first try is enough at hardened", func() bool { return first == (level != catalog.Core) })
			bothDirections(st, st.Alice)
		}),
	}
}

// everything is a bit of all at once, with two users.
func everything() Scenario {
	return Scenario{
		Name: "bidirectional/fault/everything", Flow: flowBidirectional, Kind: Fault,
		Title: "A bad day",
		Text:  "For a minute and a half messages everywhere get lost, are late, come twice and in another order, while both OAuth servers crash one after the other. Alice and Bob start at different sites and try until both directions stand.",
		Faults: stage.Plan("loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1",
			"skew:client.a=40s", "skew:oauth.b=-70s", "crash:oauth.a@1s+3s", "crash:oauth.b@8s+3s"),
		Invariant: twosites.NoLockOut.Text, breaks: twosites.NoLockOut,
		play: onTwoSites(func(st *twosites.Stage, _ catalog.Level) {
			st.Alice.Plays(func(u *twosites.User) { u.UntilConnected(st.A, st.B) })
			st.Bob.Plays(func(u *twosites.User) { u.UntilConnected(st.B, st.A) })
			bothDirections(st, st.Alice)
			bothDirections(st, st.Bob)
		}),
	}
}

// skewBeyond is a clock beyond the window for timestamps. What has to do with that host fails with the right refusal, and nothing else does.
func skewBeyond(role string) Scenario {
	// A leg fails when somebody judges a timestamp by another clock than the one that made it.
	aReads := !slices.Contains([]string{"client.a", "oauth.b", "resource.b"}, role)
	bReads := !slices.Contains([]string{"client.a", "oauth.a", "client.b", "resource.a"}, role)
	return Scenario{
		Name: "bidirectional/fault/skew-beyond-" + role, Flow: flowBidirectional, Kind: Fault,
		Title: "The clock of " + role + " is beyond the window",
		Text: fmt.Sprintf("The clock of %s is ten minutes ahead, more than the five that a timestamp may be off. At hardened what passes between %s and a host with another clock is refused with timestamp_refused, and the direction that does not need it stands. At core nobody looks at timestamps.",
			role, role),
		Faults: []sim.Fault{{Kind: "skew", From: role, Min: 10 * time.Minute, Max: 10 * time.Minute}},
		play: onTwoSites(func(st *twosites.Stage, level catalog.Level) {
			st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
			if level == catalog.Core || aReads && bReads {
				bothDirections(st, st.Alice)
				return
			}
			refusals := 0
			st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
				if m.Kind == sim.Response && m.Status == 401 && strings.Contains(string(m.Body), "timestamp_refused") {
					refusals++
				}
				return sim.Verdict{}
			}))
			st.Hope("a request is refused with timestamp_refused", func() bool { return refusals > 0 })
			st.Hope("site A reads at B if no clock on the way is off", func() bool { return st.Alice.Reads(st.A) == aReads })
			st.Hope("site B reads at A if no clock on the way is off", func() bool { return st.Alice.Reads(st.B) == bReads })
		}),
	}
}
