package validate

import (
	"runtime"
	"sync"
)

// cores are workers that stay on a core each. Left alone, the system often lets two that are started for a few milliseconds take turns on one.
type cores []chan func()

// openCores gives so many workers. close lets them go.
func openCores(n int) cores {
	all := make(cores, n)
	for i := range all {
		all[i] = make(chan func())
		go func() {
			runtime.LockOSThread() // for good: the thread ends with the worker
			stay(i)
			for work := range all[i] {
				work()
			}
		}()
	}
	return all
}

func (c cores) close() {
	for _, worker := range c {
		close(worker)
	}
}

// do lets each worker do the same, and waits for all.
func (c cores) do(work func()) {
	var all sync.WaitGroup
	for _, worker := range c {
		all.Add(1)
		worker <- func() {
			defer all.Done()
			work()
		}
	}
	all.Wait()
}
