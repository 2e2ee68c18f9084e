// Package stage is what the scenarios of all flows have in common: a simulated world with a cast, people with
// scripts, oracles that judge the trace, and the drawing of what passed.
//
// To add a flow, write a package beside this one (scenarios/accounts is a short one) and scenarios/FLOW*.go:
//
//  1. A Stage that embeds *stage.Stage. Its New(stage.Setting) calls [New] with itself as the [Flow], adds a host for
//     each actor with [Stage.Host], whose boot fills the actor's struct with [Stage.Env], and calls [Stage.LearnLegs]
//     on the handler, so that diagram and judge know what each request is for.
//  2. A user that embeds *[Person], made by [Stage.NewPerson], whose prepare makes the terminal anew after a crash.
//     Its methods are what a user does, one verb each. [Stage.NewReachablePerson] is for a machine that others call. [Stage.NewAttacker] gives a dishonest person with a browser.
//  3. invariants.go: each [Invariant] with the requirement that protects it; Invariants() lists them.
//  4. The judge, which embeds [Judge]: Judge, Lanes and Leg implement [Flow]. [Judge.Hear] calls it with what passed;
//     [Judge.Keep] has it watch over a secret; [Judge.Breach] takes a breach down. It judges by the trace and by what
//     people decided, and does not ask the actors. A flow with sealed messages implements [Opener], for the diagram.
//  5. In scenarios/FLOW.go happy paths and refusals, whose play is like onTwoSites; in FLOW_faults.go mishapsOf with
//     [Mishaps] at the roles of the flow; in FLOW_attacks*.go attackOn, with openAtCore where the document leaves the
//     hole. Guards are those that stop an attack, each of them alone; lift all and it has to succeed at hardened.
//     [Stage.Hope] says what is to come about; [Stage.Breach] takes down what only a person can see.
//     Package scenarios holds all flows: helpers of one flow have names that say so, or do for any.
//  6. Append the three lists to All in scenarios/scenario.go, and lines to the tables of scenarios/*_test.go.
//
// A dishonest party takes a host with [Stage.TakeOver], listens with [Stage.Overhear], and sits on the wire with
// [Stage.OnTheWire], where it sees what goes without TLS. [Letter] is what accomplices say to each other.
// Faults beyond the mishaps are sim.Fault values; a tap on Stage.World does what no fault can.
package stage
