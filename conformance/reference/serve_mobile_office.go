package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/mobile"
	"countersign/actors/mobile/pages"
	"countersign/actors/wire"
)

// rulesOffice is where a person sees and changes the rules, and deregisters lost devices. It knows the authorization server from its wire alone, as any program of an administrator.
type rulesOffice struct {
	client                  *http.Client
	issuer                  string
	administrator, password string
}

func (o *rulesOffice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	shown := pages.Office{}
	status := http.StatusOK
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		if err := http.NewCrossOriginProtection().Check(r); err != nil || !wire.Private("http://"+r.Host) {
			shown.Notice, status = "This came from another page than the office's own, and nothing was done.", http.StatusForbidden
			break
		}
		r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
		done, err := o.act(r, &shown)
		if shown.Done = done; err != nil {
			shown.Notice = "Nothing was changed: " + err.Error() + "."
		}
	default:
		wire.WrongMethod(w, http.MethodGet, http.MethodHead, http.MethodPost)
		return
	}
	if err := o.look(&shown); err != nil {
		shown.Notice, status = "The authorization server does not show its rules: "+err.Error(), http.StatusBadGateway
	}
	shown.Write(w, status)
}

// act does what a person chose, and says what it came to.
func (o *rulesOffice) act(r *http.Request, shown *pages.Office) (done string, err error) {
	server, err := o.metadata()
	if err != nil {
		return "", err
	}
	if system := r.PostFormValue("rotate"); system != "" {
		var made struct {
			KeyID string `json:"kid"`
		}
		if err := o.send(http.MethodPost, server.KeyRotationEndpoint, "", map[string]string{"system_id": system}, &made); err != nil {
			return "", fmt.Errorf("the key was not rotated; %w", err)
		}
		return "New tokens for " + system + " are sealed under the key " + made.KeyID + ".", nil
	}
	switch r.PostFormValue("do") {
	case "activate":
		version, rules := r.PostFormValue("version"), r.PostFormValue("rules")
		var active struct {
			Version int64 `json:"rules_version"`
		}
		if err := o.send(http.MethodPut, server.RulesEndpoint, version, json.RawMessage(rules), &active); err != nil {
			shown.Version, shown.Rules = version, rules // so that they can be mended
			return "", fmt.Errorf("the rules stay as they were; %w", err)
		}
		return fmt.Sprintf("Version %d is in force.", active.Version), nil
	case "deregister":
		device := r.PostFormValue("deviceid")
		var state struct{ Wipe string }
		if err := o.send(http.MethodPost, server.DeregistrationEndpoint, "", map[string]string{
			"deviceid": device, "username": r.PostFormValue("username"), "password": r.PostFormValue("password"),
		}, &state); err != nil {
			return "", fmt.Errorf("the device was not deregistered; %w", err)
		}
		return device + " is deregistered. Its tokens are dead, and its wipe is " + state.Wipe + ".", nil
	}
	return "", errors.New("there is no such thing to do")
}

// look reads the rules in force and how they came about.
func (o *rulesOffice) look(shown *pages.Office) error {
	server, err := o.metadata()
	if err != nil {
		return err
	}
	var active struct {
		Version int64      `json:"rules_version"`
		Rules   cast.Rules `json:"rules"`
	}
	if err := o.send(http.MethodGet, server.RulesEndpoint, "", nil, &active); err != nil {
		return err
	}
	for _, d := range active.Rules.Devices {
		shown.Devices = append(shown.Devices, pages.Device{ID: d.DeviceID, UserName: d.Username})
	}
	if shown.Rules == "" {
		text, err := json.MarshalIndent(active.Rules, "", "  ")
		if err != nil {
			return err
		}
		shown.Version, shown.Rules = fmt.Sprint(active.Version), string(text)
	}
	if server.KeyRotationEndpoint != "" {
		for _, s := range active.Rules.Systems {
			shown.Systems = append(shown.Systems, s.SystemID)
		}
	}
	if server.RulesAuditEndpoint == "" {
		return nil
	}
	var audit struct {
		Entries []struct {
			Version     int64  `json:"rules_version"`
			ActivatedAt int64  `json:"activated_at"`
			By          string `json:"by"`
		} `json:"entries"`
	}
	if err := o.send(http.MethodGet, server.RulesAuditEndpoint, "", nil, &audit); err != nil {
		return err
	}
	for _, e := range slices.Backward(audit.Entries) {
		shown.Entries = append(shown.Entries, pages.Entry{Version: e.Version, ActivatedAt: time.Unix(e.ActivatedAt, 0).UTC().Format(time.RFC3339), By: e.By})
	}
	return nil
}

func (o *rulesOffice) metadata() (server cast.Metadata, err error) {
	err = o.send(http.MethodGet, o.issuer+"/.well-known/mobile-access", "", nil, &server)
	return server, err
}

// send sends a request of the administrator and reads the answer, a JSON object. The error says why the server refused.
func (o *rulesOffice) send(method, url, version string, body, into any) error {
	var content io.Reader
	if raw, plain := body.(json.RawMessage); plain {
		content = strings.NewReader(string(raw)) // as it was typed: the server says what is wrong with it
	} else if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, url, content)
	if err != nil {
		return err
	}
	request.SetBasicAuth(o.administrator, o.password)
	if content != nil {
		request.Header.Set("Content-Type", wire.JSONType)
	}
	if version != "" {
		request.Header.Set("If-Match", `"`+version+`"`)
	}
	response, err := o.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s does not answer", url)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody))
	if err != nil {
		return fmt.Errorf("the answer of %s broke off", url)
	}
	if response.StatusCode/100 != 2 {
		var refusal wire.Refusal
		_ = json.Unmarshal(text, &refusal) // without a description the status says it all
		return fmt.Errorf("status %d, %s", response.StatusCode, refusal.Description)
	}
	return json.Unmarshal(text, into)
}
