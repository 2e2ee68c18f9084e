package bolt_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"countersign/actors/store"
	"countersign/actors/store/bolt"
)

// BenchmarkUpdate measures durable transactions, by one caller and by many at once.
func BenchmarkUpdate(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := bolt.Open(filepath.Join(b.TempDir(), "state.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var count atomic.Int64
			update := func() {
				key := fmt.Sprintf("%08d", count.Add(1))
				if err := s.Update(func(tx store.Tx) error { return tx.Put("tasks", key, map[string]string{"sub": key}) }); err != nil {
					b.Error(err)
				}
			}
			if callers == 1 {
				for b.Loop() {
					update()
				}
				return
			}
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					update()
				}
			})
		})
	}
}
