// Package vectors describes the files with exact bytes that lie beside it, for the unit tests of those who implement a profile.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
)

// Messages are the messages of a profile byte for byte, right ones and such with one fault each.
type Messages struct {
	Format   string    `json:"format"`
	Profile  string    `json:"profile"`
	Note     string    `json:"note"`
	Messages []Message `json:"messages"`
}

// NewMessages is a file for a profile.
func NewMessages(profile, note string, all []Message) Messages {
	return Messages{Format: "countersign/messages@1", Profile: profile, Note: note, Messages: all}
}

// Message is one of them, in Hex where it is binary and in Text where it is not.
type Message struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Section is the profile's that says what is right.
	Section string `json:"section"`
	Title   string `json:"title"`
	Valid   bool   `json:"valid"`
	// Fault is the one thing that is wrong; empty for a right one.
	Fault string `json:"fault,omitempty"`
	Hex   string `json:"hex,omitempty"`
	Text  string `json:"text,omitempty"`
	// MadeOf is what goes into it, in the order in which one needs it.
	MadeOf []Part `json:"made_of,omitempty"`
}

// Part is a key, a value on the way or the like.
type Part struct {
	Name string `json:"name"`
	Hex  string `json:"hex,omitempty"`
	Text string `json:"text,omitempty"`
}

// Bytes is a binary part.
func Bytes(name string, b []byte) Part { return Part{Name: name, Hex: hex.EncodeToString(b)} }

// Text is a part that can be read.
func Text(name, text string) Part { return Part{Name: name, Text: text} }

// Wrong is a copy of the message with one fault, in other bytes. What the right one is made of is left out.
func (m Message) Wrong(id, fault string, b []byte) Message {
	m.ID, m.Fault, m.Valid, m.Hex, m.MadeOf = m.ID+"-"+id, fault, false, hex.EncodeToString(b), nil
	return m
}

// WrongText is Wrong for a message that is text.
func (m Message) WrongText(id, fault, text string) Message {
	m = m.Wrong(id, fault, nil)
	m.Text = text
	return m
}

// Encode gives the file's bytes.
func (m Messages) Encode() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(m)
	return text.Bytes(), err
}
