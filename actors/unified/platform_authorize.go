package unified

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/store"
	"countersign/actors/unified/pages"
)

// question is what a third-party platform has the user asked: whether it may learn who the user is (profile section 4.4).
type question struct {
	client    RegisteredParty
	callback  string // where the answer goes
	state     string
	challenge string
	method    string // of the challenge
}

// asks names the question in the key of a page that asks for user name and password, or, with a sub, of one shown within that user's session.
func (q question) asks(sub string) string {
	return url.Values{
		"client": {q.client.ClientID}, "callback": {q.callback}, "state": {q.state}, "challenge": {q.challenge}, "method": {q.method}, "sub": {sub},
	}.Encode()
}

// unaskable is why there is no question that could be put, and no callback path to answer to.
type unaskable string

func (e unaskable) Error() string { return string(e) }

// sentBack is why the question is not put; it is told to the third-party platform.
type sentBack string // the error parameter

func (e sentBack) Error() string { return string(e) }

// question reads an authorization request. With a sentBack error the question says where back is.
func (p *Platform) question(r *http.Request) (question, error) {
	query := r.URL.Query()
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method"} {
		// RFC 6749 section 3.1
		if p.Guards.Forbids("UN-PL-32", len(query[name]) > 1) {
			return question{}, unaskable("The request has the parameter " + name + " more than once.")
		}
	}
	q := question{state: query.Get("state"), challenge: query.Get("code_challenge"), method: query.Get("code_challenge_method")}
	known := false
	err := p.Store.Update(func(tx store.Tx) (err error) {
		q.client, known, err = p.thirdParty(tx, query.Get("client_id"))
		return err
	})
	if err != nil {
		return question{}, err
	}
	redirect := query.Get("redirect_uri")
	// claim 6: only who is registered may ask; RFC 6749 section 4.1.2.1
	if p.Guards.Forbids("UN-PL-09", !known) {
		return question{}, unaskable("The site that sent you here is not registered, or its registration has not been approved yet.")
	}
	if !known {
		id := query.Get("client_id")
		q.client = RegisteredParty{ClientID: id, Registration: Registration{Name: id, CallbackURI: redirect}}
	}
	var right bool
	if q.callback, right = p.callbackOf(q.client, redirect); !right {
		return question{}, unaskable("The request would send you on to a path that is not registered.")
	}
	return q, p.judge(q, query)
}

// callbackOf gives the callback path that a redirect_uri stands for.
func (p *Platform) callbackOf(client RegisteredParty, redirect string) (callback string, right bool) {
	// RFC 9700 section 2.1: byte for byte
	if p.Guards.On("UN-PL-31") {
		return redirect, redirect == client.CallbackURI
	}
	redirect = cmp.Or(redirect, client.CallbackURI)
	return redirect, redirect != "" && strings.HasPrefix(redirect, client.CallbackURI)
}

// judge gives the error to send back, if any.
func (p *Platform) judge(q question, query url.Values) error {
	const longestState = 512 // characters
	invalid := sentBack("invalid_request")
	switch kind := query.Get("response_type"); {
	case kind == "":
		return invalid
	case kind != "code":
		return sentBack("unsupported_response_type")
	// RFC 6749 section 10.12
	case p.Guards.Forbids("UN-PL-33", q.state == ""), len([]rune(q.state)) > longestState:
		return invalid
	// RFC 7636 section 4.4.1; RFC 9700 section 2.1.1
	case p.Guards.Forbids("UN-PL-34", q.challenge == ""):
		return invalid
	case q.challenge == "":
		return nil
	case q.method == "S256":
		if !isMadeOf(q.challenge, urlSafe, 43, 43) {
			return invalid
		}
	// RFC 9700 section 2.1.1: plain, which a request without the parameter means (RFC 7636 section 4.3), hides nothing
	case p.Guards.On("UN-PL-35") || cmp.Or(q.method, "plain") != "plain":
		return invalid
	}
	return nil
}

// isMadeOf reports whether a text has so many characters, of these only.
func isMadeOf(text, characters string, least, most int) bool {
	return len(text) >= least && len(text) <= most && strings.Trim(text, characters) == ""
}

// answerURL is the callback path with an answer: names and values by turns.
func (p *Platform) answerURL(q question, answer ...string) string {
	if q.state != "" {
		answer = append(answer, "state", q.state)
	}
	// RFC 9207 section 2
	if p.Guards.On("UN-PL-37") {
		answer = append(answer, "iss", p.Issuer)
	}
	return withQuery(q.callback, answer...)
}

// refuseQuestion answers a request whose question cannot be put.
func (p *Platform) refuseQuestion(w http.ResponseWriter, q question, err error) {
	var none unaskable
	var back sentBack
	switch {
	case errors.As(err, &none):
		p.fail(w, http.StatusBadRequest, string(none))
	case errors.As(err, &back):
		w.Header().Set("Location", p.answerURL(q, "error", string(back)))
		w.WriteHeader(http.StatusSeeOther)
	default:
		p.broken(w)
	}
}

// askUser puts the question to the user.
func (p *Platform) askUser(w http.ResponseWriter, r *http.Request) {
	q, err := p.question(r)
	if err != nil {
		p.refuseQuestion(w, q, err)
		return
	}
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	switch {
	// claim 4: who is not logged in can log in on the page
	case !v.live && !p.Guards.On("UN-PL-04"):
		p.fail(w, http.StatusForbidden, "You are not logged in.")
	// claims 1, 2: the user is asked each time
	case v.live && !p.Guards.On("UN-PL-06"):
		p.approveWithin(w, q, v)
	default:
		p.ask(w, q, v, http.StatusOK, "")
	}
}

