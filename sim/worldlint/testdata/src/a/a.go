package a

import (
	"context"
	crypto "crypto/rand"
	"maps"
	"math/rand/v2"
	"net/http"
	_ "net/http/cookiejar" // want `net/http/cookiejar reads the real clock`
	"slices"
	"sync"
	"time"
)

func goroutines(c chan int, wg *sync.WaitGroup) {
	go println()  // want `go statement leaves the world's schedule`
	c <- 1        // want `channel send blocks`
	_ = <-c       // want `channel receive blocks`
	for range c { // want `ranging over a channel blocks`
	}
	select {} // want `select chooses at random`
}

func groups(wg *sync.WaitGroup, m *sync.Map) {
	wg.Go(func() {})                              // want `sync.WaitGroup.Go starts a goroutine`
	wg.Wait()                                     // want `sync.WaitGroup.Wait blocks`
	m.Range(func(_, _ any) bool { return false }) // want `sync.Map.Range has no fixed order`
}

func clock(ctx context.Context) {
	_ = time.Now()                                // want `time.Now reads the real clock: use the actor's clock`
	_ = time.Since(time.Time{})                   // want `time.Since reads the real clock`
	_ = time.Until(time.Time{})                   // want `time.Until reads the real clock`
	time.Sleep(1)                                 // want `time.Sleep waits in real time`
	now := time.Now                               // want `time.Now reads the real clock`
	_ = time.After(1)                             // want `time.After waits`
	_ = time.Tick(1)                              // want `time.Tick waits`
	_ = time.NewTimer(1)                          // want `time.NewTimer waits`
	_ = time.NewTicker(1)                         // want `time.NewTicker waits`
	_ = time.AfterFunc(1, func() { now() })       // want `time.AfterFunc waits`
	_, _ = context.WithTimeout(ctx, 1)            // want `context.WithTimeout counts real time`
	_, _ = context.WithDeadline(ctx, time.Time{}) // want `context.WithDeadline counts real time`
}

func randomness(b []byte) {
	_ = rand.IntN(3)      // want `math/rand/v2.IntN has no seed of the world`
	_ = rand.N[int]       // want `math/rand/v2.N has no seed`
	_, _ = crypto.Read(b) // want `crypto/rand.Read has no seed`
	_ = crypto.Reader     // want `crypto/rand.Reader has no seed`
	_ = rand.New(rand.NewPCG(1, 2)).IntN(3)
}

type set map[string]bool

func order[M ~map[K]V, K comparable, V any](m set, generic M) {
	for range m { // want `ranging over a map has no fixed order: range over slices.Sorted`
	}
	for range generic { // want `ranging over a map has no fixed order`
	}
	for range maps.Keys(m) { // want `maps.Keys has no fixed order`
	}
	_ = slices.Collect(maps.Values(m)) // want `maps.Values has no fixed order`
	keys := maps.Keys[set]             // want `maps.Keys has no fixed order`
	_ = keys
	for range slices.Sorted(maps.Keys(m)) {
	}
	_ = slices.SortedFunc(maps.Keys[set](m), nil)
	_ = maps.Collect(maps.All(m))
}

func network() {
	_, _ = http.Get("x")                  // want `net/http.Get leaves the world's network: use the actor's client`
	_, _ = http.Post("x", "", nil)        // want `net/http.Post leaves`
	_ = http.DefaultClient                // want `net/http.DefaultClient leaves`
	_ = http.ListenAndServe("", nil)      // want `net/http.ListenAndServe leaves`
	_ = new(http.Server).ListenAndServe() // want `net/http.Server.ListenAndServe leaves`
	_ = http.TimeoutHandler(nil, 1, "")   // want `net/http.TimeoutHandler counts`
	_, _ = new(http.Client).Get("x")
}

func exempt() {
	_ = time.Now() //worldlint:allow it is shown to people only
	//worldlint:allow it is shown to people only
	_ = time.Now()
}
