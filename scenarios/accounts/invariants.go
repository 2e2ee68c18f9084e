package accounts

import "countersign/scenarios/stage"

// The invariants of the flow. The oracles hold every world against all of them.
var (
	Secrecy = stage.Invariant{
		Name: "secrecy", Requirement: "TI-AP-02",
		Text: "A resource is given only to its owner's terminal, for a ticket that an authentication of this owner made.",
	}
	Audience = stage.Invariant{
		Name: "audience", Requirement: "TI-AM-11",
		Text: "A ticket opens resources at the app that it was issued for, and at no other.",
	}
	OwnTickets = stage.Invariant{
		Name: "own-tickets", Requirement: "TI-AM-04",
		Text: "A ticket is issued only to whoever registered the account, or for a refresh key of it.",
	}
	Takeover = stage.Invariant{
		Name: "no-takeover", Requirement: "TI-AM-20",
		Text: "A user name stays its first owner's.",
	}
	FreshKeys = stage.Invariant{
		Name: "fresh-keys", Requirement: "TI-AM-08",
		Text: "A refresh gives the same user an authorization key and a refresh key that were never issued before.",
	}
	OneLineage = stage.Invariant{
		Name: "one-lineage", Requirement: "TI-AM-19",
		Text: "A refresh key has one successor at most.",
	}
	Replaced = stage.Invariant{
		Name: "replaced", Requirement: "TI-AM-15",
		Text: "An authorization key opens nothing once its ticket was refreshed and confirmations of it have run out.",
	}
	ReuseEnds = stage.Invariant{
		Name: "reuse-ends-family", Requirement: "TI-AM-16",
		Text: "Once a used refresh key was presented again and refused, no ticket of its family opens anything or is refreshed.",
	}
	Revocation = stage.Invariant{
		Name: "revocation", Requirement: "TI-AM-25",
		Text: "A ticket opens nothing once its revocation was acknowledged and confirmations of it have run out.",
	}
	LoggedOut = stage.Invariant{
		Name: "logged-out", Requirement: "TI-TE-15",
		Text: "The ticket from which a user has logged out at a terminal opens nothing any more, wherever a copy of it is.",
	}
	Expiry = stage.Invariant{
		Name: "expiry", Requirement: "TI-AM-14",
		Text: "An authorization key opens nothing after the lifetime with which it was issued.",
	}
	KeysAtHome = stage.Invariant{
		Name: "keys-at-home", Requirement: "TI-TE-05",
		Text: "A password or refresh key reaches nobody but its terminal and the account server, an authorization key besides these its app, and an app's secret nobody but the app and the account server.",
	}
	UnderTLS = stage.Invariant{
		Name: "under-tls", Requirement: "TI-TE-14",
		Text: "Passwords and keys travel under TLS only.",
	}
	OwnAccount = stage.Invariant{
		Name: "own-account", Requirement: "TI-TE-12",
		Text: "What a terminal shows its user belongs to that user.",
	}
	NoOracle = stage.Invariant{
		Name: "no-oracle", Requirement: "TI-AM-12",
		Text: "The account server tells about tickets nobody but apps, and a dishonest app only about those for itself.",
	}
	NoEnumeration = stage.Invariant{
		Name: "no-enumeration", Requirement: "TI-AM-21",
		Text: "The refusal of an authentication does not tell whether somebody has that user name.",
	}
	ShortApproval = stage.Invariant{
		Name: "short-approval", Requirement: "TI-AM-26",
		Text: "The account server lets no confirmation be kept for more than a minute, nor beyond the end of its key.",
	}
	NotKept = stage.Invariant{
		Name: "not-kept-on-the-way", Requirement: "TI-AM-24",
		Text: "No answer with a key or about one may be kept by a cache on the way.",
	}
	BoundedUse = stage.Invariant{
		Name: "bounded-use", Requirement: "TI-TE-09",
		Text: "One use of a terminal refreshes one ticket at most.",
	}
	NoStorm = stage.Invariant{
		Name: "no-storm", Requirement: "TI-TE-11",
		Text: "A terminal presents one refresh key six times in half a minute at most, the tries before and after a crash taken together.",
	}
	LostAnswer = stage.Invariant{
		Name: "lost-answer", Requirement: "TI-AM-17",
		Text: "A terminal that repeats a refresh within a minute, as its answer was lost, keeps its ticket.",
	}
	Denials = stage.Invariant{
		Name: "denials", Requirement: "TI-AP-08",
		Text: "An app denies a ticket only when the account server, asked about it for this request, did not confirm it.",
	}
	StaysSignedIn = stage.Invariant{
		Name: "stays-signed-in", Requirement: "TI-TE-10",
		Text: "Nobody has to type a password again whose ticket nobody has ended.",
	}
	NoLockOut = stage.Invariant{
		Name: "no-lock-out", Requirement: "TI-TE-08",
		Text: "Once the faults have ended, an honest user who tries again gets in.",
	}
)

// Invariants lists all invariants of the flow.
func Invariants() []stage.Invariant {
	return []stage.Invariant{
		Secrecy, Audience, OwnTickets, Takeover, FreshKeys, OneLineage, Replaced, ReuseEnds, Revocation, LoggedOut, Expiry,
		KeysAtHome, UnderTLS, OwnAccount, NoOracle, NoEnumeration, ShortApproval, NotKept, BoundedUse, NoStorm, LostAnswer, Denials, StaysSignedIn, NoLockOut,
	}
}
