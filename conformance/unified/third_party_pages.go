package unified

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// element is one of a page.
type element struct {
	name       string
	attributes map[string]string
}

// elements are those of a page, in its order.
func elements(page *conformance.Response) (all []element) {
	root, err := html.Parse(bytes.NewReader(page.Body))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		e := element{name: n.Data, attributes: map[string]string{}}
		for _, a := range n.Attr {
			e.attributes[a.Key] = a.Val
		}
		all = append(all, e)
	}
	return all
}

// UN-TP-50
func (t *thirdPartyTest) cookiesProtected() {
	who, c := t.newPerson(), t.newCaller()
	e := c.enters(t.p, who)
	for _, cookie := range cookiesOf(e.asked) {
		// It holds the session where the callback is refused without it.
		in := t.newCaller()
		says, _ := in.begins(t.p).approved(who)
		others := slices.DeleteFunc(in.cookies(), func(o *http.Cookie) bool { return o.Name == cookie.Name })
		resp := t.Do("user-agent", t.bearing(t.get(t.withQuery(t.callbackEndpoint(), says)), others...))
		if resp.Status >= 400 {
			t.protected(cookie, t.accessEndpoint(), e.asked.Exchange, "the session")
		}
	}
	for _, cookie := range t.credentialOf(e) {
		t.protected(cookie, t.callbackEndpoint(), e.answer.Exchange, "the login")
	}
}

func (t *thirdPartyTest) protected(c *http.Cookie, from string, exchange int, of string) {
	expected := "a cookie of " + of + " that is HttpOnly and SameSite=Lax or Strict, and Secure over TLS"
	switch {
	case !c.HttpOnly:
		t.FailAt(exchange, expected, c.Name+" is not HttpOnly")
	case c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode:
		t.FailAt(exchange, expected, c.Name+" is not SameSite=Lax or Strict")
	case strings.HasPrefix(from, "https:") && !c.Secure:
		t.FailAt(exchange, expected, c.Name+" is not Secure")
	}
}

// UN-TP-51
func (t *thirdPartyTest) personalAnswersNotStored() {
	c, who := t.newCaller(), t.newPerson()
	e := c.enters(t.p, who)
	t.NotStored(e.asked, "the answer to an access request")
	t.NotStored(e.answer, "the answer to a callback")
	t.NotStored(c.homePage(), "the home page")
	resp := c.asks()
	t.belongs(resp, who, "a resource request")
	t.NotStored(resp, "a resource")
}

// UN-TP-52
func (t *thirdPartyTest) logoutOnlyOnItsOwnPage() {
	g := t.guest(t.p)
	form, endpoint := g.leaving(), g.metadata.UserLogoutEndpoint
	other := t.guest(t.p)
	foreign := other.leaving()
	bare := url.Values{"decision": {"logout"}}
	for _, w := range []struct {
		what string
		form url.Values
		with []*http.Cookie
	}{
		{"without the hidden inputs", bare, g.cookies()},
		{"with the hidden inputs of another browser's home page", foreign.Values, g.cookies()},
		{"without a cookie", form.Values, nil},
		{"with the cookies of another browser", form.Values, other.cookies()},
	} {
		resp := t.Do("user-agent", t.bearing(t.posting(endpoint, formType, w.form.Encode()), w.with...))
		t.Refused(resp, "a logout "+w.what, http.StatusForbidden)
		g.stays("after a logout " + w.what)
		other.stays("after a logout " + w.what)
	}
	for _, address := range []string{endpoint, t.withQuery(endpoint, form.Values)} {
		resp := g.visit(address)
		t.Refused(resp, "a GET to the user_logout_endpoint", http.StatusMethodNotAllowed)
		g.stays("after a GET to the user_logout_endpoint")
	}
	g.leavesHere()
	g.goes("after a logout on the home page")
}

