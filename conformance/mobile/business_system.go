package mobile

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// businessSystemChecks are the checks of the role. They are all Alone: the business system is configured with the address at which the harness plays the authorization server.
func businessSystemChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*systemTest)
	}{
		{"MO-BS-01", (*systemTest).namesTheEndpoint},
		{"MO-BS-02", (*systemTest).accessOpenedOnAMatch},
		{"MO-BS-03", (*systemTest).requestWithoutATokenRefused},
		{"MO-BS-04", (*systemTest).tokenThatDoesNotOpenRefused},
		{"MO-BS-05", (*systemTest).tokenThatIsNotSharedRefused},
		{"MO-BS-06", (*systemTest).tokenThatDiffersRefused},
		{"MO-BS-07", (*systemTest).noFixedTokenIsKept},
		{"MO-BS-08", (*systemTest).changingRulesNeedNothing},
		{"MO-BS-09", (*systemTest).dataOfTheTokensUser},
		{"MO-BS-10", (*systemTest).closedWhenNothingCanBeCompared},
		{"MO-BS-11", (*systemTest).refusalsAreMachineReadable},
		{"MO-BS-12", (*systemTest).tokenForAnotherSystemRefused},
		{"MO-BS-13", (*systemTest).headerAndClaimsAgree},
		{"MO-BS-14", (*systemTest).tokenOfAnotherIssuerRefused},
		{"MO-BS-15", (*systemTest).expiredTokenRefused},
		{"MO-BS-16", (*systemTest).oneWayOfSealingOnly},
		{"MO-BS-17", (*systemTest).boundTokenIsNoBearerToken},
		{"MO-BS-18", (*systemTest).proofByAnotherKeyRefused},
		{"MO-BS-19", (*systemTest).signatureOfTheProofCompared},
		{"MO-BS-20", (*systemTest).proofForAnotherRequestRefused},
		{"MO-BS-21", (*systemTest).proofForAnotherTokenRefused},
		{"MO-BS-22", (*systemTest).oldProofRefused},
		{"MO-BS-23", (*systemTest).proofCountsOnce},
		{"MO-BS-24", (*systemTest).downloadIsAuthenticated},
		{"MO-BS-25", (*systemTest).downloadNamesOneToken},
		{"MO-BS-26", (*systemTest).cacheEndsWithItsLifetime},
		{"MO-BS-27", (*systemTest).recordAndTokenAgree},
		{"MO-BS-28", (*systemTest).newKeyFetchedWhenNamed},
		{"MO-BS-29", (*systemTest).oldAndNewKeyOpen},
		{"MO-BS-30", (*systemTest).withdrawnKeyOpensNothing},
		{"MO-BS-31", (*systemTest).unknownKeysCauseNoStorm},
		{"MO-BS-32", (*systemTest).garbageCostsNoDownload},
		{"MO-BS-33", (*systemTest).recoversByItself},
		{"MO-BS-34", (*systemTest).resourcesNotStored},
		{"MO-BS-35", (*systemTest).tokenInTheURLNotTaken},
		{"MO-BS-36", (*systemTest).otherMethodsRefused},
		{"MO-BS-37", (*systemTest).keyInTheRecordCompared},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.BusinessSystem, Alone: true, Run: withSharer(c.run)})
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "MO-BS-10", "MO-BS-15", "MO-BS-23", "MO-BS-24", "MO-BS-26", "MO-BS-28", "MO-BS-29", "MO-BS-30", "MO-BS-31")
}

// systemTest is a test of a business system, with the authorization server that the harness plays for it.
type systemTest struct {
	*test
	server *sharer
	key    jose.Key // the system's first sealing key
}

func withSharer(f func(*systemTest)) func(*conformance.Session) {
	return against(func(t *test) {
		t.document.Named("resource_endpoint", t.metadata.ResourceEndpoint)
		f(&systemTest{test: t, server: playSharer(t), key: t.sealingKey(t.crm())})
	})
}

// pass is what an app shows to get in: a sealed token, and the device whose key it is bound to.
type pass struct {
	contents tokenContents
	device   jose.Signer
	sealed   string // the access token
}

// contents are those of a token for a user, on a device of which nobody has heard.
func (t *systemTest) contents(user AccountSetup, device jose.Signer) tokenContents {
	return tokenContents{
		issuer: t.Issuer, systemID: t.crm().ID, who: authenticationID{t.first().ID, t.newDeviceID(), user.Name}, thumbprint: device.Thumbprint(),
		id: t.Random(18), token: t.Random(24), issued: t.Env.Now(), lifetime: 300 * time.Second,
	}
}

