package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

var duplicate = regexp.MustCompile(`^mapping key (".*") already defined at \[(\d+):\d+\]`)

// syntaxError says what makes the file no YAML.
func syntaxError(file string, err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return &Error{File: file, What: "the file cannot be read as YAML: " + err.Error(), Mend: "hold it against one that `countersign init` writes"}
	}
	p := located.GetToken().Position
	e := &Error{File: file, Line: p.Line, Column: p.Column, What: located.GetMessage(), Mend: "put texts that hold special characters in quotes, and indent with spaces"}
	if m := duplicate.FindStringSubmatch(e.What); m != nil {
		e.What, e.Mend = fmt.Sprintf("the key %s stands here again, after line %s", m[1], m[2]), "keep one of the two"
	} else if strings.Contains(e.What, "\t") {
		e.What, e.Mend = "a tab stands in the indentation", "indent with spaces"
	}
	return e
}

// mistakes finds the violations of a schema in a file. None shows a value of a place that may hold a secret.
type mistakes struct {
	source
	schema   []byte
	referred []string // places whose values came by a reference
}

func (m mistakes) in(invalid *jsonschema.ValidationError) []*Error {
	if len(invalid.Causes) > 0 {
		var all []*Error
		for _, cause := range invalid.Causes {
			all = append(all, m.in(cause)...)
		}
		return all
	}
	at := invalid.InstanceLocation
	if extra, ok := invalid.ErrorKind.(*kind.AdditionalProperties); ok {
		var all []*Error
		for _, key := range extra.Properties {
			e := &Error{File: m.file, What: fmt.Sprintf("unknown key %q", key), Mend: "known here: " + strings.Join(wanted(m.schema, at).keys(), ", ")}
			all = append(all, e.put(keyOf(m.root, at, key)))
		}
		return all
	}
	what, mend := explain(invalid.ErrorKind, wanted(m.schema, at))
	if slices.Contains(m.referred, place(at)) {
		what, mend = "what the reference stands for is not "+wanted(m.schema, at).Title, "correct it there"
	}
	e := &Error{File: m.file, What: place(at) + ": " + what, Mend: mend}
	return []*Error{e.put(find(m.root, at))}
}

// first is the mistake that stands first in the file.
func first(all []*Error) *Error {
	return slices.MinFunc(all, func(a, b *Error) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
}

// put gives the error the place of the node.
func (e *Error) put(node ast.Node) *Error {
	if t := start(node); t != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// explain says what is wrong and how to mend it, where w is wanted.
func explain(k jsonschema.ErrorKind, w want) (what, mend string) {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("%s is wanted here, not %s", w.Title, cmp.Or(word(k.Got), "a number")), w.example()
	case *kind.Pattern:
		return w.Title + " is wanted here", w.example()
	case *kind.MinLength:
		return w.Title + " is wanted here, not an empty one", "write at least one character"
	case *kind.Minimum:
		return fmt.Sprintf("%s is wanted here, not %s", w.Title, k.Got.RatString()), w.example()
	case *kind.Maximum:
		return fmt.Sprintf("%s is wanted here, not %s", w.Title, k.Got.RatString()), "write a smaller one"
	case *kind.Enum:
		return unknown(k.Got), w.example()
	case *kind.Const:
		return unknown(k.Got), w.example()
	case *kind.MinItems:
		if k.Got == 0 {
			return w.Title + " is wanted here, not an empty one", w.example()
		}
		return fmt.Sprintf("%s is wanted here, not one of %d", w.Title, k.Got), "add what is missing"
	case *kind.MaxItems:
		return fmt.Sprintf("%s is wanted here, not one of %d", w.Title, k.Got), "take out what is too much"
	case *kind.UniqueItems:
		return fmt.Sprintf("entries %d and %d are the same", k.Duplicates[0]+1, k.Duplicates[1]+1), "take one of them out"
	case *kind.Required:
		return fmt.Sprintf("the key %q is missing", k.Missing[0]), fmt.Sprintf("add it: %s has %s", w.Title, strings.Join(w.keys(), ", "))
	}
	return "this breaks the rule " + strings.Join(k.KeywordPath(), "."), "see countersign.schema.json"
}

// word is what a person calls a type of JSON.
func word(jsonType string) string {
	return map[string]string{
		"null": "nothing", "boolean": "true or false", "string": "a text", "array": "a list", "object": "a mapping",
	}[jsonType]
}

func unknown(value any) string {
	if text, ok := value.(string); ok {
		return fmt.Sprintf("%q is unknown", text)
	}
	return "a word is wanted here"
}

// place names a place in the file, as setup.clients[0].
func place(at []string) string {
	if len(at) == 0 {
		return "the file"
	}
	name := at[0]
	for _, step := range at[1:] {
		if _, err := strconv.Atoi(step); err == nil {
			name += "[" + step + "]"
		} else {
			name += "." + step
		}
	}
	return name
}

// want is what the schema says of a place. The title is made to stand before "is wanted here".
type want struct {
	Title       string                     `json:"title"`
	Description string                     `json:"description"`
	Type        string                     `json:"type"`
	Const       any                        `json:"const"`
	Enum        []string                   `json:"enum"`
	Examples    []string                   `json:"examples"`
	Properties  map[string]json.RawMessage `json:"properties"`
	Items       json.RawMessage            `json:"items"`
	Others      json.RawMessage            `json:"additionalProperties"`
	Ref         string                     `json:"$ref"`
	Defs        map[string]json.RawMessage `json:"$defs"`
}

// wanted looks a place up in the schema.
func wanted(schema []byte, at []string) want {
	root := readSchema(schema)
	root.Title = "a mapping" // its own is the name of the file
	current := root
	for _, step := range at {
		raw, ok := current.Properties[step]
		if !ok {
			raw = current.Items
		}
		if raw == nil {
			raw = current.Others
		}
		current = readSchema(raw)
		if name, ok := strings.CutPrefix(current.Ref, "#/$defs/"); ok {
			current = readSchema(root.Defs[name])
		}
	}
	return current
}

func readSchema(schema []byte) want {
	var w want
	_ = json.Unmarshal(schema, &w) // it has been compiled
	return w
}

func (w want) keys() []string { return sortedKeys(w.Properties) }

// example is how to mend a value that is not wanted.
func (w want) example() string {
	switch {
	case w.Const != nil:
		return fmt.Sprintf("write %v", w.Const)
	case len(w.Enum) > 0:
		return "write " + strings.Join(w.Enum, " or ")
	case len(w.Examples) > 0:
		return "write it as " + strings.Join(w.Examples, " or ")
	case len(w.Properties) > 0:
		return "known here: " + strings.Join(w.keys(), ", ")
	}
	switch w.Type {
	case "integer":
		return "write it without quotes, as 7"
	case "array":
		return "write one entry after the other, each behind a dash"
	}
	return "put it in quotes"
}
