// Package play holds the scripts by which a load engine plays the flows: one file a role under load, in which the harness plays everybody else. They judge each
// answer by the rules that the checks of the flow judge by: status, binding, the right user, the right token.
package play

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// Scene is a target under load, as a check would meet it.
type Scene struct {
	Flow   conformance.Flow
	Env    conformance.Env
	Target conformance.Target
	// metadata is the document that the target serves.
	metadata map[string]any
}

// opener makes the script for a role.
type opener func(*Scene) (load.Script, error)

// entry is a role that can be put under load. One that serves many is so without being named; a client, which plays one user or one device, only by its name.
type entry struct {
	role  catalog.Role
	open  opener
	serve bool
}

// roles are those that can be put under load, flow by flow, in the order in which a journey meets them.
func roles(flow string) []entry {
	switch flow {
	case "ticket":
		return []entry{{catalog.AccountServer, newAccountServer, true}, {catalog.AppServer, newAppServer, true}, {catalog.Terminal, newTerminal, false}}
	case "unified":
		return []entry{{catalog.Platform, newPlatform, true}, {catalog.ThirdPartyPlatform, newThirdParty, true}}
	case "mobile":
		return []entry{{catalog.AuthorizationServer, newAuthorizationServer, true}, {catalog.BusinessSystem, newBusinessSystem, true}, {catalog.MobileApp, newMobileApp, false}}
	case "offline":
		return []entry{{catalog.ServiceServer, newServiceServer, true}, {catalog.VerificationDevice, newVerificationDevice, false}, {catalog.Handset, newHandset, false}}
	case "bidirectional":
		return []entry{
			{catalog.OAuthServer, newOAuthServer, true}, {catalog.ResourceServer, newResourceServer, true}, {catalog.ClientInitiating, newInitiating, false},
			{catalog.ClientReceiving, newReceiving, false},
		}
	}
	return nil
}

// Roles are those of a flow that can be put under load; none for a flow without a script.
func Roles(flow string) []catalog.Role {
	var all []catalog.Role
	for _, e := range roles(flow) {
		all = append(all, e.role)
	}
	return all
}

// Chosen are those of the roles that are put under load where nobody names any: the ones that serve many, or else the clients.
func Chosen(flow string, there []catalog.Role) []catalog.Role {
	var servers, clients []catalog.Role
	for _, e := range roles(flow) {
		switch {
		case !slices.Contains(there, e.role):
		case e.serve:
			servers = append(servers, e.role)
		default:
			clients = append(clients, e.role)
		}
	}
	if len(servers) > 0 {
		return servers
	}
	return clients
}

// SceneError says that a target cannot be put under load as it is set up.
type SceneError struct{ Problem string }

func (e *SceneError) Error() string { return e.Problem }

// DeadError says that a target does not serve its metadata any more.
type DeadError struct {
	URL string
	Err error
}

func (e *DeadError) Error() string {
	return fmt.Sprintf("the target does not answer at %s: %v; start it, or correct --target", e.URL, e.Err)
}

// Unwrap gives the cause.
func (e *DeadError) Unwrap() error { return e.Err }

// Open gives the script for a role of the scene's flow. The error is a *SceneError or a *DeadError.
func Open(ctx context.Context, s *Scene, role catalog.Role) (load.Script, error) {
	at := slices.IndexFunc(roles(s.Flow.Name), func(e entry) bool { return e.role == role })
	if at < 0 {
		return nil, &SceneError{fmt.Sprintf("the role %s of %s cannot be put under load; the roles that can are %v", role, s.Flow.Name, Roles(s.Flow.Name))}
	}
	if err := s.discover(ctx); err != nil {
		return nil, err
	}
	return roles(s.Flow.Name)[at].open(s)
}

// discover reads the metadata, as the configuration has them.
func (s *Scene) discover(ctx context.Context) error {
	document := strings.TrimSuffix(s.Target.URL, "/") + s.Flow.WellKnown
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, document, nil)
	if err != nil {
		return &SceneError{fmt.Sprintf("%q is no URL of a target", s.Target.URL)}
	}
	resp, err := s.Env.HTTP().Do(req)
	if err != nil {
		return &DeadError{document, err}
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, conformance.MaxBody)).Decode(&s.metadata); err != nil || resp.StatusCode != http.StatusOK || s.metadata == nil {
		return &SceneError{fmt.Sprintf("%s answers %s and no metadata document; serve section 3 of the profile there", document, resp.Status)}
	}
	return nil
}

