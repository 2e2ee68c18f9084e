package judge

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"countersign/conformance"
)

// SetupOf is a copy of the session's setup, which has to be that of the caller's flow.
func SetupOf[S any](s *conformance.Session) S {
	setup, ok := any(s.Target.Setup).(*S)
	if !ok {
		s.Broken("the target's setup is a %T and not that of this flow", s.Target.Setup)
	}
	return *setup
}

// Document is the target's metadata document, as it came.
type Document struct {
	Judge
	*conformance.Response
}

// Base is the URL under which the target's metadata document lies, without a slash at its end.
func (j Judge) Base() string { return strings.TrimSuffix(j.Target.URL, "/") }

// Discover reads the target's metadata document into metadata. That it is right in every part is a requirement of its own.
func (j Judge) Discover(wellKnown string, metadata any) Document {
	req, err := http.NewRequest(http.MethodGet, j.Base()+wellKnown, nil)
	if err != nil {
		j.Broken("the target's URL %q cannot be asked: %v", j.Target.URL, err)
	}
	d := Document{j, j.Do("harness", req)}
	j.ExpectStatus(d.Response, "the metadata document", http.StatusOK)
	if !utf8.Valid(d.Body) {
		j.FailAt(d.Exchange, "metadata in UTF-8", "bytes that are no UTF-8")
	}
	if err := json.Unmarshal(d.Body, metadata); err != nil {
		j.FailAt(d.Exchange, "metadata that is a JSON object", err.Error())
	}
	return d
}

// Named is a URL that the document has to name.
func (d Document) Named(member, url string) string {
	if url == "" {
		d.FailAt(d.Exchange, "metadata that names the "+member, "no "+member+" in the metadata")
	}
	return url
}
