package reference

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance/catalog"
)

func accountRegistered(_ *http.Request, a *answer) bool { return a.status == http.StatusCreated }

func ticketIssued(_ *http.Request, a *answer) bool {
	return a.status == http.StatusOK && strings.Contains(a.body.String(), `"refresh_key"`)
}

func verified(_ *http.Request, a *answer) bool {
	return strings.Contains(a.body.String(), `"active":true`)
}

func ticketErrorIndicated(_ *http.Request, a *answer) bool {
	return a.status == http.StatusUnauthorized && strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token")
}

func outageTold(_ *http.Request, a *answer) bool { return a.status == http.StatusServiceUnavailable }

func useEnded(_ *http.Request, a *answer) bool { return strings.Contains(a.body.String(), `"outcome"`) }

func ticketWireDefects() []Defect {
	am, ap, te := catalog.AccountServer, catalog.AppServer, catalog.Terminal
	return slices.Concat(noMetadata(am, "TI-AM-01"), noMetadata(ap, "TI-AP-01"), noMetadata(te, "TI-TE-01"), []Defect{
		{Role: am, Requirement: "TI-AM-01", Text: "metadata as text/plain", tap: on(metadataServed, contentType("text/plain"))},
		{Role: am, Requirement: "TI-AM-02", Text: "registration answered with 200", tap: on(accountRegistered, status(http.StatusOK))},
		{Role: am, Requirement: "TI-AM-02", Text: "registration answered with a user_id that is a number", tap: on(accountRegistered, func(a *answer) { a.setBody(`{"user_id":17}`) })},
		{Role: am, Requirement: "TI-AM-03", Text: "ticket as text/html", tap: on(ticketIssued, contentType("text/html; charset=utf-8"))},
		{Role: am, Requirement: "TI-AM-03", Text: "ticket without refresh_key", tap: on(ticketIssued, renamed(`"refresh_key"`, `"key"`))},
		{Role: am, Requirement: "TI-AM-03", Text: "ticket with status 201", tap: on(ticketIssued, status(http.StatusCreated))},
		{Role: am, Requirement: "TI-AM-03", Text: "ticket that breaks off", tap: truncated(ticketIssued)},
		{Role: am, Requirement: "TI-AM-06", Text: "verification with active as a string", tap: on(verified, renamed(`"active":true`, `"active":"true"`))},
		{Role: am, Requirement: "TI-AM-06", Text: "verification answered after two minutes", tap: slow(verified)},
		{Role: am, Requirement: "TI-AM-10", Text: "refusals with status 200", tap: on(refused, status(http.StatusOK))},
		{Role: ap, Requirement: "TI-AP-01", Text: "resources as text/plain", tap: on(resourceServed, contentType("text/plain"))},
		{Role: ap, Requirement: "TI-AP-01", Text: "resources that break off", tap: truncated(resourceServed)},
		{Role: ap, Requirement: "TI-AP-02", Text: "ticket error indication with status 403", tap: on(ticketErrorIndicated, status(http.StatusForbidden))},
		{Role: ap, Requirement: "TI-AP-02", Text: "ticket error indication without WWW-Authenticate", tap: on(ticketErrorIndicated, func(a *answer) { a.header.Del("WWW-Authenticate") })},
		{Role: ap, Requirement: "TI-AP-08", Text: "an outage told after six seconds", tap: late(outageTold, 6*time.Second)},
		{Role: te, Requirement: "TI-TE-01", Text: "use answered without an outcome", tap: on(useEnded, renamed(`"outcome"`, `"result"`))},
		{Role: te, Requirement: "TI-TE-01", Text: "connection reset at the end of a use", tap: reset(useEnded)},
	})
}
