package bidirectional

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// nobody is a client that is registered nowhere. Its callback is well-formed, so that only its name is wrong.
var nobody = ClientSetup{ID: "client-nobody", Secret: "secret-of-nobody", Callback: "http://127.0.0.1:8794/callback"}

// BI-OS-04: an identifier that is not registered is refused, whatever its signature.
func unknownClientRefused(t *test) {
	t.control(t.temporaryCredentialRequest(t.own(), ""), "a request of the registered client "+t.own().ID)
	stranger := nobody
	stranger.Callback = t.own().Callback
	t.Refused(t.send(t.temporaryCredentialRequest(stranger, "")), "the request of "+nobody.ID+", which is not registered", http.StatusUnauthorized, "consumer_key_unknown")
}

// BI-OS-05: a signature that does not match is refused, at the first leg and at the token request.
func wrongSignatureRefused(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	t.control(r, "a request rightly signed")
	r.corrupt = true
	t.Refused(t.send(r), "the request with one character of the signature changed", http.StatusUnauthorized, "signature_invalid")
	r.corrupt, r.by.clientSecret = false, t.peer().Secret
	t.Refused(t.send(r), "the request signed with another client's secret", http.StatusUnauthorized, "signature_invalid")

	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	temporary, verifier = t.approved(t.own(), t.alice())
	r = t.tokenRequest(t.own(), temporary, verifier)
	r.by.tokenSecret = swapFirst(r.by.tokenSecret)
	t.Refused(t.send(r), "the token request signed with another secret than the temporary credential's", http.StatusUnauthorized, "signature_invalid")
}

// BI-OS-07: what is signed by RFC 5849 section 3.4.1.3 is accepted, and what was changed after signing is not.
func signatureCoversQueryAndBody(t *test) {
	base := t.temporaryCredentialRequest(t.own(), "")
	t.control(base, "a request with neither query nor body")

	// Names that sort differently with and without their values, equal names, spaces, and what is escaped here and there otherwise.
	awkward := "b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2+q&a-3=x&a=~*%27%28%29!&%C3%BC=%E2%98%83&z=1&z=0&plus=%2B"
	query := base
	query.url = withQuery(base.url, nil) + awkward
	t.Accepted(t.send(query), "the request whose query has repeated names and reserved characters, signed by RFC 5849 section 3.4.1.3")

	body := base
	form, err := url.ParseQuery(awkward)
	if err != nil {
		t.Broken("the harness's own form is malformed: %v", err)
	}
	body.form = form
	t.Accepted(t.send(body), "the request whose body has repeated names and reserved characters, signed by RFC 5849 section 3.4.1.3")

	body.form = url.Values{"note": {"signed"}}
	t.control(body, "a request with a body, unchanged")
	body.afterSigning = func(req *http.Request) {
		changed := "note=change" // as long as what was signed
		req.Body = io.NopCloser(strings.NewReader(changed))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(changed)), nil }
		req.ContentLength = int64(len(changed))
	}
	t.Refused(t.send(body), "the request whose body was changed after signing", http.StatusUnauthorized, "signature_invalid")
}

// BI-OS-08: HMAC-SHA1 and HMAC-SHA256 are announced, and both legs take them.
func announcedMethodsAccepted(t *test) {
	for _, method := range []string{"HMAC-SHA256", "HMAC-SHA1"} {
		t.Expect(slices.Contains(t.metadata.SignatureMethods, method), "signature_methods_supported with "+method, fmt.Sprintf("signature_methods_supported %q", t.metadata.SignatureMethods))
		r := t.temporaryCredentialRequest(t.own(), "")
		r.signatureMethod = method
		temporary := t.issuedBy(t.send(r), "the request for a temporary credential signed with "+method)
		r = t.tokenRequest(t.own(), temporary, t.consent(temporary, t.own(), t.alice()))
		r.signatureMethod = method
		t.Accepted(t.send(r), "the token request signed with "+method)
	}
}

// BI-OS-09: a made-up method name is no signature.
func unknownMethodRefused(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	t.control(r, "a request signed with HMAC-SHA256")
	r.signatureMethod = "HMAC-MADE-UP"
	t.Refused(t.send(r), "the request signed with HMAC-MADE-UP", http.StatusBadRequest, "signature_method_rejected")
}

// BI-OS-10: there is one version, 1.0.
func otherVersionsRefused(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	r.version = "1.0"
	t.control(r, "a request with oauth_version=1.0")
	r.version = "2.0"
	t.Refused(t.send(r), "the request with oauth_version=2.0", http.StatusBadRequest, "version_rejected")
}

