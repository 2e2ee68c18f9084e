package specs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
)

// suite is what the specs of one target share in one process, which runs them one after the other.
type suite struct {
	plan
	name string
	at   types.CodeLocation // of the call that registered it
	// refused is why the target could not be put under test, and refusedAt the check that failed for it: the others are skipped, so that there is one failure to read.
	refused   error
	refusedAt string
	ports     int // how many have been tried
}

// judge is the body of a check's spec.
func (s *suite) judge(ctx ginkgo.SpecContext, c conformance.Check) {
	s.attach(entry{"requirement", c.Requirement().Text}, entry{"source", c.Requirement().Source}, entry{"repro", s.repro(c)})
	if s.refused != nil && s.refusedAt != c.Name() {
		ginkgo.Skip(fmt.Sprintf("not judged, since the target cannot be put under test: see the failure of %s", s.refusedAt))
	}
	report, outcome, err := s.certify(ctx, c)
	if err != nil {
		s.refused, s.refusedAt = err, c.Name()
		ginkgo.Fail("the target cannot be put under test: " + err.Error())
	}
	s.refused = nil
	s.tell(c, report.Results[0], outcome)
}

// certify puts the target under test in one check.
func (s *suite) certify(ctx context.Context, c conformance.Check) (conformance.Report, certify.Outcome, error) {
	const tries = 3 // other programs take ports, too
	for try := 1; ; try++ {
		job := certify.Job{Config: s.config, Only: []string{c.Name()}}
		job.Warn = func(f doctor.Finding) { s.attach(entry{"doctor", f.String()}) }
		job.Config.Roles, job.Config.Setup = []catalog.Role{c.Role}, s.agreed()
		job.Config.ExpectedFailures = slices.DeleteFunc(slices.Clone(s.config.ExpectedFailures), func(x config.ExpectedFailure) bool { return !about(x, c) })
		stop, err := s.stage(&job.Config)
		if err != nil {
			return conformance.Report{}, certify.Outcome{}, err
		}
		report, err := job.Run(ctx)
		stop()
		if err == nil {
			return report, job.Outcome(report), nil
		}
		if s.Handler == nil || try == tries || !taken(err) {
			return conformance.Report{}, certify.Outcome{}, err
		}
	}
}

// taken reports whether nothing is wrong but that other programs have the harness's addresses.
func taken(err error) bool {
	var refusal *doctor.Refusal
	return errors.As(err, &refusal) && !slices.ContainsFunc(refusal.Findings, func(f doctor.Finding) bool { return f.Code != "address-taken" })
}

// stage serves the handler, if there is one, for one check, and returns what ends that.
func (s *suite) stage(c *config.Config) (stop func(), err error) {
	if s.Handler == nil {
		return func() {}, nil
	}
	for _, a := range c.Setup.Addresses() {
		if *a.Origin, err = s.freeOrigin(); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the handler cannot be served on loopback: %w", err)
	}
	c.Target = "http://" + l.Addr().String()
	handler, err := s.Handler(Site{Role: c.Roles[0], Base: c.Target, Setup: c.Setup})
	if err == nil && handler == nil {
		err = &MistakeError{"Handler gave neither a handler nor an error; return one of them"}
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("the handler for the role %s cannot be made: %w", c.Roles[0], err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Writer(ginkgo.GinkgoWriter), "", 0)}
	go func() { _ = server.Serve(l) }() // ends with Close
	return func() { _ = server.Close() }, nil
}

// freeOrigin is an address of loopback that nobody has now, below the ports that connections take by themselves. Each process has ports of its own, as long as
// there are not more than a hundred.
func (s *suite) freeOrigin() (string, error) {
	const lowest, all, each = 20000, 9700, 97
	for range each {
		s.ports++
		address := fmt.Sprintf("127.0.0.1:%d", lowest+(os.Getpid()*each%all+s.ports%each))
		if l, err := net.Listen("tcp", address); err == nil {
			return "http://" + address, l.Close()
		}
	}
	return "", fmt.Errorf("no port of loopback is free among the %d of this process between %d and %d", each, lowest, lowest+all)
}

// conclude fails the suite when checks of the target ran but none came to a judgement.
func (s *suite) conclude(report ginkgo.Report) {
	skipped := 0
	for _, r := range report.SpecReports {
		switch ours := len(r.ContainerHierarchyTexts) > 0 && r.ContainerHierarchyTexts[0] == s.name; {
		case !ours || r.NumAttempts == 0: // not ours, or not chosen
		case r.State.Is(types.SpecStateSkipped) && !entered(r, expectedFailure):
			skipped++
		default:
			return
		}
	}
	if skipped > 0 {
		ginkgo.Fail(fmt.Sprintf("incomplete: none of %d checks of %s came to a judgement; the reasons stand with them", skipped, s.name))
	}
}
