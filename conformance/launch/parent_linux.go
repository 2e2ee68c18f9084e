package launch

import "syscall"

// diesWithUs lets the command be killed when the harness itself is killed and cannot stop it.
func diesWithUs(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
