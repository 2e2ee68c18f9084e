package stage_test

import (
	"errors"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

var (
	private = stage.Invariant{Name: "private", Requirement: "TI-AM-07", Text: "Nobody else gets it."}
	bare    = stage.Invariant{Name: "bare", Requirement: "TI-TE-14", Text: "It travels under TLS."}
)

// play is the smallest flow there is: a server with two endpoints, and a person who sends requests.
type play struct {
	*stage.Stage
	judge  stage.Judge
	server *sim.Host
	person *stage.Person
	got    []string // bodies that reached the server
	heard  []string
}

func newPlay(faults ...string) *play {
	p := &play{}
	p.Stage = stage.New(stage.Setting{Level: catalog.Core, Faults: stage.Plan(faults...)}, p, 5*time.Second)
	p.server = p.Host("server", func(h *sim.Host) http.Handler {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/metadata" {
				stage.WriteJSON(w, http.StatusOK, map[string]string{"issuer": "https://server", "first_leg_endpoint": "https://server/one", "other_endpoint": "https://elsewhere/two"})
				return
			}
			body := make([]byte, 64)
			n, _ := r.Body.Read(body)
			p.got = append(p.got, string(body[:n]))
		})
		p.LearnLegs(h, "/metadata", handler, nil)
		return stage.Publishing(handler, "/metadata", map[string]string{"issuer": "https://another"})
	})
	p.person = p.NewPerson("person", "errand", nil)
	return p
}

func (p *play) Judge(t *sim.Trace) []stage.Breach {
	p.judge.Dishonest = p.Dishonest
	return p.judge.Hear(t, stage.Hearing{
		Answered: func(asked *sim.Message, _ sim.Event) { p.heard = append(p.heard, p.Leg(asked)) },
		Noted:    func(e sim.Event) { p.heard = append(p.heard, "note "+e.Text) },
	})
}

func (p *play) Lanes() []sequence.Lane {
	return []sequence.Lane{{Name: "person", Kind: "terminal"}, {Name: "server", Kind: "server"}}
}

func (p *play) Leg(m *sim.Message) string {
	leg, known := p.Known(m)
	if !known {
		return "another leg"
	}
	return leg
}

func (p *play) sends(url, body string) func() {
	return func() { p.send(p.person.Host, url, body) }
}

func (p *play) send(from *sim.Host, url, body string) {
	if response, err := from.Client().Post(url, "text/plain", strings.NewReader(body)); err == nil {
		_ = response.Body.Close()
	}
}

var _ = Describe("A stage", func() {
	It("names the legs that metadata name on the host, and no others", func() {
		p := newPlay()
		p.person.Follows(func() {
			p.send(p.person.Host, "https://server/one?x=1", "a")
			p.person.Note("half way")
			p.send(p.person.Host, "https://server/two", "b")
		})
		Expect(p.Run().Err).NotTo(HaveOccurred())
		Expect(p.heard).To(Equal([]string{"first leg", "note half way", "another leg"}))
	})

	It("publishes other members than the handler says", func() {
		p := newPlay()
		status, issuer := 0, ""
		m := p.NewAttacker("mallory")
		m.Follows(func() {
			r := m.Get("https://server/metadata")
			status, issuer = r.Status, r.Member("issuer")
		})
		Expect(p.Run().Err).NotTo(HaveOccurred())
		Expect(status).To(Equal(http.StatusOK))
		Expect(issuer).To(Equal("https://another"))
	})

	It("lets a person whose machine crashed begin again, unless the script was done", func() {
		p := newPlay("crash:person@1s+1s", "crash:person@1m+1s")
		begun := 0
		p.person.Follows(func() {
			begun++
			p.person.Wait(10 * time.Second)
		})
		Expect(p.Run().Err).NotTo(HaveOccurred())
		Expect(begun).To(Equal(2))
	})

	It("puts a dishonest party in an actor's place, and draws it as an attacker", func() {
		p := newPlay()
		p.TakeOver(p.server, stage.Nobody)
		p.person.Follows(p.sends("https://server/one", "a"))
		r := p.Run()
		Expect(p.got).To(BeEmpty())
		Expect(p.Draw("", r.Trace, nil).Lanes).To(ContainElement(sequence.Lane{Name: "server", Kind: sequence.Attacker}))
	})

	It("tells which hopes were not met, and nothing of them when the world broke", func() {
		p := newPlay()
		p.Hope("pigs fly", func() bool { return false })
		Expect(p.Run().Unmet).To(Equal([]string{"pigs fly"}))
		p = newPlay("crash:nowhere@1s")
		p.Hope("pigs fly", func() bool { return false })
		r := p.Run()
		Expect(r.Err).To(HaveOccurred())
		Expect(r.Unmet).To(BeEmpty())
	})

	It("shows what somebody overhears, and an attacker on the wire only what has no TLS", func() {
		p := newPlay()
		overheard, seen := 0, 0
		p.Overhear(p.server, "first leg", func(sim.Message) { overheard++ })
		p.OnTheWire(func(*sim.World, sim.Message) sim.Verdict {
			seen++
			return sim.Verdict{}
		})
		p.person.Follows(func() {
			p.send(p.person.Host, "https://server/one", "a")
			p.send(p.person.Host, "http://server/one", "b")
		})
		Expect(p.Run().Err).NotTo(HaveOccurred())
		Expect(overheard).To(Equal(2))
		Expect(seen).To(Equal(2)) // request and response
	})

	It("draws a request that was answered on its way as one that arrived", func() {
		p := newPlay()
		p.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			if m.Kind == sim.Request {
				return sim.Verdict{Answer: &sim.Message{Status: http.StatusTeapot}}
			}
			return sim.Verdict{}
		}))
		p.person.Follows(p.sends("https://server/one", "a"))
		text := p.Draw("", p.Run().Trace, nil).Outline()
		Expect(text).To(ContainSubstring("person to server: first leg"))
		Expect(text).To(ContainSubstring("418"))
		Expect(text).NotTo(ContainSubstring("lost"))
	})
})

