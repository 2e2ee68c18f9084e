package certify

import (
	"context"
	"net/http"

	"countersign/conformance"
	"countersign/conformance/drive"
)

// through is the way to a target of a flow, made of a transport of the harness.
type through = func(conformance.Flow, *http.Transport) http.RoundTripper

// drive puts what the configuration says of roles that cannot be called, and of logins, over the way to the target. The error is a *UsageError.
func (j Job) drive(ctx context.Context, over through, runner *conformance.Runner) (through, error) {
	driver := &drive.Driver{Config: j.Config, Context: ctx, Prompt: j.Prompt}
	if err := driver.Ready(); err != nil {
		return nil, &UsageError{err.Error()}
	}
	runner.Revise = drive.Revise
	return driver.Over(over), nil
}
