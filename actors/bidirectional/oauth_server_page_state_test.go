package bidirectional_test

import (
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

var _ = Describe("The state of an authorization page", func() {
	It("is fresh for each leg, and of the form that servers take", func() {
		p := newPlay(guard.Set{})
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		seen := map[string]bool{}
		for _, r := range p.requests {
			if r.URL.Path == "/authorize" && r.Method == http.MethodGet {
				Expect(r.URL.Query().Get("state")).To(MatchRegexp("^[A-Za-z0-9_-]{32}$"))
				seen[r.URL.Query().Get("state")] = true
			}
		}
		Expect(seen).To(HaveLen(2))
	})

	It("is not in a flow of level core", func() {
		p := newPlay(core)
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		for _, r := range p.requests {
			Expect(r.URL.Query()).NotTo(HaveKey("state"))
		}
	})

	It("cannot be put in the place of another between the page and its decision", func() {
		p := newPlay(guard.Set{})
		p.tap = func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost && r.URL.Path == "/authorize" {
				query := r.URL.Query()
				query.Set("state", "of-another-page")
				r.URL.RawQuery = query.Encode()
			}
			return nil
		}
		page, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusForbidden))
	})

	DescribeTable("that is malformed shows no page",
		func(query string, status int) {
			p := newPlay(guard.Set{})
			Expect(p.send(plain(http.MethodGet, siteB+"/authorize?oauth_token="+p.asked().Token+"&"+query, ""))).To(HaveHTTPStatus(status))
		},
		Entry("as long as can be", "state="+strings.Repeat("~", 512), http.StatusOK),
		Entry("empty, which is none", "state=", http.StatusOK),
		Entry("longer", "state="+strings.Repeat("~", 513), http.StatusBadRequest),
		Entry("given twice", "state=a&state=a", http.StatusBadRequest),
		Entry("with a line break", "state="+url.QueryEscape("a\r\nb"), http.StatusBadRequest),
	)
})
