package redact

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// parameter is a secret, or what differs from run to run, behind its name in a text.
type parameter struct {
	name, value string
	// begin and end are those of the value in the text, as it is written there.
	begin, end int
	// number is a value of JSON that has no quotes.
	number bool
}

// pair is a parameter in a form, a query or a header; member is one in a JSON object, whose string may have been cut off.
var (
	pair   = regexp.MustCompile(`\b(` + parameters + `)(="?)([^"&,;\s<>]+)`)
	member = regexp.MustCompile(`"(` + parameters + `)"(\s*:\s*)("((?:[^"\\]|\\.)*)"?|[0-9]+)`)
)

// parametersIn finds those of a text, in order. Pairs are looked for in what comes of the escapes of JSON, which has many ways to write what stands between them, and
// members in the text as it is; then both in what comes of all escapes, where something else is found so, as a link that stands in another one. No two overlap.
func parametersIn(text string) []parameter {
	var all []parameter
	add := func(found []parameter) {
		before := slices.Clone(all)
		for _, p := range found {
			i, _ := slices.BinarySearchFunc(before, p.end, func(o parameter, end int) int { return cmp.Compare(o.begin, end) })
			if i == 0 || before[i-1].end <= p.begin {
				all = append(all, p)
			}
		}
		slices.SortFunc(all, func(a, b parameter) int { return cmp.Compare(a.begin, b.begin) })
	}
	add(pairsIn(backslashes.undo(text), unescape))
	add(membersIn(undone{text: []byte(text)}, unquote))
	if strings.ContainsAny(text, `%\&`) {
		u := butPlus.undo(text)
		as := func(value string) string { return value }
		add(pairsIn(u, as))
		add(membersIn(u, as))
	}
	return all
}

func pairsIn(u undone, plain func(string) string) []parameter {
	var all []parameter
	for _, m := range pair.FindAllSubmatchIndex(u.text, -1) {
		all = append(all, parameter{name: string(u.text[m[2]:m[3]]), value: plain(string(u.text[m[6]:m[7]])), begin: u.at(m[6]), end: u.at(m[7])})
	}
	return all
}

func membersIn(u undone, plain func(string) string) []parameter {
	var all []parameter
	for _, m := range member.FindAllSubmatchIndex(u.text, -1) {
		begin, end := m[8], m[9]
		number := begin < 0
		if number {
			begin, end = m[6], m[7]
		}
		if begin < end {
			all = append(all, parameter{string(u.text[m[2]:m[3]]), plain(string(u.text[begin:end])), u.at(begin), u.at(end), number})
		}
	}
	return all
}

// labelled reports whether the value has been replaced already.
func (p parameter) labelled() bool {
	return strings.HasPrefix(p.value, open) || strings.HasPrefix(p.value, url.QueryEscape(open))
}

// label stands for the value of a parameter whose value is too short to be looked for elsewhere.
func (p parameter) label() string {
	label := open + p.name + "›"
	if p.number {
		return `"` + label + `"`
	}
	return label
}
