package ticket

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// halted is surroundings whose time moves only by hand.
type halted struct {
	conformance.Env
	now *time.Time
}

func (h halted) Now() time.Time { return *h.now }

var _ = Describe("The parties that the harness plays around a terminal", func() {
	const requestID, otherRequestID = "request-id-number-one-1", "request-id-number-two-2"
	var (
		now time.Time
		p   *parties
		who = person{name: "t-alice", password: "correct horse"}
	)

	BeforeEach(func() {
		now = time.Unix(1_800_000_000, 0)
		t := &test{Judge: judge.Judge{Session: &conformance.Session{Env: halted{now: &now}}}, Setup: Default()}
		p = &parties{t: t, mint: judge.Mint{Seed: []byte("seed")}}
		p.accounts = &party{parties: p, name: "account-server", base: t.Issuer}
		for _, app := range t.Apps {
			p.apps = append(p.apps, &party{parties: p, name: app.ID, base: app.BaseURL, appID: app.ID})
		}
		p.open(who)
	})

	answerTo := func(at *party, r *http.Request) (int, map[string]any) {
		GinkgoHelper()
		w := httptest.NewRecorder()
		at.ServeHTTP(w, r)
		var body map[string]any
		gomega.Expect(json.Unmarshal(w.Body.Bytes(), &body)).To(gomega.Succeed())
		return w.Code, body
	}
	post := func(endpoint string, members map[string]string) (int, map[string]any) {
		GinkgoHelper()
		body, err := json.Marshal(members)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		r := httptest.NewRequest(http.MethodPost, "/"+endpoint, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		return answerTo(p.accounts, r)
	}
	authenticate := func() *heldTicket {
		GinkgoHelper()
		status, _ := post("authentication", map[string]string{"user_name": who.name, "password": who.password, "app_id": "app-one"})
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		return p.latest(who, p.apps[0])
	}
	refresh := func(held *heldTicket, id string) (int, map[string]any) {
		GinkgoHelper()
		return post("refresh", map[string]string{"user_id": held.userID, "refresh_key": held.refreshKey, "request_id": id})
	}
	resource := func(app *party, authorization string) (int, map[string]any) {
		GinkgoHelper()
		r := httptest.NewRequest(http.MethodGet, "/resource", nil)
		r.Header.Set("Authorization", authorization)
		return answerTo(app, r)
	}
	shown := func(held *heldTicket) string {
		return `ticket Authorization_Key=` + held.authorizationKey + `,  user_id="` + held.userID + `", more=1`
	}

	It("open a name once", func() {
		status, _ := post("registration", map[string]string{"user_name": "t-bob", "password": "password of bob"})
		gomega.Expect(status).To(gomega.Equal(http.StatusCreated))
		status, body := post("registration", map[string]string{"user_name": "t-bob", "password": "another password"})
		gomega.Expect(status).To(gomega.Equal(http.StatusConflict))
		gomega.Expect(body).To(gomega.HaveKeyWithValue("error", "user_name_taken"))
	})

	DescribeTable("refuse an authentication",
		func(name, password, appID, code string) {
			status, body := post("authentication", map[string]string{"user_name": name, "password": password, "app_id": appID})
			gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
			gomega.Expect(body).To(gomega.HaveKeyWithValue("error", code))
		},
		Entry("with a wrong password", "t-alice", "wrong horse", "app-one", "invalid_grant"),
		Entry("under a name that nobody has", "t-nobody", "correct horse", "app-one", "invalid_grant"),
		Entry("for an app that there is not", "t-alice", "correct horse", "app-three", "invalid_target"),
	)

	It("give the resource for a ticket of the app, however its header is written", func() {
		held := authenticate()
		status, body := resource(p.apps[0], shown(held))
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(body).To(gomega.HaveKeyWithValue("owner", held.userID))
	})

	It("answer a ticket error indication at another app, after expiry and after a refresh", func() {
		held := authenticate()
		status, _ := resource(p.apps[1], shown(held))
		gomega.Expect(status).To(gomega.Equal(http.StatusUnauthorized))
		p.expire(held)
		status, _ = resource(p.apps[0], shown(held))
		gomega.Expect(status).To(gomega.Equal(http.StatusUnauthorized))
		other := authenticate()
		refresh(other, requestID)
		status, body := resource(p.apps[0], shown(other))
		gomega.Expect(status).To(gomega.Equal(http.StatusUnauthorized))
		gomega.Expect(body).To(gomega.HaveKeyWithValue("error", "invalid_token"))
	})

	DescribeTable("refuse a resource request",
		func(authorization string, status int) {
			got, _ := resource(p.apps[0], authorization)
			gomega.Expect(got).To(gomega.Equal(status))
		},
		Entry("of another scheme", "Bearer abc", http.StatusUnauthorized),
		Entry("without a key", `Ticket user_id="u1"`, http.StatusBadRequest),
		Entry("with a key twice", `Ticket user_id="u1", authorization_key="a", authorization_key="b"`, http.StatusBadRequest),
	)

	It("give a lost refresh answer again, and end the family at reuse", func() {
		held := authenticate()
		_, first := refresh(held, requestID)
		status, again := refresh(held, requestID)
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(again).To(gomega.Equal(first))
		status, _ = refresh(held, otherRequestID)
		gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
		gomega.Expect(p.revoked(p.latest(who, p.apps[0]))).To(gomega.BeTrue())
	})

	It("end the grace after a minute", func() {
		held := authenticate()
		refresh(held, requestID)
		now = now.Add(time.Minute)
		status, _ := refresh(held, requestID)
		gomega.Expect(status).To(gomega.Equal(http.StatusBadRequest))
	})

	It("forge a ticket without keeping it", func() {
		held := authenticate()
		p.misbehave(fault{party: p.accounts, endpoint: "refresh", times: 1, forged: func(m map[string]any) { m["user_id"] = "somebody" }})
		_, body := refresh(held, requestID)
		gomega.Expect(body).To(gomega.HaveKeyWithValue("user_id", "somebody"))
		gomega.Expect(p.latest(who, p.apps[0])).To(gomega.BeIdenticalTo(held))
		status, body := refresh(held, otherRequestID)
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
		gomega.Expect(body).To(gomega.HaveKeyWithValue("user_id", held.userID))
	})

	It("lose an answer after doing what was asked", func() {
		held := authenticate()
		p.misbehave(fault{party: p.accounts, endpoint: "refresh", times: 1, lost: true})
		gomega.Expect(func() { refresh(held, requestID) }).To(gomega.PanicWith(http.ErrAbortHandler))
		gomega.Expect(p.latest(who, p.apps[0])).NotTo(gomega.BeIdenticalTo(held))
		status, _ := refresh(held, requestID)
		gomega.Expect(status).To(gomega.Equal(http.StatusOK))
	})

	It("record what they are asked in its order, and what was wrong with it", func() {
		mark := p.Mark()
		post("authentication", map[string]string{"user_name": who.name})
		resource(p.apps[1], "Bearer abc")
		all := p.Since(mark)
		gomega.Expect(all).To(gomega.HaveLen(2))
		gomega.Expect(all[0].String()).To(gomega.Equal("POST /authentication at account-server (invalid_request: no string member password)"))
		gomega.Expect(all[1].problem).To(gomega.HavePrefix("ticket_required"))
		gomega.Expect(p.apps[1].at("resource", mark)).To(gomega.HaveLen(1))
		gomega.Expect(p.apps[0].at("resource", mark)).To(gomega.BeEmpty())
	})
})
