package mobile

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// mobileAppChecks are the checks of the role. They are all Alone: the app is configured with the harness's addresses. MO-AP-36 has none: the catalogue says why.
func mobileAppChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*appTest)
	}{
		{"MO-AP-01", (*appTest).namesTheEndpoints},
		{"MO-AP-02", (*appTest).authenticationIDSentInFull},
		{"MO-AP-03", (*appTest).tokenUsedAtTheAddress},
		{"MO-AP-04", (*appTest).tokenGoesNowhereElse},
		{"MO-AP-05", (*appTest).addressFromTheServer},
		{"MO-AP-06", (*appTest).silentAddressAskedAnew},
		{"MO-AP-07", (*appTest).refusedTokenReplaced},
		{"MO-AP-08", (*appTest).noAccessWhenRefused},
		{"MO-AP-09", (*appTest).deviceRegisteredWithPassword},
		{"MO-AP-10", (*appTest).wipeClearsTheData},
		{"MO-AP-11", (*appTest).wipeIsReported},
		{"MO-AP-12", (*appTest).wipedAppStaysOut},
		{"MO-AP-13", (*appTest).keyProvedAtAuthentication},
		{"MO-AP-14", (*appTest).keyProvedAtAccess},
		{"MO-AP-15", (*appTest).everyProofIsFresh},
		{"MO-AP-16", (*appTest).privateKeyStays},
		{"MO-AP-17", (*appTest).unsignedAddressRefused},
		{"MO-AP-18", (*appTest).wronglySignedAddressRefused},
		{"MO-AP-19", (*appTest).addressForAnotherRefused},
		{"MO-AP-20", (*appTest).addressOfAnotherAnswerRefused},
		{"MO-AP-21", (*appTest).signedAddressCounts},
		{"MO-AP-22", (*appTest).noDowngradeToABearerToken},
		{"MO-AP-23", (*appTest).redirectNotFollowed},
		{"MO-AP-24", (*appTest).issuerOfTheMetadataCompared},
		{"MO-AP-25", (*appTest).forgedMessageRefused},
		{"MO-AP-26", (*appTest).messageForAnotherDeviceRefused},
		{"MO-AP-27", (*appTest).repeatedWipeIsHarmless},
		{"MO-AP-28", (*appTest).dataGoneBeforeReported},
		{"MO-AP-29", (*appTest).acknowledgementTriedAgain},
		{"MO-AP-30", (*appTest).wipeTakenOnContact},
		{"MO-AP-31", (*appTest).pushedAddressUsed},
		{"MO-AP-32", (*appTest).olderAddressNotTaken},
		{"MO-AP-33", (*appTest).triesAreBounded},
		{"MO-AP-34", (*appTest).waitsWhenToldTo},
		{"MO-AP-35", (*appTest).noSecretInAURL},
		{"MO-AP-37", (*appTest).triggersOnlyByPOST},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.MobileApp, Alone: true, Run: withAround(c.run)})
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "MO-AP-15", "MO-AP-29", "MO-AP-33")
}

// appTest is a test of an app, with the parties that the harness plays around it.
type appTest struct {
	*test
	*around
}

func withAround(f func(*appTest)) func(*conformance.Session) {
	return against(func(t *test) { f(&appTest{test: t, around: playAround(t)}) })
}

// enrolment is a request to enrol the app with the user's password.
func (t *appTest) enrolment() *conformance.Response {
	endpoint := t.document.Named("enrolment_endpoint", t.metadata.EnrolmentEndpoint)
	return t.Do("user", t.request(endpoint, members{"password": t.alice().Password}))
}

// enrol brings the app to where all begins anew.
func (t *appTest) enrol() {
	resp := t.enrolment()
	t.Accepted(resp, "an enrolment with the right password")
	if body := t.object(resp, "an answer to an enrolment"); body["enrolled"] != true {
		t.FailAt(resp.Exchange, "enrolled true after an enrolment", "enrolled is "+judge.Shown(body["enrolled"]))
	}
}

