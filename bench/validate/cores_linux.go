package validate

import "golang.org/x/sys/unix"

// stay keeps the thread on the core of that place among those that the program may use. Where the system does not let it, the thread goes where it likes.
func stay(place int) {
	var allowed, own unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil || allowed.Count() == 0 {
		return
	}
	place %= allowed.Count()
	for cpu := range len(allowed) * 64 {
		if !allowed.IsSet(cpu) {
			continue
		}
		if place--; place < 0 {
			own.Set(cpu)
			_ = unix.SchedSetaffinity(0, &own) // what came of it shows in the contest
			return
		}
	}
}
