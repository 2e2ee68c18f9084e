package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/unified/pages"
)

func TestPages(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "What people see of the unified flow", suite, reporter)
}

const hostile = `"><script>alert(1)</script>`

var hidden = []pages.Input{{Name: "page_key", Value: hostile}}

var everyPage = []struct {
	name string
	page pages.Page
}{
	{"login", pages.Login{Platform: hostile, Notice: hostile, Hidden: hidden}},
	{"authorize", pages.Authorize{Platform: hostile, Issuer: hostile, Client: hostile, ClientID: hostile, Notice: hostile, Hidden: hidden}},
	{"authorize within", pages.Authorize{Platform: hostile, Issuer: hostile, Client: hostile, ClientID: hostile, UserName: hostile, Hidden: hidden}},
	{"portal", pages.Portal{Platform: hostile, UserName: hostile, Nickname: hostile, ThirdParties: []pages.Link{{Name: hostile, URL: "javascript:alert(1)"}}, Logout: hostile}},
	{"empty portal", pages.Portal{Platform: "P", UserName: "alice", Logout: "https://login.example/logout"}},
	{"logout", pages.Logout{Platform: hostile, UserName: hostile, Client: hostile, Hidden: hidden}},
	{"logged out", pages.LoggedOut{Platform: hostile, Client: hostile, Portal: hostile}},
	{"failure", pages.Failure{Platform: hostile, Text: hostile}},
}

var _ = Describe("The page", func() {
	for _, each := range everyPage {
		Describe(each.name, func() {
			var header http.Header
			var source string
			var document *goquery.Document
			BeforeEach(func() {
				recorder := httptest.NewRecorder()
				pages.Write(recorder, http.StatusOK, each.page)
				header, source = recorder.Header(), recorder.Body.String()
				var err error
				document, err = goquery.NewDocumentFromReader(strings.NewReader(source))
				Expect(err).NotTo(HaveOccurred())
			})

			It("has a style sheet that its own policy allows", func() {
				style := document.Find("style")
				Expect(style.Length()).To(Equal(1))
				sum := sha256.Sum256([]byte(style.Text()))
				Expect(header.Get("Content-Security-Policy")).To(ContainSubstring("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"))
			})

			It("says its language, has one title, one heading, and a label for each input that is seen", func() {
				Expect(document.Find("html").AttrOr("lang", "")).To(Equal("en"))
				Expect(document.Find("title").Length()).To(Equal(1))
				Expect(document.Find("h1").Length()).To(Equal(1))
				document.Find("input:not([type=hidden])").Each(func(_ int, input *goquery.Selection) {
					Expect(document.Find("label[for=" + input.AttrOr("id", "none") + "]").Length()).To(Equal(1))
				})
			})

			It("lets no name or text become markup or a script", func() {
				Expect(document.Find("script").Length()).To(BeZero())
				Expect(source).NotTo(ContainSubstring("javascript:"))
				document.Find("input[type=hidden]").Each(func(_ int, input *goquery.Selection) {
					Expect(input.AttrOr("value", "")).To(Equal(hostile))
				})
			})
		})
	}
})
