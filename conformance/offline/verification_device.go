package offline

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// verificationDeviceChecks are the checks of the verification device. They are all Alone: the device is configured with the harness server's address. OF-VD-32 has none: the catalogue says why.
func verificationDeviceChecks() []conformance.Check {
	var checks []conformance.Check
	for _, c := range []struct {
		id  catalog.ID
		run func(*deviceTest)
	}{
		{"OF-VD-01", (*deviceTest).metadataNamesTheEndpoint},
		{"OF-VD-02", (*deviceTest).applicationRelayed},
		{"OF-VD-03", (*deviceTest).informationRelayed},
		{"OF-VD-04", (*deviceTest).countersignRelayed},
		{"OF-VD-05", (*deviceTest).approvesWhatWasVerified},
		{"OF-VD-06", (*deviceTest).refusesWhatWasNotVerified},
		{"OF-VD-07", (*deviceTest).noResultNoApproval},
		{"OF-VD-08", (*deviceTest).noDecisionBeforeTheResult},
		{"OF-VD-09", (*deviceTest).refusalPassedOn},
		{"OF-VD-10", (*deviceTest).messagesPutTogether},
		{"OF-VD-11", (*deviceTest).sessionsSeparate},
		{"OF-VD-12", (*deviceTest).damagedFrameDiscarded},
		{"OF-VD-13", (*deviceTest).repeatedFrameAcknowledged},
		{"OF-VD-14", (*deviceTest).malformedFrameDiscarded},
		{"OF-VD-15", (*deviceTest).frameSizeKept},
		{"OF-VD-16", (*deviceTest).firstFragmentStands},
		{"OF-VD-17", (*deviceTest).resultSignatureChecked},
		{"OF-VD-18", (*deviceTest).resultOfItsOwnDomain},
		{"OF-VD-19", (*deviceTest).resultForThisSerial},
		{"OF-VD-20", (*deviceTest).resultForThisChallenge},
		{"OF-VD-21", (*deviceTest).resultForThisDevice},
		{"OF-VD-22", (*deviceTest).resultForThisAmount},
		{"OF-VD-23", (*deviceTest).oneApprovalASerial},
		{"OF-VD-24", (*deviceTest).authenticatesItself},
		{"OF-VD-25", (*deviceTest).metadataIssuerCompared},
		{"OF-VD-26", (*deviceTest).lostVerificationAskedAgain},
		{"OF-VD-27", (*deviceTest).triesAreBounded},
		{"OF-VD-28", (*deviceTest).applicationForAnotherDeviceRefused},
		{"OF-VD-29", (*deviceTest).oneCountersignASession},
		{"OF-VD-30", (*deviceTest).idleSessionForgotten},
		{"OF-VD-31", (*deviceTest).framesAsPictures},
		{"OF-VD-33", (*deviceTest).lostMetadataAskedForAgain},
	} {
		checks = append(checks, conformance.Check{ID: c.id, Role: catalog.VerificationDevice, Alone: true, Run: nearDevices(c.run)})
	}
	return conformance.LettingTimePass(conformance.Waits, checks, "OF-VD-25", "OF-VD-30", "OF-VD-33")
}

// deviceTest is a test of a device, with the handsets and the server that the harness plays.
type deviceTest struct {
	*test
	server *server
}

func nearDevices(f func(*deviceTest)) func(*conformance.Session) {
	return against(func(t *test) { f(&deviceTest{test: t, server: newServer(t)}) })
}

// own is the device under test, as it is configured.
func (d *deviceTest) own() DeviceSetup { return d.Devices[0] }

// visit is a session of a handset of the harness before the device.
type visit struct {
	*deviceTest
	session [4]byte
	as      signer
	asked   fields
	// size is how long its frames are at most.
	size int
	// opened says that a frame of the session was answered.
	opened bool
	// information is what was relayed, as it came and as it reads.
	information []byte
	informed    fields
}

// visit begins a session, of a handset that will apply for a sum at level 1.
func (d *deviceTest) visit() *visit { return d.visitOf(d.Handsets[0]) }

func (d *deviceTest) visitOf(h HandsetSetup) *visit {
	s := d.Services[0]
	if s.Threshold < 4 {
		d.Broken("the setup's service %s has the threshold %d: checks of level 1 need 4 or more", s.ID, s.Threshold)
	}
	return &visit{
		deviceTest: d, session: [4]byte(d.random(4)), as: d.signer(h.ID, h.Key), size: d.frameSize(),
		asked: newApplication(d.random(16), h.ID, d.own().ID, s.ID, s.Threshold/2, d.Currency),
	}
}

// frameSize is the device's. Where it announces none, which is the matter of OF-VD-01, frames are short enough for every device.
func (d *deviceTest) frameSize() int {
	if size := d.metadata.NearFieldFrameSize; size >= frameSize && size <= 1024 {
		return size
	}
	return frameSize
}

