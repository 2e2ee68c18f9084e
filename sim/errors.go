package sim

import (
	"fmt"
	"strings"
	"time"
)

// Waiting says what a living process waits for.
type Waiting struct {
	Host    string
	Process string
	For     string
}

func (w Waiting) String() string {
	return fmt.Sprintf("process %q on host %q waits for %s", w.Process, w.Host, w.For)
}

func waitingList(list []Waiting) string {
	parts := make([]string, len(list))
	for i, w := range list {
		parts[i] = w.String()
	}
	return strings.Join(parts, "; ")
}

// DeadlockError is returned by [World.Run] when processes wait and nothing is
// pending that could wake them.
type DeadlockError struct {
	At      time.Duration // virtual time since the world's start
	Waiting []Waiting
}

func (e *DeadlockError) Error() string {
	return fmt.Sprintf("the world is deadlocked at %v: %s; open the gate or wait with a limit", e.At, waitingList(e.Waiting))
}

// HorizonError is returned by [World.Run] when virtual time reaches
// [Config.Horizon] while processes are alive.
type HorizonError struct {
	Horizon time.Duration
	Waiting []Waiting
}

func (e *HorizonError) Error() string {
	return fmt.Sprintf("the world reached its horizon of %v with live processes: %s; end them earlier or set a later Config.Horizon", e.Horizon, waitingList(e.Waiting))
}

// LivelockError is returned by [World.Run] when it took more steps than
// [Config.MaxSteps] allows.
type LivelockError struct {
	Steps int
	At    time.Duration // virtual time since the world's start
}

func (e *LivelockError) Error() string {
	return fmt.Sprintf("the world took %d steps and stands at %v: it probably turns in a circle; if not, raise Config.MaxSteps", e.Steps, e.At)
}

// PanicError is returned by [World.Run] when a process panicked, or left
// through runtime.Goexit.
type PanicError struct {
	Host    string // empty for a tap or a callback, which belong to no host
	Process string
	Value   any
	Stack   string
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("process %q on host %q panicked: %v\n%s", e.Process, e.Host, e.Value, e.Stack)
}

// Unwrap gives the panic value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// StallError is returned by [World.Run] when a process ran for longer than
// [Config.Stall] in real time without giving way. Its goroutine is left
// behind, and the world cannot be used again, except to read its trace.
type StallError struct {
	Host    string // empty for a tap or a callback, which belong to no host
	Process string
	After   time.Duration // real time
	Stack   string        // of the stuck goroutine, when it was taken
}

func (e *StallError) Error() string {
	return fmt.Sprintf("process %q on host %q ran for %v of real time without giving way; wait on a Gate, a Clock or the network, not on a lock or a channel\n%s", e.Process, e.Host, e.After, e.Stack)
}

// MisuseError is returned by [World.Run], and is the panic value in the
// offending goroutine, when something that is not the running process used
// the world.
type MisuseError struct {
	Call string // what was called
	What string // what is wrong with it, and how to mend it
}

func (e *MisuseError) Error() string { return e.What + ": " + e.Call }

// ClosedError is returned by [World.Run] on a world that was closed, or whose
// earlier run failed.
type ClosedError struct {
	Cause error // the earlier failure; nil after [World.Close]
}

func (e *ClosedError) Error() string {
	if e.Cause != nil {
		return "the world ended with an earlier failure, make a new one: " + e.Cause.Error()
	}
	return "the world was closed, make a new one"
}

// Unwrap gives the earlier failure.
func (e *ClosedError) Unwrap() error { return e.Cause }

// timeoutError is what a round trip returns when its answer did not come.
type timeoutError struct {
	host  string
	after time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no answer from %q within %v", e.host, e.after)
}
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
