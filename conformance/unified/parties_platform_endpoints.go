package unified

import (
	"encoding/json"
	"io"
	"net/http"

	"countersign/conformance/jose"
)

// messageTo names the sealed message that an endpoint takes; empty for one that takes none.
func messageTo(endpoint string) string {
	return map[string]string{atToken: "pass-token", atAuthentication: "authentication", atStatus: "status"}[endpoint]
}

// requestTo is that message in words.
func requestTo(endpoint string) string {
	return map[string]string{atToken: "a pass-token request", atAuthentication: "an authentication request", atStatus: "a status request"}[endpoint]
}

// read opens the body of a request.
func (e *enquiry) read(r *http.Request, keys []jose.Key) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		e.opened, err = openMessage(r.Header.Get("Content-Type"), body, keys...)
	}
	switch {
	case err != nil:
		e.problem = err.Error()
	case r.Method != http.MethodPost:
		e.problem = "sent with " + r.Method
	}
}

// answer is what an honest platform says, but for the slip.
func (p *platform) answer(w http.ResponseWriter, e enquiry, as slip) {
	switch e.endpoint {
	case atMetadata:
		d := p.document()
		if as.document != nil {
			as.document(d)
		}
		tell(w, http.StatusOK, d)
	case atKeys:
		tell(w, http.StatusOK, members{"keys": []members{members(p.signer.JWK()).with("use", "sig").with("alg", "ES256")}})
	case atToken, atAuthentication, atStatus:
		p.reply(w, e, as)
	default:
		refuse(w, http.StatusNotFound, "not_found", "there is nothing at this path")
	}
}

// document is section 3 of the profile.
func (p *platform) document() members {
	d := members{
		"profile": "unified@1", "issuer": p.announced,
		"token_endpoint": p.in(atToken), "authentication_endpoint": p.in(atAuthentication), "status_endpoint": p.in(atStatus), "jwks_uri": p.in(atKeys),
		"code_challenge_methods_supported": []string{"S256"}, "backchannel_logout_signing_alg_values_supported": []string{"ES256"},
		"authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true,
		"code_lifetime": 60, "pass_token_lifetime": 60, "message_window": 300, "key_overlap": p.t.Queue.KeyOverlap,
		"batch_limit": p.t.Queue.BatchLimit, "batch_idle_time": p.t.Queue.BatchIdleTime, "batch_max_wait": p.t.Queue.BatchMaxWait,
		"logout_bound": p.t.LogoutBound,
	}
	for _, endpoint := range []string{"portal", "authorization", "logout", "registration", "review", "key"} {
		d[endpoint+"_endpoint"] = p.in(endpoint)
	}
	return d
}

// reply answers a sealed message: section 2.1 of the profile.
func (p *platform) reply(w http.ResponseWriter, e enquiry, as slip) {
	if e.problem != "" {
		refuse(w, http.StatusBadRequest, "invalid_client", e.problem)
		return
	}
	own, code := p.judge(e)
	if code != "" {
		refuse(w, http.StatusBadRequest, code, "the platform says no")
		return
	}
	if as.lost {
		panic(http.ErrAbortHandler)
	}
	m := newMessage(p.mint.value(), p.t.Env.Now(), p.line().under(e.key), messageTo(e.endpoint)+"-response", e.payload.text("jti"), own)
	if as.change != nil {
		m = as.change(m)
	}
	body, mediaType := "", joseType
	var err error
	switch {
	case as.plain != "":
		mediaType = as.plain
		body, err = m.plain()
	case e.plain: // answered in kind
		mediaType = jsonType
		body, err = m.plain()
	default:
		body, err = m.seal(p.mint)
	}
	if err != nil {
		panic("an answer cannot be written: " + err.Error()) // which ends the check as broken
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", mediaType)
	_, _ = io.WriteString(w, body) // the target has gone when it cannot be written
}

// judge gives the members of the answer, or the error code of a refusal: section 4.5 of the profile.
func (p *platform) judge(e enquiry) (own members, code string) {
	p.Lock()
	defer p.Unlock()
	switch e.endpoint {
	case atToken:
		g := p.find(func(g *grant) bool { return g.code == e.payload["code"] })
		switch {
		case e.payload["grant_type"] != "authorization_code":
			return nil, "unsupported_grant_type"
		case g == nil || g.passToken != "":
			return nil, "invalid_grant"
		}
		g.passToken = p.mint.value()
		return members{"pass_token": g.passToken, "expires_in": 60}, ""
	case atAuthentication:
		g := p.find(func(g *grant) bool { return g.passToken != "" && g.passToken == e.payload["pass_token"] })
		if g == nil || g.authenticated {
			return nil, "invalid_token"
		}
		g.authenticated = true
		return members{"sub": g.who.sub, "nickname": g.who.nickname, "picture": g.who.picture, "generation": g.who.generation}, ""
	}
	generation, ok := e.payload.whole("generation")
	if !ok || e.payload.text("sub") == "" {
		return nil, "invalid_request"
	}
	// Nobody logs out at these platforms: a check that wants that lets them say so.
	related := p.find(func(g *grant) bool {
		return g.authenticated && g.who.sub == e.payload["sub"] && g.who.generation == generation
	})
	return members{"active": related != nil}, ""
}

// find finds a grant of this platform. It wants the lock.
func (p *platform) find(meant func(*grant) bool) *grant {
	for _, g := range p.grants {
		if g.of == p && meant(g) {
			return g
		}
	}
	return nil
}

// tell answers with a JSON object.
func tell(w http.ResponseWriter, status int, body members) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the target has gone when it cannot be written
}

// refuse answers with a refusal: section 2 of the profile.
func refuse(w http.ResponseWriter, status int, code, text string) {
	if code == "" {
		code = "server_error"
	}
	tell(w, status, members{"error": code, "error_description": text})
}
