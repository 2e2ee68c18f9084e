package sim_test

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

var _ = DescribeTable("An error of Run says what happened, where, and how to mend it",
	func(err error, parts ...string) {
		for _, part := range parts {
			Expect(err).To(MatchError(ContainSubstring(part)))
		}
	},
	Entry("for a deadlock", &sim.DeadlockError{At: time.Second, Waiting: []sim.Waiting{{Host: "a", Process: "p", For: "gate g"}, {Host: "b", Process: "q", For: "gate h"}}},
		"deadlocked at 1s", `"p" on host "a" waits for gate g; process "q" on host "b" waits for gate h`, "open the gate"),
	Entry("for the horizon", &sim.HorizonError{Horizon: time.Hour, Waiting: []sim.Waiting{{Host: "a", Process: "p", For: "its sleep on a"}}},
		"horizon of 1h0m0s", `"p" on host "a"`, "Config.Horizon"),
	Entry("for a livelock", &sim.LivelockError{Steps: 7, At: time.Second}, "7 steps", "1s", "Config.MaxSteps"),
	Entry("for a stall", &sim.StallError{Host: "a", Process: "p", After: time.Second, Stack: "main.go:1"},
		`process "p" on host "a"`, "1s of real time", "wait on a Gate", "main.go:1"),
	Entry("for a panic", &sim.PanicError{Host: "a", Process: "p", Value: "boom", Stack: "main.go:1"}, `"p" on host "a" panicked: boom`, "main.go:1"),
	Entry("for a misuse", &sim.MisuseError{Call: "Clock.Sleep on a", What: "yield from a foreign goroutine"}, "yield from a foreign goroutine: Clock.Sleep on a"),
	Entry("for a closed world", &sim.ClosedError{Cause: errors.New("boom")}, "earlier failure", "boom"),
)
