package mobile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// MO-BS-01
func (t *systemTest) namesTheEndpoint() {
	t.OfType(t.document.Response, "metadata", jsonType)
	for _, want := range [][3]string{
		{"profile", t.metadata.Profile, "mobile@1"},
		{"system_id", t.metadata.SystemID, t.crm().ID},
		{"issuer", t.metadata.Issuer, t.Issuer},
	} {
		if want[1] != want[2] {
			t.FailAt(t.document.Exchange, fmt.Sprintf("metadata with %s %q", want[0], want[2]), fmt.Sprintf("%s is %q", want[0], want[1]))
		}
	}
	t.opens(t.sharedPass(t.alice()), rightToken+" at the resource_endpoint of the metadata")
}

// MO-BS-02
func (t *systemTest) accessOpenedOnAMatch() {
	for _, user := range []AccountSetup{t.alice(), t.bob(), t.alice()} {
		t.opens(t.sharedPass(user), rightToken)
	}
}

// MO-BS-03
func (t *systemTest) requestWithoutATokenRefused() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	for _, c := range []struct{ what, authorization string }{
		{"without Authorization", ""},
		{"with the scheme Basic", "Basic " + jose.Encode([]byte(t.alice().Name+":"+t.alice().Password))},
		{"with the token under a scheme that there is not", "Sealed " + p.sealed},
	} {
		req := t.resourceRequest(http.MethodGet, p)
		if req.Header.Set("Authorization", c.authorization); c.authorization == "" {
			req.Header.Del("Authorization")
		}
		t.closed(t.Do("app", req), "a resource request "+c.what, []int{http.StatusUnauthorized}, "invalid_token", "invalid_request")
	}
}

// spoilt is a token that does not open.
type spoilt struct{ what, sealed string }

// spoilt are tokens made of a right one that do not open.
func (t *systemTest) spoilt(p pass) []spoilt {
	parts := strings.Split(p.sealed, ".")
	with := func(i int, part string) string {
		other := append([]string{}, parts...)
		other[i] = part
		return strings.Join(other, ".")
	}
	raw := func(i int) []byte {
		part, err := jose.Decode(parts[i])
		if err != nil {
			t.Broken("a token of the harness cannot be read: %v", err)
		}
		return part
	}
	all := []spoilt{
		{"a made-up token", t.Random(64)},
		{"a made-up token of five parts", strings.Join([]string{jose.Encode([]byte(`{"alg":"dir"}`)), "", t.Random(12), t.Random(64), t.Random(16)}, ".")},
		{"a token without its last part", strings.Join(parts[:4], ".")},
		{"a token cut short in the middle", p.sealed[:len(p.sealed)/2]},
		{"a token without its last character", p.sealed[:len(p.sealed)-1]},
		{"a token with a part too many", p.sealed + "." + t.Random(16)},
		{"a token whose tag is cut short", with(4, jose.Encode(raw(4)[:12]))},
		{"a token without a tag", with(4, "")},
		{"a token sealed under another key of the same kid", t.seal(p.contents.statement(), t.newSealingKey(t.key.ID))},
		{"a token sealed under the key of another system", t.seal(p.contents.statement(), jose.Key{ID: t.key.ID, Secret: t.sealingKey(t.erp()).Secret})},
		{"a token whose header was changed in one bit, which is authenticated", with(0, jose.Encode([]byte(strings.Replace(string(raw(0)), "sealed+jwt", "sealed+jwu", 1))))},
	}
	flip := func(part, at int) string {
		b := raw(part)
		b[at] ^= 1
		return with(part, jose.Encode(b))
	}
	// A flipped bit of the ciphertext is the same bit of what it holds: of a name, or of a number that stays one.
	claims := string(p.contents.statement().payload())
	name, moment := strings.Index(claims, `"sub":"`)+len(`"sub":"`), strings.Index(claims, `"iat":`)+len(`"iat":1767225600`)-1
	for _, c := range []struct {
		what string
		part int
		at   []int
	}{
		{"its initialization vector", 2, []int{0, 5, 11}},
		{"its ciphertext", 3, []int{0, len(claims) - 1}},
		{"the user name that it holds", 3, []int{name}},
		{"the time that it holds", 3, []int{moment}},
		{"its tag", 4, []int{0, 7, 15}},
	} {
		for _, at := range c.at {
			all = append(all, spoilt{fmt.Sprintf("a token with a bit flipped in %s, byte %d of the part", c.what, at), flip(c.part, at)})
		}
	}
	return all
}

// MO-BS-04
func (t *systemTest) tokenThatDoesNotOpenRefused() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	for _, c := range t.spoilt(p) {
		t.tokenRefused(t.show(pass{p.contents, p.device, c.sealed}), c.what)
	}
	t.opens(p, rightToken+", after tokens that do not open")
}

// MO-BS-05
func (t *systemTest) tokenThatIsNotSharedRefused() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	t.tokenRefused(t.show(t.newPass(t.alice())), "a token that opens and that the authorization server does not share")
	t.server.share(p.contents.id, nil)
	t.tokenRefused(t.show(p), "a token that opens and that the authorization server no longer shares")
}

