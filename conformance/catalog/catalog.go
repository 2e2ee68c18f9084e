// Package catalog holds the requirements as data. It is a leaf: actors, checks and reports all read it.
package catalog

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"
)

// ID names a requirement: flow, role, number, as in BI-OS-07. It is never renumbered.
type ID string

// Level says who asks for a requirement: the source document, or what closes the holes it leaves.
type Level string

// The two levels. The empty Level means Hardened.
const (
	Core     Level = "core"
	Hardened Level = "hardened"
)

// ParseLevel reads a level as a user writes it; empty means Hardened.
func ParseLevel(s string) (Level, error) {
	switch Level(s) {
	case "", Hardened:
		return Hardened, nil
	case Core:
		return Core, nil
	}
	return "", fmt.Errorf("level %q is neither core nor hardened", s)
}

// Includes reports whether an implementation at level l has to meet requirements of level other.
func (l Level) Includes(other Level) bool { return other == Core || l != Core }

// Keyword is the strength of a requirement, as in RFC 2119.
type Keyword string

// The keywords in use.
const (
	Must   Keyword = "MUST"
	Should Keyword = "SHOULD"
	May    Keyword = "MAY"
)

// Role is a part in a flow that can be put under test.
type Role string

// The roles of the bidirectional flow.
const (
	OAuthServer      Role = "oauth-server"
	ResourceServer   Role = "resource-server"
	ClientInitiating Role = "client-initiating"
	ClientReceiving  Role = "client-receiving"
	UserTerminal     Role = "user-terminal"
)

// The roles of the ticket flow.
const (
	AccountServer Role = "account-server"
	AppServer     Role = "app-server"
	Terminal      Role = "terminal"
)

// The roles of the mobile flow.
const (
	AuthorizationServer Role = "authorization-server"
	BusinessSystem      Role = "business-system"
	MobileApp           Role = "mobile-app"
)

// The roles of the offline flow.
const (
	ServiceServer      Role = "service-server"
	VerificationDevice Role = "verification-device"
	Handset            Role = "handset"
)

// The roles of the unified flow.
const (
	Platform           Role = "authentication-platform"
	ThirdPartyPlatform Role = "third-party-platform"
	UserAgent          Role = "user-agent"
)

// Requirement is one sentence that an implementation has to meet.
type Requirement struct {
	ID      ID      `yaml:"id" json:"id"`
	Level   Level   `yaml:"level" json:"level"`
	Keyword Keyword `yaml:"keyword" json:"keyword"`
	Roles   []Role  `yaml:"roles" json:"roles"`
	Title   string  `yaml:"title" json:"title"`
	Text    string  `yaml:"text" json:"text"`
	// Source is the claim, paragraph or RFC section that asks for it.
	Source string `yaml:"source" json:"source"`
	// Gain is what an attacker gains, or what breaks, without it.
	Gain string `yaml:"gain" json:"gain"`
	// Defect is what the reference does when the guard of this ID is lifted.
	Defect string `yaml:"defect" json:"defect"`
	// Untestable is the reason why no check over the wire exists; empty when one does.
	Untestable string `yaml:"untestable,omitempty" json:"untestable,omitempty"`
}

// For reports whether the requirement binds the role.
func (r Requirement) For(role Role) bool { return slices.Contains(r.Roles, role) }

// Catalog is the requirements of one flow.
type Catalog struct {
	Flow         string        `yaml:"flow" json:"flow"`
	Profile      string        `yaml:"profile" json:"profile"`
	Requirements []Requirement `yaml:"requirements" json:"requirements"`
}

// flows are those that have a catalogue here, in their order.
func flows() []string {
	return []string{"bidirectional", "ticket", "mobile", "offline", "unified"}
}

//go:embed *.yaml
var files embed.FS

// Schema is the JSON Schema of the catalogue files.
//
//go:embed requirements.schema.json
var Schema []byte

// Catalogs returns the catalogue of every flow, in the order of the flows. The caller must not change it.
var Catalogs = sync.OnceValue(func() []Catalog {
	var all []Catalog
	for _, flow := range flows() {
		var c Catalog
		mustRead(flow+".yaml", &c)
		all = append(all, c)
	}
	return all
})

// mustRead reads an embedded file; a test reads them all.
func mustRead(name string, v any) {
	data, err := files.ReadFile(name)
	if err == nil {
		err = yaml.UnmarshalWithOptions(data, v, yaml.Strict())
	}
	if err != nil {
		panic(fmt.Sprintf("the embedded %s cannot be read: %v", name, err))
	}
}

var byID = sync.OnceValue(func() map[ID]Requirement {
	m := map[ID]Requirement{}
	for _, c := range Catalogs() {
		for _, r := range c.Requirements {
			m[r.ID] = r
		}
	}
	return m
})

// FlowOf names the flow that a requirement belongs to.
func FlowOf(id ID) (string, bool) {
	for _, c := range Catalogs() {
		if slices.ContainsFunc(c.Requirements, func(r Requirement) bool { return r.ID == id }) {
			return c.Flow, true
		}
	}
	return "", false
}

// Text is the catalogue file of a flow as it was read; false where there is no such flow.
func Text(flow string) ([]byte, bool) {
	text, err := files.ReadFile(flow + ".yaml")
	return text, err == nil && slices.Contains(flows(), flow)
}

// Of returns the requirements of a flow, none where there is no such flow. The caller must not change them.
func Of(flow string) []Requirement {
	for _, c := range Catalogs() {
		if c.Flow == flow {
			return c.Requirements
		}
	}
	return nil
}

// Lookup finds a requirement by its ID.
func Lookup(id ID) (Requirement, bool) {
	r, ok := byID()[id]
	return r, ok
}

// MustLookup is Lookup for IDs that the code itself spells; it panics on one that the catalogue lacks.
func MustLookup(id ID) Requirement {
	r, ok := Lookup(id)
	if !ok {
		panic(fmt.Sprintf("the catalogue has no requirement %s", id))
	}
	return r
}
