package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/hostile"
)

var clients = sync.OnceValue(hostile.Clients)

// besieged is a wire whose parties hostile clients turn to as soon as the check plays them.
type besieged struct {
	*conformance.Wire
	flow      conformance.Flow
	addresses []conformance.Address
	random    *rand.Rand
	end       context.CancelFunc
	ctx       context.Context
	siege     sync.WaitGroup
	once      sync.Once
}

func (b *besieged) Play(party string, h http.Handler) error {
	if err := b.Wire.Play(party, h); err != nil {
		return err
	}
	b.once.Do(func() {
		for _, a := range b.addresses {
			paths := b.paths(*a.Origin)
			for _, c := range clients() {
				path := paths[b.random.IntN(len(paths))]
				b.siege.Go(func() { c.Send(b.ctx, strings.TrimPrefix(*a.Origin, "http://"), path) })
			}
		}
	})
	return nil
}

// paths are those that a party's metadata name, and that of the metadata.
func (b *besieged) paths(origin string) []string {
	paths := []string{b.flow.WellKnown, "/near-field", "/"}
	resp, err := http.Get(origin + b.flow.WellKnown)
	if err != nil {
		return paths
	}
	defer resp.Body.Close()
	var members map[string]any
	if json.NewDecoder(resp.Body).Decode(&members) == nil {
		for _, value := range members {
			if path, ok := strings.CutPrefix(fmt.Sprint(value), origin); ok && strings.HasPrefix(path, "/") {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

func (b *besieged) Close() {
	b.end()
	b.siege.Wait()
	b.Wire.Close()
	http.DefaultClient.CloseIdleConnections()
}

// besieging opens the reference and lets the clients loose on the parties around it.
func besieging(f conformance.Flow, seed uint64) opener {
	return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
		env, target, err := built()(ctx, c)
		if err != nil {
			return nil, target, err
		}
		b := &besieged{Wire: env.(*conformance.Wire), flow: f, addresses: target.Setup.Addresses(), random: rand.New(rand.NewPCG(seed, 3))}
		b.Wire.Limit, b.Wire.Bound = time.Second, 2*time.Second
		b.ctx, b.end = context.WithCancel(ctx)
		return b, target, nil
	}
}

var _ = Describe("The parties that the harness plays", func() {
	BeforeEach(tidy)

	It("stand every client at once, whatever check plays them", func() {
		const sieges = 4 // of as many roles, others in the next run
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 4))
		peak := memory()
		var trials []func()
		roles := firsts()
		random.Shuffle(len(roles), func(i, k int) { roles[i], roles[k] = roles[k], roles[i] })
		for _, c := range roles[:sieges] {
			f := flowOf(c)
			var some []conformance.Check
			for _, other := range f.Checks {
				if other.Role == c.Role {
					some = append(some, other)
				}
			}
			chosen, seed := some[random.IntN(len(some))], random.Uint64()
			trials = append(trials, func() {
				r := played(besieging(f, seed), chosen)
				Expect(r.Verdict).NotTo(Equal(conformance.Error), told(r))
			})
		}
		sideBySide(trials)
		Expect(peak()).To(BeNumerically("<", sieges*mostMemory))
	})

	DescribeTable("bound what one client sends:", func(name string, expected ...conformance.Verdict) {
		stage := &conformance.Stage{}
		origin, err := stage.Listen("site-a", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stage.Close)
		i := slices.IndexFunc(clients(), func(c hostile.Client) bool { return c.Name == name })
		Expect(i).To(BeNumerically(">=", 0))
		peak := memory()
		r := played(wired(origin, func(w *conformance.Wire) { w.Stage = stage }), asked(func(s *conformance.Session) {
			s.Play("site-a", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			ctx, end := context.WithTimeout(context.Background(), time.Second)
			defer end()
			var group sync.WaitGroup
			for range 100 {
				group.Go(func() { clients()[i].Send(ctx, strings.TrimPrefix(origin, "http://"), "/") })
			}
			group.Wait()
		}))
		Expect(peak()).To(BeNumerically("<", mostMemory))
		Expect(expected).To(ContainElement(r.Verdict), told(r))
		// And the next check is well, however long the machine takes over what is left.
		next := played(wired(origin, func(w *conformance.Wire) { w.Stage, w.Limit = stage, time.Minute }), asked(func(s *conformance.Session) {
			s.Play("site-a", http.NotFoundHandler())
			s.ExpectStatus(s.Do("harness", get(origin)), "a party", http.StatusNotFound)
		}))
		Expect(next.Verdict).To(Equal(conformance.Pass), told(next))
	},
		Entry("one that never ends its body", "never ends its body", conformance.Pass, conformance.Fail),
		Entry("one that sends 10 GiB", "sends 10 GiB", conformance.Pass, conformance.Fail),
		Entry("one that asks again and again", "asks again and again and reads no answer", conformance.Pass, conformance.Fail), // it is left waiting sooner or later
		Entry("one that sends forms without end", "sends a form of two hundred thousand parameters", conformance.Pass, conformance.Fail),
		Entry("one that opens a thousand connections a hundred times", "opens a thousand connections", conformance.Pass),
		Entry("one that lets its headers drip", "lets its headers drip", conformance.Pass),
		Entry("one that lets its body drip", "lets its body drip", conformance.Pass),
	)
})

var _ = Describe("A party", func() {
	BeforeEach(tidy)

	It("takes no request any more when a check has been sent too much, and the check fails", func() {
		stage := &conformance.Stage{}
		origin, err := stage.Listen("site-a", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stage.Close)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		var statuses []int
		r := played(wired(origin, func(w *conformance.Wire) { w.Stage = stage }), asked(func(s *conformance.Session) {
			s.Play("site-a", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			for i := range 34 {
				resp, err := client.Post(origin, "text/plain", strings.NewReader(strings.Repeat("x", conformance.MaxBody)))
				if i >= 31 && err != nil { // who is turned away in the middle of a body may find the connection gone before the answer
					continue
				}
				Expect(err).NotTo(HaveOccurred())
				Expect(resp.Body.Close()).To(Succeed())
				statuses = append(statuses, resp.StatusCode)
			}
			resp, err := client.Get(origin)
			Expect(err).NotTo(HaveOccurred())
			Expect(resp.Body.Close()).To(Succeed())
			statuses = append(statuses, resp.StatusCode)
		}))
		Expect(statuses[:31]).To(HaveEach(http.StatusNoContent))
		Expect(statuses[len(statuses)-1]).To(Equal(http.StatusServiceUnavailable))
		Expect(r.Verdict).To(Equal(conformance.Fail))
		Expect(r.Failure.Actual).To(Equal("the target has sent more than 33554432 bytes during this check"))
	})
})

func flowOf(c conformance.Check) conformance.Flow {
	GinkgoHelper()
	for _, f := range allFlows() {
		for _, other := range f.Checks {
			if other.Name() == c.Name() {
				return f
			}
		}
	}
	Fail("no flow has the check " + c.Name())
	return conformance.Flow{}
}
