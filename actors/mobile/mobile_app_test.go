package mobile_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

var _ = Describe("The mobile app", func() {
	It("is tried on every requirement", func() {
		var tried, all []catalog.ID
		for _, t := range appTrials() {
			tried = append(tried, t.id)
		}
		for _, r := range requirementsOf(catalog.MobileApp) {
			all = append(all, r.ID)
		}
		Expect(tried).To(Equal(all))
	})

	for _, t := range appTrials() {
		about := catalog.MustLookup(t.id)
		It(fmt.Sprintf("holds %s, %s", t.id, about.Title), func() {
			p := newAppPlay(guard.Set{})
			p.run(func() { Expect(t.try(p)).To(Equal(t.right)) })
		})
		It(fmt.Sprintf("%s when %s is lifted", about.Defect, t.id), func() {
			p := newAppPlay(guard.Set{}.Without(t.id))
			p.run(func() { Expect(t.try(p)).To(Equal(t.lifted)) })
		})
	}

	It("keeps a token for later starts until it expires", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.starts()
			p.sleep(299 * time.Second)
			p.starts()
			Expect(p.to("/authentication")).To(HaveLen(1))
			p.sleep(2 * time.Second)
			Expect(p.starts()).To(Equal("200 " + crmAddress))
			Expect(p.to("/authentication")).To(HaveLen(2))
			Expect(p.holds()).To(Equal(holdsAll))
		})
	})

	It("is not enrolled when the authorization server refuses, and sends no request before", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			Expect(p.starts()).To(Equal("409 not_enrolled"))
			p.register = http.StatusForbidden
			Expect(p.enrols()).To(Equal("502 registration_refused"))
			Expect(p.starts()).To(Equal("409 not_enrolled"))
			Expect(p.to("/authentication")).To(BeEmpty())
		})
	})

	It("forgets by an enrolment what it held, but not its key", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.version = 7
			p.enrols()
			p.starts()
			p.enrols()
			Expect(p.holds()).To(Equal(holdsEnrolment))
			p.version = 1
			Expect(p.starts()).To(Equal("200 " + crmAddress))
			keys := p.to("/registration")
			Expect(keys[0].jwk).To(Equal(keys[1].jwk))
		})
	})

	It("proves each request for itself", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.starts()
			for _, s := range append(p.to("/registration"), append(p.to("/authentication"), p.to("/resource")...)...) {
				Expect(s.proof["htm"]).To(Equal(s.method))
				Expect(s.proof["htu"]).To(Equal(s.url))
				Expect(s.proof["iat"]).To(BeNumerically("~", s.at.Unix(), 1))
				Expect(s.proof["jti"]).To(HaveLen(32))
			}
		})
	})

	DescribeTable("refuses an answer whose address is not signed for it",
		func(change func(answer, claims, header object) string) {
			p := newAppPlay(guard.Set{})
			p.run(func() {
				p.enrols()
				p.grant = change
				Expect(p.starts()).To(Equal("502 answer_refused"))
				Expect(p.to("/resource")).To(BeEmpty())
				Expect(p.holds()).To(Equal(holdsEnrolment))
			})
		},
		Entry("that has none", func(_, _, _ object) string { return "none" }),
		Entry("of another type", func(_, _, header object) string { header["typ"] = "secevent+jwt"; return "" }),
		Entry("of another issuer", func(_, claims, _ object) string { claims["iss"] = "https://another.example"; return "" }),
		Entry("for another device", func(_, claims, _ object) string { claims["sub"] = "device-bob"; return "" }),
		Entry("that has expired", func(_, claims, _ object) string { claims["exp"] = claims["iat"]; return "" }),
		Entry("of another system", func(_, claims, _ object) string { claims["system_id"] = "erp"; return "" }),
		Entry("of another version", func(_, claims, _ object) string { claims["rules_version"] = 2; return "" }),
		Entry("without a token", func(a, _, _ object) string { delete(a, "access_token"); return "" }),
		Entry("with a lifetime that is none", func(a, _, _ object) string { a["expires_in"] = "300"; return "" }),
	)

	DescribeTable("refuses messages",
		func(change func(header, claims object)) {
			p := newAppPlay(guard.Set{})
			p.run(func() {
				p.enrols()
				p.starts()
				Expect(p.push(p.wipe(change))).To(Equal("400 invalid_request"))
				Expect(p.holds()).To(Equal(holdsAll))
				Expect(p.to("/wipe-acknowledgement")).To(BeEmpty())
			})
		},
		Entry("of another issuer", func(_, claims object) { claims["iss"] = "https://another.example" }),
		Entry("of another type", func(header, _ object) { header["typ"] = "JWT" }),
		Entry("for another key", func(_, claims object) { claims["cnf"] = object{"jkt": "x"} }),
		Entry("for no key", func(_, claims object) { delete(claims, "cnf") }),
		Entry("without an identifier", func(_, claims object) { delete(claims, "jti") }),
		Entry("without an event", func(_, claims object) { claims["events"] = object{} }),
		Entry("with an address that is none", func(_, claims object) { claims["events"] = object{addressEvent: object{"system_id": "crm"}} }),
	)

	DescribeTable("takes no address message whose address is no safe URL",
		func(address string) {
			p := newAppPlay(guard.Set{})
			p.run(func() {
				p.enrols()
				p.starts()
				Expect(p.push(p.move(address))).To(Equal("400 invalid_request"))
				Expect(p.starts()).To(Equal("200 " + crmAddress))
			})
		},
		Entry("since it goes in the open", "http://crm.example/resource"),
		Entry("since it is of another scheme", "ftp://crm.example/resource"),
		Entry("since it has user information", "https://user:password@crm.example/resource"),
		Entry("since it has a fragment", crmSecond+"#fragment"),
		Entry("since it is no URL", "crm"),
		Entry("since there is none", ""),
	)

	It("takes an address message that a newer one of another system has overtaken, and refuses an answer that is older than both", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.starts()
			p.version = 3
			Expect(p.push(p.moveOf("erp", "https://erp.example/second"))).To(Equal("202"))
			p.version = 2
			Expect(p.push(p.move(crmSecond))).To(Equal("202"))
			Expect(p.starts()).To(Equal("200 " + crmSecond))
			Expect(p.startsWith(`{"fresh":true}`)).To(Equal("502 answer_refused"))
		})
	})

	It("takes a message about something else, and does nothing", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.starts()
			Expect(p.push(p.message("urn:example:other", object{}, nil))).To(Equal("202"))
			Expect(p.ask(http.MethodPost, "/notification", "application/secevent+jwt", "garbage").status).To(Equal(http.StatusBadRequest))
			Expect(p.ask(http.MethodGet, "/notification", "", "").status).To(Equal(http.StatusMethodNotAllowed))
			Expect(p.holds()).To(Equal(holdsAll))
		})
	})

	It("tries an acknowledgement two to eight times within a minute, and once more when it is told again meanwhile", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.ack = func(int) int { return http.StatusInternalServerError }
			m := p.wipe(nil)
			begun := p.harness.Clock().Now()
			p.push(m)
			p.sleep(2 * time.Second)
			p.push(m)
			p.sleep(5 * time.Minute)
			tries := p.to("/wipe-acknowledgement")
			Expect(tries).To(HaveLen(7))
			Expect(tries[len(tries)-1].at.Sub(begun)).To(BeNumerically("<", time.Minute))
			p.push(m)
			p.sleep(5 * time.Minute)
			Expect(p.to("/wipe-acknowledgement")).To(HaveLen(13))
		})
	})

	It("lets a wipe that comes during a start win", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.resource = func(string) (int, object) {
				p.push(p.wipe(nil))
				return 0, nil
			}
			Expect(p.starts()).To(Equal("409 not_enrolled"))
			Expect(p.holds()).To(Equal(holdsNothing))
		})
	})

	It("ends a start within thirty seconds, however slow the others are", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.resource = func(string) (int, object) {
				p.sleep(20 * time.Second)
				return 0, nil
			}
			begun := p.harness.Clock().Now()
			Expect(p.starts()).To(HavePrefix("502 "))
			Expect(p.harness.Clock().Now().Sub(begun)).To(BeNumerically("<=", 30*time.Second))
			Expect(len(p.to("/authentication"))).To(BeNumerically("<=", 4))
		})
	})

	It("goes where it is told at level core, signed or not", func() {
		p := newAppPlay(core)
		p.run(func() {
			p.grant = func(a, _, _ object) string {
				a["token_type"] = "Bearer"
				return "none"
			}
			Expect(p.enrols()).To(Equal("200"))
			Expect(p.starts()).To(Equal("200 " + crmAddress))
			Expect(p.to("/resource")[0].authorization).To(Equal("Bearer access-token-1"))
			Expect(p.push(unsigned(object{"typ": "secevent+jwt"}, object{
				"iss": issuer, "jti": "message-identifier", "aud": "device-alice", "events": object{wipeEvent: object{}},
			}))).To(Equal("202"))
			Expect(p.holds()).To(Equal(holdsNothing))
		})
	})

	DescribeTable("says how a start ends that brings nothing",
		func(prepare func(*appPlay), want string) {
			p := newAppPlay(guard.Set{})
			p.run(func() {
				Expect(p.enrols()).To(Equal("200"))
				prepare(p)
				Expect(p.starts()).To(Equal(want))
				Expect(p.holds()).To(HavePrefix("enrolled true"))
			})
		},
		Entry("when the metadata name no endpoint", func(p *appPlay) {
			p.document = func(d object) { delete(d, "authentication_endpoint") }
		}, "502 unreachable"),
		Entry("when the metadata are another's", func(p *appPlay) {
			p.document = func(d object) { d["issuer"] = "https://another.example" }
		}, "502 answer_refused"),
		Entry("when the authorization server is out of order", func(p *appPlay) {
			p.authorize = func() (int, object) { return http.StatusInternalServerError, object{} }
		}, "502 access_refused"),
		Entry("when the authentication is refused", func(p *appPlay) {
			p.authorize = func() (int, object) { return http.StatusBadRequest, object{"error": "invalid_dpop_proof"} }
		}, "502 authentication_refused"),
		Entry("when the business system is out of order", func(p *appPlay) {
			p.resource = func(string) (int, object) { return http.StatusInternalServerError, object{} }
		}, "502 access_refused"),
		Entry("when the business system asks for more patience than there is", func(p *appPlay) {
			p.resource = func(string) (int, object) { return http.StatusServiceUnavailable, object{"Retry-After": "6"} }
		}, "502 access_refused"),
		Entry("when the business system gives something else", func(p *appPlay) {
			p.resource = func(string) (int, object) { return http.StatusNoContent, object{} }
		}, "502 access_refused"),
		Entry("when nobody is ever at the address", func(p *appPlay) { p.address = "https://gone.example/resource" }, "502 access_refused"),
	)

	It("waits as the authorization server asks it to", func() {
		p := newAppPlay(guard.Set{})
		p.run(func() {
			p.enrols()
			p.authorize = func() (int, object) {
				if len(p.to("/authentication")) > 1 {
					return 0, nil
				}
				return http.StatusServiceUnavailable, object{}
			}
			p.retryAfter = "2"
			Expect(p.starts()).To(Equal("200 " + crmAddress))
			tries := p.to("/authentication")
			Expect(tries[1].at.Sub(tries[0].at)).To(BeNumerically(">=", 2*time.Second))
		})
	})

	DescribeTable("begins nothing with a request that is none",
		func(method, path, body string, want int) {
			p := newAppPlay(guard.Set{})
			p.run(func() {
				Expect(p.ask(method, path, jsonType, body).status).To(Equal(want))
				Expect(p.sent).To(BeEmpty())
			})
		},
		Entry("a password that is no string", http.MethodPost, "/enrolment", `{"password":7}`, http.StatusBadRequest),
		Entry("no password", http.MethodPost, "/enrolment", `{}`, http.StatusBadRequest),
		Entry("a member twice", http.MethodPost, "/start", `{"fresh":true,"fresh":false}`, http.StatusBadRequest),
		Entry("a wish that is neither true nor false", http.MethodPost, "/start", `{"fresh":"yes"}`, http.StatusBadRequest),
		Entry("a GET of the enrolment", http.MethodGet, "/enrolment", ``, http.StatusMethodNotAllowed),
		Entry("a POST of the holdings", http.MethodPost, "/holdings", `{}`, http.StatusMethodNotAllowed),
		Entry("a body that is too large", http.MethodPost, "/start", `{"x":"`+strings.Repeat("x", 65<<10)+`"}`, http.StatusRequestEntityTooLarge),
	)
})
