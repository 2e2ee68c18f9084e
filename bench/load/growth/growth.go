// Package growth measures what one request costs while a validator or a server holds a thousand live tokens and users, ten thousand, and so on: whether the cost stays
// flat. All sizes are measured in one run, in short slices in a shuffled order, so that the ratios hold on a machine whose speed changes.
package growth

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"countersign/bench/paired"
)

// Subject is what is measured: something that holds live tokens or users.
type Subject struct {
	Name string
	// About says what one request is, and what grows.
	About string
	// Open fills one with so many, and gives a function that makes one request about any of them. close ends it.
	Open func(live int) (request func() error, close func(), err error)
	// Floor says that the subject is there to compare with: what a request cannot cost less than.
	Floor bool
}

// Subjects are all that can be measured.
func Subjects() []Subject {
	return []Subject{
		{Name: "map", About: "a lookup in a bare map by the SHA-256 of a token: what memory costs by itself", Open: bareMap, Floor: true},
		{Name: "opaque", About: "a lookup of a live token by the validator", Open: opaqueTokens},
		{Name: "ticket", About: "a ticket that was confirmed before, judged by the validator", Open: keptTickets},
		{Name: "resource-server", About: "a signed resource request with a live token, signing included, at the reference without a network", Open: resourceServer},
		{Name: "account-server", About: "a verification of a live ticket of one of the users, at the reference without a network", Open: accountServer},
	}
}

// Options say what is measured.
type Options struct {
	// Only names the subjects that are measured; empty means all.
	Only []string
	// UpTo is the largest size; 0 means 1,000,000. The sizes are 1000 and each ten times as much, and UpTo.
	UpTo int
	// Rounds is how many slices each size gets; 0 means 200.
	Rounds int
	// Seed decides the order of the slices.
	Seed uint64
}

// UsageError says that options ask for nothing that can be measured.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

// Curve is what a request to one subject costs, size by size.
type Curve struct {
	Subject string `json:"subject"`
	About   string `json:"about"`
	Floor   bool   `json:"floor,omitempty"`
	// Noise is the ratio of the smallest size to itself: how far it is from 1 is what the run cannot tell apart.
	Noise  float64 `json:"noise"`
	Points []Point `json:"points"`
}

// Point is a size of a curve. Ratio is to the smallest size, Low and High are its quartiles.
type Point struct {
	Live        int     `json:"live"`
	Nanoseconds float64 `json:"nanoseconds"`
	Ratio       float64 `json:"ratio"`
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	Allocations float64 `json:"allocations"`
}

// smallest is the first size, by which the others are measured.
const smallest = 1000

// Sizes are those of a run up to a largest one.
func Sizes(upTo int) []int {
	var all []int
	for n := smallest; n < upTo; n *= 10 {
		all = append(all, n)
	}
	return append(all, upTo)
}

// Run measures, and calls done with each curve as it is ready. The error is a *UsageError, that of a context which has ended, or what kept a subject from being filled.
func Run(ctx context.Context, o Options, done func(Curve)) ([]Curve, error) {
	if o.UpTo == 0 {
		o.UpTo = 1_000_000
	}
	if o.UpTo <= smallest {
		return nil, &UsageError{fmt.Sprintf("sizes up to %d are none: the smallest is %d, and a larger one is measured by it", o.UpTo, smallest)}
	}
	chosen, err := choose(o.Only)
	if err != nil {
		return nil, err
	}
	var curves []Curve
	for _, s := range chosen {
		c, err := s.Measure(ctx, o)
		if err != nil {
			return nil, err
		}
		curves = append(curves, c)
		done(c)
	}
	return curves, nil
}

func choose(names []string) ([]Subject, error) {
	if len(names) == 0 {
		return Subjects(), nil
	}
	known := map[string]Subject{}
	var all []string
	for _, s := range Subjects() {
		known[s.Name], all = s, append(all, s.Name)
	}
	var chosen []Subject
	for _, name := range names {
		s, there := known[name]
		if !there {
			return nil, &UsageError{fmt.Sprintf("nothing is called %q that grows; there are %s", name, strings.Join(all, ", "))}
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// failure is an error out of the middle of a measurement.
type failure struct{ err error }

// Measure fills one subject a size, up to Options.UpTo, and plays them against each other. The error is that of Open or of a request, or that of a context which has ended.
func (s Subject) Measure(ctx context.Context, o Options) (c Curve, err error) {
	contest := paired.Contest{Rounds: o.Rounds, Seed: o.Seed}
	if contest.Rounds == 0 {
		contest.Rounds = 200
	}
	sizes := Sizes(o.UpTo)
	for _, live := range sizes {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		request, end, err := s.Open(live)
		if err != nil {
			return c, fmt.Errorf("%s with %d live: %w", s.Name, live, err)
		}
		defer end()
		contest.Variants = append(contest.Variants, paired.Variant{Name: fmt.Sprint(live), Run: func(n int) {
			for range n {
				if err := request(); err != nil {
					panic(failure{fmt.Errorf("%s with %d live: %w", s.Name, live, err)})
				}
			}
		}})
	}
	defer func() { // a request that fails while it is measured ends the measurement
		if v := recover(); v != nil {
			f, ours := v.(failure)
			if !ours {
				panic(v)
			}
			err = f.err
		}
	}()
	figures, err := contest.Measure(ctx)
	if err != nil {
		return c, err
	}
	c = Curve{Subject: s.Name, About: s.About, Floor: s.Floor, Noise: figures[1].Ratio}
	for i, f := range append(figures[:1:1], figures[2:]...) {
		c.Points = append(c.Points, Point{sizes[i], f.Nanoseconds, f.Ratio, f.Low, f.High, f.Allocations})
	}
	return c, nil
}

// Write writes the curve as a table for people.
func (c Curve) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s; %d against itself %.2f\n", c.Subject, c.About, c.Points[0].Live, c.Noise)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "live\tns a request\tratio\tquartiles\tallocations\t")
	for _, p := range c.Points {
		fmt.Fprintf(t, "%d\t%.0f\t%.2f\t%.2f to %.2f\t%.0f\t\n", p.Live, p.Nanoseconds, p.Ratio, p.Low, p.High, p.Allocations)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
