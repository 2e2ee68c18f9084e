package validate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"countersign/actors/store/shared"
	"countersign/actors/token"
	"countersign/actors/token/common"
	"countersign/actors/token/opaque"
)

// sharedPathsOf are the contests of validating with a shared store of that name beside a bare access to it: one that reads what goes with a token, or one that
// writes down that a token has counted.
func sharedPathsOf(name string, s shared.Store, a *accounts) ([]Path, error) {
	c := &commons{ctx: context.Background(), store: s, accounts: a}
	var paths []Path
	for _, make := range []func() (Path, error){c.opaque, c.ticket, c.sealed, c.signed, c.countersign} {
		p, err := make()
		if err != nil {
			return nil, err
		}
		p.Name += ", shared by " + name
		p.Rounds, p.Slice = 200, 2*time.Millisecond
		paths = append(paths, p)
	}
	return paths, nil
}

// commons is a shared store that is measured.
type commons struct {
	ctx      context.Context
	store    shared.Store
	accounts *accounts
	used     int
}

var errUsed = errors.New("an identifier that nobody has used counts no more")

// read is the contest of something with one read of the store.
func (c *commons) read(name string, ours func() error) (Path, error) {
	const record = "as much as a record takes, or thereabouts, which is some hundred and twenty characters of text as JSON has it, no more"
	if err := c.store.Put(c.ctx, "bare", []byte(record), time.Now().Add(24*time.Hour)); err != nil {
		return Path{}, err
	}
	return Path{
		Name: name, Floor: "one read of the store",
		Variants: []Variant{
			variant("bare", Aim{}, func() error {
				_, found, err := c.store.Get(c.ctx, "bare")
				if err == nil && !found {
					err = errNotThere
				}
				return err
			}),
			variant("ours", Aim{}, ours),
		},
	}, nil
}

// once is the contest of something that lets an identifier count once with bare writes that find nothing there.
func (c *commons) once(name string, validate func() error) Path {
	const lives = time.Second // so that what was written does not fill the store
	next := func() string {
		c.used++
		return strconv.Itoa(c.used)
	}
	used := common.Once{Store: c.store, Kind: name}
	first := func(first bool, err error) error {
		if err == nil && !first {
			err = errUsed
		}
		return err
	}
	return Path{
		Name: name + " that counts once", Floor: "one write of the store where nothing is",
		Variants: []Variant{
			variant("bare", Aim{}, func() error { return first(c.store.Add(c.ctx, "bare/"+name+next(), nil, time.Now().Add(lives))) }),
			variant("ours", Aim{}, func() error {
				if err := validate(); err != nil {
					return err
				}
				return first(used.Use(c.ctx, next(), time.Now().Add(lives)))
			}),
		},
	}
}

func (c *commons) opaque() (Path, error) {
	tokens := opaque.Shared{Store: c.store, Now: time.Now}
	const many = 1000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("%043d", i)
		r := opaque.Record{Secret: fmt.Sprintf("secret-%032d", i), Client: "client-b", User: fmt.Sprint("user-", i), Expires: time.Now().Unix()/86400*86400 + 2*86400}
		if err := tokens.HandOver(c.ctx, names[i], r); err != nil {
			return Path{}, err
		}
	}
	i := 0
	return c.read("opaque", func() error {
		i = (i + 1) % many
		_, err := tokens.Find(c.ctx, names[i])
		return err
	})
}

// ticket finds the answer about a ticket that any server of the app has asked about a short time ago.
func (c *commons) ticket() (Path, error) {
	asked, finds := c.accounts.validator(c.store), c.accounts.validator(c.store)
	if err := asked.Validate(c.ctx, keptUser, ticketKey); err != nil {
		return Path{}, err
	}
	return c.read("ticket", func() error { return finds.Validate(c.ctx, keptUser, ticketKey) })
}

// sealed opens tokens of a thousand devices and matches each with its record in the store.
func (c *commons) sealed() (Path, error) {
	tokens, err := SealedTokens(1000)
	if err != nil {
		return Path{}, err
	}
	v, err := token.NewSealedValidator(token.SealedExpectation{Issuer: Issuer, Audience: System, Now: time.Now}, tokens[0].Key)
	if err != nil {
		return Path{}, err
	}
	kept := common.Records{Store: c.store}
	for _, t := range tokens {
		if err := kept.Keep(c.ctx, t.ID, t.Shared, time.Now().Add(24*time.Hour)); err != nil {
			return Path{}, err
		}
	}
	var claims token.Claims
	i := 0
	return c.read("sealed", func() error {
		i = (i + 1) % len(tokens)
		if err := v.Validate(tokens[i].Compact, tokens[i].Thumbprint, &claims); err != nil {
			return err
		}
		record, found, err := kept.Find(c.ctx, string(claims.Text("jti")))
		if err == nil && !(found && claims.Matches(&record)) {
			err = errNoMatch
		}
		return err
	})
}

// signed is EdDSA; other algorithms differ in the signature alone.
func (c *commons) signed() (Path, error) {
	tokens, err := SignedTokens()
	if err != nil {
		return Path{}, err
	}
	s := tokens[0]
	v, err := token.NewValidator(token.Expectation{Issuer: Issuer, Audience: Audience, Type: Type, Now: time.Now}, token.Trusted{ID: s.KeyID, Algorithm: s.Algorithm, Key: s.Key})
	if err != nil {
		return Path{}, err
	}
	var claims token.Claims
	return c.once(string(s.Algorithm), func() error { return v.Validate(s.Compact, &claims) }), nil
}

func (c *commons) countersign() (Path, error) {
	v, message, expected, _, err := countersigned()
	if err != nil {
		return Path{}, err
	}
	return c.once("countersign", func() error {
		_, err := v.Validate(message, &expected)
		return err
	}), nil
}
