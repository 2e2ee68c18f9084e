package sim_test

import (
	"flag"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

// seedCount is how many worlds the determinism spec compares.
var seedCount = flag.Int("sim.seeds", 500, "seeds that the determinism spec runs")

func TestSim(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "sim", suite, reporter)
}

// kinds returns the kinds of the trace's events, without the starts and ends
// of boots.
func kinds(w *sim.World) []sim.EventKind {
	var list []sim.EventKind
	for _, e := range w.Trace().Events() {
		if e.Process != "boot" {
			list = append(list, e.Kind)
		}
	}
	return list
}
