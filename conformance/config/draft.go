package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
)

// Draft is what is known of a target before there is a file about it.
type Draft struct {
	Flow   conformance.Flow
	Level  catalog.Level  // empty: hardened
	Target string         // empty: the built-in reference, unless the draft is Targetless
	Roles  []catalog.Role // empty: those that the target's metadata shows
	TLS    TLS
	Stage  Stage
	// Announce is scheme and host, as https://harness.example, under which the target reaches the harness; empty: the defaults of the profile, which are on loopback.
	Announce string
	// Environment writes passwords, secrets and keys as references to the environment, and a file with the profile's values of the variables.
	Environment bool
}

// ExistsError says that a file stands in the way of a draft.
type ExistsError struct{ File string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s is there already and has not been changed; say --force to write over it, or name another folder", e.File)
}

// NoMetadataError says that no flow's metadata document could be read below a URL.
type NoMetadataError struct {
	Target string
	Err    error
}

func (e *NoMetadataError) Error() string {
	return fmt.Sprintf("no metadata document could be read below %s: %v; start the target, or name the flow and the roles, which needs no document", e.Target, e.Err)
}

// Unwrap gives the cause, which is that of the last flow.
func (e *NoMetadataError) Unwrap() error { return e.Err }

// Discover drafts by the metadata document of a target, whose URL may be the base or that of the document itself. Without flows it looks for each that there is.
// The error is a *NoMetadataError, or that of a context that has ended.
func Discover(ctx context.Context, client *http.Client, target string, among ...conformance.Flow) (Draft, error) {
	if len(among) == 0 {
		among = flows.All()
	}
	base := strings.TrimSuffix(target, "/")
	var err error
	for _, flow := range among {
		base := strings.TrimSuffix(base, flow.WellKnown)
		var document map[string]any
		if document, err = fetch(ctx, client, base+flow.WellKnown); err == nil {
			return Draft{Flow: flow, Target: base, Roles: RolesIn(flow, document, base)}, nil
		}
		if ctx.Err() != nil {
			return Draft{}, ctx.Err()
		}
	}
	return Draft{}, &NoMetadataError{Target: base, Err: err}
}

func fetch(ctx context.Context, client *http.Client, document string) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, document, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody))
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", document, resp.Status)
	}
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, fmt.Errorf("%s is no JSON object", document)
	}
	return members, nil
}

// RolesIn are the roles that a metadata document shows: those whose telling endpoint lies at the target's origin.
func RolesIn(flow conformance.Flow, document map[string]any, target string) []catalog.Role {
	t, err := url.Parse(target)
	if err != nil {
		return nil
	}
	var roles []catalog.Role
	for _, sign := range flow.Signs {
		endpoint, _ := document[sign.Member].(string)
		if u, err := url.Parse(endpoint); err == nil && u.Host == t.Host && u.Scheme == t.Scheme {
			roles = append(roles, sign.Roles...)
		}
	}
	return roles
}

// Write puts the file and its schema, and with Environment the variables, into a folder, and gives the file's path. What is there already is written over only when told; else the error is an *ExistsError.
func (d Draft) Write(folder string, over bool) (string, error) {
	path := filepath.Join(folder, FileName)
	text, err := d.File()
	if err != nil {
		return "", err
	}
	_, variables, err := d.setup()
	if err != nil {
		return "", err
	}
	type file struct {
		name string
		text []byte
	}
	files := []file{{FileName, text}, {SchemaName, Published(d.Flow)}}
	if d.Environment {
		files = append(files, file{EnvironmentName, inShell(variables)})
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", &Error{File: path, What: "its folder cannot be made: " + because(err), Mend: "name a folder that can be written to"}
	}
	for _, f := range files {
		if err := put(filepath.Join(folder, f.name), f.text, over); err != nil {
			return "", err
		}
	}
	return path, nil
}

