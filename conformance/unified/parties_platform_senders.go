package unified

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"countersign/conformance"
)

// formType is that of what a browser sends, and of a logout token.
const formType = "application/x-www-form-urlencoded"

// batchEndpoint is where batches go; without one the check has nothing to judge.
func (t *thirdPartyTest) batchEndpoint() string {
	if t.metadata.BatchLogoutEndpoint == "" {
		t.Skip("it offers no batch logout: its metadata name no batch_logout_endpoint")
	}
	return t.metadata.BatchLogoutEndpoint
}

// taskFor ends the generation that the user has. Its members may be changed.
func (t *thirdPartyTest) taskFor(who person) members {
	return members{"task_id": t.Random(18), "sub": who.sub, "generation": who.generation}
}

// batch is a right batch-logout request of a platform.
func (t *thirdPartyTest) batch(p *platform, tasks ...members) message {
	return t.request(p.line(), "batch-logout-request", members{"tasks": tasks})
}

// delivers sends a batch.
func (t *thirdPartyTest) delivers(p *platform, m message) *conformance.Response {
	return t.send(p.name, t.batchEndpoint(), m)
}

// logsOut has a platform deliver tasks, each of which has to be done.
func (t *thirdPartyTest) logsOut(p *platform, what string, tasks ...members) *conformance.Response {
	m := t.batch(p, tasks...)
	resp := t.delivers(p, m)
	t.done(resp, m, what, tasks...)
	return resp
}

// done wants an answer to a batch that says done of each of the tasks.
func (t *thirdPartyTest) done(resp *conformance.Response, m message, what string, tasks ...members) opened {
	o := t.opens(resp, m, what)
	status := t.results(resp, o, what)
	for _, task := range tasks {
		if said := status[task.text("task_id")]; said != "done" {
			t.FailAt(resp.Exchange, fmt.Sprintf("status done for each of the %d tasks in the answer to %s", len(tasks), what),
				fmt.Sprintf("%d results, and the status %q for the task %s", len(status), said, task.text("task_id")))
		}
	}
	return o
}

// results are the status of each task that an answer to a batch tells of.
func (t *thirdPartyTest) results(resp *conformance.Response, o opened, what string) map[string]string {
	results, ok := o.payload["results"].([]any)
	if !ok {
		t.FailAt(resp.Exchange, "results, an array, in the answer to "+what, "results is "+shown(o.payload["results"]))
	}
	status := map[string]string{}
	for _, r := range results {
		one, _ := r.(map[string]any)
		id, _ := one["task_id"].(string)
		status[id], _ = one["status"].(string)
	}
	return status
}

// refusedBatch wants a batch refused with 400 and one of the error codes.
func (t *thirdPartyTest) refusedBatch(resp *conformance.Response, what string, codes ...string) {
	t.Refused(resp, "a batch-logout request "+what, http.StatusBadRequest, codes...)
}

// backChannelEndpoint is where logout tokens go; without one the check has nothing to judge.
func (t *thirdPartyTest) backChannelEndpoint() string {
	if t.metadata.BackchannelLogoutEndpoint == "" {
		t.Skip("it offers no back-channel logout: its metadata name no backchannel_logout_endpoint")
	}
	return t.metadata.BackchannelLogoutEndpoint
}

// logoutClaims are those of a right logout token: section 4.7 of the profile.
func (t *thirdPartyTest) logoutClaims(p *platform, who person) members {
	now := t.Env.Now().Unix()
	return members{
		"iss": p.issuer, "aud": p.clientID, "sub": who.sub, "iat": now, "exp": now + 120, "jti": t.Random(18), "generation": who.generation,
		"events": members{logoutEvent: members{}},
	}
}

// text is the JSON of claims.
func (t *thirdPartyTest) text(claims members) []byte {
	text, err := json.Marshal(claims)
	if err != nil {
		t.Broken("claims cannot be written: %v", err)
	}
	return text
}

// logoutToken signs claims. header stands against what would be right.
func (t *thirdPartyTest) logoutToken(p *platform, header, claims members) string {
	all := members{"typ": "logout+jwt"}
	maps.Copy(all, header)
	compact, err := p.signer.Sign(all, t.text(claims))
	if err != nil {
		t.Broken("a logout token cannot be signed: %v", err)
	}
	return compact
}

// tells posts a logout token.
func (t *thirdPartyTest) tells(p *platform, logoutToken string) *conformance.Response {
	return t.Do(p.name, t.telling(logoutToken))
}

// telling is the request with a logout token.
func (t *thirdPartyTest) telling(logoutToken string) *http.Request {
	return t.posting(t.backChannelEndpoint(), formType, url.Values{"logout_token": {logoutToken}}.Encode())
}

// refusedToken wants a logout token refused.
func (t *thirdPartyTest) refusedToken(resp *conformance.Response, what string) {
	t.Refused(resp, "a logout token "+what, http.StatusBadRequest, "invalid_request")
}
