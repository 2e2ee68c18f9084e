package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/sim"
)

func TestProbe(t *testing.T) {
	want, on := os.LookupEnv("PROBE")
	if !on { t.Skip() }
	n, _ := strconv.Atoi(os.Getenv("SEEDS"))
	if n == 0 { n = 1 }
	for _, s := range scenarios.All() {
		if !strings.Contains(s.Name, want) { continue }
		for _, l := range []catalog.Level{catalog.Core, catalog.Hardened} {
			for seed := range n {
			var lift []catalog.ID
			var fs []sim.Fault
			if v := os.Getenv("FAULT"); v != "" { for _, x := range strings.Split(v, ",") { f, err := sim.ParseFault(x); if err != nil { t.Fatal(err) }; fs = append(fs, f) } }
			if v := os.Getenv("LIFT"); v == "guards" { lift = s.Guards } else if v != "" { for _, x := range strings.Split(v, ",") { lift = append(lift, catalog.ID(x)) } }
			r := scenarios.Run{Scenario: s, Level: l, Seed: uint64(seed)+1, Lifted: lift, Faults: fs}
			p := r.Play()
			if n > 1 && p.Verdict == "pass" { continue }
			fmt.Println(p.Verdict, p.Name, l, seed+1, p.Messages, p.VirtualNS/1e6, p.Actual)
			if os.Getenv("DRAW") == string(l) { fmt.Println(p.Diagram.Outline()) }
			}
		}
	}
}

func TestSweep(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SWEEP"))
	if n == 0 { t.Skip() }
	s, err := scenarios.Sweep{Seeds: n, From: 1000}.Play(context.Background())
	fmt.Println(s.Worlds, s.Messages, err, len(s.Failures))
	for _, f := range s.Failures { fmt.Println(f.Repro, f.Actual) }
}
