package doctor

import (
	"context"
	"fmt"
	"time"

	"countersign/conformance"
)

// The differences of clocks from which a warning is given and from which no run makes sense: the narrowest window of the profiles is 60 s.
const (
	noticeable = 5 * time.Second
	useless    = 60 * time.Second
)

// clock examines the target's clock, and the one that checks can move (section 9 of the profiles).
func (e *examination) clock(ctx context.Context, doc *document) {
	if _, driven := e.config.Drive.Triggers["test_clock_endpoint"]; driven {
		return // the run asks it before the first check
	}
	at := e.documentPlace()
	if p := e.config.Place("endpoints", "test_clock_endpoint"); p.File != "" {
		at = p
	}
	endpoint := doc.text("test_clock_endpoint")
	if endpoint == "" {
		e.warn(at, "clock-not-movable", "the target offers no test clock, so that checks of what expires wait, or are not run", "serve section 9 of the profile, in tests only, or raise max_wait")
		e.skew(doc)
		return
	}
	client := e.client(doc.flow)
	if deadline, ok := ctx.Deadline(); ok {
		client.Timeout = time.Until(deadline)
	}
	now, err := conformance.PostClock(client, endpoint)(0)
	switch {
	case err != nil && ctx.Err() != nil:
	case err != nil:
		e.wrong(at, "clock-broken", fmt.Sprintf("the test clock at %.200s does not answer 200 with the new time, as {\"now\": 1767225600}", endpoint), "serve section 9 of the profile there, or leave test_clock_endpoint out of the metadata")
	case time.Until(now) < -useless:
		e.warn(at, "clock-behind", fmt.Sprintf("the test clock is %s behind this machine's", -time.Until(now).Round(time.Second)), "set the clock of the target's machine")
	}
}

// skew compares the clock of the target's machine with this one's.
func (e *examination) skew(doc *document) {
	if doc.skew == nil {
		return
	}
	off := doc.skew.Abs()
	way := "ahead of"
	if *doc.skew < 0 {
		way = "behind"
	}
	what := fmt.Sprintf("the target's clock is %s %s this machine's", off.Round(time.Second), way)
	switch {
	case off >= useless:
		e.wrong(e.documentPlace(), "clock-off", what+", so that it refuses whatever is fresh here", "set both clocks, or offer a test clock")
	case off > noticeable:
		e.warn(e.documentPlace(), "clock-differs", what, "set both clocks before messages are refused for it")
	}
}
