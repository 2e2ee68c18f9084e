//go:build !amd64

package token

// fits reports whether a payload of the form's length fits all blocks.
func (f *form) fits(t jsonText) bool { return f.fitsByWords(t) }
