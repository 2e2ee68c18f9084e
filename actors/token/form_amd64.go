package token

import "unsafe"

// fits reports whether a payload of the form's length fits all blocks.
func (f *form) fits(t jsonText) bool {
	if byBlocks {
		return fitsAtOnce(unsafe.SliceData([]byte(t)), len(t), unsafe.SliceData(f.blocks), len(f.blocks))
	}
	return f.fitsByWords(t)
}

// fitsAtOnce is fitsByWords, 32 characters at a time. There is a block, and the payload is as long as one or longer.
//
//go:noescape
func fitsAtOnce(text *byte, length int, blocks *block, count int) bool
