package offline

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// handsetChecks are the checks of the handset. They are all Alone: the handset is configured with the harness server's address. OF-HS-36 has none: the catalogue says why.
func handsetChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*handsetTest)
	}{
		{"OF-HS-01", (*handsetTest).metadataNamesTheEndpoints},
		{"OF-HS-02", (*handsetTest).applicationOverTheLink},
		{"OF-HS-03", (*handsetTest).freshSerials},
		{"OF-HS-04", (*handsetTest).noConnectionOfItsOwn},
		{"OF-HS-05", (*handsetTest).countersignOfTheInformation},
		{"OF-HS-06", (*handsetTest).passwordEntersTheCountersign},
		{"OF-HS-07", (*handsetTest).noPasswordWhereNoneIsAsked},
		{"OF-HS-08", (*handsetTest).noCountersignWithoutThePassword},
		{"OF-HS-09", (*handsetTest).passwordSetBeforehand},
		{"OF-HS-10", (*handsetTest).noSendsNothing},
		{"OF-HS-11", (*handsetTest).outcomeFollowsTheDecision},
		{"OF-HS-12", (*handsetTest).messagesCutIntoFrames},
		{"OF-HS-13", (*handsetTest).informationSignatureChecked},
		{"OF-HS-14", (*handsetTest).informationOfItsOwnDomain},
		{"OF-HS-15", (*handsetTest).informationForThisSerial},
		{"OF-HS-16", (*handsetTest).informationForThisDevice},
		{"OF-HS-17", (*handsetTest).informationForThisAmount},
		{"OF-HS-18", (*handsetTest).informationForThisHandset},
		{"OF-HS-19", (*handsetTest).expiredInformationRefused},
		{"OF-HS-20", (*handsetTest).shownBeforeItIsSigned},
		{"OF-HS-21", (*handsetTest).nothingSignedWithoutConfirmation},
		{"OF-HS-22", (*handsetTest).confirmationGoodOnce},
		{"OF-HS-23", (*handsetTest).confirmationCannotBeGuessed},
		{"OF-HS-24", (*handsetTest).proofSealedToTheServer},
		{"OF-HS-25", (*handsetTest).sealIsFresh},
		{"OF-HS-26", (*handsetTest).passwordKeyIsSalted},
		{"OF-HS-27", (*handsetTest).noPasswordOnTheLink},
		{"OF-HS-28", (*handsetTest).encodingIsDeterministic},
		{"OF-HS-29", (*handsetTest).serialsCannotBeGuessed},
		{"OF-HS-30", (*handsetTest).lostFrameSentAgain},
		{"OF-HS-31", (*handsetTest).triesAreBounded},
		{"OF-HS-32", (*handsetTest).damagedAnswerDiscarded},
		{"OF-HS-33", (*handsetTest).resultOfTheDecisionChecked},
		{"OF-HS-34", (*handsetTest).startedByItsUserOnly},
		{"OF-HS-35", (*handsetTest).framesAsPictures},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.Handset, Alone: true, Run: nearHandset(c.run)})
	}
	return checks
}

// handsetTest is a test of a handset, with the devices and the server that the harness plays, and its user.
type handsetTest struct {
	*test
	server *server
	// till is the device that the user stands before, far another one.
	till, far *nearDevice
}

func nearHandset(f func(*handsetTest)) func(*conformance.Session) {
	return against(func(t *test) {
		s := newServer(t)
		f(&handsetTest{test: t, server: s, till: newNearDevice(t, s, "till-one", t.Devices[0]), far: newNearDevice(t, s, "till-two", t.Devices[1])})
	})
}

// own is the handset under test, as it is configured.
func (h *handsetTest) own() HandsetSetup { return h.Handsets[0] }

// frameSize is the smallest that a link may have, and that of the harness's devices: messages of a handset take several frames.
const frameSize = 64

// low and high are wishes before the till, for sums at level 1 and 2.
func (h *handsetTest) low() judge.Members {
	s := h.Services[0]
	if s.Threshold < 4 {
		h.Broken("the setup's service %s has the threshold %d: checks of level 1 need 4 or more", s.ID, s.Threshold)
	}
	return h.wish(s.Threshold / 2)
}

func (h *handsetTest) high() judge.Members { return h.wish(h.Services[0].Threshold + 1) }

func (h *handsetTest) wish(amount uint64) judge.Members {
	return judge.Members{
		"device": h.till.ID, "near_field_endpoint": h.till.NearField(), "frame_size": frameSize, "link": "acoustic",
		"service": h.Services[0].ID, "amount": amount, "currency": h.Currency,
	}
}

