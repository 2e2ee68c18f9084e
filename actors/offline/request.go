package offline

import (
	"errors"
	"net/http"

	"countersign/actors/wire"
)

// coseType is the media type of an envelope, whatever its parameters.
const coseType = "application/cose"

// A problem is a refusal on its way to the wire.
type problem = wire.Problem

// members are those of a JSON object that was sent.
type members = wire.Members

// asProblem gives the refusal that an error stands for: a message that cannot be read is a bad request.
func asProblem(err error) *problem {
	var unread *MalformedError
	if errors.As(err, &unread) {
		return wire.InvalidRequest("the " + unread.Message.String() + " is malformed: " + unread.Problem)
	}
	return wire.ProblemOf(err)
}

// refuse answers with the problem that the error stands for.
func refuse(w http.ResponseWriter, err error) { wire.Reject(w, asProblem(err)) }

// hasType reports whether a body is of the media type, whatever its parameters.
func hasType(r *http.Request, mediaType string) bool { return wire.MediaType(r.Header) == mediaType }

func wrongType(mediaType string) *problem {
	return &problem{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Description: "this endpoint takes " + mediaType + " only"}
}

// maxObject bounds a body in JSON, in bytes.
const maxObject = 16 << 10

// readObject reads the JSON object in a body (profile section 2). Of duplicates the last counts.
func readObject(r *http.Request) (members, error) {
	if !hasType(r, wire.JSONType) {
		return nil, wrongType(wire.JSONType)
	}
	body, err := wire.ReadBody(r.Body, maxObject)
	if err != nil {
		return nil, err
	}
	return wire.Object(body)
}
