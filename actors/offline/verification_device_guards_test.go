package offline_test

import (
	"bytes"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
	"countersign/conformance/catalog"
)

// keeping says of a device with those guards whether it does what the requirement asks.
type keeping func(guard.Set) bool

// judged is a table entry for one requirement.
func judged(id catalog.ID, keeps keeping) TableEntry {
	return Entry(string(id)+" "+catalog.MustLookup(id).Title, id, keeps)
}

// bothWays is the body of such a table: it is kept, and no longer when its guard is lifted.
func bothWays(id catalog.ID, keeps keeping) {
	Expect(keeps(guard.Set{})).To(BeTrue(), "the guard is on")
	Expect(keeps(guard.Set{}.Without(id))).To(BeFalse(), "the guard is lifted: "+catalog.MustLookup(id).Defect)
}

// visited makes a requirement's test out of a visit to a fresh shop.
func visited(visit func(*visitor) bool) keeping {
	return func(guards guard.Set) bool { return visit(newShop(guards).visitor()) }
}

// notApproved is a requirement that a forged result is refused.
func notApproved(forge func(offline.Result) []byte) keeping {
	return visited(func(v *visitor) bool {
		d := v.forged(forge)
		return d != nil && !d.Approved && d.Error == "result_rejected"
	})
}

