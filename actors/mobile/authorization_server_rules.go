package mobile

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// Reload activates rules that the server's operator hands over, in JSON or YAML: a version like any other, by `file`.
// The error is a *RulesError when they are broken, and the rules in force stay.
func (s *AuthorizationServer) Reload(document []byte) error { return s.reload(document, nil) }

func (s *AuthorizationServer) reload(document []byte, unless func(store.Tx) error) error {
	if len(document) > maxRules {
		return &RulesError{Why: "are larger than 1 MiB"}
	}
	mediaType := mediaTypeOf(document)
	if mediaType == rulesJSON && wire.Repeats(document) {
		return &RulesError{Why: "have a member twice"}
	}
	rules, err := s.readRules(document, mediaType)
	if err != nil {
		return err
	}
	_, err = s.activate(activation{rules: rules, document: document, by: fromFile, unless: unless})
	return err
}

// readRules reads a document of rules. The error is a *RulesError.
func (s *AuthorizationServer) readRules(document []byte, mediaType string) (Rules, error) {
	text, err := asJSON(document, mediaType)
	if err != nil {
		return Rules{}, err
	}
	reader := rulesReader{sealed: func(systemID string) bool {
		_, known := s.system(systemID)
		return known
	}}
	rules, err := reader.read(text)
	// claim 1: preset rules decide; broken ones are refused as a whole
	if err != nil && !s.Guards.On("MO-AS-16") {
		reader.lenient = true
		return reader.read(text)
	}
	return rules, err
}

// rulesFileBeat is how often the file is looked at. It is activated when it is the same twice, so that a file half written is not.
const rulesFileBeat = 500 * time.Millisecond

// watchRulesFile activates what is new in the file, from now on (flows, rules as data).
func (s *AuthorizationServer) watchRulesFile() {
	if s.RulesFile == nil || !s.Guards.On("MO-AS-64") {
		return
	}
	s.Go("watch the rules file", func() {
		seen, judged := "", ""
		for {
			s.Clock.Sleep(rulesFileBeat)
			document, err := s.RulesFile()
			digest := digestOf(document)
			if err != nil {
				digest = err.Error()
			}
			settled := digest == seen
			seen = digest
			if settled && digest != judged {
				judged = digest
				s.readRulesFile()
			}
		}
	})
}

// readRulesFile activates the content of the file unless it is the one that was activated from it last.
func (s *AuthorizationServer) readRulesFile() {
	document, err := s.RulesFile()
	if err == nil {
		err = s.reload(document, func(tx store.Tx) error {
			var last string
			if _, err := tx.Get(rulesState, fromFileKey, &last); err != nil || last != digestOf(document) {
				return err
			}
			return errSameFile
		})
	}
	if err != nil && err != errSameFile && s.RulesFileRefused != nil {
		s.RulesFileRefused(err)
	}
}

var errSameFile = errors.New("the file is as it was when it was activated")

// rulesNow gives the edition in force; nil when there is none yet.
func (s *AuthorizationServer) rulesNow() (e *edition, err error) {
	err = s.Store.Update(func(tx store.Tx) (err error) {
		e, err = s.inForce(tx)
		return err
	})
	return e, err
}

// showRules gives the rules in force (profile section 4.6).
func (s *AuthorizationServer) showRules(v visit) (wire.Answer, error) {
	e, err := s.rulesNow()
	if err != nil {
		return wire.Answer{}, err
	}
	v.header.Set("ETag", entityTag(e.Version))
	return wire.JSON(struct {
		Version int64 `json:"rules_version"`
		Rules   Rules `json:"rules"`
	}{e.Version, e.Rules})
}

// entityTag is a version as an entity tag (RFC 9110 section 8.8.3).
func entityTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// changeRules activates the rules in the body (profile section 4.6).
func (s *AuthorizationServer) changeRules(v visit) (wire.Answer, error) {
	document, mediaType, err := readBody(v.Request, maxRules, rulesJSON, rulesYAML)
	if err != nil {
		return wire.Answer{}, err
	}
	if mediaType == rulesJSON {
		if err := s.unambiguous(document); err != nil {
			return wire.Answer{}, err
		}
	}
	rules, err := s.readRules(document, mediaType)
	if err != nil {
		return wire.Answer{}, wire.InvalidRequest(err.Error())
	}
	version, err := s.activate(activation{rules: rules, document: document, by: v.caller, unless: func(tx store.Tx) error {
		e, err := s.inForce(tx)
		if err != nil {
			return err
		}
		missed := precondition(v.Header["If-Match"], e.Version)
		// RFC 6585 section 3; RFC 9110 section 13.1.1
		if missed != nil && s.Guards.On("MO-AS-56") {
			return missed
		}
		return nil
	}})
	if err != nil {
		return wire.Answer{}, err
	}
	v.header.Set("ETag", entityTag(version))
	return wire.JSON(map[string]int64{"rules_version": version})
}

// precondition judges If-Match: it has to name the version in force.
func precondition(values []string, version int64) error {
	switch {
	case len(values) == 0:
		return &problem{Status: http.StatusPreconditionRequired, Code: "precondition_required", Description: "the request lacks If-Match; send the version that you read"}
	case len(values) > 1 || values[0] != entityTag(version):
		return &problem{Status: http.StatusPreconditionFailed, Code: "precondition_failed", Description: "the rules have changed since; read them again"}
	}
	return nil
}

// showAudit lists the versions, the oldest first (profile section 4.6).
func (s *AuthorizationServer) showAudit(visit) (wire.Answer, error) {
	entries := []json.RawMessage{}
	err := s.Store.Update(func(tx store.Tx) error {
		versions, err := tx.Keys(rulesAudit)
		if err != nil {
			return err
		}
		for _, version := range versions {
			var entry json.RawMessage
			if _, err := tx.Get(rulesAudit, version, &entry); err != nil {
				return err
			}
			entries = append(entries, entry)
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]any{"entries": entries})
}