// MO-BS-06
func (t *systemTest) tokenThatDiffersRefused() {
	t.opens(t.sharedPass(t.alice()), control)
	for _, c := range []struct {
		what   string
		shared func(token string) string
	}{
		{"another", func(string) string { return t.Random(24) }},
		{"one that differs in the first character", changed},
		{"one that differs in the last character", func(token string) string { return token[:len(token)-1] + changed(token[len(token)-1:]) }},
		{"the beginning of it", func(token string) string { return token[:len(token)-1] }},
		{"it with more behind", func(token string) string { return token + "A" }},
		{"it in the other case", swapCase},
	} {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, 0).With("token", c.shared(p.contents.token)))
		t.tokenRefused(t.show(p), "a token that opens while the shared one is "+c.what)
	}
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ToUpper(string(r)) != string(r) {
			return r - 'a' + 'A'
		}
		if strings.ToLower(string(r)) != string(r) {
			return r - 'A' + 'a'
		}
		return r
	}, text)
}

// downloaded wants the access since a mark to have asked for the shared token.
func (t *systemTest) downloaded(p pass, mark int, resp *conformance.Response, what string) {
	for _, a := range t.server.asked(atSharedToken, mark) {
		if a.tokenID == p.contents.id {
			return
		}
	}
	t.FailAt(resp.Exchange, "a download of the shared token for "+what, "none")
}

// MO-BS-07
func (t *systemTest) noFixedTokenIsKept() {
	for _, c := range []struct {
		what     string
		lifetime int64
	}{{"with a cache_lifetime of 0", 0}, {"without cache_lifetime", -1}} {
		p := t.newPass(t.alice())
		t.server.share(p.contents.id, recordOf(p.contents, c.lifetime))
		for range 3 {
			mark := t.server.Mark()
			resp := t.opens(p, "a token that is shared "+c.what)
			t.downloaded(p, mark, resp, "each access with a token that is shared "+c.what)
		}
		t.server.share(p.contents.id, nil)
		t.tokenRefused(t.show(p), "a token that was shared "+c.what+" until the access before")
	}
}

// MO-BS-08: what changing rules bring: other devices, other apps of the system, new tokens beside old ones.
func (t *systemTest) changingRulesNeedNothing() {
	var passes []pass
	for _, user := range []AccountSetup{t.alice(), t.bob()} {
		for range 3 {
			passes = append(passes, t.sharedPass(user))
		}
		again := passes[len(passes)-1]
		c := again.contents
		c.id, c.token = t.Random(18), t.Random(24)
		t.server.share(c.id, recordOf(c, 0))
		passes = append(passes, t.passWith(c, again.device, c.statement()))
		c.id, c.token, c.who.appID = t.Random(18), t.Random(24), "app-"+t.Random(9)
		t.server.share(c.id, recordOf(c, 0))
		passes = append(passes, t.passWith(c, again.device, c.statement()))
	}
	for range 2 {
		for _, p := range passes {
			t.opens(p, fmt.Sprintf("one of many tokens that are shared, for %s on %s with %s", p.contents.who.username, p.contents.who.deviceID, p.contents.who.appID))
		}
	}
	t.server.share(passes[0].contents.id, nil)
	t.tokenRefused(t.show(passes[0]), "a token that the rules cover no longer")
	t.opens(passes[1], "a token of the same user on another device, after that")
}

// MO-BS-09
func (t *systemTest) dataOfTheTokensUser() {
	alice, bob := t.sharedPass(t.alice()), t.sharedPass(t.bob())
	for range 2 {
		t.opens(alice, "a token for "+alice.contents.who.username)
		t.opens(bob, "a token for "+bob.contents.who.username)
	}
}

// patienceOfSystems is how long a business system waits for the authorization server: section 5.1.
const patienceOfSystems = 5 * time.Second

// metadataKept is more than the 300 s for which a business system may keep the authorization server's metadata: section 3.
const metadataKept = 301 * time.Second

