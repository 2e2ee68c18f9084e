package doctor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/fixture"
)

// seed is a misconfiguration: a file, and a world in which it is wrong.
type seed struct {
	// file is put behind the good one's lines; TARGET, OWN and PEER stand for the target's URL and two free addresses. Where it has a line with the key of a good one, it replaces it.
	file string
	// target starts the target and gives its URL; nil: one that is well.
	target func(folder string) string
	// prepare makes what else there is, in the folder of the file.
	prepare func(folder string)
	code    string
	place   string // line and column, as :3:9; empty for none
	says    string // part of the finding
	dead    bool
	warning bool
}

var good = []string{"profile: bidirectional@1", "target: TARGET", "level: hardened", "roles: [oauth-server]", "limit: 10s", "setup: {own_issuer: 'OWN', peer_issuer: 'PEER'}"}

// text is the whole file.
func (s seed) text() string {
	lines := []string{}
	for _, line := range good {
		key, _, _ := strings.Cut(line, ":")
		replaced := false
		for own := range strings.SplitSeq(s.file, "\n") {
			if strings.HasPrefix(own, key+":") {
				lines, replaced = append(lines, own), true
			}
		}
		if !replaced {
			lines = append(lines, line)
		}
	}
	for own := range strings.SplitSeq(s.file, "\n") {
		key, _, _ := strings.Cut(own, ":")
		if own != "" && !strings.Contains("\n"+strings.Join(good, "\n"), "\n"+key+":") {
			lines = append(lines, own)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// at is a target that is well but for its URL, which has something else in it or behind it.
func at(change func(url string) string) func(string) string {
	return func(string) string { return change(site{}.start()) }
}

func of(s site) func(string) string { return func(string) string { return s.start() } }

// secure is a site of https whose CA's certificate lies in the folder as ca.pem.
func secure(name string, from, to time.Duration, change func(*tls.Config)) func(string) string {
	return func(folder string) string {
		ca := newAuthority()
		write(folder, "ca.pem", "CERTIFICATE", ca.cert.Raw)
		serve := serving(ca.issue(name, from, to))
		if change != nil {
			change(serve)
		}
		return site{tls: serve}.start()
	}
}

// canaries are secrets that no finding may show.
const canary = "canary-secret-0123456789"

var environment = map[string]string{"CANARY": canary, "EMPTY": ""}

func lookup(name string) (string, bool) { value, ok := environment[name]; return value, ok }

const day = 24 * time.Hour

// seeds are misconfigurations that people make, each with its own diagnosis.
var seeds = []struct {
	name string
	seed
}{
	// The file.
	{"an environment that lacks what a secret refers to", seed{file: "setup: {handover_key: '${env:MISSING}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: "the environment has no MISSING"}},
	{"an environment where it is empty", seed{file: "setup: {handover_key: '${env:EMPTY}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: "but it is empty"}},
	{"a file of a secret that is not there", seed{file: "setup: {handover_key: '${file:none.txt}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: "the file none.txt cannot be read: no such file"}},
	{"a file of a secret that is empty", seed{file: "setup: {handover_key: '${file:empty.txt}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: "the file empty.txt is empty",
		prepare: func(folder string) {
			Expect(os.WriteFile(filepath.Join(folder, "empty.txt"), []byte("\n"), 0o600)).To(Succeed())
		}}},
	{"a reference of a kind that there is not", seed{file: "setup: {handover_key: '${vault:canary}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: `a reference of the kind "vault" is unknown`}},
	{"a reference in the middle of a text", seed{file: "setup: {handover_key: 'x-${env:CANARY}', own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "configuration", place: ":6:23", says: "has other text around it"}},
	{"a secret in the place of a URL", seed{file: "setup: {own_issuer: '${env:CANARY}', peer_issuer: 'PEER'}", code: "configuration", place: ":6:21", says: "what the reference stands for is not a URL"}},
	{"a CA that is not there", seed{file: "tls: {ca: none.pem}", code: "configuration", place: ":7:11", says: "the file cannot be read: no such file"}},
	{"a CA that is no certificate", seed{file: "tls: {ca: countersign.yaml}", code: "configuration", place: ":7:11", says: "no certificate in PEM"}},
	{"a client's certificate without its key", seed{file: "tls: {certificate: client.pem}", code: "configuration", place: ":7:20", says: "its key is missing"}},
	{"a client's certificate with another's key", seed{file: "tls: {certificate: client.pem, key: countersign.yaml}", code: "configuration", place: ":7:37", says: "do not make a pair",
		prepare: func(folder string) { writePair(folder, newAuthority().issue("harness", -day, day)) }}},
	{"a client's certificate that has expired", seed{file: "tls: {certificate: client.pem, key: client-key.pem, ca: ca.pem}", target: secure("127.0.0.1", -day, day, nil), code: "tls-client-expired", place: ":7:20", says: "the certificate that the harness shows expired",
		prepare: func(folder string) { writePair(folder, newAuthority().issue("harness", -2*day, -day)) }}},
	{"tls for a target that is asked over http", seed{file: "tls: {server_name: example.org}", code: "tls-unused", place: ":7:6", says: "tls is set, but the target's URL is http", warning: true}},
	{"a key of which a letter is missing", seed{file: "limt: 10s", code: "configuration", place: ":7:1", says: `unknown key "limt"`}},
	{"a limit too short for anything", seed{file: "limit: 1ms", code: "limit-short", place: ":5:8", says: "within 1ms no exchange can end"}},
	{"a limit that outlasts patience", seed{file: "limit: 11m", code: "limit-long", place: ":5:8", says: "lets one silent answer hold up the run"}},
	{"a wait that outlasts patience", seed{file: "max_wait: 100m", code: "wait-long", place: ":7:11", says: "holds up the run"}},
	{"a negative seed", seed{file: "seed: -1", code: "configuration", place: ":7:7", says: "a whole number of 0 or more is wanted here"}},
	{"a seed that readers of JSON round", seed{file: "seed: 9007199254740993", code: "seed-large", place: ":7:7", says: "some readers of report.json round it", warning: true}},
	{"a secret that is hardly one", seed{file: "setup: {handover_key: abc, own_issuer: 'OWN', peer_issuer: 'PEER'}", code: "secret-short", place: ":6:8", says: "setup.handover_key is shorter than 4 characters", warning: true}},
	{"an expected failure of no requirement", seed{file: "expected_failures: [{id: BI-OS-99, reason: later}]", code: "expected-unknown", place: ":7:26", says: "there is no requirement BI-OS-99"}},
	{"an expected failure of another level", seed{file: "level: core\nexpected_failures: [{id: BI-OS-31, reason: later}]", code: "expected-level", place: ":7:26", says: "BI-OS-31 is of level hardened, and core is under test"}},
	{"an expected failure of another role", seed{file: "expected_failures: [{id: BI-RS-01, reason: later}]", code: "expected-role", place: ":7:26", says: "binds resource-server, which is not under test"}},
	{"an expected failure of a role that it does not bind", seed{file: "expected_failures: [{id: BI-OS-05@client-receiving, reason: later}]", code: "expected-unknown-role", place: ":7:26", says: "BI-OS-05 does not bind the role client-receiving"}},
	{"an expected failure of another flow", seed{file: "expected_failures: [{id: TI-AM-01, reason: later}]", code: "expected-other-flow", place: ":7:26", says: "TI-AM-01 belongs to ticket@1, and bidirectional@1 is under test"}},
	{"the same expected failure twice", seed{file: "expected_failures: [{id: BI-OS-05, reason: a}, {id: BI-OS-05, reason: b}]", code: "expected-twice", place: ":7:53", says: "BI-OS-05 is expected to fail twice"}},

	// The target's URL.
	{"a password in the target's URL", seed{target: at(func(u string) string { return strings.Replace(u, "//", "//me:"+canary+"@", 1) }), code: "target-password", place: ":2:9", says: "holds a user name or a password"}},
	{"a query behind the target's URL", seed{target: at(func(u string) string { return u + "/?a=b" }), code: "target-query", place: ":2:9", says: "has a query or a fragment"}},
	{"a port that there is not", seed{target: at(func(string) string { return "http://127.0.0.1:99999" }), code: "target-port", place: ":2:9", says: "there is no port 99999"}},
	{"the document's URL for the target's", seed{target: at(func(u string) string { return u + "/.well-known/bidirectional-authorization" }), code: "target-is-document", place: ":2:9", says: "is that of the metadata document"}},
	{"a path too much", seed{target: at(func(u string) string { return u + "/api" }), code: "metadata-elsewhere", place: ":2:9", says: "but there is one below http://127.0.0.1"}},

	// The connection.
	{"a host that nobody knows", seed{target: at(func(string) string { return "http://target.invalid" }), code: "host-unknown", place: ":2:9", says: "the name target.invalid is unknown", dead: true}},
	{"a port at which nothing listens", seed{target: func(string) string { return fixture.FreeOrigin() }, code: "connection-refused", place: ":2:9", says: "connection refused, since nothing listens", dead: true}},
	{"a target that never answers", seed{target: of(site{document: never}), code: "no-answer", place: ":2:9", says: "no answer came in time", dead: true}},
	{"a target that hangs up", seed{target: func(string) string { return raw(func(net.Conn) {}) }, code: "connection-closed", place: ":2:9", says: "ends the connection without a whole answer", dead: true}},
	{"the port of something that speaks no HTTP", seed{target: func(string) string {
		return raw(func(c net.Conn) { _, _ = fmt.Fprint(c, "SSH-2.0-OpenSSH_9.9\r\n"); _, _ = c.Read(make([]byte, 1)) })
	}, code: "no-http", place: ":2:9", says: "does not speak HTTP"}},
	{"https at a port of plain HTTP", seed{target: at(func(u string) string { return strings.Replace(u, "http:", "https:", 1) }), code: "tls-on-plain", place: ":2:9", says: "write http://127.0.0.1:"}},
	{"http at a port of TLS", seed{target: func(folder string) string {
		return strings.Replace(secure("127.0.0.1", -day, day, nil)(folder), "https:", "http:", 1)
	}, code: "plain-on-tls", place: ":2:9", says: "write https://127.0.0.1:"}},
	{"a CA that this machine does not know", seed{target: secure("127.0.0.1", -day, day, nil), code: "tls-unknown-ca", place: ":2:9", says: "name the file of its CA under tls.ca"}},
	{"a certificate that has expired", seed{file: "tls: {ca: ca.pem}", target: secure("127.0.0.1", -2*day, -day, nil), code: "tls-expired", place: ":2:9", says: "the certificate of 127.0.0.1 expired on"}},
	{"a certificate of tomorrow", seed{file: "tls: {ca: ca.pem}", target: secure("127.0.0.1", day, 2*day, nil), code: "tls-not-yet-valid", place: ":2:9", says: "is valid from"}},
	{"a certificate for another name", seed{file: "tls: {ca: ca.pem}", target: secure("example.org", -day, day, nil), code: "tls-wrong-name", place: ":2:9", says: "is for example.org and not for 127.0.0.1"}},
	{"a target that wants a client's certificate", seed{file: "tls: {ca: ca.pem}", target: secure("127.0.0.1", -day, day, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), code: "tls-client-certificate", place: ":2:9", says: "asks for a client's certificate"}},
	{"a target that does not trust the client's certificate", seed{file: "tls: {ca: ca.pem, certificate: client.pem, key: client-key.pem}",
		target:  secure("127.0.0.1", -day, day, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }),
		prepare: func(folder string) { writePair(folder, newAuthority().issue("harness", -day, day)) }, code: "tls-client-refused", place: ":7:32", says: "does not take the certificate"}},
	{"a target that speaks only old TLS", seed{file: "tls: {ca: ca.pem}", target: secure("127.0.0.1", -day, day, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), code: "tls-version", place: ":2:9", says: "no version of TLS"}},

	// The metadata document.
	{"no document", seed{target: of(site{document: http.NotFound}), code: "metadata-missing", place: ":2:9", says: "answers 404 Not Found"}},
	{"the document of another flow", seed{target: of(site{flow: "ticket"}), code: "metadata-other-flow", place: ":1:10", says: "serves the document of ticket@1 and not that of bidirectional@1"}},
	{"a document that wants a login", seed{target: of(site{document: status(401)}), code: "metadata-forbidden", place: ":2:9", says: "answers 401 Unauthorized"}},
	{"a document that moved", seed{target: of(site{document: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://example.org/x", http.StatusMovedPermanently)
	}}), code: "metadata-redirect", place: ":2:9", says: "redirects to https://example.org/x"}},
	{"a server in trouble", seed{target: of(site{document: status(503)}), code: "metadata-broken-server", place: ":2:9", says: "answers 503 Service Unavailable"}},
	{"another status", seed{target: of(site{document: status(204)}), code: "metadata-status", place: ":2:9", says: "answers 204 No Content"}},
	{"a page for a document", seed{target: of(site{document: text("<html>")}), code: "metadata-no-json", place: ":2:9", says: "is no JSON object but something else"}},
	{"a list for a document", seed{target: of(site{document: text("[]")}), code: "metadata-no-object", place: ":2:9", says: "though it is JSON"}},
	{"a document without end", seed{target: of(site{document: func(w http.ResponseWriter, _ *http.Request) {
		for _, err := fmt.Fprint(w, " "); err == nil; _, err = fmt.Fprint(w, strings.Repeat(" ", 4096)) {
		}
	}}), code: "metadata-broken", place: ":2:9", says: "is longer than"}},
	{"a document of another version", seed{target: of(site{change: map[string]any{"profile": "bidirectional@2"}}), code: "profile-version", place: ":2:9", says: "the target speaks bidirectional@2, and bidirectional@1 is tested"}},
	{"a document of another profile", seed{target: of(site{change: map[string]any{"profile": "ticket@1"}}), code: "profile-other", place: ":2:9", says: "is of the profile ticket@1"}},
	{"a document without a profile", seed{target: of(site{change: map[string]any{"profile": nil}}), code: "profile-missing", place: ":2:9", says: "names no profile", warning: true}},
	{"the issuer of another host", seed{target: of(site{change: map[string]any{"issuer": "https://id.example.org"}}), code: "issuer-other", place: ":2:9", says: `name the issuer "https://id.example.org"`}},
	{"an issuer that differs by a slash", seed{target: of(site{change: map[string]any{"issuer": "ORIGIN/"}}), code: "issuer-differs", place: ":2:9", says: "character by character", warning: true}},
	{"a client that trusts another issuer", seed{file: "roles: [client]", target: of(site{change: map[string]any{"temporary_credential_endpoint": nil, "start_endpoint": "ORIGIN/start", "issuer": "http://127.0.0.1:9"}}), code: "issuer-other", place: ":6:21", says: "the harness plays the server that it is to trust"}},
	{"a role that the target does not serve", seed{file: "roles: [oauth-server, resource-server]", code: "role-not-served", place: ":4:23", says: "does not serve the role resource-server: its metadata have no token_handover_endpoint"}},
	{"no role at all", seed{file: "roles:\n", target: of(site{change: map[string]any{"temporary_credential_endpoint": nil}}), code: "configuration", says: "roles: a list of roles is wanted here", place: ":4:7"}},
	{"an endpoint that is no URL", seed{target: of(site{change: map[string]any{"token_endpoint": "/token"}}), code: "endpoint-no-url", place: ":2:9", says: "token_endpoint in the target's metadata is no URL", warning: true}},
	{"an endpoint on another machine", seed{target: of(site{change: map[string]any{"token_endpoint": "http://token.invalid/"}}), code: "endpoint-unreachable", place: ":2:9", says: "token_endpoint cannot be reached at http://token.invalid: the name of the host is unknown", warning: true}},
	{"a telling endpoint at which nothing listens", seed{file: "endpoints: {temporary_credential_endpoint: 'PEER9/t'}", code: "endpoint-unreachable", place: ":7:44", says: "temporary_credential_endpoint cannot be reached"}},
	{"an endpoint with another scheme", seed{target: func(string) string {
		s := site{}
		s.document = func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"profile": "bidirectional@1", "issuer": "http://%[1]s", "test_clock_endpoint": "http://%[1]s/clock", "temporary_credential_endpoint": "http://%[1]s/t", "token_endpoint": "https://%[1]s/t"}`, r.Host)
		}
		return s.start()
	}, code: "endpoint-scheme", place: ":2:9", says: "token_endpoint has the scheme https", warning: true}},
	{"members from the file instead of the document", seed{file: "lifetimes: {access_token_lifetime: 5}", code: "metadata-configured", place: ":7:12", says: "judge what the file says", warning: true}},

	// Clocks.
	{"no test clock", seed{target: of(site{change: map[string]any{"test_clock_endpoint": nil}}), code: "clock-not-movable", place: ":2:9", says: "offers no test clock", warning: true}},
	{"a test clock that is not there", seed{target: of(site{clock: http.NotFound}), code: "clock-broken", place: ":2:9", says: "does not answer 200 with the new time"}},
	{"a test clock that stands still at the beginning of time", seed{target: of(site{clock: text(`{"now": 1}`)}), code: "clock-behind", place: ":2:9", says: "behind this machine's", warning: true}},
	{"a clock that is ten minutes ahead", seed{target: of(skewed(10 * time.Minute)), code: "clock-off", place: ":2:9", says: "clock is 10m"}},

	// Where the harness plays.
	{"a port that is taken", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'TAKEN'}", code: "address-taken", place: ":6:60", says: "the port is taken"}},
	{"an address of another machine", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'http://192.0.2.1:8792'}", code: "address-not-local", place: ":6:60", says: "is not one of this machine"}},
	{"an address that is unknown", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'http://harness.invalid:8792'}", code: "address-unknown-host", place: ":6:60", says: "the name of the host is unknown"}},
	{"any address", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'http://0.0.0.0:8792'}", code: "address-unspecified", place: ":6:60", says: "none that the target can call"}},
	{"two parties at one address", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'OWN'}", code: "address-twice", place: ":6:60", says: "is to play site-a and site-b at the same address"}},
	{"a party where the target is", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'TARGET'}", code: "address-of-target", place: ":6:60", says: "where the target is"}},
	{"an address with a slash", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'PEER/'}", code: "address-path", place: ":6:60", says: "has a path or a slash at its end"}},
	{"an address without a port", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'http://127.0.0.1'}", code: "address-no-port", place: ":6:60", says: "has no port"}},
	{"an address of https", seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'https://127.0.0.1:8792'}", code: "stage-no-certificate", place: ":6:60", says: "is to play site-b at https://127.0.0.1:8792, and has no certificate to show there"}},

	// Credentials.
	{"clients that the target does not know", seed{target: of(site{other: func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), `"client-b"`) {
			w.WriteHeader(401)
			_, _ = fmt.Fprint(w, `{"error": "signature_invalid"}`)
		}
	}}), code: "credential-refused", says: `refuses the secret of the client "client-b"`}},
	{"an app that the target does not know", seed{file: "profile: ticket@1\nroles: [account-server]\nsetup: {issuer: 'OWN', apps: [{id: one, secret: " + canary + ", base_url: 'PEER'}, {id: two, secret: known, base_url: 'PEER9'}]}",
		target: of(site{flow: "ticket", other: func(w http.ResponseWriter, r *http.Request) {
			if _, secret, _ := r.BasicAuth(); secret != "known" {
				w.WriteHeader(401)
			}
		}}), code: "credential-refused", place: ":6:55", says: `refuses the secret of the app "one"`}},
	{"a device that the target does not know", seed{file: "profile: offline@1\nroles: [service-server]\nsetup: {issuer: 'OWN', devices: [{id: one, secret: " + canary + ", base_url: 'PEER'}, {id: two, secret: known, base_url: 'PEER9'}]}",
		target: of(site{flow: "offline", other: func(w http.ResponseWriter, r *http.Request) {
			if _, secret, _ := r.BasicAuth(); secret != "known" {
				w.WriteHeader(401)
			}
		}}), code: "credential-refused", place: ":6:58", says: `refuses the secret of the device "one"`}},
	{"two apps of one name", seed{file: "profile: ticket@1\nroles: [account-server]\nsetup: {issuer: 'OWN', apps: [{id: one, secret: first, base_url: 'PEER'}, {id: one, secret: second, base_url: 'PEER9'}]}",
		target: of(site{flow: "ticket"}), code: "name-twice", place: ":6:117", says: `setup.apps[0] and [1] are both called "one"`}},
	{"a target that is set up as another app", seed{file: "profile: ticket@1\nroles: [app-server]\nsetup: {issuer: 'OWN', apps: [{id: one, secret: first, base_url: 'PEER'}, {id: two, secret: second, base_url: 'PEER9'}]}",
		target: of(site{flow: "ticket", change: map[string]any{"authentication_endpoint": nil, "resource_endpoint": "ORIGIN/resource", "app_id": "nine", "issuer": nil}}), code: "other-name", place: ":6:55", says: `name it as app_id "nine", but the setup has "one"`}},
	{"an operator that the target does not know", seed{file: "profile: unified@1\nroles: [authentication-platform]\nsetup: " + unifiedSetup, target: of(site{flow: "unified", other: func(w http.ResponseWriter, r *http.Request) {
		if name, _, _ := r.BasicAuth(); name == "rene" {
			w.WriteHeader(401)
		}
	}}), code: "credential-refused", says: `refuses the secret of the operator "rene"`}},
}

func entries() []TableEntry {
	var all []TableEntry
	for _, s := range slices.Concat(seeds, stageSeeds, driveSeeds) {
		all = append(all, Entry(s.name, s.seed))
	}
	return all
}

// unifiedSetup has free addresses.
const unifiedSetup = `{registering: 'OWN', attacker: 'PEER'}`

// skewed is a site without a test clock whose machine's clock is ahead.
func skewed(by time.Duration) site {
	s := site{}
	s.document = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		_, _ = fmt.Fprintf(w, `{"profile": "bidirectional@1", "issuer": "http://%[1]s", "temporary_credential_endpoint": "http://%[1]s/t"}`, r.Host)
	}
	return s
}

// play makes the world of a seed and gives the path of its file.
func (s seed) play() string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	if s.prepare != nil {
		s.prepare(folder)
	}
	start := s.target
	if start == nil {
		start = of(site{})
	}
	url := start(folder)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(taken.Close)
	text := strings.NewReplacer("SECURE", strings.Replace(fixture.FreeOrigin(), "http:", "https:", 1), "LISTEN", strings.TrimPrefix(fixture.FreeOrigin(), "http://"), "BUSY", taken.Addr().String(), "TARGET", url, "OWN", fixture.FreeOrigin(), "PEER9", fixture.FreeOrigin(), "PEER", fixture.FreeOrigin(), "TAKEN", "http://"+taken.Addr().String()).Replace(s.text())
	file := filepath.Join(folder, "countersign.yaml")
	Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
	return file
}

var _ = Describe("A doctor", func() {
	reader := config.Reader{Env: lookup}

	DescribeTable("does not let the built-in reference be judged in the place of a target that a file describes and does not name",
		func(text, key, place string) {
			file := filepath.Join(GinkgoT().TempDir(), "countersign.yaml")
			Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
			Expect(doctor.File(context.Background(), reader, file)).To(ConsistOf(HaveField("String()", fmt.Sprintf(
				"%s%s: `%s` describes a target that nothing names, and the built-in reference would be judged in its place; add the key `target`, or say --target; or take it out, to judge the reference", file, place, key))))
			c, err := reader.Load(file)
			Expect(err).NotTo(HaveOccurred())
			_, err = certify.Job{Config: c, Only: []string{"BI-OS-05"}, Simulated: true}.Run(context.Background())
			Expect(certify.ExitCode(err)).To(Equal(2))
		},
		Entry("by a setup", "profile: bidirectional@1\nsetup: {handover_key: of-the-vendor}\n", "setup", ":2:8"),
		Entry("by tls", "tls: {server_name: example.org}\n", "tls", ":1:6"),
		Entry("by a stage", "seed: 3\nstage:\n  listen: {site-a: '0.0.0.0:8791'}\n", "stage", ":3:3"),
	)

	It("lets the reference be judged by a file that describes no target", func() {
		file := filepath.Join(GinkgoT().TempDir(), "countersign.yaml")
		Expect(os.WriteFile(file, []byte("profile: bidirectional@1\nlevel: core\nseed: 3\nroles: [client]\nlimit: 5s\n"), 0o600)).To(Succeed())
		Expect(doctor.File(context.Background(), reader, file)).To(BeEmpty())
	})

	DescribeTable("finds what is wrong, and it alone, before anything is judged: ",
		func(s seed) {
			file := s.play()
			begun := time.Now()
			findings := doctor.File(context.Background(), reader, file)
			Expect(time.Since(begun)).To(BeNumerically("<", 2*time.Second))

			wanted, others := doctor.Error, []string{}
			if s.warning {
				wanted = doctor.Warning
			}
			var found []doctor.Finding
			for _, f := range findings {
				Expect(f.String()).NotTo(ContainSubstring(canary))
				Expect(f.What).NotTo(BeEmpty())
				Expect(f.Mend).NotTo(BeEmpty())
				if f.Code == s.code && f.Severity == wanted {
					found = append(found, f)
				} else if f.Severity == doctor.Error || wanted == doctor.Warning {
					others = append(others, f.String())
				}
			}
			Expect(found).To(HaveLen(1), "%v", findings)
			Expect(others).To(BeEmpty())
			Expect(found[0].String()).To(ContainSubstring(s.says))
			Expect(found[0].Dead).To(Equal(s.dead))
			if s.place == "" {
				Expect(found[0].Place).To(Equal(config.Place{}))
			} else {
				Expect(found[0].Place.String()).To(Equal(file + s.place))
			}
			if s.warning {
				Expect(doctor.Refuse(findings)).To(Succeed())
				return
			}

			c, err := reader.Load(file)
			job := certify.Job{Config: c, Only: []string{"BI-OS-05"}}
			if err == nil {
				var report any
				results, runErr := job.Run(context.Background())
				report, err = results.Results, runErr
				Expect(report).To(BeEmpty(), "nothing may be judged")
				var refusal *doctor.Refusal
				Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
				Expect(refusal.Findings).To(HaveLen(1))
			}
			code := 2
			if s.dead {
				code = 3
			}
			Expect(certify.ExitCode(err)).To(Equal(code))
		}, entries())

	It("is tried on thirty kinds of misconfiguration and more", func() {
		kinds := map[string]bool{}
		for _, s := range seeds {
			kinds[s.code+": "+s.says] = true
		}
		Expect(len(kinds)).To(Equal(len(seeds)), "each seed has its own diagnosis")
		Expect(len(kinds)).To(BeNumerically(">=", 30))
	})

	It("finds nothing wrong with what is well", func() {
		Expect(doctor.File(context.Background(), reader, seed{}.play())).To(BeEmpty())
	})

	It("finds nothing wrong over TLS with a CA of one's own and a client's certificate", func() {
		file := seed{file: "tls: {ca: ca.pem, certificate: client.pem, key: client-key.pem}",
			target:  secure("127.0.0.1", -day, day, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }),
			prepare: func(folder string) { writePair(folder, newAuthority().issue("harness", -day, day)) }}.play()
		Expect(doctor.File(context.Background(), reader, file)).To(BeEmpty())
	})

	It("takes a name other than the URL's for a certificate", func() {
		file := seed{file: "tls: {ca: ca.pem, server_name: example.org}", target: secure("example.org", -day, day, nil)}.play()
		Expect(doctor.File(context.Background(), reader, file)).To(BeEmpty())
	})

	It("has a secret from the environment taken by the target, and shows it to nobody", func() {
		file := seed{file: "setup: {own_issuer: 'OWN', peer_issuer: 'PEER', handover_key: '${env:CANARY}'}"}.play()
		Expect(doctor.File(context.Background(), reader, file)).To(BeEmpty())
	})

	DescribeTable("has one thing to say of a dead target, whatever flow is meant, within two seconds",
		func(serve func() string, dead bool) {
			c := config.Default()
			c.Target = serve()
			begun := time.Now()
			findings := doctor.Examine(context.Background(), c)
			Expect(time.Since(begun)).To(BeNumerically("<", 2*time.Second))
			Expect(findings).To(HaveLen(1))
			Expect(findings[0].Dead).To(Equal(dead))
			Expect(findings[0].Place).To(Equal(config.Place{}), "a flag named it")
		},
		Entry("when nothing listens", fixture.FreeOrigin, true),
		Entry("when it is silent", func() string { return site{document: never}.start() }, true),
		Entry("when it serves no flow", func() string {
			return raw(func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = fmt.Fprint(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			})
		}, false),
	)

	It("learns the flow from the target, and examines what the harness needs for it", func() {
		c := config.Default()
		c.Target = site{flow: "ticket"}.start()
		taken, err := net.Listen("tcp", "127.0.0.1:8812")
		if err != nil {
			Skip("the default address of an app is in use on this machine")
		}
		DeferCleanup(taken.Close)
		Expect(doctor.Examine(context.Background(), c)).To(ContainElement(And(HaveField("Code", "address-taken"), HaveField("What", ContainSubstring("app-one")))))
	})

	It("says of a role that the flow does not have which ones it has", func() {
		c, err := reader.Load(seed{}.play())
		Expect(err).NotTo(HaveOccurred())
		c.Roles = append(c.Roles, "terminal")
		Expect(doctor.Examine(context.Background(), c)).To(ConsistOf(And(HaveField("Code", "role-unknown"), HaveField("Mend", ContainSubstring("resource-server")))))
	})
})
