package unified_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/go-jose/go-jose/v4"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

// thirdPartyProperties are what the requirements ask of a third-party platform, one true property for each.
var thirdPartyProperties = map[catalog.ID]func(*scene) bool{
	"UN-TP-01": func(s *scene) bool {
		_, body := s.visitor().get("/.well-known/unified-login")
		return strings.Contains(body, `"callback_endpoint":"`+sceneSite)
	},
	"UN-TP-02": func(s *scene) bool {
		asked := s.visitor().begins("")
		return asked.Get("client_id") == "site-at-p" && asked.Get("redirect_uri") == sceneSite+"/callback" && asked.Get("response_type") == "code"
	},
	"UN-TP-03": func(s *scene) bool {
		v := s.visitor()
		v.returns("state", v.begins("").Get("state"), "code", "the-code", "iss", sceneP)
		return s.p.heard[0].members["code"] == "the-code"
	},
	"UN-TP-04": func(s *scene) bool {
		s.visitor().logsIn(s.p)
		return len(s.p.to("authentication-request")) == 1 && strings.HasPrefix(s.p.heard[1].members["pass_token"].(string), "pass-token-for-made-up")
	},
	"UN-TP-05": func(s *scene) bool {
		_, first := s.visitor().logsInAs(s.p, "alice", 1).reads()
		_, second := s.visitor().logsInAs(s.p, "bob", 1).reads()
		return first["sub"] == "alice" && second["sub"] == "bob"
	},
	"UN-TP-06": func(s *scene) bool {
		s.p.spoil = func(w http.ResponseWriter, asked heard, _ map[string]any) bool {
			if asked.name == "authentication-request" {
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
			return false
		}
		v := s.visitor()
		return v.logsIn(s.p) == http.StatusForbidden && !v.in()
	},
	"UN-TP-07": func(s *scene) bool {
		v := s.visitor()
		return v.returns("state", v.begins("").Get("state"), "error", "access_denied", "iss", sceneP) == http.StatusForbidden && len(s.p.heard) == 0
	},
	"UN-TP-08": func(s *scene) bool {
		account := s.visitor().logsInAs(s.p, "alice", 1).account()
		return account != "" && s.visitor().logsInAs(s.p, "alice", 2).account() == account
	},
	"UN-TP-09": func(s *scene) bool {
		return s.visitor().logsInAs(s.p, "alice", 1).account() != s.visitor().logsInAs(s.p, "another alice", 1).account()
	},
	"UN-TP-10": func(s *scene) bool {
		status, m := s.visitor().reads()
		return status == http.StatusForbidden && m["error"] == "login_required"
	},
	"UN-TP-11": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		s.Sleep(300 * time.Second)
		return v.in() && len(s.p.to("status-request")) == 0
	},
	"UN-TP-12": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		return s.p.batch(endTask("t1", "alice", 1)).results["t1"] == "done" && !v.in()
	},
	"UN-TP-13": func(s *scene) bool {
		v, other := s.visitor().logsInAs(s.p, "alice", 1), s.visitor().logsInAs(s.p, "bob", 1)
		s.p.batch(endTask("t1", "bob", 1))
		return v.in() && !other.in()
	},
	"UN-TP-14": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "bob", 1)
		answer := s.p.batch(endTask("t1", "alice", 1), endTask("t2", "bob", 1))
		return len(answer.results) == 2 && !v.in()
	},
	"UN-TP-15": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		before := maps.Clone(v.cookies)
		response, _ := v.leaves()
		v.cookies = before
		return response.StatusCode == http.StatusOK && !v.in()
	},
	"UN-TP-16": func(s *scene) bool {
		v, elsewhere := s.visitor().logsInAs(s.p, "alice", 1), s.visitor().logsInAs(s.p, "alice", 1)
		v.leaves()
		return !v.in() && elsewhere.in()
	},
	"UN-TP-17": func(s *scene) bool {
		_, body := s.visitor().logsInAs(s.p, "alice", 1).get("/home")
		return strings.Contains(body, `<a href="`+sceneP+`/logout?client_id=site-at-p">`)
	},
	"UN-TP-18": func(s *scene) bool {
		return !strings.HasPrefix(s.p.batch(endTask("t1", "alice", 1)).body, "{")
	},
	"UN-TP-19": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		s.p.keys = append(s.p.keys, s.p.keys[0])
		s.p.keys[2].ID = "unheard-of"
		answer := s.p.deliver(s.p.seal("unheard-of", "batch-logout-request", map[string]any{"tasks": []any{endTask("t1", "alice", 1)}}))
		return answer.status == http.StatusBadRequest && answer.error == "invalid_client" && v.in()
	},
	"UN-TP-20": func(s *scene) bool {
		_, m := s.visitor().reads()
		return m["error_description"] != nil
	},
	"UN-TP-21": func(s *scene) bool {
		first, second := s.visitor().begins("").Get("state"), s.visitor().begins("").Get("state")
		return first != second && len(first) >= 22
	},
	"UN-TP-22": func(s *scene) bool {
		v := s.visitor()
		v.begins("")
		return v.returns("state", "made-up", "code", "the-code", "iss", sceneP) == http.StatusForbidden &&
			v.returns("code", "the-code", "iss", sceneP) == http.StatusForbidden && len(s.p.heard) == 0
	},
	"UN-TP-23": func(s *scene) bool {
		state := s.visitor().begins("").Get("state")
		return s.visitor().returns("state", state, "code", "the-code", "iss", sceneP) == http.StatusForbidden && len(s.p.heard) == 0
	},
	"UN-TP-24": func(s *scene) bool {
		v := s.visitor()
		state := v.begins("").Get("state")
		first := v.returns("state", state, "code", "the-code", "iss", sceneP)
		second := v.returns("state", state, "code", "the-code", "iss", sceneP)
		return first == http.StatusSeeOther && second == http.StatusForbidden && len(s.p.to("pass-token-request")) == 1
	},
	"UN-TP-25": func(s *scene) bool {
		s.p.spoil = func(w http.ResponseWriter, _ heard, _ map[string]any) bool {
			w.WriteHeader(lost)
			return true
		}
		return s.visitor().logsIn(s.p) == http.StatusBadGateway && len(s.p.heard) == 1
	},
	"UN-TP-26": func(s *scene) bool {
		first, second := s.visitor().begins(""), s.visitor().begins("")
		return first.Get("code_challenge") != second.Get("code_challenge") && first.Get("code_challenge_method") == "S256" && len(first.Get("code_challenge")) == 43
	},
	"UN-TP-27": func(s *scene) bool {
		s.visitor().logsIn(s.p)
		verifier, _ := s.p.heard[0].members["code_verifier"].(string)
		return len(verifier) >= 43 && s.p.heard[0].members["redirect_uri"] == sceneSite+"/callback"
	},
	"UN-TP-28": func(s *scene) bool {
		v := s.visitor()
		without := v.returns("state", v.begins("").Get("state"), "code", "the-code")
		wrong := v.returns("state", v.begins("").Get("state"), "code", "the-code", "iss", sceneQ)
		return without == http.StatusForbidden && wrong == http.StatusForbidden && len(s.p.heard)+len(s.q.heard) == 0
	},
	"UN-TP-29": func(s *scene) bool {
		s.q.metadata = s.p.metadata
		response, _ := s.visitor().get("/access?iss=" + url.QueryEscape(sceneQ))
		return response.StatusCode == http.StatusBadGateway
	},
	"UN-TP-30": func(s *scene) bool {
		return s.visitor().logsInAs(s.p, "alice", 1).account() != s.visitor().logsInAs(s.q, "alice", 1).account()
	},
	"UN-TP-31": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		return s.q.batch(endTask("t1", "alice", 1)).status == http.StatusOK && v.in()
	},
	"UN-TP-32": func(s *scene) bool {
		s.p.spoil = func(w http.ResponseWriter, asked heard, members map[string]any) bool {
			w.Header().Set("Content-Type", "application/json")
			maps.Copy(members, map[string]any{"iss": sceneP, "aud": "site-at-p", "iat": s.now.Unix(), "jti": s.draw()})
			Expect(json.NewEncoder(w).Encode(members)).To(Succeed())
			return true
		}
		v := s.visitor()
		return v.logsIn(s.p) == http.StatusBadGateway && !v.in()
	},
	"UN-TP-33": func(s *scene) bool {
		s.p.spoil = func(_ http.ResponseWriter, asked heard, members map[string]any) bool {
			members["in_reply_to"] = "another-request"
			return false
		}
		return s.visitor().logsIn(s.p) == http.StatusBadGateway
	},
	"UN-TP-34": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		plain, err := json.Marshal(map[string]any{"iss": sceneP, "aud": "site-at-p", "iat": s.now.Unix(), "jti": s.draw(), "tasks": []any{endTask("t1", "alice", 1)}})
		Expect(err).NotTo(HaveOccurred())
		answer := s.p.deliver(string(plain))
		return answer.status == http.StatusBadRequest && answer.error == "invalid_request" && v.in()
	},
	"UN-TP-35": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.A128KW, Key: s.p.keys[0].Secret[:16], KeyID: s.p.keys[0].ID},
			(&jose.EncrypterOptions{}).WithType("batch-logout-request+jwt"))
		Expect(err).NotTo(HaveOccurred())
		payload, err := json.Marshal(map[string]any{"iss": sceneP, "aud": "site-at-p", "iat": s.now.Unix(), "jti": s.draw(), "tasks": []any{endTask("t1", "alice", 1)}})
		Expect(err).NotTo(HaveOccurred())
		wrapped, err := encrypter.Encrypt(payload)
		Expect(err).NotTo(HaveOccurred())
		compact, err := wrapped.CompactSerialize()
		Expect(err).NotTo(HaveOccurred())
		answer := s.p.deliver(compact)
		return answer.status == http.StatusBadRequest && answer.error == "invalid_request" && v.in()
	},
	"UN-TP-36": func(s *scene) bool {
		otherKind := s.p.deliver(s.p.seal("p-2", "status-response", map[string]any{"tasks": []any{endTask("t1", "alice", 1)}}))
		forAnother := s.p.deliver(s.p.seal("p-1", "batch-logout-request", map[string]any{"aud": "another", "tasks": []any{endTask("t1", "alice", 1)}}))
		return otherKind.error == "invalid_request" && forAnother.error == "invalid_request"
	},
	"UN-TP-37": func(s *scene) bool {
		message := s.p.seal("p-1", "batch-logout-request", map[string]any{"tasks": []any{endTask("t1", "alice", 1)}})
		first, second := s.p.deliver(message), s.p.deliver(message)
		return first.status == http.StatusOK && second.status == http.StatusBadRequest && second.error == "message_replayed"
	},
	"UN-TP-38": func(s *scene) bool {
		message := func(away int64) batchAnswer {
			return s.p.deliver(s.p.seal("p-1", "batch-logout-request", map[string]any{"iat": s.now.Unix() + away, "tasks": []any{endTask("t1", "alice", 1)}}))
		}
		Expect(message(300).status).To(Equal(http.StatusOK))
		Expect(message(-300).status).To(Equal(http.StatusOK))
		return message(301).error == "message_stale" && message(-301).error == "message_stale"
	},
	"UN-TP-39": func(s *scene) bool {
		s.visitor().logsIn(s.p)
		first, second := s.p.heard[0], s.p.heard[1]
		return first.vector != second.vector && first.members["jti"] != second.members["jti"]
	},
	"UN-TP-40": func(s *scene) bool {
		s.visitor().logsIn(s.p)
		older, newer := s.p.deliver(s.p.seal("p-1", "batch-logout-request", map[string]any{"tasks": []any{endTask("t1", "alice", 1)}})), s.p.batch(endTask("t1", "alice", 1))
		return s.p.heard[0].kid == "p-2" && older.status == http.StatusOK && newer.status == http.StatusOK
	},
	"UN-TP-41": func(s *scene) bool {
		s.visitor().logsInAs(s.p, "alice", 1)
		first, second := s.p.batch(endTask("t1", "alice", 1)), s.p.batch(endTask("t1", "alice", 1))
		return first.results["t1"] == "done" && second.results["t1"] == "done"
	},
	"UN-TP-42": func(s *scene) bool {
		return s.p.batch(endTask("t1", "nobody", 1)).results["t1"] == "done"
	},
	"UN-TP-43": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 2)
		s.p.batch(endTask("t1", "alice", 1))
		return v.in()
	},
	"UN-TP-44": func(s *scene) bool {
		v := s.visitor()
		state := v.begins("").Get("state")
		s.p.batch(endTask("t1", "alice", 1))
		return v.returns("state", state, "code", "the-code", "iss", sceneP) == http.StatusForbidden && !v.in()
	},
	"UN-TP-45": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		answer := s.p.batch(endTask("t1", "alice", 1), map[string]any{"task_id": "t2", "sub": "bob"})
		return answer.status == http.StatusBadRequest && answer.error == "invalid_request" && v.in()
	},
	"UN-TP-46": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		s.Sleep(301 * time.Second)
		s.p.active = false
		return !v.in()
	},
	"UN-TP-47": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		s.Sleep(301 * time.Second)
		delete(s.hosts, "p.example")
		status, m := v.reads()
		return status == http.StatusServiceUnavailable && m["error"] == "temporarily_unavailable"
	},
	"UN-TP-48": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		s.Sleep(sceneLife)
		Expect(v.in()).To(BeTrue())
		s.Sleep(time.Second)
		return !v.in()
	},
	"UN-TP-49": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		first := v.cookie("tp-login").Value
		v.logsInAs(s.p, "alice", 1)
		return v.cookie("tp-login").Value != first && len(first) >= 22
	},
	"UN-TP-50": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		whole := true
		for _, c := range v.cookies {
			whole = whole && c.HttpOnly && c.SameSite == http.SameSiteLaxMode && c.Secure
		}
		return whole && len(v.cookies) == 2
	},
	"UN-TP-51": func(s *scene) bool {
		v := s.visitor()
		whole := true
		for _, path := range []string{"/access", "/callback", "/home", "/resource"} {
			response, _ := v.get(path)
			whole = whole && response.Header.Get("Cache-Control") == "no-store"
		}
		return whole
	},
	"UN-TP-52": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		posted, _ := v.send(http.MethodPost, sceneSite+"/leave", url.Values{"decision": {"logout"}})
		opened, _ := v.get("/leave")
		return posted.StatusCode == http.StatusForbidden && opened.StatusCode == http.StatusMethodNotAllowed && v.in()
	},
	"UN-TP-53": func(s *scene) bool {
		v := s.visitor()
		response, _ := v.get("/callback?" + url.Values{"state": {v.begins("").Get("state")}, "code": {"the-code"}, "iss": {sceneP}}.Encode())
		return response.Header.Get("Location") == sceneSite+"/home"
	},
	"UN-TP-54": func(s *scene) bool {
		s.p.user["nickname"] = "<script>alert(1)</script>"
		_, body := s.visitor().logsInAs(s.p, "alice", 1).get("/home")
		return strings.Contains(body, "&lt;script&gt;") && !strings.Contains(body, "<script>")
	},
	"UN-TP-55": func(s *scene) bool {
		response, _ := s.visitor().logsInAs(s.p, "alice", 1).get("/home")
		return strings.Contains(response.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") && response.Header.Get("X-Frame-Options") == "DENY"
	},
	"UN-TP-56": func(s *scene) bool {
		v, newer := s.visitor().logsInAs(s.p, "alice", 1), s.visitor().logsInAs(s.p, "alice", 2)
		return s.p.sendsToken(s.p.sign(s.p.claimsFor("alice"))) == http.StatusNoContent && !v.in() && newer.in()
	},
	"UN-TP-57": func(s *scene) bool {
		v := s.visitor().logsInAs(s.p, "alice", 1)
		right := s.p.sign(s.p.claimsFor("alice"))
		broken := right[:len(right)-4] + "AAAA"
		return s.p.sendsToken(broken) == http.StatusBadRequest && v.in()
	},
	"UN-TP-58": func(s *scene) bool {
		return s.p.tokenRefused("aud", []string{"another"}) && s.p.tokenRefused("iss", "https://unheard-of.example")
	},
	"UN-TP-59": func(s *scene) bool {
		return s.p.tokenRefused("nonce", "n") && s.p.tokenRefused("events", map[string]any{}) && s.p.tokenRefused("sub", nil)
	},
	"UN-TP-60": func(s *scene) bool {
		right := s.p.sign(s.p.claimsFor("alice"))
		return s.p.sendsToken(right) == http.StatusNoContent && s.p.sendsToken(right) == http.StatusBadRequest
	},
	"UN-TP-61": func(s *scene) bool {
		return s.p.tokenRefused("exp", s.now.Unix()) && s.p.tokenRefused("iat", s.now.Unix()-301) && s.p.tokenRefused("iat", s.now.Unix()+301)
	},
	"UN-TP-62": func(s *scene) bool {
		s.p.metadata["authorization_endpoint"] = "http://p.example/authorize"
		response, _ := s.visitor().get("/access")
		return response.StatusCode == http.StatusBadGateway
	},
}

