package replay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/flows"
	"countersign/conformance/redact"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
)

// written is a recording as a file.
func written(r replay.Recording) []byte {
	GinkgoHelper()
	var file bytes.Buffer
	Expect(r.Write(&file)).To(Succeed())
	return file.Bytes()
}

// outcomes are what came of the checks of a recording, in their order.
func outcomes(r replay.Recording) []replay.Outcome {
	var all []replay.Outcome
	for _, c := range r.Checks {
		all = append(all, c.Outcome)
	}
	return all
}

// full is a spool without room.
type full struct{ io.ReaderAt }

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

var _ = Describe("A recorder with a spool", func() {
	checks := every(40, flows.Checks())
	recorded := func(recorder *replay.Recorder) replay.Recording {
		report := conformance.Report{Level: "hardened"}
		report.Results = conformance.Runner{Open: recorder.Wrap(reference.Reference{Seed: 3}.InWorld), Parallel: 4}.Run(context.Background(), checks)
		report.Conclude()
		return recorder.Recording(report)
	}

	It("writes the same bytes as one that keeps all in memory, and holds no steps", func() {
		spool, err := os.Create(filepath.Join(GinkgoT().TempDir(), "spool"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(spool.Close)
		recording := recorded(&replay.Recorder{Spool: spool})
		Expect(recording.Checks).To(HaveLen(len(checks)))
		for _, c := range recording.Checks {
			Expect(c.Steps).To(BeEmpty())
		}
		Expect(bytes.Equal(written(recording), written(recorded(&replay.Recorder{})))).To(BeTrue())
		Expect(bytes.Equal(written(recording), written(recording))).To(BeTrue(), "as often as it is asked")
		Expect(differences(rejudge(reread(recording)))).To(BeEmpty())

		_, results, err := recording.Rejudge(context.Background(), 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(results[0].Reason).To(ContainSubstring("lie in a spool: write the recording, and read it again"))
	})

	It("says that the recording cannot be written when the spool cannot, and lets no verdict change", func() {
		recording := recorded(&replay.Recorder{Spool: full{strings.NewReader("")}})
		Expect(outcomes(recording)).To(And(HaveLen(len(checks)), Equal(outcomes(recorded(&replay.Recorder{})))))
		Expect(recording.Write(io.Discard)).To(MatchError(ContainSubstring("the recording cannot be written: no space left")))
	})
})

// flooding is a check whose target sends what it can: answers to the check, and requests to a party.
func flooding(answers, requests int) conformance.Check {
	c := flows.Checks()[0]
	c.Run = func(s *conformance.Session) {
		s.Play("site-a", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		for range answers {
			req, _ := http.NewRequest(http.MethodGet, s.Target.URL, nil)
			_, _ = s.Try("site-a", req)
		}
		for range requests {
			req, _ := http.NewRequest(http.MethodGet, s.Target.URL+"/call", nil)
			_, _ = s.Try("site-a", req)
		}
	}
	return c
}

// megabyte answers with a megabyte; at /call it first sends a megabyte to each of some parties.
type megabyte struct {
	party http.Handler
	calls int
}

func (m *megabyte) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/call") {
		for range m.calls {
			call, _ := http.NewRequest(http.MethodPost, "http://site-a/", bytes.NewReader(make([]byte, conformance.MaxBody)))
			call.RequestURI = "/"
			m.party.ServeHTTP(discarded{http.Header{}}, call)
		}
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(make([]byte, conformance.MaxBody))), Request: req}, nil
}

// discarded takes an answer.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header         { return d.header }
func (d discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d discarded) WriteHeader(int)             {}

// flooded is an Env with such a target.
type flooded struct {
	conformance.Wire
	target megabyte
}

func (f *flooded) HTTP() *http.Client                  { return &http.Client{Transport: &f.target} }
func (f *flooded) Play(_ string, h http.Handler) error { f.target.party = h; return nil }
func (f *flooded) Names() []redact.Name                { return nil }
func (f *flooded) Within(check func()) error           { check(); return nil }
func (f *flooded) Close()                              {}

// besieged is an Env whose target sends megabytes to a party, before its first answer after that party is played.
type besieged struct {
	conformance.Env
	party http.Handler
	calls int
}

func (b *besieged) Play(party string, h http.Handler) error {
	b.party = h
	return b.Env.Play(party, h)
}

func (b *besieged) HTTP() *http.Client {
	client := *b.Env.HTTP()
	client.Transport = &siege{b, client.Transport}
	return &client
}

type siege struct {
	*besieged
	next http.RoundTripper
}

func (s *siege) RoundTrip(req *http.Request) (*http.Response, error) {
	if party := s.party; party != nil {
		s.party = nil
		if _, err := (&megabyte{party: party, calls: s.calls}).RoundTrip(&http.Request{URL: &url.URL{Path: "/call"}}); err != nil {
			return nil, err
		}
	}
	return s.next.RoundTrip(req)
}

// counted is a body of so many bytes that counts those that are read.
type counted struct {
	left int
	read *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), c.left)
	c.left -= n
	c.read.Add(int64(n))
	return n, nil
}

