// Package plain makes texts of unknown origin fit to be shown: what a screen, a terminal or an XML reader would act on is spelled out instead.
package plain

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

const (
	zeroWidthNonJoiner = '\u200C'
	zeroWidthJoiner    = '\u200D'
)

// Text spells out control and invisible formatting characters, such as an escape as \x1b and a right-to-left override as \u{202e}, and replaces invalid UTF-8
// by U+FFFD. Line ends become line feeds; tabs stay. What it returns is allowed in XML, and Text leaves it as it is.
func Text(s string) string {
	if harmless(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s { // ranging turns invalid bytes into U+FFFD
		switch {
		case r == '\n' || r == '\t' || !hidden(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// harmless reports whether s is printable ASCII with line feeds and tabs, as most texts are.
func harmless(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7F {
			return false
		}
	}
	return true
}

// Line is Text for what has to stay in one line: line feeds and tabs are spelled out too.
func Line(s string) string {
	s = Text(s)
	if !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(s)
}

// hidden reports whether a character steers the reader's screen instead of showing on it.
func hidden(r rune) bool {
	if r == zeroWidthJoiner || r == zeroWidthNonJoiner { // several scripts need these two to spell words
		return false
	}
	noncharacter := r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF
	return noncharacter || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Clean returns a deep copy of v in which every string has gone through Text. It is for plain data: structs, slices and pointers.
func Clean[T any](v T) T {
	return clean(reflect.ValueOf(&v).Elem()).Interface().(T)
}

func clean(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(Text(v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(clean(v.Elem()))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(clean(v.Index(i)))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v) // fields that are not exported, as those of a time.Time, hold no text of a target's
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(clean(v.Field(i)))
			}
		}
		return out
	default:
		return v
	}
}

// Width is the number of columns that s takes up in a fixed-width font.
func Width(s string) int { return uniseg.StringWidth(s) }

// Wrap breaks text into lines of at most width columns, at spaces and behind separators as in URLs where it can, anywhere where it must.
// A width under 1 counts as 1. A character wider than the width gets a line to itself.
func Wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\t", "    "), "\n") {
		lines = append(lines, wrapLine(line, max(width, 1))...)
	}
	return lines
}

func wrapLine(line string, width int) []string {
	var lines []string
	for Width(line) > width {
		cut := cutAt(line, width)
		lines = append(lines, strings.TrimRight(line[:cut], " "))
		line = strings.TrimLeft(line[cut:], " ")
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// cutAt returns the byte before which a line that is too wide is broken: behind a space if that leaves the line not too short, else behind a separator, else
// where the width ends. It is never 0.
func cutAt(line string, width int) int {
	space, separator := 0, 0
	used, at := 0, 0
	rest, state, indent := line, -1, true
	for rest != "" {
		cluster, next, w, newState := uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > width {
			if cluster == " " && !indent {
				return at
			}
			break
		}
		used, at, rest, state = used+w, at+len(cluster), next, newState
		indent = indent && cluster == " "
		switch {
		case indent:
		case cluster == " ":
			if used > width*2/5 || space == 0 {
				space = at
			}
		case strings.Contains("/&?,;-_.", cluster) && used > width/2:
			separator = at
		}
	}
	switch {
	case space > 0 && (separator == 0 || Width(line[:space]) > width*2/5):
		return space
	case separator > 0:
		return separator
	case at > 0:
		return at
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(line, -1)
	return len(cluster)
}

// Shorten cuts s to at most most columns and marks the cut by an ellipsis.
func Shorten(s string, most int) string {
	if Width(s) <= most {
		return s
	}
	used, at := 0, 0
	rest, state := s, -1
	for rest != "" {
		cluster, next, w, newState := uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > most-1 {
			break
		}
		used, at, rest, state = used+w, at+len(cluster), next, newState
	}
	return s[:at] + "…"
}
