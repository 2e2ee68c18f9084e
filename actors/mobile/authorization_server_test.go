package mobile_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/actors/token"
)

var _ = Describe("The authorization server", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	It("gives a registered device a token that only its system opens, and shares it", func() {
		p.run(func() {
			ph := p.registered()
			begun := p.now().Unix()
			a := p.given(ph)
			Expect(a.text("token_type")).To(Equal("DPoP"))
			Expect(a.number("expires_in")).To(BeNumerically("==", 300))
			Expect(a.text("system_id")).To(Equal("crm"))
			Expect(a.text("system_address")).To(Equal(crmAddress))
			Expect(a.number("rules_version")).To(BeNumerically("==", 1))

			header, claims := open("crm", a.text("access_token"))
			jkt := map[string]any{"jkt": ph.key.Thumbprint()}
			Expect(header).To(Equal(map[string]any{"alg": "dir", "enc": "A256GCM", "typ": "sealed+jwt", "kid": "crm-1", "aud": "crm", "cnf": jkt}))
			for name, want := range map[string]any{"iss": issuer, "aud": "crm", "sub": "alice", "appid": "field-sales", "deviceid": "device-alice", "cnf": jkt} {
				Expect(claims[name]).To(Equal(want), name)
			}
			Expect(claims["iat"]).To(BeNumerically("~", begun, 1))
			Expect(claims["exp"]).To(BeNumerically("==", claims["iat"].(float64)+300))
			Expect(claims["jti"]).To(MatchRegexp(`^[A-Za-z0-9_-]{22,}$`))
			Expect(claims["token"]).To(MatchRegexp(`^[A-Za-z0-9_-]{22,}$`))
			sealed, err := token.ParseSealed(a.text("access_token"))
			Expect(err).NotTo(HaveOccurred())
			_, err = sealed.Open(sealingKey("erp").Secret)
			Expect(err).To(MatchError(token.ErrNotOpened))

			p.sleep(10 * time.Second)
			shared := p.download("crm", claims["jti"].(string))
			Expect(shared.status).To(Equal(http.StatusOK), shared.body)
			Expect(shared.body).To(MatchJSON(`{"token_id": "` + claims["jti"].(string) + `", "token": "` + claims["token"].(string) + `",
				"username": "alice", "appid": "field-sales", "deviceid": "device-alice", "jkt": "` + ph.key.Thumbprint() + `", "expires_in": 289, "cache_lifetime": 5}`))
			p.sleep(287 * time.Second)
			Expect(p.download("crm", claims["jti"].(string)).number("cache_lifetime")).To(BeNumerically("<=", 2), "no more than the rest of its life")
			p.sleep(3 * time.Second)
			Expect(p.download("crm", claims["jti"].(string)).status).To(Equal(http.StatusNotFound))
		})
	})

	It("signs the address for the app, the device and the token beside it", func() {
		p.run(func() {
			a := p.given(p.registered())
			Expect(p.signed(a.text("signed_address"))).To(BeTrue())
			claims := claimsOf(a.text("signed_address"))
			_, sealed := open("crm", a.text("access_token"))
			Expect(claims).To(Equal(map[string]any{
				"iss": issuer, "aud": "field-sales", "sub": "device-alice", "system_id": "crm", "address": crmAddress, "rules_version": 1.0,
				"ath": athOf(a.text("access_token")), "iat": sealed["iat"], "exp": sealed["exp"],
			}))
		})
	})

	It("names its endpoints, and takes no other methods there", func() {
		p.run(func() {
			document := p.ask(request{path: "/.well-known/mobile-access"})
			Expect(document.text("profile")).To(Equal("mobile@1"))
			Expect(document.number("access_token_lifetime")).To(BeNumerically("==", 300))
			Expect(document.number("proof_window")).To(BeNumerically("==", 60))
			for name, method := range map[string]string{
				"authentication_endpoint": "POST", "registration_endpoint": "POST", "deregistration_endpoint": "POST", "wipe_acknowledgement_endpoint": "POST",
				"shared_token_endpoint": "POST", "key_rotation_endpoint": "POST", "rules_endpoint": "GET, PUT", "rules_audit_endpoint": "GET", "sealing_keys_endpoint": "GET", "jwks_uri": "GET, HEAD",
			} {
				refused := p.ask(request{method: http.MethodDelete, path: strings.TrimPrefix(document.text(name), issuer)})
				Expect(refused.status).To(Equal(http.StatusMethodNotAllowed), name)
				Expect(refused.header.Get("Allow")).To(Equal(method), name)
			}
		})
	})

	It("keeps devices, tokens, keys and rules through a crash", func() {
		p.run(func() {
			ph := p.registered()
			p.put(changed(moved))
			kid := p.rotate("crm")
			keys := p.ask(request{path: "/jwks"}).body
			a := p.given(ph)
			p.asHost.Crash(time.Second)
			p.sleep(2 * time.Second)
			Expect(p.rulesVersion()).To(BeNumerically("==", 2))
			Expect(p.ask(request{path: "/jwks"}).body).To(Equal(keys))
			Expect(p.keyIDs("crm")).To(Equal([]string{kid, "crm-1"}))
			sealed, err := token.ParseSealed(a.text("access_token"))
			Expect(err).NotTo(HaveOccurred())
			Expect(sealed.KeyID()).To(Equal(kid))
			Expect(p.given(ph).text("system_address")).To(Equal(crmSecond))
			Expect(p.put(firstRules()).number("rules_version")).To(BeNumerically("==", 3))
		})
	})

	It("rotates sealing keys with an overlap, and names none twice", func() {
		p.run(func() {
			ph := p.registered()
			before := identifierIn(p.given(ph))
			Expect([]string{p.rotate("crm"), p.rotate("crm")}).To(Equal([]string{"crm-2", "crm-3"}))
			Expect(p.keyIDs("crm")).To(Equal([]string{"crm-3", "crm-2", "crm-1"}))
			Expect(p.keyIDs("erp")).To(Equal([]string{"erp-1"}))
			Expect(p.download("crm", before).status).To(Equal(http.StatusOK))
			p.sleep(lifetime)
			Expect(p.keyIDs("crm")).To(Equal([]string{"crm-3"}))
			Expect(p.rotate("crm")).To(Equal("crm-4"))
		})
	})

	It("registers a device anew when the wipe is acknowledged, under any key, and old tokens stay dead", func() {
		p.run(func() {
			ph := p.registered()
			old := identifierIn(p.given(ph))
			p.deregister(ph)
			p.sleep(time.Second)
			p.acknowledge(ph, p.wipes()[0].claims()["jti"].(string))
			other := newPhone("device-alice", "alice", "other")
			Expect(p.register(other).status).To(Equal(http.StatusOK))
			Expect(p.authenticate(ph, "field-sales").text("error")).To(Equal("access_denied"))
			Expect(p.download("crm", identifierIn(p.given(other))).status).To(Equal(http.StatusOK))
			Expect(p.download("crm", old).status).To(Equal(http.StatusNotFound))
		})
	})

	It("takes a registration again under the same key, with the later notification_uri", func() {
		p.run(func() {
			ph := alicesPhone()
			for _, uri := range []string{"https://nowhere.example/", pushURI} {
				Expect(p.ask(request{path: "/registration", by: ph, method: "POST", body: object{
					"deviceid": ph.id, "username": "alice", "password": "alice-password", "notification_uri": uri,
				}}).body).To(MatchJSON(`{"deviceid": "device-alice", "registered": true}`))
			}
			id := identifierIn(p.given(ph))
			p.register(ph)
			Expect(p.download("crm", id).status).To(Equal(http.StatusOK), "it is the same registration")
			p.deregister(ph)
			p.sleep(time.Second / 2)
			Expect(p.wipes()).To(HaveLen(1))
		})
	})

	It("ends guesses under one name, known or not, for ten minutes after the tenth, and no other's", func() {
		p.run(func() {
			p.registered()
			try := func(name, password string) answer {
				return p.ask(request{path: "/deregistration", body: object{"username": name, "password": password, "deviceid": "device-none"}})
			}
			for _, name := range []string{"alice", "nobody"} {
				for range 10 {
					Expect(try(name, "wrong").status).To(Equal(http.StatusForbidden))
				}
			}
			for _, name := range []string{"alice", "nobody"} {
				ended := try(name, name+"-password")
				Expect(ended.status).To(Equal(http.StatusTooManyRequests))
				Expect(ended.text("error")).To(Equal("temporarily_unavailable"))
				Expect(ended.header.Get("Retry-After")).To(MatchRegexp(`^(600|59[0-9])$`))
			}
			Expect(p.ask(request{path: "/registration", by: alicesPhone(), method: "POST", body: object{
				"deviceid": "device-alice", "username": "alice", "password": "alice-password", "notification_uri": pushURI,
			}}).status).To(Equal(http.StatusTooManyRequests), "counted together")
			Expect(p.register(bobsPhone()).status).To(Equal(http.StatusOK))
			p.sleep(10 * time.Minute)
			Expect(p.deregister(alicesPhone()).status).To(Equal(http.StatusOK))
		})
	})

	It("begins the count of guesses anew after a right password", func() {
		p.run(func() {
			p.registered()
			for range 2 {
				for range 9 {
					p.ask(request{path: "/deregistration", body: object{"username": "alice", "password": "wrong", "deviceid": "device-alice"}})
				}
				Expect(p.register(alicesPhone()).status).To(Equal(http.StatusOK))
			}
		})
	})

	It("moves its clock when it has a test clock", func() {
		p.configure = func(s *mobile.AuthorizationServer) {
			s.TestClock = func(d time.Duration) time.Time {
				s.Clock.Sleep(d)
				return s.Clock.Now()
			}
		}
		p.run(func() {
			before := p.now().Unix()
			moved := p.ask(request{method: "POST", path: "/test-clock", body: "advance=20", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
			Expect(moved.number("now")).To(BeNumerically(">=", before+20))
		})
	})

	It("answers everything with 500 when its first rules are broken, and says which", func() {
		p.configure = func(s *mobile.AuthorizationServer) { s.Rules.Apps[0].SystemID = "gone" }
		p.run(func() {
			Expect(p.ask(request{path: "/rules", basic: admin}).text("error")).To(Equal("server_error"))
			Expect(p.server.Open()).To(MatchError("the rules at apps[0]: systems does not name gone"))
		})
	})

	It("gives the same bytes for the same world", func() {
		bodies := func() (all []string) {
			p := newPlay(guard.Set{})
			p.run(func() {
				ph := p.registered()
				all = append(all, p.given(ph).body, p.given(ph).body)
			})
			return all
		}
		Expect(bodies()).To(Equal(bodies()))
	})
})
