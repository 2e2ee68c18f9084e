package sim

import (
	"bytes"
	"fmt"
	"runtime"
)

// goroutineNumber reads the calling goroutine's number from the head of its
// stack trace, "goroutine 17 [running]:".
func goroutineNumber() uint64 {
	var buf [40]byte
	var number uint64
	for _, c := range buf[len("goroutine "):runtime.Stack(buf[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		number = number*10 + uint64(c-'0')
	}
	return number
}

// goroutineStack returns the stack trace of the goroutine of that number, as
// it is now.
func goroutineStack(number uint64) string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	head := fmt.Appendf(nil, "goroutine %d ", number)
	for block := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if bytes.HasPrefix(block, head) {
			return string(block)
		}
	}
	return ""
}
