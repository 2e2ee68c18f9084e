package ticket

import (
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// accountServerChecks are the checks of the account server. None runs alone: each has accounts of its own.
func accountServerChecks() []conformance.Check {
	const role = catalog.AccountServer
	return []conformance.Check{
		{ID: "TI-AM-01", Role: role, Run: against(metadataNamesTheEndpoints)},
		{ID: "TI-AM-02", Role: role, Run: against(registrationOpensAnAccount)},
		{ID: "TI-AM-03", Role: role, Run: against(authenticationGivesATicket)},
		{ID: "TI-AM-04", Role: role, Run: against(noTicketForAWrongPassword)},
		{ID: "TI-AM-05", Role: role, Run: against(ticketsStandBesideEachOther)},
		{ID: "TI-AM-06", Role: role, Run: against(validPairConfirmed)},
		{ID: "TI-AM-07", Role: role, Run: against(invalidPairNotConfirmed)},
		{ID: "TI-AM-08", Role: role, Run: against(refreshGivesNewKeys)},
		{ID: "TI-AM-09", Role: role, Run: against(refreshNeedsTheRightPair)},
		{ID: "TI-AM-10", Role: role, Run: against(badRequestsRefused)},
		{ID: "TI-AM-11", Role: role, Run: against(ticketVerifiesAtItsOwnApp)},
		{ID: "TI-AM-12", Role: role, Run: against(appsAuthenticateAtVerification)},
		{ID: "TI-AM-13", Role: role, Waits: conformance.WaitsAside, Run: against(denialDoesNotSayWhy)},
		{ID: "TI-AM-14", Role: role, Waits: conformance.Waits, Run: against(keysExpire)},
		{ID: "TI-AM-15", Role: role, Run: against(refreshEndsTheFormerKey)},
		{ID: "TI-AM-16", Role: role, Run: against(reuseRevokesTheFamily)},
		{ID: "TI-AM-17", Role: role, Run: against(lostAnswerGivenAgain)},
		{ID: "TI-AM-18", Role: role, Waits: conformance.Waits, Run: against(graceEnds)},
		{ID: "TI-AM-19", Role: role, Run: against(refreshesAtOnceMakeOneSuccessor)},
		{ID: "TI-AM-20", Role: role, Run: against(nameRegisteredOnce)},
		{ID: "TI-AM-21", Role: role, Run: against(namesCannotBeFoundOut)},
		{ID: "TI-AM-22", Role: role, Waits: conformance.WaitsAside, Run: against(authenticationThrottledByName)},
		{ID: "TI-AM-23", Role: role, Run: against(keysCannotBeGuessed)},
		{ID: "TI-AM-24", Role: role, Run: against(ticketsAndVerificationsNotStored)},
		{ID: "TI-AM-25", Role: role, Run: against(ownerEndsTickets)},
		{ID: "TI-AM-26", Role: role, Waits: conformance.Waits, Run: against(verificationSaysHowLongItHolds)},
	}
}
