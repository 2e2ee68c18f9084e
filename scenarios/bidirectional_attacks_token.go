package scenarios

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// tokenAttacks use access tokens where they do not belong.
func tokenAttacks() []Scenario {
	return []Scenario{
		attack("token-backwards", "Access token used backwards",
			"Site B issued an access token that lets A read at B, so B knows it. It shows that token at site A to read in the other direction. The resource server of A was handed no such token, and refuses at core already.",
			twosites.Audience, []catalog.ID{"BI-RS-02"}, func(st *twosites.Stage) { misuse(st, st.B, st.A) }),
		attack("token-at-the-other-server", "Access token used at the other resource server",
			"Site A shows the access token that lets it read at B at its own site's resource server. It opens nothing there.",
			twosites.Audience, []catalog.ID{"BI-RS-02"}, func(st *twosites.Stage) { misuse(st, st.A, st.A) }),
		attack("token-of-another-client", "Access token used by another client",
			"The access token that lets A read at B has leaked, secret and all, to the dishonest site C, which is registered at B too and signs with its own secret. The token is A's, and the resource server compares.",
			twosites.Audience, []catalog.ID{"BI-RS-05"}, func(st *twosites.Stage) { misuse(st, st.C, st.B) }),
		attack("redeemed-by-another-client", "Verifier of one client redeemed by another",
			"Site A's client is reached without TLS, and its temporary credential has leaked to the dishonest site C, secret and all. An attacker on the wire holds the verifier up on its way to A, and lets C redeem both first, under its own identifier. The credential is A's, and site B compares.",
			twosites.Secrecy, []catalog.ID{"BI-OS-19"}, redeemFirst),
		attack("token-without-consent", "Token request without consent",
			"The dishonest site C asks for a temporary credential and exchanges it at once, with a verifier made up. Nobody has consented, so there is nothing to exchange.",
			twosites.Secrecy, []catalog.ID{"BI-OS-16"}, redeemUnasked),
		attack("refusal-redeemed", "A refusal redeemed",
			"The dishonest site C asks Alice at site B, and she refuses. C goes to the token endpoint all the same, with whatever the callback brought. A refusal brings no verifier, and the credential is dead.",
			twosites.Secrecy, []catalog.ID{"BI-OS-14"}, redeemRefusal),
		attack("revoked-by-another-client", "Access token revoked by another client",
			"The dishonest site C has seen the access token that lets A read at B, though not its secret, and asks B to revoke it. Only the client that holds a token may. At core the resource server hears of no revocation at all, so that nothing comes of it there.",
			twosites.StaysConnected, []catalog.ID{"BI-OS-49"}, revokeForOthers),
		attack("forged-handover", "Hand-over forged by a stranger",
			"Mallory hands the resource server of B an access token of her own making, for Alice's resources and site C. At core the hand-over is not authenticated, and C reads without anybody's consent.",
			twosites.Secrecy, []catalog.ID{"BI-RS-11"}, func(st *twosites.Stage) { forgeHandover(st, nil) }).openAtCore(),
		attack("handover-by-a-client", "Hand-over signed by a client",
			"As the forged hand-over, but site C signs it with its own secret, which the resource server knows. A valid signature is not enough: it has to be that of the site's own OAuth server.",
			twosites.Secrecy, []catalog.ID{"BI-RS-13"}, func(st *twosites.Stage) {
				forgeHandover(st, &twosites.Speaker{Host: st.C.Client, As: st.C})
			}).openAtCore(),
		attack("handover-wrongly-signed", "Hand-over under the name of the OAuth server",
			"As the forged hand-over, but Mallory puts the OAuth server's name under it and makes up the signature. At core a signature on a hand-over says nothing, as none is needed.",
			twosites.Secrecy, []catalog.ID{"BI-RS-12"}, func(st *twosites.Stage) {
				forgeHandover(st, &twosites.Speaker{Host: st.Mallory.Host, As: &twosites.Site{ClientID: st.B.Issuer}, Secret: "made-up"})
			}).openAtCore(),
		attack("handover-for-the-other-server", "Hand-over sent to a server that it is not meant for",
			"Site B has a second resource server, the archive, which shares the hand-over key, and Alice lets site A read in the archive. Hand-overs travel without TLS: an attacker sends the one for the archive to the first server too, host name, signature and all. A hand-over says which server it is meant for, and a server that looks does not open. At core it says nothing of the kind.",
			twosites.Audience, []catalog.ID{"BI-RS-10"}, divertHandover).openAtCore(),
		attack("handover-racing-revocation", "Old hand-over sent again after a revocation",
			"Site B's hand-overs travel without TLS. Alice has site A stop reading; as soon as the revocation is through, an attacker sends the hand-over that issued the token again, signature and all. A resource server that takes it for news opens again. At core it never learns of the revocation.",
			twosites.Revocation, []catalog.ID{"BI-RS-15"}, undoRevocation).openAtCore(),
	}
}

// misuse lets the client of one site show the access token that lets A read at B to the resource server of another.
func misuse(st *twosites.Stage, by, at *twosites.Site) {
	var token twosites.Credentials
	st.OverhearTokens(st.B, func(c twosites.Credentials) { token = c })
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		st.Note(by.Client, "shows the access token of client-a at site B to the resource server of %s", at.Name)
		twosites.Speaker{Host: by.Client, As: by}.Read(at, token)
	})
}