// route prepares requests to an endpoint that the metadata name.
func (s *Scene) route(method, member string, headers ...string) (*lean.Route, error) {
	named, _ := s.metadata[member].(string)
	if named == "" {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s name no %s", s.Target.URL, member)}
	}
	r, err := lean.NewRoute(method, named, headers...)
	if err != nil {
		return nil, &SceneError{fmt.Sprintf("%s of the metadata: %v", member, err)}
	}
	return r, nil
}

// routes prepares several; the first error counts.
func (s *Scene) routes(wanted ...want) error {
	for _, w := range wanted {
		r, err := s.route(w.method, w.member, w.headers...)
		if err != nil {
			return err
		}
		*w.into = r
	}
	return nil
}

// want is a route that a script needs.
type want struct {
	into           **lean.Route
	method, member string
	headers        []string
}

func post(into **lean.Route, member, mediaType string, headers ...string) want {
	return want{into, http.MethodPost, member, append([]string{"Content-Type: " + mediaType}, headers...)}
}

func get(into **lean.Route, member string) want { return want{into, http.MethodGet, member, nil} }

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// lots are the values that the harness chooses for a seat: fast, and none twice.
type lots struct{ source *mathrand.ChaCha8 }

func newLots() lots {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // which never fails
	return lots{mathrand.NewChaCha8(seed)}
}

// text is n random bytes, base64url-encoded.
func (l lots) text(n int) string {
	b := make([]byte, n)
	_, _ = l.source.Read(b) // which never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// Read implements io.Reader.
func (l lots) Read(p []byte) (int, error) { return l.source.Read(p) }

// latest holds the last of what was kept, by key. The zero value is empty.
type latest struct {
	of    map[string]string
	order []string
}

// kept is how many of a thing the harness keeps, where a target that never comes to an end would make it keep ever more.
const kept = 4096

// keep keeps a value for a key that has none, and gives the key's value.
func (l *latest) keep(key, value string) string {
	if there, ok := l.of[key]; ok {
		return there
	}
	if l.of == nil {
		l.of = map[string]string{}
	}
	if len(l.order) >= kept {
		delete(l.of, l.order[0])
		l.order = l.order[1:]
	}
	l.of[key], l.order = value, append(l.order, key)
	return value
}

// status wants a status of the last answer.
func status(s *load.Seat, r *lean.Response, want int) error {
	if r.Status != want {
		return s.Wrong(fmt.Sprintf("status %d", want), fmt.Sprintf("status %d", r.Status))
	}
	return nil
}

// secretJSON wants status 200 and a JSON object that no cache keeps, and reads it.
func secretJSON(s *load.Seat, r *lean.Response, into any) error {
	if err := object(s, r, into); err != nil {
		return err
	}
	return uncached(s, r)
}

// uncached wants an answer that no cache keeps.
func uncached(s *load.Seat, r *lean.Response) error {
	if !r.Has("Cache-Control", "no-store") {
		return s.Wrong("Cache-Control: no-store", fmt.Sprintf("Cache-Control %q", r.Header("Cache-Control")))
	}
	return nil
}

// object wants status 200 and a JSON object, and reads it.
func object(s *load.Seat, r *lean.Response, into any) error {
	if err := status(s, r, http.StatusOK); err != nil {
		return err
	}
	if !typed(r, asJSON) {
		return s.Wrong("an answer of type "+asJSON, fmt.Sprintf("Content-Type %q", r.Header("Content-Type")))
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		return s.Wrong("a JSON object with the members of the profile", err.Error())
	}
	return nil
}

// typed reports whether an answer is of the type, whatever its parameters.
func typed(r *lean.Response, mediaType string) bool {
	kind, _, _ := bytes.Cut(r.Header("Content-Type"), []byte{';'})
	return bytes.EqualFold(bytes.TrimSpace(kind), []byte(mediaType))
}

// refusal wants a refusal with a status and one of the error codes.
func refusal(s *load.Seat, r *lean.Response, want int, codes ...string) error {
	if err := status(s, r, want); err != nil {
		return err
	}
	var body struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil || !slices.Contains(codes, body.Error) {
		return s.Wrong("error "+strings.Join(codes, " or "), fmt.Sprintf("error %q", body.Error))
	}
	return nil
}

// same wants a member of the last answer to have a value.
func same(s *load.Seat, member, want, got string) error {
	if got != want {
		return s.Wrong(fmt.Sprintf("%s %q", member, want), fmt.Sprintf("%s %q", member, got))
	}
	return nil
}

// first gives the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
