package unified

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/store"
	"countersign/actors/store/bolt"
	"countersign/actors/token"
)

// still is a clock that stands.
type still struct{}

func (still) Now() time.Time      { return time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC) }
func (still) Sleep(time.Duration) {}

// ones is entropy that tells its draws apart.
type ones struct{ count atomic.Uint64 }

func (o *ones) Read(p []byte) (int, error) {
	return copy(p, fmt.Sprintf("%0*d", len(p), o.count.Add(1))), nil
}

func benchPlatform(kept store.Store, parties int) *Platform {
	entropy := &ones{}
	p := &Platform{
		Env: actors.Env{
			Clock: still{}, Entropy: func(string) io.Reader { return entropy }, Store: kept, Go: func(string, func()) {}, Guards: guard.Set{},
		},
		Issuer: "https://platform.example",
	}
	for i := range parties {
		id := fmt.Sprintf("tp-%02d", i)
		p.ThirdParties = append(p.ThirdParties, RegisteredParty{
			ClientID: id, Registration: Registration{Name: id, LogoutURI: "https://" + id + ".example/logout"},
			Keys: []token.Key{{ID: id, Secret: bytes.Repeat([]byte{1}, 32)}},
		})
	}
	p.startQueues()
	return p
}

// BenchmarkLogout measures the transaction of a logout of a user with ten relations, by 64 users at once.
func BenchmarkLogout(b *testing.B) {
	for _, kind := range []string{"memory", "file"} {
		b.Run(kind, func(b *testing.B) {
			var kept store.Store = &store.Memory{}
			if kind == "file" {
				file, err := bolt.Open(filepath.Join(b.TempDir(), "platform.db"))
				if err != nil {
					b.Fatal(err)
				}
				defer file.Close()
				kept = file
			}
			p := benchPlatform(kept, 10)
			users := make([]visitor, b.N)
			for i := range users {
				value := fmt.Sprint("session ", i)
				sub := fmt.Sprint("sub ", i)
				err := kept.Update(func(tx store.Tx) error {
					for _, t := range p.ThirdParties {
						if err := relate(tx, sub, t.ClientID); err != nil {
							return err
						}
					}
					s := platformSession{Digest: value, Sub: sub, Expires: still{}.Now().Add(time.Hour)}
					users[i] = visitor{cookie: value, platformSession: s, live: true}
					if err := tx.Put(sessions, value, s); err != nil {
						return err
					}
					return tx.Put(sessionsOf(sub), value, s.Mortal)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			var next atomic.Int64
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := p.logOut(users[next.Add(1)-1]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkFlush measures what a flush of a hundred tasks costs the store, in queues of different lengths.
func BenchmarkFlush(b *testing.B) {
	for _, length := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("length=%d", length), func(b *testing.B) {
			p := benchPlatform(&store.Memory{}, 1)
			fill := func(count int) {
				err := p.Store.Update(func(tx store.Tx) error {
					for range count {
						if _, err := p.enqueue(tx, []task{{ID: "task-task-task-task-task", Sub: "sub", ClientID: "tp-00", Generation: 1, Since: still{}.Now()}}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			fill(length)
			w := worker{p, "tp-00", 1}
			for b.Loop() {
				found, err := w.take()
				if err != nil || len(found.tasks) != 100 {
					b.Fatal(len(found.tasks), err)
				}
				if err := w.settle(found.tasks, outcome{done: all(found.tasks)}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				fill(100)
				b.StartTimer()
			}
		})
	}
}
