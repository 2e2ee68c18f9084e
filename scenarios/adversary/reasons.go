package adversary

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"sync"

	"github.com/goccy/go-yaml"

	"countersign/conformance/catalog"
)

//go:embed reasons
var reasonsFiles embed.FS

// reasons says of requirements why no attack can show the need for them.
var reasons = sync.OnceValue(func() map[catalog.ID]string {
	all := map[catalog.ID]string{}
	for _, some := range readEach[map[catalog.ID]string](reasonsFiles) {
		maps.Copy(all, some)
	}
	return all
})

// Reason says why no attack can show the need for a requirement; empty where none is known.
func Reason(id catalog.ID) string { return reasons()[id] }

// Reasons are the requirements with a reason, in the order of the catalogues.
func Reasons() (ids []catalog.ID) {
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			if Reason(r.ID) != "" {
				ids = append(ids, r.ID)
			}
		}
	}
	return ids
}

// readEach reads the embedded files, one for each flow, in the order of their names. A test reads them all, so that none is wrong in what is built.
func readEach[T any](files embed.FS) (all []T) {
	names, err := fs.Glob(files, "*/*.yaml")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	for _, name := range names {
		var one T
		if err := yaml.UnmarshalWithOptions(textOf(files, name), &one, yaml.Strict()); err != nil {
			panic(fmt.Sprintf("the embedded %s cannot be read: %v", name, err))
		}
		all = append(all, one)
	}
	return all
}

// textOf is an embedded file; nil where a flow has none.
func textOf(files embed.FS, name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil
	}
	return text
}
