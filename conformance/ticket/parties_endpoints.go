package ticket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
)

// read takes a request apart.
func (p *party) read(r *http.Request) *received {
	rec := &received{
		party: p, endpoint: strings.TrimPrefix(r.URL.Path, "/"), line: r.Method + " " + r.URL.Path,
		members: map[string]string{}, at: p.t.Env.Now(), exchange: conformance.ExchangeOf(r),
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rec.problem = "the body broke off"
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	fmt.Fprintf(&text, "\n%s", body)
	rec.text = text.String()
	switch {
	case r.Method == http.MethodPost && rec.problem == "":
		rec.problem = rec.readBody(r.Header.Get("Content-Type"), body)
	case rec.endpoint == "resource":
		rec.pair, rec.problem = readPair(r.Header.Values("Authorization"))
	}
	return rec
}

// readBody reads the string members of a JSON object; section 2.
func (r *received) readBody(contentType string, body []byte) (problem string) {
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/json" {
		return fmt.Sprintf("invalid_request: Content-Type %q", contentType)
	}
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		return "invalid_request: the body is no JSON object"
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if value, ok := members[name].(string); ok {
			r.members[name] = value
		}
	}
	return ""
}

// readPair reads an Authorization header of the scheme Ticket; section 5.1.
func readPair(headers []string) (shown pair, problem string) {
	if len(headers) != 1 {
		return pair{}, fmt.Sprintf("ticket_required: %d Authorization headers", len(headers))
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	if !strings.EqualFold(scheme, "Ticket") {
		return pair{}, fmt.Sprintf("ticket_required: the scheme of Authorization is %q", scheme)
	}
	for field := range strings.SplitSeq(rest, ",") { // no value that section 2 allows holds a comma
		name, value, _ := strings.Cut(field, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		into := map[string]*string{"user_id": &shown.userID, "authorization_key": &shown.authorizationKey}[strings.ToLower(strings.TrimSpace(name))]
		switch {
		case into == nil:
		case *into != "":
			return pair{}, "invalid_request: " + strings.TrimSpace(name) + " twice"
		default:
			*into = value
		}
	}
	if shown.userID == "" || shown.authorizationKey == "" {
		return pair{}, "invalid_request: user_id or authorization_key is missing"
	}
	return shown, ""
}

// partyAnswer is an answer of a party.
type partyAnswer struct {
	status int
	header [][2]string
	body   any
}

func (a partyAnswer) write(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	for _, h := range a.header {
		w.Header().Set(h[0], h[1])
	}
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // the terminal has gone when it cannot be written
}

// decline refuses a request; the problem becomes part of the record.
func decline(rec *received, status int, problem string, header ...[2]string) partyAnswer {
	rec.problem = problem
	code, _, _ := strings.Cut(problem, ":")
	return partyAnswer{status: status, header: header, body: map[string]string{"error": code, "error_description": problem}}
}

// answer finds the endpoint and lets it answer.
func (p *party) answer(rec *received, method string, f fault) partyAnswer {
	wanted, handle := http.MethodPost, map[string]func(*received, fault) partyAnswer{
		"registration":   p.registration,
		"authentication": p.authentication,
		"refresh":        p.refresh,
		"revocation":     p.revocation,
	}[rec.endpoint]
	if p.appID != "" {
		handle = nil
	}
	switch {
	case "/"+rec.endpoint == wellKnown:
		wanted, handle = http.MethodGet, p.document
	case rec.endpoint == "resource" && p.appID != "":
		wanted, handle = http.MethodGet, p.resource
	}
	switch {
	case f.status != 0:
		a := partyAnswer{status: f.status, body: map[string]string{"error": "temporarily_unavailable", "error_description": "A fault that the check wants."}}
		if f.location != "" {
			a.header = append(a.header, [2]string{"Location", f.location})
		}
		if f.retryAfter != "" {
			a.header = append(a.header, [2]string{"Retry-After", f.retryAfter})
		}
		return a
	case handle == nil:
		return decline(rec, http.StatusNotFound, "not_found: "+p.name+" has no such endpoint")
	case method != wanted:
		return decline(rec, http.StatusMethodNotAllowed, "method_not_allowed: sent with "+method)
	case rec.problem != "" && method == http.MethodPost:
		return decline(rec, http.StatusBadRequest, rec.problem)
	}
	return handle(rec, f)
}

// lacking names a member that the body does not have as a string; empty for none.
func (r *received) lacking(names ...string) string {
	for _, name := range names {
		if _, ok := r.members[name]; !ok {
			return "invalid_request: no string member " + name
		}
	}
	return ""
}

func (p *party) document(*received, fault) partyAnswer {
	d := map[string]any{"profile": "ticket@1", "issuer": p.t.Issuer}
	if p.appID != "" {
		d["app_id"], d["resource_endpoint"] = p.appID, p.in("resource")
		return partyAnswer{status: http.StatusOK, body: d}
	}
	for _, endpoint := range []string{"registration", "authentication", "refresh", "verification", "revocation"} {
		d[endpoint+"_endpoint"] = p.in(endpoint)
	}
	d["authorization_key_lifetime"], d["refresh_key_lifetime"], d["refresh_grace"] = 600, 2592000, 60
	return partyAnswer{status: http.StatusOK, body: d}
}

func (p *party) registration(rec *received, _ fault) partyAnswer {
	if problem := rec.lacking("user_name", "password"); problem != "" {
		return decline(rec, http.StatusBadRequest, problem)
	}
	if p.find(rec.members["user_name"]) != nil {
		a := decline(rec, http.StatusConflict, "user_name_taken: the name is taken")
		rec.problem = "" // the request itself was in order
		return a
	}
	opened := p.enter(person{name: rec.members["user_name"], password: rec.members["password"]})
	return partyAnswer{status: http.StatusCreated, body: map[string]string{"user_id": opened.userID}}
}

func (p *party) authentication(rec *received, f fault) partyAnswer {
	if problem := rec.lacking("user_name", "password", "app_id"); problem != "" {
		return decline(rec, http.StatusBadRequest, problem)
	}
	who, appID := p.find(rec.members["user_name"]), rec.members["app_id"]
	switch {
	case who == nil || who.password != rec.members["password"]:
		return decline(rec, http.StatusBadRequest, "invalid_grant: the password is wrong, or nobody has that name")
	case !slices.ContainsFunc(p.apps, func(app *party) bool { return app.appID == appID }):
		return decline(rec, http.StatusBadRequest, fmt.Sprintf("invalid_target: there is no app %q", appID))
	}
	made := p.newTicket(who.userID, appID, &family{})
	if f.forged == nil {
		p.tickets = append(p.tickets, made)
	}
	return made.answer(f)
}

// answer hands a ticket out: section 4.2.
func (held *heldTicket) answer(f fault) partyAnswer {
	members := map[string]any{
		"user_id": held.userID, "app_id": held.appID, "authorization_key": held.authorizationKey, "refresh_key": held.refreshKey,
		"expires_in": 600, "refresh_expires_in": 2592000,
	}
	if f.forged != nil {
		f.forged(members)
	}
	return partyAnswer{status: http.StatusOK, body: members}
}

// refresh is section 4.3, reuse and grace included.
func (p *party) refresh(rec *received, f fault) partyAnswer {
	if problem := rec.lacking("user_id", "refresh_key"); problem != "" {
		return decline(rec, http.StatusBadRequest, problem)
	}
	held := p.byRefreshKey(rec.members["user_id"], rec.members["refresh_key"])
	switch {
	case held == nil:
		return decline(rec, http.StatusBadRequest, "invalid_grant: no ticket has this user_id with this refresh_key")
	case held.family.revoked:
		return decline(rec, http.StatusBadRequest, "invalid_grant: the ticket's family is revoked")
	case f.forged != nil:
		return p.newTicket(held.userID, held.appID, held.family).answer(f)
	case held.successor == nil:
		held.successor, held.requestID, held.usedAt = p.newTicket(held.userID, held.appID, held.family), rec.members["request_id"], rec.at
		p.tickets = append(p.tickets, held.successor)
		return held.successor.answer(f)
	}
	const grace = 60 * time.Second
	if held.requestID == "" || held.requestID != rec.members["request_id"] || held.successor.successor != nil || rec.at.Sub(held.usedAt) >= grace {
		held.family.revoked = true
		return decline(rec, http.StatusBadRequest, "invalid_grant: the refresh_key is reused, which revokes its family")
	}
	return held.successor.answer(f)
}

func (p *party) byRefreshKey(userID, refreshKey string) *heldTicket {
	i := slices.IndexFunc(p.tickets, func(held *heldTicket) bool { return held.userID == userID && held.refreshKey == refreshKey })
	if i < 0 {
		return nil
	}
	return p.tickets[i]
}

func (p *party) revocation(rec *received, _ fault) partyAnswer {
	if problem := rec.lacking("user_id", "refresh_key"); problem != "" {
		return decline(rec, http.StatusBadRequest, problem)
	}
	if held := p.byRefreshKey(rec.members["user_id"], rec.members["refresh_key"]); held != nil {
		held.family.revoked = true
	}
	return partyAnswer{status: http.StatusOK, body: map[string]string{}}
}

func (p *party) resource(rec *received, f fault) partyAnswer {
	if strings.HasPrefix(rec.problem, "ticket_required") {
		return decline(rec, http.StatusUnauthorized, rec.problem, [2]string{"WWW-Authenticate", "Ticket"})
	}
	if rec.problem != "" {
		return decline(rec, http.StatusBadRequest, rec.problem)
	}
	if f.denied || !p.verifies(rec.pair) {
		a := decline(rec, http.StatusUnauthorized, "invalid_token: the account server did not confirm this ticket", [2]string{"WWW-Authenticate", `Ticket error="invalid_token"`})
		rec.problem = "" // the request itself was in order
		return a
	}
	return partyAnswer{status: http.StatusOK, body: map[string]any{
		"owner": rec.pair.userID, "app_id": p.appID, "resources": []map[string]string{{"id": "1", "title": "A resource at " + p.name}},
	}}
}

// verifies is section 4.4, as this app asks.
func (p *party) verifies(shown pair) bool {
	return slices.ContainsFunc(p.tickets, func(held *heldTicket) bool {
		return held.userID == shown.userID && held.authorizationKey == shown.authorizationKey && held.appID == p.appID &&
			!held.expired && !held.family.revoked && held.successor == nil
	})
}
