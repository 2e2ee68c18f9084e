package mobile_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
)

func athOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// with are members with one changed; nil takes it away.
func with(members object, name string, value any) object {
	all := object{}
	for n, v := range members {
		all[n] = v
	}
	if all[name] = value; value == nil {
		delete(all, name)
	}
	return all
}

var _ = Describe("The authorization server refuses", func() {
	registration := object{"deviceid": "device-alice", "username": "alice", "password": "alice-password", "notification_uri": pushURI}
	authentication := object{"appid": "field-sales", "deviceid": "device-alice", "username": "alice"}
	deregistration := object{"deviceid": "device-alice", "username": "alice", "password": "alice-password"}

	DescribeTable("what does not fit",
		func(r request, status int, code string) {
			p := newPlay(guard.Set{})
			p.run(func() {
				ph := p.registered()
				if r.by == nil && r.rawProof == nil && (r.path == "/authentication" || r.path == "/registration" || r.path == "/wipe-acknowledgement") {
					r.by, r.method = ph, http.MethodPost
				}
				a := p.ask(r)
				Expect(a.status).To(Equal(status), a.body)
				Expect(a.text("error")).To(Equal(code))
				Expect(a.text("error_description")).NotTo(BeEmpty())
				Expect(a.header.Get("WWW-Authenticate") != "").To(Equal(status == http.StatusUnauthorized))
				Expect(p.given(ph).status).To(Equal(http.StatusOK), "nothing changed")
				p.sleep(2 * time.Second)
				Expect(p.pushes).To(BeEmpty())
			})
		},
		Entry("a body that is no object", request{path: "/authentication", body: `["field-sales"]`}, 400, "invalid_request"),
		Entry("a body that is null", request{path: "/authentication", body: `null`}, 400, "invalid_request"),
		Entry("a form", request{path: "/authentication", body: "appid=field-sales", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 400, "invalid_request"),
		Entry("a body of more than 64 KiB", request{path: "/authentication", body: with(authentication, "more", strings.Repeat("a", 64<<10))}, 413, "invalid_request"),
		Entry("a member of another type", request{path: "/authentication", body: with(authentication, "username", 7)}, 400, "invalid_request"),
		Entry("a member that is null", request{path: "/authentication", body: `{"appid":null,"deviceid":"device-alice","username":"alice"}`}, 400, "invalid_request"),
		Entry("an empty member", request{path: "/authentication", body: with(authentication, "appid", "")}, 400, "invalid_request"),
		Entry("a member that is not there", request{path: "/authentication", body: with(authentication, "deviceid", nil)}, 400, "invalid_request"),
		Entry("a member whose name has another case", request{path: "/authentication", body: with(with(authentication, "username", nil), "UserName", "alice")}, 400, "invalid_request"),
		Entry("a member that is repeated", request{path: "/authentication", body: `{"appid":"field-sales","deviceid":"device-alice","username":"alice","username":"alice"}`}, 400, "invalid_request"),
		Entry("an identifier with a space", request{path: "/authentication", body: with(authentication, "appid", "field sales")}, 400, "invalid_request"),
		Entry("a user name of 129 characters", request{path: "/authentication", body: with(authentication, "username", strings.Repeat("ä", 129))}, 400, "invalid_request"),

		Entry("an app that nobody admitted", request{path: "/authentication", body: with(authentication, "appid", "no-app")}, 403, "access_denied"),
		Entry("a user without a right to the app", request{path: "/authentication", body: with(authentication, "username", "carol")}, 403, "access_denied"),
		Entry("a device that the rules do not name", request{path: "/authentication", body: with(authentication, "deviceid", "device-none")}, 403, "access_denied"),
		Entry("a device that nobody has registered", request{path: "/authentication", by: bobsPhone(), method: "POST", body: object{"appid": "field-sales", "deviceid": "device-bob", "username": "bob"}}, 403, "access_denied"),
		Entry("a key that is not the device's", request{path: "/authentication", by: newPhone("device-alice", "alice", "other"), method: "POST", body: authentication}, 403, "access_denied"),

		Entry("a registration with a wrong password", request{path: "/registration", body: with(registration, "password", "wrong")}, 403, "access_denied"),
		Entry("a registration by a user whom nobody knows", request{path: "/registration", body: with(registration, "username", "nobody")}, 403, "access_denied"),
		Entry("a registration of another user's device", request{path: "/registration", body: with(with(registration, "username", "bob"), "password", "bob-password")}, 403, "access_denied"),
		Entry("a registration of a device that the rules do not name", request{path: "/registration", body: with(registration, "deviceid", "device-none")}, 403, "access_denied"),
		Entry("a registration under another key", request{path: "/registration", by: newPhone("device-alice", "alice", "other"), method: "POST", body: registration}, 409, "device_registered"),
		Entry("a registration with a password of 257 characters", request{path: "/registration", body: with(registration, "password", strings.Repeat("a", 257))}, 400, "invalid_request"),
		Entry("a notification_uri in a plain network", request{path: "/registration", body: with(registration, "notification_uri", "http://phone.example/")}, 400, "invalid_request"),
		Entry("a notification_uri of another scheme", request{path: "/registration", body: with(registration, "notification_uri", "ftp://localhost/")}, 400, "invalid_request"),
		Entry("a notification_uri with user information", request{path: "/registration", body: with(registration, "notification_uri", "https://a:b@phone.example/")}, 400, "invalid_request"),
		Entry("a notification_uri with a fragment", request{path: "/registration", body: with(registration, "notification_uri", pushURI+"#")}, 400, "invalid_request"),

		Entry("a deregistration with a wrong password", request{path: "/deregistration", body: with(deregistration, "password", "wrong")}, 403, "access_denied"),
		Entry("a deregistration by a user whom nobody knows", request{path: "/deregistration", body: with(deregistration, "username", "nobody")}, 403, "access_denied"),
		Entry("a deregistration of a device that nobody has registered", request{path: "/deregistration", body: with(deregistration, "deviceid", "device-none")}, 403, "access_denied"),
		Entry("a deregistration of another user's device", request{path: "/deregistration", body: with(with(deregistration, "username", "bob"), "password", "bob-password")}, 403, "access_denied"),
		Entry("an acknowledgement of a device that is not deregistered", request{path: "/wipe-acknowledgement", body: object{"deviceid": "device-alice", "jti": "0123456789abcdef"}}, 403, "access_denied"),

		Entry("a download without credentials", request{path: "/shared-token", body: object{"token_id": "x"}}, 401, "invalid_client"),
		Entry("a download with a wrong secret", request{path: "/shared-token", basic: "crm:wrong", body: object{"token_id": "x"}}, 401, "invalid_client"),
		Entry("a download by an administrator", request{path: "/shared-token", basic: admin, body: object{"token_id": "x"}}, 401, "invalid_client"),
		Entry("a download of a token that is unknown", request{path: "/shared-token", basic: "crm:crm-secret", body: object{"token_id": "x"}}, 404, "invalid_token"),
		Entry("sealing keys for nobody", request{path: "/sealing-keys"}, 401, "invalid_client"),
		Entry("sealing keys for a wrong secret", request{path: "/sealing-keys", basic: "crm:erp-secret"}, 401, "invalid_client"),
		Entry("rules for nobody", request{path: "/rules"}, 401, "invalid_client"),
		Entry("rules for a business system", request{path: "/rules", basic: "crm:crm-secret"}, 401, "invalid_client"),
		Entry("rules for a wrong password", request{path: "/rules", basic: "admin-1:admin-password-2"}, 401, "invalid_client"),
		Entry("the audit for nobody", request{path: "/rules/audit"}, 401, "invalid_client"),
		Entry("a rotation by nobody", request{path: "/key-rotation", body: object{"system_id": "crm"}}, 401, "invalid_client"),
		Entry("a rotation for a system that is unknown", request{path: "/key-rotation", basic: admin, body: object{"system_id": "gone"}}, 400, "invalid_request"),
		Entry("rules of more than 1 MiB", request{method: "PUT", path: "/rules", basic: admin, body: `{"x":"` + strings.Repeat("a", 1<<20) + `"}`}, 413, "invalid_request"),
		Entry("rules in plain text", request{method: "PUT", path: "/rules", basic: admin, body: "{}", header: map[string]string{"Content-Type": "text/plain"}}, 400, "invalid_request"),
	)

	DescribeTable("a proof",
		func(change func(*request, *play)) {
			for _, path := range []string{"/authentication", "/registration", "/wipe-acknowledgement"} {
				p := newPlay(guard.Set{})
				p.run(func() {
					ph := p.registered()
					bodies := map[string]object{"/authentication": authentication, "/registration": registration, "/wipe-acknowledgement": {"deviceid": "device-alice", "jti": "0123456789abcdef"}}
					r := request{path: path, method: http.MethodPost, by: ph, body: bodies[path]}
					change(&r, p)
					a := p.ask(r)
					Expect(a.status).To(Equal(http.StatusBadRequest), path+" "+a.body)
					Expect(a.text("error")).To(Equal("invalid_dpop_proof"), path)
				})
			}
		},
		Entry("that is missing", func(r *request, _ *play) { r.by = nil }),
		Entry("that is empty", func(r *request, _ *play) { r.by, r.rawProof = nil, []string{""} }),
		Entry("that is no JWS", func(r *request, _ *play) { r.by, r.rawProof = nil, []string{"a.b"} }),
		Entry("that comes twice", func(r *request, p *play) {
			r.rawProof = []string{p.proof(*r), p.proof(*r)}
			r.by = nil
		}),
		Entry("of another typ", func(r *request, _ *play) { r.forge = func(h, _ map[string]any) { h["typ"] = "jwt" } }),
		Entry("without a key", func(r *request, _ *play) { r.forge = func(h, _ map[string]any) { delete(h, "jwk") } }),
		Entry("with a private key", func(r *request, _ *play) {
			r.forge = func(h, _ map[string]any) {
				raw, err := r.by.key.Key.Bytes()
				Expect(err).NotTo(HaveOccurred())
				jwk := with(h["jwk"].(map[string]any), "d", base64.RawURLEncoding.EncodeToString(raw))
				h["jwk"] = map[string]any(jwk)
			}
		}),
		Entry("whose key is of another type", func(r *request, _ *play) {
			r.forge = func(h, _ map[string]any) {
				h["jwk"] = map[string]any{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA"}
			}
		}),
		Entry("signed by another key than it names", func(r *request, _ *play) { r.sign = &newPhone("another", "").key }),
		Entry("that is changed", func(r *request, p *play) {
			whole := p.proof(*r)
			end := whole[len(whole)-8:]
			r.by, r.rawProof = nil, []string{strings.TrimSuffix(whole, end) + strings.Map(func(c rune) rune {
				if c == 'A' {
					return 'B'
				}
				return 'A'
			}, end)}
		}),
		Entry("without a signature", func(r *request, p *play) {
			parts := strings.Split(p.proof(*r), ".")
			r.by, r.rawProof = nil, []string{base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"none"}`)) + "." + parts[1] + "."}
		}),
		Entry("without jti", func(r *request, _ *play) { r.forge = func(_, c map[string]any) { delete(c, "jti") } }),
		Entry("with a short jti", func(r *request, _ *play) { r.forge = func(_, c map[string]any) { c["jti"] = "short" } }),
		Entry("for another method", func(r *request, _ *play) { r.forge = func(_, c map[string]any) { c["htm"] = "GET" } }),
		Entry("for another URL", func(r *request, _ *play) { r.forge = func(_, c map[string]any) { c["htu"] = issuer + "/elsewhere" } }),
		Entry("that is 62 seconds old", func(r *request, p *play) { r.forge = func(_, c map[string]any) { c["iat"] = p.now().Unix() - 62 } }),
		Entry("that is 62 seconds ahead", func(r *request, p *play) { r.forge = func(_, c map[string]any) { c["iat"] = p.now().Unix() + 62 } }),
		Entry("whose iat is no whole number", func(r *request, _ *play) { r.forge = func(_, c map[string]any) { c["iat"] = 1.5 } }),
		Entry("that was used before", func(r *request, p *play) {
			whole := p.proof(*r)
			r.by, r.rawProof = nil, []string{whole}
			p.ask(*r)
		}),
	)

	It("a proof used before only within the window, and only of the same key", func() {
		p := newPlay(guard.Set{})
		p.run(func() {
			ph, bob := p.registered(), bobsPhone()
			p.register(bob)
			with := func(ph *phone, ahead int64) int {
				return p.ask(request{path: "/authentication", method: "POST", by: ph, body: authenticationOf(ph), forge: func(_, c map[string]any) {
					c["jti"], c["iat"] = "the-same-identifier-twice", p.now().Unix()+ahead
				}}).status
			}
			Expect(with(ph, 50)).To(Equal(http.StatusOK))
			Expect(with(bob, 0)).To(Equal(http.StatusOK))
			p.sleep(100 * time.Second)
			Expect(with(ph, -50)).To(Equal(http.StatusBadRequest), "the first would still be good")
			Expect(with(bob, 0)).To(Equal(http.StatusOK))
			p.sleep(15 * time.Second)
			Expect(with(ph, 0)).To(Equal(http.StatusOK))
		})
	})

	It("a wrong proof without counting its jti", func() {
		p := newPlay(guard.Set{})
		p.run(func() {
			ph := p.registered()
			attempt := func(method string) int {
				return p.ask(request{path: "/authentication", method: "POST", by: ph, body: authenticationOf(ph), forge: func(_, c map[string]any) {
					c["jti"], c["htm"] = "the-same-identifier-twice", method
				}}).status
			}
			Expect(attempt("GET")).To(Equal(http.StatusBadRequest))
			Expect(attempt("POST")).To(Equal(http.StatusOK))
		})
	})

	It("a device that the rules have given to somebody else since", func() {
		p := newPlay(guard.Set{})
		p.run(func() {
			ph := p.registered()
			id := identifierIn(p.given(ph))
			p.put(changed(func(r *mobile.Rules) { r.Devices[0].Username = "bob" }))
			Expect(p.authenticate(ph, "field-sales").status).To(Equal(http.StatusForbidden))
			ph.username = "bob"
			Expect(p.authenticate(ph, "field-sales").status).To(Equal(http.StatusForbidden), "bob has not registered it")
			Expect(p.download("crm", id).status).To(Equal(http.StatusNotFound))
			Expect(p.register(ph).status).To(Equal(http.StatusOK))
			Expect(p.given(ph).status).To(Equal(http.StatusOK))
			Expect(p.download("crm", id).status).To(Equal(http.StatusNotFound))
		})
	})
})
