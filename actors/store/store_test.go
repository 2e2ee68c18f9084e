package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/actors/store/bolt"
)

// The contract of package store.
var _ = DescribeTableSubtree("A store", func(open func() store.Store) {
	type thing struct{ Names []string }
	put := func(s store.Store, key string, v any) {
		GinkgoHelper()
		Expect(s.Update(func(tx store.Tx) error { return tx.Put("things", key, v) })).To(Succeed())
	}
	get := func(s store.Store, key string) (v thing, found bool) {
		GinkgoHelper()
		Expect(s.Update(func(tx store.Tx) (err error) {
			found, err = tx.Get("things", key, &v)
			return err
		})).To(Succeed())
		return v, found
	}

	It("keeps what was put, apart from what the caller still holds", func() {
		s := open()
		mine := thing{Names: []string{"a"}}
		put(s, "k", mine)
		mine.Names[0] = "changed"
		kept, found := get(s, "k")
		Expect(found).To(BeTrue())
		Expect(kept).To(Equal(thing{Names: []string{"a"}}))
	})

	It("says that there is nothing where nothing was put, or was deleted", func() {
		s := open()
		_, found := get(s, "k")
		Expect(found).To(BeFalse())
		put(s, "k", thing{})
		Expect(s.Update(func(tx store.Tx) error { return tx.Delete("things", "k") })).To(Succeed())
		_, found = get(s, "k")
		Expect(found).To(BeFalse())
	})

	It("undoes all that a failed transaction did, in the right order", func() {
		s := open()
		put(s, "old", thing{Names: []string{"before"}})
		failed := errors.New("no")
		Expect(s.Update(func(tx store.Tx) error {
			Expect(tx.Put("things", "new", thing{})).To(Succeed())
			Expect(tx.Put("things", "old", thing{Names: []string{"during"}})).To(Succeed())
			Expect(tx.Delete("things", "old")).To(Succeed())
			Expect(tx.Put("things", "old", thing{Names: []string{"after"}})).To(Succeed())
			return failed
		})).To(MatchError(failed))
		kept, found := get(s, "old")
		Expect(found).To(BeTrue())
		Expect(kept.Names).To(Equal([]string{"before"}))
		_, found = get(s, "new")
		Expect(found).To(BeFalse())
	})

	It("lists keys in ascending order, a bucket by itself", func() {
		s := open()
		for _, key := range []string{"b", "a", "c"} {
			put(s, key, thing{})
		}
		Expect(s.Update(func(tx store.Tx) error {
			Expect(tx.Put("others", "z", 1)).To(Succeed())
			Expect(tx.Keys("things")).To(Equal([]string{"a", "b", "c"}))
			Expect(tx.Keys("nothing")).To(BeEmpty())
			return nil
		})).To(Succeed())
	})

	It("says which value cannot be read or written", func() {
		s := open()
		put(s, "k", "a text")
		Expect(s.Update(func(tx store.Tx) error {
			var number int
			_, err := tx.Get("things", "k", &number)
			return err
		})).To(MatchError(ContainSubstring("things/k cannot be read")))
		Expect(s.Update(func(tx store.Tx) error { return tx.Put("things", "f", func() {}) })).To(MatchError(ContainSubstring("things/f cannot be written")))
	})

	It("runs transactions one at a time", func() {
		s := open()
		put(s, "n", 0)
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				defer GinkgoRecover()
				for range 50 {
					Expect(s.Update(func(tx store.Tx) error {
						var n int
						if _, err := tx.Get("things", "n", &n); err != nil {
							return err
						}
						return tx.Put("things", "n", n+1)
					})).To(Succeed())
				}
			})
		}
		workers.Wait()
		Expect(s.Update(func(tx store.Tx) error {
			var n int
			_, err := tx.Get("things", "n", &n)
			Expect(fmt.Sprint(n)).To(Equal("400"))
			return err
		})).To(Succeed())
	})
},
	Entry("in memory", func() store.Store { return &store.Memory{} }),
	Entry("in a file", func() store.Store {
		s, err := bolt.Open(filepath.Join(GinkgoT().TempDir(), "state.db"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(s.Close)
		return s
	}),
)
