// Package config reads countersign.yaml, the one file that says what is to be certified.
package config

import (
	"bytes"
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

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
)

// FileName is the name that the file has by custom, and SchemaName that of its schema beside it.
const (
	FileName   = "countersign.yaml"
	SchemaName = "countersign.schema.json"
)

// Config is the file's content. The zero value is the built-in reference of every flow at level hardened.
type Config struct {
	// Profile names one flow, as bidirectional@1; empty: every flow, or the one whose metadata the target serves.
	Profile string
	Level   catalog.Level
	Seed    uint64
	Target  string
	// Start is what the harness starts itself, to answer at Target.
	Start Start
	Roles []catalog.Role
	// Metadata is where the metadata document lies that does not lie at its path below Target; empty: it lies there.
	Metadata string
	// Endpoints and Lifetimes (whole seconds) take the place of what the document says, by the names of section 3 of the profile.
	Endpoints map[string]string
	Lifetimes map[string]int64
	TLS       TLS
	Stage     Stage
	Drive     Drive
	// Limit bounds one exchange; MaxWait is how long a check may wait in real time for something to expire.
	Limit   time.Duration
	MaxWait time.Duration
	// ExpectedFailures are requirements that the target is known not to meet yet.
	ExpectedFailures []ExpectedFailure
	// Load is what the file says of `bench load`.
	Load LoadPlan
	// Setup is what the file says for the flow of Profile; nil: the flow's defaults.
	Setup conformance.Setup
	// Secrets are the texts of the file, and those that its references stand for, that nobody is to read in a report.
	Secrets []conformance.Secret

	source source
	// referred are the places of the texts that references stood for.
	referred []string
}

// Targetless is the key that describes a target which nothing names; empty: there is none. The built-in reference would be judged in that target's place.
func (c Config) Targetless() string {
	switch {
	case c.Target != "" || c.Start.Any():
		return ""
	case c.Setup != nil:
		return "setup"
	case c.TLS != (TLS{}):
		return "tls"
	case c.Stage.Secure() || len(c.Stage.Listen) > 0:
		return "stage"
	}
	return ""
}

// ExpectedFailure is a requirement, or one check of it, that the target is known not to meet, and why.
type ExpectedFailure struct {
	ID     string `yaml:"id"`
	Reason string `yaml:"reason"`
}

// source is where a Config was read from; the zero value for one that was not.
type source struct {
	file string
	root ast.Node
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
	where := Place{e.File, e.Line, e.Column}
	if e.Mend == "" {
		return fmt.Sprintf("%s: %s", where, e.What)
	}
	return fmt.Sprintf("%s: %s; %s", where, e.What, e.Mend)
}

// Reader reads files. Its zero value knows no environment: references to it are mistakes then.
type Reader struct {
	// Env looks a name up in the environment, as os.LookupEnv does.
	Env func(name string) (string, bool)
}

// Load reads a file over the defaults. Every error is an *Error.
func (r Reader) Load(file string) (Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Config{}, &Error{File: file, What: "the configuration cannot be read: " + because(err), Mend: "name an existing file with --config"}
	}
	return r.Parse(file, data)
}

// because is why a file cannot be read, without its name.
func because(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}

// Parse is Load for a file that has been read already; file is its name in errors, and what it refers to lies beside it.
func (r Reader) Parse(file string, data []byte) (Config, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors put a mark of the encoding before all else
	if wrong := unreadable(file, data); wrong != nil {
		return Config{}, wrong
	}
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
	from := source{file, tree.Docs[0].Body}
	if wrong := from.unwanted(); wrong != nil {
		return Config{}, wrong
	}
	return r.decode(from, data)
}

// Load is that of a Reader without an environment.
func Load(file string) (Config, error) { return Reader{}.Load(file) }

// Parse is that of a Reader without an environment.
func Parse(file string, data []byte) (Config, error) { return Reader{}.Parse(file, data) }

