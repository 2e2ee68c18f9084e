package judge

import (
	"fmt"
	"slices"
	"strings"

	"countersign/conformance"
)

// NotFramed wants a page to forbid framing by any other.
func (j Judge) NotFramed(resp *conformance.Response, what string) {
	if slices.ContainsFunc(resp.Header.Values("X-Frame-Options"), func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "DENY") }) {
		return
	}
	policies := strings.Join(resp.Header.Values("Content-Security-Policy"), ";")
	for directive := range strings.FieldsFuncSeq(policies, func(r rune) bool { return r == ';' || r == ',' }) {
		if words := strings.Fields(strings.ToLower(directive)); slices.Equal(words, []string{"frame-ancestors", "'none'"}) {
			return
		}
	}
	j.FailAt(resp.Exchange, what+" with Content-Security-Policy: frame-ancestors 'none', or X-Frame-Options: DENY",
		fmt.Sprintf("Content-Security-Policy %q, X-Frame-Options %q", resp.Header.Values("Content-Security-Policy"), resp.Header.Values("X-Frame-Options")))
}
