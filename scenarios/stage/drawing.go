package stage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/conformance/redact"
	"countersign/reports/sequence"
	"countersign/sim"
)

// Drawing turns what passed in a world into a sequence diagram, its secrets replaced by names.
type Drawing struct {
	Title string
	// Lanes are the parties in their order, by the names of their hosts. One that took no part is left out.
	Lanes []sequence.Lane
	// Name names the leg that a request belongs to.
	Name func(sim.Message) string
	// Breaches are highlighted at their messages.
	Breaches []Breach
	// Open is [Opener.Opened]; nil where nothing is sealed.
	Open func(body []byte) []byte
}

// Of draws a trace.
func (d Drawing) Of(t *sim.Trace) *sequence.Diagram {
	passages := t.Messages()
	secrets := redact.New(nil)
	for i := range passages {
		d.open(&passages[i].Message)
		learn(secrets, passages[i].Message)
	}
	marks := d.marks(t)
	var steps []timed
	for _, p := range passages {
		steps = append(steps, timed{p.Sent, p.Seq, d.step(p, marks, secrets)})
	}
	for _, e := range t.Events() {
		switch e.Kind {
		case sim.EventNote:
			steps = append(steps, timed{e.At, e.Seq, sequence.Step{From: e.Host, To: e.Host, Label: secrets.Redact(e.Text), Kind: sequence.Note}})
		case sim.EventCrash:
			steps = append(steps, timed{e.At, e.Seq, sequence.Step{From: e.Host, To: e.Host, Label: "crashes " + e.Text, Kind: sequence.Note}})
		case sim.EventRestart:
			steps = append(steps, timed{e.At, e.Seq, sequence.Step{From: e.Host, To: e.Host, Label: "is up again", Kind: sequence.Note}})
		}
	}
	slices.SortStableFunc(steps, func(a, b timed) int { return cmp.Compare(a.seq, b.seq) })
	diagram := &sequence.Diagram{Title: d.Title, Lanes: []sequence.Lane{}, Steps: []sequence.Step{}}
	present := map[string]bool{}
	for _, s := range steps {
		s.step.At = moment(s.at)
		present[s.step.From], present[s.step.To] = true, true
		diagram.Steps = append(diagram.Steps, s.step)
	}
	for _, l := range d.Lanes {
		if present[l.Name] {
			diagram.Lanes = append(diagram.Lanes, l)
		}
	}
	return diagram
}

// open puts what a sealed message says in the place of its body.
func (d Drawing) open(m *sim.Message) {
	if d.Open == nil || len(m.Body) == 0 {
		return
	}
	if text := d.Open(m.Body); text != nil {
		*m = m.Clone()
		m.Body = text
		m.Header.Set("Content-Type", "application/json")
	}
}

// timed is a step with the moment and the number of the event that it shows.
type timed struct {
	at   time.Duration
	seq  int
	step sequence.Step
}

// moment writes a virtual time in milliseconds, the unit in which links are slow.
func moment(at time.Duration) string { return at.Round(time.Millisecond).String() }

// marks are the messages that are drawn apart, by their IDs.
type marks struct {
	tampered, failing, answered map[int]bool
	attackers                   map[string]bool
}

func (d Drawing) marks(t *sim.Trace) marks {
	m := marks{map[int]bool{}, map[int]bool{}, map[int]bool{}, map[string]bool{}}
	for _, e := range t.Events() {
		if e.Kind == sim.EventReplace || e.Kind == sim.EventAnswer || e.Kind == sim.EventInject {
			m.tampered[e.Message.ID] = true
			m.answered[e.Message.InReplyTo] = e.Kind == sim.EventAnswer
		}
	}
	for _, b := range d.Breaches {
		m.failing[b.Message] = true
	}
	for _, l := range d.Lanes {
		m.attackers[l.Name] = l.Kind == sequence.Attacker
	}
	return m
}

