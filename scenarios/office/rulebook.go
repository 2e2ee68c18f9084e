package office

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	cast "countersign/actors/mobile"
	"countersign/sim"
)

// rulebook is the versions of the rules, as the wire showed them.
type rulebook struct {
	pages map[int64]*page // those that are known
	turns []turn          // oldest first
}

// page is one version.
type page struct {
	text  []byte // JSON
	rules *cast.Rules
}

// turn is when a version came into force, as far as the wire told so far.
type turn struct {
	version int64
	at      time.Duration
}

// collectRules finds the rules of all versions, wherever they stand in the trace.
func (j *judge) collectRules(t *sim.Trace) {
	if j.Server.File == nil {
		first := j.Server.Rules
		j.book.pages[1] = &page{rules: &first}
		j.book.turns = []turn{{version: 1}}
	}
	asked := map[int]*sim.Message{}
	for _, e := range t.Events() {
		if e.Host != j.Server.Host.Name() || e.Kind != sim.EventDeliver && e.Kind != sim.EventRespond || j.Leg(e.Message) != LegRules {
			continue
		}
		if e.Kind == sim.EventDeliver {
			asked[e.PID] = e.Message
			continue
		}
		request := asked[e.PID]
		if request == nil || e.Message.Status != http.StatusOK {
			continue
		}
		var said struct {
			Version int64           `json:"rules_version"`
			Rules   json.RawMessage `json:"rules"`
		}
		if json.Unmarshal(e.Message.Body, &said) != nil {
			continue
		}
		text := []byte(said.Rules)
		if request.Method == http.MethodPut {
			text = request.Body
		}
		if j.book.pages[said.Version] == nil && json.Valid(text) {
			j.book.pages[said.Version] = &page{text: text}
		}
	}
}

// names takes down that an answer named a version.
func (b *rulebook) names(version int64, at time.Duration) {
	if version > b.inForce() {
		b.turns = append(b.turns, turn{version, at})
	}
}

// inForce is the newest version that was named so far; zero: none.
func (b *rulebook) inForce() int64 {
	if len(b.turns) == 0 {
		return 0
	}
	return b.turns[len(b.turns)-1].version
}

// page is a version; nil when the wire never showed it.
func (b *rulebook) page(version int64) *page {
	p := b.pages[version]
	if p != nil && p.rules == nil {
		p.rules = &cast.Rules{}
		if json.Unmarshal(p.text, p.rules) != nil {
			delete(b.pages, version)
			return nil
		}
	}
	return p
}

// coveredSince reports whether a version that was in force at any time since then covers a token. One that is not known may.
func (b *rulebook) coveredSince(since time.Duration, g *given) bool {
	for i := len(b.turns) - 1; i >= 0; i-- {
		p := b.page(b.turns[i].version)
		if p == nil || p.covers(g) {
			return true
		}
		if b.turns[i].at < since {
			return false
		}
	}
	return len(b.turns) == 0
}

// namesSince reports whether a version, or a later one, gives a system that address. One that is not known may.
func (b *rulebook) namesSince(version int64, systemID, address string) bool {
	for v := version; v <= b.inForce(); v++ {
		if p := b.page(v); p == nil || p.address(systemID) == address {
			return true
		}
	}
	return version > b.inForce()
}

func (p *page) systemOf(appID string) string {
	for _, app := range p.rules.Apps {
		if app.AppID == appID {
			return app.SystemID
		}
	}
	return ""
}

func (p *page) address(systemID string) string {
	for _, s := range p.rules.Systems {
		if s.SystemID == systemID {
			return s.Address
		}
	}
	return ""
}

// covers reports whether the rules connect user, device, app and system of a token.
func (p *page) covers(g *given) bool {
	may := slices.ContainsFunc(p.rules.Apps, func(a cast.AppRule) bool {
		return a.AppID == g.app && a.SystemID == g.system && slices.Contains(a.Users, g.user)
	})
	return may && slices.Contains(p.rules.Devices, cast.DeviceRule{DeviceID: g.device, Username: g.user})
}
