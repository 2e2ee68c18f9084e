package unified_test

import (
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/actors/unified"
	"countersign/conformance/catalog"
)

// cast is a stage with all roles played by their actors: tp-a is told of logouts in batches, tp-b by logout tokens, tp-c not at all.
type cast struct {
	*stage
	alice *unified.UserAgent
}

func newCast(platform, others guard.Set) *cast {
	c := &cast{stage: newStage(platform)}
	for i := range c.platform.ThirdParties {
		t := &c.platform.ThirdParties[i]
		base := "https://" + t.ClientID + ".example"
		site := &unified.ThirdParty{
			Env: c.env(t.ClientID, others), BaseURL: base,
			Platforms: []unified.PlatformSetup{{Issuer: stageIssuer, ClientID: t.ClientID, Keys: []token.Key{stageKey(t.ClientID + "-1")}}},
		}
		t.AccessURI, t.CallbackURI, t.LogoutURI = base+unified.PathAccess, base+unified.PathCallback, ""
		switch t.ClientID {
		case "tp-a":
			t.LogoutURI = base + unified.PathBatchLogout
		case "tp-b":
			t.BackchannelLogoutURI = base + unified.PathBackChannelLogout
		}
		c.hosts[t.ClientID+".example"] = site.Handler()
	}
	c.open()
	c.alice = &unified.UserAgent{
		Env:      c.env("user agent", others),
		Accounts: []unified.PlatformAccount{{Origin: stageIssuer, Username: "alice", Password: passwordOf("alice")}},
	}
	return c
}

// enters follows the portal's link to a third-party platform, and reports whether its home page comes.
func (c *cast) enters(id string) bool {
	page, err := c.alice.Open("https://" + id + ".example" + unified.PathAccess)
	return err == nil && page.Status == http.StatusOK && page.URL == "https://"+id+".example"+unified.PathHome
}

// reads is the status of the resource for the user.
func (c *cast) reads(id string) int {
	page, err := c.alice.Look("https://" + id + ".example" + unified.PathResource)
	Expect(err).NotTo(HaveOccurred())
	return page.Status
}

var sites = []string{"tp-a", "tp-b", "tp-c"}

// completes logs in once, enters everywhere, logs out, is refused everywhere within the bound, and comes back.
func (c *cast) completes() bool {
	page, err := c.alice.Open(stageIssuer + "/portal")
	whole := err == nil && page.Status == http.StatusOK
	for _, id := range sites {
		whole = whole && c.enters(id) && c.reads(id) == http.StatusOK
	}
	if !whole {
		return false
	}
	_, err = c.alice.LogOut(stageIssuer + "/logout")
	whole = err == nil
	c.work()
	whole = whole && c.reads("tp-a") == http.StatusForbidden && c.reads("tp-b") == http.StatusForbidden
	c.Sleep(5*time.Minute + time.Second)
	whole = whole && c.reads("tp-c") == http.StatusForbidden
	return whole && c.enters("tp-a") && c.reads("tp-a") == http.StatusOK
}

var _ = Describe("The flow", func() {
	It("is one login and one logout, told in batches, by logout tokens, and by the status", func() {
		Expect(newCast(guard.Set{}, guard.Set{}).completes()).To(BeTrue())
	})

	It("goes on after the platform has crashed between the logout and its batches", func() {
		c := newCast(guard.Set{}, guard.Set{})
		for _, id := range sites {
			Expect(c.enters(id)).To(BeTrue())
		}
		_, err := c.alice.LogOut(stageIssuer + "/logout")
		Expect(err).NotTo(HaveOccurred())
		c.waiting = nil
		c.open()
		c.work()
		Expect(c.reads("tp-a")).To(Equal(http.StatusForbidden))
		Expect(c.reads("tp-b")).To(Equal(http.StatusForbidden))
	})

	It("ends at core too where a batch comes, and goes on where none does", func() {
		core := guard.Set{Level: catalog.Core}
		c := newCast(core, core)
		for _, id := range sites {
			page, err := c.alice.Open("https://" + id + ".example" + unified.PathAccess)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusOK), page.Text())
		}
		_, err := c.alice.LogOut(stageIssuer + "/logout")
		Expect(err).NotTo(HaveOccurred())
		c.work()
		Expect(c.reads("tp-a")).To(Equal(http.StatusForbidden))
		Expect(c.reads("tp-c")).To(Equal(http.StatusOK))
	})

	// The defects of these stand in the way of the flow itself, or of a counterpart that is hardened.
	breaking := []catalog.ID{
		"UN-PL-01", "UN-PL-04", "UN-PL-07", "UN-PL-16", "UN-PL-37", "UN-PL-48", "UN-PL-51", "UN-PL-66", "UN-PL-84", "UN-PL-85", "UN-PL-87", "UN-PL-88",
	}
	for _, r := range catalogued() {
		if !slices.Contains(r.Roles, catalog.Platform) {
			continue
		}
		if slices.Contains(breaking, r.ID) {
			It("ends early or late when "+string(r.ID)+" is lifted: "+r.Defect, func() {
				Expect(newCast(guard.Set{}.Without(r.ID), guard.Set{}).completes()).To(BeFalse())
			})
			continue
		}
		It("is whole when "+string(r.ID)+" is lifted: "+r.Defect, func() {
			Expect(newCast(guard.Set{}.Without(r.ID), guard.Set{}).completes()).To(BeTrue())
		})
	}
})
