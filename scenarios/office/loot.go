package office

import (
	"encoding/json"
	"net/http"
	"strings"

	"countersign/actors/outbound"
	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// ShowFrom sends what a system was shown on to another one, as whoever runs the first can.
func (st *Stage) ShowFrom(by, to *System, shown sim.Message) {
	_, err := outbound.Call{
		Method: http.MethodGet, URL: to.Address(), Header: http.Header{"Dpop": shown.Header["Dpop"]}, Authorization: shown.Header.Get("Authorization"),
	}.Do(st.Env(by.Host), patience)
	if err != nil {
		st.Note(by.Host, "gets no answer")
	}
}

// Loot is what somebody has copied of what a device sends and gets: the last of each.
type Loot struct {
	Authentication, Resource sim.Message // requests
	Grant                    Grant
	Grants                   []sim.Message // all answers
	Message                  string        // to the device
}

// Steals copies what a device sends and gets.
func (st *Stage) Steals(from *User) *Loot {
	loot := &Loot{}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		leg := st.Leg(&m)
		switch device := from.Host.Name(); {
		case m.Kind == sim.Request && m.From == device && leg == LegAuthentication:
			loot.Authentication = m
		case m.Kind == sim.Request && m.From == device && leg == LegResource:
			loot.Resource = m
		case m.Kind == sim.Request && m.To == device && leg == LegMessage && m.From == st.Server.Host.Name():
			loot.Message = string(m.Body)
		case m.Kind == sim.Response && m.To == device && leg == LegAuthentication && m.Status == http.StatusOK:
			loot.Grant = ReadGrant(m.Body)
			loot.Grants = append(loot.Grants, m)
		}
		return sim.Verdict{}
	}))
	return loot
}

// Gets copies what the authorization server sends to a rogue's device.
func (st *Stage) Gets(r *Rogue) *Loot {
	loot := &Loot{}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && m.To == r.Name && m.From == st.Server.Host.Name() {
			loot.Message = string(m.Body)
		}
		return sim.Verdict{}
	}))
	return loot
}

// Token is the access token that was copied last.
func (l *Loot) Token() string { return l.Grant.AccessToken }

// PublicKey is the key that the device names in its proofs.
func (l *Loot) PublicKey() map[string]any {
	header, err := jose.Header(l.Authentication.Header.Get("DPoP"))
	if err != nil {
		return nil
	}
	jwk, _ := header["jwk"].(map[string]any)
	return jwk
}

// Replays sends a request again as it was.
func (r *Rogue) Replays(m sim.Message) stage.Reply {
	return r.Do(m.Method, m.URL, string(m.Body), m.Header)
}

// OnAnswers puts a gateway before a host, which changes the answers of status 200 that it gives to a device on a leg. It stands where TLS ends.
func (st *Stage) OnAnswers(to *User, leg string, change func(members map[string]any)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Response || m.To != to.Host.Name() || m.Status != http.StatusOK || st.Leg(&m) != leg {
			return sim.Verdict{}
		}
		said := members(m.Body)
		if said == nil {
			return sim.Verdict{}
		}
		change(said)
		text, err := json.Marshal(said)
		if err != nil {
			return sim.Verdict{}
		}
		other := m.Clone()
		other.Body = text
		return sim.Verdict{Replace: &other}
	}))
}

// Instead answers requests on a leg to a host in its place, as long as it says so.
func (st *Stage) Instead(of *sim.Host, leg string, answer func() (sim.Message, bool)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Request || m.To != of.Name() || st.Leg(&m) != leg {
			return sim.Verdict{}
		}
		if a, on := answer(); on {
			return sim.Verdict{Answer: &a}
		}
		return sim.Verdict{}
	}))
}

// Loses loses requests, or answers, on a leg to or from a device, as long as it says so.
func (st *Stage) Loses(kind sim.Kind, leg string, on func(m sim.Message) bool) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		return sim.Verdict{Drop: m.Kind == kind && st.Leg(&m) == leg && on(m)}
	}))
}

// Members reads a JSON object; what is none has no members.
func Members(body []byte) map[string]any { return members(body) }

// tokenIn is the access token in a request, empty for none.
func tokenIn(m *sim.Message) string {
	_, shown, _ := strings.Cut(m.Header.Get("Authorization"), " ")
	return strings.TrimSpace(shown)
}