// started is how a start ended.
type started struct {
	*conformance.Response
	// mark is the length of the record when it began, took how long it was.
	mark int
	took time.Duration
}

const (
	stored = false // a start that may use what the app has stored
	fresh  = true  // one that begins without
)

func (t *appTest) startRequest(fresh bool) *http.Request {
	body := members{}
	if fresh {
		body["fresh"] = true
	}
	return t.request(t.document.Named("start_endpoint", t.metadata.StartEndpoint), body)
}

// start opens the app, to the end.
func (t *appTest) start(fresh bool) started {
	mark, begun := t.Mark(), t.Env.Now()
	resp := t.Do("user", t.startRequest(fresh))
	return started{resp, mark, t.Env.Now().Sub(begun)}
}

// opened wants a start to end with the resources from that system.
func (t *appTest) opened(s started, from *party, when string) started {
	what := "a start " + when
	t.Accepted(s.Response, what)
	body := t.object(s.Response, "an answer to "+what)
	list, _ := body["resources"].([]any)
	for _, c := range []struct {
		name      string
		got, want any
	}{{"owner", body["owner"], t.alice().Name}, {"address", body["address"], from.addressed()}, {"the number of resources", len(list), len(t.resources())}} {
		if c.got != c.want {
			t.FailAt(s.Exchange, fmt.Sprintf("%s %v in the answer to %s", c.name, c.want, what), fmt.Sprintf("%s is %v", c.name, judge.Shown(c.got)))
		}
	}
	return s
}

// settle enrols the app and lets it open once, as a control: an app that does nothing at all must not pass.
func (t *appTest) settle() started {
	t.enrol()
	return t.opened(t.start(stored), t.system, "with nothing in its way, as a control")
}

// ends wants a start to end with 502 and one of the codes.
func (t *appTest) ends(s started, when string, codes ...string) {
	t.Refused(s.Response, "a start "+when, http.StatusBadGateway, codes...)
}

// noAccess wants that nobody but the authorization server was asked since a mark.
func (t *appTest) noAccess(mark int, when string) {
	if found := t.accesses(mark); len(found) > 0 {
		t.FailAt(found[0].exchange, "no request to any business system "+when, found[0].String())
	}
}

// asked is the first request to an endpoint since a mark; the check fails when there is none.
func (t *appTest) asked(p *party, endpoint string, mark int, when string) received {
	found := p.at(endpoint, mark)
	if len(found) == 0 {
		t.Fail(fmt.Sprintf("a request to %s of the %s %s", endpoint, p, when), "none")
	}
	return found[0]
}

// carries wants a request to have the string in its body.
func (t *appTest) carries(r received, name, value, when string) {
	if r.problem != "" {
		t.FailAt(r.exchange, "a JSON object in the request to "+r.endpoint+" "+when, r.problem)
	}
	if got := r.body[name]; got != value {
		t.FailAt(r.exchange, fmt.Sprintf("%s %q in the request to %s %s", name, value, r.endpoint, when), fmt.Sprintf("%s is %s", name, judge.Shown(got)))
	}
}

// holdings is what the app says that it holds.
type holdings struct {
	enrolled, token, address bool
	resources                int64
}

func (h holdings) String() string {
	return fmt.Sprintf("enrolled %t, token %t, address %t, resources %d", h.enrolled, h.token, h.address, h.resources)
}

func (t *appTest) holdingsRequest() *http.Request {
	return t.rawRequest(http.MethodGet, t.document.Named("holdings_endpoint", t.metadata.HoldingsEndpoint), "", nil)
}

func (t *appTest) holds() holdings {
	resp := t.Do("user", t.holdingsRequest())
	t.Accepted(resp, "a request for the holdings")
	return t.readHoldings(resp)
}

