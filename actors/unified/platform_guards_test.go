package unified_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/conformance/catalog"
)

func catalogued() []catalog.Requirement {
	for _, c := range catalog.Catalogs() {
		if c.Flow == "unified" {
			return c.Requirements
		}
	}
	return nil
}

// holds reports for a requirement whether the platform of a stage meets it.
var holds = map[catalog.ID]func(*stage) bool{
	"UN-PL-01": func(s *stage) bool {
		return s.browser().get("/.well-known/unified-login").json()["issuer"] == stageIssuer
	},
	"UN-PL-02": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		page := b.get("/portal").body
		return strings.Contains(page, siteURL("tp-a", "access")) && strings.Contains(page, siteURL("tp-b", "access")) && strings.Contains(page, siteURL("tp-c", "access"))
	},
	"UN-PL-03": func(s *stage) bool {
		b := s.browser()
		b.get("/portal")
		return b.submit("username", "alice", "password", "wrong", "decision", "login").status == http.StatusForbidden
	},
	"UN-PL-04": func(s *stage) bool {
		a := s.browser().get(request("tp-a"))
		return a.status == http.StatusOK && a.asksPassword()
	},
	"UN-PL-05": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		return !b.get(request("tp-a")).asksPassword()
	},
	"UN-PL-06": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		return b.get(request("tp-a")).status == http.StatusOK
	},
	"UN-PL-07": func(s *stage) bool { return s.browser().approves("tp-a").Get("state") == "state-of-tp-a" },
	"UN-PL-08": func(s *stage) bool {
		b := s.browser()
		b.get(request("tp-a"))
		back := b.submit("decision", "deny").location(siteURL("tp-a", "callback"))
		return back.Get("error") == "access_denied" && !back.Has("code")
	},
	"UN-PL-09": func(s *stage) bool {
		a := s.browser().get(request("stranger"))
		return a.status == http.StatusBadRequest && !a.hasForm()
	},
	"UN-PL-10": func(s *stage) bool {
		a := s.caller("tp-a").exchange(s.browser().approves("tp-a").Get("code"))
		return a.text("pass_token") != "" && a.members["expires_in"] != nil
	},
	"UN-PL-11": func(s *stage) bool {
		s.browser().approves("tp-a")
		return s.caller("tp-a").exchange("0123456789012345678901").code() == "invalid_grant"
	},
	"UN-PL-12": func(s *stage) bool {
		code := s.browser().approves("tp-a").Get("code")
		return s.caller("tp-b").exchange(code, "redirect_uri", siteURL("tp-a", "callback")).code() == "invalid_grant"
	},
	"UN-PL-13": func(s *stage) bool { return s.caller("tp-a").logsIn(s.browser(), "alice").text("picture") != "" },
	"UN-PL-14": func(s *stage) bool {
		s.browser().logIn("alice")
		return s.caller("tp-a").authenticate("0123456789012345678901").code() == "invalid_token"
	},
	"UN-PL-15": func(s *stage) bool { return s.caller("tp-a").logsIn(s.browser(), "bob").text("sub") == "u-2" },
	"UN-PL-16": func(s *stage) bool {
		a := s.caller("tp-a").exchange(s.browser().approves("tp-a").Get("code"))
		return a.header.Get("Content-Type") == "application/jose"
	},
	"UN-PL-17": func(s *stage) bool {
		c := s.caller("tp-a")
		code := s.browser().approves("tp-a").Get("code")
		return c.under(token.Key{ID: "unheard-of", Secret: c.key.Secret}).exchange(code).code() == "invalid_client"
	},
	"UN-PL-18": func(s *stage) bool {
		id := s.operator("victor", "/registration", registration("new")).json()["client_id"].(string)
		return s.browser().get(request(id, "redirect_uri", siteURL("new", "callback"))).status == http.StatusBadRequest
	},
	"UN-PL-19": func(s *stage) bool {
		id := s.takenIn("new")
		s.operator("victor", "/registration", registration("new", "client_id", id, "callback_uri", siteURL("new", "moved")))
		return s.browser().get(request(id, "redirect_uri", siteURL("new", "moved"))).status == http.StatusBadRequest
	},
	"UN-PL-20": func(s *stage) bool {
		asked := s.operator("olga", "/registration", registration("new")).json()
		return s.operator("victor", "/review", map[string]any{"request_id": asked["request_id"], "decision": "approve"}).status == http.StatusForbidden
	},
	"UN-PL-21": func(s *stage) bool {
		c := s.caller("tp-a").under(s.newKey("olga", "tp-a"))
		return c.status("u-1", 1).status == http.StatusOK
	},
	"UN-PL-25": func(s *stage) bool {
		s.browser().approves("tp-a")
		return s.caller("tp-a").status("u-1", 1).members["active"] == false
	},
	"UN-PL-30": func(s *stage) bool {
		return s.caller("tp-a").authenticate("unknown").json()["error_description"] != nil
	},
	"UN-PL-31": func(s *stage) bool {
		return s.browser().get(request("tp-a", "redirect_uri", siteURL("tp-a", "callback/../elsewhere"))).status == http.StatusBadRequest
	},
	"UN-PL-32": func(s *stage) bool {
		return s.browser().get(request("tp-a")+"&state=another").status == http.StatusBadRequest
	},
	"UN-PL-33": sentBack("state", ""),
	"UN-PL-34": func(s *stage) bool {
		back := s.browser().get(request("tp-a", "code_challenge", "", "code_challenge_method", "")).location(siteURL("tp-a", "callback"))
		return back.Get("error") == "invalid_request"
	},
	"UN-PL-35": sentBack("code_challenge_method", "plain"),
	"UN-PL-36": func(s *stage) bool {
		code := s.browser().approves("tp-a").Get("code")
		return s.caller("tp-a").exchange(code, "code_verifier", strings.Repeat("x", 43)).code() == "invalid_grant"
	},
	"UN-PL-37": func(s *stage) bool { return s.browser().approves("tp-a").Get("iss") == stageIssuer },
	"UN-PL-38": func(s *stage) bool {
		code := s.browser().approves("tp-a").Get("code")
		return s.caller("tp-a").exchange(code, "redirect_uri", siteURL("tp-a", "elsewhere")).code() == "invalid_grant"
	},
	"UN-PL-39": func(s *stage) bool {
		c, code := s.caller("tp-a"), s.browser().approves("tp-a").Get("code")
		c.exchange(code)
		return c.exchange(code).code() == "invalid_grant"
	},
	"UN-PL-40": func(s *stage) bool {
		c, code := s.caller("tp-a"), s.browser().approves("tp-a").Get("code")
		first := c.exchange(code).text("pass_token")
		c.exchange(code)
		return c.authenticate(first).code() == "invalid_token"
	},
	"UN-PL-41": func(s *stage) bool {
		code := s.browser().approves("tp-a").Get("code")
		s.Sleep(time.Minute)
		return s.caller("tp-a").exchange(code).code() == "invalid_grant"
	},
	"UN-PL-42": func(s *stage) bool {
		c := s.caller("tp-a")
		pass := c.exchange(s.browser().approves("tp-a").Get("code")).text("pass_token")
		s.Sleep(time.Minute)
		return c.authenticate(pass).code() == "invalid_token"
	},
	"UN-PL-43": func(s *stage) bool {
		c := s.caller("tp-a")
		pass := c.exchange(s.browser().approves("tp-a").Get("code")).text("pass_token")
		return c.authenticate(pass).status == http.StatusOK && c.authenticate(pass).code() == "invalid_token"
	},
	"UN-PL-44": func(s *stage) bool {
		pass := s.caller("tp-a").exchange(s.browser().approves("tp-a").Get("code")).text("pass_token")
		return s.caller("tp-b").authenticate(pass).code() == "invalid_token"
	},
	"UN-PL-45": func(s *stage) bool {
		b, c := s.browser(), s.caller("tp-a")
		pass := c.exchange(b.approves("tp-a").Get("code")).text("pass_token")
		code := b.approves("tp-a").Get("code")
		b.logOut()
		return c.exchange(code).code() == "invalid_grant" && c.authenticate(pass).code() == "invalid_token"
	},
	"UN-PL-46": func(s *stage) bool {
		b, elsewhere := s.browser(), s.browser()
		b.logIn("alice")
		elsewhere.logIn("alice")
		b.get(request("tp-a"))
		elsewhere.logOut()
		late := b.submit("decision", "approve")
		return late.status == http.StatusForbidden && late.asksPassword()
	},
	"UN-PL-48": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		b.approves("tp-a")
		return b.last.status == http.StatusSeeOther
	},
	"UN-PL-49": func(s *stage) bool {
		b := s.browser()
		policy := b.get(request("tp-a")).header.Get("Content-Security-Policy")
		return strings.Contains(policy, "frame-ancestors 'none'") && b.get("/portal").header.Get("X-Frame-Options") == "DENY"
	},
	"UN-PL-50": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		b.get(request("tp-a"))
		forged := b.submit("decision", "approve", "page_key", "")
		return forged.status == http.StatusForbidden && forged.location(siteURL("tp-a", "callback")) == nil
	},
	"UN-PL-52": func(s *stage) bool {
		b := s.browser()
		b.get(request("tp-a"))
		form := b.inputs("username", "alice", "password", passwordOf("alice"), "decision", "approve")
		shown := b.get(request("tp-a") + "&" + form.Encode())
		return shown.status == http.StatusOK && shown.asksPassword()
	},
	"UN-PL-53": func(s *stage) bool {
		return strings.Contains(s.browser().get(request("tp-a")).page().Text(), "tp-a")
	},
	"UN-PL-54": func(s *stage) bool {
		b := s.browser()
		b.get("/portal")
		before := b.cookie().Value
		b.logIn("alice")
		return b.cookie().Value != before
	},
	"UN-PL-55": func(s *stage) bool {
		b := s.browser()
		b.logIn("alice")
		c := b.cookie()
		return c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode
	},
	"UN-PL-56": func(s *stage) bool { return len(s.browser().approves("tp-a").Get("code")) >= 22 },
	"UN-PL-57": func(s *stage) bool {
		told := func(name string) string {
			b := s.browser()
			b.get("/portal")
			return b.submit("username", name, "password", "wrong", "decision", "login").page().Find("main").Text()
		}
		return told("alice") == told("nobody")
	},
	"UN-PL-58": func(s *stage) bool {
		b := s.browser()
		b.get("/portal")
		for range 10 {
			b.submit("username", "alice", "password", "wrong", "decision", "login")
		}
		return b.submit("username", "alice", "password", passwordOf("alice"), "decision", "login").status == http.StatusForbidden
	},
	"UN-PL-59": func(s *stage) bool {
		c := s.caller("tp-a")
		return s.browser().get(request("tp-a")).header.Get("Cache-Control") == "no-store" && c.status("u-1", 1).header.Get("Cache-Control") == "no-store"
	},
	"UN-PL-60": func(s *stage) bool {
		c := s.caller("tp-a")
		plain, _ := json.Marshal(c.payload("sub", "u-1", "generation", 1))
		return c.deliver("/status", "application/json", string(plain)).code() == "invalid_request"
	},
	"UN-PL-61": func(s *stage) bool {
		c := s.caller("tp-a")
		payload, _ := json.Marshal(c.payload("sub", "u-1", "generation", 1))
		recipient := jose.Recipient{Algorithm: jose.A128KW, Key: c.key.Secret[:16], KeyID: c.key.ID}
		encrypter, err := jose.NewEncrypter(jose.A256GCM, recipient, (&jose.EncrypterOptions{}).WithType("status-request+jwt"))
		Expect(err).NotTo(HaveOccurred())
		wrapped, err := encrypter.Encrypt(payload)
		Expect(err).NotTo(HaveOccurred())
		compact, err := wrapped.CompactSerialize()
		Expect(err).NotTo(HaveOccurred())
		return c.deliver("/status", "application/jose", compact).code() == "invalid_request"
	},
	"UN-PL-62": func(s *stage) bool {
		c := s.caller("tp-a")
		return c.ask("/status", "authentication-request", "sub", "u-1", "generation", 1).code() == "invalid_request"
	},
	"UN-PL-63": func(s *stage) bool {
		c := s.caller("tp-a")
		message := c.seal("status-request+jwt", c.payload("sub", "u-1", "generation", 1))
		first := c.deliver("/status", "application/jose", message)
		return first.status == http.StatusOK && c.deliver("/status", "application/jose", message).code() == "message_replayed"
	},
	"UN-PL-64": func(s *stage) bool {
		ask := func(away int64) string {
			return s.caller("tp-a").ask("/status", "status-request", "sub", "u-1", "generation", 1, "iat", s.now.Unix()+away).code()
		}
		return ask(300) == "" && ask(-300) == "" && ask(301) == "message_stale" && ask(-301) == "message_stale"
	},
	"UN-PL-65": func(s *stage) bool {
		vector := func() string {
			parts := strings.Split(s.caller("tp-a").status("u-1", 1).body, ".")
			return parts[min(2, len(parts)-1)]
		}
		first := vector()
		return vector() != first
	},
	"UN-PL-66": func(s *stage) bool {
		a := s.caller("tp-a").ask("/status", "status-request", "sub", "u-1", "generation", 1, "jti", "this-one-in-particular")
		return a.text("in_reply_to") == "this-one-in-particular"
	},
	"UN-PL-67": func(s *stage) bool {
		s.newKey("olga", "tp-a")
		s.Sleep(10*time.Minute - time.Second)
		return s.caller("tp-a").status("u-1", 1).status == http.StatusOK
	},
	"UN-PL-68": func(s *stage) bool {
		s.newKey("olga", "tp-a")
		s.Sleep(10 * time.Minute)
		return s.caller("tp-a").status("u-1", 1).code() == "invalid_client"
	},
	"UN-PL-69": func(s *stage) bool {
		second := s.newKey("olga", "tp-a")
		s.newKey("olga", "tp-a") // which is not in use yet
		b := s.browser()
		s.caller("tp-a").under(second).logsIn(b, "alice")
		b.logOut()
		s.work()
		return len(s.sent) > 0 && keyIDOf(s.sent[0]) == second.ID
	},
	"UN-PL-70": func(s *stage) bool {
		asked := s.operator("rene", "/registration", registration("new")).json()
		return s.operator("rene", "/review", map[string]any{"request_id": asked["request_id"], "decision": "approve"}).status == http.StatusForbidden
	},
	"UN-PL-71": func(s *stage) bool {
		return s.operator("victor", "/registration", registration("mine", "client_id", "tp-a")).status == http.StatusForbidden
	},
	"UN-PL-72": func(s *stage) bool {
		return s.operator("victor", "/key", map[string]any{"client_id": "tp-a"}).status == http.StatusForbidden
	},
	"UN-PL-73": func(s *stage) bool {
		return s.operator("victor", "/registration", registration("new", "callback_uri", "http://new.example/callback")).code() == "invalid_redirect_uri"
	},
	"UN-PL-84": func(s *stage) bool {
		b, c := s.browser(), s.caller("tp-a")
		first, _ := c.logsIn(b, "alice").members["generation"].(float64)
		b.logOut()
		second, _ := c.logsIn(b, "alice").members["generation"].(float64)
		return first > 0 && second > first
	},
	"UN-PL-85": func(s *stage) bool {
		b, c := s.browser(), s.caller("tp-a")
		c.logsIn(b, "alice")
		before := c.status("u-1", 1).members["active"]
		b.logOut()
		return before == true && c.status("u-1", 1).members["active"] == false
	},
	"UN-PL-86": func(s *stage) bool {
		s.caller("tp-a").logsIn(s.browser(), "alice")
		return s.caller("tp-b").status("u-1", 1).members["active"] == false
	},
	"UN-PL-91": func(s *stage) bool {
		return s.browser().get(request("tp-a")).header.Get("Referrer-Policy") == "no-referrer"
	},
}

