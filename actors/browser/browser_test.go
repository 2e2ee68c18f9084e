package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/browser"
	"countersign/actors/page"
)

var _ = Describe("A browser", func() {
	var (
		server *httptest.Server
		asked  []string
		b      *browser.Browser
	)
	BeforeEach(func() {
		asked = nil
		mux := http.NewServeMux()
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			asked = append(asked, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", r.Method, r.URL.Path, r.PostForm.Encode(), r.Header.Get("Origin"), r.Header.Get("Cookie"))))
			mux.ServeHTTP(w, r)
		}))
		DeferCleanup(server.Close)
		redirect := func(status int, to string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}
		}
		mux.HandleFunc("/303", redirect(http.StatusSeeOther, "/page"))
		mux.HandleFunc("/307", redirect(http.StatusTemporaryRedirect, "/page"))
		mux.HandleFunc("/loop", redirect(http.StatusFound, "loop"))
		mux.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "lax", Value: "1", SameSite: http.SameSiteLaxMode})
			http.SetCookie(w, &http.Cookie{Name: "any", Value: "2"})
			http.SetCookie(w, &http.Cookie{Name: "gone", Value: "", MaxAge: -1})
		})
		mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<p>Hello <b>you</b></p><a href="next">on</a><form method=post action="/send"><input name=a value=1><button name=decision value=yes></form>`))
		})
		b = &browser.Browser{HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	})
	get := func(path string) (browser.Page, error) {
		return b.Fetch(browser.Navigation{Method: http.MethodGet, Target: server.URL + path})
	}
	post := func(path, from string) {
		GinkgoHelper()
		_, err := b.Fetch(browser.Navigation{Method: http.MethodPost, Target: server.URL + path, Form: url.Values{"a": {"1"}}, From: from})
		Expect(err).NotTo(HaveOccurred())
	}

	It("reads the page at the end of redirects", func() {
		shown, err := get("/303")
		Expect(err).NotTo(HaveOccurred())
		Expect(shown.URL).To(Equal(server.URL + "/page"))
		Expect(shown.Text).To(Equal("Hello you on"))
		Expect(shown.Targets()).To(Equal([]string{server.URL + "/next"}))
		form, found := shown.Find(func(f page.Form) bool { return f.Method == http.MethodPost })
		Expect(found).To(BeTrue())
		Expect(form.Action).To(Equal(server.URL + "/send"))
		Expect(form.Values).To(Equal(url.Values{"a": {"1"}}))
	})

	It("sends a form on after 307, and not after 303", func() {
		post("/307", server.URL)
		post("/303", server.URL)
		Expect(asked).To(Equal([]string{"POST /307 a=1 " + server.URL, "POST /page a=1 " + server.URL, "POST /303 a=1 " + server.URL, "GET /page"}))
	})

	It("gives up on redirects without end", func() {
		_, err := get("/loop")
		Expect(err).To(MatchError("the redirects do not end"))
	})

	It("keeps cookies by host, and leaves those with SameSite behind when another site's page sends a form", func() {
		_, err := get("/cookies")
		Expect(err).NotTo(HaveOccurred())
		post("/page", "https://elsewhere.example/form")
		post("/page", server.URL+"/form")
		_, err = get("/page")
		Expect(err).NotTo(HaveOccurred())
		Expect(asked[1:]).To(Equal([]string{"POST /page a=1 https://elsewhere.example any=2", "POST /page a=1 " + server.URL + " lax=1; any=2", "GET /page   lax=1; any=2"}))
	})
})
