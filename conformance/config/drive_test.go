package config_test

import (
	"encoding/json"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/ticket"
)

var _ = Describe("What a configuration says of an implementation that cannot be asked", func() {
	It("is read", func() {
		c, err := parse(`profile: ticket@1
document: {issuer: 'http://a', extension: [1, 2]}
triggers:
  use_endpoint: {command: [./use, --now]}
  logout_endpoint: {url: 'http://a/out', method: GET, query: {who: '{user_name}'}}
`)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Target).To(Equal(config.Driven))
		Expect(c.Drive.Triggers).To(Equal(map[string]config.Trigger{
			"use_endpoint":    {Command: []string{"./use", "--now"}, Folder: "."},
			"logout_endpoint": {URL: "http://a/out", Method: "GET", Query: map[string]string{"who": "{user_name}"}, Folder: "."},
		}))
		Expect(c.ByHand()).To(BeEmpty())

		c, err = parse("target: http://a\ntriggers: {start_endpoint: {hand: Press it.}}\nlogin: {fields: {username: user}, decisions: {approve: 'yes'}, extra: {tenant: acme}, hand: true}\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Profile).To(Equal("bidirectional@1"))
		Expect(*c.Drive.Login).To(Equal(config.Login{Fields: config.Fields{Username: "user"}, Decisions: map[string]string{"approve": "yes"}, Extra: map[string]string{"tenant": "acme"}, Hand: true, Folder: "."}))
		Expect(c.ByHand()).To(Equal([]string{"triggers.start_endpoint", "login"}))
	})

	It("is the metadata document, with an address for each trigger", func() {
		c, err := parse("profile: ticket@1\ndocument: {issuer: 'http://a', extension: [1, 2.50]}\nlifetimes: {refresh_grace: 60}\ntriggers: {use_endpoint: {command: [./use]}}\n")
		Expect(err).NotTo(HaveOccurred())
		flow := ticket.Flow()
		resp, err := (&http.Client{Transport: c.Through(flow, nil)}).Get(config.Driven + flow.WellKnown)
		Expect(err).NotTo(HaveOccurred())
		defer resp.Body.Close()
		Expect(resp.Header.Get(config.OverrideHeader)).To(Equal(config.DocumentConfigured))
		var members map[string]any
		Expect(json.NewDecoder(resp.Body).Decode(&members)).To(Succeed())
		Expect(members).To(Equal(map[string]any{
			"profile": "ticket@1", "issuer": "http://a", "extension": []any{1.0, 2.5}, "refresh_grace": 60.0, "use_endpoint": config.Driven + "/use_endpoint",
		}))
	})

	It("names only endpoints that the profile has", func() {
		for _, flow := range flows.All() {
			known := map[string]bool{}
			for _, m := range config.Members(flow) {
				known[m.Name] = !m.Lifetime
			}
			for name := range config.Triggerable(flow) {
				Expect(known).To(HaveKeyWithValue(name, true), flow.Name)
			}
			for _, page := range config.LoginPages(flow) {
				Expect(known).To(HaveKeyWithValue(page.Endpoint, true), flow.Name)
			}
		}
	})

	DescribeTable("is refused with the place and how to mend it",
		func(text, message string) {
			_, err := parse(text)
			Expect(err).To(MatchError("countersign.yaml" + message))
		},
		Entry("when a trigger stands for no endpoint", "target: http://a\ntriggers: {begin_endpoint: {hand: x}}\n",
			`:2:12: unknown key "begin_endpoint"; known here: start_endpoint, test_clock_endpoint`),
		Entry("when a trigger does not say how", "target: http://a\ntriggers: {start_endpoint: {}}\n",
			":2:28: triggers.start_endpoint: it does not say how; write one of url, command and hand"),
		Entry("when a trigger says how twice", "target: http://a\ntriggers: {start_endpoint: {hand: x, url: 'http://b'}}\n",
			":2:28: triggers.start_endpoint: it says how in two ways: hand and url; keep one"),
		Entry("when a command has a form", "target: http://a\ntriggers: {start_endpoint: {command: [x], form: {a: b}}}\n",
			":2:28: triggers.start_endpoint: method, query, form and json say how a URL is asked, and there is none; write `url`, or take them out"),
		Entry("when a trigger has an unknown key", "target: http://a\ntriggers: {start_endpoint: {cmd: [x]}}\n",
			`:2:29: unknown key "cmd"; known here: command, form, hand, json, method, query, url`),
		Entry("when a clock is to be moved by hand", "target: http://a\ntriggers: {test_clock_endpoint: {hand: Move it.}}\n",
			":2:40: triggers.test_clock_endpoint.hand: no person can do this by hand: it has to answer at once, and in bytes; write a url or a command"),
		Entry("when triggers are of no target", "triggers: {start_endpoint: {hand: x}}\n",
			":1:11: triggers: triggers of no target are named; add the key `target`, or `document` for an implementation that serves nothing"),
		Entry("when the document has an endpoint that the profile has not", "profile: ticket@1\ndocument: {useless_endpoint: 'http://a'}\n",
			`:2:12: ticket@1 has no endpoint "useless_endpoint"; there are authentication_endpoint, logout_endpoint, refresh_endpoint, registration_endpoint, resource_endpoint, revocation_endpoint, test_clock_endpoint, use_endpoint, verification_endpoint`),
		Entry("when the document lies elsewhere too", "target: http://a\nmetadata: http://a/doc\ndocument: {issuer: x}\n",
			":3:11: document: `metadata` says that it lies elsewhere; keep one of the two"),
		Entry("when nobody logs in at pages", "profile: offline@1\ntarget: http://a\nlogin: {extra: {a: b}}\n",
			":3:8: login: offline@1 has no page at which users log in; take it out"),
		Entry("when two log in", "target: http://a\nlogin: {hook: 'http://b', hand: true}\n",
			":2:8: login: it says in two ways who logs in; keep one of hook, command and hand"),
		Entry("when a session would be lost", "profile: unified@1\ntarget: http://a\nlogin: {hand: true}\n",
			":3:15: login.hand: a login by hand leaves its session in the person's own browser, and the checks of unified go on in it; use fields, hook or command"),
		Entry("when there is no such decision", "target: http://a\nlogin: {decisions: {agree: 'yes'}}\n",
			`:2:21: bidirectional@1 has no decision "agree"; there are approve, deny`),
		Entry("when two decisions look the same", "target: http://a\nlogin: {decisions: {approve: go, deny: go}}\n",
			":2:40: login.decisions.deny: it has the same value as approve; write two values that the page tells apart"),
		Entry("when two fields have one name", "target: http://a\nlogin: {fields: {username: x, password: x}}\n",
			`:2:17: login.fields: two fields have the name "x"; write the name that each has on the page`),
	)
})
