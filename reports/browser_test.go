package reports_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/reports"
)

// lacking ends a spec for want of a tool: in CI it fails, elsewhere it is a stated skip.
func lacking(reason string) {
	GinkgoHelper()
	if os.Getenv("CI") != "" {
		Fail(reason)
	}
	Skip(reason)
}

// window is a tab of headless Chromium that shows a report.
type window struct{ ctx context.Context }

// chromium is the browser that all specs of this run share.
var chromium struct {
	sync.Once
	ctx context.Context
	end []context.CancelFunc
}

var _ = AfterSuite(func() {
	for _, end := range slices.Backward(chromium.end) {
		end()
	}
})

// launch starts the browser, once.
func launch() context.Context {
	GinkgoHelper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		lacking("no chromium or google-chrome is on this machine, so the page is not tried in a browser")
	}
	chromium.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, stopBrowser := chromedp.NewContext(allocator)
		chromium.ctx, chromium.end = ctx, []context.CancelFunc{stop, stopBrowser}
		Expect(chromedp.Do(ctx, chromedp.Navigate("about:blank"))).To(Succeed())
	})
	return chromium.ctx
}

// open writes the page and opens it in a new tab, at an anchor or at its beginning.
func open(d reports.Document, anchor string, before ...chromedp.Action[chromedp.Void]) window {
	GinkgoHelper()
	ctx, stopTab := chromedp.NewContext(launch())
	DeferCleanup(stopTab)
	ctx, stopTimer := context.WithTimeout(ctx, 2*time.Minute)
	DeferCleanup(stopTimer)
	file := filepath.Join(GinkgoT().TempDir(), "report.html")
	Expect(os.WriteFile(file, []byte(asHTML(d)), 0o600)).To(Succeed())
	Expect(chromedp.Do(ctx, append(before, chromedp.EmulateViewport(1280, 800), chromedp.Navigate("file://"+filepath.ToSlash(file)+anchor))...)).To(Succeed())
	return window{ctx}
}

// says is what an expression of the page gives, as JSON.
func (w window) says(expression string) string {
	GinkgoHelper()
	value, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	Expect(err).NotTo(HaveOccurred(), expression)
	return string(value)
}

func (w window) press(keys string) {
	GinkgoHelper()
	Expect(chromedp.Do(w.ctx, chromedp.KeyEvent(keys))).To(Succeed())
}

// slash presses that key as a keyboard does: what a page does not let through is not typed, as it would be by KeyEvent.
func (w window) slash() {
	GinkgoHelper()
	_, err := chromedp.Run(w.ctx, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/"})
	})
	Expect(err).NotTo(HaveOccurred())
}

// choose sets a field of the filter as a user does.
func (w window) choose(field, value string) {
	GinkgoHelper()
	w.says(fmt.Sprintf(`(() => { const f = document.getElementById(%q); f.value = %q; f.dispatchEvent(new Event("input", {bubbles: true})); return 1 })()`, field, value))
}

// shown lists the checks that the filter lets through.
func (w window) shown() []string {
	GinkgoHelper()
	var ids []string
	Expect(json.Unmarshal([]byte(w.says(`[...document.querySelectorAll("details.check")].filter(d => d.getClientRects().length).map(d => d.id)`)), &ids)).To(Succeed())
	return ids
}

const focused = `(document.activeElement.closest("details.item") || {}).id || document.activeElement.id`

var _ = Describe("The page in a browser", func() {
	It("opens the check that its address names, also one of several roles by the requirement alone", func() {
		w := open(sample(), "#BI-OS-02")
		Expect(w.says(`document.getElementById("BI-OS-02").open`)).To(Equal("true"))
		Expect(w.says(`document.getElementById("BI-OS-02").getBoundingClientRect().top < innerHeight`)).To(Equal("true"))
		w.choose("by-verdict", "fail")
		Expect(w.shown()).NotTo(ContainElement("BI-OS-03"))
		w.says(`location.hash = "#BI-OS-03"`)
		Eventually(func() string { return w.says(`document.getElementById("BI-OS-03").open`) }).Should(Equal("true"))
		Expect(w.shown()).To(ContainElement("BI-OS-03"), "the filter gives way to the address")
		w.says(`location.hash = "#BI-CL-13"`)
		Eventually(func() string { return w.says(`document.querySelector("details[id^='BI-CL-13@']").open`) }).Should(Equal("true"))
	})

	It("filters by verdict, flow, role, level and text", func() {
		d := everyFlow()
		d.Checks.Results[0].Verdict, d.Checks.Results[0].Reason = conformance.Skip, "no clock"
		d.Checks.Conclude()
		w := open(d, "")
		all := len(d.Checks.Results)
		Expect(w.shown()).To(HaveLen(all))
		ids := func(fits func(conformance.Result) bool) []string {
			var ids []string
			for _, r := range d.Checks.Results {
				if fits(r) {
					ids = append(ids, r.Check)
				}
			}
			return ids
		}
		w.choose("by-flow", "unified")
		unified := func(r conformance.Result) bool { return strings.HasPrefix(r.Check, "UN-") }
		Expect(w.shown()).To(ConsistOf(ids(unified)))
		w.choose("by-role", "third-party-platform")
		w.choose("by-level", "core")
		Expect(w.shown()).To(ConsistOf(ids(func(r conformance.Result) bool {
			return unified(r) && r.Role == "third-party-platform" && r.Requirement.Level == "core"
		})))
		w.choose("by-text", d.Checks.Results[all-1].Check)
		Expect(len(w.shown())).To(BeNumerically("<=", 1))
		w.says(`document.querySelector("[data-set=reset]").click()`)
		Expect(w.shown()).To(HaveLen(all))
		w.choose("by-verdict", "open")
		Expect(w.shown()).To(Equal([]string{d.Checks.Results[0].Check}))
		Expect(w.says(`document.getElementById("shown").textContent`)).To(Equal(fmt.Sprintf(`"1 of %d shown"`, all)))
	})

	It("is gone through by keys", func() {
		w := open(sample(), "")
		checks := w.shown()
		w.press("jj")
		Expect(w.says(focused)).To(Equal(`"` + checks[1] + `"`))
		w.press(kb.ArrowDown + "jkk")
		Expect(w.says(focused)).To(Equal(`"` + checks[1] + `"`))
		w.press(kb.ArrowUp)
		Expect(w.says(focused)).To(Equal(`"` + checks[0] + `"`))
		before := w.says(`document.activeElement.parentElement.open`)
		w.press(kb.Enter)
		Eventually(func() string { return w.says(`document.activeElement.parentElement.open`) }).ShouldNot(Equal(before))
		w.slash()
		Expect(w.says(focused)).To(Equal(`"by-text"`))
		w.press("jk")
		Expect(w.says(`document.getElementById("by-text").value`)).To(Equal(`"jk"`), "in the filter a key is a letter")
		w.press(kb.Escape)
		Expect(w.says(focused)).NotTo(Equal(`"by-text"`))
	})

	It("lets the keys be switched off, for readers whose tools type", func() {
		w := open(sample(), "")
		w.says(`document.getElementById("keys").click()`)
		w.press("j/")
		Expect(w.says(`document.activeElement.matches("summary, #by-text")`)).To(Equal("false"))
	})

	It("shows where the keyboard is", func() {
		w := open(sample(), "")
		w.press("j")
		Expect(w.says(`getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`)).To(Equal(`"solid 3px"`))
	})

	It("is complete without scripts", func() {
		w := open(sample(), "", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return chromedp.Void{}, err
		})
		text, err := chromedp.Run(w.ctx, chromedp.Text("main"))
		Expect(err).NotTo(HaveOccurred())
		for _, r := range sample().Checks.Results {
			Expect(text).To(ContainSubstring(r.Check))
			if r.Failure != nil {
				Expect(text).To(And(ContainSubstring(r.Failure.Actual), ContainSubstring(r.Repro)))
			}
		}
		Expect(text).NotTo(ContainSubstring("Open all"), "what needs the script is not shown")
	})

	It("runs nothing of what a target has sent, and its own policy lets its own parts through", func() {
		w := open(hostile(), "")
		Expect(w.says(`typeof window.owned`)).To(Equal(`"undefined"`))
		Expect(w.says(`getComputedStyle(document.querySelector(".product")).fontSize`)).To(Equal(`"13px"`))
		Expect(w.says(`document.getElementById("filter").hidden`)).To(Equal("false"))
		Expect(w.says(`(() => { const s = document.createElement("script"); s.textContent = "window.owned = 1"; document.body.append(s); return typeof window.owned })()`)).To(Equal(`"undefined"`))
	})

	DescribeTable("breaks no rule of axe-core", func(d func() reports.Document, scheme string, width int) {
		w := open(d(), "", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return chromedp.Void{}, err
		})
		Expect(chromedp.Do(w.ctx, chromedp.EmulateViewport(int64(width), 900))).To(Succeed())
		Expect(w.says(`matchMedia("(prefers-color-scheme: ` + scheme + `)").matches`)).To(Equal("true"))
		Expect(w.says(`document.documentElement.scrollWidth <= innerWidth`)).To(Equal("true"), "nothing has to be scrolled sideways but tables and diagrams")
		w.says(axe() + "; 1")
		w.says(`document.querySelectorAll("details.item").forEach((d, i) => { d.open = d.open || i % 20 == 0 })`)
		found := w.says(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary).join("; ")))`)
		Expect(found).To(Equal("[]"))
	},
		Entry("with every verdict, in the light", sample, "light", 1280),
		Entry("with every verdict, in the dark", sample, "dark", 1280),
		Entry("with every flow, on a phone", func() reports.Document {
			d := everyFlow()
			for i := range d.Checks.Results {
				judge(&d.Checks.Results[i], i)
			}
			d.Checks.Conclude()
			return d
		}, "light", 360),
		Entry("with scenarios alone, in the dark and narrow", func() reports.Document { return reports.Document{Scenarios: scenarios()} }, "dark", 360),
	)
})

// axe is the source of axe-core, which npm fetches.
func axe() string {
	GinkgoHelper()
	const pinned = "axe-core@4.14.1"
	source, err := fetchAxe(pinned)
	if err != nil {
		lacking(fmt.Sprintf("npm cannot fetch %s, so its rules are not tried: %v", pinned, err))
	}
	return source
}

// fetched is the axe-core of this run of the specs.
var fetched struct {
	sync.Once
	source string
	err    error
}

func fetchAxe(pinned string) (string, error) {
	fetched.Do(func() {
		dir, err := os.MkdirTemp("", "axe-*")
		if err != nil {
			fetched.err = err
			return
		}
		defer os.RemoveAll(dir)
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		npm := exec.CommandContext(ctx, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, pinned)
		if out, err := npm.CombinedOutput(); err != nil {
			fetched.err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
			return
		}
		source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
		fetched.source, fetched.err = string(source), err
	})
	return fetched.source, fetched.err
}
