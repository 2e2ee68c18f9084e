package scenarios

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// unifiedAttacks are the attacks on the flow: on logins, on what was registered, on logouts and on users.
func unifiedAttacks() []Scenario {
	return slices.Concat(codeAttacks(), loginAttacks(), registrationAttacks(), logoutAttacks(), queueAttacks(), unifiedUserAttacks())
}

// unifiedAttack is an attack on the unified flow. One that level core leaves open is marked so by the caller.
func unifiedAttack(name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(*portal.Stage)) Scenario {
	return attackOn(flowUnified, name, title, text, breaks, guards, onPortal(func(st *portal.Stage, _ catalog.Level) { play(st) }))
}

// codeAttacks use codes and pass tokens where they do not belong.
func codeAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("code-injection", "A stolen code injected into another login",
			"Alice's browser breaks down on the way to the callback, and Mallory finds the link with the code in its history. She begins a login of her own at the mail site and brings Alice's code to it. At hardened the code is bound to the verifier of Alice's login; at core the mail site lets Mallory in as Alice.",
			portal.Secrecy, []catalog.ID{"UN-PL-36"}, func(st *portal.Stage) { injectCode(st, "") }).openAtCore(),
		unifiedAttack("pkce-downgrade", "PKCE left out of the request",
			"Mallory lures Alice to an authorization request without a challenge. She approves the mail site, which turns her browser away, since it began no such login; and Mallory, who gets hold of the code, injects it into a login of her own. A code without a challenge would be bound to nothing: at hardened the platform takes no such request.",
			portal.Secrecy, []catalog.ID{"UN-PL-34"}, func(st *portal.Stage) {
				injectCode(st, st.AuthorizationURL(st.Mail, st.Mail.CallbackURI(), "a-state-of-the-attacker-s", ""))
			}).openAtCore(),
		unifiedAttack("guessed-code", "A code guessed from another",
			"Alice's browser breaks down on the way to the callback. Mallory gets a code of her own, and if the platform counts its codes she knows Alice's. At core it counts them, and nothing binds them to a login.",
			portal.Secrecy, []catalog.ID{"UN-PL-56", "UN-PL-36"}, guessCode).openAtCore(),
		unifiedAttack("code-double-spend", "A code exchanged twice",
			"The wiki is dishonest, and exchanges the code of one approval of Alice's twice, to have a pass token now and one for later. At hardened a code is good once; at core it is good for ever.",
			portal.CodeOnce, []catalog.ID{"UN-PL-39"}, func(st *portal.Stage) {
				atDishonestWiki(st, func(wiki *portal.Dishonest, code string) {
					wiki.PassToken(code, st.Wiki)
					wiki.PassToken(code, st.Wiki)
				})
			}).openAtCore(),
		unifiedAttack("code-reuse", "The pass token of a code that was sent twice",
			"Somebody at the wiki exchanges Alice's code, and then the wiki itself does, which is refused: one of the two is a thief, and nobody can tell which. At hardened the pass token that the first one got is revoked.",
			portal.ReuseRevokes, []catalog.ID{"UN-PL-40"}, func(st *portal.Stage) {
				atDishonestWiki(st, func(wiki *portal.Dishonest, code string) {
					if stolen, got := wiki.PassToken(code, st.Wiki); got {
						wiki.PassToken(code, st.Wiki)
						wiki.Authenticate(stolen)
					}
				})
			}),
		unifiedAttack("old-code", "A code found later",
			"The wiki is dishonest and keeps Alice's code for a quarter of an hour. At hardened it is over after a minute; at core a code lasts until it is used, and beyond.",
			portal.Expiry, []catalog.ID{"UN-PL-41"}, func(st *portal.Stage) {
				atDishonestWiki(st, func(wiki *portal.Dishonest, code string) {
					wiki.Host.Clock().Sleep(15 * time.Minute)
					wiki.PassToken(code, st.Wiki)
				})
			}).openAtCore(),
		unifiedAttack("old-pass-token", "A pass token found later",
			"The wiki is dishonest and keeps Alice's pass token for a quarter of an hour. At hardened it is over after a minute; at core it lasts.",
			portal.Expiry, []catalog.ID{"UN-PL-42"}, func(st *portal.Stage) {
				atDishonestWiki(st, func(wiki *portal.Dishonest, code string) {
					if pass, got := wiki.PassToken(code, st.Wiki); got {
						wiki.Host.Clock().Sleep(15 * time.Minute)
						wiki.Authenticate(pass)
					}
				})
			}).openAtCore(),
		unifiedAttack("pass-token-twice", "A pass token used twice",
			"The wiki is dishonest and shows the pass token of Alice's one approval a second time, as if she had come again. At hardened it is good once; at core it is good for ever.",
			portal.OneLogin, []catalog.ID{"UN-PL-43"}, func(st *portal.Stage) {
				atDishonestWiki(st, func(wiki *portal.Dishonest, code string) {
					if pass, got := wiki.PassToken(code, st.Wiki); got {
						wiki.Authenticate(pass)
						wiki.Authenticate(pass)
					}
				})
			}).openAtCore(),
		unifiedAttack("stale-pass-token", "Logged in again by a stale pass token",
			"The wiki is dishonest. It exchanges Alice's code and keeps the pass token until she has logged out; then it shows it, and the platform would count her as logged in there again. At hardened a logout voids the codes and pass tokens from before it; at core they live on.",
			portal.NoStaleLogin, []catalog.ID{"UN-PL-45"}, func(st *portal.Stage) {
				wiki := st.TurnDishonest(st.Wiki)
				wiki.Came = func(code string) {
					if pass, got := wiki.PassToken(code, st.Wiki); got {
						wiki.Host.Clock().Sleep(20 * time.Second)
						st.Note(wiki.Host, "shows the pass token from before the logout")
						wiki.Authenticate(pass)
					}
				}
				st.Alice.Goes(portal.Enters(st.Wiki, portal.Unavailable), portal.Waits(5*time.Second), portal.LogsOut(portal.Out), portal.Waits(time.Minute))
			}).openAtCore(),
		unifiedAttack("code-of-another-site", "A code exchanged by another site",
			"The wiki is dishonest and has come by the code that Alice's browser was bringing to the mail site. It exchanges it in its own name. The platform compares whom the code was given to, at core already; at hardened the wiki lacks the verifier too.",
			portal.Consent, []catalog.ID{"UN-PL-12", "UN-PL-36"}, func(st *portal.Stage) {
				wiki := st.TurnDishonest(st.Wiki)
				st.Intercept(st.Alice.Host, portal.LegCallback, func(m sim.Message) {
					wiki.Host.Go("exchange the code", func() {
						if pass, got := wiki.PassToken(parameter(m.URL, "code"), st.Mail); got {
							wiki.Authenticate(pass)
						}
					})
				})
				st.Alice.Goes(portal.Enters(st.Mail, portal.Unavailable))
			}),
		unifiedAttack("made-up-pass-token", "A pass token made up",
			"The wiki is dishonest and shows the platform a pass token that it has made up, to learn who is there. The platform names nobody, at core already.",
			portal.Consent, []catalog.ID{"UN-PL-14"}, func(st *portal.Stage) {
				wiki := st.TurnDishonest(st.Wiki)
				st.Alice.Goes(portal.LogsIn(portal.In), portal.Does(func(*portal.User) {
					wiki.Host.Go("show a pass token that is made up", func() { wiki.Authenticate("a-pass-token-that-is-made-up") })
				}))
			}),
		unifiedAttack("pass-token-of-another-site", "A pass token shown by another site",
			"The mail site's log has leaked a pass token that it had no time to show. The dishonest wiki shows it in its own name, and learns who Alice is without her approval. At hardened a pass token belongs to who got it; at core to who holds it.",
			portal.Consent, []catalog.ID{"UN-PL-44"}, func(st *portal.Stage) {
				wiki := st.TurnDishonest(st.Wiki)
				st.Intercept(st.Mail.Host, portal.LegAuthentication, func(m sim.Message) {
					pass := st.PassTokenIn(m)
					wiki.Host.Go("show the pass token", func() { wiki.Authenticate(pass) })
				})
				st.Alice.Goes(portal.Enters(st.Mail, portal.Unavailable))
			}).openAtCore(),
	}
}