// UN-TP-53
func (t *thirdPartyTest) noSecretInAURL() {
	c, mark := t.newCaller(), t.Mark()
	e := c.enters(t.p, t.newPerson())
	to := t.redirected(e.answer, "a callback with a code that the platform takes")
	for _, name := range []string{"code", "state"} {
		if value := e.says.Get(name); value != "" && discloses(to.String(), value) || to.Query().Has(name) {
			t.FailAt(e.answer.Exchange, "a redirect to a URL without code and state after a callback", name+" in "+to.String())
		}
	}
	verifier := t.asked(atToken, mark, e.answer, "a callback with a code").payload.text("code_verifier")
	secrets := [][2]string{{"the code_verifier", verifier}, {"the pass token", t.passTokenOf(e.grant)}}
	for _, cookie := range t.credentialOf(e) {
		secrets = append(secrets, [2]string{"the login credential", cookie.Value})
	}
	for _, key := range slices.Concat(t.p.keys, t.q.keys) {
		secrets = append(secrets, [2]string{"a communication key", string(key.Secret)}, [2]string{"a communication key", jose.Encode(key.Secret)},
			[2]string{"a communication key", base64.StdEncoding.EncodeToString(key.Secret)}, [2]string{"a communication key", hex.EncodeToString(key.Secret)})
	}
	home := c.homePage()
	given := []struct {
		exchange int
		url      string
	}{{e.asked.Exchange, e.asked.Location()}, {e.answer.Exchange, e.answer.Location()}}
	for _, el := range elements(home) {
		for _, name := range []string{"href", "src", "action", "formaction", "content"} {
			if value := el.attributes[name]; value != "" {
				given = append(given, struct {
					exchange int
					url      string
				}{home.Exchange, value})
			}
		}
	}
	for _, g := range given {
		for _, s := range secrets {
			if s[1] != "" && discloses(g.url, s[1]) {
				t.FailAt(g.exchange, "no code_verifier, pass token, login credential or key in a URL that the user agent is given", s[0]+" in "+g.url)
			}
		}
	}
}

// discloses reports whether a secret stands in a URL, as it is or escaped.
func discloses(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, url.PathEscape(secret))
}

// UN-TP-54
func (t *thirdPartyTest) userInformationShownAsText() {
	honest := t.guest(t.p)
	home := honest.homePage()
	if !strings.Contains(home.Text(), honest.who.nickname) {
		t.FailAt(home.Exchange, fmt.Sprintf("the nickname %q on the home page", honest.who.nickname), "none")
	}
	if !slices.ContainsFunc(elements(home), func(e element) bool {
		return slices.Contains(slices.Sorted(maps.Values(e.attributes)), honest.who.picture)
	}) {
		t.FailAt(home.Exchange, fmt.Sprintf("the picture %q as an attribute on the home page", honest.who.picture), "none")
	}
	id := "markup-" + t.Random(6)
	for _, markup := range []string{
		fmt.Sprintf(`Mallory<b id="%s">bold</b>`, id),
		fmt.Sprintf(`"><i id='%s'>Mallory</i>`, id),
		fmt.Sprintf(`</strong></title><script id=%s>1</script>`, id),
		fmt.Sprintf(`' onload=1 id=%s x='`, id),
	} {
		who := t.newPerson()
		who.nickname, who.picture = markup, "https://pictures.example/a.png?"+markup
		home := t.welcome(t.p, who).homePage()
		for _, e := range elements(home) {
			if e.attributes["id"] == id {
				t.FailAt(home.Exchange, fmt.Sprintf("the nickname %q and such a picture shown as text and attribute", markup), fmt.Sprintf("an element %s that they made", e.name))
			}
		}
		if !strings.Contains(home.Text(), markup) {
			t.FailAt(home.Exchange, fmt.Sprintf("the nickname %q on the home page, as text", markup), "none")
		}
	}
}

// UN-TP-55
func (t *thirdPartyTest) homeNotFramed() {
	t.NotFramed(t.guest(t.p).homePage(), "the home page")
}
