package adversary

import (
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// naming replaces values that were drawn at random by names that do not depend on what was drawn, nor on the order in which
// things happened that have nothing to do with each other: a value is named after the message or record in which it appears first, and where it
// stands there. No two values have one name, so that two worlds which are equal by their names are equal but for what was drawn.
type naming struct {
	volatile []string
	names    map[string]uint64
	taken    map[uint64]int // how many values were to have that name
	fresh    []string       // values of the present message or record that have no name yet
}

// number is the name of a word, or stands for its place among those that have none yet.
func (n *naming) number(word string) uint64 {
	if name, known := n.names[word]; known {
		return name
	}
	const unnamed = 1 << 32
	at := slices.Index(n.fresh, word)
	if at < 0 {
		at = len(n.fresh)
		n.fresh = append(n.fresh, word)
	}
	return unnamed + uint64(at)
}

// named names what was fresh in a message or record whose hash is h, and returns the hash with these names.
func (n *naming) named(h uint64) uint64 {
	for i, word := range n.fresh {
		name := mix(mix(h, 'w'), uint64(i))
		n.taken[name]++
		if times := n.taken[name]; times > 1 {
			name = mix(name, uint64(times))
		}
		n.names[word] = name
		h = mix(h, name)
	}
	n.fresh = n.fresh[:0]
	return h
}

// text takes in a text. A word of it that looks as if it had been drawn at random counts by its name, and the fractions of a second do not count.
func (n *naming) text(h uint64, text string) uint64 {
	for len(text) > 0 {
		end := 0
		digit, other := false, false
		for end < len(text) && wordly(text[end]) {
			isDigit := text[end] >= '0' && text[end] <= '9'
			digit, other = digit || isDigit, other || !isDigit
			end++
		}
		word := text[:end]
		switch {
		case end >= 16 && digit && !strings.Contains(word, "%3A"): // an escaped colon is a URL's
			h = mix(h, n.number(word))
		case slices.Contains(n.volatile, word):
			h = hash(h, word)
			if over := strings.IndexAny(text[min(end+2, len(text)):], `"&`); over >= 0 {
				end += 2 + over
			}
		default:
			h = hash(h, word)
		}
		if end < len(text) {
			h = mix(h, uint64(text[end]))
			end++
		}
		text = text[end:]
	}
	return h
}

// record takes in what an actor stores. Unlike a message it holds moments, whose fractions of a second say nothing.
func (n *naming) record(h uint64, text string) uint64 {
	var whole strings.Builder
	for {
		before, after, moment := cutFraction(text)
		if !moment && whole.Len() == 0 {
			return n.text(h, text)
		}
		whole.WriteString(before)
		if !moment {
			return n.text(h, whole.String())
		}
		text = after
	}
}

// cutFraction cuts a text at the first fraction of a second, as in "2026-01-01T00:00:20.000000012Z".
func cutFraction(text string) (before, after string, found bool) {
	for from := 0; ; {
		dot := strings.IndexByte(text[from:], '.')
		if dot < 0 {
			return text, "", false
		}
		dot += from
		end := dot + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		const clock = len("00:00:00")
		if end > dot+1 && dot >= clock && text[dot-3] == ':' && text[dot-6] == ':' {
			return text[:dot], text[end:], true
		}
		from = dot + 1
	}
}

func wordly(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '%'
}

func hash(h uint64, text string) uint64 { return mix(h, xxhash.Sum64String(text)) }

// spread makes of a hash a summand: sums of hashes that end alike are equal where parts of them change places, and those of what it gives are not (the last
// steps of SplitMix64). Nothing stays nothing.
func spread(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// mix takes in a number after what h has taken in: in another order they give another hash.
func mix(h, n uint64) uint64 { return spread(h*0x9e3779b97f4a7c15 + n + 1) }
