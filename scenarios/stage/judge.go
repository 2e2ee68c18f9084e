package stage

import (
	"fmt"
	"slices"
	"strings"

	"countersign/sim"
)

// Judge holds a trace against invariants, event by event. The judge of a flow embeds it. The zero value is ready.
type Judge struct {
	// Dishonest tells hosts whose messages are not searched for secrets, as they give away only what they have got.
	Dishonest func(host string) bool

	asked    map[int]*sim.Message // request that a process handles, by the process
	secrets  []Secret
	texts    []string // of the message that is searched
	told     map[string]bool
	breaches []Breach
}

// Hearing is what the judge of a flow looks at, in the order of the trace; nil for what it does not look at.
type Hearing struct {
	Sent      func(sim.Event)                            // a request leaves, an attacker's included
	Delivered func(sim.Event)                            // a request reaches a host
	Answered  func(asked *sim.Message, answer sim.Event) // a host answers, before anybody can change it
	Received  func(sim.Event)                            // a response reaches whoever waits for it
	Noted     func(sim.Event)                            // a remark, which has no message
}

// Secret is a value that certain hosts may see, and nobody else.
type Secret struct {
	Value string
	What  string // "the password of alice"
	// Hosts are those who may get it, in a request or in an answer.
	Hosts []string
	// Breaks is the invariant that does not hold when another host gets it.
	Breaks Invariant
	// Bare is the invariant that does not hold when it travels without TLS; the zero value for none.
	Bare Invariant
	// Audible says that it is no secret any more once it has travelled without TLS, as anybody may have heard it.
	Audible bool
}

// Keep has the judge watch over a secret from here on.
func (j *Judge) Keep(s Secret) {
	if s.Value != "" && !slices.ContainsFunc(j.secrets, func(k Secret) bool { return k.Value == s.Value }) {
		j.secrets = append(j.secrets, s)
	}
}

// Admit lets another host have a secret from here on.
func (j *Judge) Admit(value, host string) {
	if i := slices.IndexFunc(j.secrets, func(k Secret) bool { return k.Value == value }); i >= 0 {
		j.secrets[i].Hosts = append(slices.Clip(j.secrets[i].Hosts), host)
	}
}

// Hear goes through a trace and returns what it finds, each breach once.
func (j *Judge) Hear(t *sim.Trace, h Hearing) []Breach {
	j.asked, j.told = map[int]*sim.Message{}, map[string]bool{}
	for _, e := range t.Events() {
		switch e.Kind {
		case sim.EventSend, sim.EventInject:
			if h.Sent != nil {
				h.Sent(e)
			}
			j.overheard(e.Message)
		case sim.EventDeliver:
			j.asked[e.PID] = e.Message
			j.watch(e)
			if h.Delivered != nil {
				h.Delivered(e)
			}
		case sim.EventRespond:
			if asked := j.asked[e.PID]; asked != nil && h.Answered != nil {
				h.Answered(asked, e)
			}
			j.overheard(e.Message)
		case sim.EventReceive:
			if h.Received != nil {
				h.Received(e)
			}
			j.watch(e)
		case sim.EventNote:
			if h.Noted != nil {
				h.Noted(e)
			}
		}
	}
	return j.breaches
}

// Breach takes a breach down, unless it was told before.
func (j *Judge) Breach(i Invariant, e sim.Event, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if j.told[i.Name+text] {
		return
	}
	j.told[i.Name+text] = true
	j.breaches = append(j.breaches, Breach{Invariant: i, Event: e.Seq, Message: e.Message.ID, At: e.At, Text: text})
}

// Breaches are those that were taken down so far.
func (j *Judge) Breaches() []Breach { return j.breaches }

// watch looks for secrets in what reached a host.
func (j *Judge) watch(e sim.Event) {
	m := e.Message
	if len(j.secrets) == 0 || m.Injected && m.Kind == sim.Request || j.Dishonest != nil && j.Dishonest(m.From) {
		return
	}
	j.read(m)
	for i := range j.secrets {
		s := &j.secrets[i]
		if !j.bears(s) {
			continue
		}
		if !slices.Contains(s.Hosts, e.Host) {
			j.Breach(s.Breaks, e, "%s got %s from %s", e.Host, s.What, m.From)
		}
		if !m.Secure && s.Bare.Name != "" {
			j.Breach(s.Bare, e, "%s sent %s to %s in the clear", m.From, s.What, e.Host)
		}
	}
}

// overheard forgets the secrets that anybody can hear in a message.
func (j *Judge) overheard(m *sim.Message) {
	if m.Secure || !slices.ContainsFunc(j.secrets, func(s Secret) bool { return s.Audible }) {
		return
	}
	j.read(m)
	j.secrets = slices.DeleteFunc(j.secrets, func(s Secret) bool { return s.Audible && j.bears(&s) })
}

// read takes up the texts of a message in which secrets may stand.
func (j *Judge) read(m *sim.Message) {
	j.texts = j.texts[:0]
	if m.Kind == sim.Request {
		j.texts = append(j.texts, m.URL) // an answer only repeats its request's
	}
	if len(m.Body) > 0 {
		j.texts = append(j.texts, string(m.Body))
	}
	for _, name := range [...]string{"Authorization", "Location", "Cookie", "Set-Cookie"} {
		j.texts = append(j.texts, m.Header[name]...)
	}
}

// bears reports whether a secret stands in these texts.
func (j *Judge) bears(s *Secret) bool {
	return slices.ContainsFunc(j.texts, func(text string) bool { return holds(text, s.Value) })
}

// holds reports whether a value stands in a text as a whole, and not as the beginning of a longer one: keys that are counted up begin alike.
func holds(text, value string) bool {
	for {
		i := strings.Index(text, value)
		if i < 0 {
			return false
		}
		text = text[i+len(value):]
		if text == "" || !strings.ContainsAny(text[:1], "0123456789") {
			return true
		}
	}
}

// Marked gives, each once, what stands in a text between a mark and the end that follows it, and what is named besides, if it is not empty.
func Marked(text []byte, mark, end string, besides ...string) (all []string) {
	add := func(one string) {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	_, rest, found := strings.Cut(string(text), mark)
	for found {
		var one string
		one, rest, _ = strings.Cut(rest, end)
		add(one)
		_, rest, found = strings.Cut(rest, mark)
	}
	for _, one := range besides {
		if one != "" {
			add(one)
		}
	}
	return all
}
