package adversary

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"

	"countersign/conformance/catalog"
)

//go:embed reasons.yaml
var reasonsText []byte

// reasons says of requirements why no attack can show the need for them.
var reasons = sync.OnceValue(func() map[catalog.ID]string {
	var all map[catalog.ID]string
	if err := yaml.UnmarshalWithOptions(reasonsText, &all, yaml.Strict()); err != nil {
		panic(fmt.Sprintf("the embedded reasons.yaml cannot be read: %v", err)) // a test reads it
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
