package drive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/drive"
	"countersign/conformance/replay"
	"countersign/conformance/unified"
)

// own are a vendor's own names for those of the profile, on its pages.
var own = [][2]string{
	{`name="username"`, `name="user"`}, {`name="password"`, `name="secret-word"`}, {`name="decision"`, `name="answer"`},
	{`value="approve"`, `value="yes"`}, {`value="deny"`, `value="no"`}, {`value="login"`, `value="enter"`},
}

// renaming is a server whose pages have the vendor's own names, in front of one whose pages have the profile's. It wants the tenant with a password.
func renaming(origin string) string {
	to, err := url.Parse(origin)
	Expect(err).NotTo(HaveOccurred())
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = to.Host
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(resp *http.Response) error {
			if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			page, err := io.ReadAll(resp.Body)
			for _, pair := range own {
				page = bytes.ReplaceAll(page, []byte(pair[0]), []byte(pair[1]))
			}
			resp.Body = io.NopCloser(bytes.NewReader(page))
			resp.Header.Set("Content-Length", strconv.Itoa(len(page)))
			return err
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if form.Has("username") || form.Has("password") || form.Has("decision") || form.Has("secret-word") && form.Get("tenant") != "acme" {
			http.Error(w, "these are not the names of this page", http.StatusTeapot)
			return
		}
		for _, values := range []url.Values{form, r.URL.Query()} {
			for _, pair := range own[:3] {
				profile, vendor := strings.Trim(pair[0][5:], `"`), strings.Trim(pair[1][5:], `"`)
				if each, there := values[vendor]; there {
					values[profile] = each
					delete(values, vendor)
				}
			}
			for _, pair := range own[3:] {
				if profile, vendor := strings.Trim(pair[0][6:], `"`), strings.Trim(pair[1][6:], `"`); values.Get("decision") == vendor {
					values.Set("decision", profile)
				}
			}
			if values.Has("username") || values.Has("decision") {
				if r.Method == http.MethodGet {
					r.URL.RawQuery = values.Encode()
				}
			}
		}
		body = []byte(form.Encode())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		proxy.ServeHTTP(w, r)
	}))
	DeferCleanup(server.Close)
	return server.URL
}

// moved names an endpoint at another origin.
func moved(endpoint, origin string) string {
	u, err := url.Parse(endpoint)
	Expect(err).NotTo(HaveOccurred())
	return origin + u.Path
}

