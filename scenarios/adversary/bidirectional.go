package adversary

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// The kinds of term of the bidirectional flow.
const (
	temporary    = "temporary credential"
	access       = "access token"
	verifier     = "verifier"
	client       = "client"
	issuer       = "issuer"
	continueLink = "link"
	callback     = "callback"
	methods      = "signature method"
	userName     = "user name"
	shownSecret  = "client secret"
	pageState    = "state"
	noState      = "no state"

	madeUp = "made-up"
)

// Bidirectional is the flow in which two sites authorize each other.
func Bidirectional() Flow {
	return Flow{
		Name:          "bidirectional",
		Invariants:    twosites.Invariants(),
		Scenes:        twoSitesScenes(),
		Sessions:      []string{"alice", "mallory", "site C", "mallory again", "alice leaves", "bob"},
		Either:        [][]string{{"alice", "alice leaves"}},
		Set:           setTwoSites,
		Type:          twoSitesType,
		Receipt:       twoSitesReceipt,
		ReceiptHeader: "Handover-Receipt",
		Volatile:      []string{"oauth_signature", "oauth_timestamp", "Handover-Receipt"},
		Latest:        []string{verifier},
		Nonces:        []string{"client/nonces", "oauth-server/nonces", "resource-server/nonces"},
	}
}

// twoSitesType says what the fields of the flow hold (profile sections 4 to 6).
func twoSitesType(leg string, m *sim.Message, f Field) Meaning {
	answered := m.Kind == sim.Response
	switch f.Name {
	case "oauth_token":
		switch {
		case leg == "token request" && answered, leg == "resource request":
			return Meaning{Type: access, Of: serverOf(m)}
		}
		return Meaning{Type: temporary, Of: issuedBy(leg, m, f)}
	case "oauth_token_secret":
		if leg == "token request" {
			return Meaning{SecretOf: access}
		}
		return Meaning{SecretOf: temporary}
	case "temporary_credential":
		return Meaning{Type: temporary, Of: issuedBy(leg, m, f)}
	case "temporary_credential_secret":
		return Meaning{SecretOf: temporary}
	case "oauth_verifier":
		return Meaning{Type: verifier}
	case "state":
		return Meaning{Type: pageState, Of: madeBy(m, f)}
	case "token":
		return Meaning{Type: access, Of: serverOf(m)}
	case "token_secret":
		return Meaning{SecretOf: access}
	case "continue_uri":
		return Meaning{Type: continueLink}
	case "oauth_callback":
		return Meaning{Type: callback}
	case "signature_methods_supported":
		return Meaning{Type: methods}
	case "oauth_signature": // what PLAINTEXT shows (RFC 5849 section 3.4.4)
		if strings.Contains(m.Header.Get("Authorization"), `oauth_signature_method="PLAINTEXT"`) {
			return Meaning{Type: shownSecret, Of: m.From}
		}
	case "username":
		if leg == "hand-over" {
			return Meaning{Type: userName}
		}
	case "client_id", "delegate":
		if leg != "metadata" {
			return Meaning{Type: client}
		}
	case "issuer":
		if leg == "delegation" {
			return Meaning{Type: issuer}
		}
	}
	return Meaning{}
}

// twoSitesReceipt is the status that acknowledges a hand-over (profile section 4.4). The receipt in a right answer nobody but the resource server can make.
func twoSitesReceipt(leg string) int {
	if leg == "hand-over" {
		return http.StatusNoContent
	}
	return 0
}

// issuedBy is the OAuth server that issued a temporary credential; empty where the message does not show it.
func issuedBy(leg string, m *sim.Message, f Field) string {
	switch {
	case f.In == "location":
		to, err := url.Parse(m.Header.Get("Location"))
		if err == nil && strings.HasPrefix(to.Host, "oauth.") {
			return to.Host
		}
	case leg == "delegation" && m.From == "client.a", leg == "callback" && m.To == "client.b":
		return "oauth.a"
	case leg == "delegation" && m.From == "client.b", leg == "callback" && m.To == "client.a":
		return "oauth.b"
	}
	return ""
}

// madeBy is the host of the client that sent a browser to a page with a state.
func madeBy(m *sim.Message, f Field) string {
	target := m.URL
	if f.In == "location" {
		target = m.Header.Get("Location")
	}
	if client := parameter(target, "client_id"); client != "" { // the page's own URL
		return hostOf(client)
	}
	to, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return to.Host
}

// hostOf is the host of a client by its identifier.
func hostOf(client string) string { return strings.Replace(client, "client-", "client.", 1) }

// serverOf is the OAuth server of the site whose server is asked.
func serverOf(m *sim.Message) string {
	asked := m.To
	if m.Kind == sim.Response {
		asked = m.From
	}
	_, letter, _ := strings.Cut(asked, ".")
	return "oauth." + letter
}

// twoSites is a world of the flow that is explored.
type twoSites struct {
	*twosites.Stage
	d *Director
	// held are the access tokens that honest clients hold, with the site that issued them.
	held []holding
	left bool // Alice has told site A to stop reading
	// disconnected: site A has said that it has, and reads for nobody else.
	disconnected bool
	shown        map[string]bool // access tokens with which the client of site A has read
	connects     bool            // what honest people begin comes to its end when nobody interferes
	pretends     pretence
	// lingering: Alice is on the way back to a client.
	lingering bool
	// signsAnew: the attacker signs anew what shows a secret on its way.
	signsAnew bool
}

type holding struct {
	by, at *twosites.Site
	token  twosites.Credentials
	since  time.Duration // virtual time since the world's start
}

func setTwoSites(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &twoSites{Stage: twosites.New(s), d: d, shown: map[string]bool{}}
	if d.Mirrored() {
		st.A, st.B = st.B, st.A
	}
	d.Attacker(st.Mallory.Host)
	d.Owns(st.C.Client)
	d.MayCrash(st.A.OAuthServer, st.B.OAuthServer, st.A.Client, st.B.ResourceServer)
	d.MayWait(6*time.Minute, 2*time.Hour)
	st.arrange(scene)
	st.C.TakeOver(st.posing(scene))
	st.know()
	st.people(scene)
	st.move(scene)
	d.Finally(st.look)
	return st.Stage.Stage
}

// asking is the page on which a site asks for a client, opened without a state.
func asking(at *twosites.Site, token, client string) string {
	return at.Issuer + "/authorize?" + url.Values{"oauth_token": {token}, "client_id": {client}}.Encode()
}

// asked is the page on which a site asks, for a temporary credential, a client and a state.
func asked(at *twosites.Site, t []Term) string {
	page := asking(at, t[0].Value, t[1].Value)
	if state := t[2].Value; state != "" {
		page += "&" + url.Values{"state": {state}}.Encode()
	}
	return page
}

func parameter(link, name string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}
