//go:build race

package token_test

// raced says that the race detector runs, under which pools lose what they hold at random.
const raced = true
