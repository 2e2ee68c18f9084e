package play_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/play"
	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/conformance/ticket"
)

// mixedUp is an app server that asks about every ticket, and gives one in so many answers with another user's resources.
type mixedUp struct {
	setup  *ticket.Setup
	every  int64
	served atomic.Int64
	wrong  atomic.Int64
}

var shownPair = regexp.MustCompile(`^Ticket user_id="([^"]*)", authorization_key="([^"]*)"$`)

func (m *mixedUp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path != "/resource" {
		fmt.Fprintf(w, `{"profile": "ticket@1", "issuer": %q, "app_id": %q, "resource_endpoint": "http://%s/resource"}`, m.setup.Issuer, m.setup.Apps[0].ID, r.Host)
		return
	}
	pair := shownPair.FindStringSubmatch(r.Header.Get("Authorization"))
	body, _ := json.Marshal(map[string]string{"user_id": pair[1], "authorization_key": pair[2]})
	ask, _ := http.NewRequest(http.MethodPost, m.setup.Issuer+"/verification", bytes.NewReader(body))
	ask.SetBasicAuth(m.setup.Apps[0].ID, m.setup.Apps[0].Secret)
	said, err := http.DefaultClient.Do(ask)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer said.Body.Close()
	var verdict struct{ Active bool }
	if json.NewDecoder(said.Body).Decode(&verdict) != nil || !verdict.Active {
		w.Header().Set("WWW-Authenticate", `Ticket error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error": "invalid_token", "error_description": "The account server does not confirm it."}`))
		return
	}
	owner := pair[1]
	if m.served.Add(1)%m.every == 0 {
		m.wrong.Add(1)
		owner = "somebody-else"
	}
	fmt.Fprintf(w, `{"owner": %q, "app_id": %q, "resources": [{"id": "1", "title": "One"}]}`, owner, m.setup.Apps[0].ID)
}

