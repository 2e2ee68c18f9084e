// Package adversary explores the flows with an attacker that follows no script (Dolev and Yao): it does whatever it can with
// what it knows, at every moment, and the search of package explore tries all of it within bounds.
//
// A world is small: a [Scene], which says who is dishonest and what travels without TLS, and a few sessions. Links have no
// delay, so that all is quiet between two steps. Whenever it is, the [Director] lets somebody go on who waits, which is what
// happens of itself, or makes a [Move] of the attacker's. On the way of a message that the attacker can change, it may do so.
//
// What the attacker knows are terms, each of a type: what it was given, and what it reads in messages that reach it, leave a
// party of its own, or pass in the clear. It never guesses. Its moves are requests that an endpoint takes, filled with terms
// of the right types; where only some make sense together, [Move].Fits says so. A move that leaves no trace in any store,
// cookie or knowledge, nobody at another page, and nobody with something to do yet, is not gone on from: no guard can tell it from nothing. Points at which all stand as they did before
// are told apart by a number.
//
// The bounds are moves, switches between sessions, and sessions in a world: a scene that has fewer sessions, as many have one, is searched with those that it has. Within a session its owner goes on of itself
// until another takes over; messages that are under way to one host at the same time may overtake each other, for the price of a
// move. Two states count as equal when everybody waits at the same place, the stores hold the same, each process has met the
// same messages, the attacker knows the same, the same is on its way, and it is the same second, with values drawn at random replaced by where they appeared first. In
// which order different processes have met theirs does not count, and of a move that was refused altogether counts what it left in the stores (state.go says why). So an actor has to keep what it decides by in its store, as all do.
// What a program was asked that somebody has altered ([Flow.Changed]) counts in its order, refused or not: it may remember anything.
//
// To let a flow be explored, add one file here (bidirectional.go and bidirectional_moves.go are an example):
//
//  1. A [Flow] with its scenes, plainest first, and the names of its sessions, of which [Flow.Either] says which are one part played in several ways; list it in [Flows]. Where a role has two actors and the moves of a scene go to one of
//     them, a scene that [Scene.Mirrors] it has them go to the other.
//
//  2. Its Type: for each field, by leg and name, what kind of term it holds, and for a secret whose secret it is. Where the host that a term belongs to
//     is not the one that answers, Meaning.Of says it. Names of buckets that only remember nonces go into Flow.Nonces, signatures and times into Flow.Volatile.
//
//  3. Its Set: make the stage with the setting as given; [Director.Attacker] is the attacker's machine and [Director.Owns] its other hosts; arrange the scene;
//     [Director.Know] what the attacker knows to begin with, and one made-up term of each type that a careless endpoint might take;
//     [Director.Bends] a party whose program is honest but in its hands.
//
//  4. The people: each honest user's script is [Director.Person], which can be lured and calls [Director.Pause] where it thinks, at least at
//     every page that it reads; the attacker's own conformant sessions are [Director.Session], with a pause after each step; the attacker's script is [Director.Direct]. [Director.Finally] is what everybody looks at in the end,
//     so that the judge of the stage sees what became of it.
//
//  5. Its moves, one for each request that an endpoint takes: Send for the attacker, Link where an honest browser can be made to send it. A compound
//     step that only makes sense whole, as trying a list of passwords, is one move, best in a scene of its own.
//
//  6. Where messages are no text, as frames and signed maps: a [Speech], which reads their fields and writes them anew with the keys that the attacker has
//     (offline_speech.go), and [Director.Speaks]. Where a status alone is an answer, as one that acknowledges: [Flow.Receipt], with [Flow.ReceiptHeader] where a receipt goes with it. A link that is heard though it is under TLS, as the air around a till, is [Director.Proxied];
//     what can be done on it besides are [Director.Tricks]. What can be held up under TLS, without being heard, is [Director.Slow].
//
// Then `countersign explore FLOW` has to find nothing with all guards on, and `--lift ID` the attack that the guard stops.
// To see whether an actor is caught that is wrong in another way than by a guard that was lifted: [Flow.Changed] with a tap, a program of one's own around the
// actor's, or a policy of one actor alone (change_test.go). What the explorer does to the flow, it then does to the changed one.
//
// A stage whose code looks into its store.Memory has to bear that the store is wrapped while it is explored.
package adversary
