package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance"
)

// maxReferred is how long a file may be that a reference stands for.
const maxReferred = 64 << 10

// reference is a value that stands for another one: ${env:NAME} or ${file:PATH}.
var reference = regexp.MustCompile(`^\$\{([a-z]+):([^{}]+)\}$`)

// secretKeys are the keys of the setups whose values are secrets also when the file spells them out.
var secretKeys = regexp.MustCompile(`^(secret|password|account_password|handover_key|secret_at_peer|k|d|key|seal_keys)$`)

// sentSecrets are the keys of what a trigger or a login sends whose values are taken for secrets also when the file spells them out, unless a trigger makes them
// of members of the request, or they are shorter than shortestGuessed: as remember_token, which is true.
var sentSecrets = regexp.MustCompile(`(?i)(secret|password|passwd|passphrase|token|api[_-]?key|credentials?|\bpin|_pin)$`)

// shortestGuessed is the length from which a text is a secret because its key sounds like one: a shorter one stands in reports for other things too.
const shortestGuessed = 8

// referring are the places at which a reference may stand, and readHere says so.
var referring = regexp.MustCompile(`^(setup|(exec|image)\.environment|triggers\.[^.]+\.(query|form|json)|login\.(extra|hook))([.\[]|$)`)

const readHere = "references are read in setup, in an environment, in query, form and json of a trigger, and in extra and hook of login"

// isSecret reports whether a text is a secret that the file spells out where a reference may stand.
func isSecret(at []string, text string) bool {
	name := at[len(at)-1]
	if _, err := strconv.Atoi(name); err == nil {
		name = at[len(at)-2]
	}
	if at[0] == "setup" {
		return secretKeys.MatchString(name)
	}
	filled := at[0] == "triggers" && MemberMark.MatchString(text)
	return (at[0] == "triggers" || at[0] == "login") && sentSecrets.MatchString(name) && len(text) >= shortestGuessed && !filled
}

// references resolves those of a file.
type references struct {
	reader Reader
	source
	places  []string // where there were references
	secrets []conformance.Secret
}

// resolve puts what the references stand for into the file's value, and gives its setup; nil when there is none.
func (r *references) resolve(file any) (any, error) {
	whole, ok := file.(map[string]any)
	if !ok {
		return nil, nil // the schema is going to tell it
	}
	_, err := r.walk(nil, whole)
	return whole["setup"], err
}

func (r *references) walk(at []string, value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			inner, err := r.walk(append(slices.Clone(at), key), v[key])
			if err != nil {
				return nil, err
			}
			v[key] = inner
		}
	case []any:
		for i := range v {
			inner, err := r.walk(append(slices.Clone(at), strconv.Itoa(i)), v[i])
			if err != nil {
				return nil, err
			}
			v[i] = inner
		}
	case string:
		return r.text(at, v)
	}
	return value, nil
}

// text resolves a text. No error shows what a reference stands for.
func (r *references) text(at []string, text string) (string, error) {
	m := reference.FindStringSubmatch(text)
	refers := strings.Contains(text, "${env:") || strings.Contains(text, "${file:")
	switch may := referring.MatchString(place(at)); {
	case refers && !may && slices.Contains(at, "command"):
		return "", r.mistake(at, "no reference is read in a command, which others on the machine see", "let the command read its environment")
	case refers && !may:
		return "", r.mistake(at, "no reference is read here", "write the value itself; "+readHere)
	case refers && m == nil:
		return "", r.mistake(at, "a reference is malformed or has other text around it", "let the value be the reference and nothing else, as ${env:NAME} or ${file:PATH}")
	case m == nil || !may:
		if may && isSecret(at, text) {
			r.secrets = append(r.secrets, conformance.Secret{Place: place(at), Value: text})
		}
		return text, nil
	}
	value, what, mend := "", "", ""
	switch m[1] {
	case "env":
		value, what, mend = r.environment(m[2])
	case "file":
		value, what, mend = r.content(m[2])
	default:
		what, mend = fmt.Sprintf("a reference of the kind %q is unknown", m[1]), "write ${env:NAME} or ${file:PATH}"
	}
	if what != "" {
		return "", r.mistake(at, what, mend)
	}
	r.places = append(r.places, place(at))
	r.secrets = append(r.secrets, conformance.Secret{Place: place(at), Value: value})
	return value, nil
}

func (r *references) environment(name string) (value, what, mend string) {
	set := false
	if r.reader.Env != nil {
		value, set = r.reader.Env(name)
	}
	switch {
	case !set:
		return "", fmt.Sprintf("the environment has no %s", name), fmt.Sprintf("set it, as in `%s=... countersign check`, or correct the name", name)
	case value == "":
		return "", fmt.Sprintf("the environment has %s, but it is empty", name), "give it a value"
	}
	return value, "", ""
}

// content is that of a file beside the configuration, without the line's end that editors put behind it.
func (r *references) content(name string) (value, what, mend string) {
	path := beside(r.file, name)
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 { // opening it would wait for a writer
		return "", fmt.Sprintf("the file %s is a pipe, and would be waited for", name), "name a file that holds the value and nothing else"
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Sprintf("the file %s cannot be read: %s", name, because(err)), "write it there, or correct the path, which begins at the folder of the configuration"
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReferred+1))
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case err != nil:
		return "", fmt.Sprintf("the file %s cannot be read: %s", name, because(err)), "name a file that holds the value and nothing else"
	case len(data) == 0:
		return "", fmt.Sprintf("the file %s is empty", name), "write the value into it"
	case len(data) > maxReferred:
		return "", fmt.Sprintf("the file %s is longer than %d bytes", name, maxReferred), "name a file that holds the value and nothing else"
	}
	return string(data), "", ""
}

// Referred reports whether a reference stood for the text at a place, by the keys that lead to it. Such a text is taken as it is: what looks like a mark or a
// member in it is part of a secret.
func (c Config) Referred(at ...string) bool { return slices.Contains(c.referred, place(at)) }

// beside is the path of a file that the configuration names.
func beside(file, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

// mistake is an error about a place in the file.
func (s source) mistake(at []string, what, mend string) *Error {
	e := &Error{File: s.file, What: place(at) + ": " + what, Mend: mend}
	return e.put(find(s.root, at))
}

func (c Config) mistake(at []string, what, mend string) *Error {
	return c.source.mistake(at, what, mend)
}
