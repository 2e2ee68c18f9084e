package reference_test

import (
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/bidirectional"
	"countersign/conformance/reference"
)

// browser starts headless Chromium with scripts switched off. In CI it has to be there; elsewhere its absence is a stated skip.
func browser() context.Context {
	GinkgoHelper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			Fail("no browser: install Debian's package chromium")
		}
		Skip("no chromium or google-chrome is on this machine, so the pages are not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	DeferCleanup(stop)
	ctx, stopTab := chromedp.NewContext(allocator)
	DeferCleanup(stopTab)
	ctx, stopTimer := context.WithTimeout(ctx, time.Minute)
	DeferCleanup(stopTimer)
	_, err = chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	})
	Expect(err).NotTo(HaveOccurred())
	return ctx
}

// sites serves the two sites and returns their origins.
func sites(live reference.Live) []string {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan []string, 1), make(chan error, 1)
	live.Tell = func(string) {}
	live.Ready = func(origins ...string) { ready <- origins }
	go func() { ended <- live.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended, "5s").Should(Receive(BeNil()))
	})
	var origins []string
	Eventually(ready, "10s").Should(Receive(&origins))
	return origins
}

// read is what an action reads, for Eventually; an error is what is read then.
func read(ctx context.Context, action chromedp.Action[string]) func() string {
	return func() string {
		text, err := chromedp.Run(ctx, action)
		if err != nil {
			return err.Error()
		}
		return text
	}
}

var _ = Describe("The two live sites, in a browser without scripts", func() {
	text := func(ctx context.Context) func() string { return read(ctx, chromedp.Text("main")) }
	title := func(ctx context.Context) func() string { return read(ctx, chromedp.Title()) }
	press := func(ctx context.Context, keys ...string) {
		GinkgoHelper()
		for _, k := range keys {
			Expect(chromedp.Do(ctx, chromedp.KeyEvent(k))).To(Succeed())
		}
	}

	It("lets a person connect them with the keyboard alone, and shows on each what it can read at the other", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow()})
		ctx := browser()
		Expect(chromedp.Do(ctx, chromedp.Navigate(origins[0]))).To(Succeed())
		Eventually(text(ctx), "10s").Should(ContainSubstring("reads nothing of yours at Wren Microblog"))
		press(ctx, kb.Tab, kb.Enter) // the first stop is the button

		Eventually(text(ctx), "10s").Should(And(ContainSubstring("Lantern Video"), ContainSubstring("lantern-video"), ContainSubstring("Wren Microblog")), "the microblog asks, and names who will read")
		press(ctx, kb.Tab, "alicia", kb.Tab, "wren-alicia", kb.Tab, kb.Enter)

		Eventually(text(ctx), "10s").Should(And(ContainSubstring("wren-microblog"), ContainSubstring("Lantern Video")), "the video site asks, and names who will read")
		press(ctx, kb.Tab, "alice", kb.Tab, "lantern-alice", kb.Tab, kb.Enter)

		Eventually(text(ctx), "10s").Should(ContainSubstring("Harbour at dawn"), "the microblog shows what it reads at the video site")
		Expect(chromedp.Do(ctx, chromedp.Navigate(origins[0]))).To(Succeed())
		Eventually(text(ctx), "10s").Should(ContainSubstring("The tomatoes are happy"), "the video site shows what it reads at the microblog")
		Expect(title(ctx)()).NotTo(BeEmpty())
	})

	It("lets a person refuse one direction and keep the other", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow()})
		ctx := browser()
		Expect(chromedp.Do(ctx, chromedp.Navigate(origins[0]))).To(Succeed())
		Eventually(text(ctx), "10s").Should(ContainSubstring("reads nothing of yours"))
		press(ctx, kb.Tab, kb.Enter)
		Eventually(text(ctx), "10s").Should(ContainSubstring("lantern-video"))
		press(ctx, kb.Tab, kb.Tab, kb.Tab, kb.Tab, kb.Enter) // past user name, password and the first button
		Eventually(text(ctx), "10s").Should(ContainSubstring("wren-microblog"))
		press(ctx, kb.Tab, "alice", kb.Tab, "lantern-alice", kb.Tab, kb.Enter)
		Eventually(text(ctx), "10s").Should(ContainSubstring("Harbour at dawn"))
		Expect(chromedp.Do(ctx, chromedp.Navigate(origins[0]))).To(Succeed())
		Eventually(text(ctx), "10s").Should(ContainSubstring("reads nothing of yours at Wren Microblog"))
	})

	It("shows the person a wrong name when the guard of BI-OS-27 is lifted", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow(), Defect: "BI-OS-27"})
		ctx := browser()
		Expect(chromedp.Do(ctx, chromedp.Navigate(origins[0]))).To(Succeed())
		Eventually(text(ctx), "10s").Should(ContainSubstring("reads nothing of yours"))
		press(ctx, kb.Tab, kb.Enter)
		Eventually(text(ctx), "10s").Should(ContainSubstring("lantern-video"))
		press(ctx, kb.Tab, "alicia", kb.Tab, "wren-alicia", kb.Tab, kb.Enter)
		Eventually(title(ctx), "10s").Should(ContainSubstring("Lantern Video"))
		Eventually(text(ctx), "10s").ShouldNot(ContainSubstring("wren-microblog"))
	})
})
