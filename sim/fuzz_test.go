package sim_test

import (
	"errors"
	"testing"

	"countersign/sim"
)

// FuzzParseFault checks that whatever is read is spelled so that it reads
// alike, and that whatever is not says so in a typed error.
func FuzzParseFault(f *testing.F) {
	for _, k := range sim.Kinds() {
		f.Add(k.Example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := sim.ParseFault(text)
		if err != nil {
			var typed *sim.FaultError
			if !errors.As(err, &typed) {
				t.Fatalf("%q gives an untyped error: %v", text, err)
			}
			return
		}
		again, err := sim.ParseFault(fault.String())
		if err != nil || again != fault {
			t.Fatalf("%q reads as %+v, which is spelled %q and reads as %+v: %v", text, fault, fault, again, err)
		}
	})
}
