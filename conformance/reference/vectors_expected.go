package reference

import (
	"encoding/hex"
	"encoding/json"

	"github.com/fxamacker/cbor/v2"
)

// Expected is the status, for a refusal the error code, and of other answers what follows from the request: of JSON objects what is true and false in them, of messages in CBOR the fields.
type Expected struct {
	Status int             `json:"status"`
	Error  string          `json:"error,omitempty"`
	Truths map[string]bool `json:"truths,omitempty"`
	Fields map[string]any  `json:"fields,omitempty"`
	// Receipt is the Handover-Receipt of the bidirectional flow.
	Receipt string `json:"receipt,omitempty"`
}

// headerReceipt is the one header of an answer that follows from the request.
const headerReceipt = "Handover-Receipt"

func expectedOf(status int, receipt string, body []byte) Expected {
	e := Expected{Status: status, Receipt: receipt}
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		e.Fields = fieldsIn(body)
		return e
	}
	if status >= 400 {
		e.Error, _ = members["error"].(string)
		return e
	}
	for name, member := range members {
		if is, truth := member.(bool); truth {
			if e.Truths == nil {
				e.Truths = map[string]bool{}
			}
			e.Truths[name] = is
		}
	}
	return e
}

// refuses reports whether the answer says no.
func (e Expected) refuses() bool {
	for _, is := range e.Truths {
		if !is {
			return true
		}
	}
	return e.Status >= 400
}

// fieldsIn are those of the message of the offline flow in a COSE_Sign1 that follow from the request and the setup, by their names in section 2.1 of its profile; nil where there is none.
// Byte strings stand in hexadecimal.
func fieldsIn(body []byte) map[string]any {
	var envelope struct {
		_           struct{} `cbor:",toarray"`
		Protected   []byte
		Unprotected cbor.RawMessage
		Payload     []byte
		Signature   []byte
	}
	var message map[uint64]any
	if cbor.Unmarshal(body, &envelope) != nil || cbor.Unmarshal(envelope.Payload, &message) != nil {
		return nil
	}
	fields := map[string]any{}
	for key, name := range map[uint64]string{1: "type", 2: "serial", 3: "handset", 4: "device", 5: "service", 6: "amount", 7: "currency", 8: "level", 12: "issuer", 16: "verified"} {
		switch value := message[key].(type) {
		case nil:
		case []byte:
			fields[name] = hex.EncodeToString(value)
		default:
			fields[name] = value
		}
	}
	return fields
}