// sentBack has an authorization request with that parameter sent back to the callback path.
func sentBack(parameter, value string) func(*stage) bool {
	return func(s *stage) bool {
		back := s.browser().get(request("tp-a", parameter, value)).location(siteURL("tp-a", "callback"))
		return back.Get("error") == "invalid_request" && !back.Has("code")
	}
}

func keyIDOf(r *http.Request) string {
	sealed, err := token.ParseSealed(read(&http.Response{Body: r.Body}).body)
	Expect(err).NotTo(HaveOccurred())
	return sealed.KeyID()
}

// shared are requirements that cannot hold where another's guard is lifted, because one thing shows both.
var shared = map[catalog.ID][]catalog.ID{
	"UN-PL-08": {"UN-PL-04"}, // who is not asked cannot refuse
	"UN-PL-18": {"UN-PL-09"}, // whoever is unknown may ask
	"UN-PL-25": {"UN-PL-86"}, // the status of everybody is told
	"UN-PL-52": {"UN-PL-04"},
	"UN-PL-53": {"UN-PL-04"},
	"UN-PL-57": {"UN-PL-03"}, // there is no wrong password
	"UN-PL-58": {"UN-PL-03"},
	"UN-PL-68": {"UN-PL-21"}, // there is no newer key
	"UN-PL-69": {"UN-PL-21", "UN-PL-67"},
}

var _ = Describe("The guards", func() {
	var mine []catalog.ID
	for _, r := range catalogued() {
		if holds[r.ID] != nil {
			mine = append(mine, r.ID)
		}
	}
	for _, r := range catalogued() {
		if holds[r.ID] == nil {
			continue
		}
		It("enforce "+string(r.ID)+", "+r.Title, func() {
			Expect(holds[r.ID](newStage(guard.Set{}))).To(BeTrue())
		})
		It("lifted one by one leave a defect of "+string(r.ID)+", and of nothing else: "+r.Defect, func() {
			var broken []catalog.ID
			for _, id := range mine {
				if !slices.Contains(shared[id], r.ID) && !holds[id](newStage(guard.Set{}.Without(r.ID))) {
					broken = append(broken, id)
				}
			}
			Expect(broken).To(Equal([]catalog.ID{r.ID}))
		})
	}
})
