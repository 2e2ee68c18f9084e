package scenarios

import (
	"fmt"

	cast "countersign/actors/offline"
	"countersign/conformance/catalog"
	"countersign/scenarios/till"
)

// passwordAttacks are on offline passwords and on what sets them, by people who do not have the handset.
func passwordAttacks() []Scenario {
	return []Scenario{
		offlineAttack("listener", "The password guessed by a listener",
			"Mallory has heard every frame of a purchase at the higher level, and tries a dictionary at home: for each word she computes the proof as the handset would, and looks for it in what she has heard. At hardened the proof goes under encryption to the server, and is salted. At core it goes bare, salted with the name of the handset, and her fifth word fits.",
			till.NotGuessed, []catalog.ID{"OF-HS-24", "OF-HS-26"}, func(st *till.Stage) {
				listens(st, func(*till.Attacker) [][]byte { return [][]byte{[]byte(st.Alice.Handset)} })
			}).openAtCore(),
		offlineAttack("listener-and-thief", "The password guessed by a listener who steals the handset",
			"As before, and afterwards Mallory takes the handset, and reads the salt from it. The salt does not stop her any more; that the proof was sealed still does.",
			till.NotGuessed, []catalog.ID{"OF-HS-24"}, func(st *till.Stage) {
				listens(st, func(m *till.Attacker) [][]byte { return [][]byte{[]byte(st.Alice.Handset), m.Salt(st.Alice)} })
			}).openAtCore(),
		offlineAttack("seal-opened", "A seal made with a number that is known",
			"As before. A handset that sealed with the same ephemeral key each time, made from its name, would seal the same proof in the same way: Mallory seals each guess herself and compares. At core nothing is sealed, and she need not.",
			till.NotGuessed, []catalog.ID{"OF-HS-25"}, func(st *till.Stage) {
				listens(st, func(m *till.Attacker) [][]byte { return [][]byte{[]byte(st.Alice.Handset), m.Salt(st.Alice)} })
			}).openAtCore(),
		offlineAttack("password-on-the-air", "A password that is sent",
			"Mallory listens for words, and a handset that sent the password with its application would give it to her. It keeps none, and sends none.",
			till.PasswordAtHome, []catalog.ID{"OF-HS-27"}, func(st *till.Stage) {
				st.Alice.Enrols()
				st.Alice.Plays(func(u *till.User) {
					u.SetsPassword()
					u.Buys(st.One, lot)
				})
			}),
		offlineAttack("password-set-by-another", "A password set by somebody else",
			"Mallory sets an offline password for Alice's handset, with a password of Alice's account that she has made up. At hardened the server compares it; the document does not say how a password is set, and at core the server takes her word.",
			till.OwnPassword, []catalog.ID{"OF-SS-50"}, func(st *till.Stage) { guessAccount(st, 1) }).openAtCore(),
		offlineAttack("account-guesses", "The account's password guessed",
			"Mallory has a list of passwords, and the one of Alice's account is the eighth on it. At hardened the fifth wrong one throttles the account for ten minutes; at core the first will do.",
			till.OwnPassword, []catalog.ID{"OF-SS-51"}, func(st *till.Stage) { guessAccount(st, 8) }).openAtCore(),
		offlineAttack("locked-by-a-stranger", "The owner locked out",
			"Mallory applies five times for a lot in the name of Alice's handset, countersigns with a key of her own and adds rubbish for a proof. Were these counted, Alice's password would be locked. Only what her handset has signed is an attempt; at core nobody counts at all.",
			till.OwnerNotLocked, []catalog.ID{"OF-SS-47"}, func(st *till.Stage) {
				st.Alice.Enrols()
				set, tried := st.NewLetter("the word that Alice has set a password"), st.NewLetter("the word that Mallory has tried")
				st.Alice.Plays(func(u *till.User) {
					u.SetsPassword()
					set.Send("")
					tried.Await()
					if ended := u.Buys(st.One, lot); ended == till.Refused {
						st.Breach(till.OwnerNotLocked, "alice's password is locked, and she has not mistyped it once")
					}
				})
				st.Mallory.Plays(func(m *till.Attacker) {
					set.Await()
					for range 5 {
						m.Tries(st.Alice, till.MallorysHandset, "rubbish", nil)
					}
					tried.Send("")
				})
			}),
	}
}

