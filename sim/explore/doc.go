// Package explore searches the runs of a world for one in which an invariant does not hold. It knows no protocol: a
// [Model] plays one world from its beginning and asks a [Chooser] wherever more than one thing may happen.
//
// A run is told apart from others only by where it does not take the first option: its [Step] list. Steps hold texts and
// no numbers, so that a run that was written down can be played after the code has changed elsewhere.
//
// [Search] plays runs again from the start with longer and longer lists of steps. Options have a [Price]: moves, as those of
// an attacker, and switches from one who could go on to another. A run has at most [Search].Bounds of each. Runs with
// fewer moves come first, so that what is found first is shortest.
//
// Two things keep the number of runs down. A run that comes to a point in a state that was there before, with at least as much
// left, ends: all that can follow was or will be played from where it was first, be it only what happens of itself. And a move that leaves the state as it was is
// followed by the next one in the same run, so that a run tries all moves that come to nothing and one that does not. Neither hides a breach as long as
// equal states go on alike: each run is judged as far as it went, and what would follow is judged in the other.
//
// Once all within the bounds was played, runs beyond them can be drawn at random, each a certain one with a probability that is known: see [Odds].
//
// The result depends on the models and the bounds alone, and not on the number of workers: they share out a batch of
// tasks, what they find is taken in the order of the tasks, and states are compared with those of earlier batches only.
package explore
