package store_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
)

var _ = Describe("Forget", func() {
	It("deletes what is past its time, once in an interval", func() {
		var m store.Memory
		noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
		keysAt := func(now time.Time) (keys []string) {
			Expect(m.Update(func(tx store.Tx) (err error) {
				Expect(store.Forget(tx, "b", now, time.Hour)).To(Succeed())
				keys, err = tx.Keys("b")
				return err
			})).To(Succeed())
			return keys
		}
		Expect(m.Update(func(tx store.Tx) error {
			Expect(tx.Put("b", "old", store.Mortal{Forget: noon.Add(-time.Second)})).To(Succeed())
			return tx.Put("b", "soon", store.Mortal{Forget: noon.Add(time.Minute)})
		})).To(Succeed())
		Expect(keysAt(noon)).To(Equal([]string{"soon"}))
		Expect(keysAt(noon.Add(59 * time.Minute))).To(Equal([]string{"soon"}))
		Expect(keysAt(noon.Add(time.Hour))).To(BeEmpty())
		_, found, err := store.Load[store.Mortal](&m, "b", "soon")
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeFalse())
	})
})
