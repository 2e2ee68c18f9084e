package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"countersign/actors/bidirectional/pages"
)

func TestPages(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "What people see of the bidirectional flow")
}

const hostile = `"><script>alert(1)</script>`

var everyPage = []pages.Page{
	pages.Consent{Site: hostile, Issuer: hostile, Client: hostile, ClientID: hostile, Notice: hostile, Hidden: []pages.Input{{Name: "page_key", Value: hostile}}},
	pages.Home{Site: hostile, Peers: []pages.Peer{{Name: hostile, Issuer: hostile}, {Name: "B", Issuer: "b", Readings: []pages.Reading{{Owner: hostile, Resources: []string{hostile}}, {}}}}},
	pages.Result{Site: hostile, Peer: hostile, Home: "javascript:alert(1)", Reading: &pages.Reading{Owner: hostile}, Text: hostile},
	pages.Failure{Site: hostile, Text: hostile},
}

// elements lists the elements of a page of one kind.
func elements(document *html.Node, kind atom.Atom) (found []*html.Node) {
	for n := range document.Descendants() {
		if n.DataAtom == kind {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

var _ = Describe("Each page", func() {
	for _, page := range everyPage {
		var (
			header   http.Header
			source   string
			document *html.Node
		)
		shown := func() {
			recorder := httptest.NewRecorder()
			pages.Write(recorder, http.StatusOK, page)
			header, source = recorder.Header(), recorder.Body.String()
			var err error
			document, err = html.Parse(strings.NewReader(source))
			Expect(err).NotTo(HaveOccurred())
		}

		It("has a style sheet that its own policy allows", func() {
			shown()
			style := elements(document, atom.Style)
			Expect(style).To(HaveLen(1))
			sum := sha256.Sum256([]byte(style[0].FirstChild.Data))
			Expect(header.Get("Content-Security-Policy")).To(ContainSubstring("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"))
		})

		It("says its language, has one title, one heading, and a label for each input that is seen", func() {
			shown()
			Expect(attribute(elements(document, atom.Html)[0], "lang")).To(Equal("en"))
			Expect(elements(document, atom.Title)).To(HaveLen(1))
			Expect(elements(document, atom.H1)).To(HaveLen(1))
			labelled := map[string]bool{}
			for _, label := range elements(document, atom.Label) {
				labelled[attribute(label, "for")] = true
			}
			for _, input := range elements(document, atom.Input) {
				Expect(attribute(input, "type") == "hidden" || labelled[attribute(input, "id")]).To(BeTrue())
			}
		})

		It("lets no name or text become markup or a script", func() {
			shown()
			Expect(elements(document, atom.Script)).To(BeEmpty())
			Expect(source).NotTo(ContainSubstring("javascript:"))
		})
	}
})