func (t *appTest) readHoldings(resp *conformance.Response) (h holdings) {
	body := t.object(resp, "an answer about the holdings")
	for _, said := range []struct {
		name string
		into *bool
	}{{"enrolled", &h.enrolled}, {"token", &h.token}, {"address", &h.address}} {
		value, ok := body[said.name].(bool)
		if !ok {
			t.FailAt(resp.Exchange, "holdings whose enrolled, token and address are true or false", fmt.Sprint(body))
		}
		*said.into = value
	}
	h.resources = t.whole(resp, "resources", "an answer about the holdings")
	return h
}

// keepsAll wants that the app holds its enrolment and the resources.
func (t *appTest) keepsAll(when string) {
	if h := t.holds(); !h.enrolled || h.resources != int64(len(t.resources())) {
		t.Fail(fmt.Sprintf("the enrolment and %d resources held %s", len(t.resources()), when), h.String())
	}
}

// message is a message to the device under test, of which the app has not heard.
func (t *appTest) message() messageContents {
	return messageContents{issuer: t.Issuer, deviceID: t.DeviceUnderTest, id: t.Random(18), thumbprint: t.deviceKey(), issued: t.Env.Now()}
}

// signedMessage signs a message rightly. Where the app proves no key, none can be named.
func (t *appTest) signedMessage(s statement) string {
	if t.deviceKey() == "" {
		s = s.with("cnf", nil)
	}
	compact, err := s.signed(t.signer)
	if err != nil {
		t.Broken("a message cannot be signed: %v", err)
	}
	return compact
}

// push sends a message to the app.
func (t *appTest) push(compact string) *conformance.Response {
	return t.Do("authorization-server", t.pushRequest(compact))
}

func (t *appTest) pushRequest(compact string) *http.Request {
	endpoint := t.document.Named("notification_endpoint", t.metadata.NotificationEndpoint)
	return t.rawRequest(http.MethodPost, endpoint, messageType, []byte(compact))
}

// taken wants a message to be answered 202 with an empty body.
func (t *appTest) taken(resp *conformance.Response, what string) {
	t.ExpectStatus(resp, what, http.StatusAccepted)
	if len(resp.Body) > 0 {
		t.FailAt(resp.Exchange, "an empty body of the answer to "+what, fmt.Sprintf("%d bytes", len(resp.Body)))
	}
}

// acknowledgements are those of a message since a mark.
func (t *appTest) acknowledgements(id string, mark int) []received {
	return slices.DeleteFunc(t.server.at(atAcknowledgement, mark), func(r received) bool { return r.body.Text("jti") != id })
}

// acknowledged waits for the acknowledgement of a wipe message, 10 s at the most.
func (t *appTest) acknowledged(id string, mark int, when string) received {
	const limit = 10 * time.Second
	if !t.Env.Await(limit, func() bool { return len(t.acknowledgements(id, mark)) > 0 }) {
		t.Fail(fmt.Sprintf("an acknowledgement with the jti %s within 10 s %s", id, when), fmt.Sprintf("%d acknowledgements, none with this jti", len(t.server.at(atAcknowledgement, mark))))
	}
	return t.acknowledgements(id, mark)[0]
}

// wiped pushes a wipe message and waits until it is acknowledged.
func (t *appTest) wiped() (id string) {
	mark, m := t.Mark(), t.message()
	t.taken(t.push(t.signedMessage(m.wipe())), "a wipe message")
	t.acknowledged(m.id, mark, "after a wipe message")
	return m.id
}

// holdsNothing wants that everything is deleted, at once or after a moment: level core asks for no order of deletion and acknowledgement.
func (t *appTest) holdsNothing(when string) {
	h := t.holds()
	for range 5 {
		if h == (holdings{}) {
			return
		}
		t.Env.Await(500*time.Millisecond, func() bool { return false })
		h = t.holds()
	}
	t.Fail("nothing held "+when, h.String())
}
