package opaque_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/actors/store/shared"
	"countersign/actors/token/opaque"
)

// keeper is what tokens of one process, and of several, have in common.
type keeper interface {
	find(token string) (opaque.Record, error)
	handOver(token string, r opaque.Record) error
	revoke(token string) error
}

type alone struct{ *opaque.Tokens }

func (a alone) find(token string) (opaque.Record, error)     { return a.Find(token) }
func (a alone) handOver(token string, r opaque.Record) error { return a.HandOver(token, r) }
func (a alone) revoke(token string) error                    { a.Revoke(token); return nil }

type several struct{ *opaque.Shared }

func (s several) find(token string) (opaque.Record, error) {
	return s.Find(context.Background(), token)
}
func (s several) handOver(token string, r opaque.Record) error {
	return s.HandOver(context.Background(), token, r)
}
func (s several) revoke(token string) error { return s.Revoke(context.Background(), token) }

// full is a store that can be read, and takes nothing more.
type full struct{ shared.Store }

var errFull = errors.New("the store is full")

func (full) Add(context.Context, string, []byte, time.Time) (bool, error) { return false, errFull }

var _ = Describe("Opaque tokens", func() {
	var now time.Time
	clock := func() time.Time { return now }
	BeforeEach(func() { now = time.Unix(1000, 0) })
	record := opaque.Record{Secret: "s", Client: "client-b", User: "alice", Expires: 1300}

	for name, made := range map[string]func() keeper{
		"in one process": func() keeper { return alone{&opaque.Tokens{Now: clock}} },
		"in a shared store": func() keeper {
			return several{&opaque.Shared{Store: shared.Local{Store: &store.Memory{}, Bucket: "b", Now: clock}, Now: clock}}
		},
	} {
		Context(name, func() {
			var k keeper
			BeforeEach(func() { k = made() })
			refused := func(token string, want error) {
				GinkgoHelper()
				_, err := k.find(token)
				Expect(err).To(MatchError(want))
			}

			It("opens what was handed over, as long as it lives, and nothing like it", func() {
				refused("token", opaque.ErrUnknown)
				Expect(k.handOver("token", record)).To(Succeed())
				for _, other := range []string{"", "toke", "Token", "token ", "tokens"} {
					refused(other, opaque.ErrUnknown)
				}
				now = time.Unix(1299, 0)
				Expect(k.find("token")).To(Equal(record))
				now = time.Unix(1300, 0)
				_, err := k.find("token")
				Expect(err).To(Or(MatchError(opaque.ErrExpired), MatchError(opaque.ErrUnknown)))
				Expect(k.handOver("token", record)).To(MatchError(opaque.ErrExpired))
			})

			It("takes the same hand-over again, and none with another record", func() {
				Expect(k.handOver("token", record)).To(Succeed())
				Expect(k.handOver("token", record)).To(Succeed())
				for _, change := range []func(*opaque.Record){
					func(r *opaque.Record) { r.Secret = "t" }, func(r *opaque.Record) { r.Client = "client-c" },
					func(r *opaque.Record) { r.User = "bob" }, func(r *opaque.Record) { r.User, r.Expires = "bob", 900 },
				} {
					other := record
					change(&other)
					Expect(k.handOver("token", other)).To(MatchError(opaque.ErrOther))
				}
				Expect(k.find("token")).To(Equal(record))
			})

			It("keeps to the end that was said first", func() {
				Expect(k.handOver("token", record)).To(Succeed())
				for _, ends := range []int64{9999, 1100, 900} {
					again := record
					again.Expires = ends
					Expect(k.handOver("token", again)).To(Succeed())
				}
				Expect(k.find("token")).To(Equal(record))
			})

			It("keeps a token without an end", func() {
				forever := record
				forever.Expires = 0
				Expect(k.handOver("token", forever)).To(Succeed())
				now = now.AddDate(0, 6, 0)
				Expect(k.find("token")).To(Equal(forever))
			})

			It("keeps a token whose end is further away than any calendar goes", func() {
				for i, ends := range []int64{253402300800, 300_000_000_000, math.MaxInt64} {
					far := record
					far.Expires = ends
					Expect(k.handOver(fmt.Sprint("token-", i), far)).To(Succeed())
					Expect(k.find(fmt.Sprint("token-", i))).To(Equal(far))
					Expect(k.revoke(fmt.Sprint("token-", i))).To(Succeed())
					refused(fmt.Sprint("token-", i), opaque.ErrRevoked)
				}
			})

			It("ends what is revoked for as long as it would have lived, also where the revocation comes first", func() {
				Expect(k.handOver("token", record)).To(Succeed())
				Expect(k.revoke("token")).To(Succeed())
				Expect(k.revoke("early")).To(Succeed())
				Expect(k.revoke("early")).To(Succeed())
				known, _ := k.find("token")
				Expect(known).To(Equal(record), "so that a request can be verified before its refusal says why")
				for _, token := range []string{"token", "early"} {
					refused(token, opaque.ErrRevoked)
					Expect(k.handOver(token, record)).To(MatchError(opaque.ErrRevoked))
					refused(token, opaque.ErrRevoked)
				}
			})
		})
	}

	It("lets many hand over, revoke and read at a time, and finds each as it has to be", func() {
		tokens := &opaque.Tokens{Now: clock}
		name := func(g, i int) string { return fmt.Sprintf("token-%d-%d", g, i) }
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				defer GinkgoRecover()
				for i := range 5000 {
					Expect(tokens.HandOver(name(g, i), record)).To(Succeed())
					if i%3 == 0 {
						Expect(tokens.Revoke(name(g, i))).To(BeTrue())
					}
					if _, err := tokens.Find(name((g+1)%4, i)); err != nil {
						Expect(err).To(Or(MatchError(opaque.ErrUnknown), MatchError(opaque.ErrRevoked)))
					}
				}
			})
		}
		all.Wait()
		for g := range 4 {
			for i := range 5000 {
				_, err := tokens.Find(name(g, i))
				Expect(err != nil).To(Equal(i%3 == 0))
			}
		}
	})

	It("says of a revocation whether it has ended a live token", func() {
		tokens := &opaque.Tokens{Now: clock}
		Expect(tokens.Revoke("token")).To(BeFalse(), "before it was handed over")
		Expect(tokens.HandOver("token", record)).To(MatchError(opaque.ErrRevoked))
		Expect(tokens.HandOver("other", record)).To(Succeed())
		Expect(tokens.Revoke("other")).To(BeTrue())
		Expect(tokens.Revoke("other")).To(BeFalse(), "once more")
	})

	It("are said to have expired for as long as was asked for, and are unknown after that", func() {
		tokens := several{&opaque.Shared{Store: shared.Local{Store: &store.Memory{}, Bucket: "b", Now: clock}, Now: clock, EndedKept: time.Minute}}
		Expect(tokens.handOver("token", record)).To(Succeed())
		for at, want := range map[int64]error{1300: opaque.ErrExpired, 1359: opaque.ErrExpired, 1360: opaque.ErrUnknown} {
			now = time.Unix(at, 0)
			_, err := tokens.find("token")
			Expect(err).To(MatchError(want), "at %d", at)
			Expect(tokens.handOver("token", record)).To(MatchError(opaque.ErrExpired), "at %d", at)
			if want == opaque.ErrExpired {
				other := record
				other.User = "bob"
				Expect(tokens.handOver("token", other)).To(MatchError(opaque.ErrOther), "at %d", at)
			}
		}
	})

	It("are not handed over while the shared store takes nothing", func() {
		local := shared.Local{Store: &store.Memory{}, Bucket: "b", Now: clock}
		tokens := several{&opaque.Shared{Store: full{local}, Now: clock}}
		Expect(several{&opaque.Shared{Store: local, Now: clock}}.handOver("token", record)).To(Succeed())
		Expect(tokens.handOver("token", record)).To(MatchError(errFull))
		Expect(tokens.find("token")).To(Equal(record))
	})

	It("forgets what has ended, as others come", func() {
		tokens := &opaque.Tokens{Now: clock}
		for i := range 200_000 {
			now = time.Unix(1000+int64(i), 0)
			Expect(tokens.HandOver(fmt.Sprint("token-", i), opaque.Record{Expires: now.Unix() + 100})).To(Succeed())
		}
		Expect(tokens.Len()).To(BeNumerically("<", 25_000))
	})

	It("takes nothing from the heap", func() {
		tokens := &opaque.Tokens{Now: clock}
		const name = "a token of forty-three characters, as most are"
		Expect(tokens.HandOver(name, record)).To(Succeed())
		Expect(testing.AllocsPerRun(100, func() { _, _ = tokens.Find(name) })).To(BeZero())
	})
})
