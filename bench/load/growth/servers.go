package growth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/oauth1"
	"countersign/actors/password"
	"countersign/actors/ticket"
)

// resourceServer is that of the bidirectional flow, to which so many tokens were handed over.
func resourceServer(tokens int) (func() error, func(), error) {
	const base, issuer, key, owner = "http://resource.localhost", "http://oauth.localhost", "hand-over key", "alice"
	world := &live.World{}
	env := world.Env("resource-server", guard.Set{})
	client := bidirectional.ClientRegistration{ID: "site-b", Secret: "a secret of site B", Name: "Site B", Callback: "http://site-b.localhost/callback"}
	handler := (&bidirectional.ResourceServer{
		Env: env, BaseURL: base, Issuer: issuer, HandoverKey: key, Clients: []bidirectional.ClientRegistration{client},
		Resources: []bidirectional.Collection{{Owner: owner, Resources: []bidirectional.Resource{{ID: "1", Title: "One"}}}},
	}).Handler()
	ask := func(signer oauth1.Signer, method, path string, form url.Values, want int) error {
		signer.Now, signer.Entropy = time.Now, env.Entropy("nonces")
		req := httptest.NewRequest(method, base+path, strings.NewReader(form.Encode()))
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if err := signer.Sign(req); err != nil {
			return err
		}
		return answered(handler, req, want)
	}
	expires := strconv.FormatInt(time.Now().Unix()+86400, 10)
	secretOf := func(i int) string { return fmt.Sprintf("secret-%032d", i) }
	for i := range tokens {
		if err := ask(oauth1.Signer{ConsumerKey: issuer, ClientSecret: key}, http.MethodPost, "/handover", url.Values{
			"event": {"issued"}, "token": {nameOf(i)}, "token_secret": {secretOf(i)}, "client_id": {client.ID}, "username": {owner},
			"expires_at": {expires}, "resource_server": {base + "/resource"}, "sequence": {"1"},
		}, http.StatusNoContent); err != nil {
			world.Close()
			return nil, nil, err
		}
	}
	next := anyOf(tokens)
	return func() error {
		i := next()
		return ask(oauth1.Signer{ConsumerKey: client.ID, ClientSecret: client.Secret, Token: nameOf(i), TokenSecret: secretOf(i)}, http.MethodGet, "/resource", nil, http.StatusOK)
	}, world.Close, nil
}

// answered wants a status of a handler.
func answered(handler http.Handler, req *http.Request, want int) error {
	resp := httptest.NewRecorder()
	if handler.ServeHTTP(resp, req); resp.Code != want {
		return fmt.Errorf("%s %s is answered with status %d: %.200s", req.Method, req.URL.Path, resp.Code, resp.Body)
	}
	return nil
}

// accountServer is that of the ticket flow, with so many users, each with a ticket.
func accountServer(users int) (func() error, func(), error) {
	const issuer, app, secret, word = "http://accounts.localhost", "app-one", "a secret of the app's", "a password of everybody's"
	world := &live.World{}
	handler := (&ticket.AccountServer{
		Env: world.Env("account-server", guard.Set{}), Issuer: issuer, Apps: []ticket.App{{ID: app, Secret: secret}}, Passwords: password.Cheapest(), AuthorizationKeyLifetime: 24 * time.Hour,
	}).Handler()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(app+":"+secret))
	ask := func(path string, members map[string]string, want int, into any) error {
		body, err := json.Marshal(members)
		if err != nil {
			return err
		}
		req := httptest.NewRequest(http.MethodPost, issuer+path, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", basic)
		resp := httptest.NewRecorder()
		if handler.ServeHTTP(resp, req); resp.Code != want {
			return fmt.Errorf("%s is answered with status %d: %.200s", path, resp.Code, resp.Body)
		}
		return json.NewDecoder(io.LimitReader(resp.Body, 16<<10)).Decode(into)
	}
	type pair struct {
		UserID           string `json:"user_id"`
		AuthorizationKey string `json:"authorization_key"`
	}
	held := make([]pair, users)
	for i := range users {
		who := map[string]string{"user_name": fmt.Sprintf("user-%d", i), "password": word}
		err := ask("/registration", who, http.StatusCreated, &struct{}{})
		if who["app_id"] = app; err == nil {
			err = ask("/authentication", who, http.StatusOK, &held[i])
		}
		if err != nil {
			world.Close()
			return nil, nil, err
		}
	}
	next := anyOf(users)
	return func() error {
		p := held[next()]
		var said struct {
			Active bool   `json:"active"`
			UserID string `json:"user_id"`
		}
		if err := ask("/verification", map[string]string{"user_id": p.UserID, "authorization_key": p.AuthorizationKey}, http.StatusOK, &said); err != nil {
			return err
		}
		if !said.Active || said.UserID != p.UserID {
			return errNotThere
		}
		return nil
	}, world.Close, nil
}