var _ = DescribeTable("The verification device", bothWays,
	judged("OF-VD-01", func(guards guard.Set) bool {
		return newShop(guards).get(tillURL+"/.well-known/offline-authorization").member("near_field_frame_size") == 64.0
	}),
	judged("OF-VD-02", visited(func(v *visitor) bool {
		v.tells(nearfield.Application, encode(v.application().Fields()))
		return v.count("/application", encode(v.application().Fields())) == 1
	})),
	judged("OF-VD-03", visited(func(v *visitor) bool {
		v.answering("/application", func(sent) *http.Response {
			return says(http.StatusOK, signedAs("server-1", offline.DomainInformation, []byte("whatever")))
		})
		v.tells(nearfield.Application, encode(v.application().Fields()))
		return bytes.Equal(v.hears(nearfield.Information), signedAs("server-1", offline.DomainInformation, []byte("whatever")))
	})),
	judged("OF-VD-04", visited(func(v *visitor) bool {
		i := v.applies(v.application())
		v.countersigns(i)
		return v.count("/verification", plain(i)) == 1
	})),
	judged("OF-VD-05", visited(func(v *visitor) bool {
		d := v.buys()
		Expect(d.Approved).To(BeTrue())
		return d.Result != nil
	})),
	judged("OF-VD-06", visited(func(v *visitor) bool {
		d := v.forged(altered(func(r *offline.Result) { r.Verified = false }))
		return !d.Approved && d.Error == "not_verified" && d.Result != nil
	})),
	judged("OF-VD-07", visited(func(v *visitor) bool {
		i := v.applies(v.application())
		delete(v.hosts, "server.example")
		v.countersigns(i)
		d := v.decision()
		return !d.Approved && d.Error == "no_result"
	})),
	judged("OF-VD-08", visited(func(v *visitor) bool {
		i := v.applies(v.application())
		var begun func()
		v.till.Go = func(_ string, work func()) { begun = work }
		v.countersigns(i)
		early := v.decision()
		begun()
		Expect(v.decision().Approved).To(BeTrue())
		return early == nil
	})),
	judged("OF-VD-09", visited(func(v *visitor) bool {
		a := v.application()
		a.Service = "yacht"
		v.tells(nearfield.Application, encode(a.Fields()))
		no, err := offline.ParseRefusal(v.hears(nearfield.Information), offline.Leniency{})
		return err == nil && no.Error == "unknown_service" && bytes.Equal(no.Serial, a.Serial)
	})),
	judged("OF-VD-10", visited(func(v *visitor) bool {
		frames := v.cut(nearfield.Application, encode(v.application().Fields()))
		for i := range frames {
			Expect(v.says(frames[len(frames)-1-i])).NotTo(BeNil())
		}
		return v.count("/application", encode(v.application().Fields())) == 1
	})),
	judged("OF-VD-11", visited(func(v *visitor) bool {
		other := v.visitor()
		first, second := v.cut(nearfield.Application, encode(v.application().Fields())), other.cut(nearfield.Application, encode(other.application().Fields()))
		for i := range first {
			v.says(first[i])
			other.says(second[i])
		}
		return v.count("/application", encode(v.application().Fields())) == 1 && v.count("/application", encode(other.application().Fields())) == 1
	})),
	judged("OF-VD-12", visited(func(v *visitor) bool {
		damaged := v.cut(nearfield.Application, encode(v.application().Fields()))[0].Bytes()
		damaged[20] ^= 4
		return v.hands(damaged) == nil
	})),
	judged("OF-VD-13", visited(func(v *visitor) bool {
		frames := v.cut(nearfield.Application, encode(v.application().Fields()))
		v.tells(nearfield.Application, encode(v.application().Fields()))
		for range 3 {
			Expect(v.says(frames[len(frames)-1]).Type).To(Equal(nearfield.Ack))
		}
		return len(v.to("/application")) == 1
	})),
	judged("OF-VD-14", visited(func(v *visitor) bool {
		f := v.cut(nearfield.Application, encode(v.application().Fields()))[0]
		v.says(f)
		f.Count++
		return v.says(f) == nil
	})),
	judged("OF-VD-15", visited(func(v *visitor) bool {
		v.tells(nearfield.Application, encode(v.application().Fields()))
		f := v.says(nearfield.Frame{Type: nearfield.Poll, Message: nearfield.Information})
		return len(f.Bytes()) <= 64
	})),
	judged("OF-VD-16", visited(func(v *visitor) bool {
		frames := v.cut(nearfield.Application, encode(v.application().Fields()))
		v.says(frames[0])
		injected := frames[0]
		injected.Payload = bytes.Repeat([]byte{7}, 50)
		for _, f := range append([]nearfield.Frame{injected}, frames[1:]...) {
			Expect(v.says(f).Type).To(Equal(nearfield.Ack))
		}
		return v.count("/application", encode(v.application().Fields())) == 1
	})),
	judged("OF-VD-17", notApproved(func(r offline.Result) []byte {
		forged := resulting(r)
		forged[len(forged)-1] ^= 1
		return forged
	})),
	judged("OF-VD-18", notApproved(func(r offline.Result) []byte {
		return signedAs("server-1", offline.DomainInformation, encode(r.Fields()))
	})),
	judged("OF-VD-19", notApproved(altered(func(r *offline.Result) { r.Serial[0]++ }))),
	judged("OF-VD-20", notApproved(altered(func(r *offline.Result) { r.Challenge[0]++ }))),
	judged("OF-VD-21", notApproved(altered(func(r *offline.Result) { r.Device = "till-2" }))),
	judged("OF-VD-22", notApproved(altered(func(r *offline.Result) { r.Amount-- }))),
	judged("OF-VD-23", visited(func(v *visitor) bool {
		a, again := v.application(), v.visitor()
		i := v.applies(a)
		Expect(again.tells(nearfield.Application, encode(a.Fields()))).To(BeTrue())
		Expect(readInformation(answer{status: 200, body: again.hears(nearfield.Information)})).To(Equal(i))
		v.countersigns(i)
		again.countersigns(i)
		Expect(v.decision().Approved).To(BeTrue())
		return !again.decision().Approved && again.decision().Error == "already_approved"
	})),
	judged("OF-VD-24", visited(func(v *visitor) bool {
		v.countersigns(v.applies(v.application()))
		sent := append(v.to("/application"), v.to("/verification")...)
		Expect(sent).To(HaveLen(2))
		Expect(sent[0].authorization).NotTo(BeEmpty())
		return sent[1].authorization == sent[0].authorization
	})),
	judged("OF-VD-25", visited(func(v *visitor) bool {
		v.answering("/.well-known/offline-authorization", func(sent) *http.Response {
			return says(http.StatusOK, []byte(`{"issuer": "https://other.example", "application_endpoint": "`+issuer+`/application"}`))
		})
		v.tells(nearfield.Application, encode(v.application().Fields()))
		return len(v.to("/application")) == 0
	})),
	judged("OF-VD-26", visited(func(v *visitor) bool {
		i := v.applies(v.application())
		v.answering("/verification", func(sent) *http.Response {
			v.tap = nil
			return says(http.StatusInternalServerError, nil)
		})
		v.countersigns(i)
		return v.count("/verification", plain(i)) == 2 && v.decision().Approved
	})),
	judged("OF-VD-27", visited(func(v *visitor) bool {
		v.answering("/application", func(sent) *http.Response { return says(http.StatusServiceUnavailable, nil) })
		begin := v.now
		v.tells(nearfield.Application, encode(v.application().Fields()))
		tries := len(v.to("/application"))
		Expect(tries).To(BeNumerically(">=", 2))
		return tries <= 4 && v.now.Sub(begin) <= 20*time.Second
	})),
	judged("OF-VD-28", visited(func(v *visitor) bool {
		a := v.application()
		a.Device = "till-2"
		v.tells(nearfield.Application, encode(a.Fields()))
		no, err := offline.ParseRefusal(v.hears(nearfield.Information), offline.Leniency{})
		return err == nil && no.Error == "access_denied" && len(v.to("/application")) == 0
	})),
	judged("OF-VD-29", visited(func(v *visitor) bool {
		i := v.applies(v.application())
		v.countersigns(i)
		v.tells(nearfield.Countersign, signedAs("handset-2", offline.DomainCountersign, encode(offline.Countersign{Information: i}.Fields())))
		return len(v.to("/verification")) == 1
	})),
	judged("OF-VD-30", visited(func(v *visitor) bool {
		v.applies(v.application())
		v.Sleep(121 * time.Second)
		return v.says(nearfield.Frame{Type: nearfield.Poll, Message: nearfield.Information}) == nil
	})),
	judged("OF-VD-31", visited(func(v *visitor) bool {
		f := v.cut(nearfield.Application, encode(v.application().Fields()))[0]
		picture, err := nearfield.Picture(f.Bytes())
		Expect(err).NotTo(HaveOccurred())
		shown := v.post(call{url: tillURL + "/near-field", contentType: "image/png", body: picture})
		if shown.header.Get("Content-Type") != "image/png" {
			return false
		}
		read, err := nearfield.ReadPicture(shown.body)
		Expect(err).NotTo(HaveOccurred())
		ack, err := nearfield.Parse(read)
		return err == nil && ack.Type == nearfield.Ack && ack.Answers(f)
	})),
	judged("OF-VD-32", visited(func(v *visitor) bool {
		v.till.Issuer = "http://server.example"
		v.answering("/.well-known/offline-authorization", func(sent) *http.Response {
			return says(http.StatusOK, []byte(`{"issuer": "http://server.example", "application_endpoint": "http://server.example/application"}`))
		})
		v.tells(nearfield.Application, encode(v.application().Fields()))
		return len(v.to("/application")) == 0
	})),
	judged("OF-VD-33", visited(func(v *visitor) bool {
		v.answering("/.well-known/offline-authorization", func(sent) *http.Response {
			v.tap = nil
			return says(http.StatusServiceUnavailable, nil)
		})
		v.tells(nearfield.Application, encode(v.application().Fields()))
		return len(v.to("/.well-known/offline-authorization")) == 2 && len(v.to("/application")) == 1
	})),
)