// request is one to an endpoint of the handset.
func (h *handsetTest) request(method, endpoint, mediaType string, body []byte) *http.Request {
	req, err := http.NewRequest(method, endpoint, bytes.NewReader(body))
	if err != nil {
		h.Fail("an endpoint that can be asked", fmt.Sprintf("%q: %v", endpoint, err))
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	return req
}

func (h *handsetTest) json(endpoint string, body judge.Members) *http.Request {
	text, err := json.Marshal(body)
	if err != nil {
		h.Broken("a body cannot be written: %v", err)
	}
	return h.request(http.MethodPost, endpoint, "application/json", text)
}

func (h *handsetTest) startEndpoint() string {
	return h.document.Named("start_endpoint", h.metadata.StartEndpoint)
}

func (h *handsetTest) start(w judge.Members) *conformance.Response {
	return h.Do("user", h.json(h.startEndpoint(), w))
}

// began is a business that waits for the user's confirmation.
type began struct {
	uri      string
	shown    judge.Members
	exchange int
	// talk is its session at the till.
	talk *talk
	// mark is the number of frames that the till had heard when the start was answered.
	mark int
}

// begins starts, and ends the check as failed unless the business waits for confirmation then.
func (h *handsetTest) begins(w judge.Members) began {
	return h.waiting(h.start(w), "a start")
}

func (h *handsetTest) waiting(resp *conformance.Response, what string) began {
	h.Accepted(resp, what)
	m, err := judge.ReadMembers(resp.Body)
	b := began{uri: m.Text("confirmation_uri"), shown: m.Object("shown"), exchange: resp.Exchange, talk: h.till.latest(), mark: h.till.mark()}
	if err != nil || b.uri == "" || b.shown == nil {
		h.FailAt(resp.Exchange, "a JSON object with the string confirmation_uri and the object shown as the answer to "+what, judge.Describe(resp))
	}
	if b.talk == nil || h.asked(b) == nil {
		h.FailAt(resp.Exchange, "an application sent to the device in "+what, "none")
	}
	return b
}

// asked is the application of a business, nil where it cannot be read.
func (h *handsetTest) asked(b began) fields {
	f, _ := peekMessage(h.till.message(b.talk, linkApplication))
	return f
}

// rejects ends the check as failed unless a start before a device of that manner is refused, and nothing is sent afterwards.
func (h *handsetTest) rejects(what string, inform func(information fields) []byte) {
	h.till.be(manner{inform: inform})
	defer h.till.be(manner{})
	mark := h.till.mark()
	h.Refused(h.start(h.low()), "a start that is answered with "+what, http.StatusConflict, "information_rejected")
	if sent := h.till.fragmentsOf(linkCountersign, mark); len(sent) > 0 {
		h.FailAt(sent[0].exchange, "no countersign of "+what, sent[0].frame.String())
	}
}

// approval is what the user says.
func approval(password string) judge.Members {
	m := judge.Members{"decision": "approve"}
	if password != "" {
		m["password"] = password
	}
	return m
}

// confirm gives the user's decision.
func (h *handsetTest) confirm(b began, says judge.Members) *conformance.Response {
	return h.Do("user", h.json(b.uri, says))
}

// ends gives the decision, and ends the check as failed unless the business has that outcome.
func (h *handsetTest) ends(b began, says judge.Members, outcome, when string) {
	h.hasOutcome(h.confirm(b, says), outcome, when)
}

func (h *handsetTest) hasOutcome(resp *conformance.Response, outcome, when string) {
	h.Accepted(resp, "a confirmation "+when)
	m, _ := judge.ReadMembers(resp.Body) // no members where it cannot be read
	if m.Text("outcome") != outcome {
		h.FailAt(resp.Exchange, fmt.Sprintf("the outcome %q of a confirmation %s", outcome, when), fmt.Sprintf("%q", m.Text("outcome")))
	}
}

// signs approves, and gives what the handset signed: its envelope, and what it says.
func (h *handsetTest) signs(b began, password string) (envelope, fields) {
	resp := h.confirm(b, approval(password))
	h.Accepted(resp, "an approval")
	return h.signed(b, resp.Exchange)
}

// signed is what the handset signed.
func (h *handsetTest) signed(b began, exchange int) (envelope, fields) {
	message := h.till.message(b.talk, linkCountersign)
	if message == nil {
		h.FailAt(exchange, "a countersign as message 2 after an approval", "none")
	}
	e, err := openEnvelope(message)
	var says fields
	if err == nil {
		says, err = peekMessage(e.payload)
	}
	if err != nil {
		h.FailAt(exchange, "a countersign in a COSE_Sign1 as message 2", err.Error())
	}
	return e, says
}

// silentSince ends the check as failed when a countersign was sent after a mark.
func (h *handsetTest) silentSince(mark int, when string) {
	if sent := h.till.fragmentsOf(linkCountersign, mark); len(sent) > 0 {
		h.FailAt(sent[0].exchange, "no countersign "+when, sent[0].frame.String())
	}
}

// newPassword is one that stands in no message by chance.
func (h *handsetTest) newPassword() string { return "pw-" + h.Random(12) }

// setting asks for a password to be set.
func (h *handsetTest) setting(accountPassword, password string) *conformance.Response {
	endpoint := h.document.Named("password_setting_endpoint", h.metadata.PasswordSettingEndpoint)
	return h.Do("user", h.json(endpoint, judge.Members{"account_password": accountPassword, "password": password}))
}

// set sets a password, and gives the password key that came to the server.
func (h *handsetTest) set(password string) []byte {
	mark := h.server.Mark()
	resp := h.setting(h.own().AccountPassword, password)
	if resp.Status != http.StatusNoContent {
		h.FailAt(resp.Exchange, "status 204 for the setting of a password", judge.Describe(resp))
	}
	for _, r := range h.server.Since(mark) {
		if r.endpoint != "password" {
			continue
		}
		key, err := base64.RawURLEncoding.Strict().DecodeString(r.members.Text("password_key"))
		if err != nil || len(key) != 32 {
			h.FailAt(r.exchange, "a password_key of 32 bytes in base64url without padding", fmt.Sprintf("%d characters", len(r.members.Text("password_key"))))
		}
		return key
	}
	h.FailAt(resp.Exchange, "a password key set at the server", "nothing was sent to its password endpoint")
	return nil
}

// forms are the ways in which a secret may stand somewhere.
func forms(secret []byte) []string {
	return []string{
		string(secret), hex.EncodeToString(secret), fmt.Sprintf("%X", secret),
		base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
	}
}
