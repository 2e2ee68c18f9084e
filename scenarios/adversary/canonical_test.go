package adversary

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

var _ = Describe("Values that were drawn at random", func() {
	const first, second = "q1w2e3r4t5z6u7i8o9p0", "a9s8d7f6g5h4j3k2l1y0"
	fresh := func() *naming {
		return &naming{volatile: []string{"iat"}, names: map[string]uint64{}, taken: map[uint64]int{}}
	}
	sum := func(n *naming, texts ...string) (sum uint64) {
		for _, t := range texts {
			sum += n.named(n.text(1, t))
		}
		return sum
	}

	It("count by where they appear, whatever was drawn and whichever message comes first", func() {
		want := sum(fresh(), "code="+first, "token="+second, "shows "+first)
		Expect(sum(fresh(), "token="+first, "code="+second, "shows "+second)).To(Equal(want))
		Expect(sum(fresh(), "code="+first, "token="+second, "shows "+second)).NotTo(Equal(want), "it shows the token and not the code")
	})

	It("have names of their own even where they appear alike", func() {
		n := fresh()
		twice := sum(n, "code="+first, "code="+second)
		Expect(n.names[first]).NotTo(Equal(n.names[second]))
		Expect(sum(fresh(), "code="+first, "code="+first)).NotTo(Equal(twice))
	})

	It("within one message are told apart", func() {
		Expect(sum(fresh(), first+" "+first)).NotTo(Equal(sum(fresh(), first+" "+second)))
		Expect(sum(fresh(), first+" "+second)).To(Equal(sum(fresh(), second+" "+first)))
	})

	It("are no moments: what is stored at another time of day differs, and not what is stored within the same second", func() {
		at := func(time string) uint64 { return fresh().record(1, `{"until":"2026-01-01T`+time+`","version":"1.25"}`) }
		Expect(at("00:00:20.000000012Z")).To(Equal(at("00:00:20Z")))
		Expect(at("00:00:21Z")).NotTo(Equal(at("00:00:20Z")))
		Expect(fresh().record(1, `{"version":"1.25"}`)).NotTo(Equal(fresh().record(1, `{"version":"1.26"}`)))
	})
})

var _ = Describe("The fields of a message", func() {
	It("are read in an Authorization header of any scheme, and changed there", func() {
		m := sim.Message{Kind: sim.Request, URL: "https://a/b", Header: http.Header{"Authorization": {"DPoP e30.e30.sig=="}}}
		fields := fieldsOf(&m)
		Expect(fields).To(Equal([]Field{{"header", "DPoP", "e30.e30.sig=="}}))
		changed := with(m, fields[0], "other")
		Expect(changed.Header.Get("Authorization")).To(Equal("DPoP other"))
		Expect(m.Header.Get("Authorization")).To(Equal("DPoP e30.e30.sig=="), "the message itself stays")

		m.Header.Set("Authorization", `OAuth realm="x", oauth_token="t%2B1"`)
		fields = fieldsOf(&m)
		Expect(fields).To(Equal([]Field{{"header", "realm", "x"}, {"header", "oauth_token", "t+1"}}))
		Expect(with(m, fields[1], "u").Header.Get("Authorization")).To(Equal(`OAuth realm="x", oauth_token="u"`))
	})
})

