package ticket

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"countersign/actors/secret"
	"countersign/actors/store/expiring"
	"countersign/actors/store/shared"
)

// ErrDenied says that the account server did not confirm a ticket, or that it was revoked since.
var ErrDenied = errors.New("the account server did not confirm this ticket")

// Validator judges the tickets of an app server's requests. It asks the account server and keeps the answer for as long as that says; those who ask about a
// ticket at a time share an answer that may be kept. It is for the real world, where callers may wait for each other; in a simulated one, AppServer keeps its
// answers in its store.
type Validator struct {
	// Server asks the account server. It is required.
	Server *AppServer
	// DeniedKept is how long a denial is kept. The profile keeps none: zero.
	DeniedKept time.Duration
	// Shared, if set, keeps the answers in the place of memory, for all servers of the app: what is revoked at one is revoked at all.
	Shared shared.Store

	kept    expiring.Map[answer]
	flights singleflight.Group
	seeded  sync.Once
	seeds   [2]maphash.Seed
}

// answer is what is kept about a pair.
type answer struct {
	pair
	confirmed bool
}

// place is where an answer about the pair lies in memory. Nobody outside can tell which pairs share one, should there ever be two that do.
func (v *Validator) place(p pair) expiring.Key {
	v.seeded.Do(func() { v.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()} })
	var at expiring.Key
	binary.LittleEndian.PutUint64(at[:8], maphash.String(v.seeds[0], p.key))
	binary.LittleEndian.PutUint64(at[8:], maphash.String(v.seeds[1], p.userID))
	return at
}

// is reports whether the answer is about the pair; the keys are compared in constant time.
func (a *answer) is(p pair) bool {
	return a.userID == p.userID && subtle.ConstantTimeCompare([]byte(a.key), []byte(p.key)) == 1
}

// Validate judges the pair of a ticket, within 3.5 s beside what the shared store takes. The context is the shared store's: it does not end a wait for the
// account server. The error is ErrDenied; of a pair that is malformed, what is wrong with it; or why the account server, or the shared store, could not be
// asked, which says nothing about the ticket.
func (v *Validator) Validate(ctx context.Context, userID, key string) error {
	p := pair{userID, key}
	confirmed, found, err := v.find(ctx, p)
	if err == nil && !found {
		confirmed, err = v.ask(ctx, p)
	}
	if err == nil && !confirmed {
		err = ErrDenied
	}
	return err
}

// ask asks the account server. Those that ask about the same pair meanwhile get the same answer, as long as it may be kept: after that, and where there was none,
// each asks for himself in the time that his wait has left.
func (v *Validator) ask(ctx context.Context, p pair) (confirmed bool, err error) {
	if err := p.check(); err != nil {
		return false, err
	}
	shown, first := v.Server.Clock.Now(), false
	ctx = context.WithoutCancel(ctx) // an answer is kept for the others, also where he who asked has hung up
	said, err, _ := v.flights.Do(p.userID+" "+p.key, func() (any, error) {
		first = true
		return v.verify(ctx, p, shown)
	})
	f := said.(finding)
	if !first && (err != nil || !v.Server.Clock.Now().Before(f.until)) {
		f, err = v.verify(ctx, p, shown)
	}
	return f.confirmed, err
}

// finding is what was found out about a pair, and until when it may be used.
type finding struct {
	confirmed bool
	until     time.Time
}

// verify asks the account server about a pair that was shown at that time, unless the answer to somebody else has come since nothing was found.
func (v *Validator) verify(ctx context.Context, p pair, shown time.Time) (finding, error) {
	if kept, found, err := v.find(ctx, p); found || err != nil {
		return finding{kept, v.Server.Clock.Now()}, err
	}
	sent := v.Server.Clock.Now()
	verdict, err := v.Server.ask(p, shown)
	if err != nil {
		return finding{}, err
	}
	f := finding{v.Server.judge(p, verdict) == nil, sent.Add(v.DeniedKept)}
	if f.confirmed {
		f.until = verdict.until(sent)
	}
	// A revocation that came meanwhile is there already, and stays.
	f.confirmed, err = v.keep(ctx, p, f.confirmed, f.until)
	return f, err
}

// Revoke makes a ticket no good here from now on, for as long as an answer of before might be kept.
func (v *Validator) Revoke(ctx context.Context, userID, key string) error {
	p := pair{userID, key}
	now := v.Server.Clock.Now()
	until := now.Add(longestKept)
	if v.Shared != nil {
		return v.Shared.Put(ctx, p.storeKey(), []byte(saidNo), until)
	}
	v.kept.Update(v.place(p), now.UnixNano(), func(expiring.Entry[answer], bool) (expiring.Entry[answer], bool) {
		return expiring.Entry[answer]{Value: answer{p, false}, Ends: until.UnixNano()}, true
	})
	return nil
}

// What a shared store has about a pair.
const saidYes, saidNo = "confirmed", "denied"

// storeKey is where an answer about the pair lies in a shared store, which gets to know no key.
func (p pair) storeKey() string { return "ticket/" + secret.Digest(p.userID+" "+p.key) }

// find gives what is kept about a pair.
func (v *Validator) find(ctx context.Context, p pair) (confirmed, found bool, err error) {
	if v.Shared != nil {
		said, found, err := v.Shared.Get(ctx, p.storeKey())
		return string(said) == saidYes, found, err
	}
	e, found := v.kept.Get(v.place(p))
	if !found || !e.Value.is(p) || e.Ended(v.Server.Clock.Now().UnixNano()) {
		return false, false, nil
	}
	return e.Value.confirmed, true, nil
}

// keep keeps an answer, unless there is one, which then counts; but a denial ends a confirmation that is kept, as a revocation does.
func (v *Validator) keep(ctx context.Context, p pair, confirmed bool, until time.Time) (bool, error) {
	now := v.Server.Clock.Now()
	if v.Shared == nil {
		v.kept.Update(v.place(p), now.UnixNano(), func(before expiring.Entry[answer], found bool) (expiring.Entry[answer], bool) {
			switch {
			case !found || !before.Value.is(p):
				return expiring.Entry[answer]{Value: answer{p, confirmed}, Ends: until.UnixNano()}, now.Before(until)
			case before.Value.confirmed && !confirmed:
				before.Value.confirmed = false
				return before, true
			}
			confirmed = before.Value.confirmed
			return before, false
		})
		return confirmed, nil
	}
	if now.Before(until) {
		said := saidNo
		if confirmed {
			said = saidYes
		}
		if added, err := v.Shared.Add(ctx, p.storeKey(), []byte(said), until); added || err != nil {
			return confirmed, err
		}
	}
	kept, found, err := v.find(ctx, p)
	if found && kept && !confirmed && err == nil {
		err = v.Revoke(ctx, p.userID, p.key)
	}
	return confirmed && (!found || kept), err
}
