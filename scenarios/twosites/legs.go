package twosites

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
func legOf(member string) leg {
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

// learnLegs reads from the metadata of a role, which lies under base on the host, where its endpoints are.
func (st *Stage) learnLegs(host, base string, handler http.Handler) {
	var document map[string]any
	if json.Unmarshal(ask(handler, pathOf(base)+wellKnown), &document) != nil {
		return
	}
	for _, member := range slices.Sorted(maps.Keys(document)) {
		endpoint, _ := document[member].(string)
		if u, err := url.Parse(endpoint); err == nil && u.Host == host && legOf(member) != "" {
			st.legs[host+u.Path] = legOf(member)
		}
	}
}

// leg names the leg of a request, or the one that a response answers.
func (st *Stage) leg(m *sim.Message) leg {
	u, err := url.Parse(m.URL)
	if err != nil {
		return legOther
	}
	l, known := st.legs[u.Host+u.Path]
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

func pathOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Path
}

// ask gets a page from a handler without a network between.
func ask(handler http.Handler, path string) []byte {
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return nil
	}
	w := &sheet{header: http.Header{}}
	handler.ServeHTTP(w, r)
	return w.body.Bytes()
}

// sheet is a response that nobody sends.
type sheet struct {
	header http.Header
	body   bytes.Buffer
}

func (s *sheet) Header() http.Header         { return s.header }
func (s *sheet) Write(p []byte) (int, error) { return s.body.Write(p) }
func (s *sheet) WriteHeader(int)             {}
