package hostile_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/conformance/hostile"
	"countersign/conformance/judge"
	"countersign/conformance/reference"
)

const (
	// limit is for one exchange here, and with it twenty times as much for a check.
	limit = 250 * time.Millisecond
	// bound is when a check has to have its verdict, whatever it met: its allowance, and time for what the harness has to read and to work out.
	bound = 20*limit + 30*time.Second
	// mostMemory is what a check may take, as conformance/flood.go says.
	mostMemory = 256 << 20
)

// tidy wants nothing of a spec to run on when it is over.
func tidy() {
	before := gleak.Goroutines()
	DeferCleanup(func() { Eventually(gleak.Goroutines).WithTimeout(10 * time.Second).ShouldNot(gleak.HaveLeaked(before)) })
}

// memory watches the heap until what it gives is called, and gives by how much it grew at the most, in bytes.
func memory() (peak func() uint64) {
	read := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	var (
		most     uint64
		watching sync.WaitGroup
	)
	DeferCleanup(debug.SetGCPercent, debug.SetGCPercent(100)) // what is not collected yet counts: it is as much as by default, whatever the environment says
	before, done := read(), make(chan struct{})
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, read())
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() uint64 {
		close(done)
		watching.Wait()
		return max(most, before) - before
	}
}

// opener opens a check's surroundings.
type opener = func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error)

// redirected has the exchanges with an address go to another one.
func redirected(own *http.Transport, from, to string) http.RoundTripper {
	own.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == from {
			address = to
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return own
}

// between puts a server in front of the target that an opener opens.
func between(open opener, server *hostile.Server) opener {
	return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
		env, target, err := open(ctx, c)
		if err != nil {
			return nil, target, err
		}
		wire := env.(*conformance.Wire)
		u, err := url.Parse(target.URL)
		if err != nil {
			return nil, target, err
		}
		server.Honest = u.Host
		address, err := server.Listen()
		if err != nil {
			return nil, target, err
		}
		wire.Limit = limit
		through := wire.Through
		wire.Through = func(own *http.Transport) http.RoundTripper {
			next := redirected(own, u.Host, address)
			if through != nil {
				return through(own)
			}
			return next
		}
		onClose := wire.OnClose
		wire.OnClose = func() {
			server.Close()
			if onClose != nil {
				onClose()
			}
		}
		return wire, target, nil
	}
}

// built is the reference, as it should be.
func built() opener { return reference.Reference{Level: catalog.Hardened, Seed: 1}.OnLoopback }

// played plays one check and wants it to end in time.
func played(open opener, c conformance.Check) conformance.Result {
	GinkgoHelper()
	begun := time.Now()
	result := conformance.Runner{Open: open}.Run(context.Background(), []conformance.Check{c})[0]
	Expect(time.Since(begun)).To(BeNumerically("<", bound), "%s took too long", c.Name())
	return result
}

// told is a result in a line.
func told(r conformance.Result) string {
	text := fmt.Sprintf("%s: %s %s", r.Check, r.Verdict, r.Reason)
	if r.Failure != nil {
		text += fmt.Sprintf("expected %s, but %.200s", r.Failure.Expected, r.Failure.Actual)
	}
	return text
}

// allFlows are those of the harness.
func allFlows() []conformance.Flow { return flows.All() }

// firsts are the first checks of every role of every flow.
func firsts() []conformance.Check {
	var all []conformance.Check
	seen := map[catalog.Role]bool{}
	for _, f := range flows.All() {
		for _, c := range f.Checks {
			if !seen[c.Role] {
				seen[c.Role] = true
				all = append(all, c)
			}
		}
	}
	return all
}

// everyCheck is that of every flow.
func everyCheck() []conformance.Check {
	var all []conformance.Check
	for _, f := range flows.All() {
		all = append(all, f.Checks...)
	}
	return all
}

// metadata picks the requests for metadata documents.
func metadata(_ int, r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/.well-known/") }

// nth picks one request.
func nth(n int) func(int, *http.Request) bool {
	return func(i int, _ *http.Request) bool { return i == n }
}

// atATime is how many trials run at a time: they wait more than they work.
const atATime = 16

// sideBySide runs trials.
func sideBySide(trials []func()) {
	var group sync.WaitGroup
	queue := make(chan func())
	for range atATime {
		group.Go(func() {
			for trial := range queue {
				func() {
					defer GinkgoRecover()
					trial()
				}()
			}
		})
	}
	for _, trial := range trials {
		queue <- trial
	}
	close(queue)
	group.Wait()
}

// asked is a check of the account server that does what it is given, and nothing else.
func asked(run func(*conformance.Session)) conformance.Check {
	return conformance.Check{ID: "TI-AM-01", Role: catalog.AccountServer, Run: run}
}

// wired opens a wire to a target; change completes it.
func wired(target string, change func(*conformance.Wire)) opener {
	return func(ctx context.Context, _ conformance.Check) (conformance.Env, conformance.Target, error) {
		wire := &conformance.Wire{Context: ctx, Stage: &conformance.Stage{}, Limit: limit, Random: rand.Reader}
		if change != nil {
			change(wire)
		}
		return wire, conformance.Target{URL: target, Setup: flow("ticket").Setup()}, nil
	}
}

// discover reads the metadata of an account server.
func discover(s *conformance.Session) {
	var members map[string]any
	judge.Judge{Session: s}.Discover(flow("ticket").WellKnown, &members)
}

func flow(name string) conformance.Flow {
	GinkgoHelper()
	f, err := flows.Find(name + "@1")
	Expect(err).NotTo(HaveOccurred())
	return f
}
