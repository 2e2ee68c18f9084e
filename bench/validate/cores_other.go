//go:build !linux

package validate

// stay is left to the system.
func stay(int) {}
