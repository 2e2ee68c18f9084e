package evidence_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
	"countersign/conformance/ticket"
	"countersign/reports/evidence"
)

var _ = Describe("Evidence of a run against a target at a URL", func() {
	It("holds no secret of the configuration, and is verified with its transcript", func() {
		flow, err := flows.Find("ticket")
		Expect(err).NotTo(HaveOccurred())
		setup := flow.Setup().(*ticket.Setup)
		var canaries []string
		for i := range setup.Apps {
			canary := fmt.Sprintf("canary-secret-no-%d-of-an-app", i)
			setup.Apps[i].Secret = canary
			canaries = append(canaries, canary, base64.StdEncoding.EncodeToString([]byte(setup.Apps[i].ID+":"+canary)))
			setup.Apps[i].BaseURL = fixture.FreeOrigin()
		}
		setup.Issuer = fixture.FreeOrigin()
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		ready := make(chan string, 1)
		go func() {
			served <- reference.Live{
				Flow: flow, Level: catalog.Hardened, Role: catalog.AccountServer, Setup: setup, Tell: func(string) {}, Ready: func(origins ...string) { ready <- origins[0] },
			}.Serve(ctx)
		}()
		DeferCleanup(func() {
			stop()
			Eventually(served).Should(Receive(Succeed()))
		})
		var origin string
		Eventually(ready).Should(Receive(&origin))

		job := certify.Job{Config: config.Default(), Only: []string{"TI-AM-0"}}
		job.Config.Target, job.Config.Profile, job.Config.Setup, job.Config.Roles = origin, flow.Profile, setup, []catalog.Role{catalog.AccountServer}
		recorder := &replay.Recorder{}
		job.Wrap = recorder.Wrap
		told, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(told.Counts.Pass).To(BeNumerically(">", 3))

		used := slices.ContainsFunc(told.Results, func(r conformance.Result) bool {
			return slices.ContainsFunc(r.Exchanges, func(e conformance.Exchange) bool { return strings.Contains(fmt.Sprint(e.RequestHeaders), "Basic ") })
		})
		Expect(used).To(BeTrue(), "no check has authenticated as an app")
		k := newKeys()
		var text bytes.Buffer
		Expect(recorder.Recording(told).Write(&text)).To(Succeed())
		transcript := fileOf(evidence.Transcript, text.String())
		sealed := seal(k, evidence.Case{Attempts: []conformance.Report{told}, Config: job.Config, Files: []evidence.File{transcript}})
		for _, canary := range canaries {
			Expect(opened(sealed)).NotTo(ContainSubstring(canary))
		}
		Expect(verify(k, sealed, transcript)).To(Succeed())
	})
})
