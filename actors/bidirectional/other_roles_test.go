package bidirectional_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/oauth1"
)

var _ = Describe("The resource server", func() {
	var (
		p      *play
		sender client
	)
	BeforeEach(func() {
		p = newPlay(guard.Set{})
		sender = client{p.stage, siteB, "handover-key-b"}
	})
	issued := func(change ...string) string {
		form := url.Values{
			"event": {"issued"}, "token": {"token-of-24-characters-1"}, "token_secret": {"secret"}, "client_id": {"client-a"}, "username": {"carol"},
			"resource_server": {siteB + "/resource"}, "sequence": {"1"}, "expires_at": {strconv.FormatInt(p.now.Add(time.Minute).Unix(), 10)},
		}
		for i := 0; i < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		return form.Encode()
	}
	token := oauth1.Credentials{Token: "token-of-24-characters-1", Secret: "secret"}
	read := func(id string) *http.Response {
		return client{p.stage, id, "secret-" + strings.TrimPrefix(id, "client-") + "-at-b"}.with(token).get(siteB + "/resource")
	}

	It("gives the resources for a token that was handed over, to its client, until it expires", func() {
		Expect(read("client-a")).To(refuse(http.StatusUnauthorized, "token_rejected"))
		Expect(sender.post(siteB+"/handover", issued())).To(HaveHTTPStatus(http.StatusNoContent))
		Expect(read("client-a")).To(And(HaveHTTPStatus(http.StatusOK), HaveHTTPBody(`{"owner":"carol","resources":[{"id":"3","title":"Carol's pictures at B"}]}`)))
		Expect(read("client-b")).To(refuse(http.StatusUnauthorized, "token_rejected"))
		p.now = p.now.Add(time.Minute)
		Expect(read("client-a")).To(refuse(http.StatusUnauthorized, "token_expired"))
	})

	It("refuses hand-overs that do not come from its OAuth server, or are not for it", func() {
		Expect(p.send(plain(http.MethodPost, siteB+"/handover", issued()))).To(refuse(http.StatusUnauthorized, "parameter_absent"))
		Expect(client{p.stage, siteB, "guess"}.post(siteB+"/handover", issued())).To(refuse(http.StatusUnauthorized, "signature_invalid"))
		Expect(client{p.stage, "client-a", "secret-a-at-b"}.post(siteB+"/handover", issued())).To(refuse(http.StatusUnauthorized, "consumer_key_unknown"))
		Expect(sender.post(siteB+"/handover", issued("resource_server", siteA+"/resource"))).To(refuse(http.StatusBadRequest, "parameter_rejected"))
		old := holder{client: sender}.request(http.MethodPost, siteB+"/handover", issued())
		p.now = p.now.Add(302 * time.Second)
		Expect(p.send(old)).To(refuse(http.StatusUnauthorized, "timestamp_refused"))
		Expect(read("client-a")).To(refuse(http.StatusUnauthorized, "token_rejected"))
	})

	It("refuses hand-overs that do not say when the token ends, or which of them comes first", func() {
		for name, values := range map[string][]string{
			"expires_at": {"", "0", "-5", "soon", "1.5", "250000000001", "253402300800", "18446744073709551617"},
			"sequence":   {"", "0", "-1", "first", "1.5", "9007199254740992"},
		} {
			for _, value := range values {
				code := "parameter_rejected"
				if value == "" {
					code = "parameter_absent"
				}
				Expect(sender.post(siteB+"/handover", issued(name, value))).To(refuse(http.StatusBadRequest, code), "%s=%q", name, value)
			}
		}
		Expect(read("client-a")).To(refuse(http.StatusUnauthorized, "token_rejected"))
		Expect(sender.post(siteB+"/handover", issued("expires_at", "250000000000"))).To(HaveHTTPStatus(http.StatusNoContent))
		Expect(read("client-a")).To(HaveHTTPStatus(http.StatusOK))
	})

	It("acknowledges what it knows, and lets nothing be bound anew", func() {
		for range 2 {
			Expect(sender.post(siteB+"/handover", issued())).To(HaveHTTPStatus(http.StatusNoContent))
		}
		for _, change := range [][]string{{"client_id", "client-b"}, {"username", "dave"}, {"token_secret", "other"}} {
			Expect(sender.post(siteB+"/handover", issued(change...))).To(refuse(http.StatusConflict, "parameter_rejected"))
		}
		Expect(read("client-a")).To(HaveHTTPStatus(http.StatusOK))
	})

	It("takes a revocation as final, in whatever order it comes", func() {
		revoked := url.Values{"event": {"revoked"}, "token": {token.Token}, "resource_server": {siteB + "/resource"}, "sequence": {"2"}}.Encode()
		Expect(sender.post(siteB+"/handover", revoked)).To(HaveHTTPStatus(http.StatusNoContent))
		Expect(sender.post(siteB+"/handover", issued())).To(HaveHTTPStatus(http.StatusNoContent))
		Expect(read("client-a")).To(refuse(http.StatusUnauthorized, "token_revoked"))
	})

	It("gives a receipt for each hand-over that it acknowledges, of its very signature, and with no refusal", func() {
		receipts := map[string]bool{}
		revoked := url.Values{"event": {"revoked"}, "token": {"token-of-24-characters-1"}, "resource_server": {siteB + "/resource"}, "sequence": {"2"}}.Encode()
		for _, body := range []string{issued(), issued(), revoked, revoked, issued()} {
			r := holder{client: sender}.request(http.MethodPost, siteB+"/handover", body)
			answer := p.send(r)
			Expect(answer).To(HaveHTTPStatus(http.StatusNoContent))
			Expect(answer).To(HaveHTTPHeaderWithValue("Handover-Receipt", receiptUnder("handover-key-b", signatureOf(r))))
			receipts[answer.Header.Get("Handover-Receipt")] = true
		}
		Expect(receipts).To(HaveLen(5))
		for _, refused := range []*http.Response{
			sender.post(siteB+"/handover", issued("resource_server", siteA+"/resource")),
			client{p.stage, siteB, "guess"}.post(siteB+"/handover", issued()),
			p.send(plain(http.MethodPost, siteB+"/handover", issued())),
		} {
			Expect(refused.Header).NotTo(HaveKey("Handover-Receipt"))
		}
	})

	It("is read only", func() {
		Expect(client{p.stage, "client-a", "secret-a-at-b"}.with(token).post(siteB+"/resource", "")).To(HaveHTTPStatus(http.StatusMethodNotAllowed))
	})
})