var _ = Describe("A quiet point", func() {
	var d *Director
	BeforeEach(func() {
		f := Bidirectional()
		system := f.Systems(Hunt{Flow: f, Level: catalog.Hardened, Sessions: 1, Seed: 1})[0]
		d, _ = system.set(&explore.Chooser{}, stage.Setting{Level: catalog.Hardened, Seed: 1}, false)
		d.parties = []*party{{name: "alice", at: "reads the page of oauth.a"}}
	})

	It("has a number when parties stood so before, and none of its own after a step that left everything as it was", func() {
		first, state := d.quiet()
		Expect(first).To(Equal("alice reads the page of oauth.a"))
		d.probing = true // and nothing came of it
		again, same := d.quiet()
		Expect(again).To(Equal(first))
		Expect(same).To(Equal(state))
		d.parties[0].at = "reads the page of oauth.b"
		_, _ = d.quiet()
		d.parties[0].at = "reads the page of oauth.a"
		label, _ := d.quiet()
		Expect(label).To(Equal("alice reads the page of oauth.a, time 2"))
	})

	It("is another one while something else is on its way, and none of its own when it has arrived", func() {
		bare := d.state()
		on := func(id int, url string) uint64 {
			d.flies(&sim.Message{ID: id, From: "alice", To: "oauth.a", Method: http.MethodGet, URL: url})
			defer d.gone(id)
			return d.state()
		}
		first := on(7, "https://oauth.a/page?token=one")
		Expect(first).NotTo(Equal(bare))
		Expect(on(8, "https://oauth.a/page?token=two")).NotTo(Equal(first))
		Expect(on(9, "https://oauth.a/page?token=one")).To(Equal(first), "whatever its number")
		Expect(d.state()).To(Equal(bare))
	})

	It("is another one for what is being done there", func() {
		bare := d.state()
		d.doing = "the attacker goes in and out fifteen times"
		Expect(d.state()).NotTo(Equal(bare))
	})

	It("is another one where somebody has something to do yet, though nobody can see it", func() {
		began := sim.Event{Kind: sim.EventDeliver, PID: 3}
		Expect(busy([]sim.Event{began, {Kind: sim.EventStart, PID: 4}, {Kind: sim.EventRespond, PID: 3}})).To(Equal(map[int]bool{4: true}))
		Expect(busy([]sim.Event{began, {Kind: sim.EventRespond, PID: 3}})).To(BeEmpty())
	})

	It("is another one when somebody was lured from a page to one that looks the same", func() {
		_, state := d.quiet()
		d.probing = true
		d.parties[0].within = append(d.parties[0].within, d.parties[0].at)
		Expect(d.idle()).To(BeFalse())
		_, lured := d.quiet()
		Expect(lured).NotTo(Equal(state))
	})
})

var _ = DescribeTable("Comparing states hides no attack: with every state taken for another, no more is found",
	func(flow, scene string, moves int, lifted ...catalog.ID) {
		f, err := Find(flow)
		Expect(err).NotTo(HaveOccurred())
		search := func(apart bool, without []catalog.ID) explore.Result {
			GinkgoHelper()
			s := explore.Search{Bounds: explore.Price{Moves: moves, Switches: 1}}
			f.apart = apart
			for _, system := range f.Systems(Hunt{Flow: f, Level: catalog.Hardened, Lifted: without, Scene: scene, Moves: moves, Sessions: 1, Seed: 1}) {
				s.Models = append(s.Models, system.model())
			}
			r, err := s.Run(context.Background())
			Expect(err).NotTo(HaveOccurred())
			return r
		}
		reduced, whole := search(false, nil), search(true, nil)
		Expect(whole.Finding).To(BeNil())
		Expect(reduced.Finding).To(BeNil())
		Expect(whole.Runs).To(BeNumerically(">=", reduced.Runs))

		reduced, whole = search(false, lifted), search(true, lifted)
		Expect(whole.Finding).NotTo(BeNil())
		Expect(reduced.Finding).NotTo(BeNil())
		Expect(reduced.Finding.Breaches).To(Equal(whole.Finding.Breaches))
	},
	Entry(nil, "bidirectional", "likely-passwords", 1, catalog.ID("BI-OS-11")),
	Entry(nil, "bidirectional", "two-resource-servers", 1, catalog.ID("BI-RS-10")),
	Entry(nil, "ticket", "copied-ticket", 1, catalog.ID("TI-AM-16")),
	Entry(nil, "ticket", "plain-metadata", 2, catalog.ID("TI-TE-14")),
	Entry(nil, "mobile", "shared-sealing-key", 2, catalog.ID("MO-BS-12"), catalog.ID("MO-AS-40")),
	Entry(nil, "mobile", "likely-passwords", 1, catalog.ID("MO-AS-32")),
	Entry(nil, "offline", "bystander", 1, catalog.ID("OF-HS-29")),
	Entry(nil, "offline", "likely-passwords", 2, catalog.ID("OF-SS-47")),
	Entry(nil, "unified", "look-alike", 2, catalog.ID("UN-PL-53")),
	Entry(nil, "unified", "leaking-log", 1, catalog.ID("UN-PL-44")),
)