// tokenRefused reports whether a logout token with one claim changed is refused and ends nothing.
func (p *playedPlatform) tokenRefused(claim string, value any) bool {
	v := p.visitor().logsInAs(p, fmt.Sprintf("the user of the token with another %s %v", claim, value), 1)
	claims := p.claimsFor(p.user["sub"].(string))
	claims[claim] = value
	return p.sendsToken(p.sign(claims)) == http.StatusBadRequest && v.in()
}

// leaves presses the button of the home page.
func (v *visitor) leaves() (*http.Response, string) {
	_, body := v.get("/home")
	_, rest, found := strings.Cut(body, `name="page_key" value="`)
	Expect(found).To(BeTrue(), body)
	key, _, _ := strings.Cut(rest, `"`)
	return v.send(http.MethodPost, sceneSite+"/leave", url.Values{"page_key": {key}, "decision": {"logout"}})
}

func requirementsOf(role catalog.Role) (found []catalog.Requirement) {
	for _, r := range catalogued() {
		if r.For(role) {
			found = append(found, r)
		}
	}
	return found
}

var _ = Describe("A third-party platform", func() {
	It("has a property for every requirement", func() {
		for _, r := range requirementsOf(catalog.ThirdPartyPlatform) {
			Expect(thirdPartyProperties).To(HaveKey(r.ID))
		}
		Expect(thirdPartyProperties).To(HaveLen(len(requirementsOf(catalog.ThirdPartyPlatform))))
	})

	for _, r := range requirementsOf(catalog.ThirdPartyPlatform) {
		It("meets "+string(r.ID)+": "+r.Title, func() {
			Expect(thirdPartyProperties[r.ID](newScene(guard.Set{}))).To(BeTrue())
		})
		It("lacks just that when "+string(r.ID)+" is lifted: "+r.Defect, func() {
			Expect(thirdPartyProperties[r.ID](newScene(guard.Set{}.Without(r.ID)))).To(BeFalse())
		})
		if r.Level == catalog.Core {
			It("meets "+string(r.ID)+" at level core", func() {
				Expect(thirdPartyProperties[r.ID](newScene(guard.Set{Level: catalog.Core}))).To(BeTrue())
			})
		}
	}
})
