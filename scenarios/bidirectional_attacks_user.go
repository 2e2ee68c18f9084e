package scenarios

import (
	"net/http"

	"countersign/conformance/catalog"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// userAttacks go for the user's password.
func userAttacks() []Scenario {
	return []Scenario{
		attack("known-user-name", "Consent with a user name alone",
			"Mallory knows the name of Alice's account at site B and gives consent in its name with a password made up. The password is compared, at core already.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-11"}, func(st *twosites.Stage) { guess(st, 1) }),
		attack("password-guesses", "Passwords tried one after the other",
			"Mallory has a list of passwords, and Alice's is the eighth on it. At hardened the fifth wrong one ends the temporary credential; at core the page asks for ever.",
			twosites.SessionIntegrity, []catalog.ID{"BI-OS-52"}, func(st *twosites.Stage) { guess(st, 8) }).openAtCore(),
		attack("phishing", "A page that looks like a site's",
			"Alice is lured to a page of site C that asks for her password. She enters it only into pages of the site where it is registered.",
			twosites.PasswordAtHome, []catalog.ID{"BI-UT-01"}, phish),
		attack("password-in-the-clear", "The password page without TLS",
			"Site B publishes its authorization page without TLS, and Alice has an account under that very address. Whoever listens reads her password. At hardened her terminal enters none.",
			twosites.PasswordUnderTLS, []catalog.ID{"BI-UT-02"}, plainPage).openAtCore(),
	}
}

// guess tries passwords for Alice's account at site B. The last of several is right.
func guess(st *twosites.Stage, tries int) {
	st.Mallory.Plays(func(m *twosites.Attacker) {
		page := m.Start(st.A, st.B)
		username, password := st.B.Account(st.Alice.Name)
		for i := range tries {
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
	st.B.Publish("authorization_endpoint", plain+"/authorize")
	st.Alice.HasAccountAt(plain, st.B)
	st.Alice.Plays(func(u *twosites.User) { connect(u, st.A, st.B) })
}
