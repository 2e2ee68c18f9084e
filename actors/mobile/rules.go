package mobile

import (
	"countersign/actors/wire"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Rules say who may use what: data, with a version while they are in force (profile section 4.6).
type Rules struct {
	Systems []SystemRule `json:"systems"`
	Apps    []AppRule    `json:"apps"`
	Devices []DeviceRule `json:"devices"`
}

// SystemRule says where a business system is.
type SystemRule struct {
	SystemID string `json:"system_id"`
	Address  string `json:"address"` // the URL of its resource endpoint
}

// AppRule says to which system an app belongs, and which users may use it.
type AppRule struct {
	AppID    string   `json:"appid"`
	SystemID string   `json:"system_id"`
	Users    []string `json:"users"`
}

// DeviceRule says whose a device is.
type DeviceRule struct {
	DeviceID string `json:"deviceid"`
	Username string `json:"username"`
}

// RulesError says what is wrong with rules, and where.
type RulesError struct {
	Where string // such as apps[1].users; empty for the whole
	Why   string
}

func (e *RulesError) Error() string {
	if e.Where == "" {
		return "the rules " + e.Why
	}
	return "the rules at " + e.Where + ": " + e.Why
}

// The media types that rules come in (RFC 8259, RFC 9512).
const (
	rulesJSON = "application/json"
	rulesYAML = "application/yaml"
)

// maxRules bounds a document of rules, in bytes (profile section 2).
const maxRules = 1 << 20

// asJSON gives a document of rules in JSON. YAML is taken without anchors, so that a short document stays short.
func asJSON(document []byte, mediaType string) ([]byte, error) {
	if mediaType == rulesJSON {
		return document, nil
	}
	file, err := parser.ParseBytes(document, 0)
	if err != nil {
		return nil, &RulesError{Why: "are not YAML that can be read"}
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &RulesError{Why: "are not one YAML document"}
	}
	var plain plainYAML
	ast.Walk(&plain, file.Docs[0].Body)
	if plain.refused != "" {
		return nil, &RulesError{Why: "hold " + plain.refused + "; write it out"}
	}
	text, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, &RulesError{Why: "cannot be told in JSON"}
	}
	return text, nil
}

// plainYAML notes what a document has beyond mappings, sequences and scalars.
type plainYAML struct{ refused string }

// Visit implements ast.Visitor.
func (p *plainYAML) Visit(node ast.Node) ast.Visitor {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		p.refused = "an anchor, an alias or a merge key"
	case *ast.TagNode:
		p.refused = "a tag"
	}
	return p
}

// mediaTypeOf tells the two forms of a rules file apart: JSON begins with a brace.
func mediaTypeOf(document []byte) string {
	if strings.HasPrefix(strings.TrimLeft(string(document), " \t\r\n"), "{") {
		return rulesJSON
	}
	return rulesYAML
}

// rulesReader reads rules. A strict one stops at the first mistake; a lenient one leaves out what it cannot read.
type rulesReader struct {
	lenient bool
	sealed  func(systemID string) bool // whether there is a sealing key for the system
}

// read reads rules in JSON. The error is a *RulesError.
func (r rulesReader) read(text []byte) (rules Rules, err error) {
	top, err := r.members(text, "", "systems", "apps", "devices")
	if err != nil {
		return rules, err
	}
	rules = Rules{Systems: []SystemRule{}, Apps: []AppRule{}, Devices: []DeviceRule{}}
	seen := map[string]bool{}
	// once is nil for the first entry of that name in its list
	once := func(where, list, name string) error {
		if seen[list+" "+name] {
			return &RulesError{where, name + " is given twice"}
		}
		seen[list+" "+name] = true
		return nil
	}
	err = r.each(top, "systems", func(where string, entry json.RawMessage) error {
		system, err := r.system(where, entry)
		if err == nil {
			err = once(where, "systems", system.SystemID)
		}
		if err == nil {
			rules.Systems = append(rules.Systems, system)
		}
		return err
	})
	if err != nil {
		return rules, err
	}
	err = r.each(top, "apps", func(where string, entry json.RawMessage) error {
		app, err := r.app(where, entry)
		if err == nil && !seen["systems "+app.SystemID] {
			err = &RulesError{where, "systems does not name " + app.SystemID}
		}
		if err == nil {
			err = once(where, "apps", app.AppID)
		}
		if err == nil {
			rules.Apps = append(rules.Apps, app)
		}
		return err
	})
	if err != nil {
		return rules, err
	}
	return rules, r.each(top, "devices", func(where string, entry json.RawMessage) error {
		device, err := r.device(where, entry)
		if err == nil {
			err = once(where, "devices", device.DeviceID)
		}
		if err == nil {
			rules.Devices = append(rules.Devices, device)
		}
		return err
	})
}

