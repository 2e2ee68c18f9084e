package adversary

import (
	"net/url"
	"strconv"
	"strings"

	cast "countersign/actors/unified"
	"countersign/scenarios/portal"
)

// asMallory is a form of the platform's with Mallory's own account.
func (st *portals) asMallory(decision string) url.Values {
	return url.Values{"username": {st.Mallory.Name}, "password": {portal.PasswordOf(st.Mallory.Name)}, "decision": {decision}}
}

// site is the name of the third-party platform at which people log in, the mail site in most scenes.
func (st *portals) site() string { return st.Mail.Host.Name() }

// begins is a login of the attacker's own.
func (st *portals) begins() Move {
	return Move{Name: "begins a login at " + st.site(), Send: func([]Term) { st.Mallory.Begin(st.Mail) }}
}

// approves is a decision with the attacker's own account, in anybody's browser.
func (st *portals) approves() Move {
	page := func(t []Term) string {
		return st.AuthorizationURL(st.Mail, st.Mail.CallbackURI(), t[0].Value, t[1].Value)
	}
	return Move{
		Name: "approves with Mallory's account on the page that asks about " + st.site(), Slots: []string{loginState, loginChallenge}, Fits: func(t []Term) bool { return together(t[0], t[1]) },
		Send: func(t []Term) { st.Mallory.Approve(page(t)) },
		Link: func(t []Term) Link { return Link{page(t), st.asMallory("approve")} },
	}
}

// brings is a callback with any code and state, in anybody's browser.
func (st *portals) brings() Move {
	back := func(t []Term) string { return portal.Bearer(st.Mail, t[0].Value, t[1].Value, st.Platform.Issuer) }
	return Move{
		Name: "brings to the callback of " + st.site(), Slots: []string{loginCode, loginState}, Fits: belongsTo(st.site()),
		Send: func(t []Term) { st.Mallory.Get(back(t)) },
		Link: func(t []Term) Link { return Link{Target: back(t)} },
	}
}

// guesses are callbacks with the codes beside one that is known, where codes can be counted.
func (st *portals) guesses() (all []Move) {
	for _, beside := range []struct {
		name string
		by   int
	}{{"what comes after", 1}, {"what came before", -1}} {
		guess := func(t []Term) string {
			head, number, _ := strings.Cut(t[0].Value, "-")
			n, err := strconv.Atoi(number)
			if err != nil {
				return ""
			}
			return portal.Bearer(st.Mail, head+"-"+strconv.Itoa(n+beside.by), t[1].Value, st.Platform.Issuer)
		}
		all = append(all, Move{
			Name: "brings to the callback of mail " + beside.name, Slots: []string{loginCode, loginState},
			Fits: func(t []Term) bool { return belongsTo("mail")(t) && guess(t) != "" },
			Send: func(t []Term) { st.Mallory.Get(guess(t)) },
		})
	}
	return all
}

// goesOnWithCookie is a login at the mail site in the session of a cookie that the attacker has noted.
func (st *portals) goesOnWithCookie() Move {
	return Move{
		Name: "enters mail and shows the platform", Slots: []string{sessionCookie},
		Send: func(t []Term) {
			m := st.Mallory
			m.Get(m.SubmitIn(t[0].Value, m.Begin(st.Mail), "approve").Location)
			m.Looks(st.Mail)
		},
	}
}

// asWiki is what a dishonest third-party platform does under its own key.
func (st *portals) asWiki() []Move {
	wiki := st.wiki
	all := append(st.withCodes(), []Move{
		st.showsAsWiki(),
		{Name: "asks as the wiki whether Alice is logged in", Send: func([]Term) { wiki.AskStatus("alice", 1) }},
		{Name: "sends mail a batch that logs Alice out, under the wiki's key", Send: func([]Term) { wiki.SendBatch(st.Mail, wiki.NewestKey(), "alice") }},
		{Name: "sends mail a batch that logs Alice out, under the wiki's key with the key ID of mail's", Send: func([]Term) { wiki.SendBatch(st.Mail, st.Mail.NewestKey(), "alice") }},
		{Name: "opens a page of the wiki that looks like the portal", Link: func([]Term) Link { return Link{Target: st.Wiki.Base + "/portal"} }},
	}...)
	return append(all, st.atWiki()...)
}

// showsAsWiki is an authentication request of a dishonest third-party platform.
func (st *portals) showsAsWiki() Move {
	return Move{Name: "shows as the wiki", Slots: []string{passToken}, Send: func(t []Term) { st.wiki.Authenticate(t[0].Value) }}
}

// withCodes is what a dishonest third-party platform does with codes.
func (st *portals) withCodes() []Move {
	at := func(code Term) *portal.ThirdParty {
		if strings.HasSuffix(code.Name, "mail") || strings.HasSuffix(code.Name, "mail site") {
			return st.Mail
		}
		return st.Wiki
	}
	return []Move{
		{Name: "exchanges as the wiki", Slots: []string{loginCode}, Send: func(t []Term) { st.exchange(t[0], at(t[0])) }},
		{Name: "exchanges as the wiki, and shows what it gets,", Slots: []string{loginCode}, Send: func(t []Term) {
			if pass := st.exchange(t[0], at(t[0])); pass != "" {
				st.wiki.Authenticate(pass)
			}
		}},
	}
}

// atWiki leads honest users to the page that asks about the wiki.
func (st *portals) atWiki() []Move {
	page := st.AuthorizationURL(st.Wiki, st.Wiki.CallbackURI(), madeUpState, portal.Challenge)
	approve := url.Values{"decision": {string(cast.Approve)}}
	return []Move{
		{Name: "opens the page that asks about the wiki", Link: func([]Term) Link { return Link{Target: page} }},
		{Name: "approves the wiki by a page of the attacker's", Link: func([]Term) Link { return Link{page, approve} }},
		{Name: "approves the wiki by a link", Link: func([]Term) Link { return Link{Target: page + "&" + approve.Encode()} }},
	}
}

// logoutTokens brings logout tokens that were meant for the wiki to the shop.
func (st *portals) logoutTokens() []Move {
	return []Move{{
		Name: "sends the shop", Slots: []string{logoutToken},
		Send: func(t []Term) {
			st.Mallory.Post(st.Shop.Base+cast.PathBackChannelLogout, url.Values{"logout_token": {t[0].Value}})
		},
	}}
}

// withLostKey speaks under a communication key of the mail site's that is lost.
func (st *portals) withLostKey() []Move {
	return []Move{
		{Name: "asks the platform as mail whether Alice is logged in, under", Slots: []string{lostKey}, Send: func(t []Term) { st.Mallory.AskStatusUnder(t[0].Value, "alice", 1) }},
		{Name: "sends mail a batch that logs Alice out, under", Slots: []string{lostKey}, Send: func(t []Term) { st.Mallory.SendBatchUnder(t[0].Value, st.Mail, "alice") }},
	}
}
