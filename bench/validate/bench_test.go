package validate_test

import (
	"testing"

	"countersign/bench/validate"
)

// BenchmarkPaths is for benchstat: each variant by itself. Ratios on a machine that others use are those of `bench validate`.
func BenchmarkPaths(b *testing.B) {
	run := func(p validate.Path, err error) {
		if err != nil {
			b.Fatal(err)
		}
		for _, v := range p.Variants {
			b.Run(p.Name+"/"+v.Name, func(b *testing.B) {
				b.ReportAllocs()
				v.Run(b.N)
			})
		}
	}
	tokens, err := validate.SignedTokens()
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range tokens {
		run(s.Path())
	}
	sealed, err := validate.SealedTokens(16384)
	if err != nil {
		b.Fatal(err)
	}
	run(validate.SealedPath(sealed))
	opaque, end, err := validate.OpaquePaths(1 << 18)
	if err != nil {
		b.Fatal(err)
	}
	defer end()
	for _, p := range opaque {
		run(p, nil)
	}
	ticket, done, err := validate.TicketPath()
	if err != nil {
		b.Fatal(err)
	}
	defer done()
	run(ticket, nil)
	run(validate.CountersignPath())
}
