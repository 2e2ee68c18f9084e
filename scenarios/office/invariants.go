package office

import "countersign/scenarios/stage"

// The invariants of the flow. The oracles hold every world against all of them.
var (
	Secrecy = stage.Invariant{
		Name: "secrecy", Requirement: "MO-BS-05",
		Text: "A business system opens only for a token that the authorization server has given, and gives the resources of the user to whom it was given.",
	}
	OwnDevice = stage.Invariant{
		Name: "own-device", Requirement: "MO-BS-18",
		Text: "A token opens resources to the device that it was given to, and to no other.",
	}
	Audience = stage.Invariant{
		Name: "audience", Requirement: "MO-BS-12",
		Text: "A token opens the business system that it was given for, and no other.",
	}
	Expiry = stage.Invariant{
		Name: "expiry", Requirement: "MO-BS-15",
		Text: "A token opens nothing after the lifetime with which it was given.",
	}
	Deregistered = stage.Invariant{
		Name: "deregistered", Requirement: "MO-AS-19",
		Text: "Half a minute after a deregistration was answered, no token of that device opens anything any more.",
	}
	Withdrawn = stage.Invariant{
		Name: "withdrawn", Requirement: "MO-AS-59",
		Text: "Half a minute after the rules have ceased to cover user, device, app and system, no token for them opens anything any more.",
	}
	Rights = stage.Invariant{
		Name: "rights", Requirement: "MO-AS-04",
		Text: "A token is given only for what the rules allow, and to a device that its user has registered and not deregistered.",
	}
	Possession = stage.Invariant{
		Name: "possession", Requirement: "MO-AS-25",
		Text: "A token is given only to the device itself, and to nobody who merely knows its number.",
	}
	InForce = stage.Invariant{
		Name: "in-force", Requirement: "MO-AS-14",
		Text: "A request is never judged by rules that had been replaced when it came.",
	}
	OneVersion = stage.Invariant{
		Name: "one-version", Requirement: "MO-AS-58",
		Text: "An answer agrees in right, system and address with the one version of the rules that it names.",
	}
	OwnDevices = stage.Invariant{
		Name: "own-devices", Requirement: "MO-AS-17",
		Text: "A device is registered by its user only.",
	}
	KeyStays = stage.Invariant{
		Name: "key-stays", Requirement: "MO-AS-31",
		Text: "The number of a registered device stays that device's, whoever knows the password.",
	}
	OwnDeregistration = stage.Invariant{
		Name: "own-deregistration", Requirement: "MO-AS-20",
		Text: "A device is deregistered by its user only.",
	}
	OwnRules = stage.Invariant{
		Name: "own-rules", Requirement: "MO-AS-55",
		Text: "Rules are read and changed by administrators only.",
	}
	NoLostUpdate = stage.Invariant{
		Name: "no-lost-update", Requirement: "MO-AS-56",
		Text: "Rules take the place of those that their author had read, and of no later ones.",
	}
	Undisturbed = stage.Invariant{
		Name: "undisturbed", Requirement: "MO-AS-15",
		Text: "No request fails or waits because rules are changed.",
	}
	OwnRecords = stage.Invariant{
		Name: "own-records", Requirement: "MO-AS-40",
		Text: "A token is shared with the business system that it is for, and with nobody else.",
	}
	AtHome = stage.Invariant{
		Name: "secrets-at-home", Requirement: "MO-AP-04",
		Text: "A token reaches only its device and its business system, a password only its user's devices and the authorization server, a sealing key only its system.",
	}
	NoWayBack = stage.Invariant{
		Name: "no-way-back", Requirement: "MO-AP-32",
		Text: "An app that knows of a newer address goes to no older one.",
	}
	UnderTLS = stage.Invariant{
		Name: "under-tls", Requirement: "MO-AP-36",
		Text: "Passwords, tokens and messages travel under TLS only.",
	}
	Sealed = stage.Invariant{
		Name: "sealed", Requirement: "MO-AS-10",
		Text: "Nobody but the authorization server and its business system knows what is in a token.",
	}
	FreshVectors = stage.Invariant{
		Name: "fresh-vectors", Requirement: "MO-AS-37",
		Text: "No two tokens are sealed under one key with one initialization vector.",
	}
	Proved = stage.Invariant{
		Name: "proved", Requirement: "MO-AP-14",
		Text: "An app shows no token without a proof for it.",
	}
	PrivateKey = stage.Invariant{
		Name: "private-key", Requirement: "MO-AP-16",
		Text: "No proof holds the private part of the device key.",
	}
	NoSecretInURL = stage.Invariant{
		Name: "no-secret-in-url", Requirement: "MO-AP-35",
		Text: "No token stands in a URL.",
	}
	NotKept = stage.Invariant{
		Name: "not-kept-on-the-way", Requirement: "MO-AS-61",
		Text: "No answer with a token, a key or a resource may be kept by a cache on the way.",
	}
	NoOracle = stage.Invariant{
		Name: "no-oracle", Requirement: "MO-AS-29",
		Text: "A refusal does not tell which part of an authentication ID or of a deregistration is wrong.",
	}
	Wiped = stage.Invariant{
		Name: "wiped", Requirement: "MO-AP-10",
		Text: "A device that reports its data gone holds none.",
	}
	WipeArrives = stage.Invariant{
		Name: "wipe-arrives", Requirement: "MO-AS-49",
		Text: "A deregistered device that can be reached again is wiped.",
	}
	HonestReport = stage.Invariant{
		Name: "honest-report", Requirement: "MO-AS-51",
		Text: "The authorization server takes nobody's word but the device's that its data are gone.",
	}
	NotWiped = stage.Invariant{
		Name: "not-wiped", Requirement: "MO-AP-25",
		Text: "A device loses its data only when its user has deregistered it.",
	}
	BoundedStart = stage.Invariant{
		Name: "bounded-start", Requirement: "MO-AP-33",
		Text: "One start sends at most four authentication and eight resource requests.",
	}
	NoStorm = stage.Invariant{
		Name: "no-storm", Requirement: "MO-BS-31",
		Text: "A business system reads its keys three times in a second at most, whatever it is shown.",
	}
	NoGarbage = stage.Invariant{
		Name: "no-garbage", Requirement: "MO-BS-32",
		Text: "A token that does not open causes no download.",
	}
	LiveTokens = stage.Invariant{
		Name: "live-tokens", Requirement: "MO-AS-43",
		Text: "A new sealing key ends no token.",
	}
	NewAddress = stage.Invariant{
		Name: "new-address", Requirement: "MO-AS-47",
		Text: "When a business system moves, every device whose user may use its app is told within a minute.",
	}
	WipeKnown = stage.Invariant{
		Name: "wipe-known", Requirement: "MO-AS-52",
		Text: "When a device is wiped, its user can find out.",
	}
	NoFlood = stage.Invariant{
		Name: "no-flood", Requirement: "MO-AS-50",
		Text: "A message is sent to a device eight times a minute at most.",
	}
	Audited = stage.Invariant{
		Name: "audited", Requirement: "MO-AS-60",
		Text: "The audit names every version of the rules, and who has activated it.",
	}
	OwnWish = stage.Invariant{
		Name: "own-wish", Requirement: "MO-AP-37",
		Text: "An app is opened by its user, and by no page in a browser.",
	}
	Opens = stage.Invariant{
		Name: "opens", Requirement: "MO-AP-15",
		Text: "The app of a user who may use it opens, as long as nobody disturbs it.",
	}
	NoLockOut = stage.Invariant{
		Name: "no-lock-out", Requirement: "MO-BS-33",
		Text: "Once the faults have ended, an honest user who tries again gets in.",
	}
)

// Invariants lists all invariants of the flow.
func Invariants() []stage.Invariant {
	return []stage.Invariant{
		Secrecy, OwnDevice, Audience, Expiry, Deregistered, Withdrawn, Rights, Possession, InForce, OneVersion, OwnDevices, KeyStays, OwnDeregistration,
		OwnRules, NoLostUpdate, Undisturbed, OwnRecords, AtHome, NoWayBack, UnderTLS, Sealed, FreshVectors, Proved, PrivateKey, NoSecretInURL, NotKept,
		NoOracle, Wiped, WipeArrives, HonestReport, NotWiped, BoundedStart, NoStorm, NoGarbage, LiveTokens, NewAddress, WipeKnown, NoFlood, Audited, OwnWish, Opens, NoLockOut,
	}
}
