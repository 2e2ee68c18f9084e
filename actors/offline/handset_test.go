package offline_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
)

var _ = Describe("The handset", func() {
	var p *shop
	BeforeEach(func() { p = newShop(guard.Set{}) })

	DescribeTable("rejects information of another",
		func(change func(*offline.Information)) { Expect(rejected(differing(change))(guard.Set{})).To(BeTrue()) },
		Entry("service", func(i *offline.Information) { i.Service = "gate" }),
		Entry("currency", func(i *offline.Information) { i.Currency = "USD" }),
		Entry("handset", func(i *offline.Information) { i.Handset = "handset-2" }),
		Entry("time, far ahead", func(i *offline.Information) { i.ExpiresAt += 241 }),
		Entry("time, beyond all reckoning", func(i *offline.Information) { i.ExpiresAt = 1<<64 - 1 }),
		Entry("level than there is", func(i *offline.Information) { i.Level = 3 }),
		Entry("level than its seal key goes with", func(i *offline.Information) { i.Level = 2 }),
	)

	It("allows for clocks that are two minutes wrong", func() {
		for _, wrong := range []int64{-170, 170} {
			p.informing(differing(func(i *offline.Information) { i.ExpiresAt = uint64(int64(i.ExpiresAt) + wrong) }))
			_, err := p.handset.Start(p.wish())
			Expect(err).NotTo(HaveOccurred())
		}
	})

	It("rejects what is no information at all, at both levels", func() {
		for _, guards := range []guard.Set{{}, core} {
			p := newShop(guards)
			p.answering("/application", func(sent) *http.Response { return says(http.StatusOK, []byte("sign this")) })
			refused := p.press("/start", p.wish())
			Expect(refused.status).To(Equal(http.StatusConflict))
			Expect(refused.member("error")).To(Equal("information_rejected"))
		}
	})

	It("passes on why the device refused", func() {
		w := p.wish()
		w.Service = "yacht"
		refused := p.press("/start", w)
		Expect(refused.status).To(Equal(http.StatusConflict))
		Expect(refused.member("error")).To(Equal("unknown_service"))
	})

	It("signs what the page showed that is confirmed, and not what was shown last", func() {
		first, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		dearer := p.wish()
		dearer.Amount *= 2
		second, err := p.handset.Start(dearer)
		Expect(err).NotTo(HaveOccurred())
		for _, began := range []offline.Began{first, second} {
			Expect(p.handset.Confirm(token(began), offline.Approve, "")).To(Equal(offline.Approved))
			signed, _ := p.countersigned()
			Expect(signed.Amount).To(Equal(began.Shown.Amount))
		}
	})

	It("takes no refusal of another serial", func() {
		p.answering("/application", func(sent) *http.Response { return says(http.StatusConflict, []byte(`{"error": "serial_used"}`)) })
		Expect(p.press("/start", p.wish()).member("error")).To(Equal("serial_used"))
		no, err := offline.Refusal{Error: "serial_used", Serial: make([]byte, 16)}.Fields().Encode()
		Expect(err).NotTo(HaveOccurred())
		p.answering("/application", func(sent) *http.Response { return says(http.StatusOK, no) })
		refused := p.press("/start", p.wish())
		Expect(refused.status).To(Equal(http.StatusConflict))
		Expect(refused.member("error")).To(Equal("information_rejected"))
	})

	It("shows no information whose seal key nothing can be sealed to", func() {
		p.setsPassword()
		p.informing(differing(func(i *offline.Information) { i.Level, i.SealKey = 2, make([]byte, 32) }))
		refused := p.press("/start", p.large())
		Expect(refused.status).To(Equal(http.StatusConflict))
		Expect(refused.member("error")).To(Equal("information_rejected"))
	})

	It("asks again at growing intervals, and polls while the device says WAIT for thirty seconds", func() {
		delete(p.hosts, "till.example")
		begin := p.now
		_, err := p.handset.Start(p.wish())
		Expect(offline.Reason(err)).To(Equal("link_failed"))
		Expect(p.now.Sub(begin)).To(Equal(4500 * time.Millisecond))

		p = newShop(guard.Set{})
		p.till.Go = func(string, func()) {} // the work never ends
		begin = p.now
		_, err = p.handset.Start(p.wish())
		Expect(offline.Reason(err)).To(Equal("link_failed"))
		Expect(p.now.Sub(begin)).To(BeNumerically("~", 30*time.Second, time.Second))
	})

	DescribeTable("does not take for an answer",
		func(change func(*nearfield.Frame)) {
			p.interjects(nearfield.Information, func(asked nearfield.Frame) []byte {
				f := nearfield.Frame{Type: nearfield.Data, Session: asked.Session, Message: asked.Message, Index: asked.Index, Count: 1, Payload: []byte("x")}
				change(&f)
				return f.Bytes()
			})
			_, err := p.handset.Start(p.wish())
			Expect(err).NotTo(HaveOccurred())
		},
		Entry("another session's frame", func(f *nearfield.Frame) { f.Session[0]++ }),
		Entry("another message's", func(f *nearfield.Frame) { f.Message = 3 }),
		Entry("another index", func(f *nearfield.Frame) { f.Index, f.Count = 1, 2 }),
		Entry("a frame of another type", func(f *nearfield.Frame) { f.Type, f.Count, f.Payload = nearfield.Ack, 0, nil }),
		Entry("no frame", func(f *nearfield.Frame) { f.Payload = nil }),
	)

	DescribeTable("says that it does not know how it ended when the decision is",
		func(frame func(nearfield.Frame) []byte) {
			began, err := p.handset.Start(p.wish())
			Expect(err).NotTo(HaveOccurred())
			p.interjects(nearfield.Decision, frame)
			Expect(p.handset.Confirm(token(began), offline.Approve, "")).To(Equal(offline.Unknown))
		},
		Entry("malformed", func(asked nearfield.Frame) []byte {
			return nearfield.Frame{Type: nearfield.Data, Session: asked.Session, Message: asked.Message, Count: 1, Payload: []byte("yes")}.Bytes()
		}),
		Entry("a no for another serial", deciding(offline.Decision{Serial: make([]byte, 16)})),
	)

	It("takes the end for open when the link fails after the countersign", func() {
		began := p.press("/start", p.wish())
		p.interjects(nearfield.Decision, func(nearfield.Frame) []byte {
			delete(p.hosts, "till.example")
			return nil
		})
		failed := p.press(strings.TrimPrefix(began.member("confirmation_uri").(string), handsetURL), map[string]string{"decision": "approve"})
		Expect(failed.status).To(Equal(http.StatusGatewayTimeout))
		Expect(failed.member("error")).To(Equal("link_failed"))
	})

	It("forgets a wrong password, and proves none that was set on another handset", func() {
		p.setsPassword()
		Expect(p.buys(p.large(), password2)).To(Equal(offline.Refused))
		Expect(p.buys(p.large(), password1)).To(Equal(offline.Approved))
		other := newShop(guard.Set{})
		began := func(b offline.Began, err error) string {
			Expect(err).NotTo(HaveOccurred())
			return token(b)
		}
		Expect(other.post(call{url: issuer + "/password", contentType: "application/json", body: p.to("/password")[0].body}).status).To(Equal(http.StatusNoContent))
		_, err := other.handset.Confirm(began(other.handset.Start(other.large())), offline.Approve, password1)
		Expect(offline.Reason(err)).To(Equal("password_required"))
	})

	It("keeps the earlier password in force when the server refuses another", func() {
		p.setsPassword()
		refused := p.press("/password-setting", map[string]string{"account_password": "wrong", "password": password2})
		Expect(refused.status).To(Equal(http.StatusBadGateway))
		Expect(refused.member("error")).To(Equal("server_refused"))
		Expect(p.buys(p.large(), password1)).To(Equal(offline.Approved))
		for _, bad := range []string{"abc", strings.Repeat("a", 65)} {
			Expect(p.press("/password-setting", map[string]string{"account_password": "alice-account-password", "password": bad}).member("error")).To(Equal("invalid_request"))
		}
	})

	It("gives a confirmation ten minutes, and stays open after what decides nothing", func() {
		began, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		path := "/confirmation/" + token(began)
		Expect(p.press(path, map[string]string{"decision": "maybe"}).member("error")).To(Equal("invalid_request"))
		Expect(p.press(path, map[string]string{}).member("error")).To(Equal("invalid_request"))
		Expect(p.get(handsetURL + path).status).To(Equal(http.StatusMethodNotAllowed))
		Expect(p.press(path+"x", map[string]string{"decision": "approve"}).status).To(Equal(http.StatusNotFound))
		Expect(p.press(path, map[string]string{"decision": "deny"}).member("outcome")).To(Equal("cancelled"))
		began, err = p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		p.Sleep(10*time.Minute + time.Second)
		Expect(p.press("/confirmation/"+token(began), map[string]string{"decision": "approve"}).status).To(Equal(http.StatusNotFound))
	})

	DescribeTable("begins nothing on a start with",
		func(member string, value any) {
			text, err := json.Marshal(p.wish())
			Expect(err).NotTo(HaveOccurred())
			var m map[string]any
			Expect(json.Unmarshal(text, &m)).To(Succeed())
			m[member] = value
			refused := p.press("/start", m)
			Expect(refused.status).To(Equal(http.StatusBadRequest))
			Expect(refused.member("error")).To(Equal("invalid_request"))
			Expect(p.to("/near-field")).To(BeEmpty())
		},
		Entry("no device", "device", nil),
		Entry("a device without a name", "device", ""),
		Entry("a number for an endpoint", "near_field_endpoint", 5),
		Entry("an endpoint that is no URL", "near_field_endpoint", "till"),
		Entry("an endpoint that others can hear", "near_field_endpoint", "http://till.example/near-field"),
		Entry("frames that are too small", "frame_size", 63),
		Entry("frames that are too large", "frame_size", 1025),
		Entry("an unknown link", "link", "drums"),
		Entry("a negative amount", "amount", -1),
		Entry("a broken amount", "amount", 1.5),
		Entry("an amount beyond the limit", "amount", 1<<53),
		Entry("a currency in small letters", "currency", "eur"),
	)

	It("has no pictures at level core", func() {
		p := newShop(core)
		w := p.wish()
		w.Link = "qr"
		Expect(p.press("/start", w).member("error")).To(Equal("unsupported_link"))
	})
})
