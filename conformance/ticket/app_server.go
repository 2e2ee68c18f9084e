package ticket

import (
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// appServerChecks are the checks of the app server. They are all Alone: the app server is configured with the address at which the harness plays the account server.
// TI-AP-11 has none: the catalogue says why.
func appServerChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*appTest)
	}{
		{"TI-AP-01", (*appTest).resourceAfterConfirmation},
		{"TI-AP-02", (*appTest).ticketErrorOnDenial},
		{"TI-AP-03", (*appTest).noResourceWithoutATicket},
		{"TI-AP-04", (*appTest).authenticatesAtVerification},
		{"TI-AP-05", (*appTest).keepsNoLongerThanAllowed},
		{"TI-AP-06", (*appTest).keepsNoDenial},
		{"TI-AP-07", (*appTest).keepsForTheWholePair},
		{"TI-AP-08", (*appTest).outageIsNoTicketError},
		{"TI-AP-09", (*appTest).answerAboutThisUserAndApp},
		{"TI-AP-10", (*appTest).resourcesNotStored},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.AppServer, Alone: true, Run: withConfirmer(c.run)})
	}
	checks = conformance.LettingTimePass(conformance.WaitsAside, checks, "TI-AP-05")
	return conformance.LettingTimePass(conformance.Waits, checks, "TI-AP-08") // the document has to grow old: others would have it read meanwhile
}

// appTest is a test of an app server, with the account server that the harness plays for it.
type appTest struct {
	*test
	accounts *confirmer
}

func withConfirmer(f func(*appTest)) func(*conformance.Session) {
	return against(func(t *test) { f(&appTest{test: t, accounts: playConfirmer(t)}) })
}
