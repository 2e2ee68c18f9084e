package reference_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/reference"
)

// business is the offline flow as it is served, and alice with her handset.
type business struct{ handset, server, till, gate string }

func serveBusiness() business {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan []string, 1), make(chan error, 1)
	live := reference.Live{
		Flow: conformance.Flow{Name: "offline"}, Tell: func(string) {},
		Ready: func(origins ...string) { ready <- origins },
	}
	go func() { ended <- live.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended, "20s").Should(Receive(BeNil()))
	})
	var origins []string
	Eventually(ready, "20s").Should(Receive(&origins, HaveLen(4)))
	return business{origins[0], origins[1], origins[2], origins[3]}
}

// press submits a form of the handset's page and gives the page after it.
func (b business) press(inputs ...string) string {
	GinkgoHelper()
	form := url.Values{}
	for i := 0; i < len(inputs); i += 2 {
		form.Set(inputs[i], inputs[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.handset+"/", strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.handset)
	return textOf(http.DefaultClient.Do(r))
}

func textOf(r *http.Response, err error) string {
	GinkgoHelper()
	Expect(err).NotTo(HaveOccurred())
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// buys applies at a device and approves what is shown.
func (b business) buys(at, service, amount, password string) string {
	GinkgoHelper()
	asked := b.press("do", "apply", "at", at, "service", service, "amount", amount, "currency", "EUR")
	token := regexp.MustCompile(`name="confirmation" value="([^"]+)"`).FindStringSubmatch(asked)
	Expect(token).To(HaveLen(2), asked)
	return b.press("do", "approve", "confirmation", token[1], "password", password)
}

var _ = Describe("The offline flow, served for people", func() {
	It("lets a person buy a coffee over frames and over pictures, and pass the gate with a password set before", func() {
		b := serveBusiness()
		Expect(b.buys("till-1 ble", "coffee", "350", "")).To(ContainSubstring("the server has verified your countersign"))
		Expect(b.buys("till-1 qr", "coffee", "450", "")).To(ContainSubstring("the server has verified your countersign"))
		Expect(b.press("do", "apply", "at", "gate-1 qr", "service", "gate", "amount", "0", "currency", "EUR")).To(ContainSubstring("password_not_set"))
		Expect(b.press("do", "set", "account_password", "alice-account", "password", "sesame")).To(ContainSubstring("password is set"))
		Expect(b.buys("gate-1 qr", "gate", "0", "sesame")).To(ContainSubstring("the server has verified your countersign"))
		Expect(textOf(http.Get(b.gate + "/"))).To(And(ContainSubstring("<strong>Approved</strong>: gate, 0"), ContainSubstring("data:image/png")))
		Expect(textOf(http.Get(b.till + "/"))).To(ContainSubstring("<strong>Approved</strong>: coffee, 450"))
	})
})
