package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Usage is what a process has used so far.
type Usage struct {
	CPU time.Duration
	// Memory is what it holds now, in bytes.
	Memory int64
}

// ProcessUse is what a target took of its machine in a run.
type ProcessUse struct {
	// CPU is in seconds; PerJourney in milliseconds.
	CPU        float64 `json:"cpu"`
	PerJourney float64 `json:"cpu_ms_a_journey"`
	// Memory is what it held, in bytes, at the beginning, at the end, and at the most.
	MemoryBefore int64 `json:"memory_before"`
	MemoryAfter  int64 `json:"memory_after"`
	MemoryMost   int64 `json:"memory_most"`
}

// UseOf is what a process took between two looks at it, for so many journeys.
func UseOf(before, after Usage, seconds []Second, journeys int64) *ProcessUse {
	use := &ProcessUse{CPU: (after.CPU - before.CPU).Seconds(), MemoryBefore: before.Memory, MemoryAfter: after.Memory, MemoryMost: max(before.Memory, after.Memory)}
	if journeys > 0 {
		use.PerJourney = 1000 * use.CPU / float64(journeys)
	}
	for _, s := range seconds {
		use.MemoryMost = max(use.MemoryMost, s.Memory)
	}
	return use
}

// NoProcessError says that there is no such process to look at.
type NoProcessError struct {
	PID     int
	Problem string
}

func (e *NoProcessError) Error() string {
	return fmt.Sprintf("process %d cannot be looked at: %s; name a process of this machine with --pid", e.PID, e.Problem)
}

// RuntimeUse is what the target's Go run-time system did in a run.
type RuntimeUse struct {
	Collections uint32  `json:"collections"`
	Pause       float64 `json:"pause_ms"`
	Allocated   uint64  `json:"allocated_bytes"`
	Allocations uint64  `json:"allocations"`
	// Heap is what was in use at the end, in bytes.
	Heap uint64 `json:"heap_bytes"`
}

// MemStats is what expvar serves as memstats, as far as it is looked at.
type MemStats struct {
	TotalAlloc   uint64
	Mallocs      uint64
	HeapInuse    uint64
	PauseTotalNs uint64
	NumGC        uint32
}

// Since is what was done since an earlier look.
func (m MemStats) Since(before MemStats) *RuntimeUse {
	return &RuntimeUse{
		Collections: m.NumGC - before.NumGC, Pause: float64(m.PauseTotalNs-before.PauseTotalNs) / 1e6, Allocated: m.TotalAlloc - before.TotalAlloc,
		Allocations: m.Mallocs - before.Mallocs, Heap: m.HeapInuse,
	}
}

// ReadMemStats asks a target that serves expvar, as at /debug/vars.
func ReadMemStats(ctx context.Context, client *http.Client, url string) (MemStats, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return MemStats{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return MemStats{}, err
	}
	defer resp.Body.Close()
	var served struct {
		Stats *MemStats `json:"memstats"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&served); err != nil || resp.StatusCode != http.StatusOK || served.Stats == nil {
		return MemStats{}, fmt.Errorf("%s answers %s and no memstats of expvar", url, resp.Status)
	}
	return *served.Stats, nil
}