// decode reads the file by the schema of the flow that it names, or else of the first one.
func (r Reader) decode(from source, data []byte) (Config, error) {
	flow := flows.All()[0]
	if named, err := flows.Find(textAt(from.root, "profile")); err == nil {
		flow = named
	}
	value, err := plain(from.file, data)
	if err != nil {
		return Config{}, err
	}
	references := references{reader: r, source: from}
	setup, err := references.resolve(value)
	if err != nil {
		return Config{}, err
	}
	if err := validate(from, references.places, Schema(flow), value); err != nil {
		return Config{}, err
	}
	d := Default()
	content := struct {
		Profile   string            `yaml:"profile"`
		Level     catalog.Level     `yaml:"level"`
		Seed      uint64            `yaml:"seed"`
		Target    string            `yaml:"target"`
		Metadata  string            `yaml:"metadata"`
		Endpoints map[string]string `yaml:"endpoints"`
		Lifetimes map[string]int64  `yaml:"lifetimes"`
		TLS       TLS               `yaml:"tls"`
		Stage     Stage             `yaml:"stage"`
		Roles     []catalog.Role    `yaml:"roles"`
		Limit     time.Duration     `yaml:"limit"`
		MaxWait   time.Duration     `yaml:"max_wait"`
		Expected  []ExpectedFailure `yaml:"expected_failures"`
		Exec      any               `yaml:"exec"` // this and what follows are read below
		Image     any               `yaml:"image"`
		Document  any               `yaml:"document"`
		Triggers  any               `yaml:"triggers"`
		Login     any               `yaml:"login"`
		Load      LoadPlan          `yaml:"load"`
		Setup     any               `yaml:"setup"` // into the flow's own type
	}{Level: d.Level, Seed: d.Seed, Limit: d.Limit, MaxWait: d.MaxWait}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&content); err != nil {
		return Config{}, syntaxError(from.file, err)
	}
	config := Config{
		Profile: content.Profile, Level: content.Level, Seed: content.Seed, Target: content.Target, Roles: content.Roles,
		Metadata: content.Metadata, Endpoints: content.Endpoints, Lifetimes: content.Lifetimes, TLS: content.TLS.beside(from.file), Stage: content.Stage.beside(from.file),
		Limit: content.Limit, MaxWait: content.MaxWait, ExpectedFailures: content.Expected, Load: content.Load, Secrets: references.secrets, source: from,
		referred: references.places,
	}
	if setup != nil {
		config.Setup = flow.Setup()
		if err := fill(from, config.Setup, setup); err != nil {
			return Config{}, err
		}
	}
	if setup != nil || config.Endpoints != nil || config.Lifetimes != nil {
		config.Profile = flow.Profile
	}
	if err := config.start(value); err != nil {
		return Config{}, err
	}
	if err := config.readDrive(flow, value); err != nil {
		return Config{}, err
	}
	if err := config.locate(flow); err != nil {
		return Config{}, err
	}
	if err := config.readTLS(); err != nil {
		return Config{}, err
	}
	if err := config.readStage(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// locate finds the target by its metadata document where the file does not name it.
func (c *Config) locate(flow conformance.Flow) error {
	if u, err := unmarked(c.Metadata); err != nil || u.User != nil {
		return c.mistake([]string{"metadata"}, "the URL is malformed or holds a user name or a password", "write it as https://example.org/path")
	}
	if c.Target != "" {
		return nil
	}
	const mend = "add the key `target`: the base URL under which the target lies"
	switch base, ok := strings.CutSuffix(c.Metadata, flow.WellKnown); {
	case c.Metadata != "" && ok:
		c.Target, c.Metadata = base, ""
	case c.Metadata != "":
		return c.mistake([]string{"metadata"}, fmt.Sprintf("the document does not lie at its own path %s, so that the target is not known by it", flow.WellKnown), mend)
	case len(c.Endpoints) > 0:
		return c.mistake([]string{"endpoints"}, "endpoints of no target are named", mend)
	case len(c.Lifetimes) > 0:
		return c.mistake([]string{"lifetimes"}, "lifetimes of no target are named", mend)
	}
	return nil
}

// fill puts what the file says over the flow's defaults. The value obeys the schema: what can still be wrong is a number out of range.
func fill(from source, setup conformance.Setup, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, setup)
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		at := append([]string{"setup"}, strings.Split(wrong.Field, ".")...)
		e := &Error{File: from.file, What: place(at) + ": the number is out of range", Mend: "write a whole number of at most 18 digits"}
		return e.put(find(from.root, at))
	}
	return err
}

// plain is the file as JSON is read.
func plain(file string, data []byte) (any, error) {
	var content any
	if err := yaml.Unmarshal(data, &content); err != nil {
		return nil, syntaxError(file, err)
	}
	asJSON, err := json.Marshal(content)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
}

// validate holds the file against the schema and finds the first violation. referred names the places whose values came by a reference.
func validate(from source, referred []string, schema []byte, value any) error {
	rules, err := compiled(schema)
	if err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := rules.Validate(value); errors.As(err, &invalid) {
		return first(mistakes{from, schema, referred}.in(invalid))
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
	const name = SchemaName
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("the embedded schema cannot be used: %w", err)
	}
	return c.Compile(name)
}