// again is a visit in another session with the same application.
func (v *visit) again() *visit {
	other := *v
	other.session, other.opened = [4]byte(v.random(4)), false
	return &other
}

func (v *visit) request(mediaType string, body []byte) *http.Request {
	endpoint := v.document.Named("near_field_endpoint", v.metadata.NearFieldEndpoint)
	req, err := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		v.FailAt(v.document.Exchange, "metadata whose near_field_endpoint is a URL", fmt.Sprintf("%q: %v", endpoint, err))
	}
	req.Header.Set("Content-Type", mediaType)
	return req
}

// hand gives the device the bytes of a frame, and takes what comes back: status 200 or 204.
func (v *visit) hand(b []byte, what string) *conformance.Response {
	resp := v.Do("handset", v.request(frameType, b))
	v.ExpectStatus(resp, what, http.StatusOK, http.StatusNoContent)
	return resp
}

// ignored ends the check as failed unless the device does not answer these bytes.
func (v *visit) ignored(b []byte, what string) {
	if resp := v.hand(b, what); resp.Status != http.StatusNoContent {
		said := judge.Describe(resp)
		if f, err := readFrame(resp.Body); err == nil {
			said = f.String()
		}
		v.FailAt(resp.Exchange, "status 204, no answer, to "+what, said)
	}
}

// frame reads the answer to a frame, which has to be one of the session, about the same fragment.
func (v *visit) frame(resp *conformance.Response, asked frame) frame {
	if resp.Status == http.StatusNoContent {
		v.FailAt(resp.Exchange, "an answer to "+asked.String(), "status 204, no answer")
	}
	v.OfType(resp, "the answer to "+asked.String(), frameType)
	return v.right(resp.Body, resp.Exchange, asked)
}

func (v *visit) right(b []byte, exchange int, asked frame) frame {
	f, err := readFrame(b)
	if err != nil {
		v.FailAt(exchange, "a frame as the answer to "+asked.String(), err.Error())
	}
	fitting := f.kind == frameAck
	if asked.kind == framePoll {
		fitting = f.kind == frameData || f.kind == frameWait
	}
	if !fitting || f.session != asked.session || f.message != asked.message || f.index != asked.index {
		v.FailAt(exchange, "the answer that "+asked.String()+" asks for, in its session", fmt.Sprintf("%s, in the session %x and not %x", f, f.session, asked.session))
	}
	return f
}

// gives hands frames over, each of which has to be acknowledged.
func (v *visit) gives(frames ...frame) {
	for _, f := range frames {
		resp := v.hand(f.bytes(), f.String())
		if resp.Status == http.StatusNoContent && !v.opened && v.Passes(forgotten) {
			resp = v.hand(f.bytes(), f.String()) // the sessions of earlier checks may have taken all the places
		}
		v.frame(resp, f)
		v.opened = true
	}
}

// forgotten is how long a session is idle before it is forgotten, and a little more: section 4.2.
const forgotten = 121 * time.Second

// cut cuts a message into frames of the visit's size.
func (v *visit) cut(message byte, content []byte) []frame {
	return cut(v.session, message, content, v.size)
}

// poll asks for a fragment.
func (v *visit) poll(message, index byte) frame {
	return frame{kind: framePoll, session: v.session, message: message, index: index}
}

// longestWork is how long the device may let a handset wait, its tries at the server included.
const longestWork = 25 * time.Second

// hears polls for a message until all of it is there.
func (v *visit) hears(message byte) (content []byte, exchange int) {
	var whole fragments
	begin, pause := v.Env.Now(), 10*time.Millisecond
	for index := byte(0); !whole.complete(); {
		asked := v.poll(message, index)
		resp := v.hand(asked.bytes(), asked.String())
		f := v.frame(resp, asked)
		exchange = resp.Exchange
		switch {
		case f.kind == frameData && whole.count != 0 && f.count != whole.count:
			v.FailAt(exchange, fmt.Sprintf("fragments of message %d that all name the count %d", message, whole.count), f.String())
		case f.kind == frameData:
			whole.take(f)
			index++
		case v.Env.Now().Sub(begin) > longestWork:
			v.FailAt(exchange, fmt.Sprintf("message %d within %s", message, longestWork), "WAIT")
		default:
			v.pause(pause)
			pause = min(2*pause, 200*time.Millisecond)
		}
	}
	return whole.joined(), exchange
}

// pause lets time pass.
func (d *deviceTest) pause(long time.Duration) { d.Env.Await(long, func() bool { return false }) }

// applies sends the application.
func (v *visit) applies() { v.gives(v.cut(linkApplication, v.asked.encode())...) }

// isInformed applies, and takes information.
func (v *visit) isInformed() { v.applies(); v.takesInformation() }

