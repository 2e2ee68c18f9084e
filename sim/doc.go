// Package sim is a simulated world: hosts that talk HTTP over a network that
// delays, loses, repeats and reorders, under a virtual clock, with every
// random choice drawn from one seed. The same world, seed and fault plan give
// the same trace, byte for byte, on any machine.
//
// A [World] runs its processes one at a time. A process is an ordinary
// blocking function; it gives way only where it waits: in [Clock.Sleep], in a
// round trip of [Host.Client], and at a [Gate]. Between two such points
// nothing else in the world moves, so processes of one world need no locks.
// Holding a mutex across such a point deadlocks the world for good.
//
// Code that lives in a world must start no goroutine, read no real clock and
// draw no randomness of its own; package worldlint finds code that does.
//
// Contexts in a world carry values, not deadlines: a round trip looks at the
// request's context once, when it is called, since a deadline in real time
// means nothing in virtual time. A handler's context is never cancelled.
package sim
