package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"countersign/conformance/catalog"
	"countersign/conformance/config"
)

// versioned is a profile as it is named: flow@version.
var versioned = regexp.MustCompile(`^([a-z]{1,32})@([0-9]{1,4})$`)

// membersOf examines what the document says of profile and issuer. What may as well be a nonconformity is left to the checks, with a warning.
func (e *examination) membersOf(doc *document) {
	at := e.documentPlace()
	m := versioned.FindStringSubmatch(doc.text("profile"))
	switch {
	case m == nil:
		e.warn(at, "profile-missing", "the metadata document names no profile", "let it have the member `profile`: "+doc.flow.Profile)
	case m[0] == doc.flow.Profile:
	case m[1] == doc.flow.Name:
		e.wrong(at, "profile-version", fmt.Sprintf("the target speaks %s, and %s is tested", m[0], doc.flow.Profile), "point at a target that speaks "+doc.flow.Profile+", or use a countersign that knows "+m[0])
	default:
		e.wrong(at, "profile-other", fmt.Sprintf("the metadata document at the path of %s is of the profile %s", doc.flow.Profile, m[0]), "serve that of "+doc.flow.Profile+" there, or correct `profile`")
	}
	e.issuerOf(doc)
}

// issuerOf compares the issuer with where it ought to be: at the target itself, or where the harness plays the server that the target trusts.
func (e *examination) issuerOf(doc *document) {
	server := doc.flow.Signs[0] // the first role of each flow issues
	issues := e.under(server.Roles...) || slices.Contains(config.RolesIn(doc.flow, doc.members, e.baseURL()), server.Roles[0])
	if !issues && doc.flow.Name == "unified" { // its third-party platforms name no issuer
		return
	}
	issuer, at := doc.text("issuer"), e.documentPlace()
	wanted, whose := e.baseURL(), "it was asked under "+e.baseURL()
	if !issues {
		addresses := e.setup(doc.flow).Addresses()
		wanted = *addresses[0].Origin
		whose = fmt.Sprintf("the harness plays the server that it is to trust at %s", wanted)
		if p := e.config.PlaceOf(wanted, "setup"); p.File != "" {
			at = p
		}
	}
	if issuer == wanted {
		return
	}
	u, err := url.Parse(issuer)
	w, werr := url.Parse(wanted)
	what := fmt.Sprintf("the target's metadata name the issuer %.200q, but %s", issuer, whose)
	if err != nil || werr != nil || issuer == "" || u.Host == w.Host && u.Scheme == w.Scheme {
		e.warn(at, "issuer-differs", what, "let both be the same, character by character")
		return
	}
	e.wrong(at, "issuer-other", what, "write the target's URL as its issuer, or set the target up with the issuer that is wanted")
}

// rolesOf works out the roles under test and whether the target serves them.
func (e *examination) rolesOf(doc *document) {
	e.roles = e.asked()
	if len(e.roles) == 0 {
		if e.roles = config.RolesIn(doc.flow, doc.members, e.baseURL()); len(e.roles) == 0 {
			e.wrong(e.documentPlace(), "no-role", "the metadata names no endpoint at the target's origin by which a role is known, so no role can be put under test", "correct the endpoints in it, or name the roles with --role")
		}
		return
	}
	for _, role := range e.config.Roles {
		known := false
		for _, sign := range doc.flow.Signs {
			if !slices.ContainsFunc(sign.Roles, func(r catalog.Role) bool {
				return r == role || role == "client" && strings.HasPrefix(string(r), "client-")
			}) {
				continue
			}
			known = true
			if doc.text(sign.Member) == "" {
				e.wrong(e.config.PlaceOf(string(role), "roles"), "role-not-served", fmt.Sprintf("the target does not serve the role %s: its metadata have no %s", role, sign.Member), "take the role out, or point at the target that serves it")
			}
		}
		if !known {
			e.wrong(e.config.PlaceOf(string(role), "roles"), "role-unknown", fmt.Sprintf("the flow %s has no role %q, so that no check matches the role %q", doc.flow.Name, role, role), "write one of "+joined(rolesOfSigns(doc)))
		}
	}
}

func rolesOfSigns(doc *document) []catalog.Role {
	var all []catalog.Role
	for _, sign := range doc.flow.Signs {
		all = append(all, sign.Roles...)
	}
	return all
}

// endpoints examines those that lie at another origin than the target: each origin once.
func (e *examination) endpoints(ctx context.Context, doc *document) []func() {
	telling := map[string]bool{}
	for _, sign := range doc.flow.Signs {
		telling[sign.Member] = e.under(sign.Roles...)
	}
	dialed := map[string]bool{}
	var steps []func()
	for _, member := range config.Members(doc.flow) {
		value, there := doc.members[member.Name]
		if _, driven := e.config.Drive.Triggers[member.Name]; driven || member.Lifetime || !there || member.Name == "test_clock_endpoint" {
			continue
		}
		at := e.config.Place("endpoints", member.Name)
		if at.File == "" {
			at = e.documentPlace()
		}
		text, _ := value.(string)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			e.warn(at, "endpoint-no-url", fmt.Sprintf("%s in the target's metadata is no URL", member.Name), "write an absolute one")
			continue
		}
		if u.Host == e.base.Host && u.Scheme == e.base.Scheme {
			continue
		}
		if u.Host == e.base.Host {
			e.warn(at, "endpoint-scheme", fmt.Sprintf("%s has the scheme %s, and the target's URL has %s", member.Name, u.Scheme, e.base.Scheme), "let both be the same, or name another port")
			continue
		}
		if e.plays(doc.flow, u) || elsewhere(doc.flow.Name, member.Name) && e.config.Endpoints[member.Name] == "" {
			continue
		}
		if telling[member.Name] {
			e.warn(at, "endpoint-other-origin", fmt.Sprintf("%s lies at %s://%s, and not where the target is", member.Name, u.Scheme, u.Host), "point at the target that serves it, if that is not meant")
		}
		if dialed[u.Host] {
			continue
		}
		dialed[u.Host] = true
		serious := telling[member.Name] || e.config.Endpoints[member.Name] != ""
		steps = append(steps, func() { e.dial(ctx, at, member.Name, u, serious) })
	}
	return steps
}

// elsewhere reports whether a member names what another party serves: a site's resource server and its delegation endpoint (bidirectional, section 3).
func elsewhere(flow, member string) bool {
	return flow == "bidirectional" && (member == "resource_endpoint" || member == "delegation_endpoint")
}

// dial tells when nothing listens where an endpoint is said to be.
func (e *examination) dial(ctx context.Context, at config.Place, member string, u *url.URL, serious bool) {
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	ctx, end := context.WithTimeout(ctx, time.Second)
	defer end()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err == nil {
		_ = conn.Close()
		return
	}
	why := "it does not answer"
	var dns *net.DNSError
	if errors.As(err, &dns) {
		why = "the name of the host is unknown"
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		why = "nothing listens there"
	}
	tell := e.warn
	if serious {
		tell = e.wrong
	}
	tell(at, "endpoint-unreachable", fmt.Sprintf("%s cannot be reached at %s://%s: %s", member, u.Scheme, u.Host, why), "correct it, or start what serves it")
}