// hook logs a user in as the server behind it has it: it opens the page with the cookies that it is given, and sends its form.
func hook(calls *[]map[string]any, real func(page string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked map[string]any
		_ = json.NewDecoder(r.Body).Decode(&asked)
		*calls = append(*calls, asked)
		page := real(asked["page"].(string))
		send := func(method string, form url.Values) *http.Response {
			req, _ := http.NewRequest(method, page, strings.NewReader(form.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for name, value := range asked["cookies"].(map[string]any) {
				req.AddCookie(&http.Cookie{Name: name, Value: value.(string)})
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				panic(err)
			}
			return resp
		}
		came := send(http.MethodGet, nil)
		text, _ := io.ReadAll(came.Body)
		_ = came.Body.Close()
		if form := (&conformance.Response{Body: text}).Form(page); form != nil {
			form.Values.Set("username", asked["username"].(string))
			form.Values.Set("password", asked["password"].(string))
			form.Values.Set("decision", asked["decision"].(string))
			came = send(http.MethodPost, form.Values)
			text, _ = io.ReadAll(came.Body)
			_ = came.Body.Close()
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": came.StatusCode, "headers": came.Header, "body": string(text)})
	}
}

const renamed = "login:\n  fields: {username: user, password: secret-word, decision: answer}\n  decisions: {approve: 'yes', deny: 'no'}\n  extra: {tenant: acme}\n"

var _ = Describe("An OAuth server whose pages have names of their own", func() {
	at := func(i implementation) string {
		return fmt.Sprintf("target: <origin>\nroles: [oauth-server]\nendpoints: {authorization_endpoint: '%s'}\n", moved(i.document["authorization_endpoint"], renaming(i.origin)))
	}
	checks := []string{"BI-OS-11", "BI-OS-12", "BI-OS-13", "BI-OS-14", "BI-OS-27", "BI-OS-28", "BI-OS-29", "BI-OS-30", "BI-OS-43", "BI-OS-51", "BI-OS-52"}

	It("is certified when the configuration says them, and no report has a password", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		report := run(i.job(at(i)+strings.Replace(renamed, "acme", "acme, api_key: 'key/of the+vendor'", 1), checks...))
		Expect(verdicts(report)).To(Equal(all("pass", checks...)))
		said := fmt.Sprint(report.Results)
		Expect(said).To(And(ContainSubstring("&api_key=‹login.extra.api_key›"), Not(MatchRegexp("key.of.the.+vendor"))))
		Expect(said).To(And(ContainSubstring("secret-word=‹password›"), ContainSubstring("user=alice"), ContainSubstring("answer=yes"), ContainSubstring(`name="secret-word"`)))
		Expect(said).NotTo(ContainSubstring("alice-password-at-a"))
	})

	It("is judged again from a recording, to the same exchanges", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		job, recorder := i.job(at(i)+renamed, "BI-OS-13", "BI-OS-28"), &replay.Recorder{}
		job.Wrap = recorder.Wrap
		report := run(job)
		_, again, err := recorder.Recording(report).Rejudge(context.Background(), 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(again).To(HaveLen(2))
		for n, r := range again {
			Expect(r).To(Equal(report.Results[n]))
		}
	})

	It("is not certified when it does not say them", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		Expect(run(i.job(at(i), "BI-OS-13")).Conclusion).To(Equal(conformance.Nonconformant))
	})

	DescribeTable("is caught when it is wrong",
		func(defect string) {
			i := start(bidirectional.Flow(), "oauth-server", defect)
			report := run(i.job(at(i)+renamed, defect))
			Expect(report.Conclusion).To(Equal(conformance.Nonconformant), "%v", verdicts(report))
		},
		Entry("takes a decision without its own page", "BI-OS-28"),
		Entry("takes any password", "BI-OS-11"),
		Entry("takes a decision from a query", "BI-OS-43"),
	)
})

var _ = Describe("An OAuth server at which users log in elsewhere", func() {
	checks := []string{"BI-OS-11", "BI-OS-12", "BI-OS-13", "BI-OS-14", "BI-OS-27", "BI-OS-29", "BI-OS-30", "BI-OS-51"}
	// wired is a file for an implementation whose page only the hook can use.
	wired := func(i implementation, calls *[]map[string]any) string {
		front := renaming(i.origin)
		server := httptest.NewServer(hook(calls, func(page string) string { return strings.Replace(page, front, i.origin, 1) }))
		DeferCleanup(server.Close)
		return fmt.Sprintf("target: <origin>\nroles: [oauth-server]\nendpoints: {authorization_endpoint: '%s'}\nlogin: {hook: '%s/log-in?key=hook-key', extra: {tenant: acme}}\n",
			moved(i.document["authorization_endpoint"], front), server.URL)
	}

	It("is certified by a hook, but for forms that no page sends", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		var calls []map[string]any
		job := i.job(wired(i, &calls), append(checks, "BI-OS-28", "BI-OS-43")...)
		job.Parallel = 1
		report := run(job)
		wanted := all("pass", checks...)
		for _, c := range []string{"BI-OS-28", "BI-OS-43"} {
			wanted[c] = "skip: users log in by a hook, which does what a user does at the page, so that a form that the page does not send cannot be tried"
		}
		Expect(verdicts(report)).To(Equal(wanted))
		Expect(calls[0]).To(And(HaveKeyWithValue("check", HavePrefix("BI-OS-")), HaveKeyWithValue("username", "alice"), HaveKeyWithValue("password", "alice-password-at-a"),
			HaveKeyWithValue("extra", HaveKeyWithValue("tenant", "acme")), HaveKeyWithValue("cookies", Not(BeEmpty()))))
		Expect(fmt.Sprint(report.Results)).To(And(ContainSubstring("hook http://127.0.0.1"), Not(ContainSubstring("alice-password-at-a")), Not(ContainSubstring("log-in")), Not(ContainSubstring("hook-key"))))
	})

	It("is caught by a hook when it is wrong", func() {
		i := start(bidirectional.Flow(), "oauth-server", "BI-OS-11")
		var calls []map[string]any
		Expect(run(i.job(wired(i, &calls), "BI-OS-11")).Conclusion).To(Equal(conformance.Nonconformant))
	})

	It("is not called nonconformant because the hook breaks", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }))
		DeferCleanup(server.Close)
		report := run(i.job(fmt.Sprintf("target: <origin>\nroles: [oauth-server]\nlogin: {hook: '%s'}\n", server.URL), "BI-OS-13"))
		Expect(verdicts(report)).To(HaveKeyWithValue("BI-OS-13", "error: login: the hook answers 502 Bad Gateway, and not 200 with what came of the login"))
	})

	It("is certified by hand, by a person who is told where to log in and pastes the address", func() {
		i := start(bidirectional.Flow(), "oauth-server", "")
		in, keys := io.Pipe()
		DeferCleanup(keys.Close)
		asked := &reader{type_: func(question string) {
			var page, user, password, decision string
			for line := range strings.Lines(question) {
				_, _ = fmt.Sscanf(line, "  In a new private window, open %s", &page)
				_, _ = fmt.Sscanf(line, "  log in there as %s with the password %s and choose %s", &user, &password, &decision)
				_, _ = fmt.Sscanf(line, "  log in as nobody, and choose %s", &decision)
			}
			if page == "" {
				return
			}
			password, decision = strings.TrimSuffix(password, ","), strings.TrimSuffix(decision, ".")
			fmt.Fprintln(keys, surf(page, user, password, decision))
		}}
		job := i.job("target: <origin>\nroles: [oauth-server]\nlogin: {hand: true}\n", "BI-OS-12", "BI-OS-13", "BI-OS-14")
		job.Prompt = &drive.Prompt{In: in, Out: asked}
		Expect(verdicts(run(job))).To(Equal(all("pass", "BI-OS-12", "BI-OS-13", "BI-OS-14")))
	})
})

