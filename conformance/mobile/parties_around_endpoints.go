package mobile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// The endpoints at which an app asks.
const (
	atRegistration    = "/registration"
	atAuthentication  = "/authentication"
	atAcknowledgement = "/wipe-acknowledgement"
	atResource        = "/resource"
)

// received is one request to a party.
type received struct {
	party *party
	// endpoint is the path below the party's URL.
	endpoint string
	// method and url are those of the request line, with the query.
	method, url string
	// text is the request line, the header lines and the body, to search for values.
	text string
	// body is the JSON object that it carries; problem says in words why there is none.
	body    members
	problem string
	// scheme and token are those of the header Authorization.
	scheme, token string
	// proofs are the values of the header DPoP; proof is the one right one, or unproved says in words what is there instead.
	proofs   []string
	proof    readProof
	unproved error
	at       time.Time
	// exchange is its number in the report.
	exchange int
}

func (r received) String() string {
	return fmt.Sprintf("%s %s at the %s", r.method, r.endpoint, r.party)
}

// read takes a request apart.
func (p *party) read(r *http.Request) *received {
	rec := &received{
		party: p, endpoint: p.t.below(p.base, r), method: r.Method, url: r.URL.RequestURI(),
		proofs: r.Header.Values("DPoP"), at: p.t.Env.Now(), exchange: conformance.ExchangeOf(r),
	}
	raw, err := io.ReadAll(r.Body)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s\n", r.Method, rec.url)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	fmt.Fprintf(&text, "\n%s", raw)
	rec.text = text.String()
	scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	rec.scheme, rec.token = scheme, strings.TrimSpace(token)
	rec.proof, rec.unproved = readProofIn(r.Header)
	switch body, bad := judge.ReadMembers(raw); {
	case err != nil:
		rec.problem = "the body broke off"
	case !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType):
		rec.problem = fmt.Sprintf("Content-Type %q", r.Header.Get("Content-Type"))
	case bad != nil:
		rec.problem = "the body is " + bad.Error()
	default:
		rec.body = body
	}
	return rec
}

// thumbprint is that of the key which the proof names, whatever else is wrong with the proof; empty where it names none.
func (r *received) thumbprint() string {
	if len(r.proofs) == 0 {
		return ""
	}
	header, err := jose.Header(r.proofs[0])
	if err != nil {
		return ""
	}
	jwk, _ := header["jwk"].(map[string]any)
	key, err := jose.PublicKey(members(jwk).With("d", nil))
	if err != nil {
		return ""
	}
	return jose.Thumbprint(key)
}

// answer finds the endpoint and lets it answer.
func (p *party) answer(rec *received, f fault) (int, members) {
	if f.status != 0 {
		if f.body == nil {
			f.body = refusal("temporarily_unavailable", "A fault that the check wants.")
		}
		return f.status, f.body
	}
	if p == p.server {
		return p.serve(rec, f)
	}
	if rec.endpoint != atResource {
		return http.StatusNotFound, refusal("not_found", "There is nothing at this path.")
	}
	known := slices.ContainsFunc(p.grants, func(g grant) bool { return g.accessToken == rec.token })
	switch {
	case rec.method != http.MethodGet:
		return http.StatusMethodNotAllowed, refusal("method_not_allowed", "A resource is asked for with GET.")
	case !known:
		return http.StatusUnauthorized, refusal("invalid_token", "No such token was given.")
	}
	return http.StatusOK, members{"owner": p.t.alice().Name, "resources": p.resources()}
}

// resources are what the user has at every system.
func (a *around) resources() []any {
	return []any{members{"id": "1", "title": "A customer"}, members{"id": "2", "title": "Another customer"}}
}

