package scenarios_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"countersign/conformance/catalog"
	"countersign/scenarios"
)

func TestProbe(t *testing.T) {
	want := os.Getenv("PROBE")
	n, _ := strconv.Atoi(os.Getenv("SEEDS"))
	if n == 0 {
		n = 1
	}
	for _, s := range scenarios.All() {
		if !strings.Contains(s.Name, want) {
			continue
		}
		for _, l := range []catalog.Level{catalog.Core, catalog.Hardened} {
			for seed := range n {
				var lift []catalog.ID
				if v := os.Getenv("LIFT"); v == "guards" {
					lift = s.Guards
				} else if v != "" {
					for _, x := range strings.Split(v, ",") {
						lift = append(lift, catalog.ID(x))
					}
				}
				r := scenarios.Run{Scenario: s, Level: l, Seed: uint64(seed) + 1, Lifted: lift}
				p := r.Play()
				if n > 1 && p.Verdict == "pass" {
					continue
				}
				fmt.Println(p.Verdict, p.Name, l, seed+1, p.Messages, p.VirtualNS/1e6, p.Actual)
				if os.Getenv("DRAW") == string(l) {
					fmt.Println(p.Diagram.Outline())
				}
			}
		}
	}
}
