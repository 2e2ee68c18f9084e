package offline

import (
	"encoding/json"
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
		return m, err
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &m) != nil {
		return m, fmt.Errorf("there are no metadata of a service server under %s", issuer)
	}
	return m, nil
}

// strangeIssuer says that a document is not the issuer's own.
func strangeIssuer(asked, said string) error {
	return fmt.Errorf("the metadata under %s name the issuer %s; let the server publish its own", asked, said)
}

// overheard says that a URL may be read by others than its receiver.
func overheard(url string) error {
	return fmt.Errorf("%s is neither on TLS nor on loopback: let the server publish its endpoints under https", url)
}
