package token

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/cpu"
)

const (
	blockText  = 32 // characters that are decoded at a time
	blockBytes = 24 // what they stand for
	blockRoom  = 32 // what is written for them: the last eight bytes come to nothing
)

// byBlocks reports whether this processor decodes by blocks.
var byBlocks = cpu.X86.HasAVX2

// appendBlocks is appendDecoded, 32 characters at a time (Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018).
func appendBlocks(dst []byte, text string) ([]byte, bool) {
	begun := len(dst)
	dst = slices.Grow(dst, decodedLen(len(text))+blockRoom)
	out, blocks := dst[begun:cap(dst)], len(text)/blockText
	if blocks > 0 && decodeBlocks(&out[0], unsafe.StringData(text), blocks) < blocks {
		return dst, false
	}
	out, text = out[blocks*blockBytes:], text[blocks*blockText:]
	end := begun + blocks*blockBytes + decodedLen(len(text))
	if text == "" {
		return dst[:end], true
	}
	last := [blockText]byte([]byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")) // zeros behind the text
	copy(last[:], text)
	whole := decodeBlocks(&out[0], &last[0], 1) == 1
	// What comes behind the last byte are the bits beyond it.
	return dst[:end], whole && len(text)%4 != 1 && out[decodedLen(len(text))] == 0
}

// decodeBlocks decodes blocks until one has a strange character, and returns how many it has done.
//
//go:noescape
func decodeBlocks(dst, text *byte, blocks int) (done int)
