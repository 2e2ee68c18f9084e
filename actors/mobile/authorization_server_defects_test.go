package mobile_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/actors/token"
	"countersign/conformance/catalog"
)

// keeps says for each requirement how an authorization server is seen to keep it.
var keeps = map[catalog.ID]func(*play) bool{
	"MO-AS-01": func(p *play) bool {
		return p.ask(request{path: "/.well-known/mobile-access"}).text("issuer") == issuer
	},
	"MO-AS-02": func(p *play) bool { return p.given(p.registered()).member("expires_in") != nil },
	"MO-AS-03": func(p *play) bool {
		return p.ask(request{path: "/authentication", by: p.registered(), method: "POST", body: object{"appid": "field-sales", "deviceid": "device-alice"}}).status == http.StatusBadRequest
	},
	"MO-AS-04": func(p *play) bool {
		bob := bobsPhone()
		p.register(bob)
		return p.authenticate(bob, "stock").status == http.StatusForbidden
	},
	"MO-AS-05": func(p *play) bool {
		ph := p.registered()
		ph.username = "bob"
		return p.authenticate(ph, "field-sales").status == http.StatusForbidden
	},
	"MO-AS-06": func(p *play) bool { return p.authenticate(p.registered(), "no-app").status == http.StatusForbidden },
	"MO-AS-07": func(p *play) bool {
		return p.authenticate(alicesPhone(), "field-sales").status == http.StatusForbidden
	},
	"MO-AS-08": func(p *play) bool { return p.given(p.registered()).text("system_address") == crmAddress },
	"MO-AS-09": func(p *play) bool {
		ph := p.registered()
		p.given(ph)
		p.put(changed(moved))
		p.put(changed(moved)) // the version before has the new address too
		return p.given(ph).text("system_address") == crmSecond
	},
	"MO-AS-10": func(p *play) bool {
		_, err := token.ParseSealed(p.given(p.registered()).text("access_token"))
		return err == nil
	},
	"MO-AS-11": func(p *play) bool {
		_, claims := open("crm", p.given(p.registered()).text("access_token"))
		return claims["sub"] == "alice"
	},
	"MO-AS-12": func(p *play) bool {
		_, claims := open("crm", p.given(p.registered()).text("access_token"))
		return p.download("crm", claims["jti"].(string)).text("token") == claims["token"]
	},
	"MO-AS-13": func(p *play) bool {
		ph := p.registered()
		first, second := p.given(ph), p.given(ph)
		return identifierIn(first) != identifierIn(second)
	},
	"MO-AS-14": func(p *play) bool {
		ph := p.registered()
		p.put(changed(func(r *mobile.Rules) { r.Apps[0].Users = []string{"bob"} }))
		return p.authenticate(ph, "field-sales").status == http.StatusForbidden
	},
	"MO-AS-15": func(p *play) bool {
		ph := p.registered()
		p.put(firstRules())
		return p.authenticate(ph, "field-sales").status == http.StatusOK
	},
	"MO-AS-16": func(p *play) bool {
		refused := p.put(`{"systems": [], "apps": [{"appid": "a", "system_id": "gone", "users": []}], "devices": []}`)
		return refused.status == http.StatusBadRequest && p.rulesVersion() == 1
	},
	"MO-AS-17": func(p *play) bool {
		return p.ask(request{path: "/registration", by: alicesPhone(), method: "POST", body: object{
			"deviceid": "device-alice", "username": "alice", "password": "wrong", "notification_uri": pushURI,
		}}).status == http.StatusForbidden
	},
	"MO-AS-18": func(p *play) bool {
		ph := p.registered()
		p.deregister(ph)
		return p.authenticate(ph, "field-sales").status == http.StatusForbidden
	},
	"MO-AS-19": func(p *play) bool {
		ph := p.registered()
		id := identifierIn(p.given(ph))
		p.deregister(ph)
		return p.download("crm", id).status == http.StatusNotFound
	},
	"MO-AS-20": func(p *play) bool {
		p.registered()
		return p.ask(request{path: "/deregistration", body: object{"username": "alice", "password": "wrong", "deviceid": "device-alice"}}).status == http.StatusForbidden
	},
	"MO-AS-21": func(p *play) bool {
		p.deregister(p.registered())
		p.sleep(2 * time.Second)
		return len(p.wipes()) > 0
	},
	"MO-AS-22": func(p *play) bool {
		refused := p.authenticate(alicesPhone(), "field-sales")
		return refused.header.Get("Content-Type") == jsonType
	},
	"MO-AS-23": func(p *play) bool {
		p.registered()
		return p.ask(request{path: "/authentication", body: object{"appid": "field-sales", "deviceid": "device-alice", "username": "alice"}}).status == http.StatusBadRequest
	},
	"MO-AS-24": func(p *play) bool {
		other := newPhone("device-alice", "alice", "other").key
		return p.forged(request{sign: &other}).text("error") == "invalid_dpop_proof"
	},
	"MO-AS-25": func(p *play) bool {
		p.registered()
		return p.authenticate(newPhone("device-alice", "alice", "other"), "field-sales").status == http.StatusForbidden
	},
	"MO-AS-26": func(p *play) bool {
		return p.forged(request{forge: func(_, c map[string]any) { c["htu"] = issuer + "/registration" }}).status == http.StatusBadRequest
	},
	"MO-AS-27": func(p *play) bool {
		return p.forged(request{forge: func(_, c map[string]any) { c["iat"] = p.now().Unix() - 70 }}).status == http.StatusBadRequest
	},
	"MO-AS-28": func(p *play) bool {
		once := func(_, c map[string]any) { c["jti"] = "the-same-identifier-twice" }
		ph := p.registered()
		p.ask(request{path: "/authentication", method: "POST", by: ph, forge: once, body: authenticationOf(ph)})
		return p.ask(request{path: "/authentication", method: "POST", by: ph, forge: once, body: authenticationOf(ph)}).status == http.StatusBadRequest
	},
	"MO-AS-29": func(p *play) bool {
		unregistered := p.authenticate(bobsPhone(), "field-sales")
		return p.authenticate(p.registered(), "no-app").body == unregistered.body
	},
	"MO-AS-30": func(p *play) bool {
		return p.ask(request{path: "/registration", body: object{
			"deviceid": "device-alice", "username": "alice", "password": "alice-password", "notification_uri": pushURI,
		}}).status == http.StatusBadRequest
	},
	"MO-AS-31": func(p *play) bool {
		p.registered()
		return p.register(newPhone("device-alice", "alice", "other")).status == http.StatusConflict
	},
	"MO-AS-32": func(p *play) bool {
		p.registered()
		for range 10 {
			p.ask(request{path: "/deregistration", body: object{"username": "alice", "password": "wrong", "deviceid": "device-alice"}})
		}
		return p.deregister(alicesPhone()).status == http.StatusTooManyRequests
	},
	"MO-AS-33": func(p *play) bool { return p.deregister(alicesPhone()).status == http.StatusForbidden },
	"MO-AS-34": func(p *play) bool {
		header, claims := open("crm", p.given(p.registered()).text("access_token"))
		return header["cnf"] != nil && claims["cnf"] != nil
	},
	"MO-AS-35": func(p *play) bool {
		header, claims := open("crm", p.given(p.registered()).text("access_token"))
		return header["aud"] == "crm" && claims["aud"] == "crm"
	},
	"MO-AS-36": func(p *play) bool { return len(identifierIn(p.given(p.registered()))) >= 22 },
	"MO-AS-37": func(p *play) bool {
		ph := p.registered()
		first, second := p.given(ph), p.given(ph)
		nonce := func(a answer) string { return strings.Split(a.text("access_token"), ".")[2] }
		return nonce(first) != nonce(second)
	},
	"MO-AS-38": func(p *play) bool {
		id := identifierIn(p.given(p.registered()))
		p.sleep(lifetime)
		return p.download("crm", id).status == http.StatusNotFound
	},
	"MO-AS-39": func(p *play) bool {
		id := identifierIn(p.given(p.registered()))
		return p.ask(request{path: "/shared-token", basic: "crm:wrong", body: object{"token_id": id}}).status == http.StatusUnauthorized
	},
	"MO-AS-40": func(p *play) bool {
		return p.download("erp", identifierIn(p.given(p.registered()))).status == http.StatusNotFound
	},
	"MO-AS-41": func(p *play) bool {
		return p.download("crm", identifierIn(p.given(p.registered()))).number("cache_lifetime") <= 30
	},
	"MO-AS-42": func(p *play) bool { return len(p.keyIDs("crm")) == 1 },
	"MO-AS-43": func(p *play) bool {
		p.rotate("crm")
		return len(p.keyIDs("crm")) == 2
	},
	"MO-AS-44": func(p *play) bool {
		p.rotate("crm")
		p.sleep(lifetime + 5*time.Second)
		return len(p.keyIDs("crm")) == 1
	},
	"MO-AS-45": func(p *play) bool { return p.given(p.registered()).text("signed_address") != "" },
	"MO-AS-46": func(p *play) bool {
		return claimsOf(p.given(p.registered()).text("signed_address"))["ath"] != nil
	},
	"MO-AS-47": func(p *play) bool {
		p.registered()
		p.put(changed(moved))
		p.sleep(2 * time.Second)
		return len(p.pushed("urn:countersign:mobile:address")) == 1
	},
	"MO-AS-48": func(p *play) bool {
		p.deregister(p.registered())
		p.sleep(time.Second)
		return p.signed(p.wipes()[0].text)
	},
	"MO-AS-49": func(p *play) bool {
		p.deregister(p.registered())
		p.sleep(time.Minute)
		return len(p.wipes()) > 1
	},
	"MO-AS-50": func(p *play) bool {
		p.deregister(p.registered())
		p.sleep(time.Minute)
		return len(p.wipes()) <= 8
	},
	"MO-AS-51": func(p *play) bool {
		p.deregister(p.registered())
		p.sleep(time.Second)
		return p.acknowledge(newPhone("device-alice", "alice", "other"), p.wipes()[0].claims()["jti"].(string)).status == http.StatusForbidden
	},
	"MO-AS-52": func(p *play) bool {
		ph := p.registered()
		p.deregister(ph)
		p.sleep(time.Second)
		p.acknowledge(ph, p.wipes()[0].claims()["jti"].(string))
		return p.deregister(ph).text("wipe") == "acknowledged"
	},
	"MO-AS-53": func(p *play) bool {
		ph := p.registered()
		p.deregister(ph)
		return p.authenticate(ph, "field-sales").text("error") == "device_deregistered"
	},
	"MO-AS-54": func(p *play) bool {
		ph := p.registered()
		p.deregister(ph)
		return p.register(ph).text("error") == "wipe_pending"
	},
	"MO-AS-55": func(p *play) bool {
		return p.ask(request{path: "/rules", basic: "admin-1:wrong"}).status == http.StatusUnauthorized
	},
	"MO-AS-56": func(p *play) bool {
		return p.ask(request{method: "PUT", path: "/rules", basic: admin, body: firstRules()}).status == http.StatusPreconditionRequired
	},
	"MO-AS-57": func(p *play) bool {
		ph := p.registered()
		p.put(firstRules())
		return p.given(ph).number("rules_version") == 2
	},
	"MO-AS-58": func(p *play) bool {
		ph := p.registered()
		p.put(changed(moved))
		return p.given(ph).text("system_address") == crmSecond
	},
	"MO-AS-59": func(p *play) bool {
		id := identifierIn(p.given(p.registered()))
		p.put(changed(func(r *mobile.Rules) { r.Apps[0].Users = []string{"bob"} }))
		return p.download("crm", id).status == http.StatusNotFound
	},
	"MO-AS-60": func(p *play) bool {
		p.put(firstRules())
		return strings.Contains(p.ask(request{path: "/rules/audit", basic: admin}).body, `"by":"admin-1"`)
	},
	"MO-AS-61": func(p *play) bool {
		return p.given(p.registered()).header.Get("Cache-Control") == "no-store"
	},
	"MO-AS-62": func(p *play) bool {
		ph := p.registered()
		return p.ask(request{path: "/authentication", method: "POST", by: ph, body: `{"appid":"field-sales","deviceid":"device-alice","username":"bob","username":"alice"}`}).status == http.StatusBadRequest
	},
	"MO-AS-63": func(p *play) bool {
		return p.ask(request{path: "/registration", by: alicesPhone(), method: "POST", body: object{
			"deviceid": "device-alice", "username": "alice", "password": "alice-password", "notification_uri": "http://phone.example/notification",
		}}).status == http.StatusBadRequest
	},
	"MO-AS-64": func(p *play) bool {
		p.file = []byte(strings.Replace(string(p.file), crmAddress, crmSecond, 1))
		p.sleep(2 * time.Second)
		return p.given(p.registered()).text("system_address") == crmSecond
	},
	"MO-AS-65": func(p *play) bool {
		ph := p.registered()
		return p.download("crm", identifierIn(p.given(ph))).text("jkt") == ph.key.Thumbprint()
	},
}

