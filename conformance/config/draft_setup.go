package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance"
)

// EnvironmentName is the name of the file with the variables that a draft refers to, as a shell reads it.
const EnvironmentName = "countersign.env"

// shown is how many entries of a list of the setup stand in a draft that spells nothing out.
const shown = 12

// usualOrigin is where the profiles have the harness play.
const usualOrigin = "http://127.0.0.1:"

// spellsOut reports whether the draft says a setup, and does not only show the flow's.
func (d Draft) spellsOut() bool { return d.Announce != "" || d.Environment }

// RoleNames are the roles of a flow as the file names them: client stands for both clients.
func RoleNames(flow conformance.Flow) []string { return roles(flow) }

// setupLines are the values of the setup, each key under what the schema says of it; as comments where the draft spells nothing out.
func (d Draft) setupLines() (string, error) {
	said, _, err := d.setup()
	if err != nil {
		return "", err
	}
	b, mark, most := &strings.Builder{}, "#   ", shown
	if d.spellsOut() {
		mark, most = "  ", int(^uint(0)>>1)
	}
	line := func(format string, values ...any) { fmt.Fprintf(b, mark+format+"\n", values...) }
	setup := reflect.ValueOf(said).Elem()
	schema := wanted(d.Flow.SetupSchema, nil)
	for i := range setup.NumField() {
		key := setup.Type().Field(i).Tag.Get("yaml")
		if text := readSchema(schema.Properties[key]).Description; text != "" {
			line("# %s", text)
		}
		value := setup.Field(i)
		if value.Kind() != reflect.Slice {
			text, err := inYAML(value.Interface())
			if err != nil {
				return "", err
			}
			line("%s: %s", key, text)
			continue
		}
		line("%s:", key)
		for n := range min(value.Len(), most) {
			text, err := inYAML(value.Index(n).Interface())
			if err != nil {
				return "", err
			}
			line("  - %s", text)
		}
		if value.Len() > most {
			line("  # and %d more that section 8 of the profile names", value.Len()-most)
		}
	}
	line("# A secret need not stand here: write '${env:NAME}' with the quotes, or '${file:PATH}' with a path that begins at this folder.")
	return b.String(), nil
}

// setup is the flow's, with the addresses and the references of the draft, and the variables that these name, with the values of the profile.
func (d Draft) setup() (conformance.Setup, map[string]string, error) {
	said, variables := d.Flow.Setup(), map[string]string{}
	text, err := json.Marshal(said)
	if err != nil || !d.spellsOut() {
		return said, variables, err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, nil, err
	}
	text, err = json.Marshal(d.spelled("", "COUNTERSIGN", value, variables))
	if err != nil {
		return nil, nil, err
	}
	said = d.Flow.Setup()
	return said, variables, json.Unmarshal(text, said)
}

// spelled is a part of the setup, under a key, with addresses and references; name is what its variable is called.
func (d Draft) spelled(key, name string, value any, variables map[string]string) any {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range sortedKeys(v) {
			v[inner] = d.spelled(inner, name+"_"+variable(inner), v[inner], variables)
		}
	case []any:
		for i := range v {
			v[i] = d.spelled(key, name+"_"+entryName(v[i], i), v[i], variables)
		}
	case string:
		if d.Environment && secretKeys.MatchString(key) {
			variables[name] = v
			return "${env:" + name + "}"
		}
		if rest, ok := strings.CutPrefix(v, usualOrigin); ok && d.Announce != "" {
			return d.Announce + ":" + rest
		}
	}
	return value
}

// entryName tells an entry of a list by its name, or else by its number.
func entryName(entry any, number int) string {
	members, _ := entry.(map[string]any)
	for _, key := range []string{"name", "id", "client_id", "kid", "issuer"} {
		if name, ok := members[key].(string); ok {
			if u, err := url.Parse(name); err == nil && u.Port() != "" {
				name = u.Port()
			}
			return variable(name)
		}
	}
	return strconv.Itoa(number + 1)
}

var unusual = regexp.MustCompile(`[^A-Z0-9]+`)

func variable(name string) string { return unusual.ReplaceAllString(strings.ToUpper(name), "_") }

// inShell is a file that sets variables, for `set -a; . ./countersign.env; set +a`.
func inShell(variables map[string]string) []byte {
	b := &bytes.Buffer{}
	fmt.Fprintf(b, "# What countersign.yaml takes from the environment, with the values of the profile. Before you run countersign: set -a; . ./%s; set +a\n", EnvironmentName)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(b, "%s='%s'\n", name, strings.ReplaceAll(variables[name], "'", `'\''`))
	}
	return b.Bytes()
}

// stageLines are those of the stage: where an announced host is not loopback, the harness listens at all addresses of this machine.
func (d Draft) stageLines() ([]string, error) {
	stage := d.Stage
	if host := hostOf(d.Announce); host != "" && !isLoopback(host) {
		all := "0.0.0.0"
		if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
			all = "::"
		}
		setup, _, err := d.setup()
		if err != nil {
			return nil, err
		}
		stage.Listen = map[string]string{}
		for _, a := range setup.Addresses() {
			u, err := url.Parse(*a.Origin)
			if err != nil {
				return nil, err
			}
			stage.Listen[a.Party] = net.JoinHostPort(all, u.Port())
		}
	}
	if !stage.Secure() && len(stage.Listen) == 0 {
		return []string{"# stage: {certificate: harness.pem, key: harness-key.pem, listen: {" + d.Flow.Setup().Addresses()[0].Party + ": '0.0.0.0:8791'}}"}, nil
	}
	lines := []string{"stage:"}
	for _, m := range [][2]string{{"certificate", stage.Certificate}, {"key", stage.Key}, {"practice_ca", stage.PracticeCA}} {
		if m[1] == "" {
			continue
		}
		value, err := inYAML(m[1])
		if err != nil {
			return nil, err
		}
		lines = append(lines, "  "+m[0]+": "+value)
	}
	if len(stage.Listen) > 0 {
		lines = append(lines, "  listen:")
	}
	for _, party := range sortedKeys(stage.Listen) {
		value, err := inYAML(stage.Listen[party])
		if err != nil {
			return nil, err
		}
		lines = append(lines, "    "+party+": "+value)
	}
	return lines, nil
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
