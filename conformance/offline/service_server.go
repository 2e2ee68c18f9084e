package offline

import (
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// serviceServerChecks are the checks of the service server. Those that move the clock or set a password run alone: the setup has four handsets only.
func serviceServerChecks() []conformance.Check {
	const role = catalog.ServiceServer
	return []conformance.Check{
		{ID: "OF-SS-01", Role: role, Run: before(metadataNamesTheEndpoints)},
		{ID: "OF-SS-02", Role: role, Run: before(informationOnApplication)},
		{ID: "OF-SS-03", Role: role, Run: before(informationRepeatsTheApplication)},
		{ID: "OF-SS-04", Role: role, Run: before(everyApplicationHasItsOwnChallenge)},
		{ID: "OF-SS-05", Role: role, Alone: true, Run: before(serverAsksForTheHigherLevel)},
		{ID: "OF-SS-06", Role: role, Run: before(rightCountersignVerified)},
		{ID: "OF-SS-07", Role: role, Run: before(wrongSignatureNotVerified)},
		{ID: "OF-SS-08", Role: role, Run: before(signatureOfAnotherHandsetNotVerified)},
		{ID: "OF-SS-09", Role: role, Run: before(countersignOfAnotherApplicationNotVerified)},
		{ID: "OF-SS-10", Role: role, Run: before(changedAmountNotVerified)},
		{ID: "OF-SS-11", Role: role, Run: before(changedDeviceNotVerified)},
		{ID: "OF-SS-12", Role: role, Alone: true, Run: before(noPasswordNoHigherLevel)},
		{ID: "OF-SS-13", Role: role, Alone: true, Run: before(wrongPasswordNotVerified)},
		{ID: "OF-SS-14", Role: role, Alone: true, Run: before(rightPasswordVerified)},
		{ID: "OF-SS-15", Role: role, Alone: true, Run: before(passwordIsSetBeforehand)},
		{ID: "OF-SS-16", Role: role, Alone: true, Run: before(passwordHoldsForOneApplication)},
		{ID: "OF-SS-17", Role: role, Run: before(unknownHandsetRefused)},
		{ID: "OF-SS-18", Role: role, Run: before(unknownServiceRefused)},
		{ID: "OF-SS-19", Role: role, Run: before(serialUsedOnce)},
		{ID: "OF-SS-20", Role: role, Run: before(resultNamesItsApplication)},
		{ID: "OF-SS-21", Role: role, Alone: true, Run: before(malformedMessagesRefused)},
		{ID: "OF-SS-22", Role: role, Run: before(unknownSerialNotVerified)},
		{ID: "OF-SS-23", Role: role, Run: before(serverRefusalsMachineReadable)},
		{ID: "OF-SS-24", Role: role, Run: before(deviceAuthenticatesItsApplication)},
		{ID: "OF-SS-25", Role: role, Run: before(deviceAuthenticatesItsVerification)},
		{ID: "OF-SS-26", Role: role, Run: before(deviceAppliesForItselfOnly)},
		{ID: "OF-SS-27", Role: role, Run: before(challengeBoundToItsDevice)},
		{ID: "OF-SS-28", Role: role, Run: before(challengeUsedOnce)},
		{ID: "OF-SS-29", Role: role, Alone: true, Waits: conformance.Waits, Run: before(verificationAskedAgain)},
		{ID: "OF-SS-30", Role: role, Run: before(applicationSentAgain)},
		{ID: "OF-SS-31", Role: role, Run: before(serialUniqueUnderConcurrency)},
		{ID: "OF-SS-32", Role: role, Run: before(oneJudgementUnderConcurrency)},
		{ID: "OF-SS-33", Role: role, Waits: conformance.Waits, Run: before(challengeExpires)},
		{ID: "OF-SS-34", Role: role, Run: before(challengeLivesBriefly)},
		{ID: "OF-SS-35", Role: role, Run: before(challengesCannotBeGuessed)},
		{ID: "OF-SS-36", Role: role, Run: before(domainsOfSignaturesAreSeparate)},
		{ID: "OF-SS-37", Role: role, Run: before(oneAlgorithmOnly)},
		{ID: "OF-SS-38", Role: role, Run: before(kidNamesTheHandset)},
		{ID: "OF-SS-39", Role: role, Run: before(encodingIsDeterministic)},
		{ID: "OF-SS-40", Role: role, Run: before(duplicateKeyRefused)},
		{ID: "OF-SS-41", Role: role, Run: before(unknownKeyRefused)},
		{ID: "OF-SS-42", Role: role, Alone: true, Run: before(levelDowngradeNotVerified)},
		{ID: "OF-SS-43", Role: role, Run: before(everyFieldCompared)},
		{ID: "OF-SS-44", Role: role, Alone: true, Run: before(bareProofRefused)},
		{ID: "OF-SS-45", Role: role, Alone: true, Run: before(sealBoundToItsCountersign)},
		{ID: "OF-SS-46", Role: role, Alone: true, Waits: conformance.Waits, Run: before(passwordAttemptsLimited)},
		{ID: "OF-SS-47", Role: role, Alone: true, Run: before(onlySignedAttemptsCount)},
		{ID: "OF-SS-48", Role: role, Alone: true, Run: before(noPasswordOracle)},
		{ID: "OF-SS-49", Role: role, Alone: true, Run: before(lockLeavesLevelOneAlone)},
		{ID: "OF-SS-50", Role: role, Alone: true, Run: before(settingThePasswordNeedsTheAccount)},
		{ID: "OF-SS-51", Role: role, Alone: true, Waits: conformance.Waits, Run: before(accountPasswordGuessesLimited)},
		{ID: "OF-SS-52", Role: role, Alone: true, Run: before(newPasswordEndsTheOldOne)},
		{ID: "OF-SS-53", Role: role, Run: before(answersToDevicesNotStored)},
		{ID: "OF-SS-54", Role: role, Run: before(bodiesAreLimited)},
		{ID: "OF-SS-55", Role: role, Run: before(resultInItsOwnDomain)},
	}
}
