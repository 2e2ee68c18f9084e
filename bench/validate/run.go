package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/actors/store"
	"countersign/actors/store/bolt"
	"countersign/actors/store/shared"
)

// Options say what is measured, and how thoroughly. The zero value is what the aims are judged by.
type Options struct {
	// Only names the groups that are measured; empty means all.
	Only []string
	// Tokens is how many opaque tokens are live; 0 means 2^20.
	Tokens int
	// Devices is how many devices the sealed tokens are of; 0 means 16384.
	Devices int
	// Rounds is how many slices each variant gets; 0 leaves it to the paths.
	Rounds int
	// Seed decides the order of the slices.
	Seed uint64
	// Signed and Sealed give peers for the same contest; nil gives none.
	Signed func(SignedToken) ([]Variant, error)
	Sealed func(SealedToken) ([]Variant, error)
	// Redis is a shared store beside those in memory and in a file; nil leaves it out.
	Redis shared.Store
}

// UnknownGroupError says that there is nothing to measure of that name.
type UnknownGroupError struct{ Name string }

func (e *UnknownGroupError) Error() string {
	return fmt.Sprintf("there is no group %q; there are %s", e.Name, strings.Join(Groups(), ", "))
}

// group makes paths, and what is done when they have been measured.
type group struct {
	name string
	make func(Options) (paths []Path, done func(), err error)
}

func groups() []group {
	return []group{{"signed", signedPaths}, {"sealed", sealedPaths}, {"opaque", opaquePaths}, {"ticket", ticketPaths}, {"countersign", countersignPaths}, {"shared", sharedPaths}}
}

// Groups are the names of what can be measured.
func Groups() (names []string) {
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// Peered are the groups that other libraries take part in.
func Peered() []string { return []string{"signed", "sealed"} }

// Divide gives, of groups, those that other libraries take part in, and the rest; of all groups where none is named. The error is an *UnknownGroupError.
func Divide(only []string) (peered, rest []string, err error) {
	if err := known(only); err != nil {
		return nil, nil, err
	}
	for _, name := range Groups() {
		switch {
		case len(only) > 0 && !slices.Contains(only, name):
		case slices.Contains(Peered(), name):
			peered = append(peered, name)
		default:
			rest = append(rest, name)
		}
	}
	return peered, rest, nil
}

func known(names []string) error {
	for _, name := range names {
		if !slices.Contains(Groups(), name) {
			return &UnknownGroupError{name}
		}
	}
	return nil
}

// Run measures one path after the other and tells of each when it is done. The error is an *UnknownGroupError, that of a context which ended, or says
// what could not be made.
func Run(ctx context.Context, o Options, tell func(Table)) ([]Table, error) {
	if err := known(o.Only); err != nil {
		return nil, err
	}
	var tables []Table
	for _, g := range groups() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, g.name) {
			continue
		}
		measured, err := g.run(ctx, o, tell)
		if tables = append(tables, measured...); err != nil {
			return tables, err
		}
	}
	return tables, nil
}

func (g group) run(ctx context.Context, o Options, tell func(Table)) (tables []Table, err error) {
	paths, done, err := g.make(o)
	if err != nil {
		return nil, err
	}
	if done != nil {
		defer done()
	}
	for _, p := range paths {
		if o.Rounds > 0 {
			p.Rounds = o.Rounds
		}
		t, err := p.Measure(ctx, o.Seed)
		if err != nil {
			return tables, err
		}
		tell(t)
		tables = append(tables, t)
	}
	return tables, nil
}

func signedPaths(o Options) (paths []Path, _ func(), err error) {
	tokens, err := SignedTokens()
	if err != nil {
		return nil, nil, err
	}
	for _, s := range tokens {
		var peers []Variant
		if o.Signed != nil {
			if peers, err = o.Signed(s); err != nil {
				return nil, nil, err
			}
		}
		p, err := s.Path(peers...)
		if err != nil {
			return nil, nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil, nil
}

func sealedPaths(o Options) ([]Path, func(), error) {
	devices := o.Devices
	if devices <= 0 {
		devices = 16384
	}
	tokens, err := SealedTokens(devices)
	if err != nil {
		return nil, nil, err
	}
	var peers []Variant
	if o.Sealed != nil {
		if peers, err = o.Sealed(tokens[0]); err != nil {
			return nil, nil, err
		}
	}
	p, err := SealedPath(tokens, peers...)
	return []Path{p}, nil, err
}

func opaquePaths(o Options) ([]Path, func(), error) {
	tokens := o.Tokens
	if tokens <= 0 {
		tokens = 1 << 20
	}
	return OpaquePaths(tokens)
}

func ticketPaths(Options) ([]Path, func(), error) {
	p, done, err := TicketPath()
	return []Path{p}, done, err
}

func countersignPaths(Options) ([]Path, func(), error) {
	p, err := CountersignPath()
	return []Path{p}, nil, err
}

func sharedPaths(o Options) (paths []Path, done func(), err error) {
	folder, err := os.MkdirTemp("", "countersign-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("no folder is to be had for a store: %w", err)
	}
	file, err := bolt.Open(filepath.Join(folder, "tokens.db"))
	var a *accounts
	done = func() {
		if a != nil {
			a.close()
		}
		if file != nil {
			_ = file.Close() // nothing in it is needed any more
		}
		_ = os.RemoveAll(folder) // what is left is in the folder for what may be removed
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	if a, err = serveAccounts(); err != nil {
		done()
		return nil, nil, err
	}
	type named struct {
		name  string
		store shared.Store
	}
	stores := []named{
		{"memory", shared.Local{Store: &store.Memory{}, Bucket: "tokens", Now: time.Now}},
		{"bbolt", shared.Local{Store: file, Bucket: "tokens", Now: time.Now}},
	}
	if o.Redis != nil {
		stores = append(stores, named{"Redis", o.Redis})
	}
	for _, s := range stores {
		all, err := sharedPathsOf(s.name, s.store, a)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
		paths = append(paths, all...)
	}
	return paths, done, nil
}
