package cli_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/flows"
	"countersign/conformance/reference"
)

var _ = Describe("A secret of the configuration is in no output", func() {
	for _, flow := range flows.All() {
		for _, sign := range flow.Signs {
			role := sign.Roles[0]
			if strings.HasPrefix(string(role), "client-") {
				role = "client"
			}

			It(fmt.Sprintf("of a run against a %s of the flow %s that does as it should; what was issued in it is in none either", role, flow.Name), func() {
				c := newCage()
				setup := c.configure(flow, nil).Setup
				Expect(c.everything(append(some(flow, sign.Roles[0]), "--target", serve(flow, role, setup, ""))...)).To(Equal(0), c.said.String())
				c.expectSilence()
				c.expectNothingIssued()
			})

			It(fmt.Sprintf("of a run against a %s of the flow %s that does something wrong", role, flow.Name), func() {
				for _, d := range reference.Defects() {
					if of, err := flows.Of(d.Requirement); err != nil || of.Name != flow.Name || string(d.Role) != string(sign.Roles[0]) {
						continue
					}
					c := newCage()
					setup := c.configure(flow, nil).Setup
					Expect(c.everything("--target", serve(flow, role, setup, d.ID), "--role", string(role), "--only", string(d.Requirement))).To(BeNumerically("<=", 1), c.said.String())
					c.expectSilence()
					return
				}
				Fail("there is no defect of the role " + string(role))
			})
		}

		It("of a run against a target of the flow "+flow.Name+" that says all that it knows, in every way", func() {
			c := newCage()
			c.configure(flow, nil)
			Expect(c.everything(append(some(flow, flow.Signs[0].Roles[0]), "--target", c.parrot(flow))...)).To(Equal(1), c.said.String())
			Expect(c.outputs()).To(HaveKey("out/report.html"))
			c.expectSilence()
		})

		It("where nothing can be run in the flow "+flow.Name, func() {
			c := newCage()
			c.configure(flow, map[string]any{"target": "http://127.0.0.1:1"})
			Expect(c.everything()).To(Equal(3))
			c.expectSilence()
		})
	}

	DescribeTable("of a configuration that is wrong:",
		func(text string) {
			c := newCage()
			c.env["SECRET"] = "canary-in-the-environment"
			c.write("secret", "canary-in-a-file\n")
			c.write("canary.key", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n")
			c.write("countersign.yaml", text)
			Expect(c.everything()).To(Equal(2), c.said.String())
			c.expectSilence()
		},
		Entry("a secret is a list", "profile: ticket@1\nsetup: {apps: [{id: app-one, secret: [canary-1], base_url: 'http://127.0.0.1:1'}]}\n"),
		Entry("a secret is empty text before another", "profile: ticket@1\nsetup: {apps: [{id: app-one, secret: '', base_url: canary-1}]}\n"),
		Entry("a reference to the environment is no URL", "profile: ticket@1\nsetup: {issuer: '${env:SECRET}'}\n"),
		Entry("a reference to a file is no URL", "profile: ticket@1\nsetup: {issuer: '${file:secret}'}\n"),
		Entry("a reference has a secret around it", "profile: ticket@1\nsetup: {apps: [{id: app-one, secret: 'canary-1${env:SECRET}', base_url: 'http://127.0.0.1:1'}]}\n"),
		Entry("a key is too short", "profile: mobile@1\nsetup: {systems: [{id: crm, secret: canary-1, base_url: 'http://127.0.0.1:1', sealing_key: {kid: a, k: canary-2}}]}\n"),
		Entry("a key of the flow offline is no key", "profile: offline@1\nsetup: {seal_keys: [canary-1]}\n"),
		Entry("a quote is not closed", "profile: ticket@1\nsetup: {apps: [{id: app-one, secret: \"canary-1, base_url: 'http://127.0.0.1:1'}]}\n"),
		Entry("a secret stands twice", "profile: bidirectional@1\nsetup:\n  handover_key: canary-1\n  handover_key: canary-2\n"),
		Entry("the target's URL holds a password", "profile: ticket@1\ntarget: http://me:canary-1@127.0.0.1:1\n"),
		Entry("the target's URL holds a token", "profile: ticket@1\ntarget: http://canary-1@127.0.0.1:1\n"),
		Entry("the document's URL holds a password", "profile: ticket@1\ntarget: http://127.0.0.1:1\nmetadata: http://me:canary-1@127.0.0.1:1/doc\n"),
	)

	It("of a command whose target holds a password", func() {
		c := newCage()
		c.configure(flows.All()[1], nil)
		Expect(c.everything("--target", "http://me:canary-1@127.0.0.1:1")).To(Equal(2), c.said.String())
		c.expectSilence()
	})
})
