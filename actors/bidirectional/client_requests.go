package bidirectional

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/actors/wire"
)

// temporary is a temporary credential in a client's hands.
type temporary struct{ Token, Secret string }

var errNotAsked = errors.New("no temporary credential was asked for")

// discover reads the metadata of a site's OAuth server (profile section 3).
func (c *Client) discover(issuer string) (Metadata, error) {
	request, err := http.NewRequest(http.MethodGet, issuer+wellKnown, nil)
	if err != nil {
		return Metadata{}, err
	}
	body, err := c.send(request)
	if err != nil {
		return Metadata{}, err
	}
	var m Metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return Metadata{}, fmt.Errorf("the metadata of %s are no JSON object: %w", issuer, err)
	}
	// RFC 8414 section 3.3: mix-up
	if c.Guards.Forbids("BI-CL-32", m.Issuer != issuer) {
		return Metadata{}, fmt.Errorf("the metadata under %s name another issuer, %q", issuer, m.Issuer)
	}
	return m, nil
}

// askTemporary asks a site's OAuth server for a temporary credential (steps 1 to 3), with further body parameters.
func (c *Client) askTemporary(server Metadata, secret string, params ...string) (temporary, error) {
	body := strings.TrimPrefix(withQuery("", params...), "?")
	signer := c.signer(server, server.TemporaryCredentialEndpoint)
	signer.ClientSecret = secret
	answer, err := c.post(server.TemporaryCredentialEndpoint, body, signer,
		oauth1.Param{Name: "oauth_callback", Value: c.BaseURL + pathCallback})
	if err != nil {
		return temporary{}, err
	}
	// RFC 5849 section 2.1: without the confirmation the server speaks the vulnerable predecessor
	read := oauth1.ParseTemporary
	if !c.Guards.On("BI-CL-28") {
		read = oauth1.ParseCredentials
	}
	issued, err := read(string(answer))
	if err != nil {
		return temporary{}, err
	}
	// description of fig. 2: the credential carries the identifier of the client that asked
	if carried := issued.Get("client_id"); c.Guards.Forbids("BI-CL-37", carried != c.ID) {
		return temporary{}, fmt.Errorf("the temporary credential of %s was made for another client, %q", server.Issuer, carried)
	}
	return temporary{issued.Token, issued.Secret}, nil
}

