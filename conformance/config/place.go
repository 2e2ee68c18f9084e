package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Place is one in the file. The zero value is none: what is meant was not said by a file.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // 0 when the file as a whole is meant
	Column int    `json:"column,omitempty"`
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Place is where the file says something, by the keys and indices that lead to it, as "setup", "clients", "0"; none where it says nothing there.
func (c Config) Place(at ...string) Place {
	node := c.source.root
	for _, step := range at {
		if node = child(node, step); node == nil {
			return Place{}
		}
	}
	return c.placeOf(node)
}

// Places are where the file says a text below a key, in the order of the file. There are none where a flag has won over the file.
func (c Config) Places(text, key string) []Place {
	var all []Place
	var walk func(ast.Node)
	walk = func(node ast.Node) {
		switch n := node.(type) {
		case *ast.MappingNode:
			for _, v := range n.Values {
				walk(v.Value)
			}
		case *ast.MappingValueNode:
			walk(n.Value)
		case *ast.SequenceNode:
			for _, v := range n.Values {
				walk(v)
			}
		case *ast.StringNode:
			if n.Value == text {
				all = append(all, c.placeOf(n))
			}
		}
	}
	if node := child(c.source.root, key); node != nil {
		walk(node)
	}
	return all
}

// PlaceOf is the first of Places, or none.
func (c Config) PlaceOf(text, key string) Place {
	for _, p := range c.Places(text, key) {
		return p
	}
	return Place{}
}

func (c Config) placeOf(node ast.Node) Place {
	t := start(node)
	if t == nil {
		return Place{}
	}
	return Place{c.source.file, t.Position.Line, t.Position.Column}
}

// start is where a node begins: a mapping without braces at its first key.
func start(node ast.Node) *token.Token {
	switch n := node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return node.GetToken()
}

// find is the node at a place in the file, or the last one on the way to it.
func find(node ast.Node, at []string) ast.Node {
	for _, step := range at {
		next := child(node, step)
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

func child(node ast.Node, step string) ast.Node {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if keyText(v) == step {
				return v.Value
			}
		}
	case *ast.MappingValueNode:
		if keyText(n) == step {
			return n.Value
		}
	case *ast.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}

// textAt is the text under a key of the file; empty when there is none.
func textAt(root ast.Node, key string) string {
	if n, ok := child(root, key).(*ast.StringNode); ok {
		return n.Value
	}
	return ""
}

// keyOf is the node of a key, for errors about the key itself; of what is around it when it has none of its own.
func keyOf(root ast.Node, at []string, key string) ast.Node {
	switch n := find(root, at).(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if keyText(v) == key {
				return v.Key
			}
		}
	case *ast.MappingValueNode:
		if keyText(n) == key {
			return n.Key
		}
	}
	return find(root, at)
}

func keyText(v *ast.MappingValueNode) string { return v.Key.GetToken().Value }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
