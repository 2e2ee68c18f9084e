// Package unified is the cast of the profile unified@1: one login for many third-party platforms, and one logout.
//
// The roles are [Platform], [ThirdParty] and [UserAgent]. Read in this order, a leg a method, they are the
// protocol; what programs of the two platforms say to each other goes through sealed.go. Each role is a struct to
// fill in and the handler that it gives; none can tell whether its world is simulated.
//
// Every requirement of the catalogue is one guard here, under its ID. A guard that is lifted gives the defect
// that the catalogue names for it, and nothing else.
package unified
