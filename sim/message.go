package sim

import (
	"net/http"
	"slices"
	"time"
)

// Kind tells requests from responses.
type Kind uint8

// The two kinds of message.
const (
	Request Kind = iota
	Response
)

func (k Kind) String() string {
	if k == Response {
		return "response"
	}
	return "request"
}

// Message is one HTTP message on the network. A message that was sent is
// never changed; whoever wants another one takes a [Message.Clone].
type Message struct {
	ID     int // unique in its world, counted from 1
	Kind   Kind
	From   string
	To     string // name of the host that gets it
	Secure bool   // sent under TLS: a network attacker sees only that it passes

	Method string      // of the request, in responses too
	URL    string      // absolute, of the request, in responses too
	Header http.Header // "Host" is present only where it differs from the URL's host
	Body   []byte

	Status    int  // of a response; 0 in a Cut response means that not even headers came
	InReplyTo int  // of a response: ID of its request
	Cut       bool // of a response: the connection broke after these bytes
	Injected  bool // sent by World.Inject, or the answer to such a request
}

// Clone returns a copy that shares nothing with m.
func (m Message) Clone() Message {
	m.Header = m.Header.Clone()
	m.Body = slices.Clone(m.Body)
	return m
}

// Verdict is what a [Tap] has done with a message. The zero value lets it pass.
type Verdict struct {
	// Drop loses the message.
	Drop bool
	// Delay is added to what the link takes, in virtual time.
	Delay time.Duration
	// Replace is delivered in the message's place. Its ID, kind, sender and
	// InReplyTo stay those of the original, and where its To, URL, Method or
	// Status is empty, so do these. A To that differs from the
	// original redirects it there; else a URL with another host does. Its
	// Content-Length follows a changed body, unless it was changed itself.
	// A redirected response reaches nobody: who else does not wait for it.
	Replace *Message
	// Repeat delivers that many further copies.
	Repeat int
	// Answer is given to the sender at once (after Delay) in the addressee's
	// place, who gets nothing. Status 0 means 200. On a response it acts as
	// Replace.
	Answer *Message
}

// Tap sees every message after it was sent and before the link carries it,
// and says what happens to it. Faults and attackers are taps. Several taps
// see a message in the order in which they were added, each as the one before
// left it. See must not wait; it may call [World.Inject] and open gates.
//
// A tap is shown the content of secure messages too: by convention, one that
// plays a network attacker uses no more of them than an eavesdropper could.
type Tap interface {
	See(*World, Message) Verdict
}

// TapFunc is a function as a [Tap].
type TapFunc func(*World, Message) Verdict

// See calls f.
func (f TapFunc) See(w *World, m Message) Verdict { return f(w, m) }
