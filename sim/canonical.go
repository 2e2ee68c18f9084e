package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
)

// canonicalHead begins every canonical trace, and changes with its form.
const canonicalHead = "countersign trace 1\n"

// Canonical returns the trace as bytes that are equal for equal traces and
// differ for different ones, on any machine. They are the line
// "countersign trace 1" and then the events, each as its fields in order: At,
// Kind, Host, Process, PID, Peer, Text, After, Message.
//
// A number is a uvarint of encoding/binary. A text or byte string is its
// length, as a number, and its bytes. A list is its length and its elements.
// A message is 0 for none, or 1 and ID, Kind, From, To, Secure, Method, URL,
// Header, Body, Status, InReplyTo, Cut, Injected. A truth value is 0 or 1. A
// header is the list of its fields in ascending order of names, each its name
// and the list of its values in their order. Seq is the event's place.
func (t *Trace) Canonical() []byte {
	events := t.Events()
	b := make([]byte, 0, 64+160*len(events))
	b = append(b, canonicalHead...)
	for i := range events {
		b = events[i].canonical(b)
	}
	return b
}

// SHA256 returns the hash of the canonical bytes in hexadecimal: the identity
// of a run.
func (t *Trace) SHA256() string {
	events := t.Events()
	hash := sha256.New()
	b := append(make([]byte, 0, 4096), canonicalHead...)
	for i := range events {
		if b = events[i].canonical(b); len(b) > 2048 {
			hash.Write(b)
			b = b[:0]
		}
	}
	hash.Write(b)
	return hex.EncodeToString(hash.Sum(nil))
}

// canonical appends the event's canonical form.
func (e *Event) canonical(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.At))
	b = appendText(b, string(e.Kind))
	b = appendText(b, e.Host)
	b = appendText(b, e.Process)
	b = appendNumber(b, e.PID)
	b = appendText(b, e.Peer)
	b = appendText(b, e.Text)
	b = appendNumber(b, len(e.After))
	for _, a := range e.After {
		b = appendNumber(b, a)
	}
	m := e.Message
	b = appendTruth(b, m != nil)
	if m == nil {
		return b
	}
	b = appendNumber(b, m.ID)
	b = appendNumber(b, int(m.Kind))
	b = appendText(b, m.From)
	b = appendText(b, m.To)
	b = appendTruth(b, m.Secure)
	b = appendText(b, m.Method)
	b = appendText(b, m.URL)
	b = appendHeader(b, m.Header)
	b = appendNumber(b, len(m.Body))
	b = append(b, m.Body...)
	b = appendNumber(b, m.Status)
	b = appendNumber(b, m.InReplyTo)
	b = appendTruth(b, m.Cut)
	return appendTruth(b, m.Injected)
}

func appendHeader(b []byte, h http.Header) []byte {
	b = appendNumber(b, len(h))
	var room [16]string
	names := slices.AppendSeq(room[:0], maps.Keys(h))
	slices.Sort(names)
	for _, name := range names {
		b = appendText(b, name)
		b = appendNumber(b, len(h[name]))
		for _, v := range h[name] {
			b = appendText(b, v)
		}
	}
	return b
}

func appendNumber(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func appendText(b []byte, s string) []byte {
	return append(appendNumber(b, len(s)), s...)
}

func appendTruth(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