// appServer puts the app server under load that is made for a setup.
func appServer(made func(*ticket.Setup) http.Handler) load.Script {
	GinkgoHelper()
	flow, err := flows.Find("ticket")
	Expect(err).NotTo(HaveOccurred())
	setup, stage := ticket.Default(), &conformance.Stage{}
	DeferCleanup(stage.Close)
	for _, a := range setup.Addresses() {
		*a.Origin, err = stage.Listen(a.Party, "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
	}
	server := httptest.NewServer(made(&setup))
	DeferCleanup(server.Close)
	env := &conformance.Wire{Stage: stage}
	DeferCleanup(env.Close)
	script, err := play.Open(context.Background(), &play.Scene{Flow: flow, Env: env, Target: conformance.Target{URL: server.URL, Setup: &setup, Run: "spec"}}, catalog.AppServer)
	Expect(err).NotTo(HaveOccurred())
	return script
}

var _ = Describe("A server that is wrong now and then", func() {
	It("is found by one answer in a thousand with another user's resource, and the exchange is shown", func() {
		target := &mixedUp{every: 1000}
		script := appServer(func(setup *ticket.Setup) http.Handler { target.setup = setup; return target })

		a := load.Attacker{Script: script, Connections: 4, Drain: time.Minute}
		Expect(a.Prepare(context.Background())).To(Succeed())
		r := &load.Recorder{}
		Expect(a.Attack(context.Background(), load.Constant(2000, 500*time.Millisecond), r)).To(Succeed())
		Expect(a.Clean()).To(Succeed())
		result := r.Result()
		Expect(result.Counts.Due).To(BeEquivalentTo(1000))
		Expect(target.wrong.Load()).To(BeNumerically(">=", 1))
		Expect(result.Counts.Wrong).To(Equal(target.wrong.Load()))
		Expect(result.Counts.Finished).To(Equal(1000 - target.wrong.Load()))
		w := result.Wrong[0]
		Expect(w.Leg).To(HavePrefix("resource"))
		Expect(w.Actual).To(ContainSubstring("somebody-else"))
		Expect(w.Request).To(And(HavePrefix("GET /resource HTTP/1.1\n"), ContainSubstring("Authorization: Ticket "), Not(MatchRegexp(`authorization_key="[A-Za-z0-9_-]{22}`))))
		Expect(w.Response).To(ContainSubstring(`"owner": "somebody-else"`))
	})

	DescribeTable("is found by its defect",
		func(role string, defects ...string) {
			for _, defect := range defects {
				flow, err := flows.Of(catalog.ID(defect))
				Expect(err).NotTo(HaveOccurred())
				script, err := play.Open(context.Background(), scene(flow.Name, catalog.Role(role), defect), catalog.Role(role))
				Expect(err).NotTo(HaveOccurred())
				a := load.Attacker{Script: script, Connections: 4, Limit: 5 * time.Second}
				r := &load.Recorder{}
				err = a.Prepare(context.Background())
				if err == nil {
					Expect(a.Attack(context.Background(), load.Constant(100, 100*time.Millisecond), r)).To(Succeed())
					_ = a.Clean() // which a defect may hinder
				}
				var wrong *load.WrongError
				Expect(r.Result().Counts.Wrong > 0 || errors.As(err, &wrong)).To(BeTrue(), "the defect %s is not found: %v", defect, err)
			}
		},
		Entry("account server", "account-server", "TI-AM-02", "TI-AM-03", "TI-AM-06", "TI-AM-08", "TI-AM-13", "TI-AM-15", "TI-AM-24", "TI-AM-25"),
		Entry("app server", "app-server", "TI-AP-01", "TI-AP-02", "TI-AP-04", "TI-AP-07", "TI-AP-10"),
		Entry("OAuth server", "oauth-server", "BI-OS-02", "BI-OS-03", "BI-OS-13", "BI-OS-15", "BI-OS-18", "BI-OS-20", "BI-OS-21", "BI-OS-44", "BI-OS-45", "BI-OS-48"),
		Entry("authentication platform", "authentication-platform", "UN-PL-07", "UN-PL-15", "UN-PL-16", "UN-PL-37", "UN-PL-84", "UN-PL-85"),
		Entry("resource server", "resource-server", "BI-RS-01", "BI-RS-06", "BI-RS-14", "BI-RS-23", "BI-RS-26"),
		Entry("authorization server", "authorization-server", "MO-AS-10", "MO-AS-18", "MO-AS-19", "MO-AS-34", "MO-AS-35", "MO-AS-40", "MO-AS-45", "MO-AS-48", "MO-AS-53", "MO-AS-61", "MO-AS-65"),
		Entry("business system", "business-system", "MO-BS-05", "MO-BS-09", "MO-BS-11", "MO-BS-18", "MO-BS-23", "MO-BS-34"),
		Entry("service server", "service-server", "OF-SS-03", "OF-SS-06", "OF-SS-10", "OF-SS-14", "OF-SS-19", "OF-SS-29", "OF-SS-53", "OF-SS-55"),
		Entry("verification device", "verification-device", "OF-VD-03", "OF-VD-04", "OF-VD-06", "OF-VD-11", "OF-VD-15", "OF-VD-24"),
		Entry("handset", "handset", "OF-HS-06", "OF-HS-09", "OF-HS-20", "OF-HS-24"),
		Entry("terminal", "terminal", "TI-TE-06", "TI-TE-07", "TI-TE-15"),
		Entry("app", "mobile-app", "MO-AP-02", "MO-AP-03", "MO-AP-13", "MO-AP-14"),
		Entry("third-party platform", "third-party-platform", "UN-TP-04", "UN-TP-05", "UN-TP-08", "UN-TP-12", "UN-TP-15", "UN-TP-27", "UN-TP-51"),
		Entry("client that initiates", "client-initiating", "BI-CL-01", "BI-CL-04", "BI-CL-05", "BI-CL-13", "BI-CL-16"),
		Entry("client that receives", "client-receiving", "BI-CL-07", "BI-CL-09", "BI-CL-13", "BI-CL-23"),
	)
})
