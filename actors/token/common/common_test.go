package common_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/actors/store/shared"
	"countersign/actors/token"
	"countersign/actors/token/common"
)

// broken is a store that is away.
type broken struct{ shared.Store }

var errAway = errors.New("the store is away")

func (broken) Add(context.Context, string, []byte, time.Time) (bool, error) { return false, errAway }
func (broken) Get(context.Context, string) ([]byte, bool, error)            { return nil, false, errAway }

var _ = Describe("In a shared store", func() {
	var now time.Time
	var at shared.Local
	ctx := context.Background()
	BeforeEach(func() {
		now = time.Unix(1000, 0)
		at = shared.Local{Store: &store.Memory{}, Bucket: "b", Now: func() time.Time { return now }}
	})

	It("a record is found by its token's identifier at every server, until its time has passed or it is forgotten", func() {
		record := token.Shared{Digest: sha256.Sum256([]byte("secret")), Subject: "alice", App: "field-sales", Device: "device-1", Thumbprint: "thumb"}
		one, two := common.Records{Store: at}, common.Records{Store: at}
		Expect(one.Keep(ctx, "jti-1", record, now.Add(30*time.Second))).To(Succeed())
		found, there, err := two.Find(ctx, "jti-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(there).To(BeTrue())
		Expect(found).To(Equal(record))
		_, there, err = two.Find(ctx, "jti-2")
		Expect(err).NotTo(HaveOccurred())
		Expect(there).To(BeFalse())

		Expect(two.Forget(ctx, "jti-1")).To(Succeed())
		_, there, _ = one.Find(ctx, "jti-1")
		Expect(there).To(BeFalse())

		Expect(one.Keep(ctx, "jti-1", record, now.Add(30*time.Second))).To(Succeed())
		now = now.Add(30 * time.Second)
		_, there, _ = one.Find(ctx, "jti-1")
		Expect(there).To(BeFalse())
	})

	It("what is no record is an error and no record", func() {
		Expect(common.Records{Store: at}.Keep(ctx, "jti-1", token.Shared{}, now.Add(time.Minute))).To(Succeed())
		keys := []string{}
		Expect(at.Store.Update(func(tx store.Tx) (err error) {
			keys, err = tx.Keys("b")
			return err
		})).To(Succeed())
		Expect(keys).To(HaveLen(1))
		Expect(keys[0]).NotTo(ContainSubstring("jti-1"))
		for _, text := range []string{"nonsense", `{}`, `{"Digest":"c2hvcnQ=","Subject":"alice"}`} {
			Expect(at.Put(ctx, keys[0], []byte(text), now.Add(time.Minute))).To(Succeed())
			_, there, err := common.Records{Store: at}.Find(ctx, "jti-1")
			Expect(err).To(MatchError(ContainSubstring("no record")))
			Expect(there).To(BeFalse())
		}
	})

	It("an identifier counts once of many that use it at a time, by kind, and again when its time has passed", func() {
		var firsts atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				defer GinkgoRecover()
				first, err := common.Once{Store: at, Kind: "logout"}.Use(ctx, "jti-1", now.Add(time.Minute))
				Expect(err).NotTo(HaveOccurred())
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		Expect(firsts.Load()).To(BeEquivalentTo(1))
		Expect(common.Once{Store: at, Kind: "countersign"}.Use(ctx, "jti-1", now.Add(time.Minute))).To(BeTrue())
		now = now.Add(time.Minute)
		Expect(common.Once{Store: at, Kind: "logout"}.Use(ctx, "jti-1", now.Add(time.Minute))).To(BeTrue())
	})

	It("nothing counts, and nothing is found, while the store is away", func() {
		first, err := common.Once{Store: broken{}, Kind: "logout"}.Use(ctx, "jti-1", now)
		Expect(err).To(MatchError(errAway))
		Expect(first).To(BeFalse())
		_, there, err := common.Records{Store: broken{}}.Find(ctx, "jti-1")
		Expect(err).To(MatchError(errAway))
		Expect(there).To(BeFalse())
	})
})