// atDishonestWiki lets Alice enter a wiki in dishonest hands, which does something with her code.
func atDishonestWiki(st *portal.Stage, does func(wiki *portal.Dishonest, code string)) {
	wiki := st.TurnDishonest(st.Wiki)
	wiki.Came = func(code string) { does(wiki, code) }
	st.Alice.Goes(portal.Enters(st.Wiki, portal.Unavailable))
}

// injectCode has Alice's code stolen on the way to the mail site, from the login that she begins herself or from the one that a link begins.
func injectCode(st *portal.Stage, link string) {
	code := st.NewLetter("the link to the callback, from the history of Alice's browser")
	st.Intercept(st.Alice.Host, portal.LegCallback, func(m sim.Message) { code.Send(parameter(m.URL, "code")) })
	st.Alice.Plays(func(u *portal.User) {
		if link == "" {
			u.Enters(st.Mail)
			return
		}
		u.LogsIn()
		u.Note("follows a link of Mallory's")
		u.Opens(link)
	})
	st.Mallory.Plays(func(m *portal.Attacker) {
		stolen, came := code.Await()
		if !came || stolen == "" {
			m.Note("finds no code")
			return
		}
		m.Note("brings Alice's code to a login of her own")
		bring(st, m, stolen)
	})
}

// bring has Mallory begin a login at the mail site, bring a code to it, and look whose account it shows.
func bring(st *portal.Stage, m *portal.Attacker, code string) {
	page := m.Begin(st.Mail)
	m.Get(portal.Bearer(st.Mail, code, parameter(page, "state"), st.Platform.Issuer))
	m.Looks(st.Mail)
}