func redeemFirst(st *twosites.Stage) {
	st.A.ClientBase = "http://client.a"
	var leaked twosites.Credentials
	st.OverhearTemporary(st.B, func(c twosites.Credentials) { leaked = c })
	verifier := st.NewLetter("the verifier, from the wire to site C")
	st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
		if v := parameter(m.URL, "oauth_verifier"); m.Kind == sim.Request && v != "" {
			verifier.Send(v)
			return sim.Verdict{Delay: waitForAlice}
		}
		return sim.Verdict{}
	})
	st.C.TakeOver(func(h *sim.Host) http.Handler {
		h.Go("thief", func() {
			if v, came := verifier.Await(); came {
				st.Note(h, "redeems the verifier that was to reach site A")
				c := twosites.Speaker{Host: h, As: st.C}
				redeemAndRead(c, st.B, leaked, v)
			}
		})
		return nil
	})
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}

// redeemAndRead is a dishonest client that reads if it gets a token.
func redeemAndRead(c twosites.Speaker, at *twosites.Site, temporary twosites.Credentials, verifier string) {
	if token := c.Redeem(at, temporary, verifier); token.Token != "" {
		c.Host.Note("has an access token and reads")
		c.Read(at, token)
	}
}

func redeemUnasked(st *twosites.Stage) {
	st.C.TakeOver(func(h *sim.Host) http.Handler {
		h.Go("thief", func() {
			c := twosites.Speaker{Host: h, As: st.C}
			redeemAndRead(c, st.B, c.Ask(st.B, ""), "made-up")
		})
		return nil
	})
}

// forgeHandover hands over a token of the attacker's own making, signed by somebody or by nobody.
func forgeHandover(st *twosites.Stage, signedBy *twosites.Speaker) {
	forged := twosites.Credentials{Token: "forged-token-forged-token", Secret: "forged-secret-forged-secret"}
	username, _ := st.B.Account(st.Alice.Name)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		handover := url.Values{
			"event": {"issued"}, "token": {forged.Token}, "token_secret": {forged.Secret}, "client_id": {st.C.ClientID}, "username": {username},
			"resource_server": {st.B.Resource()}, "sequence": {"1"},
			"expires_at": {strconv.FormatInt(m.Host.Clock().Now().Add(time.Hour).Unix(), 10)},
		}
		m.Note("makes up an access token and has it handed over")
		if signedBy != nil {
			signedBy.Send(http.MethodPost, st.B.HandoverEndpoint, st.B, twosites.Credentials{}, handover)
		} else {
			m.Post(st.B.HandoverEndpoint, handover)
		}
		twosites.Speaker{Host: st.C.Client, As: st.C}.Read(st.B, forged)
	})
}

// divertHandover sends a hand-over for the archive of site B to its first resource server as well.
func divertHandover(st *twosites.Stage) {
	st.OpenArchive(st.B)
	st.OnTheWire(func(w *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && !m.Injected {
			again := m.Clone()
			again.From, again.To = st.Mallory.Name, st.B.ResourceServer.Name()
			w.Inject(again)
		}
		return sim.Verdict{}
	})
	var token twosites.Credentials
	st.OverhearTokens(st.B, func(c twosites.Credentials) { token = c })
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		st.Note(st.A.Client, "shows the access token for the archive to the resource server of %s", st.B.Name)
		twosites.Speaker{Host: st.A.Client, As: st.A}.Read(st.B, token)
	})
	bothDirections(st, st.Alice)
}

func redeemRefusal(st *twosites.Stage) {
	st.Alice.ReadsPages()
	asked := st.NewLetter("site C's page")
	st.C.TakeOver(func(h *sim.Host) http.Handler {
		c := twosites.Speaker{Host: h, As: st.C}
		var own twosites.Credentials
		h.Go("ask", func() {
			own = c.Ask(st.B, "")
			asked.Send(asking(st.B, own.Token, st.C.ClientID))
		})
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			redeemAndRead(c, st.B, own, cmp.Or(r.URL.Query().Get("oauth_verifier"), "made-up"))
		})
	})
	st.Alice.Plays(func(u *twosites.User) {
		if link, came := asked.Await(); came {
			follow(u, link)
		}
	})
}

func revokeForOthers(st *twosites.Stage) {
	var token twosites.Credentials
	st.OverhearTokens(st.B, func(c twosites.Credentials) { token = c })
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		st.Note(st.C.Client, "asks site B to revoke the access token of client-a")
		twosites.Speaker{Host: st.C.Client, As: st.C}.Revoke(st.B, token.Token)
		if status := (twosites.Speaker{Host: st.A.Client, As: st.A}).Read(st.B, token); status != http.StatusOK {
			st.Breach(twosites.StaysConnected, fmt.Sprintf("resource.b answered %d to client-a after client-c had the access token revoked", status))
		}
	})
}

func undoRevocation(st *twosites.Stage) {
	st.B.HandoverEndpoint = "http://resource.b/handover"
	var issued *sim.Message
	revoking := false
	st.OnTheWire(func(w *sim.World, m sim.Message) sim.Verdict {
		switch {
		case m.Injected:
		case m.Kind == sim.Request && strings.Contains(string(m.Body), "event=issued"):
			issued = &m
		case m.Kind == sim.Request:
			revoking = true
		case revoking && issued != nil:
			again := issued.Clone()
			again.From = st.Mallory.Name
			w.Inject(again)
		}
		return sim.Verdict{}
	})
	revoke(st, func(u *twosites.User) {
		disconnect(u, st.A, st.B)
		u.Wait(waitForAlice)
	})
}
