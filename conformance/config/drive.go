package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/launch"
)

// Driven is the base URL of an implementation that has none: its metadata document stands in the file, and triggers stand for its endpoints.
const Driven = "http://implementation.invalid"

// Drive is what the file says of an implementation that cannot be asked as the profile has it. The zero value says nothing.
type Drive struct {
	// Document is the metadata document of an implementation that serves none; nil: it serves it.
	Document map[string]any
	// Triggers start what the profile has a test endpoint for, by the endpoint's name.
	Triggers map[string]Trigger
	// Login says how users log in at pages that are not the profile's; nil: as the profile has it.
	Login *Login
}

// MemberMark is the name of a member of the request in a text of a trigger, as {peer}.
var MemberMark = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Trigger stands for an endpoint that an implementation does not offer: exactly one of URL, Command and Hand is set.
type Trigger struct {
	// URL is asked in the endpoint's place, with Method, and with Query, Form and JSON in the place of the request's own, where they are set.
	// Their texts may have MemberMarks.
	URL    string            `json:"url"`
	Method string            `json:"method"`
	Query  map[string]string `json:"query"`
	Form   map[string]string `json:"form"`
	JSON   map[string]string `json:"json"`
	// Command is a program with its arguments, which gets the request on standard input and writes the answer.
	Command []string `json:"command"`
	// Hand says in words what a person has to do.
	Hand string `json:"hand"`
	// Folder is where Command runs: that of the file.
	Folder string `json:"-"`
}

// Templated reports whether the request that is sent to the URL is made of the one that would have gone to the endpoint.
func (t Trigger) Templated() bool {
	return t.Method != "" || t.Query != nil || t.Form != nil || t.JSON != nil
}

// Program is the command of the trigger.
func (t Trigger) Program() launch.Command {
	return launch.Command{Words: t.Command, Folder: t.Folder}
}

// Login is how users log in. At most one of Hook, Command and Hand is set.
type Login struct {
	// Fields are the page's own names for the profile's.
	Fields Fields `json:"fields"`
	// Decisions are the page's own values of the button, by the profile's.
	Decisions map[string]string `json:"decisions"`
	// Extra is sent with user name and password, as it is.
	Extra map[string]string `json:"extra"`
	// Hook is a URL, and Command a program, that logs a user in.
	Hook    string   `json:"hook"`
	Command []string `json:"command"`
	// Hand has a person log in.
	Hand bool `json:"hand"`
	// Folder is where Command runs: that of the file.
	Folder string `json:"-"`
}

// Fields are names of a form's fields; empty: the profile's.
type Fields struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Decision string `json:"decision"`
}

// Program is the command of the login.
func (l Login) Program() launch.Command {
	return launch.Command{Words: l.Command, Folder: l.Folder}
}

// Elsewhere reports whether users do not log in by a form that the harness sends.
func (l Login) Elsewhere() bool { return l.Hook != "" || len(l.Command) > 0 || l.Hand }

// ByHand names what a person has to be there for, by its place in the file; none: nothing.
func (c Config) ByHand() []string {
	var all []string
	for _, name := range sortedKeys(c.Drive.Triggers) {
		if c.Drive.Triggers[name].Hand != "" {
			all = append(all, "triggers."+name)
		}
	}
	if c.Drive.Login != nil && c.Drive.Login.Hand {
		all = append(all, "login")
	}
	return all
}

// Triggerable are the endpoints of a flow that a trigger may stand for, with the method by which the profile has them called: those that are there for tests,
// or that a device offers in the place of a network.
func Triggerable(flow conformance.Flow) map[string]string {
	all := map[string]string{"test_clock_endpoint": "POST"}
	maps.Copy(all, map[string]map[string]string{
		"bidirectional": {"start_endpoint": "POST"},
		"ticket":        {"use_endpoint": "POST", "logout_endpoint": "POST"},
		"mobile":        {"start_endpoint": "POST", "enrolment_endpoint": "POST", "holdings_endpoint": "GET", "notification_endpoint": "POST"},
		"offline":       {"start_endpoint": "POST", "password_setting_endpoint": "POST", "near_field_endpoint": "POST"},
		"unified":       {"access_endpoint": "GET"},
	}[flow.Name])
	return all
}

