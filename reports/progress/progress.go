// Package progress tells people how far a run is: a bar on a screen, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Teller is told of each result. It is used by one goroutine at a time.
type Teller struct {
	out    io.Writer
	screen bool
	bars   *mpb.Progress
	bar    *mpb.Bar
	last   string

	begun time.Time // when it was first told something
	first int       // of which number that was
	said  time.Time // when it last wrote a line
}

// silence is how long a run writes no plain line at most.
const silence = 30 * time.Second

// New tells on out. On a screen it draws a bar; elsewhere it writes a line for each result that is no pass, and one for every tenth of the run.
func New(out io.Writer, screen bool) *Teller { return &Teller{out: out, screen: screen} }

// Tell says that one more is done.
func (t *Teller) Tell(done, total int, name, verdict string) {
	now := time.Now()
	if t.begun.IsZero() {
		t.begun, t.first, t.said = now, done, now
	}
	if !t.screen {
		if verdict != "pass" {
			fmt.Fprintf(t.out, "%s %s\n", name, verdict)
		}
		if done == total || done*10/total != (done-1)*10/total || now.Sub(t.said) >= silence {
			fmt.Fprintf(t.out, "%d of %d done%s\n", done, total, t.rate(done, now))
			t.said = now
		}
		return
	}
	if t.bar == nil {
		t.bars = mpb.New(mpb.WithOutput(t.out), mpb.WithWidth(40))
		t.bar = t.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.CountersNoUnit("%d of %d ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + t.last + t.rate(int(t.bar.Current()), time.Now()) })),
			mpb.BarRemoveOnComplete())
	}
	t.last = name
	t.bar.SetCurrent(int64(done))
}

// rate is how many a second are done, of a run that takes its time.
func (t *Teller) rate(done int, now time.Time) string {
	took := now.Sub(t.begun)
	if took < 5*time.Second {
		return ""
	}
	return fmt.Sprintf(", %.0f a second", float64(done-t.first)/took.Seconds())
}

// Close takes the bar away.
func (t *Teller) Close() {
	if t.bar == nil {
		return
	}
	if !t.bar.Completed() {
		t.bar.Abort(true)
	}
	t.bars.Wait()
}
