package scenarios

import (
	"net/http"
	"net/url"
	"strconv"

	cast "countersign/actors/unified"
	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/sim"
)

// unifiedUserAttacks go for the user's password, consent and account.
func unifiedUserAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("known-user-name", "A login with a user name alone",
			"Mallory knows Alice's user name and logs in at the portal with a password made up. The password is compared, at core already.",
			portal.OwnLogin, []catalog.ID{"UN-PL-03"}, func(st *portal.Stage) {
				st.Mallory.Plays(func(m *portal.Attacker) { m.LogIn("alice", "password made up") })
			}),
		unifiedAttack("password-guesses", "Passwords tried one after the other",
			"Mallory has a list of passwords, and Alice's is the twelfth on it. At hardened the tenth wrong one ends login under the name for ten minutes, over all pages; at core she may try for ever.",
			portal.OwnLogin, []catalog.ID{"UN-PL-58"}, func(st *portal.Stage) {
				st.Mallory.Plays(func(m *portal.Attacker) {
					for i := range 11 {
						m.LogIn("alice", "password number "+strconv.Itoa(i))
					}
					m.LogIn("alice", portal.PasswordOf("alice"))
				})
			}).openAtCore(),
		unifiedAttack("user-enumeration", "Finding out who has an account",
			"Mallory has a list of names and a password made up, and sorts out the names that are worth guessing at by how they are refused. At hardened nothing tells them apart.",
			portal.NoEnumeration, []catalog.ID{"UN-PL-57"}, func(st *portal.Stage) {
				st.Mallory.Plays(func(m *portal.Attacker) {
					for _, name := range []string{"alice", "nobody", "noone"} {
						m.LogIn(name, "password made up")
					}
				})
			}).openAtCore(),
		unifiedAttack("status-oracle", "Asking who is logged in elsewhere",
			"The wiki is dishonest and asks the platform whether Alice, who is at the mail site and never came to the wiki, is logged in. It is told of its own users only. At core there is nothing to ask.",
			portal.NoOracle, []catalog.ID{"UN-PL-86"}, func(st *portal.Stage) {
				wiki := st.TurnDishonest(st.Wiki)
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Does(func(*portal.User) {
					wiki.Host.Go("ask about Alice", func() { wiki.AskStatus("alice", 1) })
				}))
			}),
		unifiedAttack("forged-consent", "Consent sent by another page",
			"The wiki is dishonest, and Alice, who is logged in at the platform, has never been there. A page of Mallory's sends the approval in her browser. At hardened the cookie stays behind, and the form lacks what the platform's own page has; at core the wiki learns who she is.",
			portal.Consent, []catalog.ID{"UN-PL-50", "UN-PL-55"}, func(st *portal.Stage) {
				forgeApproval(st, func(b *cast.UserAgent, page string, form url.Values) error {
					_, err := b.Post("https://mallory/", page, form)
					return err
				})
			}).openAtCore(),
		unifiedAttack("forged-consent-by-link", "Consent in a link",
			"As the forged consent, but it is a link with the decision in its query. A decision comes in the body of a POST, from the platform's own page. At core neither is asked for.",
			portal.Consent, []catalog.ID{"UN-PL-50", "UN-PL-52"}, func(st *portal.Stage) {
				forgeApproval(st, func(b *cast.UserAgent, page string, form url.Values) error {
					_, err := b.Look(page + "&" + form.Encode())
					return err
				})
			}).openAtCore(),
		unifiedAttack("page-left-open", "An approval on a page that was left open",
			"On a computer in a library Alice leaves the page open that asks about the mail site, logs out in another window, and goes. Mallory sits down and presses the button. At hardened the page asks for the password now; at core it gives a code of Alice's.",
			portal.LoggedOut, []catalog.ID{"UN-PL-46"}, func(st *portal.Stage) {
				st.Alice.Plays(func(u *portal.User) {
					u.LogsIn()
					page, err := u.Browser.Look(st.Mail.AccessURI())
					u.LogsOut()
					u.Note("goes, and Mallory sits down at this computer")
					u.Browser.Accounts = nil
					if err == nil {
						_, err = u.Browser.Press(page, cast.Approve)
					}
					if err != nil {
						u.Note("the button leads nowhere: " + err.Error())
					}
				})
			}).openAtCore(),
		unifiedAttack("phishing", "A page that looks like the platform's",
			"Alice is lured to a page of the dishonest wiki that asks for her password at the platform. At hardened her browser enters it only where she is registered; at core into any page.",
			portal.PasswordAtHome, []catalog.ID{"UN-UA-01"}, func(st *portal.Stage) {
				st.TakeOver(st.Wiki.Host, func(*sim.Host) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", "text/html; charset=utf-8")
						if r.Method == http.MethodGet {
							_, _ = w.Write([]byte(`<h1>Portal</h1><form method="post"><input name="username"><input type="password" name="password"><button type="submit" name="decision" value="login">Log in</button></form>`))
						}
					})
				})
				st.Alice.Plays(func(u *portal.User) {
					u.Note("opens a link to a page that says it is the platform's")
					u.Opens(st.Wiki.Base + "/portal")
				})
			}).openAtCore(),
		unifiedAttack("password-in-the-clear", "The password page without TLS",
			"Alice types the address of the platform without https, and has an account under that very address. Whoever listens reads her password. At hardened her browser enters none.",
			portal.PasswordUnderTLS, []catalog.ID{"UN-UA-02"}, func(st *portal.Stage) {
				const plain = "http://platform"
				st.Alice.HasAccountAt(plain)
				st.Alice.Plays(func(u *portal.User) { u.Opens(plain + "/portal") })
			}).openAtCore(),
	}
}

// forgeApproval has Alice's browser approve a wiki in dishonest hands.
func forgeApproval(st *portal.Stage, sends func(b *cast.UserAgent, page string, form url.Values) error) {
	wiki := st.TurnDishonest(st.Wiki)
	wiki.Came = func(code string) {
		if pass, got := wiki.PassToken(code, st.Wiki); got {
			wiki.Authenticate(pass)
		}
	}
	st.Alice.Plays(func(u *portal.User) {
		u.LogsIn()
		u.Note("opens a page of Mallory's")
		page := st.AuthorizationURL(st.Wiki, st.Wiki.CallbackURI(), "state-of-a-dishonest-party", portal.Challenge)
		if err := sends(u.Browser, page, url.Values{"decision": {string(cast.Approve)}}); err != nil {
			u.Note("the page of Mallory's leads nowhere: " + err.Error())
		}
	})
}