// serve is what the authorization server answers.
func (p *party) serve(rec *received, f fault) (int, members) {
	if rec.endpoint == wellKnown {
		document := p.t.authorizationServerDocument()
		if f.document != nil {
			document = f.document(document)
		}
		return http.StatusOK, document
	}
	handle := map[string]func(*received, fault) (int, members){atRegistration: p.register, atAuthentication: p.authenticate, atAcknowledgement: p.acknowledge}[rec.endpoint]
	switch {
	case handle == nil:
		return http.StatusNotFound, refusal("not_found", "There is nothing at this path.")
	case rec.method != http.MethodPost:
		return http.StatusMethodNotAllowed, refusal("method_not_allowed", "This takes POST.")
	case rec.problem != "":
		return http.StatusBadRequest, refusal("invalid_request", rec.problem)
	}
	return handle(rec, f)
}

// lacking names a string that the body does not have; empty for none.
func (r *received) lacking(names ...string) string {
	for _, name := range names {
		if r.body.Text(name) == "" {
			return "There is no string " + name + "."
		}
	}
	return ""
}

// register is section 4.1 of the profile.
func (p *party) register(rec *received, _ fault) (int, members) {
	user := p.t.alice()
	switch lacking := rec.lacking("deviceid", "username", "password"); {
	case lacking != "":
		return http.StatusBadRequest, refusal("invalid_request", lacking)
	case rec.body.Text("username") != user.Name || rec.body.Text("password") != user.Password:
		return http.StatusForbidden, refusal("access_denied", "Nobody has that name and password.")
	}
	p.thumbprint = rec.thumbprint()
	return http.StatusOK, members{"deviceid": rec.body.Text("deviceid"), "registered": true}
}

// authenticate is section 4.2 of the profile.
func (p *party) authenticate(rec *received, f fault) (int, members) {
	who := p.t.appUnderTest()
	switch lacking := rec.lacking("appid", "deviceid", "username"); {
	case lacking != "":
		return http.StatusBadRequest, refusal("invalid_request", lacking)
	case who != authenticationID{rec.body.Text("appid"), rec.body.Text("deviceid"), rec.body.Text("username")}:
		return http.StatusForbidden, refusal("access_denied", "This user may not use this app on this device.").With("rules_version", p.version)
	}
	const lifetime = 300 * time.Second
	bound := cmp.Or(rec.thumbprint(), p.thumbprint)
	token := tokenContents{
		issuer: p.t.Issuer, systemID: p.t.crm().ID, who: who, thumbprint: bound,
		id: jose.Encode(p.mint.Next(18)), token: jose.Encode(p.mint.Next(24)), issued: rec.at, lifetime: lifetime,
	}
	sealed, err := token.statement().sealed(bytes.NewReader(p.mint.Next(12)), p.key)
	if err != nil {
		panic(fmt.Sprintf("a token cannot be sealed: %v", err))
	}
	a := &answering{
		body: members{
			"access_token": sealed, "token_type": "DPoP", "expires_in": int64(lifetime / time.Second), "system_id": token.systemID, "system_address": p.address,
			"rules_version": p.version,
		},
		address: addressContents{
			issuer: p.t.Issuer, systemID: token.systemID, address: p.address, who: who, rulesVersion: p.version, accessToken: sealed, issued: rec.at, lifetime: lifetime,
		}.statement(),
		accessToken: sealed,
		sign:        func(s statement) (string, error) { return s.signed(p.signer) },
	}
	if f.forge != nil {
		f.forge(a)
	}
	signed, err := a.sign(a.address)
	if err != nil {
		panic(fmt.Sprintf("an address cannot be signed: %v", err))
	}
	if signed != "" {
		a.body["signed_address"] = signed
	}
	p.grants = append(p.grants, grant{sealed, a.body.Text("system_address")})
	return http.StatusOK, a.body
}

// appUnderTest is the authentication ID with which an app under test is configured.
func (t *test) appUnderTest() authenticationID {
	return authenticationID{t.first().ID, t.DeviceUnderTest, t.alice().Name}
}

// acknowledge is the acknowledgement of section 4.5 of the profile.
func (p *party) acknowledge(rec *received, _ fault) (int, members) {
	if lacking := rec.lacking("deviceid", "jti"); lacking != "" {
		return http.StatusBadRequest, refusal("invalid_request", lacking)
	}
	return http.StatusNoContent, nil
}
