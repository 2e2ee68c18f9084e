package shared_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	goredis "github.com/redis/go-redis/v9"

	"countersign/actors/store"
	"countersign/actors/store/bolt"
	"countersign/actors/store/shared"
	"countersign/actors/store/shared/redis"
	"countersign/bench/redisserver"
)

var _ = Describe("A shared store", Ordered, func() {
	var server *redisserver.Server
	BeforeAll(func() {
		var err error
		server, err = redisserver.Start()
		if errors.Is(err, redisserver.ErrNone) && os.Getenv("CI") == "" {
			return
		}
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Stop)
	})
	ctx := context.Background()

	for name, open := range map[string]func() shared.Store{
		"in memory": func() shared.Store {
			return shared.Local{Store: &store.Memory{}, Bucket: "b", Now: time.Now}
		},
		"in a file": func() shared.Store {
			file, err := bolt.Open(filepath.Join(GinkgoT().TempDir(), "state.db"))
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(file.Close)
			return shared.Local{Store: file, Bucket: "b", Now: time.Now}
		},
		"in Redis": func() shared.Store {
			if server == nil {
				Skip("no redis-server in the PATH")
			}
			client := goredis.NewClient(&goredis.Options{Network: "unix", Addr: server.Socket})
			DeferCleanup(client.Close)
			return redis.Store{Client: client, Prefix: CurrentSpecReport().LeafNodeText + "/"}
		},
	} {
		Context(name, func() {
			var s shared.Store
			BeforeEach(func() { s = open() })
			get := func(key string) string {
				GinkgoHelper()
				value, found, err := s.Get(ctx, key)
				Expect(err).NotTo(HaveOccurred())
				if !found {
					return "nothing"
				}
				return string(value)
			}
			later := func() time.Time { return time.Now().Add(time.Hour) }

			It("gives what was put, until it is deleted", func() {
				Expect(get("k")).To(Equal("nothing"))
				Expect(s.Put(ctx, "k", []byte("\x00 one"), later())).To(Succeed())
				Expect(s.Put(ctx, "k", []byte("\x00 two"), later())).To(Succeed())
				Expect(get("k")).To(Equal("\x00 two"))
				Expect(get("other")).To(Equal("nothing"))
				Expect(s.Delete(ctx, "k")).To(Succeed())
				Expect(s.Delete(ctx, "k")).To(Succeed())
				Expect(get("k")).To(Equal("nothing"))
			})

			It("ends values by their time", func() {
				Expect(s.Put(ctx, "past", []byte("v"), time.Now().Add(-time.Second))).To(Succeed())
				Expect(get("past")).To(Equal("nothing"))
				Expect(s.Put(ctx, "soon", []byte("v"), time.Now().Add(30*time.Millisecond))).To(Succeed())
				Eventually(func() string { return get("soon") }).Should(Equal("nothing"))
				added, err := s.Add(ctx, "soon", []byte("w"), later())
				Expect(err).NotTo(HaveOccurred())
				Expect(added).To(BeTrue())
			})

			It("lets one of many add", func() {
				var all sync.WaitGroup
				var first atomic.Int64
				for range 20 {
					all.Go(func() {
						defer GinkgoRecover()
						added, err := s.Add(ctx, "once", []byte("v"), later())
						Expect(err).NotTo(HaveOccurred())
						if added {
							first.Add(1)
						}
					})
				}
				all.Wait()
				Expect(first.Load()).To(Equal(int64(1)))
			})
		})
	}

	It("says of a Redis that is gone that the store cannot be read, and nothing about the key", func() {
		client := goredis.NewClient(&goredis.Options{Network: "unix", Addr: filepath.Join(GinkgoT().TempDir(), "nobody"), MaxRetries: -1})
		defer client.Close()
		_, found, err := redis.Store{Client: client}.Get(ctx, "k")
		Expect(found).To(BeFalse())
		Expect(err).To(MatchError(ContainSubstring("the shared store cannot read")))
		Expect(redis.Store{Client: client}.Put(ctx, "k", nil, time.Now())).NotTo(Succeed())
	})
})
