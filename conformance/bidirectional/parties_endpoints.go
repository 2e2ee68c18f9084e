package bidirectional

import (
	"bytes"
	"cmp"
	"countersign/conformance"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// read takes a request apart.
func (s *site) read(r *http.Request) received {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return received{site: s, endpoint: "broken", path: r.URL.Path, problem: "the body broke off", at: s.t.Env.Now(), exchange: conformance.ExchangeOf(r)}
	}
	rec := received{site: s, endpoint: path.Base(r.URL.Path), path: r.Method + " " + r.URL.Path, at: s.t.Env.Now(), exchange: conformance.ExchangeOf(r)}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	fmt.Fprintf(&text, "\n%s", body)
	rec.text = text.String()
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) == "application/x-www-form-urlencoded" {
		rec.form, _ = url.ParseQuery(string(body))
	}
	params, ok := authorizationParams(r.Header.Values("Authorization"))
	if !ok {
		return rec
	}
	rec.oauth = map[string]string{}
	for _, p := range params {
		if _, twice := rec.oauth[p.name]; twice {
			rec.signatureProblem = "parameter_rejected: " + p.name + " appears twice"
		}
		rec.oauth[p.name] = p.value
	}
	if rec.signatureProblem == "" {
		rec.signatureProblem = s.judgeSignature(r, rec, params)
	}
	rec.problem = rec.signatureProblem
	return rec
}

// judgeSignature verifies a signature by RFC 5849 section 3.2. Nonces and timestamps are left to the checks that ask for them.
func (s *site) judgeSignature(r *http.Request, rec received, params []param) string {
	for _, name := range []string{"oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce"} {
		if rec.oauth[name] == "" {
			return "parameter_absent: " + name
		}
	}
	method := rec.oauth["oauth_signature_method"]
	if !slices.Contains([]string{"HMAC-SHA256", "HMAC-SHA1", "PLAINTEXT"}, method) {
		return "signature_method_rejected: " + method
	}
	client := rec.oauth["oauth_consumer_key"]
	secret, known := s.secrets[client]
	if !known {
		return fmt.Sprintf("consumer_key_unknown: %q", client)
	}
	u := *r.URL
	u.Scheme, u.Host = "http", r.Host
	if strings.HasPrefix(s.issuer, "https:") {
		u.Scheme = "https"
	}
	unsigned := slices.DeleteFunc(slices.Clone(params), func(p param) bool { return p.name == "oauth_signature" || p.name == "realm" })
	by := credentials{client: client, clientSecret: secret, token: rec.oauth["oauth_token"], tokenSecret: s.tokenSecret(rec)}
	if sign(method, baseString(r.Method, &u, rec.form, unsigned), by) != rec.oauth["oauth_signature"] {
		return fmt.Sprintf("signature_invalid: it is not the one that the secret of %q and the token's secret give", client)
	}
	return ""
}

func (s *site) tokenSecret(rec received) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch rec.endpoint {
	case "token":
		if c := s.findCredential(rec.oauth["oauth_token"]); c != nil {
			return c.secret
		}
	case "resource":
		if t := s.findToken(rec.oauth["oauth_token"]); t != nil {
			return t.secret
		}
	}
	return ""
}

// authorizationParams reads the parameters of an Authorization: OAuth header (RFC 5849 section 3.5.1).
func authorizationParams(headers []string) ([]param, bool) {
	if len(headers) != 1 {
		return nil, false
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, false
	}
	var params []param
	for field := range strings.SplitSeq(rest, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(field), "=")
		if !found {
			continue
		}
		plainName, err1 := url.PathUnescape(name)
		plainValue, err2 := url.PathUnescape(strings.Trim(value, `"`))
		if err1 != nil || err2 != nil {
			continue // what cannot be decoded is absent
		}
		params = append(params, param{plainName, plainValue})
	}
	return params, true
}

// refuse answers as section 2.1 of the profile has it; the problem becomes part of the record.
func refuse(rec *received, status int, problem string) answer {
	rec.problem = problem
	code, _, _ := strings.Cut(problem, ":")
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": problem})
	return answer{status: status, kind: "application/json", body: string(body)}
}

// signed refuses a request that is not signed rightly.
func signed(rec *received) (answer, bool) {
	switch {
	case rec.oauth == nil:
		return refuse(rec, http.StatusUnauthorized, "parameter_absent: no Authorization header with OAuth parameters"), false
	case strings.HasPrefix(rec.problem, "parameter_") || strings.HasPrefix(rec.problem, "signature_method_"):
		return refuse(rec, http.StatusBadRequest, rec.problem), false
	case rec.problem != "":
		return refuse(rec, http.StatusUnauthorized, rec.problem), false
	}
	return answer{}, true
}

func formAnswer(values url.Values) answer {
	return answer{status: http.StatusOK, kind: "application/x-www-form-urlencoded", body: values.Encode()}
}