// put writes a file. One with the same content is no obstacle.
func put(file string, text []byte, over bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if over {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, flags, 0o600) // it is going to hold secrets, or say where they lie
	if errors.Is(err, os.ErrExist) {
		if there, readErr := os.ReadFile(file); readErr == nil && bytes.Equal(there, text) {
			return nil
		}
		return &ExistsError{File: file}
	}
	if err != nil {
		return &Error{File: file, What: "the file cannot be written: " + because(err), Mend: "name a folder that can be written to"}
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// File is the text of the file: what is known, and as comments all that may be said besides, with what holds where nothing is said.
func (d Draft) File() ([]byte, error) {
	b := &bytes.Buffer{}
	section := func(comment string, lines ...string) {
		fmt.Fprintf(b, "\n# %s\n", comment)
		for _, line := range lines {
			fmt.Fprintln(b, line)
		}
	}
	fmt.Fprintf(b, "# yaml-language-server: $schema=%s\n# What countersign certifies. A key that is left out, or stands behind #, has the value shown.\n", SchemaName)
	section("The wire profile, with its version.", "profile: "+d.Flow.Profile)
	level := d.Level
	if level == "" {
		level = catalog.Hardened
	}
	section("core: what the source document asks for; hardened: also what closes the holes that it leaves.", "level: "+string(level))
	target, err := inYAML(d.Target)
	if err != nil {
		return nil, err
	}
	if d.Target == "" {
		target = "# target: http://127.0.0.1:9000"
	} else {
		target = "target: " + target
	}
	without := "Without one, the built-in reference is under test."
	if d.Targetless() {
		without = "Fill it in: what this file says further down describes it."
	}
	section("The base URL of the implementation under test. "+without, target)
	if names := named(d.Roles); len(names) > 0 {
		section("The roles under test; the harness plays all the others.", "roles: ["+strings.Join(names, ", ")+"]")
	} else {
		section("The roles under test; the harness plays all the others. Without them: those whose endpoints the metadata shows.", "# roles: ["+strings.Join(roles(d.Flow), ", ")+"]")
	}
	section("Where the metadata document lies, if not at "+d.Flow.WellKnown+" below the target.", "# metadata: https://example.org/metadata.json")
	section("Endpoints, and lifetimes in whole seconds, in the place of those in the metadata document.",
		"# endpoints: {"+d.Flow.Signs[0].Member+": 'http://127.0.0.1:9000/path'}", "# lifetimes: {"+exampleLifetime(d.Flow)+": 600}")
	driven, login := drivingExamples(d.Flow)
	section("An implementation that serves no metadata: the document. A role that does not offer the profile's test endpoint: what starts it, as url, command or hand.", driven...)
	if len(login) > 0 {
		section("Pages at which users log in and that have names of their own. In their place: hook, command or hand, which log a user in.", login...)
	}
	tls, err := d.tlsLines()
	if err != nil {
		return nil, err
	}
	section("https: certificates to trust instead of the machine's, a certificate to show, the name in the target's certificate. Paths begin at this folder.", tls...)
	stage, err := d.stageLines()
	if err != nil {
		return nil, err
	}
	section("Where the harness listens for the parties that it plays, if not at the addresses of the setup, and what it shows there over https.", stage...)
	section("The seed of all randomness, the longest that one exchange may take, and the longest that a check waits for something to expire.", "seed: 1", "limit: 10s", "max_wait: 15s")
	section("What the target is known not to meet yet. One that is met after all is an error too.", "# expected_failures: [{id: "+string(d.Flow.Checks[0].ID)+", reason: 'why, and until when'}]")
	setup, err := d.setupLines()
	if err != nil {
		return nil, err
	}
	if d.spellsOut() {
		section("What harness and target have agreed on: section 8 of the profile. Set the target up with these values, or write yours.", "setup:")
	} else {
		section("What harness and target have agreed on: section 8 of the profile. Set the target up with these values, or take away # and write yours.", "# setup:")
	}
	fmt.Fprint(b, setup)
	return b.Bytes(), nil
}

// Targetless reports whether the draft describes a target that it does not name. Its file is refused until somebody writes the name in.
func (d Draft) Targetless() bool {
	return d.Target == "" && d.spellsOut() || Config{Target: d.Target, TLS: d.TLS, Stage: d.Stage}.Targetless() != ""
}

func (d Draft) tlsLines() ([]string, error) {
	if d.TLS == (TLS{}) {
		return []string{"# tls: {ca: ca.pem, certificate: client.pem, key: client-key.pem, server_name: example.org}"}, nil
	}
	lines := []string{"tls:"}
	for _, m := range [][2]string{{"ca", d.TLS.CA}, {"certificate", d.TLS.Certificate}, {"key", d.TLS.Key}, {"server_name", d.TLS.ServerName}} {
		if m[1] == "" {
			continue
		}
		value, err := inYAML(m[1])
		if err != nil {
			return nil, err
		}
		lines = append(lines, "  "+m[0]+": "+value)
	}
	return lines, nil
}

func exampleLifetime(flow conformance.Flow) string {
	all := Members(flow)
	return all[slices.IndexFunc(all, func(m Member) bool { return m.Lifetime })].Name
}

// named are roles as the file takes them: both clients are one where both are there.
func named(roles []catalog.Role) []string {
	var names []string
	both := slices.Contains(roles, catalog.ClientInitiating) && slices.Contains(roles, catalog.ClientReceiving)
	for _, r := range roles {
		name := string(r)
		if both && strings.HasPrefix(name, "client-") {
			name = "client"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// inYAML is a value in one line.
func inYAML(value any) (string, error) {
	text, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	return strings.TrimSpace(string(text)), err
}