var _ = DescribeTable("A judge watches over a secret",
	func(url, body string, broken string) {
		p := newPlay()
		p.judge.Keep(stage.Secret{Value: "key-1", What: "the key", Hosts: []string{"safe"}, Breaks: private, Bare: bare})
		p.person.Follows(p.sends(url, body))
		var names []string
		for _, b := range p.Run().Breaches {
			names = append(names, b.Invariant.Name)
			Expect(b.Text).To(ContainSubstring("the key"))
		}
		Expect(strings.Join(names, ", ")).To(Equal(broken))
	},
	Entry("that stands in the body", "https://server/one", `{"key":"key-1"}`, "private"),
	Entry("that stands in the URL", "https://server/one?key=key-1", "", "private"),
	Entry("that goes without TLS", "http://server/one", "key-1", "private, bare"),
	Entry("and does not take a longer one for it", "https://server/one", "key-12", ""),
	Entry("and finds it after a longer one", "https://server/one", "key-12 key-1", "private"),
)

var _ = It("a judge does not blame a dishonest host for what it gives away", func() {
	p := newPlay()
	m := p.NewAttacker("mallory")
	p.judge.Keep(stage.Secret{Value: "key-1", What: "the key", Breaks: private})
	m.Follows(func() { m.PostJSON("https://server/one", map[string]string{"key": "key-1"}, nil) })
	Expect(p.Run().Breaches).To(BeEmpty())
	Expect(p.got).To(HaveLen(1))
})

var _ = Describe("A secret that a judge watches over", func() {
	got := func(s stage.Secret, does func(p *play)) (names []string) {
		p := newPlay()
		s.Value, s.What, s.Breaks = "key-1", "the key", private
		p.judge.Keep(s)
		p.person.Follows(func() { does(p) })
		for _, b := range p.Run().Breaches {
			names = append(names, b.Invariant.Name)
		}
		return names
	}

	It("is none any more, if it is audible, once it has travelled without TLS", func() {
		aloud := func(p *play) {
			p.send(p.person.Host, "http://server/one", "key-1")
			p.send(p.person.Host, "https://server/one", "key-1")
		}
		Expect(got(stage.Secret{Audible: true}, aloud)).To(BeEmpty())
		Expect(got(stage.Secret{}, aloud)).NotTo(BeEmpty())
		Expect(got(stage.Secret{Audible: true}, func(p *play) { p.send(p.person.Host, "https://server/one", "key-1") })).To(ConsistOf("private"))
	})

	It("may reach whom the judge has let in", func() {
		p := newPlay()
		p.judge.Keep(stage.Secret{Value: "key-1", What: "the key", Breaks: private})
		p.judge.Admit("key-1", "server")
		p.person.Follows(p.sends("https://server/one", "key-1"))
		Expect(p.Run().Breaches).To(BeEmpty())
	})
})

var _ = It("every mishap has a name of its own, words for a role, and a plan that a world takes", func() {
	seen := map[string]bool{}
	for _, m := range stage.Mishaps(200*time.Millisecond, 3*time.Second) {
		Expect(seen).NotTo(HaveKey(m.Name))
		seen[m.Name] = true
		Expect(m.Title("the till")).To(ContainSubstring("the till"))
		Expect(m.Text("the till")).To(And(ContainSubstring("the till"), HaveSuffix("."), Not(ContainSubstring("%"))))
		Expect(m.At("server")).NotTo(BeEmpty())
		p := newPlay()
		for _, f := range m.At("server") {
			Expect(f.From == "server" || f.To == "server").To(BeTrue(), m.Name)
		}
		p.person.Follows(p.sends("https://server/one", "a"))
		Expect(p.Run().Err).NotTo(HaveOccurred())
	}
	Expect(seen).To(HaveLen(12))
})

var _ = Describe("A stage that is watched", func() {
	It("tells of every change that an actor keeps, and of no other", func() {
		var changes []string
		st := stage.New(stage.Setting{Wrote: func(c stage.Change) { changes = append(changes, c.Host+" "+c.Bucket+" "+c.Key+" "+string(c.Value)) }}, nil, 0)
		st.Host("a", func(h *sim.Host) http.Handler {
			kept := st.Env(h).Store
			Expect(kept.Update(func(tx store.Tx) error { return tx.Put("kept", "k", 1) })).To(Succeed())
			Expect(kept.Update(func(tx store.Tx) error {
				Expect(tx.Put("undone", "k", 1)).To(Succeed())
				return errors.New("no")
			})).NotTo(Succeed())
			n, found, err := store.Load[int](kept, "kept", "k")
			Expect(err).NotTo(HaveOccurred())
			Expect(found).To(BeTrue())
			Expect(n).To(Equal(1))
			Expect(kept.Update(func(tx store.Tx) error { return tx.Delete("kept", "k") })).To(Succeed())
			return nil
		})
		Expect(st.World.Run()).To(Succeed())
		Expect(changes).To(Equal([]string{"a kept k 1", "a kept k "}))
	})

	It("takes a corrupt host for dishonest, and lets its program go on", func() {
		st := stage.New(stage.Setting{}, nil, 0)
		ran := false
		h := st.Host("a", func(*sim.Host) http.Handler {
			ran = true
			return nil
		})
		Expect(st.Dishonest("a")).To(BeFalse())
		st.Corrupt(h)
		Expect(st.World.Run()).To(Succeed())
		Expect(st.Dishonest("a")).To(BeTrue())
		Expect(ran).To(BeTrue())
	})
})
