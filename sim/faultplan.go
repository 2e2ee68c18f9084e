package sim

import (
	"fmt"
	"strings"
	"time"
)

func (f *Fault) active(now time.Duration) bool {
	return now >= f.At && (f.For == 0 || now < f.At+f.For)
}

func matches(pattern, name string) bool { return pattern == "*" || pattern == name }

// onLink says whether the fault acts on messages that travel that way.
func (f *Fault) onLink(from, to string) bool {
	switch f.Kind {
	case loss, duplicate, reorder, delay:
		return matches(f.From, from) && matches(f.To, to)
	case partition:
		return matches(f.From, from) && matches(f.To, to) || matches(f.From, to) && matches(f.To, from)
	case slow, halfOpen:
		return matches(f.From, from)
	}
	return false
}

// applyFaults checks the faults against the hosts there are, and plans those
// that act on hosts. Those on links are found by [World.link].
func (w *World) applyFaults() error {
	for _, f := range w.config.Faults {
		if err := f.Validate(); err != nil {
			return err
		}
		for _, name := range [2]string{f.From, f.To} {
			if err := w.known(f, name); err != nil {
				return err
			}
		}
		for _, h := range w.hosts {
			switch {
			case !matches(f.From, h.name):
			case f.Kind == skew:
				h.skews = append(h.skews, f)
			case f.Kind == crash:
				downFor := f.For
				if downFor == 0 {
					downFor = -1
				}
				w.queue.add(max(f.At, w.now)).fire = func() { h.Crash(downFor) }
			}
		}
	}
	return nil
}

func (w *World) known(f Fault, name string) error {
	if name == "" || name == "*" || w.hostNames[name] != nil {
		return nil
	}
	names := make([]string, len(w.hosts))
	for i, h := range w.hosts {
		names[i] = h.name
	}
	kind, _ := kindOf(f.Kind)
	return &FaultError{
		Fault:   f.String(),
		Problem: fmt.Sprintf("names a host %q that the world does not have: it has %s", name, strings.Join(names, ", ")),
		Example: kind.Example,
	}
}