// MO-BS-10. At level core a system may stay closed after a failure, so that only the first of them has to be met by a download.
func (t *systemTest) closedWhenNothingCanBeCompared() {
	t.opens(t.sharedPass(t.alice()), control)
	record := recordOf(t.newPass(t.alice()).contents, 0)
	for i, c := range []struct {
		what string
		conduct
		// unclear: what is left to the system is how it refuses.
		unclear bool
	}{
		{what: "with 500", conduct: conduct{status: http.StatusInternalServerError}},
		{what: "with 503", conduct: conduct{status: http.StatusServiceUnavailable}},
		{what: "with 400", conduct: conduct{status: http.StatusBadRequest}},
		{what: "with 401", conduct: conduct{status: http.StatusUnauthorized}},
		{what: "with 403", conduct: conduct{status: http.StatusForbidden}},
		{what: "with 201", conduct: conduct{status: http.StatusCreated}},
		{what: "with 302", conduct: conduct{status: http.StatusFound, location: t.Issuer + "/elsewhere"}},
		{what: "by breaking the connection", conduct: conduct{broken: true}},
		{what: "7 s later", conduct: conduct{silent: patienceOfSystems + 2*time.Second}},
		{what: "with 200 and no JSON", conduct: conduct{status: http.StatusOK, raw: "shared"}, unclear: true},
		{what: "with 200 and an empty object", conduct: conduct{status: http.StatusOK, raw: "{}"}, unclear: true},
	} {
		p := t.sharedPass(t.alice())
		as := c.conduct
		if as.status != 0 && as.raw == "" { // a system that does not look at the status finds what it looks for
			as.raw = string(jsonOf(t.test, record.With("token_id", p.contents.id).With("token", p.contents.token).With("deviceid", p.contents.who.deviceID).With("jkt", p.contents.thumbprint)))
		}
		mark, begun := t.server.Mark(), t.Env.Now()
		t.server.behave(atSharedToken, as)
		resp := t.show(p)
		what := "a resource request while the authorization server answers a download " + c.what
		if c.unclear {
			t.closed(resp, what, []int{http.StatusServiceUnavailable, http.StatusUnauthorized})
		} else {
			t.outage(resp, what)
		}
		if i == 0 {
			t.downloaded(p, mark, resp, what)
		}
		if took := t.Env.Now().Sub(begun); took > patienceOfSystems+1500*time.Millisecond {
			t.FailAt(resp.Exchange, "an answer after about 5 s at the latest for "+what, fmt.Sprintf("one after %.1f s", took.Seconds()))
		}
	}
	for _, endpoint := range []string{wellKnown, atSealingKeys, atSharedToken} {
		t.server.behave(endpoint, conduct{broken: true})
	}
	t.outage(t.show(t.sharedPass(t.alice())), "a resource request while the authorization server cannot be reached")
	if t.Passes(metadataKept) {
		t.outage(t.show(t.sharedPass(t.alice())), "a resource request while the authorization server cannot be reached for its metadata either")
	}
}

func jsonOf(t *test, m members) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		t.Broken("a body cannot be written: %v", err)
	}
	return text
}

// challenge finds the schemes of a WWW-Authenticate that business systems have, and dpopWithES256 the one with the algorithm of proofs.
var (
	challenge     = regexp.MustCompile(`(?i)(?:^|,)\s*(?:DPoP|Bearer)(?:\s|,|$)`)
	dpop          = regexp.MustCompile(`(?i)(?:^|,)\s*DPoP(?:\s|,|$)`)
	dpopWithES256 = regexp.MustCompile(`(?i)(?:^|,)\s*DPoP\s(?:[^"]|"[^"]*")*?\balgs\s*=\s*"[^"]*\bES256\b[^"]*"`)
	errorNamed    = regexp.MustCompile(`(?i)\berror\s*=\s*"?[a-z_]+`)
)

// MO-BS-11
func (t *systemTest) refusalsAreMachineReadable() {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	bare := t.resourceRequest(http.MethodGet, p)
	bare.Header.Del("Authorization")
	without := t.Do("app", bare)
	made := t.show(pass{p.contents, p.device, t.Random(64)})
	unshared := t.show(t.newPass(t.alice()))
	t.server.behave(atSharedToken, conduct{status: http.StatusInternalServerError, raw: "{}"})
	down := t.show(p)
	for _, c := range []struct {
		resp   *conformance.Response
		what   string
		status int
	}{
		{without, "a resource request without a token", http.StatusUnauthorized},
		{made, "a resource request with a made-up token", http.StatusUnauthorized},
		{unshared, "a resource request with a token that is not shared", http.StatusUnauthorized},
		{down, "a resource request while the authorization server answers 500", http.StatusServiceUnavailable},
	} {
		t.Refused(c.resp, c.what, c.status)
		t.MachineReadable(c.resp)
		if c.status == http.StatusUnauthorized {
			t.challenged(c.resp, c.what, c.resp != without)
		}
	}
}

// challenged wants a 401 to name the schemes that the system takes. Where proof_window is in the metadata, the system is at level hardened, and takes DPoP alone.
func (t *systemTest) challenged(resp *conformance.Response, what string, hadToken bool) {
	values := resp.Header.Values("WWW-Authenticate")
	said, actual := strings.Join(values, ", "), fmt.Sprintf("WWW-Authenticate %q", values)
	if !challenge.MatchString(said) {
		t.FailAt(resp.Exchange, "WWW-Authenticate with the scheme DPoP (or Bearer, at level core) for "+what, actual)
	}
	if (t.metadata.ProofWindow > 0 || dpop.MatchString(said)) && !dpopWithES256.MatchString(said) {
		t.FailAt(resp.Exchange, `WWW-Authenticate: DPoP algs="ES256" for `+what, actual)
	}
	if hadToken && !errorNamed.MatchString(said) {
		t.FailAt(resp.Exchange, "WWW-Authenticate with error for "+what, actual)
	}
}
