package reference_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	cast "countersign/actors/unified"
	"countersign/conformance"
	"countersign/conformance/reference"
)

// portal is the unified flow as it is served, and alice before it.
type portal struct {
	platform string
	sites    []string
	alice    *cast.UserAgent
	stop     func()
}

// servePortal serves it at free ports, or at those of the origins.
func servePortal(live reference.Live) portal {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan []string, 1), make(chan error, 1)
	live.Flow, live.Tell = conformance.Flow{Name: "unified"}, func(string) {}
	live.Ready = func(origins ...string) { ready <- origins }
	go func() { ended <- live.Serve(ctx) }()
	p := portal{stop: sync.OnceFunc(func() {
		stop()
		Eventually(ended, "20s").Should(Receive(BeNil()))
	})}
	DeferCleanup(p.stop)
	var origins []string
	Eventually(ready, "20s").Should(Receive(&origins))
	p.platform, p.sites = origins[0], origins[1:]
	p.alice = aliceAt(p.platform)
	return p
}

func aliceAt(platform string) *cast.UserAgent {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &cast.UserAgent{
		Env:      actors.Env{HTTP: client},
		Accounts: []cast.PlatformAccount{{Origin: platform, Username: "alice", Password: "alice-at-the-platform"}},
	}
}

// in is the number of sites at which alice is logged in.
func (p portal) in() (count int) {
	for _, site := range p.sites {
		if page, err := p.alice.Look(site + cast.PathHome); err == nil && page.Status == http.StatusOK {
			count++
		}
	}
	return count
}

var _ = Describe("The unified flow, live", func() {
	It("lets a person log in once, enter all three sites from the portal, and leave them all by logging out", func() {
		p := servePortal(reference.Live{})
		home, err := p.alice.Open(p.platform + "/portal")
		Expect(err).NotTo(HaveOccurred())
		entered := 0
		for _, link := range home.Links() {
			if strings.HasSuffix(link, cast.PathAccess) {
				page, err := p.alice.Open(link)
				Expect(err).NotTo(HaveOccurred())
				Expect(page.Text()).To(ContainSubstring("You are logged in as Alice."))
				entered++
			}
		}
		Expect([]int{entered, p.in()}).To(Equal([]int{3, 3}))
		_, err = p.alice.LogOut(p.platform + "/logout")
		Expect(err).NotTo(HaveOccurred())
		// The third site asks the platform only when its bound has passed; that is the simulated world's to show.
		Eventually(p.in, "5s", "50ms").Should(Equal(1))
	})

	It("keeps what the platform knows in the folder that is named, over a restart", func() {
		folder := GinkgoT().TempDir()
		p := servePortal(reference.Live{State: folder})
		_, err := p.alice.Open(p.platform + "/portal")
		Expect(err).NotTo(HaveOccurred())
		at, err := url.Parse(p.platform)
		Expect(err).NotTo(HaveOccurred())
		p.stop()

		again := servePortal(reference.Live{State: folder, PortA: portOf(at)})
		Expect(again.platform).To(Equal(p.platform))
		page, err := p.alice.Look(again.platform + "/portal")
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Text()).To(ContainSubstring("alice"), "the session of before goes on")
		Expect(page.Offers(cast.LogIn)).To(BeFalse())
	})

	It("says what is wrong with a folder that is not there", func() {
		err := reference.Live{Flow: conformance.Flow{Name: "unified"}, State: GinkgoT().TempDir() + "/nowhere", Tell: func(string) {}}.Serve(context.Background())
		Expect(err).To(MatchError(ContainSubstring("unified.db")))
	})
})

func portOf(u *url.URL) int {
	port, err := strconv.Atoi(u.Port())
	Expect(err).NotTo(HaveOccurred())
	return port
}
