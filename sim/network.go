package sim

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// packet is a message under way.
type packet struct {
	message *Message
	url     *url.URL // of a request
	call    *call
	cause   int // the event that sent it
}

// call is an exchange as its caller sees it.
type call struct {
	process  *process      // who waits; nil for an injected request
	then     func(Message) // who wants the answer to an injected request
	done     bool          // answered, failed or given up
	response *Message
	err      error
	cause    int
}

func (w *World) nextID() int {
	w.messages++
	return w.messages
}

// send shows a message to the taps and hands what they leave to the link.
func (w *World) send(k *packet) {
	var extra time.Duration
	repeat := 0
	for _, t := range w.taps {
		v := w.ask(t, k.message)
		extra += max(v.Delay, 0)
		repeat += max(v.Repeat, 0)
		change := v.Replace
		if v.Answer != nil {
			if k.message.Kind == Request && !v.Drop {
				w.answer(k, *v.Answer, extra)
				return
			}
			change = v.Answer
		}
		switch {
		case v.Drop:
			w.lose(k, "dropped by a tap")
			return
		case change != nil:
			if k = w.replace(k, *change); k == nil {
				return
			}
		}
	}
	w.carry(k, extra, repeat)
}

// ask shows a message to a tap. The tap may crash the host of the running
// process, which unwinds through here.
func (w *World) ask(t Tap, m *Message) Verdict {
	w.tapping = true
	defer func() { w.tapping = false }()
	return t.See(w, *m)
}

// carry hands a message to its link.
func (w *World) carry(k *packet, extra time.Duration, repeat int) {
	l := w.link(k.message.From, k.message.To)
	if l.duplicates() {
		repeat++
	}
	if repeat > 0 {
		w.record(nil, Event{Kind: EventDuplicate, Host: k.message.From, Peer: k.message.To, Message: k.message}, k.cause)
	}
	for range 1 + repeat {
		if why := l.loses(k.message); why != "" {
			w.lose(k, why)
			continue
		}
		arriving := k
		if damaged := l.damages(k.message); damaged != nil {
			cause := w.record(nil, Event{Kind: EventReplace, Host: k.message.From, Peer: k.message.To, Message: damaged, Text: "bits turned over on the link"}, k.cause)
			arriving = &packet{message: damaged, url: k.url, call: k.call, cause: cause}
		}
		w.queue.add(later(w.after(extra), l.delay(k.message))).packet = arriving
	}
}

func (w *World) lose(k *packet, why string) {
	w.record(nil, Event{Kind: EventDrop, Host: k.message.From, Peer: k.message.To, Message: k.message, Text: why}, k.cause)
}

// replace gives the packet that a tap sends in place of k, nil if it cannot
// be delivered anywhere.
func (w *World) replace(k *packet, m Message) *packet {
	old := k.message
	m.ID, m.Kind, m.From, m.InReplyTo, m.Injected = old.ID, old.Kind, old.From, old.InReplyTo, old.Injected
	m.To, m.URL, m.Method = cmp.Or(m.To, old.To), cmp.Or(m.URL, old.URL), cmp.Or(m.Method, old.Method)
	if m.Secure = old.Secure; !m.Cut {
		m.Status = cmp.Or(m.Status, old.Status)
	}
	mendLength(&m, old)
	r := &packet{message: &m, url: k.url, call: k.call}
	var err error
	if m.Kind == Request && m.URL != old.URL {
		if r.url, err = url.Parse(m.URL); err == nil {
			if to := address(r.url); m.To == old.To {
				m.To = to
			}
			m.Secure = r.url.Scheme == "https"
		}
	}
	r.cause = w.record(nil, Event{Kind: EventReplace, Host: m.From, Peer: m.To, Message: r.message}, k.cause)
	switch {
	case err != nil:
		w.lose(r, "its replaced URL is malformed")
		return nil
	case m.Kind == Response && m.To != old.To:
		w.lose(r, "nobody waits for it there")
		return nil
	}
	return r
}

