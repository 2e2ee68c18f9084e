package unified

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// What became of a request for registration.
const (
	pending  = "pending"
	approved = "approved"
	rejected = "rejected"
)

// application is a request for registration, new or changed. What was asked for is never altered.
type application struct {
	RequestID    string       `json:"request_id"`
	ClientID     string       `json:"client_id"`
	Requester    string       `json:"requester"`
	Registration Registration `json:"registration"`
}

// keptApplication is an application with what is not told to reviewers.
type keptApplication struct {
	application
	Owner  string // of the third-party platform
	Status string
	Number int // its place in the list for reviewers
}

// operated serves a leg that an operator calls: ask with GET, which may be nil, act with POST and a JSON object (profile section 4.2).
func (p *Platform) operated(ask func(Operator, url.Values) (wire.Answer, error), act func(Operator, members) (wire.Answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.keepFromCaches(w.Header())
		asking := ask != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead)
		if !asking && r.Method != http.MethodPost {
			allowed := "POST"
			if ask != nil {
				allowed = "GET, HEAD, POST"
			}
			p.wrongMethod(w, allowed)
			return
		}
		by, err := p.operator(r)
		var answer wire.Answer
		switch {
		case err != nil:
		case asking:
			answer, err = ask(by, r.URL.Query())
		default:
			var m members
			if m, err = readObject(r); err == nil {
				answer, err = act(by, m)
			}
		}
		if err != nil {
			p.refuse(w, err)
			return
		}
		answer.Write(w)
	})
}

// readObject reads the JSON object in the body of a request.
func readObject(r *http.Request) (members, error) {
	if kind := wire.MediaType(r.Header); kind != wire.JSONType {
		return nil, wire.InvalidRequest("the body is no JSON object; send it as " + wire.JSONType)
	}
	body, err := wire.ReadBody(r.Body, wire.MaxBody)
	if err != nil {
		return nil, err
	}
	return wire.StrictObject(body)
}

// operator finds who authenticates with the request (RFC 7617).
func (p *Platform) operator(r *http.Request) (Operator, error) {
	name, pass, _ := r.BasicAuth()
	by, known := find(p.Operators, func(o Operator) bool { return o.Name == name })
	right, err := p.matches(by.Password, known, pass)
	if err == nil && !right {
		err = &problem{
			Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: `Basic realm="operators", charset="UTF-8"`,
			Description: "the request lacks an operator's name and password, or they are wrong",
		}
	}
	return by, err
}

// reviews refuses an operator who has not the right to review.
func (p *Platform) reviews(by Operator) error {
	// description of the pre-step: reviewed by the authentication center
	if p.Guards.Forbids("UN-PL-20", !by.Reviews) {
		return refusal(http.StatusForbidden, "access_denied", "this operator has not the right to review")
	}
	return nil
}

