package bidirectional_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"time"

	dghubble "github.com/dghubble/oauth1"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/bidirectional"
	"countersign/actors/interop"
	"countersign/actors/store"
)

// realClock is the clock of the machine.
type realClock struct{}

func (realClock) Now() time.Time        { return time.Now() }
func (realClock) Sleep(d time.Duration) { <-time.After(d) }

func liveEnv() actors.Env {
	return actors.Env{
		Clock:   realClock{},
		Entropy: func(string) io.Reader { return rand.Reader },
		HTTP:    &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Store:   &store.Memory{},
		Go:      func(_ string, work func()) { go work() },
	}
}

// listen serves a handler that is made once its origin is known.
func listen(handler func(origin string) http.Handler) (origin string) {
	server := httptest.NewUnstartedServer(nil)
	origin = "http://" + server.Listener.Addr().String()
	server.Config.Handler = handler(origin)
	server.Start()
	DeferCleanup(server.Close)
	return origin
}

const foreignCallback = "http://127.0.0.1:1/callback"

// liveSite is a site on a real connection, known to a client of another maker.
func liveSite() string {
	return listen(func(origin string) http.Handler {
		return bidirectional.SiteSettings{
			Env: liveEnv(), Origin: origin, Name: "Site B", HandoverKey: "handover-key-b",
			Clients:   []bidirectional.ClientRegistration{{ID: "client-x", Secret: "secret & x", Name: "Site X", Callback: foreignCallback}},
			Users:     []bidirectional.Account{account("carol", "carol-password-at-b")},
			Resources: []bidirectional.Collection{{Owner: "carol", Resources: []bidirectional.Resource{{ID: "3", Title: "Carol's pictures at B"}}}},
		}.Site().Handler()
	})
}

// approveAt lets a terminal approve, and returns the verifier that it would bring to the callback.
func approveAt(origin, authorizationURL string) (verifier string) {
	env := liveEnv()
	var reached string
	env.HTTP.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.String(), foreignCallback) {
			reached = r.URL.Query().Get("oauth_verifier")
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	terminal := &bidirectional.Terminal{Env: env, Accounts: []bidirectional.SiteAccount{{Origin: origin, Username: "carol", Password: "carol-password-at-b"}}}
	_, err := terminal.Open(authorizationURL)
	Expect(err).NotTo(HaveOccurred())
	Expect(reached).NotTo(BeEmpty())
	return reached
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var _ = Describe("With programs of other makers", func() {
	It("serves a client made with dghubble/oauth1", func() {
		origin := liveSite()
		config := dghubble.Config{
			ConsumerKey: "client-x", ConsumerSecret: "secret & x", CallbackURL: foreignCallback,
			Endpoint: dghubble.Endpoint{RequestTokenURL: origin + "/temporary-credential", AuthorizeURL: origin + "/authorize", AccessTokenURL: origin + "/token"},
		}
		temporary, secret, err := config.RequestToken()
		Expect(err).NotTo(HaveOccurred())
		target, err := config.AuthorizationURL(temporary)
		Expect(err).NotTo(HaveOccurred())
		token, tokenSecret, err := config.AccessToken(temporary, secret, approveAt(origin, target.String()))
		Expect(err).NotTo(HaveOccurred())
		answer, err := config.Client(context.Background(), dghubble.NewToken(token, tokenSecret)).Get(origin + "/resource?page=1")
		Expect(err).NotTo(HaveOccurred())
		Expect(answer).To(And(HaveHTTPStatus(http.StatusOK), HaveHTTPBody(ContainSubstring("Carol's pictures at B"))))
		Expect(answer.Body.Close()).To(Succeed())
	})

	for _, method := range []string{"HMAC-SHA1", "HMAC-SHA256"} {
		It("serves a client made with requests-oauthlib that signs with "+method, func() {
			python := interop.RequirePython(GinkgoT(), "requests_oauthlib", "python3-requests-oauthlib")
			origin := liveSite()
			peer := startPython(python, requestsOAuthlibClient, origin, method, foreignCallback)
			peer.say(approveAt(origin, peer.hear()))
			var got map[string]any
			Expect(json.Unmarshal([]byte(peer.hear()), &got)).To(Succeed())
			Expect(got).To(HaveKeyWithValue("owner", "carol"))
		})
	}

	It("is served by a provider made with Authlib", func() {
		python := interop.RequirePython(GinkgoT(), "authlib", "python3-authlib")
		const own, ownServer = "http://a.localhost", "http://server.a.localhost"
		provider := startPython(python, authlibProvider, "client-a", "secret & a", own+"/callback")
		theirs := provider.hear()
		env := liveEnv()
		client := &bidirectional.Client{
			Env: env, BaseURL: own, ID: "client-a", Name: "Site A", Issuer: ownServer, Secret: "none",
			Peers: []bidirectional.Peer{{Name: "Site B", Issuer: theirs, Secret: "secret & a", ClientID: "client-b", PeerSecret: "none"}},
		}
		handler := client.Handler()
		env.HTTP.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			switch "http://" + r.URL.Host {
			case own:
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, r)
				return recorder.Result(), nil
			case ownServer: // its own OAuth server is down: the second leg goes on alone
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
			}
			return http.DefaultTransport.RoundTrip(r)
		})
		terminal := &bidirectional.Terminal{Env: env}
		page, err := terminal.Start(own, theirs)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Text).To(ContainSubstring("Kept by Authlib"))
	})
})

// pythonPeer is a Python program that talks in lines.
type pythonPeer struct {
	in  io.Writer
	out *bufio.Reader
}

