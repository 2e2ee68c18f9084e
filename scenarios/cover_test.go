package scenarios_test

import (
	"fmt"
	"os"
	"testing"
	"context"
	"strings"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"golang.org/x/sync/errgroup"
)

func TestCover(t *testing.T) {
	if os.Getenv("COVER") == "" { t.Skip() }
	reqs := catalog.Catalogs()[0].Requirements
	out := make([]string, len(reqs))
	g, _ := errgroup.WithContext(context.Background())
	g.SetLimit(2)
	for i, r := range reqs {
		g.Go(func() error {
			var caught []string
			for _, s := range scenarios.All() {
				p := scenarios.Run{Scenario: s, Seed: 1, Lifted: []catalog.ID{r.ID}}.Perform()
				if p.Verdict == "fail" { caught = append(caught, strings.TrimPrefix(s.Name, "bidirectional/")+"="+string(p.Outcome)) }
			}
			n := len(caught)
			if n > 3 { caught = caught[:3] }
			out[i] = fmt.Sprint(r.ID, " ", n, " ", caught, " ", r.Title)
			return nil
		})
	}
	g.Wait()
	for _, o := range out { fmt.Println(o) }
}
