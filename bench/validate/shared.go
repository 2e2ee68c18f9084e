package validate

import (
	"context"
	"fmt"
	"time"

	"countersign/actors/store/shared"
	"countersign/actors/token/opaque"
)

// SharedPath is the contest of a token's lookup in a shared store with a bare read of the same store.
func SharedPath(name string, s shared.Store) (Path, error) {
	ctx := context.Background()
	tokens := opaque.Shared{Store: s, Now: time.Now}
	const many = 1000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("%043d", i)
		r := opaque.Record{Secret: fmt.Sprintf("secret-%032d", i), Client: "client-b", User: fmt.Sprint("user-", i), Expires: time.Now().Unix()/86400*86400 + 2*86400}
		if err := tokens.HandOver(ctx, names[i], r); err != nil {
			return Path{}, err
		}
	}
	if err := s.Put(ctx, "bare", []byte("as much as a record takes, or thereabouts, which is some hundred and twenty characters of text as JSON has it, no more"), time.Now().Add(24*time.Hour)); err != nil {
		return Path{}, err
	}
	i := 0
	return Path{
		Name: "opaque, shared by " + name, Floor: "one read of the store", Rounds: 200, Slice: 2 * time.Millisecond,
		Variants: []Variant{
			variant("bare", Aim{}, func() error {
				_, found, err := s.Get(ctx, "bare")
				if err == nil && !found {
					err = errNotThere
				}
				return err
			}),
			variant("ours", Aim{}, func() error {
				i = (i + 1) % many
				_, err := tokens.Find(ctx, names[i])
				return err
			}),
		},
	}, nil
}
