package certify

import "countersign/conformance/launch"

// PID is the process that was started, which has started all else; 0 where the target is no process of this machine, but a container.
func (s *Started) PID() int {
	if p, ok := s.running.(*launch.Process); ok {
		return p.PID()
	}
	return 0
}
