package stage

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

// LearnLegs reads from the metadata document of a handler, which is served on a host at a path, where its endpoints are.
// name gives the leg for a member of the document, empty for none; nil takes it from the member's own name.
func (st *Stage) LearnLegs(h *sim.Host, path string, handler http.Handler, name func(member string) string) {
	if name == nil {
		name = plainly
	}
	var document map[string]json.RawMessage
	if json.Unmarshal(Ask(handler, path), &document) != nil {
		return
	}
	for _, member := range slices.Sorted(maps.Keys(document)) {
		var endpoint string
		leg := name(member)
		if leg == "" || json.Unmarshal(document[member], &endpoint) != nil {
			continue
		}
		if at := place(endpoint); strings.HasPrefix(at, h.Name()+"/") {
			st.legs[at] = leg
		}
	}
}

// place is host and path of a URL.
func place(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if _, rest, absolute := strings.Cut(target, "://"); absolute {
		return rest
	}
	return target
}

// plainly names the leg of test_clock_endpoint "test clock".
func plainly(member string) string {
	words, isEndpoint := strings.CutSuffix(member, "_endpoint")
	if !isEndpoint {
		return ""
	}
	return strings.ReplaceAll(words, "_", " ")
}

// Known is the leg of a request, or of the one that a response answers, if metadata named its endpoint.
func (st *Stage) Known(m *sim.Message) (leg string, known bool) {
	leg, known = st.legs[place(m.URL)]
	return leg, known
}

// PlainLeg is the leg of a flow whose requests go to endpoints, or read metadata at that path, or else are pages for a browser.
func (st *Stage) PlainLeg(m *sim.Message, metadata string) string {
	if leg, known := st.Known(m); known {
		return leg
	}
	if strings.HasSuffix(m.URL, metadata) {
		return "metadata"
	}
	return "page"
}

// LegOf names what a request is for, or the one that a response answers, as the flow does.
func (st *Stage) LegOf(m *sim.Message) string { return st.flow.Leg(m) }

// Count counts the requests on a leg that a host sends from now on.
func (st *Stage) Count(from *sim.Host, leg string) *int {
	n := new(int)
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && m.From == from.Name() && st.flow.Leg(&m) == leg {
			*n++
		}
		return sim.Verdict{}
	}))
	return n
}

// Ask gets a page from a handler without a network between.
func Ask(handler http.Handler, path string) []byte {
	w := &sheet{header: http.Header{}}
	handler.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Header: http.Header{}, Body: http.NoBody})
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
