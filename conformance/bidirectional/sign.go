package bidirectional

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
)

// credentials are what a request is signed with.
type credentials struct{ client, clientSecret, token, tokenSecret string }

// param is one request parameter, decoded.
type param struct{ name, value string }

// request is a request about to be signed. It says what an honest client would send, and lets a check say otherwise.
type request struct {
	as          string // the sender in reports; empty: the client's identifier
	method, url string
	form        url.Values // the body; nil for none
	by          credentials
	oauth       []param // oauth_callback, oauth_verifier

	signatureMethod string // empty: HMAC-SHA256
	nonce           string // empty: a fresh one
	timestamp       string // empty: now
	version         string // empty: left out
	unsigned        bool   // no Authorization header at all
	without         string // name of an oauth_ parameter to leave out
	twice           string // name of an oauth_ parameter to send a second time, in the header, with the same value
	corrupt         bool   // one character of the signature changed
	afterSigning    func(*http.Request)
}

// sign builds the request by RFC 5849 section 3. It shares nothing with the actors' signer.
func (t *test) sign(r request) *http.Request {
	body := ""
	if r.form != nil {
		body = r.form.Encode()
	}
	req, err := http.NewRequest(r.method, r.url, strings.NewReader(body))
	if err != nil {
		t.Fail("a URL in the metadata that can be asked", fmt.Sprintf("%q: %v", r.url, err))
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !r.unsigned {
		req.Header.Set("Authorization", t.authorization(r, req.URL))
	}
	if r.afterSigning != nil {
		r.afterSigning(req)
	}
	return req
}

// send signs the request and sends it.
func (t *test) send(r request) *conformance.Response { return t.Do(r.sender(), t.sign(r)) }

// sender is in whose name the request is sent.
func (r request) sender() string {
	if r.as == "" {
		return r.by.client
	}
	return r.as
}

// after has a request sent when the check has ended, to take away what it has made.
func (t *test) after(r request) {
	t.After(func() error {
		_, err := t.Try(r.sender(), t.sign(r))
		return err
	})
}

func (t *test) authorization(r request, u *url.URL) string {
	if r.signatureMethod == "" {
		r.signatureMethod = "HMAC-SHA256"
	}
	if r.nonce == "" {
		r.nonce = t.Random(12)
	}
	if r.timestamp == "" {
		r.timestamp = fmt.Sprint(t.Env.Now().Unix())
	}
	oauth := []param{
		{"oauth_consumer_key", r.by.client}, {"oauth_signature_method", r.signatureMethod},
		{"oauth_timestamp", r.timestamp}, {"oauth_nonce", r.nonce},
	}
	if r.by.token != "" {
		oauth = append(oauth, param{"oauth_token", r.by.token})
	}
	if r.version != "" {
		oauth = append(oauth, param{"oauth_version", r.version})
	}
	oauth = append(oauth, r.oauth...)
	oauth = slices.DeleteFunc(oauth, func(p param) bool { return p.name == r.without })
	if i := slices.IndexFunc(oauth, func(p param) bool { return p.name == r.twice }); i >= 0 {
		oauth = append(oauth, oauth[i])
	}
	signature := sign(r.signatureMethod, baseString(r.method, u, r.form, oauth), r.by)
	if r.corrupt {
		signature = swapFirst(signature)
	}
	header := slices.Clone(oauth)
	if r.without != "oauth_signature" {
		header = append(header, param{"oauth_signature", signature})
	}
	var fields []string
	for _, p := range header {
		fields = append(fields, fmt.Sprintf(`%s="%s"`, escape(p.name), escape(p.value)))
	}
	return "OAuth " + strings.Join(fields, ", ")
}

// baseString is RFC 5849 section 3.4.1.
func baseString(method string, u *url.URL, form url.Values, oauth []param) string {
	var pairs []string
	add := func(name, value string) { pairs = append(pairs, escape(name)+"="+escape(value)) }
	for _, p := range oauth {
		add(p.name, p.value)
	}
	for _, values := range []url.Values{u.Query(), form} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			for _, v := range values[name] {
				add(name, v)
			}
		}
	}
	// "=" sorts after "%" and the digits: sort by name and then by value, as section 3.4.1.3.2 has it.
	slices.SortFunc(pairs, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if an != bn {
			return strings.Compare(an, bn)
		}
		return strings.Compare(av, bv)
	})
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.ToUpper(method) + "&" + escape(u.Scheme+"://"+host+path) + "&" + escape(strings.Join(pairs, "&"))
}

func sign(method, base string, by credentials) string {
	key := escape(by.clientSecret) + "&" + escape(by.tokenSecret)
	var h func() hash.Hash
	switch method {
	case "PLAINTEXT":
		return key
	case "HMAC-SHA1":
		h = sha1.New
	default: // a made-up method is signed as if it were the strongest, so that only its name is wrong
		h = sha256.New
	}
	mac := hmac.New(h, []byte(key))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape is RFC 5849 section 3.6.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// swapFirst changes the first character of a value and keeps its alphabet.
func swapFirst(s string) string {
	if s == "" {
		return "A"
	}
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}
