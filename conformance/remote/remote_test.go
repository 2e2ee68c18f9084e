package remote_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/fixture"
	"countersign/conformance/remote"
)

const wellKnown = "/.well-known/bidirectional-authorization"

// site is a target that serves a metadata document, in which ORIGIN stands for its own origin, and whatever else it is given.
type site struct {
	metadata string
	status   int
	clock    http.HandlerFunc
}

func (s site) start() string {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	DeferCleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	mux.HandleFunc("GET "+wellKnown, func(w http.ResponseWriter, _ *http.Request) {
		if s.status != 0 {
			w.WriteHeader(s.status)
		}
		_, _ = fmt.Fprint(w, strings.ReplaceAll(s.metadata, "ORIGIN", server.URL))
	})
	if s.clock != nil {
		mux.HandleFunc("POST /clock", s.clock)
	}
	return server.URL
}

// options reach a target with a harness at free ports.
func options(target string) remote.Options {
	setup := bidirectional.Default()
	setup.OwnIssuer, setup.PeerIssuer = "http://127.0.0.1:0", "http://127.0.0.1:0"
	return remote.Options{URL: target, Flows: []conformance.Flow{bidirectional.Flow()}, Setup: &setup, Limit: 5 * time.Second}
}

func find(o remote.Options) (*remote.Target, error) {
	t, err := remote.Find(context.Background(), o)
	if err == nil {
		DeferCleanup(t.Close)
	}
	return t, err
}

