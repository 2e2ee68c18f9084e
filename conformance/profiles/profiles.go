// Package profiles holds the wire profiles, one a flow: what an implementer needs, and what the checks judge by. It is a leaf.
package profiles

import "embed"

//go:embed *.md
var files embed.FS

// Text is the profile of a flow, as bidirectional, in Markdown; false where there is no such flow.
func Text(flow string) ([]byte, bool) {
	text, err := files.ReadFile(flow + ".md")
	return text, err == nil
}