// listens has Mallory hear a purchase at the higher level, and try a dictionary with the salts that she comes by.
func listens(st *till.Stage, salts func(*till.Attacker) [][]byte) {
	loot := st.Mallory.ListensTo(st.Alice)
	bought := st.NewLetter("the word that Alice has bought something")
	st.Alice.Enrols()
	st.Alice.Plays(func(u *till.User) {
		u.SetsPassword()
		u.Buys(st.One, lot)
		bought.Send("")
	})
	st.Mallory.Plays(func(m *till.Attacker) {
		bought.Await()
		m.Note("tries a dictionary on what she has heard")
		for _, word := range till.Dictionary(st.Alice, 5) {
			for _, salt := range salts(m) {
				if till.Fits(word, salt, st.Alice.Handset, loot) {
					m.Note("has found a word that fits")
					st.Breach(till.NotGuessed, "mallory has the offline password of alice")
					return
				}
			}
		}
	})
}

// guessAccount tries to set a password for Alice's handset with guesses at her account's password; the last of several is right.
func guessAccount(st *till.Stage, guesses int) {
	st.Alice.Enrols()
	st.Mallory.Plays(func(m *till.Attacker) {
		for i := range guesses {
			word := fmt.Sprintf("word number %d", i+1)
			if i > 0 && i == guesses-1 {
				word = st.Alice.AccountPassword
			}
			if m.SetsPasswordOf(st.Alice, word) {
				m.Note("has set a password for Alice's handset")
			}
		}
	})
}

// thiefAttacks come from somebody who has taken Alice's handset and got at its key.
func thiefAttacks() []Scenario {
	// stolen lets Alice set her password, and then a thief do something.
	stolen := func(does func(st *till.Stage, m *till.Attacker)) func(*till.Stage) {
		return func(st *till.Stage) {
			gone := st.NewLetter("the word that the handset is gone")
			st.Mallory.Steals(st.Alice)
			st.Alice.Enrols()
			st.Alice.Plays(func(u *till.User) {
				u.SetsPassword()
				gone.Send("")
			})
			st.Mallory.Plays(func(m *till.Attacker) {
				gone.Await()
				m.Note("has Alice's handset, and not her password")
				does(st, m)
			})
		}
	}
	return []Scenario{
		offlineAttack("thief-without-password", "A thief without the password",
			"A thief countersigns a large amount with the key of Alice's handset, and leaves the proof out. The server wants one at the higher level, at core already.",
			till.HighLevel, []catalog.ID{"OF-SS-12"}, stolen(func(st *till.Stage, m *till.Attacker) {
				v := m.Visit(st.One)
				i, _ := till.ReadInformation(v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, lot).Fields())))
				v.Countersigns(till.Sign(st.Alice.Handset, st.Alice.Handset, cast.Countersign{Information: i}))
			})),
		offlineAttack("thief-at-level-1", "A thief at the lower level",
			"The thief writes level 1 into the countersign for a large amount, where no password is needed. At hardened the level that the server has asked for counts; at core it may take the countersign's.",
			till.Downgrade, []catalog.ID{"OF-SS-42"}, stolen(func(st *till.Stage, m *till.Attacker) {
				v := m.Visit(st.One)
				i, _ := till.ReadInformation(v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, lot).Fields())))
				i.Level, i.SealKey = 1, nil
				v.Countersigns(till.Sign(st.Alice.Handset, st.Alice.Handset, cast.Countersign{Information: i}))
			})).openAtCore(),
		offlineAttack("thief-with-any-password", "A thief with any password",
			"The thief adds the proof of a word made up. The server compares it, at core already.",
			till.RightPassword, []catalog.ID{"OF-SS-13"}, stolen(func(st *till.Stage, m *till.Attacker) {
				if m.Tries(st.Alice, st.Alice.Handset, "made up", m.Salt(st.Alice)) {
					st.Breach(till.RightPassword, "a thief was served with a password made up")
				}
			})),
		offlineAttack("thief-with-a-dictionary", "A thief with a dictionary",
			"The thief tries words, each with an application of its own, and Alice's is the eighth. At hardened the fifth wrong one locks the password; at core the thief goes on.",
			till.Guesses, []catalog.ID{"OF-SS-46"}, stolen(func(st *till.Stage, m *till.Attacker) {
				for _, word := range till.Dictionary(st.Alice, 8) {
					if m.Tries(st.Alice, st.Alice.Handset, word, m.Salt(st.Alice)) {
						st.Breach(till.Guesses, "a thief has found the password by trying")
					}
				}
			})).openAtCore(),
		offlineAttack("thief-with-a-dishonest-till", "A thief with a till of her own",
			"The thief has a dishonest till too, and tries word after word against one challenge, without the trouble of applying anew. At hardened a challenge is judged once.",
			till.OneJudgement, []catalog.ID{"OF-SS-28"}, stolen(func(st *till.Stage, m *till.Attacker) { againstOneChallenge(st, m, false) })).openAtCore(),
		offlineAttack("thief-with-many-at-once", "Many guesses at once",
			"As before, but the words arrive in the same moment. Where the server looks first whether a challenge was judged, and takes it down later, all of them are judged.",
			till.OneJudgement, []catalog.ID{"OF-SS-32"}, stolen(func(st *till.Stage, m *till.Attacker) { againstOneChallenge(st, m, true) })).openAtCore(),
		offlineAttack("result-with-a-reason", "A result that says why",
			"The thief has a till of her own, and reads the result of a wrong guess. Did it say that only the password was wrong, she would know that the key is right and the account open. At hardened all refusals look alike; at core the server may say so.",
			till.NoOracle, []catalog.ID{"OF-SS-48"}, stolen(func(st *till.Stage, m *till.Attacker) {
				m.Tries(st.Alice, st.Alice.Handset, "made up", m.Salt(st.Alice))
			})).openAtCore(),
		oldPassword(),
	}
}