// register takes a registration, or a change of one, for review.
func (p *Platform) register(by Operator, m members) (wire.Answer, error) {
	asked, err := p.readRegistration(m)
	if err != nil {
		return wire.Answer{}, err
	}
	changed, err := m.Optional("client_id")
	if err != nil {
		return wire.Answer{}, err
	}
	a := keptApplication{application: application{Requester: by.Name, Registration: asked}, Owner: by.Name, Status: pending}
	for _, id := range []*string{&a.RequestID, &a.ClientID} {
		if *id, err = secret.Unguessable(p.Entropy("registrations")); err != nil {
			return wire.Answer{}, err
		}
	}
	a.ClientID = cmp.Or(changed, a.ClientID)
	err = p.Store.Update(func(tx store.Tx) error {
		if changed != "" {
			if a.Owner, err = p.change(tx, by, changed, asked); err != nil {
				return err
			}
		}
		if a.Number, err = next(tx, countRegistrations); err != nil {
			return err
		}
		// description of the pre-step: validated only after being reviewed
		if changed == "" && !p.Guards.On("UN-PL-18") {
			a.Status = approved
			if err := p.putInForce(tx, a.ClientID, a.Owner, asked); err != nil {
				return err
			}
		}
		return tx.Put(registrations, a.RequestID, a)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	answer, err := a.told()
	answer.Status = http.StatusAccepted
	return answer, err
}

// change judges whether the operator may have a third-party platform changed, and gives its owner.
func (p *Platform) change(tx store.Tx, by Operator, clientID string, asked Registration) (owner string, err error) {
	t, found, err := p.thirdParty(tx, clientID)
	if err != nil {
		return "", err
	}
	// closes description of the pre-step: one third-party platform must not move another's paths
	if !found || p.Guards.Forbids("UN-PL-71", t.Owner != by.Name) {
		return "", refusal(http.StatusForbidden, "access_denied", "no third-party platform of this client_id is in force and yours")
	}
	// description of the pre-step: modified paths take effect after review
	if !p.Guards.On("UN-PL-19") {
		at := t.Registration
		at.CallbackURI = asked.CallbackURI
		err = p.putInForce(tx, clientID, t.Owner, at)
	}
	return t.Owner, err
}

func (a keptApplication) told() (wire.Answer, error) {
	return wire.JSON(map[string]string{"request_id": a.RequestID, "client_id": a.ClientID, "status": a.Status})
}

// readRegistration reads what is asked for.
func (p *Platform) readRegistration(m members) (asked Registration, err error) {
	fields := []struct {
		name string
		into *string
		code string
		need bool
	}{
		{"client_name", &asked.Name, "invalid_client_metadata", true},
		{"callback_uri", &asked.CallbackURI, "invalid_redirect_uri", true},
		{"access_uri", &asked.AccessURI, "invalid_client_metadata", true},
		{"logout_uri", &asked.LogoutURI, "invalid_client_metadata", false},
		{"backchannel_logout_uri", &asked.BackchannelLogoutURI, "invalid_client_metadata", false},
	}
	for _, f := range fields {
		if *f.into, err = m.Optional(f.name); err != nil {
			return asked, err
		}
		if f.need && *f.into == "" {
			return asked, refusal(http.StatusBadRequest, f.code, f.name+" is missing")
		}
		if f.into != &asked.Name && *f.into != "" && !p.takesPath(*f.into) {
			return asked, refusal(http.StatusBadRequest, f.code, f.name+" is not absolute, without fragment and user information, and https or on loopback")
		}
	}
	if utf8.RuneCountInString(asked.Name) > 80 {
		return asked, refusal(http.StatusBadRequest, "invalid_client_metadata", "client_name has more than 80 characters")
	}
	if asked.LogoutURI != "" && asked.BackchannelLogoutURI != "" {
		return asked, refusal(http.StatusBadRequest, "invalid_client_metadata", "logout_uri and backchannel_logout_uri exclude each other; send one of them")
	}
	return asked, nil
}

// takesPath reports whether a URL can be registered.
func (p *Platform) takesPath(target string) bool {
	// RFC 9700 section 2.6; RFC 6749 section 3.1.2
	if !p.Guards.On("UN-PL-73") {
		return true
	}
	u, err := url.Parse(target)
	odd := strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' })
	return err == nil && !odd && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && wire.Private(target)
}

// registration tells the requester, or a reviewer, what became of a request.
func (p *Platform) registration(by Operator, query url.Values) (wire.Answer, error) {
	a, found, err := store.Load[keptApplication](p.Store, registrations, query.Get("request_id"))
	if err != nil {
		return wire.Answer{}, err
	}
	if !found || a.Requester != by.Name && !by.Reviews {
		return wire.Answer{}, unknownRequest()
	}
	return a.told()
}

func unknownRequest() *problem {
	return refusal(http.StatusNotFound, "not_found", "no request of this request_id was made here that this operator may see")
}

// waiting lists the requests that wait for review, the oldest first.
func (p *Platform) waiting(by Operator, _ url.Values) (wire.Answer, error) {
	if err := p.reviews(by); err != nil {
		return wire.Answer{}, err
	}
	var all []keptApplication
	err := p.Store.Update(func(tx store.Tx) error {
		ids, err := tx.Keys(registrations)
		if err != nil {
			return err
		}
		for _, id := range ids {
			var a keptApplication
			if _, err := tx.Get(registrations, id, &a); err != nil {
				return err
			}
			if a.Status == pending {
				all = append(all, a)
			}
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	slices.SortFunc(all, func(a, b keptApplication) int { return cmp.Compare(a.Number, b.Number) })
	listed := make([]application, len(all))
	for i, a := range all {
		listed[i] = a.application
	}
	return wire.JSON(map[string]any{"requests": listed})
}

// review decides a request; what is approved is in force at once.
func (p *Platform) review(by Operator, m members) (wire.Answer, error) {
	id, err := m.Word("request_id")
	if err != nil {
		return wire.Answer{}, err
	}
	decision, err := m.Word("decision")
	if err != nil {
		return wire.Answer{}, err
	}
	status, known := map[string]string{"approve": approved, "reject": rejected}[decision]
	if !known {
		return wire.Answer{}, wire.InvalidRequest("decision is neither approve nor reject")
	}
	if err := p.reviews(by); err != nil {
		return wire.Answer{}, err
	}
	err = p.Store.Update(func(tx store.Tx) error {
		var a keptApplication
		found, err := tx.Get(registrations, id, &a)
		switch {
		case err != nil:
			return err
		case !found:
			return unknownRequest()
		// flows, registration changes: reviewed by somebody other than the requester
		case p.Guards.Forbids("UN-PL-70", a.Requester == by.Name):
			return refusal(http.StatusForbidden, "access_denied", "a request is reviewed by somebody other than its requester")
		case a.Status != pending:
			return refusal(http.StatusConflict, "already_decided", "this request has been "+a.Status)
		}
		a.Status = status
		if status == approved {
			if err := p.putInForce(tx, a.ClientID, a.Owner, a.Registration); err != nil {
				return err
			}
		}
		return tx.Put(registrations, id, a)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]string{"request_id": id, "status": status})
}
