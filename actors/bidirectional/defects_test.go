package bidirectional_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/oauth1"
	"countersign/conformance/catalog"
)

// attack reports whether it got what the guard keeps from it.
type attack func(*play) bool

func (p *play) clientA() client { return client{p.stage, "client-a", "secret-a-at-b"} }

func (p *play) asked() oauth1.Credentials {
	return credentialsIn(p.clientA().post(siteB+"/temporary-credential", "", callback(siteA+"/callback")))
}

func (p *play) succeeds(r *http.Response) bool { return r.StatusCode/100 == 2 }

// handedOver plants a token at site B as its OAuth server would, with changes.
func (p *play) handedOver(token string, change ...string) int {
	form := url.Values{
		"event": {"issued"}, "token": {token}, "token_secret": {"secret"}, "client_id": {"client-a"}, "username": {"carol"},
		"resource_server": {siteB + "/resource"}, "sequence": {"1"}, "expires_at": {"4000000000"},
	}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return client{p.stage, siteB, "handover-key-b"}.post(siteB+"/handover", form.Encode()).StatusCode
}

func (p *play) reads(token string) bool {
	return p.succeeds(p.clientA().with(oauth1.Credentials{Token: token, Secret: "secret"}).get(siteB + "/resource"))
}

// flowStoppedAtCallback begins a flow, and returns the callback that the terminal did not open.
func (p *play) flowStoppedAtCallback() string {
	return p.stoppedAtCallback(func() error {
		_, err := p.terminal.Start(siteA, siteB)
		return err
	})
}

// stoppedAtCallback returns the callback to which what a terminal does leads, and which it does not open.
func (p *play) stoppedAtCallback(does func() error) (stopped string) {
	p.tap = func(r *http.Request) *http.Response {
		if r.URL.Path != "/callback" {
			return nil
		}
		stopped = r.URL.String()
		return failing("/")(r)
	}
	Expect(does()).To(Succeed())
	p.tap = nil
	return stopped
}

func (p *play) exchangesAfter(terminal *bidirectional.Terminal, callback string) bool {
	before := p.count("/token")
	_, err := terminal.Open(callback)
	Expect(err).NotTo(HaveOccurred())
	return p.count("/token") > before
}

