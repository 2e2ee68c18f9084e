package mobile_test

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/conformance/catalog"
	"countersign/sim"
)

// flow is the whole cast in one world.
type flow struct {
	*play
	phone    *sim.Host // with the app on it
	requests int       // that business systems answered
	failed   int       // of these, with a status other than 200
}

func newFlow(guards guard.Set) *flow {
	f := &flow{play: newPlay(guards)}
	signer := another("the authorization server")
	signer.ID = signingKey
	f.configure = func(s *mobile.AuthorizationServer) { s.Signer = signer }
	for _, place := range []struct{ host, id string }{{"crm.example", "crm"}, {"crm-two.example", "crm"}, {"erp.example", "erp"}} {
		f.world.Host(place.host, func(h *sim.Host) http.Handler {
			return f.counted((&mobile.BusinessSystem{
				Env: f.env(h), BaseURL: "https://" + place.host, SystemID: place.id, Issuer: issuer, Secret: place.id + "-secret", Key: sealingKey(place.id),
			}).Handler())
		})
	}
	f.phone = f.world.Host("app.localhost", func(h *sim.Host) http.Handler {
		return (&mobile.MobileApp{
			Env: f.env(h), BaseURL: appURL, Issuer: issuer, SigningKeys: []*ecdsa.PublicKey{&signer.Key.PublicKey},
			AppID: "field-sales", DeviceID: "device-alice", Username: "alice",
		}).Handler()
	})
	return f
}

// counted counts what a business system answers.
func (f *flow) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered := &status{ResponseWriter: w}
		h.ServeHTTP(answered, r)
		if r.URL.Path == "/resource" {
			f.requests++
			if answered.code != http.StatusOK {
				f.failed++
			}
		}
	})
}

