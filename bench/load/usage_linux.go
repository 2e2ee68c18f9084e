package load

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ticks is how many of /proc's units of CPU time are a second, on every architecture that Go runs on.
const ticks = 100

// ProcessUsage is what a process and all that it has started have used, those included that have ended and were waited for. The error is a *NoProcessError.
func ProcessUsage(pid int) (Usage, error) {
	parents, usages, err := processes()
	if err != nil {
		return Usage{}, &NoProcessError{pid, err.Error()}
	}
	if _, ok := usages[pid]; !ok {
		return Usage{}, &NoProcessError{pid, "there is none of that number"}
	}
	var all Usage
	for p := range usages { // in any order: it is a sum
		for at, hops := p, 0; hops < 64; hops++ {
			if at == pid {
				all.CPU += usages[p].CPU
				all.Memory += usages[p].Memory
				break
			}
			up, ok := parents[at]
			if !ok {
				break
			}
			at = up
		}
	}
	return all, nil
}

// processes reads every process's parent and usage.
func processes() (parents map[int]int, usages map[int]Usage, err error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, nil, err
	}
	parents, usages = map[int]int{}, map[int]Usage{}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(name + "/stat")
		if errors.Is(err, fs.ErrNotExist) || err != nil {
			continue // it has ended in the meantime, or is not ours to look at
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from the third field on: a program's name may have spaces
		if len(fields) < 22 {
			continue
		}
		number := func(field int) int64 {
			n, _ := strconv.ParseInt(string(fields[field-3]), 10, 64) // the system writes numbers
			return n
		}
		parents[pid] = int(number(4))
		spent := number(14) + number(15) + number(16) + number(17)
		usages[pid] = Usage{time.Duration(spent) * time.Second / ticks, number(24) * int64(os.Getpagesize())}
	}
	return parents, usages, nil
}

// OwnCPU is the CPU time that this process has taken so far.
func OwnCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
