package evidence

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/config"
)

// takenOut stands for a secret.
const takenOut = "‹taken out›"

// harmless are the members of a setup whose texts may be published. A text under any other name is taken for a secret, so that a member which a flow gets
// later is safe until somebody has thought about it.
var harmless = strings.Fields("own_issuer peer_issuer issuer id name callback base_url second_base_url redirect_base_url silent_base_url devices_base_url " +
	"appid system_id users deviceid username device_under_test kid x y account currency device handset service registering attacker client_id logout nickname")

// addresses are those of them that may hold more than an origin and a path.
var addresses = strings.Fields("own_issuer peer_issuer issuer callback base_url second_base_url redirect_base_url silent_base_url devices_base_url registering attacker")

// configuration is a config.Config without its secrets.
type configuration struct {
	Profile   string   `json:"profile"`
	Level     string   `json:"level"`
	Seed      uint64   `json:"seed"`
	Target    string   `json:"target"`
	Roles     []string `json:"roles"`
	LimitNS   int64    `json:"limit_ns"`
	MaxWaitNS int64    `json:"max_wait_ns"`
	Setup     any      `json:"setup"`
}

func published(c config.Config, s *scrubber) configuration {
	shown := configuration{
		Profile: c.Profile, Level: string(c.Level), Seed: c.Seed, Target: s.clean(public(c.Target)), Roles: []string{},
		LimitNS: int64(c.Limit), MaxWaitNS: int64(c.MaxWait), Setup: s.setup,
	}
	for _, r := range c.Roles {
		shown.Roles = append(shown.Roles, string(r))
	}
	return shown
}

// public is an address without what may authenticate: user information, query and fragment. A text that is no address with a host is given back.
func public(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return takenOut
	}
	if u.Host == "" {
		return valid(address)
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// scrubber takes the secrets of a configuration out of texts, whatever way they are spelled.
type scrubber struct {
	// setup is the configuration's setup with its secrets taken out.
	setup    any
	secrets  map[string]bool
	replacer *strings.Replacer
}

// shortest is the length from which a secret is looked for wherever it may stand.
const shortest = 4

func newScrubber(c config.Config) (*scrubber, error) {
	s := &scrubber{secrets: map[string]bool{}}
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
	var pairs []string
	spelled := map[string]bool{}
	for secret := range s.secrets {
		for _, spelling := range spellings(secret) {
			spelled[spelling] = len(spelling) >= shortest
		}
	}
	longestFirst := func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) }
	for _, spelling := range slices.SortedFunc(maps.Keys(spelled), longestFirst) {
		if spelled[spelling] {
			pairs = append(pairs, spelling, takenOut)
		}
	}
	s.replacer = strings.NewReplacer(pairs...)
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
		case slices.Contains(addresses, name):
			s.hear(v)
			return public(v)
		case !slices.Contains(harmless, name):
			s.secrets[v] = true
			return takenOut
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

// spellings are the ways in which a secret is written: in queries and forms, JSON, HTML, hexadecimal digits, and inside of a text in base64, where the
// three bytes that make four letters may begin before the secret.
func spellings(secret string) []string {
	form := url.QueryEscape(secret)
	quoted, _ := json.Marshal(secret) // a string can always be written
	digits := hex.EncodeToString([]byte(secret))
	all := []string{
		secret, valid(secret), form, strings.ReplaceAll(form, "+", "%20"), url.PathEscape(secret), url.QueryEscape(form), string(quoted[1 : len(quoted)-1]),
		html.EscapeString(secret), digits, strings.ToUpper(digits),
	}
	for before := range 3 {
		inner := []byte(strings.Repeat("\x00", before) + secret)
		inner = inner[:len(inner)/3*3]
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if text := encoding.EncodeToString(inner); len(text) >= 12 {
				all = append(all, text[(before*4+2)/3:]) // but for the letters that also hold what stands before
			}
		}
	}
	return all
}

func (s *scrubber) clean(text string) string { return s.replacer.Replace(valid(text)) }

func (s *scrubber) headers(all []conformance.Header) []conformance.Header {
	clean := []conformance.Header{}
	for _, h := range all {
		clean = append(clean, conformance.Header{Name: s.clean(h.Name), Value: s.clean(h.Value)})
	}
	return clean
}

func (s *scrubber) exchange(e conformance.Exchange) conformance.Exchange {
	return conformance.Exchange{
		Number: e.Number, From: e.From, To: e.To, Method: s.clean(e.Method), URL: s.clean(e.URL), Status: e.Status,
		RequestHeaders: s.headers(e.RequestHeaders), RequestBody: s.clean(e.RequestBody),
		ResponseHeaders: s.headers(e.ResponseHeaders), ResponseBody: s.clean(e.ResponseBody), Problem: s.clean(e.Problem),
	}
}
