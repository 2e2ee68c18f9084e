package doctor

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// The bounds of what the file may say.
const (
	shortestLimit = 50 * time.Millisecond
	longestLimit  = 10 * time.Minute
	longestWait   = time.Hour
	// exactSeed is the largest number that every reader of JSON reads as it was written (RFC 8259 section 6).
	exactSeed = 1<<53 - 1
)

// file examines what needs nothing but the file.
func (e *examination) file() {
	c := e.config
	if at := c.Place("limit"); at.File != "" && c.Limit < shortestLimit {
		e.wrong(at, "limit-short", fmt.Sprintf("within %s no exchange can end", c.Limit), fmt.Sprintf("write a limit of %s or more, as 10s", shortestLimit))
	} else if c.Limit > longestLimit {
		e.wrong(at, "limit-long", fmt.Sprintf("a limit of %s lets one silent answer hold up the run", c.Limit), fmt.Sprintf("write %s or less, as 10s", longestLimit))
	}
	if c.MaxWait > longestWait {
		e.wrong(c.Place("max_wait"), "wait-long", fmt.Sprintf("a check that waits for %s holds up the run", c.MaxWait), "write 60m or less, or let the target offer a test clock")
	}
	if c.Seed > exactSeed {
		e.warn(c.Place("seed"), "seed-large", "the seed is so large that some readers of report.json round it", fmt.Sprintf("write one up to %d", uint64(exactSeed)))
	}
	for _, s := range c.Secrets {
		if len(s.Value) < conformance.ShortestSecret {
			key, _, _ := strings.Cut(s.Place, ".")
			e.warn(c.Place(key), "secret-short", fmt.Sprintf("%s is shorter than %d characters, so that reports cannot hide it everywhere", s.Place, conformance.ShortestSecret), "take a longer one")
		}
	}
	if key := c.Targetless(); key != "" {
		e.wrong(c.Place(key), "target-missing", fmt.Sprintf("`%s` describes a target that nothing names, and the built-in reference would be judged in its place", key),
			"add the key `target`, or say --target; or take it out, to judge the reference")
	}
	if c.TLS != (config.TLS{}) && strings.HasPrefix(c.Target, "http://") {
		e.warn(c.Place("tls"), "tls-unused", "tls is set, but the target's URL is http, so that it is not used", "write https:// in `target`, or take tls out")
	}
	if client, err := c.TLS.Client(); err == nil && len(client.Certificates) > 0 {
		if leaf, err := x509.ParseCertificate(client.Certificates[0].Certificate[0]); err == nil && time.Now().After(leaf.NotAfter) {
			e.wrong(c.Place("tls", "certificate"), "tls-client-expired", "the certificate that the harness shows expired on "+leaf.NotAfter.Format(time.DateOnly), "have it renewed")
		}
	}
	if (c.Metadata != "" || len(c.Endpoints)+len(c.Lifetimes) > 0) && c.Target != "" && c.Drive.Document == nil {
		at := c.Place("metadata")
		for _, key := range []string{"lifetimes", "endpoints"} {
			if p := c.Place(key); p.File != "" {
				at = p
			}
		}
		e.warn(at, "metadata-configured", "parts of the metadata document come from the file, so that checks of the document judge what the file says", "let the target serve the document where it can")
	}
}

// expectedFailures examines them, which need the flow and the roles as far as they are known.
func (e *examination) expectedFailures() {
	seen := map[string]bool{}
	roles := e.roles
	if len(roles) == 0 {
		roles = e.asked()
	}
	for i, x := range e.config.ExpectedFailures {
		at := e.config.Place("expected_failures", strconv.Itoa(i), "id")
		if seen[x.ID] {
			e.wrong(at, "expected-twice", x.ID+" is expected to fail twice", "keep one of the two")
			continue
		}
		seen[x.ID] = true
		name, role, named := strings.Cut(x.ID, "@")
		r, known := catalog.Lookup(catalog.ID(name))
		flow, _ := flows.Of(catalog.ID(name))
		switch {
		case !known:
			e.wrong(at, "expected-unknown", fmt.Sprintf("there is no requirement %s", name), "correct it: `countersign list requirements` names them all")
		case named && !r.For(catalog.Role(role)):
			e.wrong(at, "expected-unknown-role", fmt.Sprintf("%s does not bind the role %s", name, role), "write one of "+joined(r.Roles))
		case e.flow != nil && flow.Name != e.flow.Name:
			e.wrong(at, "expected-other-flow", fmt.Sprintf("%s belongs to %s, and %s is under test", name, flow.Profile, e.flow.Profile), "take it out")
		case !slices.ContainsFunc(flow.Checks, func(c conformance.Check) bool { return string(c.ID) == name || c.Name() == x.ID }):
			e.wrong(at, "expected-unchecked", fmt.Sprintf("no check tests for %s, so that it cannot fail", name), "take it out")
		case !e.config.Level.Includes(r.Level):
			e.wrong(at, "expected-level", fmt.Sprintf("%s is of level %s, and %s is under test", name, r.Level, e.config.Level), "take it out, or set `level`")
		case len(roles) > 0 && !bound(r, role, roles):
			e.wrong(at, "expected-role", fmt.Sprintf("%s binds %s, which is not under test", name, joined(r.Roles)), "take it out, or add the role to `roles`")
		}
	}
}

// bound reports whether a requirement, or its part for one role, binds any of the roles.
func bound(r catalog.Requirement, only string, roles []catalog.Role) bool {
	return slices.ContainsFunc(r.Roles, func(of catalog.Role) bool {
		return slices.Contains(roles, of) && (only == "" || string(of) == only)
	})
}

func joined(roles []catalog.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// targetURL examines the URL of the target as a text. It reports whether anything can be asked there.
func (e *examination) targetURL() bool {
	u, err := url.Parse(e.baseURL())
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		what := "what is given as a target"
		if !strings.ContainsAny(e.config.Target, "@") { // it may hold a password
			what = fmt.Sprintf("%q", e.config.Target)
		}
		e.wrong(e.at(), "target-no-url", what+" is no URL of a target", "write it as http://host:port")
		return false
	case u.User != nil:
		e.wrong(e.at(), "target-password", "the URL of the target holds a user name or a password", "take them out, with the @ behind them: the setup says who logs in")
		return false
	case u.RawQuery != "" || u.Fragment != "":
		e.wrong(e.at(), "target-query", "the URL of the target has a query or a fragment, so that no path can be put behind it", "cut it off before ? or #")
		return false
	case !goodPort(u.Port()):
		e.wrong(e.at(), "target-port", fmt.Sprintf("there is no port %s", u.Port()), "write one from 1 to 65535")
		return false
	}
	for _, flow := range flows.All() {
		if base, ok := strings.CutSuffix(e.baseURL(), flow.WellKnown); ok {
			e.wrong(e.at(), "target-is-document", fmt.Sprintf("the target's URL is that of the metadata document of %s", flow.Profile), "write "+base)
			return false
		}
	}
	e.base = u
	return true
}

func goodPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 1 && n <= 65535
}
