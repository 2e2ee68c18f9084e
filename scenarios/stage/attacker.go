package stage

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/sim"
)

// Attacker is a dishonest person with a browser that does what it is told, one request at a time.
type Attacker struct {
	*Person
	cookies map[string]map[string]string // origin, name
}

// NewAttacker adds an attacker.
func (st *Stage) NewAttacker(name string) *Attacker {
	a := &Attacker{st.NewPerson(name, "attacker", nil), map[string]map[string]string{}}
	st.dishonest[name] = a.boot
	return a
}

// Reply is what an attacker gets. Status 0 means that no answer came.
type Reply struct {
	Status   int
	Location string // of a redirect, absolute
	Body     string
}

// Get opens a URL and follows nothing.
func (a *Attacker) Get(target string) Reply {
	return a.Do(http.MethodGet, target, "", nil)
}

// Post sends a form and follows nothing.
func (a *Attacker) Post(target string, form url.Values) Reply {
	return a.Do(http.MethodPost, target, form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// PostJSON sends a JSON object of text members and follows nothing.
func (a *Attacker) PostJSON(target string, members map[string]string, header http.Header) Reply {
	text, err := json.Marshal(members)
	if err != nil {
		return Reply{}
	}
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return a.Do(http.MethodPost, target, string(text), header)
}

// Do sends a request, with the cookies that the browser has for the origin.
func (a *Attacker) Do(method, target, body string, header http.Header) Reply {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return Reply{}
	}
	if header != nil {
		r.Header = header
	}
	origin := r.URL.Scheme + "://" + r.URL.Host
	for _, name := range slices.Sorted(maps.Keys(a.cookies[origin])) {
		r.AddCookie(&http.Cookie{Name: name, Value: a.cookies[origin][name]})
	}
	response, err := a.Host.Client().Do(r)
	if err != nil {
		return Reply{}
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return Reply{}
	}
	for _, c := range response.Cookies() {
		if a.cookies[origin] == nil {
			a.cookies[origin] = map[string]string{}
		}
		a.cookies[origin][c.Name] = c.Value
	}
	location := response.Header.Get("Location")
	if to, err := r.URL.Parse(location); err == nil && location != "" {
		location = to.String()
	}
	return Reply{response.StatusCode, location, string(got)}
}

// Member is a text member of a JSON object in the body, empty when there is none.
func (r Reply) Member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(r.Body), &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}

// OnTheWire puts an attacker onto the network, who sees and changes what does not travel under TLS.
func (st *Stage) OnTheWire(see func(w *sim.World, m sim.Message) sim.Verdict) {
	st.World.Tap(sim.TapFunc(func(w *sim.World, m sim.Message) sim.Verdict {
		if m.Secure {
			return sim.Verdict{}
		}
		return see(w, m)
	}))
}

// Overhear calls f with every answer of status 200 that a host gives on a leg, as whoever runs the host or asked it could see it.
func (st *Stage) Overhear(h *sim.Host, leg string, f func(answer sim.Message)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && m.Status == http.StatusOK && m.From == h.Name() && st.flow.Leg(&m) == leg {
			f(m)
		}
		return sim.Verdict{}
	}))
}
