package sim_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/sim"
)

// echo answers with what it was sent.
func echo(*sim.Host) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.Copy(w, r.Body)
	})
}

// exchange posts a form to the host and reads the answer.
func exchange(h *sim.Host, url string) error {
	resp, err := h.Client().Post(url, "application/x-www-form-urlencoded", strings.NewReader("grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

func run(b *testing.B, w *sim.World) {
	b.Helper()
	if err := w.Run(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSwitch measures a park and a step: two processes that sleep in turns.
func BenchmarkSwitch(b *testing.B) {
	w := sim.New(sim.Config{Horizon: 1 << 62, MaxSteps: math.MaxInt})
	h := w.Host("a", nil)
	for range 2 {
		h.Go("sleeper", func() {
			for range b.N/2 + 1 {
				h.Clock().Sleep(time.Microsecond)
			}
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	run(b, w)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "switches/s")
}

// BenchmarkExchange measures a POST through http.Client and back, traced, and
// how much faster virtual time passes than real time meanwhile.
func BenchmarkExchange(b *testing.B) {
	for _, clients := range []int{1, 100} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			// A new world now and then, as in use: a trace only grows.
			const perWorld = 2000
			var virtual time.Duration
			for left := b.N; left > 0; left -= perWorld {
				w := sim.New(sim.Config{Horizon: 1 << 62})
				w.Host("server", echo)
				for i := range clients {
					h := w.Host(fmt.Sprintf("client%d", i), nil)
					h.Go("caller", func() {
						for range min(left, perWorld)/clients + 1 {
							if err := exchange(h, "https://server/token"); err != nil {
								panic(err)
							}
						}
					})
				}
				run(b, w)
				virtual += w.Now()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exchanges/s")
			b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
		})
	}
}

// BenchmarkWorld measures whole worlds, five hosts and twenty exchanges each,
// with their trace hashed; BenchmarkWorlds runs them side by side.
func BenchmarkWorld(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		oneWorld(b, uint64(i))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "worlds/s")
}

func BenchmarkWorlds(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		for seed := uint64(0); pb.Next(); seed++ {
			oneWorld(b, seed)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "worlds/s")
}

func oneWorld(b *testing.B, seed uint64) {
	w := sim.New(sim.Config{Seed: seed})
	for i := range 4 {
		h := w.Host(fmt.Sprintf("client%d", i), nil)
		h.Go("caller", func() {
			for range 5 {
				if err := exchange(h, "https://server/token"); err != nil {
					panic(err)
				}
			}
		})
	}
	w.Host("server", echo)
	if err := w.Run(); err != nil {
		b.Error(err)
	}
	if w.Trace().SHA256() == "" {
		b.Error("no hash")
	}
}

// BenchmarkCanonical measures hashing the trace of a thousand exchanges.
func BenchmarkCanonical(b *testing.B) {
	w := sim.New(sim.Config{})
	w.Host("server", echo)
	h := w.Host("client", nil)
	h.Go("caller", func() {
		for range 1000 {
			if err := exchange(h, "https://server/token"); err != nil {
				panic(err)
			}
		}
	})
	run(b, w)
	b.ReportAllocs()
	b.SetBytes(int64(len(w.Trace().Canonical())))
	for b.Loop() {
		_ = w.Trace().SHA256()
	}
}
