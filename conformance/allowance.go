package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// allowance is the time that a check has. It ends the check's context, and stands still while the check waits on purpose.
type allowance struct {
	ctx context.Context
	end context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration // when the timer was started last
	started time.Time
	waiting int
}

// overdueError says that a check has used up its time.
type overdueError struct{ bound time.Duration }

func (e *overdueError) Error() string {
	return fmt.Sprintf("the answers of this check took longer than %s in all", e.bound)
}

func newAllowance(ctx context.Context, bound time.Duration) *allowance {
	a := &allowance{left: bound, started: time.Now()}
	a.ctx, a.end = context.WithCancelCause(ctx)
	a.timer = time.AfterFunc(bound, func() { a.end(&overdueError{bound}) })
	return a
}

// wait stops the allowance until what it gives is called.
func (a *allowance) wait() (done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting++; a.waiting == 1 && a.timer.Stop() {
		a.left -= time.Since(a.started)
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.waiting--; a.waiting == 0 && a.ctx.Err() == nil {
			a.started = time.Now()
			a.timer.Reset(a.left)
		}
	}
}

// close ends the context.
func (a *allowance) close() {
	a.timer.Stop()
	a.end(context.Canceled)
}

// overdue is err, or that the check is overdue where err comes of it.
func (a *allowance) overdue(err error) error {
	var late *overdueError
	if err != nil && err != io.EOF && errors.As(context.Cause(a.ctx), &late) {
		return late
	}
	return err
}

// hastened is the body of an answer whose reading ends with the allowance.
type hastened struct {
	io.ReadCloser
	allowance *allowance
}

func (b hastened) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, b.allowance.overdue(err)
}
