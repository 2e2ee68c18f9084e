// Package config reads countersign.yaml, the one file that says what is to be certified.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
)

// Config is the file's content. The zero value is the built-in reference of every flow at level hardened.
type Config struct {
	// Profile names one flow, as bidirectional@1; empty: every flow, or the one whose metadata the target serves.
	Profile string
	Level   catalog.Level
	Seed    uint64
	Target  string
	Roles   []catalog.Role
	// Limit bounds one exchange; MaxWait is how long a check may wait in real time for something to expire.
	Limit   time.Duration
	MaxWait time.Duration
	// Setup is what the file says for the flow of Profile; nil: the flow's defaults.
	Setup conformance.Setup
}

// Default is what holds where the file says nothing.
func Default() Config {
	return Config{Level: catalog.Hardened, Seed: 1, Limit: conformance.DefaultPatience, MaxWait: 15 * time.Second}
}

// Error is a mistake in the file: where, what, and how to mend it.
type Error struct {
	File         string
	Line, Column int // 0 when the file as a whole is meant
	What, Mend   string
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	if e.Mend == "" {
		return fmt.Sprintf("%s: %s", where, e.What)
	}
	return fmt.Sprintf("%s: %s; %s", where, e.What, e.Mend)
}

// Load reads a file over the defaults. Every error is an *Error.
func Load(file string) (Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return Config{}, &Error{File: file, What: "the configuration cannot be read: " + err.Error(), Mend: "name an existing file with --config"}
	}
	return Parse(file, data)
}

// Parse is Load for a file that has been read already; file is its name in errors.
func Parse(file string, data []byte) (Config, error) {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Config{}, syntaxError(file, err)
	}
	if len(tree.Docs) > 1 {
		p := tree.Docs[1].Start.Position
		return Config{}, &Error{File: file, Line: p.Line, Column: p.Column, What: "a second document begins here", Mend: "keep one, and take out the line ---"}
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return Config{}, &Error{File: file, What: "the configuration is empty", Mend: "begin with `profile: bidirectional@1`"}
	}
	return decode(file, tree.Docs[0].Body, data)
}

// decode reads the file by the schema of the flow that it names, or else of the first one.
func decode(file string, root ast.Node, data []byte) (Config, error) {
	flow := flows.All()[0]
	if named, err := flows.Find(textAt(root, "profile")); err == nil {
		flow = named
	}
	if err := validate(file, root, Schema(flow), data); err != nil {
		return Config{}, err
	}
	d := Default()
	content := struct {
		Profile string         `yaml:"profile"`
		Level   catalog.Level  `yaml:"level"`
		Seed    uint64         `yaml:"seed"`
		Target  string         `yaml:"target"`
		Roles   []catalog.Role `yaml:"roles"`
		Limit   time.Duration  `yaml:"limit"`
		MaxWait time.Duration  `yaml:"max_wait"`
		Setup   any            `yaml:"setup"` // read below, into the flow's own type
	}{d.Profile, d.Level, d.Seed, d.Target, d.Roles, d.Limit, d.MaxWait, nil}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&content); err != nil {
		return Config{}, syntaxError(file, err)
	}
	config := Config{content.Profile, content.Level, content.Seed, content.Target, content.Roles, content.Limit, content.MaxWait, nil}
	if content.Setup != nil {
		config.Profile, config.Setup = flow.Profile, flow.Setup()
		if err := yaml.NodeToValue(child(root, "setup"), config.Setup, yaml.Strict()); err != nil {
			return Config{}, syntaxError(file, err)
		}
	}
	return config, nil
}

// validate holds the file against the schema and finds the first violation.
func validate(file string, root ast.Node, schema, data []byte) error {
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return syntaxError(file, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return &Error{File: file, What: err.Error()}
	}
	rules, err := compiled(schema)
	if err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := rules.Validate(value); errors.As(err, &invalid) {
		return first(mistakes(file, root, schema, invalid))
	}
	return nil
}

func compiled(schema []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("the embedded schema cannot be read: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const name = "countersign.schema.json"
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("the embedded schema cannot be used: %w", err)
	}
	return c.Compile(name)
}