func (d Drawing) step(p sim.Passage, m marks, secrets *redact.Text) sequence.Step {
	msg := p.Message
	s := sequence.Step{From: p.From, To: p.To, Kind: sequence.Request, Failing: msg.ID != 0 && m.failing[msg.ID]}
	if msg.Kind == sim.Response {
		s.Kind = sequence.Response
		s.Label = strings.TrimSpace(fmt.Sprintf("%d %s", msg.Status, http.StatusText(msg.Status)))
		s.Detail = responseDetail(msg, secrets)
	} else {
		s.Label, s.Detail = d.Name(msg), requestDetail(msg, secrets)
		if m.attackers[p.From] {
			s.Kind = sequence.Attack
		}
	}
	if m.tampered[msg.ID] {
		s.Kind = sequence.Attack
	}
	if p.Lost != "" && !m.answered[msg.ID] {
		s.Kind = sequence.Lost
		s.Detail = strings.TrimSuffix(p.Lost+"; "+s.Detail, "; ")
	}
	if !msg.Secure {
		s.Label += " (no TLS)"
	}
	return s
}

// address is an input that holds a URL, which is no secret though it may be hidden.
var address = regexp.MustCompile(`<input\b[^>]*\bvalue="https?://[^"]*"[^>]*>`)

func learn(secrets *redact.Text, m sim.Message) {
	secrets.Learn(m.URL, address.ReplaceAllString(string(m.Body), ""))
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		for _, v := range m.Header[name] {
			secrets.LearnHeader(name, v)
		}
	}
}

// telling are the protocol parameters that say what a request with credentials in its header is for.
var telling = []string{"oauth_consumer_key", "oauth_token", "oauth_verifier", "oauth_callback", "user_id", "authorization_key"}

func requestDetail(m sim.Message, secrets *redact.Text) string {
	u, err := url.Parse(m.URL)
	if err != nil {
		return m.Method
	}
	parts := []string{m.Method + " " + u.EscapedPath()}
	for _, v := range m.Header["Authorization"] {
		for _, name := range telling {
			if _, rest, found := strings.Cut(v, name+`="`); found {
				value, _, _ := strings.Cut(rest, `"`)
				parts = append(parts, name+"="+unescape(value))
			}
		}
	}
	if u.RawQuery != "" {
		parts = append(parts, strings.Split(u.RawQuery, "&")...)
	}
	return list(append(parts, form(m)...), secrets)
}

func responseDetail(m sim.Message, secrets *redact.Text) string {
	if to := m.Header.Get("Location"); to != "" {
		return list([]string{"Location: " + to}, secrets)
	}
	if m.Cut {
		return "the connection broke"
	}
	return list(form(m), secrets)
}

// form gives the parameters of a form-encoded body, or the top members of a JSON object.
func form(m sim.Message) []string {
	kind, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	switch {
	case kind == "application/x-www-form-urlencoded" && len(m.Body) > 0:
		return strings.Split(string(m.Body), "&")
	case kind == "application/json":
		var members map[string]any
		if json.Unmarshal(m.Body, &members) != nil {
			return nil
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(members)) {
			switch value := members[name].(type) {
			case string:
				parts = append(parts, name+"="+value)
			case bool:
				parts = append(parts, fmt.Sprintf("%s=%t", name, value))
			}
		}
		return parts
	}
	return nil
}

// list writes parameters for a reader: redacted, unescaped and cut to what fits beside an arrow.
func list(parts []string, secrets *redact.Text) string {
	const most, widest = 6, 72
	var words []string
	for i, p := range parts {
		if i == most {
			words = append(words, fmt.Sprintf("%d more", len(parts)-most))
			break
		}
		runes := []rune(unescape(secrets.Redact(p)))
		if len(runes) > widest {
			runes = append(runes[:widest-1], '…')
		}
		words = append(words, string(runes))
	}
	return strings.Join(words, ", ")
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
