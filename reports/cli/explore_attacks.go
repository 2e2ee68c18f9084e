package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/scenarios/adversary"
)

// twinLine is what `explore --attacks --json` says of one attack.
type twinLine struct {
	Name       string            `json:"name"`
	Found      bool              `json:"found"`
	Runs       int               `json:"runs"`
	Attack     *adversary.Attack `json:"attack"`
	FixedRuns  int               `json:"fixed_runs"`
	FixedHolds bool              `json:"fixed_holds"`
}

// attacks looks for each known attack of the flows in both of its twins.
func (p Program) attacks(ctx context.Context, flows []adversary.Flow, workers int, asJSON bool) error {
	collectRarely()
	lines := []twinLine{}
	var took []time.Duration
	wrong := 0
	for _, k := range adversary.KnownAttacks() {
		if !slices.ContainsFunc(flows, func(f adversary.Flow) bool { return f.Name == k.Flow }) {
			continue
		}
		begun := time.Now()
		twins, err := k.Run(ctx, workers)
		var twin *adversary.TwinError
		switch {
		case errors.As(err, &twin):
			wrong++
			fmt.Fprintf(p.Err, "WRONG %v\n", err)
		case errors.Is(err, context.Canceled):
			fmt.Fprintf(p.Err, "stopped after %d attacks\n", len(lines))
			return ExitCode(3)
		case err != nil:
			return err
		default:
			took = append(took, time.Since(begun))
			fmt.Fprintf(p.Err, "%-44s found in %d runs, %d steps; fixed in %d runs; %v\n", k.Name, twins.Vulnerable.Runs, len(twins.Vulnerable.Attack.Steps), twins.Fixed.Runs, time.Since(begun).Round(time.Millisecond))
		}
		lines = append(lines, twinLine{k.Name, twins.Vulnerable.Attack != nil, twins.Vulnerable.Runs, twins.Vulnerable.Attack, twins.Fixed.Runs, twins.Vulnerable.Attack != nil && twins.Fixed.Attack == nil && err == nil})
	}
	if asJSON {
		if err := p.encoder("  ").Encode(lines); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		fmt.Fprintln(p.Err, "countersign: no attack of these flows is in the catalogue; `countersign list attacks` names them all")
		return ExitCode(3)
	}
	if wrong > 0 {
		fmt.Fprintf(p.Err, "%d of %d attacks are not as the catalogue has them\n", wrong, len(lines))
		return ExitCode(1)
	}
	slices.Sort(took)
	fmt.Fprintf(p.Err, "%d attacks found, and none in the fixed twins; both twins in %v at the median, %v at the 95th percentile\n",
		len(lines), took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond))
	return nil
}