// LoginPage is a page of a flow at which users log in: the member of the metadata that names it, and the values of its buttons.
type LoginPage struct {
	Endpoint  string
	Decisions []string
}

// LoginPages are those of a flow; none where users do not log in at pages.
func LoginPages(flow conformance.Flow) []LoginPage {
	switch flow.Name {
	case "bidirectional":
		return []LoginPage{{"authorization_endpoint", []string{"approve", "deny"}}}
	case "unified":
		return []LoginPage{{"portal_endpoint", []string{"login"}}, {"authorization_endpoint", []string{"approve", "deny"}}, {"logout_endpoint", []string{"logout"}}}
	}
	return nil
}

// readDrive reads what the file, which obeys the schema, says of driving, and finds what the schema cannot.
func (c *Config) readDrive(flow conformance.Flow, file any) error {
	whole, _ := file.(map[string]any)
	text, err := json.Marshal(map[string]any{"triggers": whole["triggers"], "login": whole["login"]})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c.Drive); err != nil {
		return err
	}
	c.Drive.Document, _ = whole["document"].(map[string]any)
	if c.Drive.Document == nil && c.Drive.Triggers == nil && c.Drive.Login == nil {
		return nil
	}
	c.Profile = flow.Profile
	if c.Drive.Document != nil && c.Target == "" && !c.Start.Any() {
		c.Target = Driven
	}
	folder := filepath.Dir(c.source.file)
	for _, check := range []func(conformance.Flow, string) error{c.readDocument, c.readTriggers, c.readLogin} {
		if err := check(flow, folder); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) readDocument(flow conformance.Flow, _ string) error {
	if c.Drive.Document == nil {
		return nil
	}
	if c.Metadata != "" {
		return c.mistake([]string{"document"}, "`metadata` says that it lies elsewhere", "keep one of the two")
	}
	var endpoints []string
	for _, m := range Members(flow) {
		if !m.Lifetime {
			endpoints = append(endpoints, m.Name)
		}
	}
	slices.Sort(endpoints)
	for _, name := range sortedKeys(c.Drive.Document) {
		if strings.HasSuffix(name, "_endpoint") && !slices.Contains(endpoints, name) {
			e := &Error{File: c.source.file, What: fmt.Sprintf("%s has no endpoint %q", flow.Profile, name), Mend: "there are " + strings.Join(endpoints, ", ")}
			return e.put(keyOf(c.source.root, []string{"document"}, name))
		}
	}
	return nil
}

func (c *Config) readTriggers(_ conformance.Flow, folder string) error {
	if c.Target == "" && !c.Start.Any() && len(c.Drive.Triggers) > 0 {
		return c.mistake([]string{"triggers"}, "triggers of no target are named", "add the key `target`, or `document` for an implementation that serves nothing")
	}
	for _, name := range sortedKeys(c.Drive.Triggers) {
		t := c.Drive.Triggers[name]
		at := []string{"triggers", name}
		switch ways := t.ways(); {
		case len(ways) == 0:
			return c.mistake(at, "it does not say how", "write one of url, command and hand")
		case len(ways) > 1:
			return c.mistake(at, "it says how in two ways: "+strings.Join(ways, " and "), "keep one")
		case t.URL == "" && t.Templated():
			return c.mistake(at, "method, query, form and json say how a URL is asked, and there is none", "write `url`, or take them out")
		case t.Form != nil && t.JSON != nil:
			return c.mistake(at, "the body is to be a form and JSON", "keep one of form and json")
		case t.Hand != "" && (name == "near_field_endpoint" || name == "test_clock_endpoint"):
			return c.mistake(append(at, "hand"), "no person can do this by hand: it has to answer at once, and in bytes", "write a url or a command")
		}
		if u, err := unmarked(t.URL); err != nil || u.User != nil {
			return c.mistake(append(at, "url"), "the URL is malformed or holds a user name or a password", "write it as https://example.org/path")
		}
		t.Folder = folder
		c.Drive.Triggers[name] = t
	}
	return nil
}