// BI-OS-23: refusals can be read by a program.
func refusalsAreMachineReadable(t *test) {
	right := t.temporaryCredentialRequest(t.own(), "")
	t.control(right, "a request with nothing wrong")
	anonymous, corrupt, absent, madeUp, version := right, right, right, right, right
	anonymous.without = "oauth_consumer_key"
	corrupt.corrupt = true
	absent.without = "oauth_callback"
	madeUp.signatureMethod = "HMAC-MADE-UP"
	version.version = "2.0"
	unknownToken := t.tokenRequest(t.own(), issued{token: t.Random(24), secret: t.Random(24)}, t.Random(24))
	t.machineReadable(
		t.send(anonymous), t.send(corrupt), t.send(absent), t.send(madeUp), t.send(version), t.send(unknownToken),
		t.send(t.temporaryCredentialRequest(nobody, "")),
	)
}

// BI-OS-36: a nonce is good for one request of its client, whatever the timestamp and the endpoint.
func nonceUsedOnce(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	r.nonce, r.timestamp = t.Random(12), t.at(0)
	t.control(r, "a request with a fresh nonce")
	t.Refused(t.send(r), "the same request again", http.StatusUnauthorized, "nonce_used")
	r.timestamp = t.at(-1)
	t.Refused(t.send(r), "another request with the same nonce, one second apart", http.StatusUnauthorized, "nonce_used")

	temporary, verifier := t.approved(t.own(), t.alice())
	replayed := t.tokenRequest(t.own(), temporary, verifier)
	replayed.nonce, replayed.timestamp = r.nonce, t.at(0)
	t.Refused(t.send(replayed), "the token request with a nonce that the client used for a temporary credential", http.StatusUnauthorized, "nonce_used")
}

// BI-OS-37: two clients may happen on the same nonce.
func noncesOfClientsDoNotMeet(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	r.nonce, r.timestamp = t.Random(12), t.at(0)
	t.control(r, "a request of "+t.own().ID+" with a fresh nonce")
	other := t.temporaryCredentialRequest(t.peer(), "")
	other.nonce, other.timestamp = r.nonce, r.timestamp
	t.Accepted(t.send(other), "the request of "+t.peer().ID+" with a nonce and a timestamp that only "+t.own().ID+" has used")
}

// BI-OS-38: what was signed long ago is refused.
func oldTimestampRefused(t *test) { t.timestampsJudged(-1, "before") }

// BI-OS-39: what is signed for later is refused.
func futureTimestampRefused(t *test) { t.timestampsJudged(+1, "after") }

// timestampsJudged asks for temporary credentials with timestamps on one side of now, inside the window and outside it.
func (t *test) timestampsJudged(side int64, where string) {
	r := t.temporaryCredentialRequest(t.own(), "")
	inside := t.window() / 2
	r.timestamp = t.at(side * inside)
	t.control(r, fmt.Sprintf("a request with a timestamp %d s %s now, the window being %d s", inside, where, t.window()))
	for _, off := range []int64{t.window() + outside, 24 * 3600} {
		r.timestamp = t.at(side * off)
		t.Refused(t.send(r), fmt.Sprintf("the request with a timestamp %d s %s now", off, where), http.StatusUnauthorized, "timestamp_refused")
	}
}

// BI-OS-41: PLAINTEXT shows the secret to whoever listens.
func plaintextWithoutTLSRefused(t *test) {
	r := t.temporaryCredentialRequest(t.own(), "")
	t.plain(r.url)
	t.control(r, "a request signed with HMAC-SHA256")
	r.signatureMethod = "PLAINTEXT"
	t.Refused(t.send(r), "the request signed with PLAINTEXT, without TLS", http.StatusBadRequest, "signature_method_rejected")
}

// BI-OS-42: a protocol parameter comes once, header, query and body taken together.
func protocolParametersComeOnce(t *test) {
	right := t.temporaryCredentialRequest(t.own(), "")
	t.control(right, "a request with each parameter once")
	for _, name := range []string{"oauth_nonce", "oauth_consumer_key", "oauth_callback"} {
		r := right
		r.twice = name
		t.Refused(t.send(r), "the request with "+name+" twice in the header", http.StatusBadRequest, "parameter_rejected")
	}
	inQuery := right
	inQuery.nonce = t.Random(12)
	inQuery.url = withQuery(right.url, url.Values{"oauth_nonce": {inQuery.nonce}})
	t.Refused(t.send(inQuery), "the request with oauth_nonce in the header and in the query", http.StatusBadRequest, "parameter_rejected")
	inBody := right
	inBody.form = url.Values{"oauth_callback": {t.own().Callback}}
	t.Refused(t.send(inBody), "the request with oauth_callback in the header and in the body", http.StatusBadRequest, "parameter_rejected")
	twiceInBody := right
	twiceInBody.without = "oauth_callback"
	twiceInBody.form = url.Values{"oauth_callback": {t.own().Callback, t.own().Callback}}
	t.Refused(t.send(twiceInBody), "the request with oauth_callback twice in the body", http.StatusBadRequest, "parameter_rejected", "parameter_absent")
}
