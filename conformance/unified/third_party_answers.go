package unified

import (
	"fmt"
	"net/http"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// wrongly lets the platform answer one message otherwise than it should; the login must fail.
func (t *thirdPartyTest) wrongly(what string, s slip) {
	who := t.newPerson()
	for _, endpoint := range []string{atToken, atAuthentication} {
		c, mark := t.newCaller(), t.Mark()
		says, _ := c.begins(t.p).approved(who)
		t.p.errs(endpoint, s)
		resp := c.calls(says)
		t.Behave()
		said := fmt.Sprintf("a callback after which the %s request is answered %s", messageTo(endpoint), what)
		t.asked(endpoint, mark, resp, said)
		c.turnedAway(resp, said, http.StatusBadGateway, http.StatusForbidden)
	}
}

// UN-TP-32
func (t *thirdPartyTest) plainAnswerRefused() {
	t.newCaller().enters(t.p, t.newPerson())
	t.wrongly("with its payload as application/json", slip{plain: jsonType})
	t.wrongly("with its payload as application/jose", slip{plain: joseType})
	t.wrongly("under a key that nobody gave out", slip{change: func(m message) message {
		m.line = m.under(jose.Key{ID: m.key.ID, Secret: t.stranger()})
		return m
	}})
	t.wrongly("under the key of another platform", slip{change: func(m message) message {
		m.line = m.under(t.q.keys[0])
		return m
	}})
	t.wrongly("under another of the platform's keys", slip{change: func(m message) message {
		for _, key := range t.p.keys {
			if key.ID != m.key.ID {
				m.line = m.under(key)
				return m
			}
		}
		m.line = m.under(t.q.keys[0]) // there is no other
		return m
	}})
}

// stranger is a key of nobody.
func (p *platforms) stranger() []byte {
	secret := make([]byte, 32)
	_, _ = p.mint.Read(secret) // which always fills it
	return secret
}

// UN-TP-33
func (t *thirdPartyTest) answerBelongsToItsRequest() {
	c, mark := t.newCaller(), t.Mark()
	c.enters(t.p, t.newPerson())
	old := map[string]string{}
	for _, e := range t.Since(mark) {
		if messageTo(e.endpoint) != "" {
			old[messageTo(e.endpoint)+"-response"] = e.payload.text("jti")
		}
	}
	member := func(name string, value any) slip {
		return slip{change: func(m message) message { return m.with(name, value) }}
	}
	t.wrongly("with the in_reply_to of an earlier request", slip{change: func(m message) message { return m.with("in_reply_to", old[m.name]) }})
	t.wrongly("without in_reply_to", member("in_reply_to", nil))
	t.wrongly("with the typ of another answer", slip{change: func(m message) message { return m.headed("typ", "status-response+jwt") }})
	t.wrongly("without typ", slip{change: func(m message) message { return m.headed("typ", nil) }})
	t.wrongly("with the iss of another platform", member("iss", t.q.issuer))
	t.wrongly("with the aud of another third-party platform", member("aud", t.p.clientID+"-other"))
	for _, away := range []time.Duration{-messageWindow - minute, messageWindow + minute} {
		t.wrongly(fmt.Sprintf("with an iat that is %s away", away), slip{change: func(m message) message {
			return m.with("iat", t.Env.Now().Add(away).Unix())
		}})
	}
}

// minute is beyond what clocks may differ by.
const minute = time.Minute

// UN-TP-18
func (t *thirdPartyTest) messagesAreSealed() {
	c, who, mark := t.newCaller(), t.newPerson(), t.Mark()
	e := c.enters(t.p, who)
	for _, endpoint := range []string{atToken, atAuthentication} {
		t.rightRequest(t.asked(endpoint, mark, e.answer, "a login"))
	}
	if t.metadata.BatchLogoutEndpoint == "" {
		return
	}
	m := t.batch(t.p, t.taskFor(who))
	resp := t.delivers(t.p, m)
	const what = "a batch-logout request"
	t.rightAnswer(m, t.done(resp, m, what, m.payload["tasks"].([]members)...), resp.Exchange, judge.MediaType(resp))
}

// rightRequest wants a request to be a message of section 2.1 of the profile.
func (t *thirdPartyTest) rightRequest(e enquiry) {
	name := messageTo(e.endpoint) + "-request"
	if problem := e.wrong(e.at.line().back().under(e.key), name, "", t.Env.Now()); problem != "" {
		t.FailAt(e.exchange, "a "+name+" that is sealed under the communication key: section 2.1 of the profile", problem)
	}
}

// rightAnswer wants an answer to a batch to be one.
func (t *thirdPartyTest) rightAnswer(m message, o opened, exchange int, mediaType string) {
	problem := o.wrong(m.back(), "batch-logout-response", m.id(), t.Env.Now())
	if problem == "" && mediaType != joseType {
		problem = "it is of type " + mediaType
	}
	if problem != "" {
		t.FailAt(exchange, "an answer to a batch-logout request that is sealed under the key of the request: section 2.1 of the profile", problem)
	}
}

// UN-TP-39
func (t *thirdPartyTest) nothingUsedTwiceInMessages() {
	var ids []string
	vectors := map[string]bool{}
	last := 0
	judged := func(o opened, exchange int) {
		last = exchange
		iv := vector(o.compact)
		if raw, err := jose.Decode(iv); err != nil || len(raw) != 12 {
			t.FailAt(exchange, "a message that is sealed with an initialization vector of 96 bits", fmt.Sprintf("%q", iv))
		}
		if vectors[iv] {
			t.FailAt(exchange, "another initialization vector in each message", fmt.Sprintf("%q again", iv))
		}
		vectors[iv] = true
		ids = append(ids, o.payload.text("jti"))
		issued, ok := o.payload.whole("iat")
		if away := t.Env.Now().Sub(time.Unix(issued, 0)).Abs(); !ok || away > minute {
			t.FailAt(exchange, "a message with the present time as iat", "iat is "+shown(o.payload["iat"]))
		}
	}
	mark := t.Mark()
	who := t.newPerson()
	for range sixteen / 2 {
		t.newCaller().enters(t.p, who)
	}
	for _, e := range t.Since(mark) {
		if messageTo(e.endpoint) != "" {
			judged(e.opened, e.exchange)
		}
	}
	if t.metadata.BatchLogoutEndpoint != "" {
		task := t.taskFor(who)
		for range 4 {
			m := t.batch(t.p, task)
			resp := t.delivers(t.p, m)
			judged(t.done(resp, m, "a batch-logout request", task), resp.Exchange)
		}
	}
	t.unguessable("a jti", ids, last)
}
