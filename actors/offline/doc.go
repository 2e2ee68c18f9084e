// Package offline is the cast of the profile offline@1: a handset without a connection authorizes a business at a
// device that has one; the device relays, the service server decides (after CN 104349313 A).
//
// The roles are [ServiceServer], [VerificationDevice] and [Handset]. Each is a struct to fill in and the handler that
// it gives; none can tell whether its world is simulated. What they say to each other is six messages:
// [Application], [Information], [Countersign], [Decision], [Result] and [Refusal].
//
// Every requirement of the catalogue is one guard here, under its ID. A guard that is lifted gives the defect
// that the catalogue names for it, and nothing else.
package offline
