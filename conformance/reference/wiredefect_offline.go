package reference

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"regexp"
	"slices"

	"countersign/conformance/catalog"
)

// framed changes a frame of the near-field link and makes its checksum right again; a picture stays as it is.
func framed(change func(frame []byte) []byte) func(*answer) {
	const checksum = 4
	return body(func(b []byte) []byte {
		if len(b) < 10+checksum || bytes.HasPrefix(b, []byte("\x89PNG")) {
			return b
		}
		b = change(b[:len(b)-checksum])
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	})
}

// amountMember is a whole number in JSON under that name.
var amountMember = regexp.MustCompile(`"amount":(\d+)`)

// byteAt adds one to a byte.
func byteAt(i int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[i]++
		return b
	}
}

func offlineWireDefects() []Defect {
	ss, vd, hs := catalog.ServiceServer, catalog.VerificationDevice, catalog.Handset
	informed, judged := answered("/application", http.StatusOK), answered("/verification", http.StatusOK)
	passwordSet, frameAnswered := answered("/password", http.StatusNoContent), answered("/near-field", http.StatusOK)
	started, confirmed, setting := answered("/start", http.StatusOK), answered("/confirmation/", http.StatusOK), answered("/password-setting", http.StatusNoContent)
	dataSent := func(r *http.Request, a *answer) bool {
		return frameAnswered(r, a) && a.body.Len() > 0 && a.body.Bytes()[0] == 1
	}
	return slices.Concat(noMetadata(ss, "OF-SS-01"), noMetadata(vd, "OF-VD-01"), noMetadata(hs, "OF-HS-01"), []Defect{
		{Role: ss, Requirement: "OF-SS-01", Text: "metadata as text/plain", tap: on(metadataServed, contentType("text/plain"))},
		{Role: ss, Requirement: "OF-SS-02", Text: "information with status 201", tap: on(informed, status(http.StatusCreated))},
		{Role: ss, Requirement: "OF-SS-02", Text: "information as application/cbor", tap: on(informed, contentType("application/cbor"))},
		{Role: ss, Requirement: "OF-SS-02", Text: "information with a byte after the item", tap: on(informed, followed("\x00"))},
		{Role: ss, Requirement: "OF-SS-02", Text: "information without its tag", tap: on(informed, body(func(b []byte) []byte { return b[1:] }))},
		{Role: ss, Requirement: "OF-SS-02", Text: "information that breaks off", tap: truncated(informed)},
		{Role: ss, Requirement: "OF-SS-02", Text: "information after two minutes", tap: slow(informed)},
		{Role: ss, Requirement: "OF-SS-02", Text: "information without end", tap: endless(informed)},
		{Role: ss, Requirement: "OF-SS-06", Text: "result as an array of three parts", tap: on(judged, body(func(b []byte) []byte {
			b[1] = 0x83
			return b
		}))},
		{Role: ss, Requirement: "OF-SS-06", Text: "result with bytes after the item", tap: on(judged, followed("\xa0"))},
		{Role: ss, Requirement: "OF-SS-06", Text: "connection reset in place of the result", tap: reset(judged)},
		{Role: ss, Requirement: "OF-SS-55", Text: "result whose signature has a byte of another value", tap: on(judged, body(func(b []byte) []byte {
			b[len(b)-1] ^= 1
			return b
		}))},
		{Role: ss, Requirement: "OF-SS-15", Text: "password setting answered with 200", tap: on(passwordSet, status(http.StatusOK))},
		{Role: ss, Requirement: "OF-SS-17", Text: "refusals with status 200", tap: on(refused, status(http.StatusOK))},
		{Role: ss, Requirement: "OF-SS-23", Text: "refusals as text without JSON", tap: on(refused, plainly)},
		{Role: vd, Requirement: "OF-VD-02", Text: "frames as text/plain", tap: on(frameAnswered, contentType("text/plain"))},
		{Role: vd, Requirement: "OF-VD-02", Text: "frames with a wrong checksum", tap: on(frameAnswered, body(func(b []byte) []byte {
			b[len(b)-1] ^= 1
			return b
		}))},
		{Role: vd, Requirement: "OF-VD-03", Text: "frames that name a payload longer by one", tap: on(dataSent, framed(byteAt(9)))},
		{Role: vd, Requirement: "OF-VD-10", Text: "frames in another session", tap: on(frameAnswered, framed(byteAt(4)))},
		{Role: vd, Requirement: "OF-VD-03", Text: "fragments that name a greater count", tap: on(dataSent, framed(byteAt(7)))},
		{Role: vd, Requirement: "OF-VD-03", Text: "fragments that name the next message", tap: on(dataSent, framed(byteAt(5)))},
		{Role: vd, Requirement: "OF-VD-13", Text: "frames cut off after their header", tap: on(frameAnswered, body(func(b []byte) []byte { return b[:10] }))},
		{Role: vd, Requirement: "OF-VD-05", Text: "frames answered with status 500", tap: on(frameAnswered, status(http.StatusInternalServerError))},
		{Role: vd, Requirement: "OF-VD-12", Text: "no answer with status 200 and an empty body", tap: on(answered("/near-field", http.StatusNoContent), status(http.StatusOK))},
		{Role: vd, Requirement: "OF-VD-05", Text: "connection reset in place of a fragment", tap: reset(dataSent)},
		{Role: hs, Requirement: "OF-HS-20", Text: "start answered without the amount", tap: on(started, renamed(`"amount"`, `"sum"`))},
		{Role: hs, Requirement: "OF-HS-20", Text: "start answered with the amount as a string", tap: on(started, body(func(b []byte) []byte {
			return amountMember.ReplaceAll(b, []byte(`"amount":"$1"`))
		}))},
		{Role: hs, Requirement: "OF-HS-11", Text: "confirmation answered without an outcome", tap: on(confirmed, renamed(`"outcome"`, `"result"`))},
		{Role: hs, Requirement: "OF-HS-05", Text: "connection reset at the end of a confirmation", tap: reset(confirmed)},
		{Role: hs, Requirement: "OF-HS-09", Text: "password setting answered with 200", tap: on(setting, status(http.StatusOK))},
		{Role: hs, Requirement: "OF-HS-15", Text: "refusals with status 200", tap: on(refused, status(http.StatusOK))},
	})
}