var attacks = map[catalog.ID]attack{
	"BI-OS-07": func(p *play) bool {
		r := holder{client: p.clientA()}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		r.Body = io.NopCloser(strings.NewReader("delegate=client-b"))
		return p.succeeds(p.send(r))
	},
	"BI-OS-09": func(p *play) bool {
		r := holder{client: p.clientA()}.request(http.MethodPost, siteB+"/temporary-credential", "", callback(siteA+"/callback"))
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "HMAC-SHA256", "MADE-UP", 1))
		return p.succeeds(p.send(r))
	},
	"BI-OS-04": func(p *play) bool {
		return p.succeeds(client{p.stage, "client-x", "x"}.post(siteB+"/temporary-credential", "", callback("https://evil.example/")))
	},
	"BI-OS-06": func(p *play) bool { return p.succeeds(p.clientA().post(siteB+"/temporary-credential", "")) },
	"BI-OS-12": func(p *play) bool {
		p.terminal.Accounts[1].Username = "alice"
		return strings.Contains(p.flowStoppedAtCallback(), "oauth_verifier")
	},
	"BI-OS-14": func(p *play) bool {
		p.terminal.Decide = refusing(siteB)
		return strings.Contains(p.flowStoppedAtCallback(), "oauth_verifier")
	},
	"BI-OS-16": func(p *play) bool { return p.succeeds(p.clientA().with(p.asked()).post(siteB+"/token", "")) },
	"BI-OS-17": func(p *play) bool {
		asked := p.asked()
		p.verifierFor(siteB + "/authorize?oauth_token=" + asked.Token)
		return p.succeeds(p.clientA().with(asked).post(siteB+"/token", "", verifier("guess")))
	},
	"BI-OS-35": func(p *play) bool {
		mine, theirs := p.asked(), p.asked()
		v := p.verifierFor(siteB + "/authorize?oauth_token=" + mine.Token)
		p.verifierFor(siteB + "/authorize?oauth_token=" + theirs.Token)
		return p.succeeds(p.clientA().with(theirs).post(siteB+"/token", "", verifier(v)))
	},
	"BI-OS-22": func(p *play) bool {
		other := p.asked()
		p.terminal.Decide = refusing(siteB)
		p.flowStoppedAtCallback()
		return !p.succeeds(p.send(plain(http.MethodGet, siteB+"/authorize?oauth_token="+other.Token, "")))
	},
	"BI-OS-28": func(p *play) bool {
		form := url.Values{"username": {"carol"}, "password": {"carol-password-at-b"}, "decision": {"approve"}}
		return p.send(plain(http.MethodPost, siteB+"/authorize?oauth_token="+p.asked().Token, form.Encode())).StatusCode == http.StatusSeeOther
	},
	"BI-OS-43": func(p *play) bool {
		target := siteB + "/authorize?oauth_token=" + p.asked().Token
		shown := p.send(plain(http.MethodGet, target, ""))
		page, err := io.ReadAll(shown.Body)
		Expect(err).NotTo(HaveOccurred())
		_, rest, _ := strings.Cut(string(page), `name="page_key" value="`)
		key, _, _ := strings.Cut(rest, `"`)
		r := plain(http.MethodGet, target+"&"+url.Values{"username": {"carol"}, "password": {"carol-password-at-b"}, "decision": {"approve"}, "page_key": {key}}.Encode(), "")
		r.AddCookie(shown.Cookies()[0])
		return p.send(r).StatusCode == http.StatusSeeOther
	},
	"BI-OS-50": func(p *play) bool {
		return p.send(plain(http.MethodGet, siteB+"/authorize?oauth_token=x&oauth_callback=https%3A%2F%2Fevil.example", "")).StatusCode == http.StatusSeeOther
	},
	"BI-OS-52": func(p *play) bool {
		target := siteB + "/authorize?oauth_token=" + p.asked().Token
		p.terminal.Accounts[1].Password = "guess"
		for range 5 {
			_, err := p.terminal.Open(target)
			Expect(err).NotTo(HaveOccurred())
		}
		return p.succeeds(p.send(plain(http.MethodGet, target, "")))
	},
	"BI-OS-48": func(p *play) bool {
		a := p.clientA()
		token := p.tokenOfA(a, nil)
		p.tap = failing(siteB + "/handover")
		return p.succeeds(a.post(siteB+"/revoke", "token="+token.Token))
	},
	"BI-OS-53": func(p *play) bool {
		for range 5 {
			p.wrongPasswords("carol", 2)
		}
		return p.rightPassword()
	},
	"BI-OS-54": func(p *play) bool {
		target := siteB + "/authorize?oauth_token=" + p.asked().Token
		Expect(p.send(plain(http.MethodGet, target+"&state=of-the-users-page", ""))).To(HaveHTTPStatus(http.StatusOK))
		return strings.Contains(p.stoppedAtCallback(func() error {
			_, err := p.newTerminal(guard.Set{}).Open(target)
			return err
		}), "of-the-users-page")
	},
	"BI-OS-55": func(p *play) bool {
		a := p.clientA()
		token := p.tokenOfA(a, nil)
		p.tap = acknowledging(func(*http.Request) string { return "" })
		return p.succeeds(a.post(siteB+"/revoke", "token="+token.Token))
	},
	"BI-RS-02": func(p *play) bool { return p.reads("made-up") },
	"BI-RS-03": func(p *play) bool { p.handedOver("12345678-right"); return p.reads("12345678-wrong") },
	"BI-RS-04": func(p *play) bool { return p.succeeds(p.send(plain(http.MethodGet, siteB+"/resource", ""))) },
	"BI-RS-05": func(p *play) bool { p.handedOver("token-1", "client_id", "client-b"); return p.reads("token-1") },
	"BI-RS-09": func(p *play) bool {
		before := p.reads("token-1")
		p.handedOver("token-1")
		return before || !p.reads("token-1")
	},
	"BI-RS-10": func(p *play) bool {
		p.handedOver("token-1", "resource_server", siteA+"/resource")
		return p.reads("token-1")
	},
	"BI-RS-13": func(p *play) bool {
		return p.succeeds(p.clientA().post(siteB+"/handover", "event=revoked&token=t&sequence=2&resource_server="+url.QueryEscape(siteB+"/resource")))
	},
	"BI-RS-14": func(p *play) bool {
		p.handedOver("token-1")
		p.handedOver("token-1", "event", "revoked")
		return p.reads("token-1")
	},
	"BI-RS-15": func(p *play) bool {
		p.handedOver("token-1", "event", "revoked")
		p.handedOver("token-1")
		return p.reads("token-1")
	},
	"BI-RS-16": func(p *play) bool { p.handedOver("token-1"); return p.handedOver("token-1") != http.StatusNoContent },
	"BI-RS-17": func(p *play) bool {
		p.handedOver("token-1", "client_id", "client-b")
		p.handedOver("token-1")
		return p.reads("token-1")
	},
	"BI-RS-18": func(p *play) bool { p.handedOver("token-1", "expires_at", "1"); return p.reads("token-1") },
	"BI-RS-24": func(p *play) bool {
		p.handedOver("token-1")
		return p.succeeds(p.clientA().with(oauth1.Credentials{Token: "token-1", Secret: "secret"}).post(siteB+"/resource", "title=mine"))
	},
	"BI-RS-26": func(p *play) bool { // the OAuth server cannot tell, and never says that the revocation has arrived
		a := p.clientA()
		return !p.succeeds(a.post(siteB+"/revoke", "token="+p.tokenOfA(a, nil).Token))
	},
	"BI-CL-13": func(p *play) bool {
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		return p.count(siteA+"/resource")+p.count(siteB+"/resource") > 2
	},
	"BI-CL-14": func(p *play) bool {
		p.flowStoppedAtCallback()
		page, err := p.newTerminal(guard.Set{}).Start(siteB, siteA)
		Expect(err).NotTo(HaveOccurred())
		return !strings.Contains(page.Text, readsAtB)
	},
	"BI-CL-20": func(p *play) bool {
		form := url.Values{"temporary_credential": {"t"}, "temporary_credential_secret": {"s"}, "client_id": {"client-a"}, "issuer": {"https://evil.example"}}
		return p.succeeds(p.clientA().post(siteB+"/delegation", form.Encode()))
	},
	"BI-CL-23": func(p *play) bool {
		form := url.Values{"temporary_credential": {"t"}, "temporary_credential_secret": {"s"}, "client_id": {"client-a"}, "issuer": {siteA}}
		var said map[string]string
		Expect(json.NewDecoder(p.clientA().post(siteB+"/delegation", form.Encode()).Body).Decode(&said)).To(Succeed())
		p.send(plain(http.MethodGet, said["continue_uri"], ""))
		return p.send(plain(http.MethodGet, said["continue_uri"], "")).StatusCode == http.StatusSeeOther
	},
	"BI-CL-24": func(p *play) bool { return p.exchangesAfter(p.newTerminal(guard.Set{}), p.flowStoppedAtCallback()) },
	"BI-CL-25": func(p *play) bool {
		mine := p.flowStoppedAtCallback()
		p.terminal = p.newTerminal(guard.Set{})
		p.flowStoppedAtCallback()
		return p.exchangesAfter(p.terminal, mine)
	},
	"BI-CL-26": func(p *play) bool {
		stopped, err := url.Parse(p.flowStoppedAtCallback())
		Expect(err).NotTo(HaveOccurred())
		return p.exchangesAfter(p.terminal, siteA+"/callback?oauth_token=other&oauth_verifier=v&state="+stopped.Query().Get("state"))
	},
	"BI-CL-27": func(p *play) bool {
		stopped := p.flowStoppedAtCallback()
		Expect(p.exchangesAfter(p.terminal, stopped)).To(BeTrue())
		return p.exchangesAfter(p.terminal, stopped)
	},
	"BI-CL-30": func(p *play) bool {
		p.hosts["b.localhost"] = p.hosts["b.example"]
		p.publishAtB(`{"issuer":"` + siteB + `","authorization_endpoint":"` + siteB + `/authorize","temporary_credential_endpoint":"http://b.localhost/temporary-credential","signature_methods_supported":["PLAINTEXT"]}`)
		p.send(plain(http.MethodPost, siteA+"/start", "peer="+siteB))
		return strings.Contains(p.requests[len(p.requests)-1].Header.Get("Authorization"), "PLAINTEXT")
	},
	"BI-CL-38": func(p *play) bool {
		p.publishAtB(`{"issuer":"` + siteB + `","authorization_endpoint":"` + siteB + `/authorize","temporary_credential_endpoint":"http://b.example/temporary-credential"}`)
		p.send(plain(http.MethodPost, siteA+"/start", "peer="+siteB))
		asked := p.count("http://b.example/") > 0
		p.publishAtB(`{"issuer":"` + siteB + `","temporary_credential_endpoint":"` + siteB + `/temporary-credential","authorization_endpoint":"http://b.example/authorize"}`)
		led := p.send(plain(http.MethodPost, siteA+"/start", "peer="+siteB)).Header.Get("Location")
		Expect(asked).To(Equal(strings.HasPrefix(led, "http://b.example/")), "the request and the browser have one guard")
		return asked
	},
	"BI-CL-35": func(p *play) bool {
		p.tap = failing(siteB + "/handover")
		begun := p.now
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		return p.count(siteB+"/resource") == 40 && p.now.Sub(begun) < 30*time.Second
	},
	"BI-CL-39": func(p *play) bool {
		stopped, _, _ := strings.Cut(p.flowStoppedAtCallback(), "&state=")
		return p.exchangesAfter(p.terminal, stopped)
	},
	"BI-UT-01": func(p *play) bool {
		p.terminal.Accounts = p.terminal.Accounts[:1]
		_, err := p.terminal.Start(siteA, siteB)
		return err == nil
	},
}

var _ = Describe("A lifted guard", func() {
	for _, r := range catalog.Of("bidirectional") {
		attack, known := attacks[r.ID]
		if !known {
			continue
		}
		It(string(r.ID)+" lets through what it was there for: "+r.Defect, func() {
			Expect(attack(newPlay(guard.Set{}))).To(BeFalse(), "with the guard")
			Expect(attack(newPlay(guard.Set{}.Without(r.ID)))).To(BeTrue(), "without it")
		})
	}
})
