package lean_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/bench/paired"
)

const serving = "COUNTERSIGN_LEAN_SERVES"

// TestServe is the server that costs are measured against, in a process of its own, so that its CPU time is not counted. It ends with its standard input.
func TestServe(t *testing.T) {
	if os.Getenv(serving) == "" {
		t.Skip("it is started by the measurements")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("at http://%s/\n", l.Addr())
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// serve starts the server and gives its URL.
func serve(t testing.TB) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServe$", "-test.v")
	cmd.Env = append(os.Environ(), serving+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			return url
		}
	}
	t.Fatal("the server did not say where it is")
	return ""
}

// variants are a lean client and that of net/http, each of which asks the same again and again over one connection.
func variants(t testing.TB) []paired.Variant {
	t.Helper()
	url := serve(t)
	route, err := lean.NewRoute(http.MethodGet, url)
	if err != nil {
		t.Fatal(err)
	}
	conn, request := &lean.Conn{}, route.Append(nil, "", "", nil)
	t.Cleanup(conn.Close)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return []paired.Variant{
		{Name: "lean", Run: func(n int) {
			for range n {
				if resp, err := conn.Exchange(route, request); err != nil || resp.Status != http.StatusOK {
					t.Errorf("no answer: %v", err)
					return
				}
			}
		}},
		{Name: "net/http", Run: func(n int) {
			for range n {
				resp, err := client.Get(url)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}},
	}
}

// The client takes far less CPU time than that of net/http, measured beside each other. The bound is loose: on a quiet machine it is a third.
func TestTheClientCostsLessThanNetHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("a measurement")
	}
	if load.OwnCPU() == 0 {
		t.Skip("this system does not tell the CPU time of a process")
	}
	figures, err := paired.Contest{Variants: variants(t), Rounds: 60, Slice: 5 * time.Millisecond, Clock: load.OwnCPU}.Measure(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		t.Logf("%-16s %6.0f ns of CPU, %.2f (%.2f to %.2f), %.1f allocations", f.Name, f.Nanoseconds, f.Ratio, f.Low, f.High, f.Allocations)
	}
	if ratio := figures[2].Ratio; ratio < 1.5 {
		t.Errorf("net/http takes %.2f times the CPU of the lean client, and not 1.5 times or more", ratio)
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, v := range variants(b) {
		b.Run(v.Name, func(b *testing.B) {
			b.ReportAllocs()
			before := load.OwnCPU()
			v.Run(b.N)
			b.ReportMetric(float64((load.OwnCPU()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