func (v *visit) takesInformation() {
	content, exchange := v.hears(linkInformation)
	said, err := peekPayload(content)
	if err != nil || said.number(keyType) != typeInformation {
		v.FailAt(exchange, "information as message 1, as a control", v.describe(content))
	}
	v.information, v.informed = content, said
}

// describe says what a message of the device's is.
func (v *visit) describe(content []byte) string {
	f, err := peekMessage(content)
	if err != nil {
		return fmt.Sprintf("%d bytes that are no message: %v", len(content), err)
	}
	return fmt.Sprintf("a message whose %s, %s and %s", f.describe(keyType), f.describe(keyApproved), f.describe(keyError))
}

// countersign is the right one for the information.
func (v *visit) countersign() []byte {
	return v.as.sign(domainCountersign, newCountersign(v.informed))
}

// countersigns sends the right one.
func (v *visit) countersigns() { v.gives(v.cut(linkCountersign, v.countersign())...) }

// decided is what the device decided.
type decided struct {
	fields
	exchange int
}

// isDecided takes the decision, which has to be one about the visit's serial.
func (v *visit) isDecided() decided {
	content, exchange := v.hears(linkDecision)
	f, err := peekMessage(content)
	if _, is := f[keyApproved].(bool); err != nil || f.number(keyType) != typeDecision || !is || f.serial() != v.asked.serial() {
		v.FailAt(exchange, fmt.Sprintf("a decision with approved, true or false, about the serial %x as message 3", v.asked.serial()), v.describe(content))
	}
	return decided{f, exchange}
}

// buys plays a whole business that ends well: the control.
func (v *visit) buys() decided {
	v.isInformed()
	v.countersigns()
	return v.approves("a right countersign")
}

// approves ends the check as failed unless the decision is approved true.
func (v *visit) approves(on string) decided {
	is := v.isDecided()
	if !is.truth(keyApproved) {
		v.FailAt(is.exchange, "a decision with approved true on "+on, v.describe(is.encode()))
	}
	return is
}

// approvesNot ends the check as failed unless the decision is approved false, with one of the errors.
func (v *visit) approvesNot(on string, codes ...string) decided {
	is := v.isDecided()
	if is.truth(keyApproved) {
		v.FailAt(is.exchange, "a decision with approved false on "+on, "approved true")
	}
	if !slices.Contains(codes, is.text(keyError)) {
		v.FailAt(is.exchange, "a decision with error "+strings.Join(codes, " or ")+" on "+on, is.describe(keyError))
	}
	return is
}

// isRefused ends the check as failed unless message 1 is a refusal with the error.
func (v *visit) isRefused(on, code string) {
	content, exchange := v.hears(linkInformation)
	f, err := peekMessage(content)
	if err != nil || f.number(keyType) != typeRefusal || f.text(keyError) != code {
		v.FailAt(exchange, "a refusal with error "+code+" as message 1 on "+on, v.describe(content))
	}
	if serial := f.bytes(keySerial); serial != nil && !bytes.Equal(serial, v.asked.bytes(keySerial)) {
		v.FailAt(exchange, fmt.Sprintf("a refusal with the application's serial %x or none", v.asked.serial()), f.describe(keySerial))
	}
}

// requests are those to an endpoint of the server about the visit's serial.
func (v *visit) requests(endpoint string) []received {
	return v.server.about(endpoint, v.asked.serial())
}

// answered is what the server answered last at an endpoint about the visit's serial.
func (v *visit) answered(endpoint string) []byte {
	all := v.requests(endpoint)
	if len(all) == 0 {
		v.Fail("a request to the "+endpoint+" endpoint about the serial of the application", "none")
	}
	return all[len(all)-1].answer.body
}

// relayed ends the check as failed unless the server was sent those bytes.
func (v *visit) relayed(endpoint, what, mediaType string, content []byte) received {
	var last received
	for _, r := range v.server.Since(0) {
		if r.endpoint != endpoint {
			continue
		}
		if last = r; bytes.Equal(r.body, content) {
			if r.mediaType != mediaType {
				v.FailAt(r.exchange, what+" sent as "+mediaType, fmt.Sprintf("media type %q", r.mediaType))
			}
			return r
		}
	}
	expected := fmt.Sprintf("%s sent to the %s endpoint byte for byte: %x", what, endpoint, content)
	if last.exchange == 0 {
		v.Fail(expected, "nothing was sent there")
	}
	v.FailAt(last.exchange, expected, fmt.Sprintf("%x", last.body))
	return last
}

// once ends the check as failed when the server was asked more than once.
func (v *visit) once(endpoint, when string) {
	const late = 300 * time.Millisecond // for a device that asks in its own time
	v.Env.Await(late, func() bool { return len(v.requests(endpoint)) > 1 })
	if all := v.requests(endpoint); len(all) > 1 {
		v.FailAt(all[1].exchange, "one request to the "+endpoint+" endpoint "+when, fmt.Sprintf("%d", len(all)))
	}
}
