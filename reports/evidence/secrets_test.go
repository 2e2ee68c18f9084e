package evidence_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/reports/evidence"
)

// secretMembers are the members of all setups that hold secrets, by the profiles' sections 8.
var secretMembers = []string{"secret", "password", "handover_key", "secret_at_peer", "k", "d", "key", "seal_keys", "account_password"}

// plant puts a secret of its own at every such member.
func plant(value any, member string, planted *[]string) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = plant(v[name], name, planted)
		}
	case []any:
		for i := range v {
			v[i] = plant(v[i], member, planted)
		}
	case string:
		if slices.Contains(secretMembers, member) {
			canary := fmt.Sprintf("canary+%d/<&\"ü of %s", len(*planted), member)
			*planted = append(*planted, canary)
			return canary
		}
	}
	return value
}

// withCanaries is a flow's setup with a secret of its own everywhere.
func withCanaries(flow conformance.Flow) (conformance.Setup, []string) {
	GinkgoHelper()
	text, err := json.Marshal(flow.Setup())
	Expect(err).NotTo(HaveOccurred())
	var members any
	Expect(json.Unmarshal(text, &members)).To(Succeed())
	var planted []string
	text, err = json.Marshal(plant(members, "", &planted))
	Expect(err).NotTo(HaveOccurred())
	setup := flow.Setup()
	Expect(json.Unmarshal(text, setup)).To(Succeed())
	return setup, planted
}

// written are the ways in which a secret may stand in a message.
func written(secret string) []string {
	quoted, err := json.Marshal(secret)
	Expect(err).NotTo(HaveOccurred())
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), strings.Trim(string(quoted), `"`), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("a:" + secret)), base64.RawURLEncoding.EncodeToString([]byte("client:" + secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
	}
}

// opened are an evidence file and all that it holds in base64, as one text.
func opened(sealed []byte) string {
	GinkgoHelper()
	var e envelope
	Expect(json.Unmarshal(sealed, &e)).To(Succeed())
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	Expect(err).NotTo(HaveOccurred())
	var statement evidence.Statement
	Expect(json.Unmarshal(payload, &statement)).To(Succeed())
	all := string(sealed) + string(payload)
	for _, r := range append(statement.Subject, statement.Predicate.Configuration...) {
		all += string(r.Content)
	}
	return all
}

var _ = Describe("A secret of the configuration", func() {
	for _, flow := range flows.All() {
		It("does not stand in the evidence, however it was spelled, in the flow "+flow.Name, func() {
			setup, planted := withCanaries(flow)
			Expect(len(planted)).To(BeNumerically(">=", 2))
			planted = append(planted, "canary-in-the-target-url", "canary-in-the-query")
			c := caseOf()
			c.Config.Profile, c.Config.Setup = flow.Profile, setup
			c.Config.Target = "http://user:canary-in-the-target-url@127.0.0.1:9000/base?key=canary-in-the-query"
			c.Config.Seed = 1<<63 + 1
			r := result("TI-AM-01", skip, "")
			for _, secret := range planted {
				for _, text := range written(secret) {
					r.Reason += text + " "
				}
			}
			told := report(r)
			told.Target, told.Summary = c.Config.Target, r.Reason
			c.Attempts = []conformance.Report{told}
			k := newKeys()
			sealed := seal(k, c)
			out := opened(sealed)
			Expect(out).To(ContainSubstring("taken out"))
			Expect(out).NotTo(ContainSubstring("canary"))
			for _, secret := range planted {
				for _, text := range written(secret) {
					Expect(strings.Contains(out, text[4:len(text)-6])).To(BeFalse(), "%q", text)
				}
			}
			Expect(out).To(ContainSubstring("http://127.0.0.1:9000/base"))
			Expect(verify(k, sealed)).To(Succeed())
		})

		It("does not change the configuration's digest, but everything else does, in the flow "+flow.Name, func() {
			digest := func(change func(*config.Config)) string {
				c := caseOf(report(result("TI-AM-01", pass, "")))
				c.Config.Profile, c.Config.Setup = flow.Profile, flow.Setup()
				change(&c.Config)
				statement, err := evidence.Make(c)
				Expect(err).NotTo(HaveOccurred())
				Expect(statement.Predicate.Configuration[0].Name).To(Equal("configuration"))
				return statement.Predicate.Configuration[0].Digest["sha256"]
			}
			same := digest(func(*config.Config) {})
			Expect(digest(func(c *config.Config) { c.Setup, _ = withCanaries(flow) })).To(Equal(same))
			Expect(digest(func(c *config.Config) { c.Seed++ })).NotTo(Equal(same))
			Expect(digest(func(c *config.Config) { c.Limit++ })).NotTo(Equal(same))
			Expect(digest(func(c *config.Config) { *c.Setup.Addresses()[0].Origin = "http://127.0.0.1:1" })).NotTo(Equal(same))
		})

		It("leaves what is not secret readable, in the flow "+flow.Name, func() {
			c := caseOf(report(result("TI-AM-01", pass, "")))
			c.Config.Profile, c.Config.Setup = flow.Profile, flow.Setup()
			statement, err := evidence.Make(c)
			Expect(err).NotTo(HaveOccurred())
			shown := string(statement.Predicate.Configuration[0].Content)
			for _, a := range flow.Setup().Addresses() {
				Expect(shown).To(ContainSubstring(*a.Origin))
			}
		})
	}
})