// status is the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// app asks the app, and gives status, error, and address in short.
func (f *flow) app(method, path, body string) string {
	GinkgoHelper()
	r, err := http.NewRequest(method, appURL+path, bytes.NewReader([]byte(body)))
	Expect(err).NotTo(HaveOccurred())
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	response, err := f.harness.Client().Do(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	a := answer{response.StatusCode, response.Header, string(text)}
	if path == "/holdings" {
		return a.body
	}
	return fmt.Sprintf("%d %s%s", a.status, a.text("error"), a.text("address"))
}

func (f *flow) enrols() string {
	GinkgoHelper()
	return f.app(http.MethodPost, "/enrolment", `{"password":"alice-password"}`)
}

func (f *flow) starts() string {
	GinkgoHelper()
	return f.app(http.MethodPost, "/start", `{}`)
}

func (f *flow) startsFresh() string {
	GinkgoHelper()
	return f.app(http.MethodPost, "/start", `{"fresh":true}`)
}

// lost is the user, who deregisters the device from somewhere else.
func (f *flow) lost() string {
	GinkgoHelper()
	return f.deregister(&phone{id: "device-alice", username: "alice"}).text("wipe")
}

var _ = Describe("The mobile flow", func() {
	const atCRM, atSecond, atERP = "200 " + crmAddress, "200 " + crmSecond, "200 " + erpAddress

	DescribeTable("enrols a device, opens the app, and follows the business system to a new address",
		func(guards guard.Set) {
			f := newFlow(guards)
			f.run(func() {
				Expect(f.enrols()).To(Equal("200 "))
				Expect(f.starts()).To(Equal(atCRM))
				Expect(f.put(changed(moved)).status).To(Equal(http.StatusOK))
				f.sleep(3 * time.Second)
				Expect(f.startsFresh()).To(Equal(atSecond))
				Expect(f.failed).To(BeZero())
			})
		},
		Entry("hardened", guard.Set{}),
		Entry("core", core),
	)

	It("carries a new address to the app, which goes there with the token that it has", func() {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			f.starts()
			f.put(changed(moved))
			f.sleep(3 * time.Second)
			Expect(f.starts()).To(Equal(atSecond))
			Expect(f.requests).To(Equal(2))
		})
	})

	It("moves an app to another business system, by its rules alone", func() {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			f.starts()
			f.put(changed(func(r *mobile.Rules) { r.Apps[0].SystemID = "erp" }))
			f.sleep(10 * time.Second)
			Expect(f.starts()).To(Equal(atERP), "the token of before is shared no longer")
			Expect(f.failed).To(Equal(1))
		})
	})

	It("changes its rules under load, and no request fails", func() {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			for i := range 20 {
				f.together(
					func() { Expect(f.startsFresh()).To(Equal(atCRM)) },
					func() {
						Expect(f.put(changed(func(r *mobile.Rules) { r.Apps[1].Users = []string{fmt.Sprint("user-", i)} })).status).To(Equal(http.StatusOK))
					},
				)
			}
			Expect(f.requests).To(Equal(20))
			Expect(f.failed).To(BeZero())
		})
	})

	It("rotates a sealing key, and tokens under the old one and the new are taken", func() {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			Expect(f.starts()).To(Equal(atCRM))
			rotated := f.ask(request{path: "/key-rotation", basic: admin, body: object{"system_id": "crm"}})
			Expect(rotated.status).To(Equal(http.StatusOK), rotated.body)
			f.sleep(10 * time.Second)
			Expect(f.starts()).To(Equal(atCRM))
			Expect(f.startsFresh()).To(Equal(atCRM))
			Expect(f.failed).To(BeZero())
		})
	})

	DescribeTable("wipes a lost device, and takes it back when it is found",
		func(guards guard.Set) {
			f := newFlow(guards)
			f.run(func() {
				f.enrols()
				f.starts()
				Expect(f.lost()).To(Equal("pending"))
				f.sleep(3 * time.Second)
				Expect(f.app(http.MethodGet, "/holdings", "")).To(MatchJSON(`{"enrolled":false,"token":false,"address":false,"resources":0}`))
				if guards.Level != catalog.Core { // at level core a repeated deregistration is a new one
					Expect(f.lost()).To(Equal("acknowledged"))
				}
				Expect(f.starts()).To(Equal("409 not_enrolled"))
				Expect(f.enrols()).To(Equal("200 "))
				Expect(f.starts()).To(Equal(atCRM))
			})
		},
		Entry("hardened", guard.Set{}),
		Entry("core", core),
	)

	It("wipes a device that was off when it was deregistered", func() {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			f.starts()
			f.phone.Crash(time.Hour)
			Expect(f.lost()).To(Equal("pending"))
			f.sleep(time.Hour + time.Second)
			Expect(f.starts()).To(Or(Equal("502 authentication_refused"), Equal("409 not_enrolled")), "the token has expired, and contact wipes")
			f.sleep(time.Second)
			Expect(f.app(http.MethodGet, "/holdings", "")).To(MatchJSON(`{"enrolled":false,"token":false,"address":false,"resources":0}`))
			Expect(f.lost()).To(Equal("acknowledged"))
		})
	})

	// The defects of these stand in the way of the flow itself, or of a counterpart that is hardened.
	breaking := []catalog.ID{"MO-BS-24", "MO-BS-28", "MO-AP-02", "MO-AP-03", "MO-AP-05", "MO-AP-09", "MO-AP-11", "MO-AP-13", "MO-AP-14", "MO-AP-15", "MO-AP-16", "MO-AP-35"}
	completes := func(id catalog.ID) (whole bool) {
		f := newFlow(guard.Set{}.Without(id))
		f.run(func() {
			whole = f.enrols() == "200 " && f.starts() == atCRM
			f.ask(request{path: "/key-rotation", basic: admin, body: object{"system_id": "crm"}})
			whole = whole && f.startsFresh() == atCRM
			f.put(changed(moved))
			f.sleep(3 * time.Second)
			whole = whole && f.startsFresh() == atSecond
			f.lost()
			f.sleep(3 * time.Second)
			whole = whole && f.lost() == "acknowledged" && f.enrols() == "200 "
		})
		return whole
	}
	for _, r := range slices.Concat(requirementsOf(catalog.BusinessSystem), requirementsOf(catalog.MobileApp)) {
		want := !slices.Contains(breaking, r.ID)
		It(fmt.Sprintf("is whole: %t, when %s is lifted: %s", want, r.ID, r.Defect), func() {
			Expect(completes(r.ID)).To(Equal(want))
		})
	}
})

var _ = It("The mobile flow sends the same bytes for the same seed", func() {
	digest := func() string {
		f := newFlow(guard.Set{})
		f.run(func() {
			f.enrols()
			f.starts()
			f.put(changed(moved))
			f.sleep(3 * time.Second)
			f.starts()
			f.lost()
			f.sleep(3 * time.Second)
		})
		return f.world.Trace().SHA256()
	}
	Expect(digest()).To(Equal(digest()))
})
