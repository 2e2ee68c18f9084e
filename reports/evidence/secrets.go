package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/redact"
)

// takenOut is the name of every secret, and mark what stands in its place.
const (
	takenOut = "taken out"
	mark     = "‹" + takenOut + "›"
)

// harmless are the members of a setup whose texts may be published. A text under any other name is taken for a secret, so that a member which a flow gets
// later is safe until somebody has thought about it.
var harmless = strings.Fields("own_issuer peer_issuer issuer id name callback base_url second_base_url redirect_base_url silent_base_url devices_base_url " +
	"appid system_id users deviceid username device_under_test kid x y account currency device handset service registering attacker client_id logout nickname")

// addresses are those of them that may hold more than an origin and a path.
var addresses = strings.Fields("own_issuer peer_issuer issuer callback base_url second_base_url redirect_base_url silent_base_url devices_base_url registering attacker")

// configuration is a config.Config without its secrets.
type configuration struct {
	Profile   string            `json:"profile"`
	Level     string            `json:"level"`
	Seed      uint64            `json:"seed"`
	Target    string            `json:"target"`
	Metadata  string            `json:"metadata,omitempty"`
	Endpoints map[string]string `json:"endpoints,omitempty"`
	Lifetimes map[string]int64  `json:"lifetimes,omitempty"`
	TLS       trust             `json:"tls"`
	Stage     stage             `json:"stage"`
	Drive     drive             `json:"drive"`
	Started   string            `json:"started,omitempty"`
	Roles     []string          `json:"roles"`
	LimitNS   int64             `json:"limit_ns"`
	MaxWaitNS int64             `json:"max_wait_ns"`
	Expected  []expected        `json:"expected_failures,omitempty"`
	Setup     any               `json:"setup"`
}

// trust is a config.TLS without its files.
type trust struct {
	OwnCA       bool   `json:"own_ca"`
	Certificate bool   `json:"certificate"`
	ServerName  string `json:"server_name,omitempty"`
}

// stage is a config.Stage without its files.
type stage struct {
	Secure bool              `json:"secure"`
	Listen map[string]string `json:"listen,omitempty"`
}

// drive says which parts of a config.Drive there are: their texts may hold anything.
type drive struct {
	Document bool     `json:"document"`
	Triggers []string `json:"triggers,omitempty"`
	Login    bool     `json:"login"`
}

// started says by what a target is started: a command or an image; empty for neither.
func started(s config.Start) string {
	switch {
	case s.Exec != nil:
		return "exec"
	case s.Image != nil:
		return "image"
	}
	return ""
}

// expected is a config.ExpectedFailure.
type expected struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func published(c config.Config, s *scrubber) configuration {
	shown := configuration{
		Profile: c.Profile, Level: string(c.Level), Seed: c.Seed, Target: s.clean(public(c.Target)), Metadata: s.clean(public(c.Metadata)),
		Lifetimes: c.Lifetimes, TLS: trust{c.TLS.CA != "", c.TLS.Certificate != "", s.clean(c.TLS.ServerName)}, Roles: []string{},
		Stage: stage{c.Stage.Secure(), c.Stage.Listen}, Drive: drive{c.Drive.Document != nil, slices.Sorted(maps.Keys(c.Drive.Triggers)), c.Drive.Login != nil},
		Started: started(c.Start), LimitNS: int64(c.Limit), MaxWaitNS: int64(c.MaxWait), Setup: s.setup,
	}
	for _, r := range c.Roles {
		shown.Roles = append(shown.Roles, string(r))
	}
	for member, address := range c.Endpoints {
		if shown.Endpoints == nil {
			shown.Endpoints = map[string]string{}
		}
		shown.Endpoints[member] = s.clean(public(address))
	}
	for _, x := range c.ExpectedFailures {
		shown.Expected = append(shown.Expected, expected{x.ID, s.clean(x.Reason)})
	}
	return shown
}

// public is an address without what may authenticate: user information, query and fragment. A text that is no address with a host is given back.
func public(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return mark
	}
	if u.Host == "" {
		return valid(address)
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// scrubber takes the secrets of a configuration out of texts, whatever way they are spelled.
type scrubber struct {
	// setup is the configuration's setup with its secrets taken out.
	setup any
	// named are those that the configuration itself calls secret; secrets are all.
	named, secrets map[string]bool
	text           *redact.Text
}

func newScrubber(c config.Config) (*scrubber, error) {
	s := &scrubber{named: map[string]bool{}, secrets: map[string]bool{}, text: redact.New(nil)}
	for _, secret := range c.Secrets {
		s.named[secret.Value], s.secrets[secret.Value] = true, true
	}
	if c.Setup != nil {
		text, err := json.Marshal(c.Setup)
		if err == nil {
			numbers := json.NewDecoder(bytes.NewReader(text))
			numbers.UseNumber() // a sum may have more digits than a float64
			err = numbers.Decode(&s.setup)
		}
		if err != nil {
			return nil, fmt.Errorf("the setup cannot be written down: %w", err)
		}
		s.setup = s.take("", s.setup)
	}
	s.hear(c.Target)
	s.hear(c.Metadata)
	for _, address := range c.Endpoints {
		s.hear(address)
	}
	for secret := range s.secrets {
		if len(secret) >= conformance.ShortestSecret {
			s.text.LearnSecret(takenOut, secret)
		}
	}
	return s, nil
}

// take replaces the secrets of a setup, and remembers them.
func (s *scrubber) take(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			v[member] = s.take(member, v[member])
		}
	case []any:
		for i := range v {
			v[i] = s.take(name, v[i])
		}
	case string:
		switch {
		case v == "":
		case s.named[v]:
			return mark
		case slices.Contains(addresses, name):
			s.hear(v)
			return public(v)
		case !slices.Contains(harmless, name):
			s.secrets[v] = true
			return mark
		}
	}
	return value
}

// hear remembers what an address holds besides its place.
func (s *scrubber) hear(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return
	}
	if password, ok := u.User.Password(); ok {
		s.secrets[password] = true
	} else if u.User != nil {
		s.secrets[u.User.Username()] = true // a token may stand alone
	}
	for _, values := range u.Query() {
		for _, v := range values {
			s.secrets[v] = true
		}
	}
	if u.Fragment != "" {
		s.secrets[u.Fragment] = true
	}
}

func (s *scrubber) clean(text string) string { return s.text.Redact(valid(text)) }