func startPython(python, program string, args ...string) pythonPeer {
	GinkgoHelper()
	command := exec.Command(python, append([]string{"-c", program}, args...)...)
	command.Stderr = GinkgoWriter
	in, err := command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	out, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = in.Close()
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return pythonPeer{in, bufio.NewReader(out)}
}

func (p pythonPeer) hear() string {
	GinkgoHelper()
	line, err := p.out.ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	return strings.TrimSpace(line)
}

func (p pythonPeer) say(line string) {
	GinkgoHelper()
	_, err := io.WriteString(p.in, line+"\n")
	Expect(err).NotTo(HaveOccurred())
}

const requestsOAuthlibClient = `
import json, os, sys
os.environ["NO_PROXY"] = "*"
from requests_oauthlib import OAuth1Session
origin, method, callback = sys.argv[1:]
session = OAuth1Session("client-x", client_secret="secret & x", callback_uri=callback, signature_method=method)
session.fetch_request_token(origin + "/temporary-credential")
print(session.authorization_url(origin + "/authorize"), flush=True)
session.fetch_access_token(origin + "/token", verifier=sys.stdin.readline().strip())
print(json.dumps(session.get(origin + "/resource").json()), flush=True)
`

// authlibProvider is an OAuth 1.0 provider whose every judgement is Authlib's. Its user approves at once.
const authlibProvider = `
import json, os, sys, urllib.parse
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
from http.server import BaseHTTPRequestHandler, HTTPServer
from authlib.oauth1 import AuthorizationServer, ClientMixin, OAuth1Request, ResourceProtector, TemporaryCredential, TokenCredentialMixin
client_id, client_secret, callback = sys.argv[1:]

class Client(ClientMixin):
    def get_default_redirect_uri(self): return callback
    def get_client_secret(self): return client_secret
    def get_rsa_public_key(self): return None

class Token(TokenCredentialMixin):
    def __init__(self, token): self.token = token
    def get_oauth_token(self): return self.token["oauth_token"]
    def get_oauth_token_secret(self): return self.token["oauth_token_secret"]

temporaries, tokens, nonces = {}, {}, set()

class Judge:
    def get_client_by_id(self, asked): return Client() if asked == client_id else None
    def exists_nonce(self, nonce, request):
        seen = (request.client_id, nonce) in nonces
        nonces.add((request.client_id, nonce))
        return seen

class Provider(Judge, AuthorizationServer):
    made = 0
    def generate(self):
        self.made += 1
        return {"oauth_token": "token-%d" % self.made, "oauth_token_secret": "s&cret %d" % self.made}
    def token_generator(self): return self.generate()
    def create_temporary_credential(self, request):
        made = dict(self.generate(), client_id=request.client_id, oauth_callback=request.redirect_uri)
        temporaries[made["oauth_token"]] = TemporaryCredential(made)
        return temporaries[made["oauth_token"]]
    def get_temporary_credential(self, request): return temporaries.get(request.token)
    def delete_temporary_credential(self, request): temporaries.pop(request.token, None)
    def create_authorization_verifier(self, request):
        verifier = "v&rifier"
        request.credential["oauth_verifier"] = verifier
        request.credential["user_id"] = "1"
        return verifier
    def create_token_credential(self, request):
        made = self.generate()
        tokens[made["oauth_token"]] = Token(made)
        return tokens[made["oauth_token"]]
    def create_oauth1_request(self, request): return request
    def handle_response(self, status, body, headers): return status, body, headers

class Protector(Judge, ResourceProtector):
    def get_token_credential(self, request): return tokens.get(request.token)

provider, protector = Provider(), Protector()
provider.SUPPORTED_SIGNATURE_METHODS = protector.SUPPORTED_SIGNATURE_METHODS = ["HMAC-SHA1"]

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def answer(self):
        base = "http://%s" % self.headers["Host"]
        size = int(self.headers.get("Content-Length") or 0)
        body = dict(urllib.parse.parse_qsl(self.rfile.read(size).decode()))
        url = urllib.parse.urlsplit(self.path)
        request = OAuth1Request(self.command, base + self.path, body, dict(self.headers))
        if url.path == "/.well-known/bidirectional-authorization":
            return 200, json.dumps({"profile": "bidirectional@1", "issuer": base, "signature_methods_supported": ["HMAC-SHA1"],
                "temporary_credential_endpoint": base + "/initiate", "authorization_endpoint": base + "/authorize",
                "token_endpoint": base + "/token", "resource_endpoint": base + "/resource"}), []
        if url.path == "/initiate":
            status, body, headers = provider.create_temporary_credentials_response(request)
            if status == 200:
                # RFC 5849 section 2.1 spells "true"; Authlib gives Python's True
                body = [(name, "true" if value is True else value) for name, value in body] + [("client_id", client_id)]
            return status, urllib.parse.urlencode(body), headers
        if url.path == "/authorize":
            # the profile's state (section 4.2) is none of RFC 5849, and Authlib leaves it out
            status, body, headers = provider.create_authorization_response(request, grant_user="1")
            state = dict(urllib.parse.parse_qsl(url.query))["state"]
            return status, body, [(name, value + "&state=" + state if name == "Location" else value) for name, value in headers]
        if url.path == "/token":
            status, body, headers = provider.create_token_response(request)
            return status, urllib.parse.urlencode(body), headers
        protector.validate_request(self.command, base + self.path, body, dict(self.headers))
        return 200, json.dumps({"owner": "carol", "resources": [{"id": "1", "title": "Kept by Authlib"}]}), []
    def do_GET(self):
        status, body, headers = self.answer()
        if isinstance(body, list):
            body = urllib.parse.urlencode(body)
        data = (body or "").encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_POST = do_GET

server = HTTPServer(("127.0.0.1", 0), Handler)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
`