// againstOneChallenge has a dishonest till try three words against one challenge.
func againstOneChallenge(st *till.Stage, m *till.Attacker, atOnce bool) {
	status, answer := st.Tells(st.Two.Host, st.Two, till.LegApplication, till.Encode(m.Application(st.Alice.Handset, st.Two, lot).Fields()))
	i, read := till.ReadInformation(answer)
	if status != 200 || !read {
		return
	}
	for _, word := range till.Dictionary(st.Alice, 3) {
		message := till.Sign(st.Alice.Handset, st.Alice.Handset, m.Seal(cast.Countersign{Information: i}, word, m.Salt(st.Alice)))
		try := func() { st.Tells(st.Two.Host, st.Two, till.LegVerification, message) }
		if atOnce {
			m.Meanwhile(try)
		} else {
			try()
		}
	}
}

// oldPassword is a thief who knows the password that was before.
func oldPassword() Scenario {
	return offlineAttack("thief-with-the-old-password", "A thief with the old password",
		"Somebody has looked over Alice's shoulder, and she has set another password since. The handset is stolen all the same, with the old salt in a backup. At hardened the new key has taken the old one's place; at core the server may keep both.",
		till.OldPassword, []catalog.ID{"OF-SS-52"}, func(st *till.Stage) {
			old := st.Alice.Password
			gone := st.NewLetter("the word that the handset is gone")
			var salt []byte
			st.Mallory.Steals(st.Alice)
			st.Alice.Enrols()
			st.Alice.Plays(func(u *till.User) {
				u.SetsPassword()
				salt = st.Mallory.Salt(u)
				u.Password = "another password of alice"
				u.SetsPassword()
				gone.Send("")
			})
			st.Mallory.Plays(func(m *till.Attacker) {
				gone.Await()
				if m.Tries(st.Alice, st.Alice.Handset, old, salt) {
					st.Breach(till.OldPassword, "a thief was served with the password that was before")
				}
			})
		}).openAtCore()
}
