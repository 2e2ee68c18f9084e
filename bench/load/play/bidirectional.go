package play

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/bidirectional"
)

// signed is a request of the bidirectional flow about to be written: signed under a key, with a token or without.
type signed struct {
	route              *lean.Route
	key, secret        string
	token, tokenSecret string
	form               url.Values
	callback, verifier string
}

// write signs the request by RFC 5849, writes it into the seat's buffer and gives its oauth_signature.
func (r signed) write(s *load.Seat, random io.Reader) (request []byte, signature string, err error) {
	u, err := url.Parse(r.route.URL)
	if err != nil {
		return nil, "", err
	}
	body := r.form.Encode()
	req := &http.Request{Method: r.route.Method, URL: u, Host: u.Host, Header: http.Header{}}
	if r.form != nil {
		req.Header.Set("Content-Type", asForm)
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	var extra []oauth1.Param
	if r.callback != "" {
		extra = append(extra, oauth1.Param{Name: "oauth_callback", Value: r.callback})
	}
	if r.verifier != "" {
		extra = append(extra, oauth1.Param{Name: "oauth_verifier", Value: r.verifier})
	}
	signer := oauth1.Signer{ConsumerKey: r.key, ClientSecret: r.secret, Token: r.token, TokenSecret: r.tokenSecret, Now: time.Now, Entropy: random}
	if signature, err = signer.Signature(req, extra...); err != nil {
		return nil, "", err
	}
	s.Buffer = r.route.Append(s.Buffer[:0], "", "Authorization: "+req.Header.Get("Authorization")+"\r\n", []byte(body))
	return s.Buffer, signature, nil
}

// send signs and sends as a leg.
func (r signed) send(s *load.Seat, leg int, random io.Reader) (*lean.Response, error) {
	request, _, err := r.write(s, random)
	if err != nil {
		return nil, err
	}
	return s.Do(leg, r.route, request)
}

// receipt is the Handover-Receipt of a hand-over with that signature, by section 4.4 of the profile.
func receipt(signature, key string) string {
	return oauth1.Keys{ClientSecret: key}.MAC("receipt&" + oauth1.Escape(signature))
}

// acknowledge answers a hand-over with its receipt; one without a signature has none.
func acknowledge(w http.ResponseWriter, handover *oauth1.Message, key string) {
	if handover.Signature != "" {
		w.Header().Set("Handover-Receipt", receipt(handover.Signature, key))
	}
	w.WriteHeader(http.StatusNoContent)
}

// credential wants status 200 and a credential, form-encoded, that no cache keeps and that is for the client.
func credential(s *load.Seat, resp *lean.Response, client string) (url.Values, error) {
	if err := status(s, resp, http.StatusOK); err != nil {
		return nil, err
	}
	if !typed(resp, asForm) {
		return nil, s.Wrong("an answer of type "+asForm, fmt.Sprintf("Content-Type %q", resp.Header("Content-Type")))
	}
	if !resp.Has("Cache-Control", "no-store") {
		return nil, s.Wrong("Cache-Control: no-store", fmt.Sprintf("Cache-Control %q", resp.Header("Cache-Control")))
	}
	values, err := url.ParseQuery(string(bytes.TrimSpace(resp.Body)))
	if err != nil {
		return nil, s.Wrong("a credential, form-encoded", err.Error())
	}
	for _, name := range []string{"oauth_token", "oauth_token_secret", "client_id", "expires_in"} {
		if len(values[name]) != 1 || values.Get(name) == "" {
			return nil, s.Wrong(name+", once", fmt.Sprintf("%s %q", name, values[name]))
		}
	}
	if !keyForm(values.Get("oauth_token")) || !keyForm(values.Get("oauth_token_secret")) {
		return nil, s.Wrong("a token and a secret of 22 or more characters A-Z a-z 0-9 - _", "others")
	}
	return values, same(s, "client_id", client, values.Get("client_id"))
}

// bidirectionalSetup is the scene's, with all that a script needs in it.
func bidirectionalSetup(scene *Scene) (*bidirectional.Setup, error) {
	setup, ok := scene.Target.Setup.(*bidirectional.Setup)
	if !ok || len(setup.Clients) < 2 || len(setup.Users) == 0 {
		return nil, &SceneError{"the setup names no two clients and no user; complete it by section 8 of the profile bidirectional"}
	}
	return setup, nil
}
