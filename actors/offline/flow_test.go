package offline_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
	"countersign/conformance/catalog"
)

// over puts the handset on a link that loses and damages frames.
func (p *shop) over(l nearfield.Link) *nearfield.Air {
	air := &nearfield.Air{Link: l, Clock: p.stage, Entropy: p.env("air", guard.Set{}).Entropy("link"), Over: p.stage}
	p.handset.HTTP.Transport = air
	return air
}

var _ = Describe("The offline flow", func() {
	DescribeTable("authorizes a coffee, and a large sum with the password, and refuses it with a wrong one",
		func(guards guard.Set) {
			p := newShop(guards)
			Expect(p.buys(p.wish(), "")).To(Equal(offline.Approved))
			_, err := p.handset.Start(p.large())
			Expect(offline.Reason(err)).To(Equal("password_not_set"))
			p.setsPassword()
			Expect(p.buys(p.large(), password1)).To(Equal(offline.Approved))
			Expect(p.buys(p.large(), password2)).To(Equal(offline.Refused))
			Expect(p.to("/verification")).To(HaveLen(3))
		},
		Entry("hardened", guard.Set{}),
		Entry("core", core),
	)

	DescribeTable("comes to a good end over a link like",
		func(name string, as offline.NearDevice) {
			l, _ := nearfield.Find(name)
			p := newShop(guard.Set{})
			p.till.Link = l
			p.open()
			p.over(l)
			p.setsPassword()
			w := p.large()
			w.NearDevice = as
			w.FrameSize, w.Link = l.FrameSize, name
			for range 20 {
				Expect(p.buys(w, password1)).To(Equal(offline.Approved))
			}
			Expect(p.to("/verification")).To(HaveLen(20))
		},
		Entry("acoustic", "acoustic", offline.NearDevice{Device: "till-1", NearField: tillURL + "/near-field"}),
		Entry("nfc", "nfc", offline.NearDevice{Device: "till-1", NearField: tillURL + "/near-field"}),
		Entry("ble", "ble", offline.NearDevice{Device: "till-1", NearField: tillURL + "/near-field"}),
		Entry("qr, in pictures", "qr", offline.NearDevice{Device: "till-1", NearField: tillURL + "/near-field"}),
	)

	It("books no more often than the user approved, however bad the link is", func() {
		p := newShop(guard.Set{})
		p.over(nearfield.Link{FrameSize: 64, BitErrorRate: 0.001, FrameLoss: 0.3})
		confirmed, ends := 0, map[offline.Outcome]int{}
		for range 60 {
			began, err := p.handset.Start(p.wish())
			if err != nil {
				Expect(offline.Reason(err)).To(Equal("link_failed"))
				ends["not begun"]++
				continue
			}
			confirmed++
			outcome, err := p.handset.Confirm(token(began), offline.Approve, "")
			if err != nil {
				Expect(offline.Reason(err)).To(Equal("link_failed"))
			}
			ends[outcome]++
		}
		Expect(len(p.to("/verification"))).To(BeNumerically("<=", confirmed))
		Expect(ends[offline.Approved]).To(BeNumerically(">", 5))
		Expect(ends).NotTo(Or(HaveKey(offline.Unknown), HaveKey(offline.Refused)))
	})

	It("lets a listener injecting frames spoil a session, and never get one approved", func() {
		p := newShop(guard.Set{})
		v := p.visitor()
		a := v.application()
		began := v.cut(nearfield.Application, encode(a.Fields()))
		v.says(began[0])
		stranger := v.cut(nearfield.Application, encode(func() offline.Fields { a := v.application(); a.Amount = 1; return a.Fields() }()))
		for _, f := range append(stranger, began...) {
			v.says(f)
		}
		Expect(p.to("/verification")).To(BeEmpty())
		Expect(v.decision()).To(BeNil())
	})

	It("shows a relay to a distant device for what it is", func() {
		p := newShop(guard.Set{})
		w := p.wish()
		w.NearField = gateURL + "/near-field" // the frames go elsewhere than the label says
		_, err := p.handset.Start(w)
		Expect(offline.Reason(err)).To(Equal("access_denied"))
		relayed := newShop(guard.Set{}.Without("OF-VD-28"))
		w.NearField = gateURL + "/near-field"
		_, err = relayed.handset.Start(w)
		Expect(offline.Reason(err)).To(Equal("information_rejected"))
	})
})

