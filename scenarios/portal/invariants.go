package portal

import "countersign/scenarios/stage"

// The invariants of the flow. The oracles hold every world against all of them.
var (
	Secrecy = stage.Invariant{
		Name: "secrecy", Requirement: "UN-TP-10",
		Text: "What a third-party platform keeps for a user is given only to a browser in which that user logged in.",
	}
	SessionIntegrity = stage.Invariant{
		Name: "session-integrity", Requirement: "UN-TP-23",
		Text: "Nobody is logged in as somebody that they did not log in as.",
	}
	KnownAgain = stage.Invariant{
		Name: "known-again", Requirement: "UN-TP-08",
		Text: "A user finds the same account at every login.",
	}
	OwnLogin = stage.Invariant{
		Name: "own-login", Requirement: "UN-PL-03",
		Text: "A session or code of a user is given at the platform only to that user.",
	}
	Consent = stage.Invariant{
		Name: "consent", Requirement: "UN-PL-06",
		Text: "A third-party platform learns who a user is only by a login of its own, which that user approved.",
	}
	OneLogin = stage.Invariant{
		Name: "one-login-an-approval", Requirement: "UN-PL-43",
		Text: "One approval gives one login at most.",
	}
	CodeOnce = stage.Invariant{
		Name: "code-once", Requirement: "UN-PL-39",
		Text: "A code gives one pass token at most.",
	}
	ReuseRevokes = stage.Invariant{
		Name: "reuse-revokes", Requirement: "UN-PL-40",
		Text: "Once a code was sent a second time, the pass token that it gave authenticates nobody.",
	}
	NoStaleLogin = stage.Invariant{
		Name: "no-stale-login", Requirement: "UN-PL-45",
		Text: "Nothing that the platform gave before a logout of the user logs the user in after it.",
	}
	Expiry = stage.Invariant{
		Name: "expiry", Requirement: "UN-PL-41",
		Text: "Codes and pass tokens are worth nothing after their lifetime.",
	}
	CodesAtHome = stage.Invariant{
		Name: "codes-at-home", Requirement: "UN-TP-28",
		Text: "A code reaches nobody but the browser, the platform and the third-party platform that it is for.",
	}
	CookiesAtHome = stage.Invariant{
		Name: "cookies-at-home", Requirement: "UN-TP-53",
		Text: "Sessions and login credentials reach nobody but their browser and who gave them, and stand in no URL.",
	}
	PasswordAtHome = stage.Invariant{
		Name: "password-at-home", Requirement: "UN-UA-01",
		Text: "A password reaches nobody but the platform.",
	}
	PasswordUnderTLS = stage.Invariant{
		Name: "password-under-tls", Requirement: "UN-UA-02",
		Text: "A password travels under TLS only.",
	}
	Sealed = stage.Invariant{
		Name: "sealed", Requirement: "UN-PL-16",
		Text: "Programs answer a sealed message with one sealed under the same key.",
	}
	FreshVectors = stage.Invariant{
		Name: "fresh-vectors", Requirement: "UN-PL-65",
		Text: "No two messages under one key have the same initialization vector.",
	}
	NotKept = stage.Invariant{
		Name: "not-kept-on-the-way", Requirement: "UN-PL-59",
		Text: "No answer with a secret or a user's data may be kept by a cache on the way.",
	}
	ReviewedPaths = stage.Invariant{
		Name: "reviewed-paths", Requirement: "UN-PL-31",
		Text: "A code is sent only to a callback path that the owner registered and somebody else reviewed.",
	}
	OwnKeys = stage.Invariant{
		Name: "own-keys", Requirement: "UN-PL-72",
		Text: "A communication key is given to the owner of its third-party platform only.",
	}
	OwnUsers = stage.Invariant{
		Name: "own-users", Requirement: "UN-PL-28",
		Text: "A third-party platform is told of its own users only, and of those who have logged out.",
	}
	NoOracle = stage.Invariant{
		Name: "no-oracle", Requirement: "UN-PL-86",
		Text: "Nobody finds out from the platform who is logged in elsewhere.",
	}
	NoEnumeration = stage.Invariant{
		Name: "no-enumeration", Requirement: "UN-PL-57",
		Text: "The refusal of a login does not tell whether somebody has that user name.",
	}
	AnsweredAtOnce = stage.Invariant{
		Name: "answered-at-once", Requirement: "UN-PL-22",
		Text: "A logout is answered within two seconds, whatever third-party platforms do.",
	}
	LoggedOut = stage.Invariant{
		Name: "logged-out", Requirement: "UN-PL-46",
		Text: "A session of the platform that was logged out of gives no code.",
	}
	LoggedOutEverywhere = stage.Invariant{
		Name: "logged-out-everywhere", Requirement: "UN-TP-46",
		Text: "A user who has logged out is refused everywhere within the bound, whatever is down.",
	}
	DoneIsDone = stage.Invariant{
		Name: "done-is-done", Requirement: "UN-TP-44",
		Text: "Once a third-party platform has said that a logout is done, no login from before it opens anything there.",
	}
	LeftHere = stage.Invariant{
		Name: "left-here", Requirement: "UN-TP-15",
		Text: "A login that its user has left at the third-party platform opens nothing any more.",
	}
	StaysLoggedIn = stage.Invariant{
		Name: "stays-logged-in", Requirement: "UN-TP-43",
		Text: "A login ends by its own end or by a logout of its user, and not before.",
	}
	NoLostTask = stage.Invariant{
		Name: "no-lost-task", Requirement: "UN-PL-82",
		Text: "Every logout reaches every third-party platform that takes logouts and was entered since the last one, or somebody has answered its logout token.",
	}
	BoundedWait = stage.Invariant{
		Name: "bounded-wait", Requirement: "UN-PL-74",
		Text: "No logout waits for longer than the upper bound before it is first sent.",
	}
	OthersUndelayed = stage.Invariant{
		Name: "others-undelayed", Requirement: "UN-PL-81",
		Text: "A third-party platform that hangs or fails delays no logout at the others.",
	}
	BoundedBatch = stage.Invariant{
		Name: "bounded-batch", Requirement: "UN-PL-75",
		Text: "A request has as many tasks as the limit count at most, and none twice.",
	}
	NoStorm = stage.Invariant{
		Name: "no-storm", Requirement: "UN-PL-77",
		Text: "A third-party platform that fails is asked eight times a minute at most.",
	}
	PausesKept = stage.Invariant{
		Name: "pauses-kept", Requirement: "UN-PL-78",
		Text: "A third-party platform that asks for a pause before the next try gets it.",
	}
	NoLockOut = stage.Invariant{
		Name: "no-lock-out", Requirement: "UN-PL-04",
		Text: "Once the faults have ended, an honest user who tries again gets in, and out.",
	}
)

// Invariants lists all invariants of the flow.
func Invariants() []stage.Invariant {
	return []stage.Invariant{
		Secrecy, SessionIntegrity, KnownAgain, OwnLogin, Consent, OneLogin, CodeOnce, ReuseRevokes, NoStaleLogin, Expiry, CodesAtHome, CookiesAtHome,
		PasswordAtHome, PasswordUnderTLS, Sealed, FreshVectors, NotKept, ReviewedPaths, OwnKeys, OwnUsers, NoOracle, NoEnumeration,
		AnsweredAtOnce, LoggedOut, LoggedOutEverywhere, DoneIsDone, LeftHere, StaysLoggedIn, NoLostTask, BoundedWait, OthersUndelayed,
		BoundedBatch, NoStorm, PausesKept, NoLockOut,
	}
}
