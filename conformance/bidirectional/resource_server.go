package bidirectional

import "countersign/conformance"

// resourceServerChecks are the checks of the resource server. Each hands tokens of its own over, as the OAuth server of the target's site.
func resourceServerChecks() []conformance.Check {
	const role = "resource-server"
	return []conformance.Check{
		{ID: "BI-RS-01", Role: role, Run: against(resourceForATokenHandedOver)},
		{ID: "BI-RS-02", Role: role, Run: against(unknownTokenRefused)},
		{ID: "BI-RS-03", Role: role, Run: against(tokensComparedWhole)},
		{ID: "BI-RS-04", Role: role, Run: against(noTokenNoResource)},
		{ID: "BI-RS-05", Role: role, Run: against(tokenOfAnotherClientRefused)},
		{ID: "BI-RS-06", Role: role, Run: against(resourcesOfTheUserWhoConsented)},
		{ID: "BI-RS-07", Role: role, Run: against(wronglySignedReadRefused)},
		{ID: "BI-RS-08", Role: role, Run: against(refusedReadsAreMachineReadable)},
		{ID: "BI-RS-09", Role: role, Run: against(lateHandoverCounts)},
		{ID: "BI-RS-10", Role: role, Run: against(handoverMeantForAnotherRefused)},
		{ID: "BI-RS-11", Role: role, Run: against(unsignedHandoverRefused)},
		{ID: "BI-RS-12", Role: role, Run: against(wronglySignedHandoverRefused)},
		{ID: "BI-RS-13", Role: role, Run: against(handoverByAnotherSenderRefused)},
		{ID: "BI-RS-14", Role: role, Run: against(revokedTokenRefused)},
		{ID: "BI-RS-15", Role: role, Run: against(revocationIsFinal)},
		{ID: "BI-RS-16", Role: role, Run: against(repeatedHandoverIsHarmless)},
		{ID: "BI-RS-17", Role: role, Run: against(tokenCannotBeRebound)},
		{ID: "BI-RS-18", Role: role, Waits: conformance.WaitsAside, Run: against(accessTokenExpires)},
		{ID: "BI-RS-19", Role: role, Run: against(nonceOfAReadUsedOnce)},
		{ID: "BI-RS-20", Role: role, Run: against(timestampOfAReadWithinTheWindow)},
		{ID: "BI-RS-21", Role: role, Run: against(plaintextReadWithoutTLSRefused)},
		{ID: "BI-RS-22", Role: role, Run: against(protocolParametersOfAReadComeOnce)},
		{ID: "BI-RS-23", Role: role, Run: against(resourcesAreNotStoredByCaches)},
		{ID: "BI-RS-24", Role: role, Run: against(readOnly)},
		{ID: "BI-RS-25", Role: role, Run: against(handoverIsFresh)},
		{ID: "BI-RS-26", Role: role, Run: against(acknowledgementBearsAReceipt)},
	}
}