// delegate hands the first temporary credential to the peer's client (step 9), and returns the continue_uri.
func (c *Client) delegate(theirs Metadata, peer Peer, first temporary) (string, error) {
	form := url.Values{"temporary_credential": {first.Token}, "client_id": {c.ID}, "issuer": {c.Issuer}}
	// claims 1, 4, 6: the credential travels with its secret
	if c.Guards.On("BI-CL-06") {
		form.Set("temporary_credential_secret", first.Secret)
	}
	signer := c.signer(theirs, theirs.DelegationEndpoint)
	signer.ClientSecret = peer.Secret
	// closes claim 4, how the credential travels
	if !c.Guards.On("BI-CL-16") {
		signer = oauth1.Signer{}
	}
	body, err := c.post(theirs.DelegationEndpoint, form.Encode(), signer)
	if err != nil {
		return "", err
	}
	var answer struct {
		ContinueURI string `json:"continue_uri"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("the answer of %s to the delegation is no JSON object: %w", theirs.DelegationEndpoint, err)
	}
	if !absoluteURL(answer.ContinueURI) {
		return "", fmt.Errorf("the continue_uri of %s is no URL: %q", theirs.DelegationEndpoint, answer.ContinueURI)
	}
	if err := c.private(answer.ContinueURI); err != nil {
		return "", err
	}
	return answer.ContinueURI, nil
}

// exchange gets an access token for a verifier (steps 7 and 14).
func (c *Client) exchange(server Metadata, l leg, verifier string) (oauth1.Credentials, error) {
	signer := c.signer(server, server.TokenEndpoint)
	signer.ClientSecret = c.peerOf(l).Secret
	signer.Token, signer.TokenSecret = l.Token, l.Secret
	shown := []oauth1.Param{{Name: "oauth_verifier", Value: verifier}}
	// claims 3, 7: the receiving client exchanges under its own identifier
	if l.Receiving && !c.Guards.On("BI-CL-08") {
		signer.ConsumerKey = l.PeerID
	}
	// claims 1, 4, 6: the verifier is what is exchanged
	if !l.Receiving && !c.Guards.On("BI-CL-04") {
		shown = nil
	}
	body, err := c.post(server.TokenEndpoint, "", signer, shown...)
	if err != nil {
		return oauth1.Credentials{}, err
	}
	return oauth1.ParseCredentials(string(body))
}

// read reads the resources (steps 8 and 15), and waits a while for a hand-over that is late.
func (c *Client) read(server Metadata, l leg, g grant) (reading, error) {
	// claim 4; description of fig. 2: the token is shown where it belongs, and nowhere else
	if !c.Guards.On("BI-CL-13") {
		if own, err := c.discover(c.Issuer); err == nil {
			_, _ = c.readOnce(own, Peer{Secret: c.Secret}, g)
		}
	}
	var got reading
	body, err := c.readOnce(server, c.peerOf(l), g)
	for _, wait := range c.patience() {
		var refused *refusedError
		if !errors.As(err, &refused) || refused.status != http.StatusUnauthorized || refused.code != oauth1.TokenRejected {
			break
		}
		c.Clock.Sleep(wait)
		body, err = c.readOnce(server, c.peerOf(l), g)
	}
	if err != nil {
		return got, err
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return got, fmt.Errorf("the answer of %s is no JSON object: %w", server.ResourceEndpoint, err)
	}
	return got, nil
}

// patience is how long the client waits before each further try for a token that the resource server does not know yet.
func (c *Client) patience() []time.Duration {
	const first, tries = 100 * time.Millisecond, 6
	// flows, lost or late push
	if !c.Guards.On("BI-CL-34") {
		return nil
	}
	// flows, bounded retry
	if !c.Guards.On("BI-CL-35") {
		return slices.Repeat([]time.Duration{first}, 39)
	}
	waits := []time.Duration{first}
	for len(waits) < tries-1 {
		waits = append(waits, 2*waits[len(waits)-1])
	}
	return waits
}

func (c *Client) readOnce(server Metadata, peer Peer, g grant) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, server.ResourceEndpoint, nil)
	if err != nil {
		return nil, err
	}
	signer := c.signer(server, server.ResourceEndpoint)
	signer.ClientSecret, signer.Token, signer.TokenSecret = peer.Secret, g.Token, g.Secret
	if err := signer.Sign(request); err != nil {
		return nil, err
	}
	return c.send(request)
}

// revoke asks the peer to end an access token (RFC 7009 section 2), and asks again a few times as long as the peer says that its resource server does not know yet (section 2.2.1).
func (c *Client) revoke(peer Peer, token string) error {
	const tries = 4
	server, err := c.discover(peer.Issuer)
	if err != nil {
		return err
	}
	signer := c.signer(server, server.RevocationEndpoint)
	signer.ClientSecret = peer.Secret
	for try := 1; ; try++ {
		_, err = c.post(server.RevocationEndpoint, url.Values{"token": {token}}.Encode(), signer)
		var refused *refusedError
		if try == tries || !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable {
			return err
		}
		c.Clock.Sleep(refused.wait())
	}
}

// wait is how long to wait before asking again: what the server says (RFC 9110 section 10.2.3), within what a user waits for.
func (e *refusedError) wait() time.Duration {
	const least, longest = time.Second, 5 * time.Second
	said, err := strconv.Atoi(e.after)
	if err != nil {
		return least
	}
	return min(max(time.Duration(said)*time.Second, least), longest)
}

// signer signs a request to an endpoint of a site, under the client's identifier; the caller adds the secrets.
func (c *Client) signer(server Metadata, endpoint string) oauth1.Signer {
	entropy := c.Entropy("nonces")
	// RFC 5849 section 3.3: a nonce is not used before
	if !c.Guards.On("BI-CL-29") {
		entropy = zeros{}
	}
	return oauth1.Signer{ConsumerKey: c.ID, Method: c.method(server), Now: c.Clock.Now, Entropy: entropy}
}

// method chooses the signature method.
func (c *Client) method(server Metadata) oauth1.Method {
	announced := server.SignatureMethodsSupported
	// RFC 5849 section 3.4.4; flows, downgrade: PLAINTEXT is never chosen, whatever is announced
	if !c.Guards.On("BI-CL-30") && len(announced) > 0 {
		return oauth1.Method(announced[0])
	}
	if slices.Contains(announced, string(oauth1.HMACSHA1)) && !slices.Contains(announced, string(oauth1.HMACSHA256)) {
		return oauth1.HMACSHA1
	}
	return oauth1.HMACSHA256
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// post sends a form, signed unless the signer is empty.
func (c *Client) post(endpoint, form string, signer oauth1.Signer, extra ...oauth1.Param) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", wire.FormType)
	if signer.ConsumerKey != "" {
		if err := signer.Sign(request, extra...); err != nil {
			return nil, err
		}
	}
	return c.send(request)
}

// refusedError is an answer other than 200.
type refusedError struct {
	endpoint string
	status   int
	code     string // the error member, empty when there is none
	after    string // the Retry-After header
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.endpoint, e.status, e.code)
}

// private says why nothing may go to a URL: neither a request of the client's nor the browser with a credential.
func (c *Client) private(target string) error {
	// description: kept safe by SSL; RFC 5849 sections 2.3 and 4.3; RFC 9700 section 2.6
	if c.Guards.Forbids("BI-CL-38", !wire.Private(target)) {
		return fmt.Errorf("%s is neither on TLS nor on loopback: let the site publish its endpoints under https", target)
	}
	return nil
}

// send returns the body of an answer with status 200. Every request of the client goes this way.
func (c *Client) send(request *http.Request) ([]byte, error) {
	if err := c.private(request.URL.String()); err != nil {
		return nil, err
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > wire.MaxBody {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes", request.URL, wire.MaxBody)
	}
	if response.StatusCode != http.StatusOK {
		var said wire.Refusal
		_ = json.Unmarshal(body, &said) // what is no JSON object has no code
		return nil, &refusedError{request.URL.String(), response.StatusCode, said.Error, response.Header.Get("Retry-After")}
	}
	return body, nil
}