// members takes an object apart that has exactly these members.
func (r rulesReader) members(text []byte, where string, names ...string) (members, error) {
	m, err := wire.Object(text)
	if err != nil {
		return nil, &RulesError{where, "are no object"}
	}
	if r.lenient {
		return m, nil
	}
	for _, name := range names {
		if !m.Has(name) {
			return nil, &RulesError{where, "lack " + name}
		}
	}
	if len(m) > len(names) {
		return nil, &RulesError{where, "have a member beside " + strings.Join(names, ", ")}
	}
	return m, nil
}

// each hands over the entries of a list.
func (r rulesReader) each(m members, list string, take func(where string, entry json.RawMessage) error) error {
	var entries []json.RawMessage
	if err := json.Unmarshal(m[list], &entries); err != nil && !r.lenient {
		return &RulesError{list, "is no list"}
	}
	for i, entry := range entries {
		if err := take(fmt.Sprintf("%s[%d]", list, i), entry); err != nil && !r.lenient {
			return err
		}
	}
	return nil
}

// said puts a mistake in a member where it stands.
func said(where string, err error) error {
	var p *problem
	if errors.As(err, &p) {
		return &RulesError{where, p.Description}
	}
	return err
}

func (r rulesReader) system(where string, entry json.RawMessage) (rule SystemRule, err error) {
	m, err := r.members(entry, where, "system_id", "address")
	if err != nil {
		return rule, err
	}
	if rule.SystemID, err = identifier(m, "system_id"); err != nil {
		return rule, said(where, err)
	}
	if rule.Address, err = m.Word("address"); err != nil {
		return rule, said(where, err)
	}
	if !isSafeURL(rule.Address) {
		return rule, &RulesError{where, "address is neither an https URL nor an http URL on loopback, without user information and fragment"}
	}
	if !r.sealed(rule.SystemID) {
		return rule, &RulesError{where, "the server has no sealing key for " + rule.SystemID}
	}
	return rule, nil
}

func (r rulesReader) app(where string, entry json.RawMessage) (rule AppRule, err error) {
	m, err := r.members(entry, where, "appid", "system_id", "users")
	if err != nil {
		return rule, err
	}
	if rule.AppID, err = identifier(m, "appid"); err != nil {
		return rule, said(where, err)
	}
	if rule.SystemID, err = identifier(m, "system_id"); err != nil {
		return rule, said(where, err)
	}
	rule.Users = []string{}
	return rule, r.each(m, "users", func(_ string, entry json.RawMessage) error {
		name, err := userName(members{"username": entry})
		switch {
		case err != nil:
			return said(where+".users", err)
		case slices.Contains(rule.Users, name):
			return &RulesError{where + ".users", name + " is given twice"}
		}
		rule.Users = append(rule.Users, name)
		return nil
	})
}

func (r rulesReader) device(where string, entry json.RawMessage) (rule DeviceRule, err error) {
	m, err := r.members(entry, where, "deviceid", "username")
	if err != nil {
		return rule, err
	}
	if rule.DeviceID, err = identifier(m, "deviceid"); err != nil {
		return rule, said(where, err)
	}
	if rule.Username, err = userName(m); err != nil {
		return rule, said(where, err)
	}
	return rule, nil
}
