//go:build (amd64 || arm64) && !purego

package sim

// goroutine identifies the calling goroutine among those alive, by the
// address of the runtime's record of it. It is asked at every park, and takes
// about a nanosecond, where reading the number out of a stack trace takes
// microseconds. Build with the tag purego to do without assembly.
func goroutine() uintptr
