// Package replay records what a check meets and plays it back without a target, so that a verdict can be judged again from the record alone.
//
// A check is a deterministic function of what its Env tells it: the moment, the random bytes, the answers of the target, the requests that the target
// sends to the parties that the harness plays, and the order of all these. The recorder writes all of it down, and lets only one of the harness's
// threads run at a time, from one point at which it waits to the next, so that the order is complete. The player lets the same threads run in the
// same order, hands out what was recorded, and compares every byte that the check sends with the byte that it sent then.
//
// A recording holds every message as it was, secrets included. Keep it apart from reports.
package replay
