package scenarios

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// userAttacks go for the user's password.
func userAttacks() []Scenario {
	return []Scenario{
		attack("known-user-name", "Consent with a user name alone",
			"Mallory knows the name of Alice's account at site B and gives consent in its name with a password made up. The password is compared, at core already.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-11"}, func(st *twosites.Stage) { guess(st, 1, 1) }),
		attack("account-of-the-other-site", "Consent with an account of the other site",
			"Alice is called alice at site A and alicia at site B. Mallory gives consent at B in the name of alice, which nobody has there. An account of one site opens nothing at the other.",
			twosites.Secrecy, []catalog.ID{"BI-OS-12"}, consentAsStranger),
		attack("guessed-verifier", "Verifier guessed",
			"Mallory begins a flow and lures Alice to approve it; site A turns Alice's browser away. Mallory has one try to guess the verifier. A server that counts its credentials gives it away with the first one. At core it may count, and the lure alone would do.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-34"}, guessVerifier).openAtCore(),
		attack("forged-disconnect", "Connection ended by a stranger's page",
			"Alice has connected the sites and opens a page of site C, which posts the form with which one disconnects at site A. A cookie that stays behind when another site's page sends a form (SameSite) makes it nobody's wish. At core the cookie goes along.",
			twosites.StaysConnected, []catalog.ID{"BI-CL-33"}, forgeDisconnect).openAtCore(),
		attack("password-guesses", "Passwords tried one after the other",
			"Mallory has a list of passwords, and Alice's is the eighth on it. At hardened the fifth wrong one ends the temporary credential; at core the page asks for ever.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-52"}, func(st *twosites.Stage) { guess(st, 8, 8) }).openAtCore(),
		attack("password-guesses-over-many-flows", "Passwords tried over many flows",
			"Alice's password is the twelfth on Mallory's list. Mallory begins a flow anew before the fourth wrong one each time, so that no temporary credential is ended. At hardened the tenth wrong password for one user name ends consent under it for ten minutes, whatever flow it comes in; at core nobody counts.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-53"}, func(st *twosites.Stage) { guess(st, 12, 3) }).openAtCore(),
		attack("phishing", "A page that looks like a site's",
			"Alice is lured to a page of site C that asks for her password. She enters it only into pages of the site where it is registered.",
			twosites.PasswordAtHome, []catalog.ID{"BI-UT-01"}, phish),
		attack("password-in-the-clear", "The password page without TLS",
			"The authorization page of site B can be reached without TLS too, where Alice has an account under that very address. Mallory sends her a link to it. Whoever listens reads her password. At hardened her terminal enters none.",
			twosites.PasswordUnderTLS, []catalog.ID{"BI-UT-02"}, plainPage).openAtCore(),
	}
}

// guess tries passwords for Alice's account at site B, so many in each flow. The last of several is right.
func guess(st *twosites.Stage, tries, each int) {
	st.Mallory.Plays(func(m *twosites.Attacker) {
		page := ""
		username, password := st.B.Account(st.Alice.Name)
		for i := range tries {
			if i%each == 0 {
				page = m.Start(st.A, st.B)
			}
			word := "guess"
			if i > 0 && i == tries-1 {
				word = password
			}
			if answer := m.Consent(page, username, word); answer.Location != "" {
				m.Get(answer.Location)
			}
		}
		m.Look()
	})
}

func consentAsStranger(st *twosites.Stage) {
	st.Mallory.Plays(func(m *twosites.Attacker) {
		username, password := st.A.Account(st.Alice.Name)
		if answer := m.Consent(m.Start(st.A, st.B), username, "not-"+password[:4]); answer.Location != "" {
			m.Get(answer.Location)
		}
		m.Look()
	})
}

// guessVerifier guesses as if credentials were numbered: a temporary credential and its secret take two numbers, and the verifier is the next one.
func guessVerifier(st *twosites.Stage) {
	bait := newLure(st)
	st.Alice.Plays(bait.opens)
	st.Mallory.Plays(func(m *twosites.Attacker) {
		link := m.Start(st.A, st.B)
		bait.set(link)
		token := parameter(link, "oauth_token")
		number, rest, _ := strings.Cut(token, "-")
		n, err := strconv.Atoi(number)
		if err != nil {
			m.Note("sees no order in the credentials, and guesses at random")
		}
		m.Get(st.A.Callback() + "?" + url.Values{"oauth_token": {token}, "oauth_verifier": {strconv.Itoa(n+2) + "-" + rest}, "state": {parameter(link, "state")}}.Encode())
		m.Look()
	})
}

func forgeDisconnect(st *twosites.Stage) {
	st.Alice.Plays(func(u *twosites.User) {
		connect(u, st.A, st.B)
		u.Note("opens a page of site C, which sends a form to site A")
		if _, err := u.Post(st.C.ClientBase, st.A.ClientBase+"/disconnect", url.Values{"peer": {st.B.Issuer}}); err != nil {
			u.Note("the page of site C leads nowhere: " + err.Error())
		}
		if reads, _ := u.Look(); !reads {
			st.Breach(twosites.StaysConnected, "the home page of site A shows nothing of site B's any more, though the user did not disconnect")
		}
	})
}

func phish(st *twosites.Stage) {
	st.C.TakeOver(func(*sim.Host) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(`<h1>Site A</h1><form method="post"><input name="username"><input type="password" name="password"><button>Sign in</button></form>`))
			}
		})
	})
	st.Alice.Plays(func(u *twosites.User) {
		u.Note("opens a link to a page that says it is site A's")
		follow(u, st.C.ClientBase+"/sign-in")
	})
}

func plainPage(st *twosites.Stage) {
	const plain = "http://oauth.b"
	st.Alice.HasAccountAt(plain, st.B)
	bait := newLure(st)
	st.Alice.Plays(func(u *twosites.User) { bait.opens(u) })
	st.Mallory.Plays(func(m *twosites.Attacker) {
		bait.set(strings.Replace(m.Start(st.A, st.B), "https://oauth.b", plain, 1))
	})
}