var _ = Describe("The client", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })
	delegation := func(issuer string) string {
		return url.Values{"temporary_credential": {"t"}, "temporary_credential_secret": {"s"}, "client_id": {"client-a"}, "issuer": {issuer}}.Encode()
	}

	It("refuses delegations that its peer did not make now", func() {
		a := client{p.stage, "client-a", "secret-a-at-b"}
		Expect(p.send(plain(http.MethodPost, siteB+"/delegation", delegation(siteA)))).To(refuse(http.StatusUnauthorized, "parameter_absent"))
		Expect(client{p.stage, "client-a", "guess"}.post(siteB+"/delegation", delegation(siteA))).To(refuse(http.StatusUnauthorized, "signature_invalid"))
		Expect(client{p.stage, "client-c", "guess"}.post(siteB+"/delegation", delegation(siteA))).To(refuse(http.StatusUnauthorized, "consumer_key_unknown"))
		Expect(a.post(siteB+"/delegation", delegation("https://evil.example"))).To(refuse(http.StatusBadRequest, "parameter_rejected"))
		r := holder{client: a}.request(http.MethodPost, siteB+"/delegation", delegation(siteA))
		body := func() io.ReadCloser { return io.NopCloser(strings.NewReader(delegation(siteA))) }
		Expect(p.send(r)).To(HaveHTTPStatus(http.StatusOK))
		r.Body = body()
		Expect(p.send(r)).To(refuse(http.StatusUnauthorized, "nonce_used"))
		p.now = p.now.Add(302 * time.Second)
		r.Body = body()
		Expect(p.send(r)).To(refuse(http.StatusUnauthorized, "timestamp_refused"))
	})

	It("lets a continue_uri be opened once, within ten minutes", func() {
		given := func() string {
			answer := client{p.stage, "client-a", "secret-a-at-b"}.post(siteB+"/delegation", delegation(siteA))
			var said map[string]string
			Expect(json.NewDecoder(answer.Body).Decode(&said)).To(Succeed())
			return said["continue_uri"]
		}
		first, second := given(), given()
		p.now = p.now.Add(10*time.Minute - time.Second)
		Expect(p.send(plain(http.MethodGet, first, ""))).To(HaveHTTPStatus(http.StatusSeeOther))
		Expect(p.send(plain(http.MethodGet, first, ""))).To(HaveHTTPStatus(http.StatusBadRequest))
		p.now = p.now.Add(time.Second)
		Expect(p.send(plain(http.MethodGet, second, ""))).To(HaveHTTPStatus(http.StatusBadRequest))
	})

	It("starts only by POST, and only with a peer that it knows", func() {
		Expect(p.send(plain(http.MethodGet, siteA+"/start?peer="+siteB, ""))).To(HaveHTTPStatus(http.StatusMethodNotAllowed))
		Expect(p.send(plain(http.MethodPost, siteA+"/start", "peer=https://evil.example"))).To(HaveHTTPStatus(http.StatusBadRequest))
	})

	DescribeTable("sends credentials over TLS or loopback only, and gives up that leg alone",
		func(member, path string, read bool) {
			documents := map[string]any{}
			Expect(json.NewDecoder(p.send(plain(http.MethodGet, siteB+"/.well-known/bidirectional-authorization", "")).Body).Decode(&documents)).To(Succeed())
			documents[member] = "http://b.example" + path
			changed, err := json.Marshal(documents)
			Expect(err).NotTo(HaveOccurred())
			p.publishAtB(string(changed))
			_, err = p.terminal.Start(siteA, siteB)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.count("http://b.example/")).To(BeZero())
			Expect(strings.Contains(p.home(siteA), readsAtB)).To(Equal(read))
			Expect(strings.Contains(p.home(siteB), readsAtA)).To(Equal(member != "delegation_endpoint"))
			if read {
				page, err := p.terminal.Post(siteA, siteA+"/disconnect", map[string][]string{"peer": {siteB}})
				Expect(err).NotTo(HaveOccurred())
				Expect(page.Status == http.StatusBadGateway).To(Equal(member == "revocation_endpoint"))
				Expect(p.count("http://b.example/")).To(BeZero())
			}
		},
		Entry("where temporary credentials are given", "temporary_credential_endpoint", "/temporary-credential", false),
		Entry("where they are exchanged", "token_endpoint", "/token", false),
		Entry("where resources are given", "resource_endpoint", "/resource", false),
		Entry("where tokens are revoked", "revocation_endpoint", "/revoke", true),
		Entry("where the first credential is handed over", "delegation_endpoint", "/delegation", true),
	)

	It("does not read metadata in the clear", func() {
		p.a.Client.Peers[0].Issuer = "http://b.example"
		p.open()
		Expect(p.send(plain(http.MethodPost, siteA+"/start", "peer=http://b.example"))).To(HaveHTTPStatus(http.StatusBadGateway))
		Expect(p.count("http://b.example/")).To(BeZero())
	})
})

var _ = Describe("The terminal", func() {
	It("enters no password where it is not registered", func() {
		p := newPlay(guard.Set{})
		p.terminal.Accounts = p.terminal.Accounts[:1]
		_, err := p.terminal.Start(siteA, siteB)
		var refused *bidirectional.PasswordRefused
		Expect(err).To(BeAssignableToTypeOf(refused))
	})

	It("enters no password into a page without TLS", func() {
		p := newPlay(guard.Set{})
		p.hosts["b.example"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `<form method="post"><input name="username"><input name="password" type="password"></form>`)
		})
		p.terminal.Accounts[1].Origin = "http://b.example"
		_, err := p.terminal.Open("http://b.example/")
		Expect(err).To(MatchError(ContainSubstring("without TLS")))
		p.terminal.Guards = p.terminal.Guards.Without("BI-UT-02")
		_, err = p.terminal.Open("http://b.example/")
		Expect(err).NotTo(HaveOccurred())
	})
})
