package bidirectional

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// form is a form as the terminal sends it back.
type form struct {
	action string
	values url.Values
}

// authorizationForm finds the page's form that asks for a password.
func authorizationForm(shown Page) (form, bool) {
	for _, f := range shown.forms {
		if !f.Asks("password") {
			continue
		}
		if action, err := resolve(shown.URL, f.Action); err == nil {
			return form{action, f.Values()}, true
		}
	}
	return form{}, false
}

// resolve makes a reference on a page absolute; an empty one is the page itself.
func resolve(page, reference string) (string, error) {
	base, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	target, err := base.Parse(reference)
	if err != nil {
		return "", fmt.Errorf("the reference %q on %s is no URL: %w", reference, page, err)
	}
	return target.String(), nil
}

// originOf is the origin of a URL: scheme://host[:port] (RFC 6454).
func originOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// startEndpoint reads a client's metadata.
func (t *Terminal) startEndpoint(clientBase string) (string, error) {
	response, body, err := t.send(visit{method: http.MethodGet, target: clientBase + wellKnown})
	if err != nil {
		return "", err
	}
	var m Metadata
	if err := json.Unmarshal([]byte(body), &m); response.StatusCode != http.StatusOK || err != nil || m.StartEndpoint == "" {
		return "", fmt.Errorf("the metadata under %s (status %d) name no start_endpoint", clientBase, response.StatusCode)
	}
	return m.StartEndpoint, nil
}
