package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// longest is how long the file may be.
const longest = 1 << 20

// unreadable says why a file is no text: YAML is one of UTF-8 (or of encodings that nobody uses), without control characters.
func unreadable(file string, data []byte) *Error {
	if len(data) > longest {
		return &Error{File: file, What: fmt.Sprintf("the configuration is longer than %d bytes", longest), Mend: "name the file that `countersign init` has written"}
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		what := ""
		switch {
		case r == utf8.RuneError && size == 1:
			what = fmt.Sprintf("the byte %#02x is no UTF-8", data[i])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			what = fmt.Sprintf("the control character %#02x stands here", r)
		}
		if what != "" {
			before := data[:i]
			line := before[bytes.LastIndexByte(before, '\n')+1:]
			return &Error{File: file, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1, What: what, Mend: "save the file as text in UTF-8"}
		}
		i += size
	}
	return nil
}

// unwanted finds what YAML has and this file does not: what repeats or changes a value elsewhere, by which a few lines can stand for any number of them,
// and numbers that are none.
func (s source) unwanted() *Error {
	found := &finder{file: s.file}
	ast.Walk(found, s.root)
	return found.first
}

// finder is an ast.Visitor.
type finder struct {
	file  string
	first *Error
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node ast.Node) ast.Visitor {
	if f.first != nil {
		return nil
	}
	e := &Error{File: f.file, Mend: "write the value itself"}
	switch n := node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		e.What = "anchors and aliases of YAML, as & and *, are not read here"
	case *ast.TagNode:
		e.What = "tags of YAML, as !!str, are not read here"
	case *ast.InfinityNode, *ast.NanNode:
		e.What, e.Mend = n.String()+" is no number that can be used", "write a whole number"
	default:
		return f
	}
	f.first = e.put(node)
	return nil
}
