// Package bidirectional is the cast of the profile bidirectional@1: two sites authorize each other, and each
// reads the user's resources at the other (US 9,462,003 B2, on the messages of RFC 5849).
//
// Three roles make a [Site]: [OAuthServer], [ResourceServer] and [Client]; [Terminal] is the user's browser
// and the user. Read in this order, a leg a method, they are the protocol. Each role is a struct to fill in
// and the handler that it gives; none can tell whether its world is simulated.
//
// Every requirement of the catalogue is one guard here, under its ID. A guard that is lifted gives the defect
// that the catalogue names for it, and nothing else.
package bidirectional
