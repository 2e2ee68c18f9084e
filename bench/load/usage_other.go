//go:build !linux

package load

import "time"

// ProcessUsage is known on Linux only. The error is a *NoProcessError.
func ProcessUsage(pid int) (Usage, error) {
	return Usage{}, &NoProcessError{pid, "this system does not tell what a process uses in a way that is known here"}
}

// OwnCPU is the CPU time that this process has taken so far; 0 where that is not known.
func OwnCPU() time.Duration { return 0 }
