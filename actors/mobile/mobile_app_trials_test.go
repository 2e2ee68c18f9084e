package mobile_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
)

// appTrial is what a spec tries on an app, and what it sees with the guard on, and with the guard lifted.
type appTrial struct {
	id            catalog.ID
	try           func(*appPlay) string
	right, lifted string
}

func unsigned(header, claims object) string {
	encode := func(o object) string {
		text, err := json.Marshal(o)
		Expect(err).NotTo(HaveOccurred())
		return base64.RawURLEncoding.EncodeToString(text)
	}
	header["alg"] = "none"
	return encode(header) + "." + encode(claims) + "."
}

// answering is a start of an enrolled app that gets such an answer.
func answering(change func(answer, claims, header object) string) func(*appPlay) string {
	return func(p *appPlay) string {
		p.enrols()
		p.grant = change
		return p.starts()
	}
}

func addresses(found []sent) string {
	var all []string
	for _, s := range found {
		all = append(all, s.url)
	}
	return strings.Join(all, " ")
}

// appTrials is one for each requirement of the role.
func appTrials() []appTrial {
	const opened, refused, accessRefused = "200 " + crmAddress, "502 answer_refused", "502 access_refused"
	ready := func(p *appPlay) {
		Expect(p.enrols()).To(Equal("200"))
		Expect(p.starts()).To(HavePrefix("200 "))
	}
	unauthorized := func(string) (int, object) { return http.StatusUnauthorized, object{"WWW-Authenticate": "DPoP"} }
	return []appTrial{
		{"MO-AP-01", func(p *appPlay) string {
			return p.ask(http.MethodGet, "/.well-known/mobile-access", "", "").text("deviceid")
		}, "device-alice", ""},
		{"MO-AP-02", func(p *appPlay) string {
			ready(p)
			return p.to("/authentication")[0].body
		}, `{"appid":"field-sales","deviceid":"device-alice","username":"alice"}`, `{"appid":"field-sales","deviceid":"device-alice"}`},
		{"MO-AP-03", func(p *appPlay) string {
			ready(p)
			return p.to("/resource")[0].authorization
		}, "DPoP access-token-1", ""},
		{"MO-AP-04", func(p *appPlay) string {
			ready(p)
			shown := ""
			for _, s := range p.sent {
				if strings.HasPrefix(s.url, issuer) {
					shown += s.authorization
				}
			}
			return shown
		}, "", "DPoP access-token-1"},
		{"MO-AP-05", func(p *appPlay) string {
			ready(p)
			p.address = crmSecond
			return p.startsWith(`{"fresh":true}`)
		}, "200 " + crmSecond, opened},
		{"MO-AP-06", func(p *appPlay) string {
			p.enrols()
			p.address = "https://gone.example/resource"
			p.authorize = func() (int, object) {
				if len(p.to("/authentication")) > 1 {
					p.address = crmSecond
				}
				return 0, nil
			}
			return p.starts()
		}, "200 " + crmSecond, "502 unreachable"},
		{"MO-AP-07", func(p *appPlay) string {
			ready(p)
			p.sent, p.resource = nil, unauthorized
			p.starts()
			shown := map[string]bool{}
			for _, s := range p.to("/resource") {
				shown[s.authorization] = true
			}
			return fmt.Sprintf("%d tokens in %d requests", len(shown), len(p.to("/resource")))
		}, "5 tokens in 5 requests", "1 tokens in 8 requests"},
		{"MO-AP-08", func(p *appPlay) string {
			ready(p)
			p.authorize = func() (int, object) {
				return http.StatusForbidden, object{"error": "access_denied", "error_description": "no"}
			}
			return p.startsWith(`{"fresh":true}`)
		}, "502 authentication_refused", opened},
		{"MO-AP-09", func(p *appPlay) string {
			p.enrols()
			return p.to("/registration")[0].body
		}, `{"deviceid":"device-alice","notification_uri":"http://app.localhost/notification","password":"alice-password","username":"alice"}`,
			`{"deviceid":"device-alice","password":"alice-password","username":"alice"}`},
		{"MO-AP-10", func(p *appPlay) string {
			ready(p)
			Expect(p.push(p.wipe(nil))).To(Equal("202"))
			return p.holds()
		}, holdsNothing, "enrolled false, token false, address false, resources 2"},
		{"MO-AP-11", func(p *appPlay) string {
			ready(p)
			Expect(p.push(p.wipe(nil))).To(Equal("202"))
			p.sleep(time.Second)
			return fmt.Sprint(len(p.to("/wipe-acknowledgement")))
		}, "1", "0"},
		{"MO-AP-12", func(p *appPlay) string {
			ready(p)
			p.push(p.wipe(nil))
			p.sleep(time.Second)
			p.sent = nil
			return fmt.Sprintf("%s after %d", p.starts(), len(p.to("/authentication")))
		}, "409 not_enrolled after 0", opened + " after 1"},
		{"MO-AP-13", func(p *appPlay) string {
			p.enrols()
			return fmt.Sprint(p.to("/registration")[0].proof != nil)
		}, "true", "false"},
		{"MO-AP-14", func(p *appPlay) string {
			ready(p)
			return fmt.Sprint(p.to("/resource")[0].proof["ath"])
		}, hashOf("access-token-1"), "<nil>"},
		{"MO-AP-15", func(p *appPlay) string {
			ready(p)
			return fmt.Sprint(p.to("/resource")[0].proof["jti"] == p.to("/registration")[0].proof["jti"])
		}, "false", "true"},
		{"MO-AP-16", func(p *appPlay) string {
			p.enrols()
			return fmt.Sprint(p.to("/registration")[0].jwk["d"] != nil)
		}, "false", "true"},
		{"MO-AP-17", answering(func(_, claims, header object) string { return unsigned(header, claims) }), refused, opened},
		{"MO-AP-18", func(p *appPlay) string {
			p.enrols()
			p.grant = func(_, claims, header object) string { return p.signs(another("somebody"), header, claims) }
			return p.starts()
		}, refused, opened},
		{"MO-AP-19", answering(func(_, claims, _ object) string {
			claims["aud"] = "stock"
			return ""
		}), refused, opened},
		{"MO-AP-20", answering(func(_, claims, _ object) string {
			claims["ath"] = hashOf("of an old day")
			return ""
		}), refused, opened},
		{"MO-AP-21", answering(func(a, _, _ object) string {
			a["system_address"] = elsewhere
			return ""
		}), refused, "200 " + elsewhere},
		{"MO-AP-22", answering(func(a, _, _ object) string {
			a["token_type"] = "Bearer"
			return ""
		}), refused, opened},
		{"MO-AP-23", func(p *appPlay) string {
			p.enrols()
			p.resource = func(at string) (int, object) {
				if at == crmAddress {
					return http.StatusTemporaryRedirect, object{"Location": elsewhere}
				}
				return 0, nil
			}
			return fmt.Sprintf("%s, elsewhere %d", p.starts(), len(p.to(elsewhere)))
		}, accessRefused + ", elsewhere 0", opened + ", elsewhere 1"},
		{"MO-AP-24", func(p *appPlay) string {
			p.document = func(d object) { d["issuer"] = "https://another.example" }
			return p.enrols() + " " + addresses(p.to("/registration"))
		}, refused + " ", "200 " + issuer + "/registration"},
		{"MO-AP-25", func(p *appPlay) string {
			ready(p)
			return p.push(p.message(wipeEvent, object{}, nil, another("somebody"))) + " " + p.holds()
		}, "400 invalid_request " + holdsAll, "202 " + holdsNothing},
		{"MO-AP-26", func(p *appPlay) string {
			ready(p)
			return p.push(p.wipe(func(_, claims object) { claims["aud"] = "device-bob" })) + " " + p.holds()
		}, "400 invalid_request " + holdsAll, "202 " + holdsNothing},
		{"MO-AP-27", func(p *appPlay) string {
			ready(p)
			m := p.wipe(nil)
			p.push(m)
			p.sleep(time.Second)
			p.enrols()
			Expect(p.push(m)).To(Equal("202"))
			p.sleep(time.Second)
			return fmt.Sprintf("%s, acknowledged %d", p.holds(), len(p.to("/wipe-acknowledgement")))
		}, holdsEnrolment + ", acknowledged 2", holdsNothing + ", acknowledged 2"},
		{"MO-AP-28", func(p *appPlay) string {
			ready(p)
			held := ""
			p.onAck = func() { held = p.holds() }
			p.push(p.wipe(nil))
			p.sleep(5 * time.Second)
			return held + ", then " + p.holds()
		}, holdsNothing + ", then " + holdsNothing, holdsAll + ", then " + holdsNothing},
		{"MO-AP-29", func(p *appPlay) string {
			ready(p)
			p.ack = func(times int) int {
				return map[bool]int{true: http.StatusNoContent, false: http.StatusInternalServerError}[times == 4]
			}
			p.push(p.wipe(nil))
			p.sleep(2 * time.Minute)
			return fmt.Sprint(len(p.to("/wipe-acknowledgement")))
		}, "4", "1"},
		{"MO-AP-30", func(p *appPlay) string {
			ready(p)
			m := p.wipe(nil)
			p.authorize = func() (int, object) {
				return http.StatusForbidden, object{"error": "device_deregistered", "error_description": "no", "message": m}
			}
			said := p.startsWith(`{"fresh":true}`)
			p.sleep(time.Second)
			return fmt.Sprintf("%s, %s, acknowledged %d", said, p.holds(), len(p.to("/wipe-acknowledgement")))
		}, "502 authentication_refused, " + holdsNothing + ", acknowledged 1", "502 authentication_refused, enrolled true, token false, address false, resources 2, acknowledged 0"},
		{"MO-AP-31", func(p *appPlay) string {
			ready(p)
			p.version = 2
			Expect(p.push(p.move(crmSecond))).To(Equal("202"))
			return p.starts() + " " + p.to("/resource")[1].authorization
		}, "200 " + crmSecond + " DPoP access-token-1", opened + " DPoP access-token-1"},
		{"MO-AP-32", func(p *appPlay) string {
			p.version = 2
			ready(p)
			p.version = 1
			Expect(p.push(p.move(crmSecond))).To(Equal("202"))
			return p.starts() + " " + p.startsWith(`{"fresh":true}`)
		}, opened + " " + refused, "200 " + crmSecond + " " + opened},
		{"MO-AP-33", func(p *appPlay) string {
			p.enrols()
			p.resource = unauthorized
			return fmt.Sprintf("%s after %d and %d", p.starts(), len(p.to("/authentication")), len(p.to("/resource")))
		}, accessRefused + " after 4 and 4", accessRefused + " after 40 and 40"},
		{"MO-AP-34", func(p *appPlay) string {
			p.enrols()
			p.resource = func(string) (int, object) {
				if len(p.to("/resource")) == 1 {
					return http.StatusServiceUnavailable, object{"Retry-After": "3"}
				}
				return 0, nil
			}
			said := p.starts()
			tries := p.to("/resource")
			return fmt.Sprint(said, " after 3 seconds: ", tries[1].at.Sub(tries[0].at) >= 3*time.Second)
		}, opened + " after 3 seconds: true", opened + " after 3 seconds: false"},
		{"MO-AP-35", func(p *appPlay) string {
			ready(p)
			return p.to("/resource")[0].url
		}, crmAddress, crmAddress + "?access_token=access-token-1"},
		{"MO-AP-36", func(p *appPlay) string {
			p.address = plainSaid
			p.enrols()
			return fmt.Sprintf("%s, in the open %d", p.starts(), len(p.to("plain.example/resource")))
		}, accessRefused + ", in the open 0", "200 " + plainSaid + ", in the open 1"},
		{"MO-AP-37", func(p *appPlay) string {
			ready(p)
			return fmt.Sprint(p.ask(http.MethodGet, "/start", "", "").status)
		}, "405", "200"},
	}
}