// mendLength lets Content-Length follow a changed body, unless it was changed
// itself.
func mendLength(m, old *Message) {
	was := strconv.Itoa(len(old.Body))
	if len(m.Body) != len(old.Body) && m.Header.Get("Content-Length") == was && old.Header.Get("Content-Length") == was {
		m.Header = m.Header.Clone()
		m.Header.Set("Content-Length", strconv.Itoa(len(m.Body)))
	}
}

// answer replies to a request in its addressee's place.
func (w *World) answer(k *packet, m Message, after time.Duration) {
	asked := k.message
	m.ID, m.Kind, m.InReplyTo, m.Injected = w.nextID(), Response, asked.ID, asked.Injected
	m.From, m.To, m.Secure, m.Method, m.URL = asked.To, asked.From, asked.Secure, asked.Method, asked.URL
	if m.Status == 0 {
		m.Status = http.StatusOK
	}
	cause := w.record(nil, Event{Kind: EventAnswer, Host: m.From, Peer: m.To, Message: &m}, k.cause)
	w.queue.add(w.after(after)).packet = &packet{message: &m, call: k.call, cause: cause}
}

// arrive is a packet at its addressee.
func (w *World) arrive(k *packet) {
	if k.message.Kind == Response {
		w.settle(k)
		return
	}
	h := w.hostNames[k.message.To]
	switch {
	case h == nil || h.down || h.booted && h.handler == nil:
		w.refuse(k)
	case !h.booted:
		h.backlog = append(h.backlog, k)
	default:
		w.serve(h, k)
	}
}

// settle gives an answer to whoever waits for it.
func (w *World) settle(k *packet) {
	c := k.call
	switch {
	case c.done:
		w.record(nil, Event{Kind: EventDrop, Host: k.message.To, Peer: k.message.From, Message: k.message, Text: "nobody waits for it any more"}, k.cause)
		return
	case c.process == nil:
		c.done = true
		w.record(nil, Event{Kind: EventReceive, Host: k.message.To, Peer: k.message.From, Message: k.message}, k.cause)
		if c.then != nil {
			w.tapping = true
			c.then(*k.message)
			w.tapping = false
		}
		return
	}
	c.response = k.message
	w.conclude(c, k.cause)
}

// refuse is what a host answers on which nothing listens.
func (w *World) refuse(k *packet) {
	cause := w.record(nil, Event{Kind: EventRefuse, Host: k.message.To, Peer: k.message.From, Message: k.message}, k.cause)
	c := k.call
	if c.done {
		return
	}
	if c.process == nil {
		c.done = true
		return
	}
	c.err = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	w.conclude(c, cause)
}

// conclude lets a waiting process go on with what its call came to.
func (w *World) conclude(c *call, cause int) {
	c.done, c.cause = true, cause
	w.forgetWake(c.process)
	w.step(c.process)
}

// address gives the name of the host that a URL points at.
func address(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}

// Injection is a request that [World.Inject] sent.
type Injection struct {
	ID   int // of its message
	call *call
}

// Then has f called with the answer, should one come. f must not wait; it may
// call [World.Inject].
func (i *Injection) Then(f func(Message)) { i.call.then = f }

// Inject sends a request of an attacker's own, from the name that it gives as
// its sender, true or not. Its addressee follows from the URL where To is
// empty. It passes the taps, marked as injected. A tap may call Inject: the
// request leaves after See has returned.
func (w *World) Inject(m Message) *Injection {
	w.enter("World.Inject to", m.URL)
	m = m.Clone()
	m.ID, m.Kind, m.Injected, m.Status, m.InReplyTo = w.nextID(), Request, true, 0, 0
	if m.Method == "" {
		m.Method = http.MethodGet
	}
	c := &call{cause: none}
	cause := none
	if p := w.current.Load(); p != nil {
		cause = p.last
	}
	u, err := url.Parse(m.URL)
	if err == nil {
		if m.To == "" {
			m.To = address(u)
		}
		m.Secure = u.Scheme == "https"
	}
	w.queue.add(w.now).fire = func() {
		sent := w.record(nil, Event{Kind: EventInject, Host: m.From, Peer: m.To, Message: &m}, cause)
		k := &packet{message: &m, url: u, call: c, cause: sent}
		if err != nil {
			w.lose(k, "its URL is malformed")
			return
		}
		w.send(k)
	}
	return &Injection{ID: m.ID, call: c}
}
