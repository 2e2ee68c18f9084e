package conformance

import (
	"encoding/hex"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// excerpt keeps what a report can show of a body, and what it needs beyond that to find the secrets in it: text as it is, CBOR in diagnostic notation (RFC 8949
// section 8), other bytes in hexadecimal digits.
func excerpt(header http.Header, body []byte) string {
	shown := body[:min(len(body), maxShown+beyond)]
	text := strings.ToValidUTF8(string(shown), "\uFFFD")
	switch kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); {
	case kind == "application/cbor" || kind == "application/cose":
		if diagnosis, err := diagnose(shown); err == nil {
			return diagnosis
		}
		text = hexadecimal(shown)
	case !utf8.Valid(shown) && !strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "json"):
		text = hexadecimal(shown)
	}
	return text
}

func hexadecimal(b []byte) string { return "h'" + hex.EncodeToString(b) + "'" }

func diagnose(b []byte) (string, error) {
	// COSE wraps CBOR in byte strings, which are shown opened.
	mode, err := cbor.DiagOptions{ByteStringEmbeddedCBOR: true}.DiagMode()
	if err != nil {
		return "", err
	}
	return mode.Diagnose(b)
}
