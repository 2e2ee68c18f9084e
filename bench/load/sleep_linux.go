package load

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper gives a goroutine a thread of its own, which the system wakes to within some microseconds, and returns what waits on it and what gives the thread back.
// Timers of the run-time system are late by more than a millisecond now and then, and a thread's sleep by the 50 µs that the system may add to save power.
func sleeper() (sleep func(time.Duration), end func()) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it, sleep is late by those 50 µs
	return nanosleep, func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the default again
		runtime.UnlockOSThread()
	}
}

func nanosleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for errors.Is(unix.Nanosleep(&left, &left), unix.EINTR) { // the run-time system interrupts threads by signals
	}
}
