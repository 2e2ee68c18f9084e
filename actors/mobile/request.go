package mobile

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/actors/wire"
)

// maxRequest bounds the body of a request, in bytes (profile section 2).
const maxRequest = 64 << 10

// A problem is a refusal on its way to the wire.
type problem = wire.Problem

// members are those of a JSON object that was sent.
type members = wire.Members

// readBody reads the text of a body of one of the media types.
func readBody(r *http.Request, limit int64, types ...string) (text []byte, mediaType string, err error) {
	mediaType = wire.MediaType(r.Header)
	if !slices.Contains(types, mediaType) {
		return nil, "", wire.InvalidRequest("the body is not of type " + strings.Join(types, " or "))
	}
	text, err = wire.ReadBody(r.Body, limit)
	if err == nil && !utf8.Valid(text) {
		err = wire.InvalidRequest("the body is not UTF-8")
	}
	return text, mediaType, err
}

// identifier gives a required appid, deviceid or system_id (profile section 2).
func identifier(m members, name string) (string, error) {
	text, err := m.Word(name)
	if err == nil && !isIdentifier(text) {
		err = wire.InvalidRequest(name + " is not 1 to 128 of A-Z, a-z, 0-9, dot, underscore, colon and hyphen")
	}
	return text, err
}

// userName gives the required username.
func userName(m members) (string, error) {
	text, err := m.Word("username")
	if err == nil && !isUserName(text) {
		err = wire.InvalidRequest("username is longer than 128 characters")
	}
	return text, err
}

func isIdentifier(s string) bool {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
	return s != "" && len(s) <= 128 && strings.TrimLeft(s, characters) == ""
}

func isUserName(s string) bool { return s != "" && utf8.RuneCountInString(s) <= 128 }

func isPassword(s string) bool { return s != "" && utf8.RuneCountInString(s) <= 256 }

// isSafeURL reports whether what is sent to the URL is read by its receiver only: over TLS or on loopback, without user information and fragment (profile section 2).
func isSafeURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && !strings.Contains(text, "#") && wire.Private(text)
}
