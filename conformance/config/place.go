package config

import (
	"maps"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

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
