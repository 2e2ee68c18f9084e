package launch

// PID is the number under which the system knows the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }
