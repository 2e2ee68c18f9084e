//go:build !linux

package load

import "context"

// looping says that seats are goroutines on this system.
const looping = false

func (a *Attacker) loop(context.Context, Pacer, *Recorder, func(int)) (int, error) { return 0, nil }