// ask shows the page: within a live session it asks for the decision, else for user name and password as well (claim 4).
func (p *Platform) ask(w http.ResponseWriter, q question, v visitor, status int, notice string) {
	shown := pages.Authorize{Platform: p.name(), Issuer: p.Issuer, Client: q.client.Name, ClientID: q.client.ClientID, Notice: notice}
	within := ""
	// claim 4: who is logged in is asked for no password
	if v.live && p.Guards.On("UN-PL-05") {
		shown.UserName, within = v.user.Name, v.Sub
	}
	// RFC 6749 section 10.2: the user sees who asks
	if !p.Guards.On("UN-PL-53") {
		shown.ClientID = ""
	}
	var err error
	if shown.Hidden, err = p.hidden(w, v, q.asks(within)); err != nil {
		p.broken(w)
		return
	}
	pages.Write(w, status, shown)
}

// askPassword shows the page that asks for user name and password, whoever is logged in.
func (p *Platform) askPassword(w http.ResponseWriter, q question, v visitor, notice string) {
	v.live = false
	p.ask(w, q, v, http.StatusForbidden, notice)
}

// decide takes the user's decision.
func (p *Platform) decide(w http.ResponseWriter, r *http.Request) {
	q, err := p.question(r)
	if err != nil {
		p.refuseQuestion(w, q, err)
		return
	}
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	answers := p.answers(r)
	within, own, err := p.pageOf(q, v, answers)
	if err != nil {
		p.broken(w)
		return
	}
	if p.forged(own) {
		p.askPassword(w, q, v, notOwnPage)
		return
	}
	switch decision := answers.Get("decision"); {
	case decision == "approve" && within:
		p.approveWithin(w, q, v)
	case decision == "approve":
		p.approveWith(w, q, v, answers.Get("username"), answers.Get("password"))
	case decision == "deny":
		p.deny(w, q, v, answers.Get("username"))
	default:
		p.ask(w, q, v, http.StatusBadRequest, "Choose one of the two buttons.")
	}
}

// pageOf reports whether the decision comes from the platform's own page, and whether that was shown within the session of the visitor.
func (p *Platform) pageOf(q question, v visitor, answers url.Values) (within, own bool, err error) {
	if v.Sub != "" {
		if within, err = p.fromOwnPage(v, q.asks(v.Sub), answers); err != nil || within {
			return within, within, err
		}
	}
	own, err = p.fromOwnPage(v, q.asks(""), answers)
	if !own && answers.Get("username") == "" {
		within = v.live // the decision is from nowhere, and the browser alone vouches for the user
	}
	return within, own, err
}

// errSessionOver is an approval within a session that has ended.
var errSessionOver = errors.New("the session has ended")

// approveWithin gives a code to the user of the session.
func (p *Platform) approveWithin(w http.ResponseWriter, q question, v visitor) {
	var code string
	err := p.Store.Update(func(tx store.Tx) error {
		// In the transaction that makes the code, so that no logout comes between.
		var s platformSession
		if _, err := tx.Get(sessions, v.Digest, &s); err != nil {
			return err
		}
		// closes claims 4, 7: a page left open logs nobody in
		if p.Guards.Forbids("UN-PL-46", !s.live(p.Clock.Now()) || s.Sub != v.Sub) {
			return errSessionOver
		}
		var err error
		code, err = p.giveCode(tx, q, v.Sub)
		return err
	})
	switch {
	case errors.Is(err, errSessionOver):
		p.askPassword(w, q, v, "You have been logged out since this page was shown. Log in again.")
	case err != nil:
		p.broken(w)
	default:
		p.leave(w, p.approvedURL(q, code))
	}
}

// approveWith logs the user in and gives a code.
func (p *Platform) approveWith(w http.ResponseWriter, q question, v visitor, name, pass string) {
	user, err := p.signIn(name, pass)
	var wrong wrongPassword
	if errors.As(err, &wrong) {
		p.askPassword(w, q, v, string(wrong))
		return
	}
	var code string
	if err == nil {
		err = p.enter(w, v, user, func(tx store.Tx) (err error) {
			code, err = p.giveCode(tx, q, user.Sub)
			return err
		})
	}
	if err != nil {
		p.broken(w)
		return
	}
	p.leave(w, p.approvedURL(q, code))
}

// approvedURL is the callback path with a code (claim 2).
func (p *Platform) approvedURL(q question, code string) string {
	// RFC 6749 section 4.1.2: by the state the third-party platform knows which login the code belongs to
	if !p.Guards.On("UN-PL-07") {
		q.state = ""
	}
	return p.answerURL(q, "code", code)
}

// deny is the user's refusal (RFC 6749 section 4.1.2.1).
func (p *Platform) deny(w http.ResponseWriter, q question, v visitor, name string) {
	answer := []string{"error", "access_denied"}
	// claim 2: a refusal gives no code
	if !p.Guards.On("UN-PL-08") {
		sub := v.Sub
		if named, known := p.user(name); known {
			sub = named.Sub
		}
		if sub == "" && len(p.Users) > 0 {
			sub = p.Users[0].Sub
		}
		err := p.Store.Update(func(tx store.Tx) error {
			code, err := p.giveCode(tx, q, sub)
			answer = append(answer, "code", code)
			return err
		})
		if err != nil {
			p.broken(w)
			return
		}
	}
	p.leave(w, p.answerURL(q, answer...))
}
