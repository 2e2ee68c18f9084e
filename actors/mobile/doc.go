// Package mobile is the cast of the profile mobile@1: an app on a phone reaches a business system, and the rules that say who
// may use what live in an authorization server, so that changing them never stops the business system (after CN 103686724 A).
//
// The roles are [AuthorizationServer], [BusinessSystem] and [MobileApp]. Read in this order, a leg a method, they are the
// protocol. Each is a struct to fill in and the handler that it gives; none can tell whether its world is simulated.
//
// Every requirement of the catalogue is one guard here, under its ID. A guard that is lifted gives the defect
// that the catalogue names for it, and nothing else.
package mobile
