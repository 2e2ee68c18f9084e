package offline

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/outbound"
)

// The media types of messages (profile sections 5.1 and 5.2).
const (
	applicationType = "application/cbor"
	envelopeType    = `application/cose; cose-type="cose-sign1"`
)

// discover reads the server's metadata under the issuer (profile section 3).
func discover(env actors.Env, issuer string, limit time.Duration) (m Metadata, err error) {
	answer, err := outbound.Call{Method: http.MethodGet, URL: issuer + wellKnown}.Do(env, limit)
	if err != nil {
		return m, &lostError{err}
	}
	if answer.Status >= http.StatusInternalServerError {
		return m, &lostError{fmt.Errorf("the service server under %s answers its metadata with status %d", issuer, answer.Status)}
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &m) != nil {
		return m, fmt.Errorf("there are no metadata of a service server under %s", issuer)
	}
	return m, nil
}

// lostError says that there was no answer, or a 5xx, so that asking again may help.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// lost reports whether asking again may help.
func lost(err error) bool {
	var e *lostError
	return errors.As(err, &e)
}

// strangeIssuer says that a document is not the issuer's own.
func strangeIssuer(asked, said string) error {
	return fmt.Errorf("the metadata under %s name the issuer %s; let the server publish its own", asked, said)
}

// overheard says that a URL may be read by others than its receiver.
func overheard(url string) error {
	return fmt.Errorf("%s is neither on TLS nor on loopback: let the server publish its endpoints under https", url)
}
