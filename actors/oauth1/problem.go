package oauth1

import (
	"net/http"
	"strings"
)

// The problem codes of the OAuth Problem Reporting extension.
const (
	VersionRejected         = "version_rejected"
	ParameterAbsent         = "parameter_absent"
	ParameterRejected       = "parameter_rejected"
	TimestampRefused        = "timestamp_refused"
	NonceUsed               = "nonce_used"
	SignatureMethodRejected = "signature_method_rejected"
	SignatureInvalid        = "signature_invalid"
	ConsumerKeyUnknown      = "consumer_key_unknown"
	ConsumerKeyRejected     = "consumer_key_rejected"
	ConsumerKeyRefused      = "consumer_key_refused"
	TokenUsed               = "token_used"
	TokenExpired            = "token_expired"
	TokenRevoked            = "token_revoked"
	TokenRejected           = "token_rejected"
	AdditionalAuthorization = "additional_authorization_required"
	PermissionUnknown       = "permission_unknown"
	PermissionDenied        = "permission_denied"
	UserRefused             = "user_refused"
)

// Problem is the reason why an OAuth message was refused.
type Problem struct {
	Status      int    // HTTP status of the answer; zero when the refused message is itself an answer
	Code        string // of the OAuth Problem Reporting vocabulary
	Description string // a sentence for the developer at the other end
	Parameter   string // the parameter at fault; empty when there is no single one
}

// Refuse makes a Problem with the status that RFC 5849 section 3.2 gives for its kind: 400 for what is
// absent, malformed or unsupported, 401 for bad credentials, tokens, signatures, timestamps and nonces.
// A refusal by the user or by policy is 403, which section 3.2 leaves open. A parameter name, which the other end
// may have made up, is cut after 100 bytes.
func Refuse(code, parameter, description string) *Problem {
	parameter = parameter[:min(len(parameter), 100)]
	status := http.StatusUnauthorized
	switch code {
	case VersionRejected, ParameterAbsent, ParameterRejected, SignatureMethodRejected:
		status = http.StatusBadRequest
	case PermissionUnknown, PermissionDenied, UserRefused:
		status = http.StatusForbidden
	}
	return &Problem{Status: status, Code: code, Parameter: parameter, Description: description}
}

// Error names the code, the parameter, percent-encoded so that it cannot upset a log, and the description.
func (p *Problem) Error() string {
	parts := []string{"oauth1: " + p.Code}
	if p.Parameter != "" {
		parts = append(parts, Escape(p.Parameter))
	}
	if p.Description != "" {
		parts = append(parts, p.Description)
	}
	return strings.Join(parts, ": ")
}

// Encode writes the problem as the form-encoded body of an answer.
func (p *Problem) Encode() string { return encodeForm(p.params()) }

// Challenge writes the problem as the value of a WWW-Authenticate header field, which every answer with
// status 401 must carry (RFC 9110 section 15.5.2).
func (p *Problem) Challenge(realm string) string { return formatAuthorization(realm, p.params()) }

func (p *Problem) params() []Param {
	params := []Param{{"oauth_problem", p.Code}}
	if p.Description != "" {
		params = append(params, Param{"oauth_problem_advice", p.Description})
	}
	if p.Parameter != "" {
		// Both members hold a list of names; each name is encoded once more than the member itself.
		switch p.Code {
		case ParameterAbsent:
			params = append(params, Param{"oauth_parameters_absent", Escape(p.Parameter)})
		case ParameterRejected:
			params = append(params, Param{"oauth_parameters_rejected", Escape(p.Parameter)})
		}
	}
	return params
}
