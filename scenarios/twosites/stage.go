// Package twosites puts the cast of the bidirectional flow into a simulated world: sites A and B with each
// role on a host of its own, the client of a third site C, three users with their terminals, and the oracles
// that watch what passes.
//
// The oracles judge the trace and what the users decided. They do not ask the actors.
package twosites

import (
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
)

// Stage is a world with the cast in it. A scenario gives the users their scripts, and then the stage runs.
type Stage struct {
	*stage.Stage
	A, B, C *Site
	// Alice and Bob are honest. Mallory is registered at both sites like them.
	Alice, Bob *User
	Mallory    *Attacker

	users    []*User
	consents []consent
}

// New sets the stage.
func New(s stage.Setting) *Stage {
	st := &Stage{
		A: newSite("a",
			account{"adam", "adam", "password-of-adam-at-a", "Z7hkJW7PGkpRpdvqbiY9xOanwt7MXpeXb0/LP/eKABw"},
			account{"alice", "alice", "password-of-alice-at-a", "+HkOCthZale/rc2O/2g+cblYGeUwcwVyQdkrOkKw6vg"},
			account{"bob", "bob", "password-of-bob-at-a", "xJmpZ11yafR5bUAOJiahHGE8SiaT5ThTsqVqXGifyeY"},
			account{"mallory", "mallory", "password-of-mallory-at-a", "lpKDayiWinxoiY8oiIRL3PUuTnpyfVwsIcEJ1gl4kiw"},
		),
		B: newSite("b",
			account{"berta", "berta", "password-of-berta-at-b", "8s0xRSehBJE36EY/oM9vdzXuBSRPkTwbukwDwPg/aKI"},
			account{"alice", "alicia", "password-of-alicia-at-b", "ZSV76u/smVpM0GwbgVAZYCfqpCV85vb34Dldi/e6hlM"},
			account{"bob", "bobby", "password-of-bobby-at-b", "pHaI14K/4fuk2b82aElnNfISfaBR/ngMmBt5lJ0utwk"},
			account{"mallory", "mal", "password-of-mal-at-b", "NumvVPcPBZv6WwLGqBFcxn8Ii05RGlXbaUc0C+umZSc"},
		),
		C: newSite("c"),
	}
	st.Stage = stage.New(s, st, 0)
	st.A.stage, st.B.stage, st.C.stage = st, st, st
	for _, pair := range [][2]*Site{{st.A, st.B}, {st.B, st.A}} {
		site, peer := pair[0], pair[1]
		site.OAuthServer = st.Host("oauth."+site.Letter, st.bootOAuthServer(site))
		site.ResourceServer = st.Host("resource."+site.Letter, st.bootResourceServer(site, site.ResourceBase))
		site.Client = st.Host("client."+site.Letter, st.bootClient(site, peer))
	}
	st.C.Client = st.Host("client.c", st.bootClient(st.C, st.A))
	st.C.TakeOver(stage.Nobody)
	st.Alice, st.Bob = st.newUser("alice"), st.newUser("bob")
	st.Mallory = &Attacker{st.NewAttacker("mallory"), st}
	return st
}

// Lanes implements [stage.Flow].
func (st *Stage) Lanes() []sequence.Lane {
	lanes := []sequence.Lane{{Name: "alice", Kind: "user terminal"}, {Name: "bob", Kind: "user terminal"}}
	for _, s := range []*Site{st.A, st.B} {
		lanes = append(lanes, sequence.Lane{Name: s.Client.Name(), Kind: "client"},
			sequence.Lane{Name: s.OAuthServer.Name(), Kind: "OAuth server"}, sequence.Lane{Name: s.ResourceServer.Name(), Kind: "resource server"})
		if s.Archive != nil {
			lanes = append(lanes, sequence.Lane{Name: s.Archive.Name(), Kind: "resource server"})
		}
	}
	return append(lanes, sequence.Lane{Name: st.C.Client.Name(), Kind: sequence.Attacker}, sequence.Lane{Name: "mallory", Kind: sequence.Attacker})
}