// newPass makes a token that opens, and that nobody shares yet.
func (t *systemTest) newPass(user AccountSetup) pass {
	device := t.newSigner("")
	c := t.contents(user, device)
	return t.passWith(c, device, c.statement())
}

// passWith seals a statement, right or not, under the system's first key.
func (t *systemTest) passWith(c tokenContents, device jose.Signer, s statement) pass {
	return pass{c, device, t.seal(s, t.key)}
}

func (t *systemTest) seal(s statement, key jose.Key) string {
	compact, err := s.sealed(t.Env.Entropy(), key)
	if err != nil {
		t.Broken("a token cannot be sealed: %v", err)
	}
	return compact
}

// sharedPass makes a token that opens and is shared, with a cache_lifetime of 0.
func (t *systemTest) sharedPass(user AccountSetup) pass {
	p := t.newPass(user)
	t.server.share(p.contents.id, recordOf(p.contents, 0))
	return p
}

// altered is a shared token, made as always but for what change does to it.
func (t *systemTest) altered(change func(statement) statement) pass {
	device := t.newSigner("")
	c := t.contents(t.alice(), device)
	t.server.share(c.id, recordOf(c, 0))
	return t.passWith(c, device, change(c.statement()))
}

// resourceRequest is a request as section 5.1 wants it.
func (t *systemTest) resourceRequest(method string, p pass) *http.Request {
	endpoint := t.metadata.ResourceEndpoint
	req := t.rawRequest(method, endpoint, "", nil)
	req.Header.Set("Authorization", "DPoP "+p.sealed)
	return t.prove(req, p.device, t.proof(p.device, method, endpoint, p.sealed))
}

// show asks for the resource.
func (t *systemTest) show(p pass) *conformance.Response {
	return t.Do("app", t.resourceRequest(http.MethodGet, p))
}

// opens wants the token to open the resource of its user.
func (t *systemTest) opens(p pass, what string) *conformance.Response {
	resp := t.show(p)
	t.ownResource(resp, p.contents.who.username, "a resource request with "+what)
	return resp
}

const (
	rightToken = "a token that opens and matches the shared one"
	control    = rightToken + ", as a control"
)

// ownResource wants the answer to have the resources of a user.
func (t *systemTest) ownResource(resp *conformance.Response, username, what string) {
	t.Accepted(resp, what)
	t.OfType(resp, "the answer to "+what, jsonType)
	body := t.object(resp, "an answer to "+what)
	if body["owner"] != username {
		t.FailAt(resp.Exchange, fmt.Sprintf("the owner %q for %s", username, what), "owner is "+judge.Shown(body["owner"]))
	}
	list, _ := body["resources"].([]any)
	if len(list) == 0 {
		t.FailAt(resp.Exchange, "a list of one or more resources for "+what, "resources is "+judge.Shown(body["resources"]))
	}
	for _, one := range list {
		if m, ok := one.(map[string]any); !ok || members(m).Text("id") == "" {
			t.FailAt(resp.Exchange, "resources that are objects with the string id for "+what, judge.Shown(one))
		}
	}
}

// closed wants one of the statuses and, where codes are given, one of the errors, and no resource.
func (t *systemTest) closed(resp *conformance.Response, what string, statuses []int, codes ...string) {
	t.ExpectStatus(resp, what, statuses...)
	t.Refused(resp, what, resp.Status, codes...)
	if body, err := judge.ReadMembers(resp.Body); err == nil && (body["resources"] != nil || body["owner"] != nil) {
		t.FailAt(resp.Exchange, "no resource for "+what, judge.Describe(resp)+" and a resource")
	}
}

// tokenRefused wants 401 invalid_token, and no resource.
func (t *systemTest) tokenRefused(resp *conformance.Response, what string) {
	t.closed(resp, "a resource request with "+what, []int{http.StatusUnauthorized}, "invalid_token")
}

// outage wants 503 with the time after which to try again, and no resource.
func (t *systemTest) outage(resp *conformance.Response, what string) {
	t.closed(resp, what, []int{http.StatusServiceUnavailable}, "temporarily_unavailable")
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || seconds < 0 {
		t.FailAt(resp.Exchange, "Retry-After in whole seconds for "+what, fmt.Sprintf("Retry-After %q", resp.Header.Get("Retry-After")))
	}
}
