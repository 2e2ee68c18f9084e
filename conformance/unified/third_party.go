package unified

import (
	"cmp"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// thirdPartyChecks are the checks of UN-TP. They are all Alone: the third-party platform is configured with the addresses of the harness's platforms.
// UN-TP-62 has none: the catalogue says why.
func thirdPartyChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*thirdPartyTest)
	}{
		{"UN-TP-01", (*thirdPartyTest).namesItsEndpoints},
		{"UN-TP-02", (*thirdPartyTest).accessSentOnToThePlatform},
		{"UN-TP-03", (*thirdPartyTest).codeExchangedForAPassToken},
		{"UN-TP-04", (*thirdPartyTest).passTokenCarriedToThePlatform},
		{"UN-TP-05", (*thirdPartyTest).credentialForTheUser},
		{"UN-TP-06", (*thirdPartyTest).noCredentialWithoutThePlatformsYes},
		{"UN-TP-07", (*thirdPartyTest).refusalByTheUser},
		{"UN-TP-08", (*thirdPartyTest).laterLoginsFindTheAccount},
		{"UN-TP-09", (*thirdPartyTest).anotherSubIsAnotherAccount},
		{"UN-TP-10", (*thirdPartyTest).noResourceWithoutACredential},
		{"UN-TP-11", (*thirdPartyTest).dataPassThePlatformBy},
		{"UN-TP-12", (*thirdPartyTest).batchEndsCredentials},
		{"UN-TP-13", (*thirdPartyTest).batchEndsTheNamedUsersOnly},
		{"UN-TP-14", (*thirdPartyTest).everyTaskJudged},
		{"UN-TP-15", (*thirdPartyTest).logoutEndsTheCredential},
		{"UN-TP-16", (*thirdPartyTest).logoutEndsNothingElsewhere},
		{"UN-TP-17", (*thirdPartyTest).linkToThePlatformsLogout},
		{"UN-TP-18", (*thirdPartyTest).messagesAreSealed},
		{"UN-TP-19", (*thirdPartyTest).batchUnderAnotherKeyRefused},
		{"UN-TP-20", (*thirdPartyTest).refusalsAreMachineReadable},
		{"UN-TP-21", (*thirdPartyTest).stateNewAndUnguessable},
		{"UN-TP-22", (*thirdPartyTest).callbackWithAnotherStateRefused},
		{"UN-TP-23", (*thirdPartyTest).callbackOfAnotherBrowserRefused},
		{"UN-TP-24", (*thirdPartyTest).callbackTakenOnce},
		{"UN-TP-25", (*thirdPartyTest).codeSentOnce},
		{"UN-TP-26", (*thirdPartyTest).challengeInEveryRequest},
		{"UN-TP-27", (*thirdPartyTest).verifierSentWithTheCode},
		{"UN-TP-28", (*thirdPartyTest).issuerOfTheCallbackCompared},
		{"UN-TP-29", (*thirdPartyTest).issuerOfTheMetadataCompared},
		{"UN-TP-30", (*thirdPartyTest).accountOfIssuerAndSub},
		{"UN-TP-31", (*thirdPartyTest).batchEndsThePlatformsOwnUsersOnly},
		{"UN-TP-32", (*thirdPartyTest).plainAnswerRefused},
		{"UN-TP-33", (*thirdPartyTest).answerBelongsToItsRequest},
		{"UN-TP-34", (*thirdPartyTest).plainBatchRefused},
		{"UN-TP-35", (*thirdPartyTest).noOtherAlgorithm},
		{"UN-TP-36", (*thirdPartyTest).messageOfAnotherKindRefused},
		{"UN-TP-37", (*thirdPartyTest).batchTakenOnce},
		{"UN-TP-38", (*thirdPartyTest).batchIsFresh},
		{"UN-TP-39", (*thirdPartyTest).nothingUsedTwiceInMessages},
		{"UN-TP-40", (*thirdPartyTest).everyKeyInUseAccepted},
		{"UN-TP-41", (*thirdPartyTest).repeatedTaskIsDone},
		{"UN-TP-42", (*thirdPartyTest).unknownUserIsDone},
		{"UN-TP-43", (*thirdPartyTest).oldTaskSparesTheNewerLogin},
		{"UN-TP-44", (*thirdPartyTest).loginThatLostTheRaceRefused},
		{"UN-TP-45", (*thirdPartyTest).malformedBatchChangesNothing},
		{"UN-TP-46", (*thirdPartyTest).loginConfirmedWithinTheBound},
		{"UN-TP-47", (*thirdPartyTest).noConfirmationNoResource},
		{"UN-TP-48", (*thirdPartyTest).credentialExpires},
		{"UN-TP-49", (*thirdPartyTest).credentialNewAndUnguessable},
		{"UN-TP-50", (*thirdPartyTest).cookiesProtected},
		{"UN-TP-51", (*thirdPartyTest).personalAnswersNotStored},
		{"UN-TP-52", (*thirdPartyTest).logoutOnlyOnItsOwnPage},
		{"UN-TP-53", (*thirdPartyTest).noSecretInAURL},
		{"UN-TP-54", (*thirdPartyTest).userInformationShownAsText},
		{"UN-TP-55", (*thirdPartyTest).homeNotFramed},
		{"UN-TP-56", (*thirdPartyTest).backChannelLogoutEndsCredentials},
		{"UN-TP-57", (*thirdPartyTest).signatureOfALogoutTokenVerified},
		{"UN-TP-58", (*thirdPartyTest).logoutTokenForAnotherRefused},
		{"UN-TP-59", (*thirdPartyTest).logoutTokenHasTheEventAndNoNonce},
		{"UN-TP-60", (*thirdPartyTest).logoutTokenTakenOnce},
		{"UN-TP-61", (*thirdPartyTest).logoutTokenIsFresh},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.ThirdPartyPlatform, Alone: true, Run: withPlatforms(c.run)})
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "UN-TP-11", "UN-TP-37", "UN-TP-46", "UN-TP-47", "UN-TP-48", "UN-TP-61")
}

// thirdPartyTest is a test of a third-party platform, with the platforms that the harness plays around it.
type thirdPartyTest struct {
	*test
	*platforms
	// p is the one that is meant where none is named, q another one, and r the one whose metadata name p as issuer.
	p, q, r *platform
}

func withPlatforms(f func(*thirdPartyTest)) func(*conformance.Session) {
	return against(func(t *test) {
		all, each := playPlatforms(t)
		f(&thirdPartyTest{test: t, platforms: all, p: each[0], q: each[1], r: each[2]})
	})
}

// newPerson is a user of whom the third-party platform has not heard.
func (t *thirdPartyTest) newPerson() person {
	id := t.Target.Run + t.Random(9)
	return person{sub: "u-" + id, nickname: "Nickname " + id, picture: "https://pictures.example/" + id + ".png", generation: 1}
}

// in is the user in another generation.
func (who person) in(generation int64) person {
	who.generation = generation
	return who
}

// bound is the logout bound that the platforms announce.
func (t *thirdPartyTest) bound() time.Duration { return time.Duration(t.LogoutBound) * time.Second }

// lifetime is that of a login credential; that it is announced is the matter of another requirement.
func (t *thirdPartyTest) lifetime() time.Duration {
	return time.Duration(cmp.Or(t.metadata.CredentialLifetime, 86400)) * time.Second
}
