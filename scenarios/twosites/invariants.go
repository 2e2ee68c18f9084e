package twosites

import "countersign/scenarios/stage"

// The invariants of the flow. The oracles hold every world against all of them.
var (
	Secrecy = stage.Invariant{
		Name: "secrecy", Requirement: "BI-OS-16",
		Text: "A resource is given only to the client to which its owner consented, at that site, with the temporary credential from which the access token came.",
	}
	OneTokenAConsent = stage.Invariant{
		Name: "one-token-a-consent", Requirement: "BI-OS-31",
		Text: "One consent gives one access token at most.",
	}
	Audience = stage.Invariant{
		Name: "audience", Requirement: "BI-RS-05",
		Text: "An access token opens resources at the server that it was issued for and for the client that it was issued to, and nowhere else.",
	}
	SessionIntegrity = stage.Invariant{
		Name: "session-integrity", Requirement: "BI-RS-06",
		Text: "What a client shows in a browser belongs to the user of that browser.",
	}
	Revocation = stage.Invariant{
		Name: "revocation", Requirement: "BI-OS-48",
		Text: "An access token opens nothing after its revocation has been acknowledged.",
	}
	Expiry = stage.Invariant{
		Name: "expiry", Requirement: "BI-RS-18",
		Text: "An access token opens nothing after the lifetime with which it was issued.",
	}
	PasswordAtHome = stage.Invariant{
		Name: "password-at-home", Requirement: "BI-UT-01",
		Text: "A password reaches no host but the OAuth server where it is registered.",
	}
	PasswordNotForwarded = stage.Invariant{
		Name: "password-not-forwarded", Requirement: "BI-OS-30",
		Text: "No redirect makes a browser send a password on to another host.",
	}
	PasswordUnderTLS = stage.Invariant{
		Name: "password-under-tls", Requirement: "BI-UT-02",
		Text: "A password travels under TLS only.",
	}
	KeysAtHome = stage.Invariant{
		Name: "keys-at-home", Requirement: "BI-CL-20",
		Text: "The secret of a credential, a verifier and the secret of a client reach nobody but those between whom they were agreed.",
	}
	NoSecretInURL = stage.Invariant{
		Name: "no-secret-in-url", Requirement: "BI-CL-31",
		Text: "No URL holds the secret of a credential.",
	}
	StaysConnected = stage.Invariant{
		Name: "stays-connected", Requirement: "BI-OS-49",
		Text: "What a user has connected stays connected until the user says otherwise.",
	}
	NoLockOut = stage.Invariant{
		Name: "no-lock-out", Requirement: "BI-OS-22",
		Text: "Once the faults have ended, an honest user who tries again gets both directions.",
	}
)

// Invariants lists all invariants of the flow.
func Invariants() []stage.Invariant {
	return []stage.Invariant{
		Secrecy, OneTokenAConsent, Audience, SessionIntegrity, Revocation, Expiry,
		PasswordAtHome, PasswordNotForwarded, PasswordUnderTLS, KeysAtHome, NoSecretInURL, StaysConnected, NoLockOut,
	}
}
