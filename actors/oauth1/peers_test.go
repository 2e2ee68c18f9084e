package oauth1_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"

	dghubble "github.com/dghubble/oauth1"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/interop"
	"countersign/actors/oauth1"
)

var (
	//go:embed testdata/client.py
	clientScript string
	//go:embed testdata/verify_authlib.py
	authlibScript string
	//go:embed testdata/verify_oauthlib.py
	oauthlibScript string
)

// photos is a server as in RFC 5849 section 1.2, as small as Parse and Verify allow.
func photos(method oauth1.Method) http.Handler {
	refuse := func(w http.ResponseWriter, err error) {
		var p *oauth1.Problem
		if !errors.As(err, &p) {
			p = oauth1.Refuse(oauth1.PermissionDenied, "", err.Error())
		}
		w.Header().Set("WWW-Authenticate", p.Challenge("Photos"))
		w.WriteHeader(p.Status)
		_, _ = io.WriteString(w, p.Encode())
	}
	step := func(token, tokenSecret string, answer func(*oauth1.Message) (string, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			m, err := oauth1.Parse(r, 0)
			if err == nil && (method != "" && m.SignatureMethod != string(method) || m.Token != token || len(m.Duplicated) > 0 || len(m.Transports) != 1) {
				err = oauth1.Refuse(oauth1.ParameterRejected, "", fmt.Sprintf("unexpected message %+v", m))
			}
			if err == nil {
				keys := held()
				keys.TokenSecret = tokenSecret
				err = m.Verify(keys)
			}
			if err == nil && m.SignatureMethod != "PLAINTEXT" {
				_, err = m.Time()
			}
			var text string
			if err == nil {
				text, err = answer(m)
			}
			if err != nil {
				refuse(w, err)
				return
			}
			_, _ = io.WriteString(w, text)
		}
	}
	resource := step("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00", func(*oauth1.Message) (string, error) { return "photo", nil })
	mux := http.NewServeMux()
	mux.Handle("POST /initiate", step("", "", func(m *oauth1.Message) (string, error) {
		if m.Callback != "http://printer.example.com/ready?a=b&c=d e" {
			return "", oauth1.Refuse(oauth1.ParameterRejected, "oauth_callback", m.Callback)
		}
		return oauth1.Credentials{Token: "hh5s93j4hdidpola", Secret: "hdhd0244k9j7ao03"}.EncodeTemporary(), nil
	}))
	mux.Handle("POST /token", step("hh5s93j4hdidpola", "hdhd0244k9j7ao03", func(m *oauth1.Message) (string, error) {
		if m.Verifier != "hfdp7dh39dks9884" {
			return "", oauth1.Refuse(oauth1.ParameterRejected, "oauth_verifier", m.Verifier)
		}
		return oauth1.Credentials{Token: "nnch734d00sl2jdk", Secret: "pfkkdhi9sl3r4s00"}.Encode(), nil
	}))
	mux.Handle("/photos", resource)
	mux.Handle("/photos/", resource)
	return mux
}

// run gives a Python script an order as JSON and reads its answer.
func run(python, script string, order, answer any) {
	GinkgoHelper()
	input := must(json.Marshal(order))
	command := exec.Command(python, "-c", script)
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	Expect(err).NotTo(HaveOccurred(), complaint.String())
	Expect(json.Unmarshal(output, answer)).To(Succeed(), string(output))
}

// plaintext makes up for the method that dghubble/oauth1 leaves to its users.
type plaintext struct{ clientSecret string }

func (plaintext) Name() string { return "PLAINTEXT" }
func (p plaintext) Sign(tokenSecret, _ string) (string, error) {
	return dghubble.PercentEncode(p.clientSecret) + "&" + dghubble.PercentEncode(tokenSecret), nil
}

