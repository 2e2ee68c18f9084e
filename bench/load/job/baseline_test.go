package job_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/job"
)

var _ = Describe("A job against one endpoint, with a baseline", func() {
	anything := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	run := func(method, url string, baseline *load.Result) (job.Outcome, error) {
		j := against(url, "", 100, 50*time.Millisecond)
		j.Endpoint.Method, j.Baseline = method, baseline
		return j.Run(context.Background())
	}

	It("is compared with a run against the same endpoint, wherever that is served, and against no other", func() {
		before, err := run("", serve(anything)+"/token?a=1", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(before.Result.Script).To(Equal("GET /token"))
		elsewhere := serve(anything)
		after, err := run("GET", elsewhere+"/token", &before.Result)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Changes).NotTo(BeEmpty())
		for method, path := range map[string]string{"GET": "/tokens", "POST": "/token"} {
			_, err = run(method, elsewhere+path, &before.Result)
			Expect(err).To(MatchError("the baseline is of GET /token, and this run of " + method + " " + path + ": name a run of the same with --baseline"))
			Expect(job.ExitCode(err)).To(Equal(2))
		}
	})

	It("asks the target nothing, in a search neither, where the baseline is of another endpoint", func() {
		var asked atomic.Int64
		url := serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		for _, search := range []*load.Search{nil, {Step: 50 * time.Millisecond}} {
			j := against(url, "", 100, 50*time.Millisecond)
			j.Search, j.Baseline = search, &load.Result{Script: "GET /elsewhere"}
			_, err := j.Run(context.Background())
			Expect(job.ExitCode(err)).To(Equal(2), fmt.Sprint(err))
		}
		Expect(asked.Load()).To(BeZero())
	})
})
