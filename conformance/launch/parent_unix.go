//go:build unix && !linux

package launch

import "syscall"

// diesWithUs does nothing: the system does not offer it.
func diesWithUs(*syscall.SysProcAttr) {}