func (s *site) document(*received) answer {
	d := map[string]any{
		"profile": "bidirectional@1", "issuer": s.issuer,
		"temporary_credential_endpoint": s.in("temporary-credential"), "authorization_endpoint": s.in("authorize"),
		"token_endpoint": s.in("token"), "revocation_endpoint": s.in("revoke"),
		"signature_methods_supported":   []string{"HMAC-SHA256", "HMAC-SHA1"},
		"temporary_credential_lifetime": 600, "access_token_lifetime": 3600, "timestamp_window": 300,
		"resource_endpoint": s.in("resource"), "token_handover_endpoint": s.in("handover"),
		"client_id": s.clientID, "delegation_endpoint": s.delegationEndpoint,
	}
	if s.conduct.document != nil {
		s.conduct.document(d)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return answer{status: http.StatusInternalServerError, kind: "text/plain", body: err.Error()}
	}
	return answer{status: http.StatusOK, kind: "application/json", body: string(body)}
}

func (s *site) temporaryCredential(rec *received) answer {
	if a, ok := signed(rec); !ok {
		return a
	}
	switch callback := rec.oauth["oauth_callback"]; callback {
	case s.t.metadata.CallbackEndpoint: // which is the registered one: section 8
	case "":
		return refuse(rec, http.StatusBadRequest, "parameter_absent: oauth_callback")
	default:
		return refuse(rec, http.StatusBadRequest, fmt.Sprintf("parameter_rejected: oauth_callback=%s where the client's callback_endpoint is %s", callback, s.t.metadata.CallbackEndpoint))
	}
	if s.conduct.noCredentials {
		return answer{status: http.StatusInternalServerError, kind: "text/plain", body: "the server has trouble of its own\n"}
	}
	rec.issued = s.newCredential(rec.oauth["oauth_consumer_key"])
	values := url.Values{
		"oauth_token": {rec.issued.token}, "oauth_token_secret": {rec.issued.secret}, "oauth_callback_confirmed": {"true"},
		"client_id": {rec.issued.client}, "expires_in": {"600"},
	}
	if s.conduct.credential != nil {
		s.conduct.credential(values)
	}
	return formAnswer(values)
}

func (s *site) token(rec *received) answer {
	c := s.findCredential(rec.oauth["oauth_token"])
	if rec.oauth != nil && c == nil {
		return refuse(rec, http.StatusUnauthorized, "token_rejected: the temporary credential is not one of this site")
	}
	if a, ok := signed(rec); !ok {
		return a
	}
	switch {
	case c.client != rec.oauth["oauth_consumer_key"]:
		return refuse(rec, http.StatusUnauthorized, fmt.Sprintf("token_rejected: the temporary credential belongs to %q", c.client))
	case !c.approved || rec.oauth["oauth_verifier"] != c.verifier:
		return refuse(rec, http.StatusUnauthorized, "permission_denied: the verifier is missing or wrong")
	}
	t := &accessToken{token: s.mint(), secret: s.mint(), client: c.client, from: c}
	s.tokens = append(s.tokens, t)
	return formAnswer(url.Values{"oauth_token": {t.token}, "oauth_token_secret": {t.secret}, "client_id": {t.client}, "expires_in": {"3600"}})
}

func (s *site) revoke(rec *received) answer {
	if a, ok := signed(rec); !ok {
		return a
	}
	return answer{status: http.StatusOK, kind: "text/plain"}
}

// handover acknowledges what an OAuth server under test says that is at work beside the client.
func (s *site) handover(rec *received) answer {
	return answer{status: http.StatusNoContent, receipt: receiptOf(rec.oauth["oauth_signature"], s.t.HandoverKey)}
}

func (s *site) resource(rec *received) answer {
	t := s.findToken(rec.oauth["oauth_token"])
	if rec.oauth != nil && t == nil {
		return refuse(rec, http.StatusUnauthorized, "token_rejected: the access token is not one of this site")
	}
	if a, ok := signed(rec); !ok {
		return a
	}
	if t.client != rec.oauth["oauth_consumer_key"] {
		return refuse(rec, http.StatusUnauthorized, fmt.Sprintf("token_rejected: the access token belongs to %q", t.client))
	}
	if s.conduct.rejections > 0 {
		s.conduct.rejections--
		a := refuse(rec, http.StatusUnauthorized, "token_rejected: the hand-over is still under way")
		rec.problem = "" // the request itself was in order
		return a
	}
	return answer{status: http.StatusOK, kind: "application/json", body: `{"owner":"carol","resources":[{"id":"1","title":"A resource of ` + s.name + `"}]}`}
}

// delegation takes unsigned ones too: level core does not ask for a signature here.
func (s *site) delegation(rec *received) answer {
	if rec.oauth != nil {
		if a, ok := signed(rec); !ok {
			return a
		}
	}
	for _, name := range []string{"temporary_credential", "temporary_credential_secret", "client_id", "issuer"} {
		if len(rec.form[name]) != 1 || rec.form.Get(name) == "" {
			return refuse(rec, http.StatusBadRequest, "parameter_absent: "+name)
		}
	}
	rec.continueURI = cmp.Or(s.conduct.continueURI, s.in("continue?c="+s.mint()))
	body, _ := json.Marshal(map[string]string{"continue_uri": rec.continueURI})
	return answer{status: http.StatusOK, kind: "application/json", body: string(body)}
}
