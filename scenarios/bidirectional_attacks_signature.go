package scenarios

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// waitForAlice is the time that an attacker leaves the user to finish.
const waitForAlice = 10 * time.Second

// signatureAttacks go for what signed requests cover, and for sending them again.
func signatureAttacks() []Scenario {
	return []Scenario{
		attack("replay-of-step-7", "The token request sent twice",
			"Site B takes token requests without TLS, and an attacker on the wire sends the very bytes of Alice's again. One consent would give two access tokens, the second known to nobody who could revoke it. The document has neither nonces nor single use.",
			twosites.OneTokenAConsent, []catalog.ID{"BI-OS-31", "BI-OS-36", "BI-CL-38"}, replayTokenRequest).openAtCore(),
		attack("replayed-resource-request", "The resource request sent twice",
			"Site B gives resources without TLS. An attacker sends Alice's resource request again a minute later, and gets what is there by then. At core no nonce is remembered.",
			twosites.Secrecy, []catalog.ID{"BI-RS-19", "BI-CL-38"}, replayResourceRequest).openAtCore(),
		attack("body-changed-on-the-way", "A parameter that the signature should cover",
			"Site A takes requests for temporary credentials without TLS. On the wire an attacker changes the delegate from site B to site C, and lures Alice to a page that asks for C. The signature covers the body too (RFC 5849 section 3.4.1.3), so that the change is refused. At core no delegate is named, so that nothing has to be changed at all.",
			twosites.Secrecy, []catalog.ID{"BI-OS-05", "BI-CL-38"}, changeDelegate).openAtCore(),
		attack("duplicated-parameter", "Two tokens in one request",
			"Site B gives resources without TLS. Mallory puts Alice's access token, seen on the wire, before her own in a request that site A makes for her. A server that takes the first of two parameters opens Alice's resources if it does not notice that the signature was made for another token. It does at core.",
			twosites.SessionIntegrity, []catalog.ID{"BI-RS-07", "BI-RS-22", "BI-CL-38"}, duplicateToken),
		attack("downgrade-to-plaintext", "Downgrade to PLAINTEXT",
			"Site B's OAuth server is reached without TLS. An attacker has its metadata announce PLAINTEXT only, so that site A writes its own secret into the request, and signs anew what it passes on, so that B notices nothing. With the secret Mallory speaks as site A. At core the client takes the first method that is announced.",
			twosites.Secrecy, []catalog.ID{"BI-CL-30", "BI-CL-38"}, downgrade).openAtCore(),
	}
}

func replayTokenRequest(st *twosites.Stage) {
	st.B.Publish("token_endpoint", "http://oauth.b/token")
	var seen *sim.Message
	st.OnTheWire(func(w *sim.World, m sim.Message) sim.Verdict {
		switch {
		case m.Injected:
		case m.Kind == sim.Request:
			seen = &m
		case seen != nil:
			again := seen.Clone()
			again.From = st.Mallory.Name
			w.Inject(again)
		}
		return sim.Verdict{}
	})
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}

func replayResourceRequest(st *twosites.Stage) {
	st.B.Publish("resource_endpoint", "http://resource.b/resource")
	var seen *sim.Message
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && !m.Injected {
			seen = &m
		}
		return sim.Verdict{}
	})
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		u.Wait(time.Minute)
		if seen != nil {
			again := seen.Clone()
			again.From = st.Mallory.Name
			st.World.Inject(again)
		}
	})
}

func changeDelegate(st *twosites.Stage) {
	st.A.Publish("temporary_credential_endpoint", "http://oauth.a/temporary-credential")
	var stolen twosites.Credentials
	listenForCredentials(st, &stolen)
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		body := strings.Replace(string(m.Body), "delegate="+st.B.ClientID, "delegate="+st.C.ClientID, 1)
		if m.Kind == sim.Response || body == string(m.Body) {
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Body = []byte(body)
		return sim.Verdict{Replace: &m}
	})
	thief(st, st.A, func(string) twosites.Credentials { return stolen })
	bait := newLure(st)
	st.Alice.Plays(bait.opens)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		m.Start(st.A, st.B)
		if stolen.Token == "" {
			m.Note("site A noticed the change: there is no credential")
			return
		}
		bait.set(asking(st.A, stolen.Token, st.C.ClientID))
	})
}

func duplicateToken(st *twosites.Stage) {
	st.B.Publish("resource_endpoint", "http://resource.b/resource")
	const name = `oauth_token="`
	var victims string
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		signed := m.Header.Get("Authorization")
		_, rest, found := strings.Cut(signed, name)
		if m.Kind == sim.Response || !found {
			return sim.Verdict{}
		}
		if victims == "" {
			victims, _, _ = strings.Cut(rest, `"`)
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Header.Set("Authorization", strings.Replace(signed, name, name+victims+`", `+name, 1))
		return sim.Verdict{Replace: &m}
	})
	connected := st.NewLetter("Alice has connected the sites")
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		connected.Send("")
	})
	st.Mallory.Plays(func(m *twosites.Attacker) {
		connected.Await()
		m.Note("goes through a flow of the attacker's own, in whose resource request Alice's token is put")
		m.Get(m.OwnConsent(m.Start(st.A, st.B), st.B).Location)
		m.Look()
	})
}

func downgrade(st *twosites.Stage) {
	st.B.Issuer = "http://oauth.b"
	st.Alice.HasAccountAt("https://oauth.b", st.B)
	wire := &wiretap{st: st}
	st.OnTheWire(wire.see)
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		if wire.clientSecret == "" {
			return
		}
		st.Mallory.Note("has the secret of site A, and reads in its name")
		twosites.Speaker{Host: st.Mallory.Host, As: st.A, Secret: wire.clientSecret}.Read(st.B, wire.heard)
	})
}

// wiretap is an attacker between site A and the OAuth server of site B.
type wiretap struct {
	st           *twosites.Stage
	clientSecret string
	heard        twosites.Credentials // the last credentials that passed
}

func (t *wiretap) see(_ *sim.World, m sim.Message) sim.Verdict {
	if m.Kind == sim.Request {
		return t.passOn(m)
	}
	if answer, err := url.ParseQuery(string(m.Body)); err == nil && answer.Has("oauth_token_secret") {
		t.heard = twosites.Credentials{Token: answer.Get("oauth_token"), Secret: answer.Get("oauth_token_secret")}
	}
	var document map[string]any
	if json.Unmarshal(m.Body, &document) != nil || document["signature_methods_supported"] == nil {
		return sim.Verdict{}
	}
	document["signature_methods_supported"] = []string{string(oauth1.Plaintext)}
	document["authorization_endpoint"] = "https://oauth.b/authorize" // Alice would enter no password without TLS
	m = m.Clone()
	var err error
	if m.Body, err = json.Marshal(document); err != nil {
		return sim.Verdict{}
	}
	return sim.Verdict{Replace: &m}
}

// passOn signs a request that shows a secret anew, so that a server that refuses PLAINTEXT notices nothing.
func (t *wiretap) passOn(m sim.Message) sim.Verdict {
	signed, secret := twosites.SignAnew(t.st.Mallory.Host, m)
	if secret == "" {
		return sim.Verdict{}
	}
	t.clientSecret = secret
	return sim.Verdict{Replace: &signed}
}