func authenticationOf(ph *phone) object {
	return object{"appid": "field-sales", "deviceid": ph.id, "username": ph.username}
}

// forged is an authentication of alice's phone, registered, with something wrong about the proof.
func (p *play) forged(r request) answer {
	r.by, r.path, r.method = p.registered(), "/authentication", http.MethodPost
	r.body = authenticationOf(r.by)
	return p.ask(r)
}

// keyIDs are the identifiers of the sealing keys that a system is given.
func (p *play) keyIDs(system string) (ids []string) {
	keys, _ := p.ask(request{path: "/sealing-keys", basic: system + ":" + system + "-secret"}).member("keys").([]any)
	for _, key := range keys {
		ids = append(ids, key.(map[string]any)["kid"].(string))
	}
	return ids
}

func (p *play) rotate(system string) string {
	return p.ask(request{path: "/key-rotation", basic: admin, body: object{"system_id": system}}).text("kid")
}

// signed reports whether a token is signed by the key that the server publishes.
func (p *play) signed(compact string) bool {
	keys, _ := p.ask(request{path: "/jwks"}).member("keys").([]any)
	key, err := token.PublicKey(keys[0].(map[string]any))
	if err != nil {
		return false
	}
	parsed, err := token.ParseSigned(compact)
	return err == nil && parsed.Verify(key) == nil
}

