package token

import "encoding/binary"

// form is what payloads have in common that differ in nothing but their values, and in none of the values' lengths, as those of one issuer mostly do. Such a one
// is recognized many characters at a time, and its values lie where they lay.
type form struct {
	length int
	blocks []block
	ends   []int // of the values: where each begins, and where it ends
	words  []int // the members whose values the blocks do not prove to be values: numbers, and the like
	at     *byte // the payload that the members' values are parts of; the next one mostly comes to lie where it lay
}

// block is 32 characters of a form, as four words. The last may overlap those before.
type block struct {
	mask, fixed [blockSize / 8]uint64 // what stands there in every such payload
	text        [blockSize / 8]uint64 // the highest bits of the characters of texts, in which there is no quotation mark
}

const blockSize = 32

// learn makes the form of a payload that was read. It takes two of one length, one after the other: the form of one that comes alone is not worth its making.
func (f *form) learn(t jsonText, members []member) {
	known := f.length == len(t)
	f.forget()
	if f.length = len(t); !known || len(t) < blockSize {
		return
	}
	for from := 0; from < len(t); from += blockSize {
		f.blocks = append(f.blocks, block{mask: [blockSize / 8]uint64{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1}})
	}
	at := 0
	for i, m := range members {
		begin := at + len(m.before)
		at = begin + len(m.value)
		f.ends = append(f.ends, begin, at)
		from, to, isText := begin, at, m.isText
		switch _, within, end := t.pair(begin); {
		case isText:
		case end == at: // an object of one text: all but the text is as it is
			to = end - len(`"}`)
			from, isText = to-len(within), true
		default:
			f.words = append(f.words, i)
		}
		for place := from; place < to; place++ {
			f.free(place, isText)
		}
	}
	for i := range f.blocks {
		b := &f.blocks[i]
		for j := range b.fixed {
			b.fixed[j] = binary.LittleEndian.Uint64(t[f.begin(i)+8*j:]) & b.mask[j]
		}
	}
}

func (f *form) forget() {
	f.length, f.blocks, f.ends, f.words, f.at = 0, f.blocks[:0], f.ends[:0], f.words[:0], nil
}

// begin is where a block begins.
func (f *form) begin(i int) int { return min(i*blockSize, f.length-blockSize) }

// free lets any character stand at a place, in all blocks that it is in, but for a quotation mark in a text.
func (f *form) free(place int, isText bool) {
	for i := place / blockSize; i < len(f.blocks) && f.begin(i) <= place; i++ {
		within := place - f.begin(i)
		if within >= blockSize {
			continue
		}
		word, shift := within/8, 8*(within%8)
		f.blocks[i].mask[word] &^= 0xff << shift
		if isText {
			f.blocks[i].text[word] |= 0x80 << shift
		}
	}
}

// read reads a payload of the form into the members. Where it gives up it has judged nothing, and the values are as they were or not.
func (f *form) read(t jsonText, members []member) bool {
	if len(t) != f.length || len(f.blocks) == 0 || len(f.ends) != 2*len(members) || !f.fits(t) {
		return false
	}
	for _, i := range f.words {
		if t.word(f.ends[2*i]) != f.ends[2*i+1] {
			return false
		}
	}
	if f.at != &t[0] {
		for i := range members {
			members[i].value = t[f.ends[2*i]:f.ends[2*i+1]]
		}
		f.at = &t[0]
	}
	return true
}

// fitsByWords reports whether a payload of the form's length fits all blocks: what is fixed is there, and there is no character that a payload of the form
// does not have.
func (f *form) fitsByWords(t jsonText) bool {
	var strange, other, quotes uint64
	for i := range f.blocks {
		b := &f.blocks[i]
		for j := range b.mask {
			w := binary.LittleEndian.Uint64(t[f.begin(i)+8*j:])
			other |= w&b.mask[j] ^ b.fixed[j]
			// As in plain, in fewer steps: what has the highest bit of its own is strange anyway.
			strange |= w | (w - ones*' ') | (w ^ ones*'\\' - ones)
			quotes |= (w ^ ones*'"' - ones) & b.text[j]
		}
	}
	return strange&highest|other|quotes == 0
}
