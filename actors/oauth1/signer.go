package oauth1

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signer signs the requests of a client. Its zero value signs with HMAC-SHA256.
type Signer struct {
	ConsumerKey  string // client identifier
	ClientSecret string
	Token        string // empty when temporary credentials are asked for
	TokenSecret  string
	Method       Method          // zero: HMAC-SHA256
	PrivateKey   *rsa.PrivateKey // for RSA-SHA1

	// Now and Entropy give oauth_timestamp and oauth_nonce. Only PLAINTEXT can do without (RFC 5849
	// section 3.1): with that method, either both are set or neither.
	Now     func() time.Time
	Entropy io.Reader

	Realm string // of the Authorization header; left out when empty
}

// Sign puts an Authorization header on r (RFC 5849 section 3.5.1), in place of the one it may have. The
// signature covers method, URI, query and, when form encoded, the body, which Sign reads and puts back. So r must
// not be changed afterwards.
//
// Extra are further oauth_ parameters: oauth_callback, oauth_verifier, oauth_version. Other parameters
// belong in the query or the body and are an error here, and so are oauth_ parameters there, as section
// 3.5 allows one place only.
func (s Signer) Sign(r *http.Request, extra ...Param) error {
	_, err := s.Signature(r, extra...)
	return err
}

// Signature signs as Sign does, and returns the oauth_signature, for a client whose server answers to it.
func (s Signer) Signature(r *http.Request, extra ...Param) (string, error) {
	method := s.Method
	if method == "" {
		method = HMACSHA256
	}
	scheme := method.scheme()
	if scheme == nil {
		return "", fmt.Errorf("oauth1: cannot sign with the unknown method %q; use one of %v", method, Methods())
	}
	m, err := compose(r)
	if err != nil {
		return "", err
	}
	protocol, err := s.protocol(method)
	if err != nil {
		return "", err
	}
	m.add(InHeader, append(protocol, extra...))
	switch i := slices.IndexFunc(extra, func(p Param) bool { return !strings.HasPrefix(p.Name, protocolPrefix) }); {
	case i >= 0:
		return "", fmt.Errorf("oauth1: the extra parameter %q is no oauth_ parameter; put it in the query or the body", extra[i].Name)
	case len(m.Duplicated) > 0:
		return "", fmt.Errorf("oauth1: the request would carry %s twice; leave it to the signer", m.Duplicated[0])
	case len(m.Transports) > 1:
		return "", errors.New("oauth1: the query or body holds oauth_ parameters already; give them to Sign instead")
	}
	signature, err := scheme.sign(m, signingKeys{s.ClientSecret, s.TokenSecret, s.PrivateKey})
	if err != nil {
		return "", err
	}
	sent := slices.Concat(protocol, extra, []Param{{paramSignature, signature}})
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Authorization", formatAuthorization(s.Realm, sent))
	return signature, nil
}

// protocol returns the protocol parameters that every request carries, without the signature.
func (s Signer) protocol(method Method) ([]Param, error) {
	params := []Param{{paramConsumerKey, s.ConsumerKey}}
	if s.Token != "" {
		params = append(params, Param{paramToken, s.Token})
	}
	params = append(params, Param{paramSignatureMethod, string(method)})
	if method == Plaintext && s.Now == nil && s.Entropy == nil {
		return params, nil
	}
	if s.Now == nil || s.Entropy == nil {
		return nil, errors.New("oauth1: signing needs a clock and an entropy source; set Signer.Now and Signer.Entropy")
	}
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(s.Entropy, nonce); err != nil {
		return nil, fmt.Errorf("oauth1: reading entropy for a nonce: %w", err)
	}
	return append(params,
		Param{paramTimestamp, strconv.FormatInt(s.Now().Unix(), 10)},
		Param{paramNonce, hex.EncodeToString(nonce)}), nil
}

// compose describes a request that a client is about to send, with its body and query parameters.
func compose(r *http.Request) (*Message, error) {
	host, err := wireHost(r)
	if err != nil {
		return nil, fmt.Errorf("oauth1: host of the request to sign: %w", err)
	}
	path, query := target(r)
	scheme := strings.ToLower(r.URL.Scheme)
	m := &Message{
		Method:  strings.ToUpper(r.Method),
		BaseURI: baseURI(scheme, host, path),
		Secure:  scheme == "https",
	}
	if m.Method == "" {
		m.Method = http.MethodGet // as net/http sends it
	}
	if isForm(r.Header) {
		text, err := readBody(r, math.MaxInt64-1)
		if err != nil {
			return nil, err
		}
		params, err := decodeForm(string(text), "form body")
		if err != nil {
			return nil, err
		}
		m.add(InBody, params)
		if r.Body != nil && r.Body != http.NoBody {
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
		}
	}
	params, err := decodeForm(query, "query")
	if err != nil {
		return nil, err
	}
	m.add(InQuery, params)
	return m, nil
}
