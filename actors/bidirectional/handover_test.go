package bidirectional_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/oauth1"
	"countersign/actors/store"
)

// acknowledging answers the hand-overs of site B with 204 in the resource server's place, and with a receipt unless it is empty.
func acknowledging(receipt func(*http.Request) string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.String(), siteB+"/handover") {
			return nil
		}
		recorder := httptest.NewRecorder()
		if text := receipt(r); text != "" {
			recorder.Header().Set("Handover-Receipt", text)
		}
		recorder.WriteHeader(http.StatusNoContent)
		return recorder.Result()
	}
}

// signatureOf is the oauth_signature of a request.
func signatureOf(r *http.Request) string {
	m, err := oauth1.Parse(r, 0)
	Expect(err).NotTo(HaveOccurred())
	return m.Signature
}

// receiptUnder is the receipt for a signature by section 4.4 of the profile.
func receiptUnder(key, signature string) string {
	mac := hmac.New(sha256.New, []byte(key+"&"))
	mac.Write([]byte("receipt&" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(signature)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

var _ = DescribeTable("A hand-over answered with 204",
	func(receipt func(*http.Request) string, taken bool) {
		p := newPlay(guard.Set{})
		a := client{p.stage, "client-a", "secret-a-at-b"}
		token := p.tokenOfA(a, acknowledging(receipt))
		Expect(p.background).To(HaveLen(map[bool]int{true: 0, false: 1}[taken]), "of the issue")
		p.runBackground()
		p.tap = acknowledging(receipt)
		answer := a.post(siteB+"/revoke", "token="+token.Token)
		if taken {
			Expect(answer).To(HaveHTTPStatus(http.StatusOK))
			return
		}
		Expect(answer).To(refuse(http.StatusServiceUnavailable, "temporarily_unavailable"))
		p.tap = nil
		p.runBackground()
		Expect(a.with(token).get(siteB + "/resource")).To(refuse(http.StatusUnauthorized, "token_revoked"))
	},
	Entry("and the right receipt is acknowledged", func(r *http.Request) string { return receiptUnder("handover-key-b", signatureOf(r)) }, true),
	Entry("alone is not", func(*http.Request) string { return "" }, false),
	Entry("and a receipt under another key is not", func(r *http.Request) string { return receiptUnder("handover-key-a", signatureOf(r)) }, false),
	Entry("and the receipt of another hand-over is not", func(*http.Request) string {
		return receiptUnder("handover-key-b", "OiGzR3Y+G9NZYSuRyiLU21gNzGisRUAa4G60WXh9oro=")
	}, false),
	Entry("and its own signature is not", signatureOf, false),
	Entry("and the right receipt in the alphabet of URLs, without padding, is not", func(r *http.Request) string {
		return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(receiptUnder("handover-key-b", signatureOf(r))), "=")
	}, false),
)

var _ = Describe("A token that was handed over", func() {
	It("lies at the resource server under its digest, so that whoever reads its keys reads no token", func() {
		p := newPlay(guard.Set{})
		a := p.clientA()
		token := p.tokenOfA(a, nil)
		Expect(a.with(token).get(siteB + "/resource")).To(HaveHTTPStatus(http.StatusOK))
		Expect(p.b.ResourceServer.Store.Update(func(tx store.Tx) error {
			keys, err := tx.Keys("resource-server/tokens")
			digest := sha256.Sum256([]byte(token.Token))
			Expect(keys).To(Equal([]string{"token/" + base64.RawURLEncoding.EncodeToString(digest[:])}))
			return err
		})).To(Succeed())
	})
})

var _ = Describe("A receipt", func() {
	It("needs the status 204", func() {
		p := newPlay(guard.Set{})
		p.tokenOfA(p.clientA(), func(r *http.Request) *http.Response {
			answer := acknowledging(func(r *http.Request) string { return receiptUnder("handover-key-b", signatureOf(r)) })(r)
			if answer != nil {
				answer.StatusCode = http.StatusOK
			}
			return answer
		})
		Expect(p.background).To(HaveLen(1))
	})

	It("is not asked for at level core", func() {
		p := newPlay(core)
		p.tokenOfA(p.clientA(), acknowledging(func(*http.Request) string { return "" }))
		Expect(p.background).To(BeEmpty())
	})
})
