package load

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram holds times from a microsecond to an hour, to three digits: what is longer counts as an hour. The zero value is empty, and so is nil to who only reads.
type Histogram struct{ counts *hdrhistogram.Histogram }

const longest = time.Hour

func (h *Histogram) ready() *hdrhistogram.Histogram {
	if h.counts == nil {
		h.counts = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	return h.counts
}

// Record adds a time, so many times over.
func (h *Histogram) Record(d time.Duration, times int64) {
	_ = h.ready().RecordValues(max(0, min(d, longest)).Microseconds(), times) // which is in range
}

// Add adds all that another holds.
func (h *Histogram) Add(other *Histogram) {
	if other.counts != nil {
		h.ready().Merge(other.counts)
	}
}

// Reset empties it.
func (h *Histogram) Reset() {
	if h.counts != nil {
		h.counts.Reset()
	}
}

// Count is how many times it holds.
func (h *Histogram) Count() int64 {
	if h == nil || h.counts == nil {
		return 0
	}
	return h.counts.TotalCount()
}

// Percentile is the time that so many percent of all stay within; 0 where there are none.
func (h *Histogram) Percentile(percent float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.counts.ValueAtPercentile(percent)) * time.Microsecond
}

// Max and Min are the longest and the shortest; 0 where there are none.
func (h *Histogram) Max() time.Duration { return h.Percentile(100) }

// Min is the shortest.
func (h *Histogram) Min() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.counts.Min()) * time.Microsecond
}

// Mean is the average; 0 where there are none.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.counts.Mean() * float64(time.Microsecond))
}

// Bars calls yield with each time that it holds and how often, in rising order.
func (h *Histogram) Bars(yield func(d time.Duration, times int64)) {
	if h.Count() == 0 {
		return
	}
	for _, bar := range h.counts.Distribution() {
		if bar.Count > 0 {
			yield(time.Duration(bar.To)*time.Microsecond, bar.Count)
		}
	}
}

// MarshalJSON writes the compressed form of HdrHistogram, version 2, in base64: any tool of that family reads it. The unit is a microsecond.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	text, err := h.ready().Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(text))
}

// UnmarshalJSON reads what MarshalJSON has written.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	counts, err := hdrhistogram.Decode([]byte(encoded))
	if err != nil {
		return fmt.Errorf("this is no histogram: %w", err)
	}
	h.counts = counts
	return nil
}

// histogramLog writes intervals in the log format of HdrHistogram. The zero value writes nothing.
type histogramLog struct{ to io.Writer }

// header writes what the log begins with.
func (l histogramLog) header(begun time.Time) error {
	w := hdrhistogram.NewHistogramLogWriter(l.to)
	for _, write := range []func() error{
		func() error { return w.OutputComment("[Logged by countersign; times in microseconds]") },
		w.OutputLogFormatVersion,
		func() error { return w.OutputStartTime(begun.UnixMilli()) },
		w.OutputLegend,
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// interval writes what was recorded from one moment of the run to another, under a tag. The line says the longest time in milliseconds; the library's own would take it
// for nanoseconds.
func (l histogramLog) interval(h *Histogram, tag string, from, to time.Duration) error {
	if l.to == nil || h.Count() == 0 {
		return nil
	}
	encoded, err := h.counts.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.to, "Tag=%s,%.6f,%.6f,%.3f,%s\n", tag, from.Seconds(), (to - from).Seconds(), milliseconds(h.Max()), encoded)
	return err
}
