package offline_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
)

var _ = Describe("The verification device", func() {
	var p *shop
	BeforeEach(func() { p = newShop(guard.Set{}) })

	It("approves what the server verified, and tells the handset", func() {
		d := p.visitor().buys()
		Expect(d.Approved).To(BeTrue())
		Expect(d.Error).To(BeEmpty())
		Expect(readResult(answer{status: http.StatusOK, body: d.Result}).Verified).To(BeTrue())
	})

	DescribeTable("answers nothing, and changes nothing, on",
		func(f nearfield.Frame) {
			v := p.visitor()
			Expect(v.says(v.cut(nearfield.Application, encode(v.application().Fields()))[0]).Type).To(Equal(nearfield.Ack))
			Expect(v.says(f)).To(BeNil())
			Expect(v.tells(nearfield.Application, encode(v.application().Fields()))).To(BeTrue())
			Expect(v.hears(nearfield.Information)).NotTo(BeNil())
		},
		Entry("ACK", nearfield.Frame{Type: nearfield.Ack}),
		Entry("WAIT", nearfield.Frame{Type: nearfield.Wait, Message: 1}),
		Entry("an unknown type", nearfield.Frame{Type: 9}),
		Entry("DATA without a count", nearfield.Frame{Type: nearfield.Data, Payload: []byte{1}}),
		Entry("DATA beyond its count", nearfield.Frame{Type: nearfield.Data, Index: 3, Count: 3, Payload: []byte{1}}),
		Entry("DATA that holds nothing", nearfield.Frame{Type: nearfield.Data, Index: 1, Count: 3}),
		Entry("DATA of a message of its own", nearfield.Frame{Type: nearfield.Data, Message: 1, Count: 1, Payload: []byte{1}}),
		Entry("a countersign before there is information", nearfield.Frame{Type: nearfield.Data, Message: 2, Count: 1, Payload: []byte{1}}),
		Entry("POLL of a message of the handset's", nearfield.Frame{Type: nearfield.Poll, Message: 0}),
		Entry("POLL with a payload", nearfield.Frame{Type: nearfield.Poll, Message: 1, Payload: []byte{1}}),
		Entry("a frame longer than its frame size", nearfield.Frame{Type: nearfield.Data, Index: 1, Count: 3, Payload: make([]byte, 51)}),
	)

	It("does not know a session that begins with anything but an application, nor an index that a message does not have", func() {
		v := p.visitor()
		Expect(v.says(nearfield.Frame{Type: nearfield.Poll, Message: 1})).To(BeNil())
		Expect(v.tells(nearfield.Countersign, []byte("before all"))).To(BeFalse())
		v.applies(v.application())
		Expect(v.says(nearfield.Frame{Type: nearfield.Poll, Message: 1, Index: 200})).To(BeNil())
		Expect(v.says(nearfield.Frame{Type: nearfield.Poll, Message: 3}).Type).To(Equal(nearfield.Wait))
	})

	It("drops a message that is too long, and takes no countersign after a refusal", func() {
		v := p.visitor()
		Expect(v.tells(nearfield.Application, make([]byte, 2049))).To(BeFalse())
		Expect(v.says(v.cut(nearfield.Application, make([]byte, 2049))[0])).To(BeNil())
		other := p.visitor()
		a := other.application()
		a.Handset = "handset-9"
		other.tells(nearfield.Application, encode(a.Fields()))
		Expect(other.hears(nearfield.Information)).NotTo(BeNil())
		Expect(other.tells(nearfield.Countersign, []byte("all the same"))).To(BeFalse())
	})

	DescribeTable("refuses an application in words when",
		func(prepare func(*visitor), reason string) {
			v := p.visitor()
			prepare(v)
			v.tells(nearfield.Application, encode(v.application().Fields()))
			no, err := offline.ParseRefusal(v.hears(nearfield.Information), offline.Leniency{})
			Expect(err).NotTo(HaveOccurred())
			Expect(no).To(Equal(offline.Refusal{Error: reason, Serial: v.application().Serial}))
		},
		Entry("there is no server", func(v *visitor) { delete(v.hosts, "server.example") }, "server_unreachable"),
		Entry("the server is not the one configured", func(v *visitor) { v.till.Issuer += "/elsewhere" }, "server_unreachable"),
		Entry("the server's answer is not to be read", func(v *visitor) {
			v.answering("/application", func(sent) *http.Response { return says(http.StatusTeapot, []byte("no")) })
		}, "server_refused"),
		Entry("the server's answer is longer than any message", func(v *visitor) {
			v.answering("/application", func(sent) *http.Response { return says(http.StatusOK, make([]byte, 2049)) })
		}, "server_refused"),
		Entry("the server says no", func(v *visitor) { v.till.Secret = "forgotten" }, "invalid_client"),
	)

	It("refuses a malformed application itself", func() {
		v := p.visitor()
		v.tells(nearfield.Application, []byte("no CBOR"))
		no, err := offline.ParseRefusal(v.hears(nearfield.Information), offline.Leniency{})
		Expect(err).NotTo(HaveOccurred())
		Expect(no.Error).To(Equal("invalid_request"))
		Expect(p.to("/application")).To(BeEmpty())
	})

	DescribeTable("does not approve when the server's answer to the countersign is",
		func(status int, body []byte, tries int) {
			v := p.visitor()
			i := v.applies(v.application())
			p.answering("/verification", func(sent) *http.Response { return says(status, body) })
			v.countersigns(i)
			Expect(*v.decision()).To(Equal(offline.Decision{Serial: i.Serial, Error: "no_result"}))
			Expect(p.to("/verification")).To(HaveLen(tries))
		},
		Entry("final", http.StatusConflict, []byte(`{"error": "serial_used"}`), 1),
		Entry("an outage that lasts", http.StatusBadGateway, nil, 4),
		Entry("unreadable", http.StatusOK, []byte("verified"), 1),
		Entry("of another kind", http.StatusFound, nil, 1),
	)

	DescribeTable("does not approve a result of another",
		func(change func(*offline.Result)) { Expect(notApproved(altered(change))(guard.Set{})).To(BeTrue()) },
		Entry("handset", func(r *offline.Result) { r.Handset = "handset-2" }),
		Entry("service", func(r *offline.Result) { r.Service = "gate" }),
		Entry("currency", func(r *offline.Result) { r.Currency = "USD" }),
		Entry("level", func(r *offline.Result) { r.Level = 2 }),
		Entry("issuer", func(r *offline.Result) { r.Issuer += "/b" }),
	)

	It("takes no message of another type for a result, and no other server's", func() {
		Expect(notApproved(func(r offline.Result) []byte {
			f := r.Fields()
			f[offline.KeyType] = uint64(2)
			return signedAs("server-1", offline.DomainResult, encode(f))
		})(guard.Set{})).To(BeTrue())
		Expect(notApproved(func(r offline.Result) []byte { return signedAs("server-2", offline.DomainResult, encode(r.Fields())) })(guard.Set{})).To(BeTrue())
	})

	It("reads the server's metadata once in ten minutes, and anew after a refused document", func() {
		p.visitor().buys()
		p.visitor().buys()
		Expect(p.to("/offline-authorization")).To(HaveLen(1))
		p.Sleep(10 * time.Minute)
		p.visitor().buys()
		Expect(p.to("/offline-authorization")).To(HaveLen(2))
		p.Sleep(10 * time.Minute)
		p.answering("/offline-authorization", func(sent) *http.Response { return says(http.StatusOK, []byte(`{"issuer": "https://other.example"}`)) })
		v := p.visitor()
		v.tells(nearfield.Application, encode(v.application().Fields()))
		p.tap = nil
		Expect(p.visitor().buys().Approved).To(BeTrue())
	})

	It("verifies where the application's metadata said, whatever they say by then", func() {
		p.visitor().buys()
		p.Sleep(10*time.Minute - time.Second)
		v := p.visitor()
		i := v.applies(v.application())
		p.Sleep(2 * time.Second)
		p.answering("/offline-authorization", func(sent) *http.Response {
			return says(http.StatusOK, []byte(`{"issuer": "`+issuer+`", "verification_endpoint": "https://elsewhere.example/verification"}`))
		})
		v.countersigns(i)
		Expect(v.decision().Approved).To(BeTrue())
		Expect(p.to("/offline-authorization")).To(HaveLen(1))
		for _, verification := range p.to("/verification") {
			Expect(verification.url).To(Equal(issuer + "/verification"))
		}
	})

	It("goes on with a verification that a crash cut off, and counts the tries of before", func() {
		v := p.visitor()
		i := v.applies(v.application())
		p.till.Go = func(string, func()) {} // it crashes before it begins
		v.countersigns(i)
		Expect(v.decision()).To(BeNil())
		p.answering("/verification", func(sent) *http.Response { panic("crashes") })
		p.till.Go = func(_ string, work func()) {
			defer func() { _ = recover() }()
			work()
		}
		p.open()
		p.tap = nil
		p.open()
		Expect(p.count("/verification", plain(i))).To(Equal(2))
		Expect(v.decision().Approved).To(BeTrue())
		p.open()
		Expect(p.to("/verification")).To(HaveLen(2))
	})

	It("has room for 256 sessions, answers no new one when all are taken, and makes room of idle ones", func() {
		for range 256 {
			p.visits++
			f := nearfield.Frame{Type: nearfield.Data, Session: nearfield.Session{'r', p.visits}, Count: 2, Payload: []byte{1}}
			Expect(p.till.Receive(f.Bytes())).NotTo(BeNil())
		}
		v := p.visitor()
		v.session[0] = 'x'
		Expect(v.tells(nearfield.Application, encode(v.application().Fields()))).To(BeFalse())
		p.Sleep(121 * time.Second)
		Expect(v.tells(nearfield.Application, encode(v.application().Fields()))).To(BeTrue())
	})

	It("keeps to the rules of HTTP at its endpoint", func() {
		Expect(p.get(tillURL + "/near-field").status).To(Equal(http.StatusMethodNotAllowed))
		Expect(p.post(call{url: tillURL + "/near-field", contentType: "text/plain", body: []byte("x")}).status).To(Equal(http.StatusUnsupportedMediaType))
		Expect(p.post(call{url: tillURL + "/near-field", contentType: "application/octet-stream", body: make([]byte, 65537)}).status).To(Equal(http.StatusRequestEntityTooLarge))
		Expect(p.post(call{url: tillURL + "/near-field", contentType: "application/octet-stream", body: []byte("x")}).status).To(Equal(http.StatusNoContent))
		Expect(p.post(call{url: tillURL + "/near-field", contentType: "image/png", body: []byte("x")}).status).To(Equal(http.StatusNoContent))
	})

	It("shows on its page what it decided, and the frames that went as pictures", func() {
		w := p.wish()
		w.Link = "qr"
		Expect(p.buys(w, "")).To(Equal(offline.Approved))
		page := p.get(tillURL + "/")
		Expect(string(page.body)).To(And(ContainSubstring("<strong>Approved</strong>: coffee, 350"), ContainSubstring("data:image/png;base64,")))
		Expect(page.header.Get("Content-Security-Policy")).To(ContainSubstring("img-src data:"))
		Expect(strings.Count(string(page.body), "<img")).To(Equal(2))
	})
})