// held is a body that ends when it is released, and counts those who read it.
type held struct {
	reading *atomic.Int32
	release chan struct{}
}

func (h held) Read([]byte) (int, error) {
	h.reading.Add(1)
	defer h.reading.Add(-1)
	<-h.release
	return 0, io.EOF
}

var _ = Describe("A target that sends without end", func() {
	It("is judged the same from a recording that leaves out what was refused", func() {
		lengths := map[int]int{}
		for _, calls := range []int{600, 900} {
			open := func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
				env, target, err := reference.Reference{Seed: 3}.InWorld(ctx, c)
				return &besieged{Env: env, calls: calls}, target, err
			}
			checks := slices.DeleteFunc(flows.Checks(), func(c conformance.Check) bool { return c.Name() != "TI-AP-01" })
			Expect(checks).To(HaveLen(1))
			report, recording := record(open, checks)
			Expect(report.Results[0].Failure).To(HaveField("Actual", ContainSubstring("bytes during this check")))
			Expect(differences(rejudge(reread(recording)))).To(BeEmpty())
			lengths[len(recording.Checks[0].Steps)]++
		}
		Expect(lengths).To(HaveLen(1))
	})

	// play records a check of it, and gives how many steps and how many bytes of bodies were recorded.
	play := func(answers, requests, calls int) (replay.Recording, int, int) {
		GinkgoHelper()
		open := func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
			env := &flooded{target: megabyte{calls: calls}}
			env.Stage = &conformance.Stage{}
			return env, conformance.Target{URL: "http://target"}, nil
		}
		report, recording := record(open, []conformance.Check{flooding(answers, requests)})
		Expect(report.Results[0].Verdict).To(Equal(conformance.Fail))
		bytes := 0
		for _, s := range recording.Checks[0].Steps {
			if s.Answer != nil {
				bytes += len(s.Answer.Body)
			}
			if s.Request != nil {
				bytes += len(s.Request.Body)
			}
		}
		return recording, len(recording.Checks[0].Steps), bytes
	}

	Describe("to a party that is recorded", func() {
		const many = 3 * conformance.MaxCheck / conformance.MaxBody
		var (
			recorded conformance.Env
			calls    sync.WaitGroup
			call     func(body io.Reader)
		)
		BeforeEach(func() {
			env := &flooded{}
			env.Stage = &conformance.Stage{}
			open := (&replay.Recorder{}).Wrap(func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
				return env, conformance.Target{}, nil
			})
			var err error
			recorded, _, err = open(context.Background(), conformance.Check{})
			Expect(err).NotTo(HaveOccurred())
			Expect(recorded.Play("site-a", http.NotFoundHandler())).To(Succeed())
			call = func(body io.Reader) {
				req, _ := http.NewRequest(http.MethodPost, "http://site-a/", body)
				env.target.party.ServeHTTP(discarded{http.Header{}}, req)
			}
		})

		It("keeps no request waiting behind slow ones", func() {
			var reading atomic.Int32
			release := make(chan struct{})
			for range many {
				calls.Go(func() { call(held{&reading, release}) })
			}
			Eventually(reading.Load, "10s").Should(BeEquivalentTo(many))
			call(strings.NewReader("a=b"))
			close(release)
			calls.Wait()
		})

		It("fills no memory of the recorder with requests that wait for the party", func() {
			var read atomic.Int64
			Expect(recorded.Within(func() { // nobody else has a turn before it ends
				for range many {
					calls.Go(func() { call(&counted{conformance.MaxBody, &read}) })
				}
				Eventually(read.Load, "10s").Should(BeNumerically(">=", conformance.MaxCheck))
				Consistently(read.Load, "50ms").Should(BeNumerically("<", conformance.MaxCheck+many*64<<10))
			})).To(Succeed())
			calls.Wait()
		})
	})

	It("fills no memory of the recorder with answers that the check does not read", func() {
		_, _, bytes := play(60, 0, 0)
		Expect(bytes).To(And(BeNumerically(">", conformance.MaxCheck-conformance.MaxBody), BeNumerically("<", conformance.MaxCheck+conformance.MaxBody)))
	})

	It("fills none with requests that are refused", func() {
		_, few, bytes := play(40, 1, 1000)
		Expect(bytes).To(BeNumerically("<", conformance.MaxCheck+conformance.MaxBody))
		_, many, _ := play(40, 1, 2000)
		Expect(many).To(Equal(few))
	})
})
