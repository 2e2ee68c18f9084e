package reference

import (
	"net/http"
	"slices"
	"strings"

	"countersign/conformance/catalog"
)

func codeGiven(_ *http.Request, a *answer) bool {
	return strings.Contains(a.header.Get("Location"), "code=")
}

func unifiedWireDefects() []Defect {
	pl, tp := catalog.Platform, catalog.ThirdPartyPlatform
	passTokenGiven, userNamed := answered("/pass-token", http.StatusOK), answered("/authentication", http.StatusOK)
	statusTold, portalShown := answered("/status", http.StatusOK), answered("/portal", http.StatusOK)
	authorizeShown, keyGiven := answered("/authorize", http.StatusOK), answered("/key", http.StatusOK)
	submitted := answered("/registration", http.StatusAccepted)
	loggedOut := func(r *http.Request, a *answer) bool {
		return r.Method == http.MethodPost && r.URL.Path == "/logout" && a.status < 400
	}
	userSentOn, entered := answered("/access", http.StatusSeeOther), answered("/callback", http.StatusSeeOther)
	served, homeShown, batchDone := answered("/resource", http.StatusOK), answered("/home", http.StatusOK), answered("/batch-logout", http.StatusOK)
	return slices.Concat(noMetadata(pl, "UN-PL-01"), noMetadata(tp, "UN-TP-01"), []Defect{
		{Role: pl, Requirement: "UN-PL-01", Text: "metadata as text/plain", tap: on(metadataServed, contentType("text/plain"))},
		{Role: pl, Requirement: "UN-PL-02", Text: "portal as text/plain", tap: on(portalShown, contentType("text/plain"))},
		{Role: pl, Requirement: "UN-PL-02", Text: "portal that breaks off", tap: truncated(portalShown)},
		{Role: pl, Requirement: "UN-PL-04", Text: "authorization page without end", tap: endless(authorizeShown)},
		{Role: pl, Requirement: "UN-PL-05", Text: "authorization page that redirects to itself", tap: loop},
		{Role: pl, Requirement: "UN-PL-07", Text: "code delivered with status 200", tap: on(codeGiven, status(http.StatusOK))},
		{Role: pl, Requirement: "UN-PL-48", Text: "code delivered with status 307", tap: on(codeGiven, status(http.StatusTemporaryRedirect))},
		{Role: pl, Requirement: "UN-PL-07", Text: "code in the fragment of the callback", tap: on(codeGiven, func(a *answer) {
			a.header.Set("Location", strings.Replace(a.header.Get("Location"), "?", "#", 1))
		})},
		{Role: pl, Requirement: "UN-PL-10", Text: "pass token with status 201", tap: on(passTokenGiven, status(http.StatusCreated))},
		{Role: pl, Requirement: "UN-PL-16", Text: "pass token as text/plain", tap: on(passTokenGiven, contentType("text/plain"))},
		{Role: pl, Requirement: "UN-PL-10", Text: "pass token in a JWE with its middle parts missing", tap: on(passTokenGiven, partMissing)},
		{Role: pl, Requirement: "UN-PL-10", Text: "pass token in a JWE with one character after it", tap: on(passTokenGiven, followed("."))},
		{Role: pl, Requirement: "UN-PL-10", Text: "pass token after two minutes", tap: slow(passTokenGiven)},
		{Role: pl, Requirement: "UN-PL-13", Text: "user information that breaks off", tap: truncated(userNamed)},
		{Role: pl, Requirement: "UN-PL-13", Text: "connection reset in place of the user information", tap: reset(userNamed)},
		{Role: pl, Requirement: "UN-PL-85", Text: "status answered with 204", tap: on(statusTold, status(http.StatusNoContent))},
		{Role: pl, Requirement: "UN-PL-18", Text: "registration answered without a request_id", tap: on(submitted, member("request_id", nil))},
		{Role: pl, Requirement: "UN-PL-21", Text: "communication key that is a number", tap: on(keyGiven, member("k", 17))},
		{Role: pl, Requirement: "UN-PL-22", Text: "logout answered after two minutes", tap: slow(loggedOut)},
		{Role: pl, Requirement: "UN-PL-22", Text: "logout answered with 500", tap: on(loggedOut, status(http.StatusInternalServerError))},
		{Role: pl, Requirement: "UN-PL-11", Text: "refusals with status 200", tap: on(refused, status(http.StatusOK))},
		{Role: pl, Requirement: "UN-PL-30", Text: "refusals as text without JSON", tap: on(refused, plainly)},
		{Role: tp, Requirement: "UN-TP-02", Text: "access answered after two minutes", tap: slow(userSentOn)},
		{Role: tp, Requirement: "UN-TP-02", Text: "access answered with 200 and no redirect", tap: on(userSentOn, status(http.StatusOK))},
		{Role: tp, Requirement: "UN-TP-02", Text: "authorization request with client_id twice", tap: on(userSentOn, func(a *answer) {
			a.header.Set("Location", a.header.Get("Location")+"&client_id=another")
		})},
		{Role: tp, Requirement: "UN-TP-05", Text: "callback answered with 500", tap: on(entered, status(http.StatusInternalServerError))},
		{Role: tp, Requirement: "UN-TP-05", Text: "login credential that the browser is not given", tap: on(entered, withoutHeader("Set-Cookie"))},
		{Role: tp, Requirement: "UN-TP-10", Text: "refused resource with status 200", tap: on(refused, status(http.StatusOK))},
		{Role: tp, Requirement: "UN-TP-05", Text: "resource that breaks off", tap: truncated(served)},
		{Role: tp, Requirement: "UN-TP-08", Text: "resource whose account is a number", tap: on(served, member("account", 17))},
		{Role: tp, Requirement: "UN-TP-17", Text: "home page as text/plain", tap: on(homeShown, contentType("text/plain"))},
		{Role: tp, Requirement: "UN-TP-12", Text: "batch answered with 500", tap: on(batchDone, status(http.StatusInternalServerError))},
		{Role: tp, Requirement: "UN-TP-18", Text: "batch answered in a JWE with its middle parts missing", tap: on(batchDone, partMissing)},
		{Role: tp, Requirement: "UN-TP-12", Text: "connection reset in place of the answer to a batch", tap: reset(batchDone)},
		{Role: tp, Requirement: "UN-TP-20", Text: "refusals as text without JSON", tap: on(refused, plainly)},
	})
}
