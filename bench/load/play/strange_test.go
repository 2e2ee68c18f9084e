package play_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/play"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/ticket"
	"countersign/conformance/unified"
)

// party is where the harness plays the party to which a target under load speaks.
func party(setup any) string {
	switch s := setup.(type) {
	case *ticket.Setup:
		return s.Issuer + "/refresh"
	case *mobile.Setup:
		return s.Issuer + "/authentication"
	case *offline.Setup:
		return s.Issuer + "/application"
	case *bidirectional.Setup:
		return s.PeerIssuer + "/token"
	case *unified.Setup:
		return s.Platforms[0].Issuer + "/token"
	}
	return ""
}

var _ = Describe("A request that should not have been sent", func() {
	DescribeTable("makes one journey wrong, and none of those that begin later or in a later run; what no journey is left for makes the run bad",
		func(flow string, role catalog.Role, to func(setup any) string) {
			scene := scene(flow, role, "")
			script, err := play.Open(context.Background(), scene, role)
			Expect(err).NotTo(HaveOccurred())
			a := load.Attacker{Script: script, Connections: 4, Limit: 5 * time.Second}
			Expect(a.Prepare(context.Background())).To(Succeed())
			DeferCleanup(func() { _ = a.Clean() })
			for _, run := range []struct{ sent, wrong, strange int64 }{{1, 1, 0}, {0, 0, 0}, {12, 10, 2}} {
				for range run.sent {
					resp, err := http.Post(to(scene.Target.Setup), "text/plain", strings.NewReader("strange"))
					Expect(err).NotTo(HaveOccurred())
					Expect(resp.Body.Close()).To(Succeed())
				}
				r := &load.Recorder{}
				Expect(a.Attack(context.Background(), load.Constant(50, 200*time.Millisecond), r)).To(Succeed())
				result := r.Result()
				Expect(result.Counts).To(And(
					HaveField("Due", BeEquivalentTo(10)), HaveField("Wrong", run.wrong), HaveField("Finished", 10-run.wrong), HaveField("Strange", run.strange),
				), result.Counts.Failures())
				Expect(result.Counts.Bad()).To(Equal(run.wrong + run.strange))
			}
		},
		Entry("terminal", "ticket", catalog.Terminal, party),
		Entry("third-party platform", "unified", catalog.ThirdPartyPlatform, party),
		Entry("authentication platform", "unified", catalog.Platform, func(setup any) string { return setup.(*unified.Setup).ThirdParties[0].BaseURL + "/logout" }),
		Entry("authorization server", "mobile", catalog.AuthorizationServer, func(setup any) string { return setup.(*mobile.Setup).Notification() }),
		Entry("app", "mobile", catalog.MobileApp, party),
		Entry("verification device", "offline", catalog.VerificationDevice, party),
		Entry("handset", "offline", catalog.Handset, func(setup any) string { return setup.(*offline.Setup).Devices[0].NearField() }),
		Entry("client that initiates", "bidirectional", catalog.ClientInitiating, party),
		Entry("client that receives", "bidirectional", catalog.ClientReceiving, party),
	)
})

// changed is a target behind a proxy that changes the JSON of answers of one endpoint: the metadata, which name the endpoint, it has served from there.
func changed(target, wellKnown, endpoint string, change func(members map[string]any)) string {
	GinkgoHelper()
	to, err := url.Parse(target)
	Expect(err).NotTo(HaveOccurred())
	var path string // of the endpoint
	proxy := httptest.NewUnstartedServer(nil)
	proxy.Config.Handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			document := strings.HasSuffix(resp.Request.URL.Path, wellKnown)
			if !document && (resp.Request.URL.Path != path || resp.StatusCode != http.StatusOK) {
				return nil
			}
			var members map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&members); err != nil {
				return err
			}
			if document {
				at, err := url.Parse(members[endpoint].(string))
				if err != nil {
					return err
				}
				path = at.Path
				members[endpoint] = proxy.URL + path
			} else {
				change(members)
			}
			body, err := json.Marshal(members)
			if err != nil {
				return err
			}
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
			return nil
		},
	}
	proxy.Start()
	DeferCleanup(proxy.Close)
	return proxy.URL
}

var _ = Describe("An answer that is wrong by one member", func() {
	judged := func(flow string, role catalog.Role, endpoint string, change func(map[string]any)) load.Result {
		GinkgoHelper()
		scene := scene(flow, role, "")
		scene.Target.URL = changed(scene.Target.URL, scene.Flow.WellKnown, endpoint, change)
		script, err := play.Open(context.Background(), scene, role)
		Expect(err).NotTo(HaveOccurred())
		return run(script, 200)
	}

	It("is found where now and then a user has the account of another", func() {
		var answered, mixed atomic.Int64
		var other atomic.Value
		result := judged("unified", catalog.ThirdPartyPlatform, "resource_endpoint", func(m map[string]any) {
			before := other.Swap(m["account"])
			if n := answered.Add(1); n%25 == 0 && before != m["account"] {
				mixed.Add(1)
				m["account"] = before
			}
		})
		Expect(mixed.Load()).To(BeNumerically(">=", 1))
		Expect(result.Counts.Wrong).To(And(BeNumerically(">=", mixed.Load()), BeNumerically("<=", 2*mixed.Load())), "one user, or both")
		Expect(result.Wrong[0].Leg).To(HavePrefix("resource"))
		Expect(result.Wrong[0].Expected).To(HavePrefix("the user of account "))
	})

	DescribeTable("is found by exp, when it is not that of expires_in by more than clocks differ",
		func(off float64, wrong bool) {
			result := judged("ticket", catalog.AccountServer, "verification_endpoint", func(m map[string]any) {
				if exp, ok := m["exp"].(float64); ok {
					m["exp"] = int64(exp + off)
				}
			})
			if !wrong {
				Expect(result.Counts.Bad()).To(BeZero(), result.Counts.Failures())
				return
			}
			Expect(result.Counts.Wrong).To(Equal(result.Counts.Due))
			Expect(result.Wrong[0].Actual).To(HavePrefix("exp "))
		},
		Entry("too early", -70.0, true), Entry("a little early", -50.0, false), Entry("a little late", 50.0, false), Entry("too late", 70.0, true),
	)
})
