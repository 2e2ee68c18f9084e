//go:build !(amd64 || arm64) || purego

package sim

// goroutine identifies the calling goroutine among those alive.
func goroutine() uintptr { return uintptr(goroutineNumber()) }
