package reference

import (
	"net/http"
	"slices"

	"countersign/conformance/catalog"
)

func mobileWireDefects() []Defect {
	as, bs, ap := catalog.AuthorizationServer, catalog.BusinessSystem, catalog.MobileApp
	registered, tokenGiven := answered("/registration", http.StatusOK), answered("/authentication", http.StatusOK)
	shared, deregistered := answered("/shared-token", http.StatusOK), answered("/deregistration", http.StatusOK)
	acknowledged, rulesTaken := answered("/wipe-acknowledgement", http.StatusNoContent), answered("/rules", http.StatusOK)
	denied, closed := answered("/authentication", http.StatusForbidden), answered("/resource", http.StatusUnauthorized)
	enrolled, opened, held := answered("/enrolment", http.StatusOK), answered("/start", http.StatusOK), answered("/holdings", http.StatusOK)
	messageTaken := answered("/notification", http.StatusAccepted)
	return slices.Concat(noMetadata(as, "MO-AS-01"), noMetadata(bs, "MO-BS-01"), noMetadata(ap, "MO-AP-01"), []Defect{
		{Role: as, Requirement: "MO-AS-01", Text: "metadata as text/plain", tap: on(metadataServed, contentType("text/plain"))},
		{Role: as, Requirement: "MO-AS-17", Text: "registration answered with 500", tap: on(registered, status(http.StatusInternalServerError))},
		{Role: as, Requirement: "MO-AS-17", Text: "registration answered after two minutes", tap: slow(registered)},
		{Role: as, Requirement: "MO-AS-02", Text: "token with status 201", tap: on(tokenGiven, status(http.StatusCreated))},
		{Role: as, Requirement: "MO-AS-02", Text: "token as text/html", tap: on(tokenGiven, contentType("text/html; charset=utf-8"))},
		{Role: as, Requirement: "MO-AS-02", Text: "token that breaks off", tap: truncated(tokenGiven)},
		{Role: as, Requirement: "MO-AS-02", Text: "token answer without end", tap: endless(tokenGiven)},
		{Role: as, Requirement: "MO-AS-02", Text: "expires_in as a string", tap: on(tokenGiven, member("expires_in", "300"))},
		{Role: as, Requirement: "MO-AS-08", Text: "token without its system_address", tap: on(tokenGiven, renamed(`"system_address"`, `"address"`))},
		{Role: as, Requirement: "MO-AS-10", Text: "sealed token with its middle parts missing", tap: on(tokenGiven, partMissing)},
		{Role: as, Requirement: "MO-AS-45", Text: "signed_address that is a number", tap: on(tokenGiven, member("signed_address", 17))},
		{Role: as, Requirement: "MO-AS-57", Text: "refusal without rules_version", tap: on(denied, member("rules_version", nil))},
		{Role: as, Requirement: "MO-AS-04", Text: "authentication redirected with 307 in place of its refusal", tap: on(denied, func(a *answer) {
			a.header.Set("Location", "/authentication")
			a.status = http.StatusTemporaryRedirect
		})},
		{Role: as, Requirement: "MO-AS-12", Text: "record of a token under another name", tap: on(shared, renamed(`"token"`, `"value"`))},
		{Role: as, Requirement: "MO-AS-12", Text: "connection reset in place of a record", tap: reset(shared)},
		{Role: as, Requirement: "MO-AS-14", Text: "activated rules answered with 204", tap: on(rulesTaken, status(http.StatusNoContent))},
		{Role: as, Requirement: "MO-AS-20", Text: "deregistration without wipe", tap: on(deregistered, renamed(`"wipe"`, `"state"`))},
		{Role: as, Requirement: "MO-AS-51", Text: "acknowledgement answered with 200", tap: on(acknowledged, status(http.StatusOK))},
		{Role: as, Requirement: "MO-AS-22", Text: "refusals as text without JSON", tap: on(refused, plainly)},
		{Role: bs, Requirement: "MO-BS-02", Text: "resources as text/plain", tap: on(resourceServed, contentType("text/plain"))},
		{Role: bs, Requirement: "MO-BS-02", Text: "resources that break off", tap: truncated(resourceServed)},
		{Role: bs, Requirement: "MO-BS-02", Text: "resources that are no list", tap: on(resourceServed, member("resources", "1"))},
		{Role: bs, Requirement: "MO-BS-09", Text: "resources without an owner", tap: on(resourceServed, member("owner", nil))},
		{Role: bs, Requirement: "MO-BS-03", Text: "refusals with status 403", tap: on(closed, status(http.StatusForbidden))},
		{Role: bs, Requirement: "MO-BS-11", Text: "refusals without WWW-Authenticate", tap: on(closed, withoutHeader("WWW-Authenticate"))},
		{Role: ap, Requirement: "MO-AP-09", Text: "enrolment answered with 500", tap: on(enrolled, status(http.StatusInternalServerError))},
		{Role: ap, Requirement: "MO-AP-03", Text: "start answered without the address", tap: on(opened, member("address", nil))},
		{Role: ap, Requirement: "MO-AP-03", Text: "connection reset at the end of a start", tap: reset(opened)},
		{Role: ap, Requirement: "MO-AP-10", Text: "holdings with the number of resources as a string", tap: on(held, member("resources", "0"))},
		{Role: ap, Requirement: "MO-AP-11", Text: "message answered with 200", tap: on(messageTaken, status(http.StatusOK))},
	})
}
