package catalog

import "sync"

// Statement is one normative statement of a source document, and what became of it.
type Statement struct {
	Where        string `yaml:"where" json:"where"`
	Says         string `yaml:"says" json:"says"`
	Requirements []ID   `yaml:"requirements,omitempty" json:"requirements,omitempty"`
	// Why is the reason when no requirement holds the statement.
	Why string `yaml:"why,omitempty" json:"why,omitempty"`
}

// Coverage accounts for one source document.
type Coverage struct {
	Flow       string      `yaml:"flow" json:"flow"`
	Document   string      `yaml:"document" json:"document"`
	Statements []Statement `yaml:"statements" json:"statements"`
}

// Coverages returns the account of every source document, in the order of the flows. The caller must not change it.
var Coverages = sync.OnceValue(func() []Coverage {
	var all []Coverage
	for _, flow := range flows() {
		var c Coverage
		mustRead(flow+".coverage.yaml", &c)
		all = append(all, c)
	}
	return all
})