var _ = Describe("Clients of other makers", func() {
	DescribeTable("dghubble/oauth1 gets credentials and photos over TLS",
		func(method oauth1.Method, signer func() dghubble.Signer) {
			server := httptest.NewTLSServer(photos(method))
			DeferCleanup(server.Close)
			config := &dghubble.Config{
				ConsumerKey: "dpf43f3p2l4k3l03", ConsumerSecret: "kd94hf93k423kf44", CallbackURL: "http://printer.example.com/ready?a=b&c=d e",
				Endpoint: dghubble.Endpoint{RequestTokenURL: server.URL + "/initiate", AccessTokenURL: server.URL + "/token"},
				Signer:   signer(), HTTPClient: server.Client(), Realm: "Photos",
			}
			temporary, secret, err := config.RequestToken()
			Expect(err).NotTo(HaveOccurred())
			token, secret, err := config.AccessToken(temporary, secret, "hfdp7dh39dks9884")
			Expect(err).NotTo(HaveOccurred())
			client := config.Client(context.WithValue(context.Background(), dghubble.HTTPClient, server.Client()), dghubble.NewToken(token, secret))

			answered := func(r *http.Response, err error) string {
				GinkgoHelper()
				Expect(err).NotTo(HaveOccurred())
				defer func() { _ = r.Body.Close() }()
				return fmt.Sprint(r.StatusCode, " ", string(must(io.ReadAll(r.Body))))
			}
			Expect(answered(client.Get(server.URL + "/photos?file=vacation.jpg&size=original"))).To(Equal("200 photo"))
			Expect(answered(client.Get(server.URL + "/photos/a%2Fb/c%20d?e=1+%2B%202&f=%3D%25"))).To(Equal("200 photo"))
			Expect(answered(client.PostForm(server.URL+"/photos?q=1", url.Values{"a": {"2 q"}, "c@": {""}, "é": {"☃"}}))).To(Equal("200 photo"))
			Expect(answered(client.Post(server.URL+"/photos", "application/json", strings.NewReader("{}")))).To(Equal("200 photo"))
		},
		Entry("with HMAC-SHA1", oauth1.HMACSHA1, func() dghubble.Signer { return nil }),
		Entry("with HMAC-SHA256", oauth1.HMACSHA256, func() dghubble.Signer { return &dghubble.HMAC256Signer{ConsumerSecret: "kd94hf93k423kf44"} }),
		Entry("with RSA-SHA1", oauth1.RSASHA1, func() dghubble.Signer { return &dghubble.RSASigner{PrivateKey: privateKey()} }),
		Entry("with PLAINTEXT", oauth1.Plaintext, func() dghubble.Signer { return plaintext{"kd94hf93k423kf44"} }),
	)

	It("requests-oauthlib gets credentials and photos, by every method and at every place for the parameters", func() {
		python := interop.RequirePython(GinkgoT(), "requests_oauthlib", "python3-requests-oauthlib")
		server := httptest.NewServer(photos(""))
		DeferCleanup(server.Close)
		var cases []map[string]string
		for _, method := range oauth1.Methods() {
			for _, place := range []string{"AUTH_HEADER", "QUERY", "BODY"} {
				cases = append(cases, map[string]string{"name": string(method) + " " + place, "method": string(method), "place": place})
			}
		}
		var steps map[string][][2]string
		run(python, clientScript, map[string]any{"server": server.URL, "rsa_key": string(privatePEM), "cases": cases}, &steps)

		Expect(steps).To(HaveLen(len(cases)))
		for _, c := range cases {
			want := [][2]string{{"temporary credentials", "hh5s93j4hdidpola"}, {"token credentials", "nnch734d00sl2jdk"}}
			names := []string{"query", "reserved characters", "equal names", "encoded path", "form and query", "JSON body", "no body"}
			if c["place"] == "BODY" {
				names = []string{"form"}
			}
			for _, name := range names {
				want = append(want, [2]string{name, "200 photo"})
			}
			Expect(steps[c["name"]]).To(Equal(want), c["name"])
		}
	})
})

var _ = Describe("Servers of other makers", func() {
	type sent struct {
		Name    string            `json:"name"`
		Method  string            `json:"method"`
		URI     string            `json:"uri"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	shapes := []struct{ name, method, uri, form string }{
		{"query", "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", ""},
		{"reserved characters", "GET", "http://photos.example.net/photos?a=1%20%2B+2%3D3%264%25&%C3%A9=%E2%98%83&empty=", ""},
		{"equal names", "GET", "http://photos.example.net/photos?a=2&a=1&a-b=0&A=3", ""},
		{"upper case and default port", "GET", "http://Photos.Example.NET:80/photos", ""},
		{"TLS on another port", "GET", "https://photos.example.net:8443/a%2Fb/c%20d", ""},
		{"form and query", "POST", "http://photos.example.net/photos?q=1", "a=2+q&a=%2B&c%40="},
	}

	DescribeTable("verify what the signer signed, and refuse what was changed on the way",
		func(module, debianPackage string, script *string, methods ...oauth1.Method) {
			python := interop.RequirePython(GinkgoT(), module, debianPackage)
			var requests []sent
			want := map[string]any{}
			for _, method := range methods {
				for _, shape := range shapes {
					r := must(http.NewRequest(shape.method, shape.uri, strings.NewReader(shape.form)))
					headers := map[string]string{"Host": r.Host}
					if shape.form != "" {
						headers["Content-Type"] = "application/x-www-form-urlencoded"
						r.Header.Set("Content-Type", headers["Content-Type"])
					}
					s := signing(method)
					s.Realm = "Photos"
					Expect(s.Sign(r, oauth1.Param{Name: "oauth_verifier", Value: "hfdp7dh39dks9884"})).To(Succeed())
					headers["Authorization"] = r.Header.Get("Authorization")
					whole := sent{string(method) + " " + shape.name, shape.method, shape.uri, headers, shape.form}
					changed := whole
					changed.Name += ", changed"
					changed.URI += map[bool]string{true: "&", false: "?"}[strings.Contains(shape.uri, "?")] + "x=1"
					requests = append(requests, whole, changed)
					// PLAINTEXT covers nothing but the secrets.
					want[whole.Name], want[changed.Name] = true, method == oauth1.Plaintext
				}
			}
			answer := map[string]any{}
			run(python, *script, map[string]any{"client_secret": held().ClientSecret, "token_secret": held().TokenSecret,
				"public_key": publicPEM(), "requests": requests}, &answer)
			Expect(answer).To(Equal(want))
		},
		Entry("Authlib", "authlib", "python3-authlib", &authlibScript, oauth1.HMACSHA1, oauth1.RSASHA1, oauth1.Plaintext),
		Entry("oauthlib", "oauthlib", "python3-requests-oauthlib", &oauthlibScript, oauth1.HMACSHA1, oauth1.HMACSHA256, oauth1.RSASHA1, oauth1.Plaintext),
	)
})
