package till

import "countersign/scenarios/stage"

// The invariants of the flow. The oracles hold every world against all of them.
var (
	Confirmed = stage.Invariant{
		Name: "confirmed", Requirement: "OF-HS-10",
		Text: "A handset signs nothing, and the server verifies nothing for it, to which its user has not said yes.",
	}
	Amount = stage.Invariant{
		Name: "amount", Requirement: "OF-HS-17",
		Text: "What is verified for a handset is the service and the amount that its user applied for.",
	}
	Device = stage.Invariant{
		Name: "device", Requirement: "OF-HS-16",
		Text: "What is verified for a handset is for the device that its user stands before.",
	}
	Once = stage.Invariant{
		Name: "once", Requirement: "OF-VD-23",
		Text: "A device approves one verified business once, and one yes of a user stands for one business.",
	}
	Countersigned = stage.Invariant{
		Name: "countersigned", Requirement: "OF-SS-10",
		Text: "The server verifies only a countersign that repeats serial, handset, challenge, device and amount of its information.",
	}
	WholeCountersigned = stage.Invariant{
		Name: "whole-countersigned", Requirement: "OF-SS-43",
		Text: "The server verifies only a countersign that repeats every field of its information.",
	}
	ServersOnly = stage.Invariant{
		Name: "servers-only", Requirement: "OF-HS-13",
		Text: "A handset signs nothing but what the server has made.",
	}
	SameSerial = stage.Invariant{
		Name: "same-serial", Requirement: "OF-HS-15",
		Text: "A handset signs nothing but what goes by a serial that it made.",
	}
	SameHandset = stage.Invariant{
		Name: "same-handset", Requirement: "OF-HS-18",
		Text: "A handset signs nothing in another's name.",
	}
	Salted = stage.Invariant{
		Name: "salted", Requirement: "OF-HS-26",
		Text: "A password that is set twice gives two keys.",
	}
	Shown = stage.Invariant{
		Name: "shown", Requirement: "OF-HS-20",
		Text: "What is verified for a handset is what it has shown to its user, field by field.",
	}
	Verdict = stage.Invariant{
		Name: "verdict", Requirement: "OF-VD-07",
		Text: "A device approves nothing before an answer to its verification request has said that it was verified.",
	}
	ServersVerdict = stage.Invariant{
		Name: "servers-verdict", Requirement: "OF-VD-17",
		Text: "A device approves only what the server itself has verified, for this device, handset, service and amount.",
	}
	TrueOutcome = stage.Invariant{
		Name: "true-outcome", Requirement: "OF-HS-33",
		Text: "A handset tells its user of an approval only where the server has verified.",
	}
	HighLevel = stage.Invariant{
		Name: "high-level", Requirement: "OF-SS-12",
		Text: "At or above the threshold nothing is verified for a handset whose user has not typed a password.",
	}
	RightPassword = stage.Invariant{
		Name: "right-password", Requirement: "OF-SS-13",
		Text: "At or above the threshold nothing is verified for a handset whose user has typed a password that is not the one in force.",
	}
	Downgrade = stage.Invariant{
		Name: "no-downgrade", Requirement: "OF-SS-42",
		Text: "The level at which a countersign is verified is the one that the server has asked for.",
	}
	Guesses = stage.Invariant{
		Name: "guesses", Requirement: "OF-SS-46",
		Text: "Whoever has come by a handset has five tries at its password, and no more.",
	}
	OldPassword = stage.Invariant{
		Name: "old-password", Requirement: "OF-SS-52",
		Text: "A password that was replaced is worth nothing.",
	}
	NotGuessed = stage.Invariant{
		Name: "not-guessed", Requirement: "OF-HS-24",
		Text: "Whoever has heard all frames cannot tell a right guess of the password from a wrong one.",
	}
	PasswordAtHome = stage.Invariant{
		Name: "password-at-home", Requirement: "OF-HS-27",
		Text: "The offline password reaches nobody, and what stands in for it nobody but the server.",
	}
	SecretsAtHome = stage.Invariant{
		Name: "secrets-at-home", Requirement: "OF-VD-25",
		Text: "A device's secret and an account's password reach nobody but the server.",
	}
	DeviceUnderTLS = stage.Invariant{
		Name: "device-under-tls", Requirement: "OF-VD-32",
		Text: "A device's secret travels under TLS only.",
	}
	AccountUnderTLS = stage.Invariant{
		Name: "account-under-tls", Requirement: "OF-HS-36",
		Text: "An account's password and a password key travel under TLS only.",
	}
	OwnPassword = stage.Invariant{
		Name: "own-password", Requirement: "OF-SS-50",
		Text: "The offline password of a handset is set by its owner only.",
	}
	Offline = stage.Invariant{
		Name: "offline", Requirement: "OF-HS-04",
		Text: "From application to outcome a handset speaks over the near-field link only.",
	}
	OneSerial = stage.Invariant{
		Name: "one-serial", Requirement: "OF-SS-19",
		Text: "A serial stands for one application, of all that come one after the other.",
	}
	SerialRace = stage.Invariant{
		Name: "serial-race", Requirement: "OF-SS-31",
		Text: "Of several applications with one serial at once one is taken.",
	}
	OwnSerial = stage.Invariant{
		Name: "own-serial", Requirement: "OF-HS-29",
		Text: "Nobody uses up a serial before the handset that it belongs to.",
	}
	FreshChallenge = stage.Invariant{
		Name: "fresh-challenge", Requirement: "OF-SS-04",
		Text: "No two applications have the same challenge.",
	}
	OwnName = stage.Invariant{
		Name: "own-name", Requirement: "OF-SS-26",
		Text: "Information names the device that asked for it.",
	}
	OneJudgement = stage.Invariant{
		Name: "one-judgement", Requirement: "OF-SS-28",
		Text: "The server judges one countersign for a serial.",
	}
	NotUsedUp = stage.Invariant{
		Name: "not-used-up", Requirement: "OF-SS-27",
		Text: "An application is judged for the device that applied, and for nobody else.",
	}
	Expiry = stage.Invariant{
		Name: "expiry", Requirement: "OF-SS-33",
		Text: "Nothing is verified two minutes after its information was made, or later.",
	}
	NoOracle = stage.Invariant{
		Name: "no-oracle", Requirement: "OF-SS-48",
		Text: "A result that says no does not say why.",
	}
	NotKept = stage.Invariant{
		Name: "not-kept-on-the-way", Requirement: "OF-SS-53",
		Text: "Information and results may not be kept by a cache on the way.",
	}
	OwnerNotLocked = stage.Invariant{
		Name: "owner-not-locked", Requirement: "OF-SS-47",
		Text: "Nobody without a handset's key locks its password.",
	}
	NamedSigner = stage.Invariant{
		Name: "named-signer", Requirement: "OF-SS-38",
		Text: "What the server verifies says itself by whom it was signed, and how.",
	}
	OneReading = stage.Invariant{
		Name: "one-reading", Requirement: "OF-SS-39",
		Text: "What the server verifies can be read in one way only.",
	}
	Begun = stage.Invariant{
		Name: "begun", Requirement: "OF-HS-34",
		Text: "A handset applies for nothing that its user has not begun.",
	}
	CarriedThrough = stage.Invariant{
		Name: "carried-through", Requirement: "OF-HS-30",
		Text: "A frame or a message that is lost, damaged, repeated or strange ends no purchase.",
	}
	BoundedFrames = stage.Invariant{
		Name: "bounded-frames", Requirement: "OF-HS-31",
		Text: "A handset sends one frame eight times at most.",
	}
	BoundedTries = stage.Invariant{
		Name: "bounded-tries", Requirement: "OF-VD-27",
		Text: "A device sends one countersign to the server four times at most.",
	}
	NoLockOut = stage.Invariant{
		Name: "no-lock-out", Requirement: "OF-HS-03",
		Text: "Once the faults have ended, an honest user who tries again is served.",
	}
)

// Invariants lists all invariants of the flow.
func Invariants() []stage.Invariant {
	return []stage.Invariant{
		Confirmed, Amount, Device, Once, Countersigned, WholeCountersigned, ServersOnly, SameSerial, SameHandset, Salted, Shown, Verdict, ServersVerdict, TrueOutcome,
		HighLevel, RightPassword, Downgrade, Guesses, OldPassword, NotGuessed, PasswordAtHome, SecretsAtHome, DeviceUnderTLS, AccountUnderTLS, OwnPassword, Offline,
		OneSerial, SerialRace, OwnSerial, FreshChallenge, OwnName, OneJudgement, NotUsedUp, Expiry, NoOracle, NotKept, OwnerNotLocked,
		NamedSigner, OneReading, Begun, CarriedThrough,
		BoundedFrames, BoundedTries, NoLockOut,
	}
}