// guessCode counts from a code of Mallory's own to Alice's.
func guessCode(st *portal.Stage) {
	gone := st.NewLetter("word that Alice's browser broke down")
	st.Intercept(st.Alice.Host, portal.LegCallback, func(sim.Message) { gone.Send("") })
	st.Alice.Plays(func(u *portal.User) { u.Enters(st.Mail) })
	st.Mallory.Plays(func(m *portal.Attacker) {
		if _, came := gone.Await(); !came {
			return
		}
		own := parameter(m.Approve(m.Begin(st.Mail)), "code")
		head, number, _ := strings.Cut(own, "-")
		n, err := strconv.Atoi(number)
		if err != nil {
			m.Note("sees no order in the codes, and guesses at random")
		}
		bring(st, m, head+"-"+strconv.Itoa(n-1))
	})
}

// loginAttacks mix up whose browser gets what.
func loginAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("csrf-login", "Logged in as the attacker by a link",
			"Mallory begins a login at the mail site, approves it with her own account, and sends Alice the link to the callback. Alice's browser would end the login that Mallory began, and what Alice writes lands in Mallory's account. At hardened only the browser that began a login ends it; at core nobody compares.",
			portal.SessionIntegrity, []catalog.ID{"UN-TP-23"}, func(st *portal.Stage) {
				lured(st, func(m *portal.Attacker) string { return m.Approve(m.Begin(st.Mail)) }, func(*portal.User) {})
			}).openAtCore(),
		unifiedAttack("csrf-login-under-way", "Logged in as the attacker beside a login under way",
			"Alice has begun a login at the mail site and is looking for her password when she follows Mallory's link to the callback, which has a code of Mallory's and a state made up. The state is not that of her login, and the code not bound to its verifier. At core neither is compared.",
			portal.SessionIntegrity, []catalog.ID{"UN-TP-22", "UN-PL-36"}, func(st *portal.Stage) {
				lured(st, func(m *portal.Attacker) string {
					code := parameter(m.Approve(m.Begin(st.Mail)), "code")
					return portal.Bearer(st.Mail, code, "a-state-that-is-made-up", st.Platform.Issuer)
				}, beginsOnly(st))
			}).openAtCore(),
		unifiedAttack("leaked-state", "A login under way whose state has leaked",
			"As before, but Mallory has come by the state of Alice's login, so that the mail site finds nothing wrong with it. The code is bound to the verifier of Mallory's login and not of Alice's. At core it is bound to none.",
			portal.SessionIntegrity, []catalog.ID{"UN-PL-36"}, func(st *portal.Stage) {
				state := ""
				st.Copy(portal.LegAuthorization, func(m sim.Message) { state = parameter(m.URL, "state") })
				lured(st, func(m *portal.Attacker) string {
					code := parameter(m.Approve(m.Begin(st.Mail)), "code")
					return portal.Bearer(st.Mail, code, state, st.Platform.Issuer)
				}, beginsOnly(st))
			}).openAtCore(),
		unifiedAttack("state-used-again", "A state from the history",
			"Mallory finds the whole authorization request of Alice's last login in the history of a computer that they share, with state and challenge. She has the platform give her a code for that challenge, and lures Alice to the callback with that state. It fits in every way, but a callback is taken once. At core nobody minds.",
			portal.SessionIntegrity, []catalog.ID{"UN-TP-24"}, func(st *portal.Stage) {
				request := ""
				st.Copy(portal.LegAuthorization, func(m sim.Message) {
					if m.From == st.Alice.Host.Name() {
						request = m.URL
					}
				})
				lured(st, func(m *portal.Attacker) string { return m.Approve(request) }, func(u *portal.User) { u.Enters(st.Mail) })
			}).openAtCore(),
		unifiedAttack("forged-login", "Logged in at the platform as the attacker",
			"A page of Mallory's sends the platform's login form in Alice's browser, with Mallory's user name and password. Alice would go through the portal as Mallory. At hardened a login comes from the platform's own page; at core from any.",
			portal.SessionIntegrity, []catalog.ID{"UN-PL-50"}, func(st *portal.Stage) {
				st.Alice.Plays(func(u *portal.User) {
					u.Note("opens a page of Mallory's, which sends a form to the platform")
					form := url.Values{"username": {st.Mallory.Name}, "password": {portal.PasswordOf(st.Mallory.Name)}, "decision": {"login"}}
					if _, err := u.Browser.Post("https://mallory/", st.Platform.Issuer+"/portal", form); err != nil {
						u.Note("the page of Mallory's leads nowhere: " + err.Error())
					}
				})
			}).openAtCore(),
		unifiedAttack("mix-up", "A mix-up between two platforms",
			"The mail site is registered at a second platform, which is dishonest. Alice begins a login with that one, and it leads her browser to the honest platform with a request that looks like the mail site's. She approves, and the mail site brings the code to the platform that it believes it came from. At hardened the answer names its issuer, and the mail site stops; at core the rival has Alice's code.",
			portal.CodesAtHome, []catalog.ID{"UN-TP-28"}, func(st *portal.Stage) {
				rival := st.NewRival()
				rival.Leads = func(asked url.Values) string { return st.Platform.Issuer + "/authorize?" + asked.Encode() }
				st.Alice.Plays(func(u *portal.User) {
					u.LogsIn()
					u.Note("begins a login with the rival platform")
					u.Opens(st.Mail.AccessURI() + "?iss=" + url.QueryEscape(rival.Issuer))
				})
			}).openAtCore(),
		unifiedAttack("number-of-another-platform", "A user of another platform with the same number",
			"The mail site is registered at a second platform, which is dishonest. Mallory logs in with it, and it names her by Alice's unique number. A number is unique at its platform only: at hardened the mail site makes an account of its own for her; at core it opens Alice's.",
			portal.Secrecy, []catalog.ID{"UN-TP-30"}, func(st *portal.Stage) {
				rival := st.NewRival()
				rival.Sub = portal.SubOf("alice")
				st.Alice.Goes(portal.Enters(st.Mail, portal.In))
				st.Mallory.Plays(func(m *portal.Attacker) {
					m.Wait(later)
					page := m.Get(st.Mail.AccessURI() + "?iss=" + url.QueryEscape(rival.Issuer)).Location
					m.Get(m.Get(page).Location)
					m.Looks(st.Mail)
				})
			}).openAtCore(),
		unifiedAttack("answer-of-another-login", "The answer to another login",
			"TLS ends at a proxy before the platform, and Mallory reads and changes what passes behind it. It is sealed. She logs in at the mail site, keeps the sealed answer that names her, and puts it in the place of the one that names Alice. At hardened an answer says which request it belongs to; at core Alice is logged in as Mallory.",
			portal.SessionIntegrity, []catalog.ID{"UN-TP-33"}, func(st *portal.Stage) {
				var own []byte
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					switch {
					case m.Kind != sim.Response || m.Status != 200 || st.Leg(&m) != portal.LegAuthentication:
						return sim.Verdict{}
					case own == nil:
						own = m.Body
						return sim.Verdict{}
					}
					m = m.Clone()
					m.Body = own
					return sim.Verdict{Replace: &m}
				}))
				st.Mallory.Plays(func(m *portal.Attacker) { m.Enters(st.Mail) })
				st.Alice.Plays(func(u *portal.User) {
					u.Wait(later)
					u.Enters(st.Mail)
				})
			}).openAtCore(),
		unifiedAttack("plain-answer", "An answer that is not sealed",
			"From the same proxy Mallory answers the mail site's question about her own login in plain JSON, and names Alice. At hardened only a sealed answer to this very request counts; at core the seal may be left out.",
			portal.Secrecy, []catalog.ID{"UN-TP-32", "UN-TP-33"}, func(st *portal.Stage) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In))
				st.Mallory.Plays(func(m *portal.Attacker) {
					m.Wait(later)
					st.AnswersPlainly(portal.LegAuthentication, "alice")
					m.Enters(st.Mail)
					m.Looks(st.Mail)
				})
			}).openAtCore(),
		unifiedAttack("planted-cookie", "A login credential planted before the login",
			"Mallory has planted a cookie in Alice's browser that has the name of the mail site's login credential, from a sibling domain. At hardened a login gives a new value; at core the planted one is logged in, and Mallory has it too.",
			portal.Secrecy, []catalog.ID{"UN-TP-49"}, func(st *portal.Stage) {
				const value = "planted-by-mallory-0000001"
				name := ""
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind != sim.Request || m.From != st.Alice.Host.Name() || st.Leg(&m) != portal.LegCallback {
						return sim.Verdict{}
					}
					m = m.Clone()
					name = st.Mail.LoginCookie()
					m.Header.Add("Cookie", name+"="+value)
					return sim.Verdict{Replace: &m}
				}))
				st.Alice.Plays(func(u *portal.User) { u.Enters(st.Mail) })
				st.Mallory.Plays(func(m *portal.Attacker) {
					m.Wait(later)
					m.Do("GET", st.Mail.Base+"/home", "", map[string][]string{"Cookie": {name + "=" + value}})
				})
			}).openAtCore(),
	}
}

// beginsOnly begins a login at the mail site, and leaves the page that asks as it is.
func beginsOnly(st *portal.Stage) func(*portal.User) {
	return func(u *portal.User) {
		if _, err := u.Browser.Look(st.Mail.AccessURI()); err != nil {
			u.Note("the page does not come: " + err.Error())
		}
	}
}

// lured is Alice, who logs in at the platform and does something, and then follows the link that Mallory has made meanwhile.
func lured(st *portal.Stage, link func(*portal.Attacker) string, before func(*portal.User)) {
	bait := st.NewLetter("a link, from Mallory to Alice")
	begun := st.NewLetter("word that Alice has begun")
	st.Alice.Plays(func(u *portal.User) {
		u.LogsIn()
		before(u)
		begun.Send("")
		if target, came := bait.Await(); came && target != "" {
			u.Note("follows a link of Mallory's")
			u.Opens(target)
			u.Looks(st.Mail)
		}
	})
	st.Mallory.Plays(func(m *portal.Attacker) {
		if _, came := begun.Await(); came {
			m.Note("makes a link for Alice")
			bait.Send(link(m))
		}
	})
}
