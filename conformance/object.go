package conformance

import "fmt"

// Fresh is a new name for an object that the check makes at the target: it begins with the kind, then names the run, and ends with n random bytes in base64url.
func (s *Session) Fresh(kind string, n int) string {
	if s.Target.Run != "" {
		kind += "-" + s.Target.Run
	}
	return kind + "-" + s.Random(n)
}

// After has something done when the check has ended, whatever came of it: as a rule, an object taken away again that it has made at the target.
// What was asked for last is done first. Nothing is judged then, and an error, which says that the target did not answer, ends it all.
func (s *Session) After(undo func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undo = append(s.undo, undo)
}

// tidy does what was asked for with After. A panic that is no judgement is an error of the harness.
func (s *Session) tidy(result *Result) {
	defer func() {
		v := recover()
		if _, judged := v.(outcome); v != nil && !judged {
			result.Verdict, result.Reason, result.Failure = Error, fmt.Sprintf("the check broke when it cleaned up: %v", v), nil
		}
	}()
	s.mu.Lock()
	s.tidying, s.judged = true, len(s.exchanges)
	s.mu.Unlock()
	for {
		undo := s.lastUndo()
		if undo == nil || undo() != nil {
			return
		}
	}
}

func (s *Session) lastUndo() func() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.undo) == 0 {
		return nil
	}
	last := s.undo[len(s.undo)-1]
	s.undo = s.undo[:len(s.undo)-1]
	return last
}
