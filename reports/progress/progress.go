// Package progress tells people how far a run is: a bar on a screen, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"

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
}

// New tells on out. On a screen it draws a bar; elsewhere it writes a line for each result that is no pass, and one for every tenth of the run.
func New(out io.Writer, screen bool) *Teller { return &Teller{out: out, screen: screen} }

// Tell says that one more is done.
func (t *Teller) Tell(done, total int, name, verdict string) {
	if !t.screen {
		if verdict != "pass" {
			fmt.Fprintf(t.out, "%s %s\n", name, verdict)
		}
		if done == total || done*10/total != (done-1)*10/total {
			fmt.Fprintf(t.out, "%d of %d done\n", done, total)
		}
		return
	}
	if t.bar == nil {
		t.bars = mpb.New(mpb.WithOutput(t.out), mpb.WithWidth(40))
		t.bar = t.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.CountersNoUnit("%d of %d ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + t.last })),
			mpb.BarRemoveOnComplete())
	}
	t.last = name
	t.bar.SetCurrent(int64(done))
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
