package load

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Threshold is what a run has to keep to, as p99<50ms, token:p95<20ms, errors<0.1%, dropped<1, rate>1900, or p99<1.1x for 1.1 times the baseline's.
type Threshold struct {
	// Text is as it was written.
	Text string
	// Leg is that of the flow which it speaks of; empty: the whole.
	Leg    string
	Metric string
	// Below says that the value has to stay under the bound, or else above it; Equal, that it may be the bound.
	Below, Equal bool
	Bound        float64
	// Times says that the bound is a multiple of the baseline's value.
	Times bool
}

// ThresholdError says that a threshold cannot be read, or held against a run.
type ThresholdError struct{ Text, Problem string }

func (e *ThresholdError) Error() string {
	return fmt.Sprintf("the threshold %q: %s", e.Text, e.Problem)
}

var thresholdForm = regexp.MustCompile(`^\s*(?:([A-Za-z][A-Za-z0-9 ._-]*):)?\s*(p[0-9.]+|max|mean|min|errors|dropped|late|rate)\s*(<=|<|>=|>)\s*([0-9.]+)\s*([a-zµ%]*)\s*$`)

const thresholdHelp = "write it as p99<50ms, token:p95<=20ms, errors<0.1%, dropped<1, rate>1900, or p99<1.1x for a multiple of the baseline"

// ParseThreshold reads a threshold. The error is a *ThresholdError.
func ParseThreshold(text string) (Threshold, error) {
	wrong := &ThresholdError{text, thresholdHelp}
	m := thresholdForm.FindStringSubmatch(text)
	if m == nil {
		return Threshold{}, wrong
	}
	t := Threshold{Text: strings.TrimSpace(text), Leg: m[1], Metric: m[2], Below: m[3][0] == '<', Equal: strings.HasSuffix(m[3], "="), Times: m[5] == "x"}
	bound, err := strconv.ParseFloat(m[4], 64)
	if err != nil {
		return Threshold{}, wrong
	}
	t.Bound = bound
	percent, isPercentile := t.percentile()
	if isPercentile && !(percent > 0 && percent <= 100) {
		return Threshold{}, &ThresholdError{text, "a percentile is above p0 and at most p100; " + thresholdHelp}
	}
	unit := m[5]
	switch kind := t.kind(); {
	case t.Times:
	case kind == aTime && unit != "" && unit != "%":
		d, err := time.ParseDuration(m[4] + unit)
		if err != nil {
			return Threshold{}, wrong
		}
		t.Bound = milliseconds(d)
	case kind == aShare && unit == "%", kind == aCount && unit == "":
	default:
		return Threshold{}, wrong
	}
	if t.Leg != "" && (t.Metric == "dropped" || t.Metric == "late" || t.Metric == "rate") {
		return Threshold{}, &ThresholdError{text, t.Metric + " is of the whole flow: leave out the leg"}
	}
	return t, nil
}

// Kinds of metrics.
const (
	aTime = iota
	aShare
	aCount
)

func (t Threshold) kind() int {
	switch t.Metric {
	case "errors":
		return aShare
	case "dropped", "late", "rate":
		return aCount
	}
	return aTime
}

func (t Threshold) percentile() (float64, bool) {
	text, ok := strings.CutPrefix(t.Metric, "p")
	if !ok {
		return 0, false
	}
	percent, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN(), true
	}
	return percent, true
}

// Verdict is what became of a threshold.
type Verdict struct {
	Threshold string `json:"threshold"`
	Held      bool   `json:"held"`
	// Actual says what the value was, or why there is none.
	Actual string `json:"actual"`
}

// Judge holds a run against the threshold. One that nothing was measured for is not held. baseline is nil for none. The error is a *ThresholdError.
func (t Threshold) Judge(r Result, baseline *Result) (Verdict, error) {
	value, count, err := t.value(r)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Threshold: t.Text}
	if count == 0 {
		v.Actual = "nothing was measured"
		return v, nil
	}
	bound := t.Bound
	v.Actual = t.words(value)
	if t.Times {
		if baseline == nil {
			return Verdict{}, &ThresholdError{t.Text, "it is a multiple of the baseline's; name one with --baseline"}
		}
		before, count, err := t.value(*baseline)
		if err != nil {
			return Verdict{}, err
		}
		if count == 0 || before == 0 {
			v.Actual += ", and the baseline has nothing to compare it with"
			return v, nil
		}
		bound *= before
		v.Actual += fmt.Sprintf(", %.2f times the baseline's %s", value/before, t.words(before))
	}
	v.Held = t.Below && value < bound || !t.Below && value > bound || t.Equal && value == bound
	return v, nil
}

// value is the metric of a run, and of how many measurements it is.
func (t Threshold) value(r Result) (value float64, count int64, err error) {
	leg, ok := r.Leg(t.Leg)
	if !ok {
		var names []string
		for _, l := range r.Legs {
			names = append(names, l.Name)
		}
		return 0, 0, &ThresholdError{t.Text, fmt.Sprintf("there is no leg %q; the legs are %s", t.Leg, strings.Join(names, ", "))}
	}
	count = leg.Count
	switch t.Metric {
	case "max":
		value = leg.Max
	case "mean":
		value = leg.Mean
	case "min":
		value = leg.Min
	case "errors":
		if value, count = r.Percent(), r.Counts.Due; t.Leg != "" {
			value, count = 100*float64(leg.Failed)/max(1, float64(leg.Count)), leg.Count
		}
	case "dropped":
		value, count = float64(r.Counts.Dropped), r.Counts.Due
	case "late":
		value, count = float64(r.Counts.Late), r.Counts.Due
	case "rate":
		value = r.Rate
	default:
		percent, _ := t.percentile()
		value = milliseconds(leg.Histogram.Percentile(percent))
	}
	return value, count, nil
}

func (t Threshold) words(value float64) string {
	switch t.kind() {
	case aTime:
		return milli(value)
	case aShare:
		return strconv.FormatFloat(value, 'g', 4, 64) + "%"
	}
	return strconv.FormatFloat(value, 'g', 6, 64)
}

// milli writes milliseconds for people.
func milli(ms float64) string {
	switch {
	case ms >= 10_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 1:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}

// JudgeAll holds a run against thresholds, and reports whether all were held.
func JudgeAll(thresholds []Threshold, r Result, baseline *Result) (verdicts []Verdict, held bool, err error) {
	held = true
	for _, t := range thresholds {
		v, err := t.Judge(r, baseline)
		if err != nil {
			return nil, false, err
		}
		verdicts = append(verdicts, v)
		held = held && v.Held
	}
	return verdicts, held, nil
}

// TakesErrors reports whether a threshold says how many journeys may go wrong; without one, none may.
func TakesErrors(thresholds []Threshold) bool {
	return slices.ContainsFunc(thresholds, func(t Threshold) bool { return t.Metric == "errors" && t.Leg == "" && t.Below })
}

func sorted(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }
