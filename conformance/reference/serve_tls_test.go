package reference_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/bidirectional"
	"countersign/conformance/mobile"
	"countersign/conformance/practice"
	"countersign/conformance/reference"
)

// overTLS are parties that are served over TLS and trust each other, and how a client reaches them.
func overTLS(live reference.Live, asked tls.ClientAuthType) (reference.Live, *tls.Config) {
	GinkgoHelper()
	ca, err := practice.Open(GinkgoT().TempDir())
	Expect(err).NotTo(HaveOccurred())
	server, err := ca.Server("127.0.0.1")
	Expect(err).NotTo(HaveOccurred())
	client, _, _, err := ca.Client()
	Expect(err).NotTo(HaveOccurred())
	live.Server = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: asked, ClientCAs: ca.Pool()}
	live.Client = &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{client}}
	return live, live.Client
}

var _ = Describe("A flow that is served over TLS", func() {
	It("has parties that show each other certificates, and turns away who shows none", func() {
		live, shown := overTLS(reference.Live{Flow: mobile.Flow()}, tls.RequireAndVerifyClientCert)
		app := sites(live)[0]
		Expect(app).To(HavePrefix("https://127.0.0.1:"))
		press := func(secure *tls.Config, inputs url.Values) (string, error) {
			request, err := http.NewRequest(http.MethodPost, app+"/", strings.NewReader(inputs.Encode()))
			Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", app)
			response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}).Do(request)
			if err != nil {
				return "", err
			}
			defer response.Body.Close()
			page, err := io.ReadAll(response.Body)
			return string(page), err
		}
		Expect(press(shown, url.Values{"do": {"enrol"}, "password": {"alice-password"}})).To(ContainSubstring("registered this device"))
		Expect(press(shown, url.Values{"do": {"start"}})).To(ContainSubstring("The bakery asks"), "the app has reached the authorization server and the business system")
		_, err := press(&tls.Config{RootCAs: shown.RootCAs}, url.Values{"do": {"start"}})
		Expect(err).To(MatchError(ContainSubstring("certificate required")))
	})

	It("can be clicked through in a browser: both sites authorize each other", func() {
		live, _ := overTLS(reference.Live{Flow: bidirectional.Flow()}, tls.NoClientCert)
		origins := sites(live)
		t := newTab()
		_, err := chromedp.Run(t.ctx, func(ctx context.Context, target *chromedp.Target) (cdp.Empty, error) { // the browser does not know the practice CA
			return cdp.Call(ctx, target, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		})
		Expect(err).NotTo(HaveOccurred())
		t.open(origins[0])
		t.shows("reads nothing of yours at Wren Microblog")
		t.press(kb.Tab, kb.Enter)
		t.shows("lantern-video")
		t.press(kb.Tab, "alicia", kb.Tab, "wren-alicia", kb.Tab, kb.Enter)
		t.shows("wren-microblog")
		t.press(kb.Tab, "alice", kb.Tab, "lantern-alice", kb.Tab, kb.Enter)
		t.shows("Harbour at dawn")
		t.open(origins[0])
		t.shows("The tomatoes are happy")
		t.quiet()
	})
})