var _ = Describe("A target at a URL", func() {
	const server = `{"temporary_credential_endpoint": "ORIGIN/temporary"}`

	DescribeTable("has the roles whose endpoints lie at its origin",
		func(metadata string, roles ...catalog.Role) {
			t, err := find(options(site{metadata: metadata}.start()))
			Expect(err).NotTo(HaveOccurred())
			Expect(t.Roles).To(Equal(roles))
		},
		Entry("as OAuth server", server, catalog.OAuthServer),
		Entry("as resource server", `{"token_handover_endpoint": "ORIGIN/handover"}`, catalog.ResourceServer),
		Entry("as client", `{"start_endpoint": "ORIGIN/start"}`, catalog.ClientInitiating, catalog.ClientReceiving),
		Entry("as a whole site", `{"start_endpoint": "ORIGIN/s", "token_handover_endpoint": "ORIGIN/h", "temporary_credential_endpoint": "ORIGIN/t"}`,
			catalog.OAuthServer, catalog.ResourceServer, catalog.ClientInitiating, catalog.ClientReceiving),
		Entry("and not those of other origins, other schemes and broken URLs",
			`{"start_endpoint": "http://elsewhere/s", "token_handover_endpoint": "http://[", "temporary_credential_endpoint": "ORIGIN/t"}`, catalog.OAuthServer),
	)

	It("has the roles that were asked for, whatever its metadata shows", func() {
		o := options(site{metadata: server}.start())
		o.Roles = []catalog.Role{catalog.ResourceServer}
		t, err := find(o)
		Expect(err).NotTo(HaveOccurred())
		Expect(t.Roles).To(Equal(o.Roles))
	})

	It("may be named with a slash at the end, or lie below a path", func() {
		o := options(site{metadata: server}.start())
		o.URL += "/"
		_, err := find(o)
		Expect(err).NotTo(HaveOccurred())
		o.URL += "tenant"
		_, err = find(o)
		Expect(err).To(MatchError(ContainSubstring("/tenant" + wellKnown + " answers 404")))
	})

	It("is unreachable when nothing listens, in one sentence", func() {
		dead := fixture.FreeOrigin()
		_, err := find(options(dead))
		Expect(err).To(BeAssignableToTypeOf(&remote.UnreachableError{}))
		Expect(err).To(MatchError(MatchRegexp(`^the target does not answer at ` + dead + wellKnown + `: .*connection refused; start it, or correct --target$`)))
	})

	It("is unreachable when it does not answer in time", func() {
		silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		DeferCleanup(silent.Close)
		o := options(silent.URL)
		o.Limit = 50 * time.Millisecond
		_, err := find(o)
		Expect(err).To(BeAssignableToTypeOf(&remote.UnreachableError{}))
	})

	DescribeTable("cannot be set up",
		func(change func(*remote.Options), s site, message string) {
			o := options(s.start())
			change(&o)
			_, err := find(o)
			Expect(err).To(BeAssignableToTypeOf(&remote.SetupError{}), "%v", err)
			Expect(err).To(MatchError(MatchRegexp(message)))
		},
		Entry("at no URL", func(o *remote.Options) { o.URL = "localhost:9000" }, site{}, `^"localhost:9000" is no URL of a target; write it as http://host:port$`),
		Entry("without metadata", func(*remote.Options) {}, site{status: 404}, `answers 404 Not Found, so there is no metadata to find the endpoints by; serve the document`),
		Entry("with a redirect for metadata", func(*remote.Options) {}, site{status: 302}, `answers 302 Found`),
		Entry("with a page for metadata", func(*remote.Options) {}, site{metadata: "<html>"}, `bidirectional-authorization is no JSON object; serve the document of section 3`),
		Entry("with a list for metadata", func(*remote.Options) {}, site{metadata: "[]"}, `is no JSON object; serve`),
		Entry("with null for metadata", func(*remote.Options) {}, site{metadata: "null"}, `is no JSON object; serve`),
		Entry("without an endpoint of its own", func(*remote.Options) {}, site{metadata: `{"start_endpoint": 7}`}, `names no endpoint at that origin, so no role can be put under test; name the roles with --role$`),
		Entry("when the harness has no address", func(o *remote.Options) { *o.Setup.Addresses()[1].Origin = "https://example.org" }, site{metadata: server}, `^"https://example.org" is no address at which the harness can play site-b; write it as http://127.0.0.1:port$`),
		Entry("with a test clock that is not there", func(*remote.Options) {}, site{metadata: `{"start_endpoint": "ORIGIN/s", "test_clock_endpoint": "ORIGIN/clock"}`},
			`^the test clock at .*/clock answered 404 Not Found and not 200 .*; serve section 9 of the profile there, or leave test_clock_endpoint out of the metadata$`),
	)

	It("cannot be set up at a busy port of the harness, and gives the other one back", func() {
		busy, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(busy.Close)
		own := fixture.FreeOrigin()
		o := options(site{metadata: server}.start())
		addresses := o.Setup.Addresses()
		*addresses[0].Origin, *addresses[1].Origin = own, "http://"+busy.Addr().String()
		_, err = find(o)
		Expect(err).To(BeAssignableToTypeOf(&remote.SetupError{}))
		Expect(err).To(MatchError(MatchRegexp(`^the harness cannot listen as site-b at .*address already in use; free the address, or set another in the configuration's setup$`)))
		again, err := net.Listen("tcp", strings.TrimPrefix(own, "http://"))
		Expect(err).NotTo(HaveOccurred())
		Expect(again.Close()).To(Succeed())
	})

	It("is met by a harness that listens as it is told to, also over https", func() {
		o := options(site{metadata: server}.start())
		*o.Setup.Addresses()[0].Origin = "https://harness.example"
		told := map[string]string{}
		o.Listen = func(party, origin string) (net.Listener, error) {
			told[party] = origin
			return net.Listen("tcp", "127.0.0.1:0")
		}
		_, err := find(o)
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(Equal(map[string]string{"site-a": "https://harness.example", "site-b": "http://127.0.0.1:0"}))
	})

	Describe("opened for a check", func() {
		It("is known by its URL and its setup, and the run by a name of its own", func() {
			o := options(site{metadata: server}.start())
			t, err := find(o)
			Expect(err).NotTo(HaveOccurred())
			env, target, err := t.Open(context.Background(), conformance.Check{ID: "BI-OS-05", Role: catalog.OAuthServer})
			Expect(err).NotTo(HaveOccurred())
			defer env.Close()
			Expect(target.Run).To(MatchRegexp(`^[a-z2-7]{7}$`))
			Expect(target).To(Equal(conformance.Target{URL: o.URL, Setup: o.Setup, Run: target.Run}))
			Expect(env.HTTP().Timeout).To(Equal(o.Limit))
			Expect(env.Advance(time.Hour)).To(MatchError(conformance.ErrNoClock))
		})

		It("gives a client the time in which it may try: profile, section 6.2", func() {
			t, err := find(options(site{metadata: server}.start()))
			Expect(err).NotTo(HaveOccurred())
			env, _, err := t.Open(context.Background(), conformance.Check{Role: catalog.ClientReceiving})
			Expect(err).NotTo(HaveOccurred())
			defer env.Close()
			Expect(env.HTTP().Timeout).To(Equal(35 * time.Second))
		})

		It("goes by the target's clock, which an earlier run has moved ahead", func() {
			ahead := 72 * time.Hour
			clock := func(w http.ResponseWriter, r *http.Request) {
				advance, err := time.ParseDuration(r.PostFormValue("advance") + "s")
				Expect(err).NotTo(HaveOccurred())
				ahead += advance
				_ = json.NewEncoder(w).Encode(map[string]int64{"now": time.Now().Add(ahead).Unix()})
			}
			t, err := find(options(site{metadata: `{"start_endpoint": "ORIGIN/s", "test_clock_endpoint": "ORIGIN/clock"}`, clock: clock}.start()))
			Expect(err).NotTo(HaveOccurred())
			env, _, err := t.Open(context.Background(), conformance.Check{Role: catalog.OAuthServer})
			Expect(err).NotTo(HaveOccurred())
			defer env.Close()
			Expect(env.Now()).To(BeTemporally("~", time.Now().Add(72*time.Hour), 3*time.Second))
			Expect(env.Advance(time.Hour)).To(Succeed())
			Expect(env.Now()).To(BeTemporally("~", time.Now().Add(73*time.Hour), 3*time.Second))
		})
	})
})
