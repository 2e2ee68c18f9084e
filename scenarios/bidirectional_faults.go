package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// roles are the hosts that something can happen to.
func roles() []string {
	return []string{"oauth.a", "resource.a", "client.a", "oauth.b", "resource.b", "client.b", "alice"}
}

// mishap is a kind of fault, to happen to each role.
type mishap struct {
	name  string   // of the scenario, before the role
	title string   // with %s for the role
	text  string   // with %s for the role
	plan  []string // faults, with %s for the role
}

// mishaps all end after a while, so that an honest user who tries again has to get through.
func mishaps() []mishap {
	return []mishap{
		{"loss", "Messages to and from %s get lost", "For the first minute three in ten messages to %[1]s, and three in ten from it, do not arrive. Whoever waits gives up after half a minute; Alice tries again.", both("loss", "=0.3")},
		{"delay", "Messages to and from %s are late", "For the first minute every message to and from %[1]s takes up to two seconds longer. Nobody gives up so soon, so that one try is enough.", both("delay", "=0s-2s")},
		{"duplicate", "Messages to and from %s arrive twice", "For the first minute half of all messages to and from %[1]s arrive twice, so that its requests are handled twice. A nonce lets the second one pass for nothing.", both("duplicate", "=0.5")},
		{"reorder", "Messages to and from %s overtake each other", "For the first minute half of all messages to and from %[1]s are overtaken by later ones. A hand-over may come after the first use of its token, and the client has to try again.", both("reorder", "=0.5")},
		{"partition", "%s is cut off", "After a fifth of a second nothing reaches %[1]s, and nothing leaves it, for twenty seconds. What was asked of it is lost, and whoever waited has to ask anew.", []string{"partition:%s>*@200ms+20s"}},
		{"slow", "%s is slow", "For the first minute every answer of %[1]s is three seconds late. That is long for a person and short for a protocol: the flow goes through.", []string{"slow:%s@0s+1m=3s"}},
		{"stalled", "%s is slower than anybody waits", "For the first minute every answer of %[1]s is forty seconds late, ten more than anybody waits. What was asked has been done all the same: the credentials exist and nobody holds them, and a new try must not stumble over them.", []string{"slow:%s@0s+1m=40s"}},
		{"half-open", "%s acts and does not answer", "From a fifth of a second on and for twenty seconds, %[1]s takes requests and acts on them, but no answer arrives. Tokens are issued that never reach their client.", []string{"halfopen:%s@200ms+20s"}},
		{"crash", "%s crashes early", "%[1]s crashes after a fifth of a second, loses all that it had not stored, and is up again after two seconds. What it keeps in its store has to be enough for the next try.", []string{"crash:%s@200ms+2s"}},
		{"crash-late", "%s crashes late", "%[1]s crashes after half a second, in the second half of the flow, and is up again after two seconds. Hand-overs that were not acknowledged are taken up again.", []string{"crash:%s@500ms+2s"}},
		{"skew-ahead", "The clock of %s is fast", "The clock of %[1]s is a minute and a half ahead. Timestamps may be five minutes off, so that nothing comes of it.", []string{"skew:%s=1m30s"}},
		{"skew-behind", "The clock of %s is slow", "The clock of %[1]s is a minute and a half behind. Timestamps may be five minutes off, so that nothing comes of it.", []string{"skew:%s=-1m30s"}},
	}
}

// both lays a fault of links on what goes to a role and what comes from it, for the first minute.
func both(kind, value string) []string {
	return []string{kind + ":%s>*@0s+1m" + value, kind + ":*>%s@0s+1m" + value}
}

// bidirectionalFaults is every mishap for every role, and clocks that are beyond the window.
func bidirectionalFaults() []Scenario {
	var all []Scenario
	for _, m := range mishaps() {
		for _, role := range roles() {
			all = append(all, Scenario{
				Name: fmt.Sprintf("bidirectional/fault/%s-%s", m.name, role), Flow: flowBidirectional, Kind: Fault,
				Title: fmt.Sprintf(m.title, role), Text: fmt.Sprintf(m.text, role),
				Faults: plan(m.plan, role), play: survive,
				Invariant: twosites.NoLockOut.Text, breaks: twosites.NoLockOut,
			})
		}
	}
	for _, role := range roles() {
		all = append(all, skewBeyond(role))
	}
	return append(all, handoverLate(), everything())
}

func plan(spelled []string, role string) []sim.Fault {
	var all []sim.Fault
	for _, s := range spelled {
		f, err := sim.ParseFault(strings.ReplaceAll(s, "%s", role))
		if err != nil {
			panic(err) // the table above is wrong
		}
		all = append(all, f)
	}
	return all
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
		play: func(st *twosites.Stage, level catalog.Level) {
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
		},
	}
}

// everything is a bit of all at once, with two users.
func everything() Scenario {
	return Scenario{
		Name: "bidirectional/fault/everything", Flow: flowBidirectional, Kind: Fault,
		Title: "A bad day",
		Text:  "For a minute and a half messages everywhere get lost, are late, come twice and in another order, while both OAuth servers crash one after the other. Alice and Bob start at different sites and try until both directions stand.",
		Faults: slices.Concat(
			plan([]string{"loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1", "skew:client.a=40s", "skew:oauth.b=-70s"}, ""),
			plan([]string{"crash:%s@1s+3s"}, "oauth.a"), plan([]string{"crash:%s@8s+3s"}, "oauth.b"),
		),
		Invariant: twosites.NoLockOut.Text, breaks: twosites.NoLockOut,
		play: func(st *twosites.Stage, _ catalog.Level) {
			st.Alice.Plays(func(u *twosites.User) { u.UntilConnected(st.A, st.B) })
			st.Bob.Plays(func(u *twosites.User) { u.UntilConnected(st.B, st.A) })
			bothDirections(st, st.Alice)
			bothDirections(st, st.Bob)
		},
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
		play: func(st *twosites.Stage, level catalog.Level) {
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
		},
	}
}
