package mobile_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/mobile"
	"countersign/actors/password"
)

var _ = Describe("The authorization server on real connections", func() {
	It("wipes at the pace of its test clock, and closes with its world", func() {
		world := &live.World{}
		DeferCleanup(world.Close)
		var tries atomic.Int64
		phone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		DeferCleanup(phone.Close)
		site := httptest.NewUnstartedServer(nil)
		base := "http://" + site.Listener.Addr().String()
		site.Config.Handler = (&mobile.AuthorizationServer{
			Env: world.Env("as", guard.Set{}.Without("MO-AS-30")), Issuer: base, Passwords: password.Cheapest(), Rules: firstRules(),
			Systems:   []mobile.System{{ID: "crm", Secret: "crm-secret", Key: sealingKey("crm")}, {ID: "erp", Secret: "erp-secret", Key: sealingKey("erp")}},
			Users:     []mobile.User{{Name: "alice", Password: "alice-password"}},
			TestClock: world.Advance,
		}).Handler()
		site.Start()
		DeferCleanup(site.Close)
		post := func(path, mediaType, body string) string {
			response, err := http.Post(base+path, mediaType, bytes.NewReader([]byte(body)))
			Expect(err).NotTo(HaveOccurred())
			defer response.Body.Close()
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			text, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}
		post("/registration", jsonType, `{"deviceid": "device-alice", "username": "alice", "password": "alice-password", "notification_uri": "`+phone.URL+`"}`)
		Expect(post("/deregistration", jsonType, `{"deviceid": "device-alice", "username": "alice", "password": "alice-password"}`)).To(ContainSubstring("pending"))
		Eventually(tries.Load).WithTimeout(5 * time.Second).Should(BeNumerically(">=", 1))
		for range 5 {
			before := tries.Load()
			// Again and again: the server may not yet have begun to wait when its clock is moved.
			Eventually(func() int64 {
				var said map[string]int64
				Expect(json.NewDecoder(strings.NewReader(post("/test-clock", "application/x-www-form-urlencoded", "advance=30"))).Decode(&said)).To(Succeed())
				Expect(said["now"]).To(BeNumerically(">=", time.Now().Unix()+30))
				return tries.Load()
			}, "10s", "20ms").Should(BeNumerically(">", before))
		}
	})
})
