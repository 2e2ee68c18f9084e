package reference

import (
	"net/http"
	"strings"

	"countersign/actors"
	"countersign/conformance/catalog"
)

func credentialIssued(_ *http.Request, a *answer) bool {
	return strings.Contains(a.body.String(), "oauth_callback_confirmed=")
}

func tokenIssued(_ *http.Request, a *answer) bool {
	return a.status == http.StatusOK && strings.Contains(a.body.String(), "oauth_token_secret=") && !strings.Contains(a.body.String(), "oauth_callback_confirmed=")
}

func handoverAcknowledged(r *http.Request, a *answer) bool {
	return r.Method == http.MethodPost && a.status == http.StatusNoContent
}

func verifierDelivered(_ *http.Request, a *answer) bool {
	return strings.Contains(a.header.Get("Location"), "oauth_verifier=")
}

func userSentToAuthorize(_ *http.Request, a *answer) bool {
	l := a.header.Get("Location")
	return strings.Contains(l, "oauth_token=") && !strings.Contains(l, "oauth_verifier=")
}

func delegationTaken(_ *http.Request, a *answer) bool {
	return strings.Contains(a.body.String(), `"continue_uri"`)
}

// loop redirects the authorization page to itself for ever.
func loop(w http.ResponseWriter, r *http.Request, honest *answer, _ actors.Clock) {
	if r.Method == http.MethodGet && strings.HasPrefix(honest.header.Get("Content-Type"), "text/html") && honest.status == http.StatusOK {
		w.Header().Set("Location", r.URL.String())
		w.WriteHeader(http.StatusFound)
		return
	}
	honest.send(w)
}

func bidirectionalWireDefects() []Defect {
	os, rs, ci, cr := catalog.OAuthServer, catalog.ResourceServer, catalog.ClientInitiating, catalog.ClientReceiving
	return []Defect{
		{Role: os, Requirement: "BI-OS-02", Text: "temporary credential with status 201", tap: on(credentialIssued, status(http.StatusCreated))},
		{Role: os, Requirement: "BI-OS-02", Text: "temporary credential as text/html", tap: on(credentialIssued, contentType("text/html; charset=utf-8"))},
		{Role: os, Requirement: "BI-OS-02", Text: "temporary credential without its secret", tap: on(credentialIssued, renamed("oauth_token_secret=", "secret="))},
		{Role: os, Requirement: "BI-OS-02", Text: "temporary credential with OAuth_Token in the wrong case", tap: on(credentialIssued, renamed("oauth_token=", "OAuth_Token="))},
		{Role: os, Requirement: "BI-OS-02", Text: "temporary credential with oauth_token twice", tap: on(credentialIssued, func(a *answer) { a.setBody(a.body.String() + "&oauth_token=another-token-in-the-same-answer") })},
		{Role: os, Requirement: "BI-OS-02", Text: "the answer to the temporary credential request breaks off", tap: truncated(credentialIssued)},
		{Role: os, Requirement: "BI-OS-01", Text: "metadata without end", tap: endless(metadataServed)},
		{Role: os, Requirement: "BI-OS-01", Text: "metadata as text/plain", tap: on(metadataServed, contentType("text/plain"))},
		{Role: os, Requirement: "BI-OS-01", Text: "metadata with invalid UTF-8", tap: on(metadataServed, renamed(`"profile"`, "\"note\":\"\xff\xfe\",\"profile\""))},
		{Role: os, Requirement: "BI-OS-01", Text: "connection reset instead of metadata", tap: reset(metadataServed)},
		{Role: os, Requirement: "BI-OS-13", Text: "authorization page that redirects to itself", tap: loop},
		{Role: os, Requirement: "BI-OS-13", Text: "verifier delivered with status 200", tap: on(verifierDelivered, status(http.StatusOK))},
		{Role: os, Requirement: "BI-OS-13", Text: "verifier in the fragment of the callback", tap: on(verifierDelivered, func(a *answer) { a.header.Set("Location", strings.Replace(a.header.Get("Location"), "?", "#", 1)) })},
		{Role: os, Requirement: "BI-OS-15", Text: "token request answered after two minutes", tap: slow(tokenIssued)},
		{Role: os, Requirement: "BI-OS-15", Text: "access token as application/json", tap: on(tokenIssued, contentType("application/json"))},
		{Role: os, Requirement: "BI-OS-05", Text: "refusals with status 200", tap: on(refused, status(http.StatusOK))},
		{Role: os, Requirement: "BI-OS-23", Text: "refusals as text without JSON", tap: on(refused, plainly)},
		{Role: rs, Requirement: "BI-RS-01", Text: "resources as text/plain", tap: on(resourceServed, contentType("text/plain"))},
		{Role: rs, Requirement: "BI-RS-01", Text: "resources that break off", tap: truncated(resourceServed)},
		{Role: rs, Requirement: "BI-RS-01", Text: "hand-over acknowledged with 500", tap: on(handoverAcknowledged, status(http.StatusInternalServerError))},
		{Role: rs, Requirement: "BI-RS-02", Text: "refusals with status 403", tap: on(refused, status(http.StatusForbidden))},
		{Role: ci, Requirement: "BI-CL-03", Text: "start answered with 200 and no redirect", tap: on(userSentToAuthorize, status(http.StatusOK))},
		{Role: ci, Requirement: "BI-CL-03", Text: "user sent on with oauth_token twice", tap: on(userSentToAuthorize, func(a *answer) {
			a.header.Set("Location", a.header.Get("Location")+"&oauth_token=another-token-in-the-same-link")
		})},
		{Role: cr, Requirement: "BI-CL-07", Text: "delegation answered without continue_uri", tap: on(delegationTaken, renamed(`"continue_uri"`, `"next"`))},
		{Role: cr, Requirement: "BI-CL-07", Text: "delegation answered with JSON that breaks off", tap: truncated(delegationTaken)},
	}
}