// driven is Drive with every text that may name a port filled in.
func (c Config) driven(fill func(string) string) Drive {
	d := c.Drive
	words := func(all []string) []string {
		var some []string
		for _, word := range all {
			some = append(some, fill(word))
		}
		return some
	}
	if d.Document != nil {
		d.Document = maps.Clone(d.Document)
		for name, value := range d.Document {
			if text, ok := value.(string); ok {
				d.Document[name] = fill(text)
			}
		}
	}
	d.Triggers = maps.Clone(d.Triggers)
	for name, t := range d.Triggers {
		t.URL, t.Command = fill(t.URL), words(t.Command)
		d.Triggers[name] = t
	}
	if d.Login != nil {
		l := *d.Login
		if l.Command = words(l.Command); !c.Referred("login", "hook") {
			l.Hook = fill(l.Hook)
		}
		d.Login = &l
	}
	return d
}

// ways are those in which a trigger says what to do.
func (t Trigger) ways() []string {
	var all []string
	for way, there := range map[string]bool{"url": t.URL != "", "command": len(t.Command) > 0, "hand": t.Hand != ""} {
		if there {
			all = append(all, way)
		}
	}
	slices.Sort(all)
	return all
}

func (c *Config) readLogin(flow conformance.Flow, folder string) error {
	l := c.Drive.Login
	if l == nil {
		return nil
	}
	l.Folder = folder
	at := []string{"login"}
	pages := LoginPages(flow)
	switch {
	case len(pages) == 0:
		return c.mistake(at, flow.Profile+" has no page at which users log in", "take it out")
	case c.Target == "" && !c.Start.Any():
		return c.mistake(at, "a login at no target is described", "add the key `target`: the base URL under which the target lies")
	case l.Hand && (l.Hook != "" || len(l.Command) > 0), l.Hook != "" && len(l.Command) > 0:
		return c.mistake(at, "it says in two ways who logs in", "keep one of hook, command and hand")
	case l.Hand && flow.Name == "unified":
		return c.mistake(append(at, "hand"), "a login by hand leaves its session in the person's own browser, and the checks of unified go on in it", "use fields, hook or command")
	}
	if u, err := unmarked(l.Hook); err != nil || u.User != nil {
		return c.mistake(append(at, "hook"), "the URL is malformed or holds a user name or a password", "write it as https://example.org/path")
	}
	var decisions []string
	for _, p := range pages {
		decisions = append(decisions, p.Decisions...)
	}
	taken := map[string]string{}
	for _, name := range sortedKeys(l.Decisions) {
		if !slices.Contains(decisions, name) {
			e := &Error{File: c.source.file, What: fmt.Sprintf("%s has no decision %q", flow.Profile, name), Mend: "there are " + strings.Join(decisions, ", ")}
			return e.put(keyOf(c.source.root, append(at, "decisions"), name))
		}
		if other, twice := taken[l.Decisions[name]]; twice {
			return c.mistake(append(at, "decisions", name), "it has the same value as "+other, "write two values that the page tells apart")
		}
		taken[l.Decisions[name]] = name
	}
	names := map[string]bool{}
	for _, own := range []string{l.Fields.Username, l.Fields.Password, l.Fields.Decision} {
		if own != "" && names[own] {
			return c.mistake(append(at, "fields"), fmt.Sprintf("two fields have the name %q", own), "write the name that each has on the page")
		}
		names[own] = true
	}
	return nil
}
