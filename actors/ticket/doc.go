// Package ticket is the cast of the profile ticket@1: one account, kept by an account server, opens the resources of
// any number of apps, and for each app the user's terminal holds a ticket (after US 10,586,027 B2).
//
// The roles are [AccountServer], [AppServer] and [Terminal]. Read in this order, a leg a method, they are the
// protocol. Each is a struct to fill in and the handler that it gives; none can tell whether its world is simulated.
//
// Every requirement of the catalogue is one guard here, under its ID. A guard that is lifted gives the defect
// that the catalogue names for it, and nothing else.
package ticket