var _ = Describe("The guards of device and handset", func() {
	var own []catalog.Requirement
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			if strings.HasPrefix(string(r.ID), "OF-VD-") || strings.HasPrefix(string(r.ID), "OF-HS-") {
				own = append(own, r)
			}
		}
	}

	// The defects of these stand in the way of the flow itself, or of a counterpart that is hardened.
	breaking := []catalog.ID{
		"OF-VD-02", "OF-VD-03", "OF-VD-04", "OF-VD-05", "OF-VD-11", "OF-VD-24",
		"OF-HS-02", "OF-HS-03", "OF-HS-05", "OF-HS-06", "OF-HS-09", "OF-HS-12", "OF-HS-24", "OF-HS-27", "OF-HS-28",
	}
	completes := func(id catalog.ID) bool {
		p := newShop(guard.Set{}.Without(id))
		set := p.handset.SetPassword("alice-account-password", password1)
		first, err1 := p.buys(p.wish(), "")
		second, err2 := p.buys(p.wish(), "")
		third, err3 := p.buys(p.large(), password1)
		return set == nil && err1 == nil && err2 == nil && err3 == nil && first == offline.Approved && second == offline.Approved && third == offline.Approved
	}
	for _, r := range own {
		if slices.Contains(breaking, r.ID) {
			It("leave a flow that ends early when "+string(r.ID)+" is lifted: "+r.Defect, func() { Expect(completes(r.ID)).To(BeFalse()) })
			continue
		}
		It("leave a whole flow when "+string(r.ID)+" is lifted: "+r.Defect, func() { Expect(completes(r.ID)).To(BeTrue()) })
	}
})

var _ = Describe("The handset's page", func() {
	var p *shop
	BeforeEach(func() { p = newShop(guard.Set{}) })

	submit := func(origin string, inputs ...string) *httptest.ResponseRecorder {
		form := url.Values{}
		for i := 0; i < len(inputs); i += 2 {
			form.Set(inputs[i], inputs[i+1])
		}
		r := httptest.NewRequest(http.MethodPost, handsetURL+"/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		shown := httptest.NewRecorder()
		p.hosts["localhost:8834"].ServeHTTP(shown, r)
		return shown
	}
	apply := func(amount string) string {
		return submit(handsetURL, "do", "apply", "at", "till-1 acoustic", "service", "coffee", "amount", amount, "currency", "EUR").Body.String()
	}
	waiting := func(page string) string {
		found := regexp.MustCompile(`name="confirmation" value="([^"]+)"`).FindStringSubmatch(page)
		Expect(found).To(HaveLen(2), page)
		return found[1]
	}

	It("shows what is to be signed, and signs it when the user approves", func() {
		page := apply("350")
		Expect(page).To(And(ContainSubstring("till-1 asks for <strong>coffee</strong>: <strong>350</strong>"), Not(ContainSubstring("password"))))
		Expect(p.spoken(nearfield.Countersign)).To(BeEmpty())
		approved := submit(handsetURL, "do", "approve", "confirmation", waiting(page)).Body.String()
		Expect(approved).To(ContainSubstring("the server has verified your countersign"))
		Expect(submit(handsetURL, "do", "approve", "confirmation", waiting(page)).Body.String()).To(ContainSubstring("confirmed or denied already"))
	})

	It("signs nothing when the user denies", func() {
		Expect(submit(handsetURL, "do", "deny", "confirmation", waiting(apply("350"))).Body.String()).To(ContainSubstring("Cancelled"))
		Expect(p.spoken(nearfield.Countersign)).To(BeEmpty())
	})

	It("lets the user set the password, asks for it where it is needed, and asks again when it is missing", func() {
		Expect(apply("5000")).To(ContainSubstring("password_not_set"))
		Expect(submit(handsetURL, "do", "set", "account_password", "wrong", "password", password1).Body.String()).To(ContainSubstring("may be wrong"))
		Expect(submit(handsetURL, "do", "set", "account_password", "alice-account-password", "password", password1).Body.String()).To(ContainSubstring("password is set"))
		page := apply("5000")
		Expect(page).To(ContainSubstring(`name="password"`))
		again := submit(handsetURL, "do", "approve", "confirmation", waiting(page)).Body.String()
		Expect(again).To(ContainSubstring("This needs your offline authorization password"))
		approved := submit(handsetURL, "do", "approve", "confirmation", waiting(again), "password", password1).Body.String()
		Expect(approved).To(And(ContainSubstring("the server has verified your countersign"), Not(ContainSubstring(password1))))
	})

	It("says what is wrong with a wish", func() {
		Expect(apply("much")).To(ContainSubstring("a whole number"))
		Expect(apply("9007199254740992")).To(ContainSubstring("a whole number"))
		Expect(submit(handsetURL, "do", "apply", "at", "till-1 acoustic", "service", "coffee", "amount", "1", "currency", "euro").Body.String()).To(ContainSubstring("Currency is beyond the limits"))
		delete(p.hosts, "till.example")
		Expect(apply("350")).To(ContainSubstring("The device does not answer"))
	})

	It("does nothing for another site's page", func() {
		page := submit("https://evil.example", "do", "apply", "at", "till-1 acoustic", "service", "coffee", "amount", "350", "currency", "EUR")
		Expect(page.Code).To(Equal(http.StatusForbidden))
		Expect(p.to("/near-field")).To(BeEmpty())
	})

	It("is there to be read", func() {
		Expect(string(p.get(handsetURL + "/").body)).To(ContainSubstring("Apply at till-1 over acoustic"))
	})
})