// reader reads what is asked at a terminal.
type reader struct{ type_ func(question string) }

func (r *reader) Write(p []byte) (int, error) {
	go r.type_(string(p))
	return len(p), nil
}

// surf is what a person does with a browser of one's own: it gives the address that the browser comes to, or the status of the page that it stays on.
func surf(page, user, password, decision string) string {
	first, err := http.Get(page)
	if err != nil {
		return err.Error()
	}
	defer first.Body.Close()
	text, _ := io.ReadAll(first.Body)
	form := (&conformance.Response{Body: text}).Form(page)
	form.Values.Set("username", user)
	form.Values.Set("password", password)
	form.Values.Set("decision", decision)
	req, _ := http.NewRequest(http.MethodPost, form.Action, strings.NewReader(form.Values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range first.Cookies() {
		req.AddCookie(c)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "" {
		return to
	}
	return strconv.Itoa(resp.StatusCode)
}

var _ = Describe("An authentication platform whose pages have names of their own", func() {
	It("is certified when the configuration says them, within sessions too", func() {
		i := start(unified.Flow(), "authentication-platform", "")
		front := renaming(i.origin)
		file := fmt.Sprintf("target: <origin>\nroles: [authentication-platform]\nendpoints: {portal_endpoint: '%s', authorization_endpoint: '%s', logout_endpoint: '%s'}\n"+
			"login:\n  fields: {username: user, password: secret-word, decision: answer}\n  decisions: {approve: 'yes', deny: 'no', login: enter}\n  extra: {tenant: acme}\n",
			moved(i.document["portal_endpoint"], front), moved(i.document["authorization_endpoint"], front), moved(i.document["logout_endpoint"], front))
		checks := []string{"UN-PL-04", "UN-PL-05", "UN-PL-06", "UN-PL-08", "UN-PL-50"}
		Expect(verdicts(run(i.job(file, checks...)))).To(Equal(all("pass", checks...)))
	})
})
