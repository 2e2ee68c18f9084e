package token

import "encoding/binary"

// form is what payloads have in common that differ in nothing but their values, and in none of the values' lengths, as those of one issuer mostly do. Such a one
// is recognized eight characters at a time, and its values lie where they lay.
type form struct {
	length int
	blocks []block
	ends   []int // of the values: where each begins, and where it ends
}

// block is eight characters of a form, the last of which may overlap those before.
type block struct {
	mask, fixed uint64 // what stands there in every such payload
	text        uint64 // the highest bits of the characters of texts, in which there is no quotation mark
}

const blockSize = 8

// learn makes the form of a payload that was read. It takes two of one length, one after the other: the form of one that comes alone is not worth its making.
func (f *form) learn(t jsonText, members []member) {
	known := f.length == len(t)
	f.forget()
	if f.length = len(t); !known || len(t) < blockSize {
		return
	}
	for from := 0; from < len(t); from += blockSize {
		f.blocks = append(f.blocks, block{mask: 1<<64 - 1})
	}
	at := 0
	for _, m := range members {
		begin := at + len(m.before)
		at = begin + len(m.value)
		f.ends = append(f.ends, begin, at)
		for place := begin; place < at; place++ {
			f.free(place, m.isText)
		}
	}
	for i := range f.blocks {
		b := &f.blocks[i]
		b.fixed = binary.LittleEndian.Uint64(t[f.begin(i):]) & b.mask
	}
}

func (f *form) forget() { f.length, f.blocks, f.ends = 0, f.blocks[:0], f.ends[:0] }

// begin is where a block begins.
func (f *form) begin(i int) int { return min(i*blockSize, f.length-blockSize) }

// free lets any character stand at a place, in all blocks that it is in, but for a quotation mark in a text.
func (f *form) free(place int, isText bool) {
	for i := place / blockSize; i < len(f.blocks) && f.begin(i) <= place; i++ {
		shift := 8 * (place - f.begin(i))
		if shift >= 64 {
			continue
		}
		f.blocks[i].mask &^= 0xff << shift
		if isText {
			f.blocks[i].text |= 0x80 << shift
		}
	}
}

// read reads a payload of the form into the members. Where it gives up it has judged nothing, and the values are as they were or not.
func (f *form) read(t jsonText, members []member) bool {
	if len(t) != f.length || len(f.blocks) == 0 || len(f.ends) != 2*len(members) {
		return false
	}
	var strange, other, quotes uint64
	for i := range f.blocks {
		b := &f.blocks[i]
		at := min(i*blockSize, len(t)-blockSize)
		w := binary.LittleEndian.Uint64(t[at:])
		other |= w&b.mask ^ b.fixed
		backslash, quote := w^ones*'\\', w^ones*'"'
		strange |= w | (w - ones*' ') | (backslash-ones)&^backslash
		quotes |= (quote - ones) &^ quote & b.text
	}
	if strange&highest|other|quotes != 0 {
		return false
	}
	for i := range members {
		m := &members[i]
		begin, end := f.ends[2*i], f.ends[2*i+1]
		if !m.isText && t.value(begin, false) != end {
			return false
		}
		m.value = t[begin:end]
	}
	return true
}
