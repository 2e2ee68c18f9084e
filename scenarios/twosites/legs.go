package twosites

import (
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/wire"
	"countersign/sim"
)

const wellKnown = "/.well-known/bidirectional-authorization"

// leg says what a request is for, in words for a diagram.
type leg string

const (
	legMetadata   leg = "metadata"
	legTemporary  leg = "temporary credential request"
	legAuthorize  leg = "authorization page"
	legDecision   leg = "decision of the user"
	legToken      leg = "token request"
	legRevocation leg = "revocation"
	legResource   leg = "resource request"
	legHandover   leg = "hand-over"
	legStart      leg = "start"
	legCallback   leg = "callback"
	legDelegation leg = "delegation"
	legContinue   leg = "continue"
	legHome       leg = "home page"
	legDisconnect leg = "disconnect"
	legOther      leg = "page"
)

// legOf gives the leg whose endpoint a member of the metadata names, empty when it names none.
func legOf(member string) string {
	return string(legAt(member))
}

func legAt(member string) leg {
	switch member {
	case "temporary_credential_endpoint":
		return legTemporary
	case "authorization_endpoint":
		return legAuthorize
	case "token_endpoint":
		return legToken
	case "revocation_endpoint":
		return legRevocation
	case "resource_endpoint":
		return legResource
	case "token_handover_endpoint":
		return legHandover
	case "start_endpoint":
		return legStart
	case "callback_endpoint":
		return legCallback
	case "delegation_endpoint":
		return legDelegation
	}
	return ""
}

// learnLegs learns where the endpoints of a role are, which lies under base on the host.
func (st *Stage) learnLegs(h *sim.Host, base string, handler http.Handler) {
	st.LearnLegs(h, wire.PathOf(base)+wellKnown, handler, legOf)
}

// Leg implements [stage.Flow].
func (st *Stage) Leg(m *sim.Message) string { return string(st.leg(m)) }

// leg names the leg of a request, or the one that a response answers.
func (st *Stage) leg(m *sim.Message) leg {
	u, err := url.Parse(m.URL)
	if err != nil {
		return legOther
	}
	named, known := st.Known(m)
	l := leg(named)
	switch {
	case known && l == legAuthorize && m.Method == http.MethodPost:
		return legDecision
	case known:
		return l
	case u.Path == wellKnown:
		return legMetadata
	case u.Path == "/disconnect":
		return legDisconnect
	case !st.isClient(u.Host):
		return legOther
	case u.Path == "/" || u.Path == "":
		return legHome
	case u.Path == "/callback":
		return legCallback
	case u.Path == "/delegation":
		return legDelegation
	case strings.HasPrefix(u.Path, "/continue"):
		return legContinue
	case u.Path == "/temporary-credential": // from here on what only a client that poses as a server takes
		return legTemporary
	case u.Path == "/authorize":
		return legAuthorize
	case u.Path == "/token":
		return legToken
	case u.Path == "/resource":
		return legResource
	}
	return legOther
}

func (st *Stage) isClient(host string) bool {
	for _, s := range []*Site{st.A, st.B, st.C} {
		if s.Client.Name() == host {
			return true
		}
	}
	return false
}
