// Package config reads countersign.yaml, the one file that says what is to be certified.
package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
)

// Schema is the JSON Schema of the file.
//
//go:embed countersign.schema.json
var Schema []byte

// Config is the file's content. The zero value is the built-in reference at level hardened.
type Config struct {
	Profile string         `yaml:"profile"`
	Level   catalog.Level  `yaml:"level"`
	Seed    uint64         `yaml:"seed"`
	Target  string         `yaml:"target"`
	Roles   []catalog.Role `yaml:"roles"`
	// Limit bounds one exchange; MaxWait is how long a check may wait in real time for something to expire.
	Limit   time.Duration       `yaml:"limit"`
	MaxWait time.Duration       `yaml:"max_wait"`
	Setup   bidirectional.Setup `yaml:"setup"`
}

// Default is what holds where the file says nothing.
func Default() Config {
	return Config{Profile: "bidirectional@1", Level: catalog.Hardened, Seed: 1, Limit: 10 * time.Second, MaxWait: 15 * time.Second, Setup: bidirectional.Default()}
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
	config := Default()
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Config{}, syntaxError(file, err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return Config{}, &Error{File: file, What: "the configuration is empty", Mend: "begin with `profile: bidirectional@1`"}
	}
	if err := validate(file, tree.Docs[0].Body, data); err != nil {
		return Config{}, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&config); err != nil {
		return Config{}, syntaxError(file, err)
	}
	if config.Level == "" {
		config.Level = catalog.Hardened
	}
	return config, nil
}

func syntaxError(file string, err error) error {
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		p := located.GetToken().Position
		return &Error{File: file, Line: p.Line, Column: p.Column, What: located.GetMessage(), Mend: "the file is YAML, see countersign.schema.json for what it may hold"}
	}
	return &Error{File: file, What: err.Error()}
}

// validate holds the file against the schema and finds the place of the first violation.
func validate(file string, root ast.Node, data []byte) error {
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return syntaxError(file, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return &Error{File: file, What: err.Error()}
	}
	schema, err := compiled()
	if err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(value); errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		return located(file, root, invalid)
	}
	return nil
}

func compiled() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
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

func located(file string, root ast.Node, invalid *jsonschema.ValidationError) error {
	node := find(root, invalid.InstanceLocation)
	what := invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	where := strings.Join(invalid.InstanceLocation, ".")
	if where == "" {
		where = "the file"
	}
	e := &Error{File: file, What: where + ": " + what, Mend: "see countersign.schema.json"}
	if unknown := unknownKey(invalid); unknown != "" {
		e.What = fmt.Sprintf("unknown key %q", unknown)
		e.Mend = "known here: " + strings.Join(known(invalid.InstanceLocation), ", ")
		if child := find(root, append(invalid.InstanceLocation, unknown)); child != nil {
			node = keyOf(root, invalid.InstanceLocation, unknown)
		}
	}
	if node != nil && node.GetToken() != nil {
		p := node.GetToken().Position
		e.Line, e.Column = p.Line, p.Column
	}
	return e
}

func unknownKey(invalid *jsonschema.ValidationError) string {
	detail, err := json.Marshal(invalid.ErrorKind)
	if err != nil {
		return ""
	}
	var extra struct{ Properties []string }
	if path := invalid.ErrorKind.KeywordPath(); len(path) == 0 || path[len(path)-1] != "additionalProperties" {
		return ""
	}
	if json.Unmarshal(detail, &extra) != nil || len(extra.Properties) == 0 {
		return ""
	}
	return extra.Properties[0]
}

// known lists the keys that the schema allows at a place.
func known(at []string) []string {
	type level struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
		Ref        string                     `json:"$ref"`
		Defs       map[string]json.RawMessage `json:"$defs"`
	}
	var root level
	if json.Unmarshal(Schema, &root) != nil {
		return nil
	}
	current := root
	for _, step := range at {
		raw, ok := current.Properties[step]
		if !ok {
			raw = current.Items
		}
		current = level{}
		if json.Unmarshal(raw, &current) != nil {
			return nil
		}
		if name, ok := strings.CutPrefix(current.Ref, "#/$defs/"); ok {
			current = level{}
			if json.Unmarshal(root.Defs[name], &current) != nil {
				return nil
			}
		}
	}
	return sortedKeys(current.Properties)
}
