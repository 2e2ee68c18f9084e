package bidirectional

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"countersign/conformance"
)

// delegationRefused sends a delegation and judges its refusal: section 6.3.
func (t *clientTest) delegationRefused(r request, what string, status int, codes ...string) {
	t.Refused(t.Do("client-b", t.sign(r)), what, status, codes...)
}

// BI-CL-17
func (t *clientTest) unsignedDelegationRefused() {
	t.delegate()
	r, _ := t.delegation()
	r.unsigned = true
	t.delegationRefused(r, "a delegation without a signature", http.StatusUnauthorized)
}

// BI-CL-18
func (t *clientTest) wronglySignedDelegationRefused() {
	t.delegate()
	r, _ := t.delegation()
	r.corrupt = true
	t.delegationRefused(r, "a delegation with one character of its signature changed", http.StatusUnauthorized, "signature_invalid")
	r, _ = t.delegation()
	r.by.clientSecret = t.Random(18)
	t.delegationRefused(r, "a delegation signed with a secret that is not the sender's", http.StatusUnauthorized, "signature_invalid")
	r, first := t.delegation()
	r.afterSigning = func(req *http.Request) {
		changed := maps.Clone(r.form)
		changed.Set("temporary_credential_secret", swapFirst(first.secret))
		setBody(req, changed)
	}
	t.delegationRefused(r, "a delegation whose body was changed after it was signed", http.StatusUnauthorized, "signature_invalid")
}

func setBody(req *http.Request, form url.Values) {
	body := []byte(form.Encode())
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
}

// BI-CL-19
func (t *clientTest) strangersDelegationRefused() {
	t.delegate()
	stranger := t.Clients[2]
	for _, by := range []credentials{
		{client: stranger.ID, clientSecret: stranger.Secret},
		{client: "client-" + t.Random(6), clientSecret: t.Random(18)},
	} {
		r, _ := t.delegation()
		r.by = by
		r.form.Set("client_id", by.client)
		t.delegationRefused(r, fmt.Sprintf("a delegation signed under %q, which is no peer's identifier", by.client), http.StatusUnauthorized, "consumer_key_unknown")
	}
}

// BI-CL-20
func (t *clientTest) issuerIsSenders() {
	t.delegate()
	for _, issuer := range []string{t.OwnIssuer, t.peer.in("another"), "http://127.0.0.1:9"} {
		r, _ := t.delegation()
		r.form.Set("issuer", issuer)
		t.delegationRefused(r, fmt.Sprintf("a delegation under %q with issuer=%s", r.by.client, issuer), http.StatusBadRequest, "parameter_rejected")
	}
}

// BI-CL-21
func (t *clientTest) delegationCountedOnce() {
	r, _ := t.delegation()
	r.nonce = t.Random(12)
	now := t.Env.Now().Unix()
	r.timestamp = fmt.Sprint(now)
	t.continueURI(t.Do("client-b", t.sign(r)))
	t.delegationRefused(r, "the same delegation a second time", http.StatusUnauthorized, "nonce_used")
	other, _ := t.delegation()
	other.nonce, other.timestamp = r.nonce, r.timestamp
	t.delegationRefused(other, "another delegation with the same nonce and timestamp", http.StatusUnauthorized, "nonce_used")
	other.timestamp = fmt.Sprint(now + 1)
	t.delegationRefused(other, "another delegation with the same nonce, a second later", http.StatusUnauthorized, "nonce_used")
	t.delegate()
}

// BI-CL-22
func (t *clientTest) delegationFresh() {
	t.delegate()
	for _, off := range []int64{-t.window() - outside, t.window() + outside} {
		r, _ := t.delegation()
		r.timestamp = t.at(off)
		t.delegationRefused(r, fmt.Sprintf("a delegation whose timestamp is %+d s off", off), http.StatusUnauthorized, "timestamp_refused")
	}
}

// BI-CL-23
func (t *clientTest) continueURIGoodOnce() {
	uri, _ := t.delegate()
	first := t.browser()
	t.putToUser(first.Open(uri))
	for _, again := range []struct {
		b   *conformance.Browser
		who string
	}{{first, "the same terminal"}, {t.browser(), "another terminal"}} {
		resp := again.b.Open(uri)
		t.ExpectStatus(resp, "the continue_uri opened a second time, by "+again.who, http.StatusBadRequest)
		if resp.Location() != "" {
			t.FailAt(resp.Exchange, "no redirect at a second opening", "a redirect to "+resp.Location())
		}
	}
	const good, margin = 10 * time.Minute, 30 * time.Second // section 6.3
	young, _ := t.delegate()
	old, _ := t.delegate()
	if !t.Passes(good - margin) {
		return
	}
	t.putToUser(t.browser().Open(young))
	t.Advance(2 * margin)
	resp := t.browser().Open(old)
	t.ExpectStatus(resp, "the continue_uri opened more than ten minutes after it was given", http.StatusBadRequest)
	if resp.Location() != "" {
		t.FailAt(resp.Exchange, "no redirect by a continue_uri that is more than ten minutes old", "a redirect to "+resp.Location())
	}
}
