package load

// Change is how a value of a leg differs from that of an earlier run.
type Change struct {
	Leg    string  `json:"leg"`
	Metric string  `json:"metric"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Ratio is After by Before; 0 where Before is 0.
	Ratio float64 `json:"ratio"`
}

// CompareError says that two runs are of different things.
type CompareError struct{ Before, After string }

func (e *CompareError) Error() string {
	return "the baseline is of " + e.Before + ", and this run of " + e.After + ": name a run of the same with --baseline"
}

// Compare holds a run against an earlier one of the same script: rate, and times of the flow and of each leg in milliseconds. The script of one endpoint is
// its method and path, wherever it is served. The error is a *CompareError.
func Compare(before, after Result) ([]Change, error) {
	if before.Script != after.Script {
		return nil, &CompareError{before.Script, after.Script}
	}
	changes := []Change{change("", "rate", before.Rate, after.Rate)}
	for _, l := range append([]Leg{after.Flow}, after.Legs...) {
		old, ok := before.Leg(l.Name)
		if !ok || old.Count == 0 || l.Count == 0 {
			continue
		}
		changes = append(changes,
			change(l.Name, "p50", old.P50, l.P50), change(l.Name, "p95", old.P95, l.P95), change(l.Name, "p99", old.P99, l.P99), change(l.Name, "max", old.Max, l.Max))
	}
	return changes, nil
}

func change(leg, metric string, before, after float64) Change {
	c := Change{Leg: leg, Metric: metric, Before: before, After: after}
	if before != 0 {
		c.Ratio = after / before
	}
	return c
}
