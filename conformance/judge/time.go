package judge

import (
	"net/http"
	"time"

	"countersign/conformance"
)

// TimeOf is the target's time as the answer that has just come tells it (RFC 9110 section 6.6.1), up to a second early, and what the harness takes it for where
// it tells none. A clock that is some seconds off is no fault. A target with a test clock has said its time, and its Date need not follow (section 9 of the profiles).
func (j Judge) TimeOf(resp *conformance.Response, testClock string) time.Time {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && testClock == "" {
		return date
	}
	return j.Env.Now()
}
