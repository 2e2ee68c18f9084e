package reference_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

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

// sites serves the parties of a flow and returns their origins.
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

const browserIcon = "/favicon.ico"

// tab is a browser's tab, and what went wrong in it.
type tab struct {
	ctx context.Context

	mu      sync.Mutex
	trouble []string
}

// newTab opens one, and sees to it that at the end nothing has gone wrong in it.
func newTab() *tab {
	GinkgoHelper()
	t := &tab{ctx: browser()}
	Expect(chromedp.Listen(t.ctx, t.hear)).To(Succeed())
	return t
}

// hear keeps errors of the console, requests that failed and answers that are refusals. The icon that browsers ask for on their own belongs to no page.
func (t *tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		grave := e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning
		if grave && !strings.HasSuffix(e.Entry.URL, browserIcon) {
			t.trouble = append(t.trouble, e.Entry.Text)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			t.trouble = append(t.trouble, e.ErrorText)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && !strings.HasSuffix(e.Response.URL, browserIcon) {
			t.trouble = append(t.trouble, fmt.Sprintf("status %d of %s", e.Response.Status, e.Response.URL))
		}
	}
}

// quiet wants nothing to have gone wrong so far: no error in the console, no failed request.
func (t *tab) quiet() {
	GinkgoHelper()
	t.mu.Lock()
	defer t.mu.Unlock()
	Expect(t.trouble).To(BeEmpty())
}

// read is what an action reads, for Eventually; an error is what is read then.
func (t *tab) read(action chromedp.Action[string]) func() string {
	return func() string {
		text, err := chromedp.Run(t.ctx, action)
		if err != nil {
			return err.Error()
		}
		return text
	}
}

func (t *tab) title() string { return t.read(chromedp.Title())() }

// open opens a page.
func (t *tab) open(address string) {
	GinkgoHelper()
	Expect(chromedp.Do(t.ctx, chromedp.Navigate(address))).To(Succeed())
}

// fill puts a text into an input.
func (t *tab) fill(name, text string) {
	GinkgoHelper()
	Expect(chromedp.Do(t.ctx, chromedp.SetValue(fmt.Sprintf("[name=%q]", name), text))).To(Succeed())
}

// click clicks an element.
func (t *tab) click(selector string) {
	GinkgoHelper()
	Expect(chromedp.Do(t.ctx, chromedp.Click(selector))).To(Succeed())
}

// shows waits until the page shows all of these texts.
func (t *tab) shows(texts ...string) {
	GinkgoHelper()
	var all []types.GomegaMatcher
	for _, text := range texts {
		all = append(all, ContainSubstring(text))
	}
	Eventually(t.read(chromedp.Text("main")), "10s").Should(And(all...))
}

// press presses keys.
func (t *tab) press(keys ...string) {
	GinkgoHelper()
	for _, k := range keys {
		Expect(chromedp.Do(t.ctx, chromedp.KeyEvent(k))).To(Succeed())
	}
}

var _ = Describe("The two live sites, in a browser without scripts", func() {
	It("lets a person connect them with the keyboard alone, and shows on each what it can read at the other", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow()})
		t := newTab()
		t.open(origins[0])
		t.shows("reads nothing of yours at Wren Microblog")
		t.press(kb.Tab, kb.Enter) // the first stop is the button

		t.shows("Lantern Video", "lantern-video", "Wren Microblog") // the microblog asks, and names who will read
		t.press(kb.Tab, "alicia", kb.Tab, "wren-alicia", kb.Tab, kb.Enter)

		t.shows("wren-microblog", "Lantern Video") // the video site asks, and names who will read
		t.press(kb.Tab, "alice", kb.Tab, "lantern-alice", kb.Tab, kb.Enter)

		t.shows("Harbour at dawn")
		t.open(origins[0])
		t.shows("The tomatoes are happy")
		Expect(t.title()).NotTo(BeEmpty())
		t.quiet()
	})

	It("lets a person refuse one direction and keep the other", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow()})
		t := newTab()
		t.open(origins[0])
		t.shows("reads nothing of yours")
		t.press(kb.Tab, kb.Enter)
		t.shows("lantern-video")
		t.press(kb.Tab, kb.Tab, kb.Tab, kb.Tab, kb.Enter) // past user name, password and the first button
		t.shows("wren-microblog")
		t.press(kb.Tab, "alice", kb.Tab, "lantern-alice", kb.Tab, kb.Enter)
		t.shows("Harbour at dawn")
		t.open(origins[0])
		t.shows("reads nothing of yours at Wren Microblog")
	})

	It("shows the person a wrong name when the guard of BI-OS-27 is lifted", func() {
		origins := sites(reference.Live{Flow: bidirectional.Flow(), Defect: "BI-OS-27"})
		t := newTab()
		t.open(origins[0])
		t.shows("reads nothing of yours")
		t.press(kb.Tab, kb.Enter)
		t.shows("lantern-video")
		t.press(kb.Tab, "alicia", kb.Tab, "wren-alicia", kb.Tab, kb.Enter)
		Eventually(t.title, "10s").Should(ContainSubstring("Lantern Video"))
		Eventually(t.read(chromedp.Text("main")), "10s").ShouldNot(ContainSubstring("wren-microblog"))
	})
})
