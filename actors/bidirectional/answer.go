package bidirectional

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/oauth1"
	"countersign/actors/wire"
)

func formAnswer(body string) wire.Answer {
	return wire.Answer{Status: http.StatusOK, ContentType: wire.FormType, Body: body}
}

// refuse answers with the problem that the error is; with 500 when it is none. The challenge is sent with status 401 (RFC 9110 section 11.6.1).
func refuse(w http.ResponseWriter, err error, challenge bool) {
	var problem *oauth1.Problem
	if !errors.As(err, &problem) {
		wire.Refuse(w, http.StatusInternalServerError, wire.Broken())
		return
	}
	if problem.Status == http.StatusUnauthorized && challenge {
		w.Header().Set("WWW-Authenticate", problem.Challenge(""))
	}
	wire.Refuse(w, problem.Status, wire.Refusal{Error: problem.Code, Description: problem.Description})
}

// withQuery adds parameters to a URL whose query, if any, stays as it is (RFC 5849 section 2.2).
func withQuery(target string, params ...string) string {
	target, fragment, cut := strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	for i := 0; i < len(params); i += 2 {
		target += separator + url.QueryEscape(params[i]) + "=" + url.QueryEscape(params[i+1])
		separator = "&"
	}
	if cut {
		target += "#" + fragment
	}
	return target
}

// absoluteURL reports whether text is a URL that a browser can be sent to.
func absoluteURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
