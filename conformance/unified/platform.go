package unified

import (
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// platformChecks are the checks of registration, login, consent, codes, pass tokens and sealed messages at the platform under test.
// Those that play a third-party platform that is told of logouts run alone.
func platformChecks() []conformance.Check {
	check := func(id catalog.ID, f func(*test)) conformance.Check {
		return conformance.Check{ID: id, Role: catalog.Platform, Run: against(f)}
	}
	alone := func(id catalog.ID, f func(*test)) conformance.Check {
		c := check(id, f)
		c.Alone = true
		return c
	}
	checks := []conformance.Check{
		check("UN-PL-01", metadataNamesTheEndpoints),
		alone("UN-PL-02", portalOffersTheThirdParties),
		check("UN-PL-03", onlyTheRegisteredPasswordLogsIn),
		check("UN-PL-04", loginPageWhenNotLoggedIn),
		check("UN-PL-05", authorizePageWhenLoggedIn),
		check("UN-PL-06", noCodeWithoutTheUsersDecision),
		check("UN-PL-07", codeReachesTheCallbackPath),
		check("UN-PL-08", refusalByTheUserGivesNoCode),
		check("UN-PL-09", unregisteredThirdPartyRefused),
		check("UN-PL-10", codeExchangedForAPassToken),
		check("UN-PL-11", unknownCodeRefused),
		check("UN-PL-12", codeOfAnotherThirdPartyRefused),
		check("UN-PL-13", userInformationForAPassToken),
		check("UN-PL-14", unknownPassTokenRefused),
		check("UN-PL-15", userInformationOfTheOneWhoAuthorized),
		check("UN-PL-16", answersAreSealed),
		check("UN-PL-17", messageUnderAnotherKeyRefused),
		check("UN-PL-18", registrationWaitsForReview),
		alone("UN-PL-19", changedPathWaitsForReview),
		check("UN-PL-20", onlyReviewersReview),
		check("UN-PL-21", keyForTheRegistered),
		alone("UN-PL-25", relationRecordedByTheAuthentication),
		check("UN-PL-30", platformRefusalsAreMachineReadable),
		check("UN-PL-31", callbackComparedExactly),
		check("UN-PL-32", authorizationParametersComeOnce),
		check("UN-PL-33", authorizationNeedsAState),
		check("UN-PL-34", authorizationNeedsAChallenge),
		check("UN-PL-35", methodPlainRefused),
		check("UN-PL-36", verifierCompared),
		check("UN-PL-37", authorizationResponseNamesItsIssuer),
		check("UN-PL-38", callbackRepeatedAtTheExchange),
		check("UN-PL-39", codeUsedOnce),
		check("UN-PL-40", codeReuseRevokesThePassToken),
		check("UN-PL-41", codeExpires),
		check("UN-PL-42", passTokenExpires),
		check("UN-PL-43", passTokenUsedOnce),
		check("UN-PL-44", passTokenBoundToItsThirdParty),
		check("UN-PL-46", approvalAfterLogoutGivesNoCode),
		check("UN-PL-48", redirectDoesNotRepeatThePassword),
		check("UN-PL-49", pagesCannotBeFramed),
		check("UN-PL-50", decisionOnlyOnThePlatformsOwnPage),
		check("UN-PL-52", credentialsOnlyInABody),
		check("UN-PL-53", authorizePageNamesBothSides),
		check("UN-PL-54", sessionRenewedAtLogin),
		check("UN-PL-55", sessionCookieProtected),
		check("UN-PL-56", secretsCannotBeGuessed),
		check("UN-PL-57", namesCannotBeFoundOut),
		check("UN-PL-58", passwordGuessesAreLimited),
		check("UN-PL-59", secretsAreNotStoredByCaches),
		check("UN-PL-60", plainMessageRefused),
		check("UN-PL-61", noOtherAlgorithm),
		check("UN-PL-62", messageOfAnotherKindRefused),
		check("UN-PL-63", sealedMessageTakenOnce),
		check("UN-PL-64", sealedMessageIsFresh),
		alone("UN-PL-65", vectorAndIDNeverUsedTwice),
		check("UN-PL-66", answerNamesItsRequest),
		check("UN-PL-67", bothKeysWorkDuringTheOverlap),
		check("UN-PL-68", oldKeyRetired),
		check("UN-PL-70", reviewerIsNotTheRequester),
		check("UN-PL-71", onlyTheOwnerAsksForAChange),
		check("UN-PL-72", onlyTheOwnerGetsTheKey),
		check("UN-PL-73", pathsAreHTTPSOrLoopback),
		check("UN-PL-91", pagesSendNoReferrer),
	}
	checks = conformance.LettingTimePass(conformance.WaitsAside, checks, "UN-PL-68")
	return conformance.LettingTimePass(conformance.Waits, checks, "UN-PL-19", "UN-PL-25", "UN-PL-41", "UN-PL-42", "UN-PL-58", "UN-PL-63", "UN-PL-65", "UN-PL-67")
}