var _ = Describe("The guards of the authorization server", func() {
	prepared := func(guards guard.Set) *play {
		p := newPlay(guards)
		text, err := json.Marshal(firstRules())
		Expect(err).NotTo(HaveOccurred())
		p.file = text
		p.configure = func(s *mobile.AuthorizationServer) {
			s.RulesFile = func() ([]byte, error) { return p.file, nil }
		}
		return p
	}
	for _, r := range requirementsOf(catalog.AuthorizationServer) {
		It("keep "+string(r.ID)+", "+r.Title+"; lifted, the server "+r.Defect, func() {
			kept := keeps[r.ID]
			Expect(kept).NotTo(BeNil())
			for _, lifted := range []bool{false, true} {
				guards := guard.Set{}
				if lifted {
					guards = guards.Without(r.ID)
				}
				p := prepared(guards)
				p.run(func() { Expect(kept(p)).NotTo(Equal(lifted), "lifted: "+strconv.FormatBool(lifted)) })
			}
		})
	}

	// Without these the app gets no answer that it can use, or none at all.
	const breaking = "MO-AS-01 MO-AS-02 MO-AS-08 MO-AS-10 MO-AS-11 MO-AS-12 MO-AS-30 MO-AS-34 MO-AS-35"
	for _, r := range requirementsOf(catalog.AuthorizationServer) {
		if strings.Contains(breaking, string(r.ID)) {
			continue
		}
		It("leave a device that comes and goes when "+string(r.ID)+" is lifted", func() {
			p := prepared(guard.Set{}.Without(r.ID))
			p.run(func() {
				ph := p.registered()
				for range 2 {
					a := p.given(ph)
					Expect(a.text("system_id")).To(Equal("crm"))
					header, claims := open("crm", a.text("access_token"))
					Expect(header["cnf"]).To(Equal(map[string]any{"jkt": ph.key.Thumbprint()}))
					Expect(claims["token"]).To(Equal(p.download("crm", claims["jti"].(string)).text("token")))
					p.sleep(lifetime)
				}
				Expect(p.deregister(ph).text("wipe")).NotTo(BeEmpty())
			})
		})
	}

	It("lifted at level core leave what the document itself says", func() {
		p := newPlay(core)
		p.run(func() {
			ph := alicesPhone()
			plain := func(path string, body object) answer { return p.ask(request{path: path, body: body}) }
			Expect(plain("/registration", object{"deviceid": ph.id, "username": "alice", "password": "alice-password", "notification_uri": "http://phone.example/notification"}).status).To(Equal(http.StatusOK))
			Expect(p.put(changed(moved)).number("rules_version")).To(BeNumerically("==", 2))
			a := plain("/authentication", authenticationOf(ph))
			Expect(a.status).To(Equal(http.StatusOK), a.body)
			Expect(a.text("token_type")).To(Equal("Bearer"))
			Expect(a.text("system_address")).To(Equal(crmSecond))
			Expect(a.number("rules_version")).To(BeNumerically("==", 2))
			Expect(a.member("signed_address")).To(BeNil())
			_, claims := open("crm", a.text("access_token"))
			Expect(claims["sub"]).To(Equal("alice"))
			shared := p.download("crm", claims["jti"].(string))
			Expect(shared.text("token")).To(Equal(claims["token"]))
			Expect(shared.member("cache_lifetime")).To(BeNil())
			Expect(shared.member("jkt")).To(BeNil())
			Expect(plain("/deregistration", object{"username": "alice", "password": "alice-password", "deviceid": ph.id}).text("wipe")).To(Equal("pending"))
			Expect(p.download("crm", claims["jti"].(string)).status).To(Equal(http.StatusNotFound))
			Expect(plain("/authentication", authenticationOf(ph)).status).To(Equal(http.StatusForbidden))
			p.sleep(time.Second)
			Expect(p.wipes()).To(HaveLen(1))
			Expect(strings.HasSuffix(p.wipes()[0].text, ".")).To(BeTrue(), "it is unsecured")
			first, err := base64.RawURLEncoding.DecodeString(strings.Split(p.wipes()[0].text, ".")[0])
			Expect(err).NotTo(HaveOccurred())
			Expect(string(first)).To(ContainSubstring(`"alg":"none"`))
		})
	})
})
