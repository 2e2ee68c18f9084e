//go:build !amd64

package token

const byBlocks = false

// appendBlocks is never called here.
func appendBlocks(dst []byte, _ string) ([]byte, bool) { return dst, false }
