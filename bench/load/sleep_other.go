//go:build !linux

package load

import "time"

// sleeper is what waits until a journey is due. Timers are late by some milliseconds now and then, and the record says so.
func sleeper() (sleep func(time.Duration), end func()) { return time.Sleep, func() {} }
