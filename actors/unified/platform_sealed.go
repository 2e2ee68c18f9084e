package unified

import (
	"encoding/json"
	"net/http"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// sealed serves a leg that a third-party platform calls with a sealed message (profile section 2.1).
func (p *Platform) sealed(name string, do func(message) (map[string]any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			p.wrongMethod(w, http.MethodPost)
			return
		}
		m, err := p.inbox().open(r, name)
		if err == nil {
			err = p.noteUse(m.line)
		}
		var own map[string]any
		if err == nil {
			own, err = do(m)
		}
		var answer wire.Answer
		if err == nil {
			answer, err = p.outbox().answer(m, answerTo(name), own)
		}
		p.keepFromCaches(w.Header())
		if err != nil {
			p.refuse(w, err)
			return
		}
		answer.Write(w)
	})
}

// refuse answers a program with the problem that the error is.
func (p *Platform) refuse(w http.ResponseWriter, err error) {
	problem := problemOf(w.Header(), err)
	said := map[string]string{"error": problem.Code, "error_description": problem.Description}
	// RFC 6749 section 5.2
	if !p.Guards.On("UN-PL-30") {
		delete(said, "error_description")
	}
	body, err := json.Marshal(said)
	if err != nil {
		body = []byte(`{"error":"server_error"}`)
	}
	wire.Answer{Status: problem.Status, ContentType: wire.JSONType, Body: string(body)}.Write(w)
}

func (p *Platform) wrongMethod(w http.ResponseWriter, allowed string) {
	w.Header().Set("Allow", allowed)
	p.refuse(w, refusal(http.StatusMethodNotAllowed, "method_not_allowed", "this endpoint takes "+allowed+" only"))
}

// inbox is what the platform refuses in sealed messages.
func (p *Platform) inbox() inbox {
	return inbox{
		Env: p.Env, used: platformMessages,
		lines: p.linesOf,
		from:  p.linesFrom,

		// closes claim 6: who leaves encryption out needs no key
		refusePlain: p.Guards.On("UN-PL-60"),
		// RFC 8725 section 3.1
		refuseAlgorithms: p.Guards.On("UN-PL-61"),
		// RFC 8725 section 3.11
		refuseOtherTypes: p.Guards.On("UN-PL-62"),
		// RFC 8725 sections 3.8 and 3.9
		refuseOtherIssuer:   p.Guards.Hardened(),
		refuseOtherAudience: p.Guards.Hardened(),
		// RFC 7519 section 4.1.6
		refuseStale: p.Guards.On("UN-PL-64"),
		// RFC 7519 section 4.1.7
		refuseReplays: p.Guards.On("UN-PL-63"),
	}
}

// outbox seals what the platform sends.
func (p *Platform) outbox() outbox {
	return outbox{
		Env: p.Env,
		// RFC 7518 section 8.4
		newVectors: p.Guards.On("UN-PL-65"),
		// claim 6: encrypted communication with the key
		sealAnswers: p.Guards.On("UN-PL-16"),
		// RFC 8725 section 3.12
		nameRequests: p.Guards.On("UN-PL-66"),
	}
}

// linesOf are the lines of a key ID: of the one key that has it, unless it is retired.
func (p *Platform) linesOf(kid string) (lines []line, err error) {
	err = p.Store.Update(func(tx store.Tx) error {
		owner, found, err := p.keyOwner(tx, kid)
		if err != nil {
			return err
		}
		owners := []string{owner}
		// claim 6: a message belongs to the key that it names
		if !found && !p.Guards.On("UN-PL-17") {
			if owners, err = p.keyOwners(tx); err != nil {
				return err
			}
		}
		for _, owner := range owners {
			keys, err := p.keysOf(tx, owner)
			if err != nil {
				return err
			}
			for _, k := range keys {
				if (k.ID == kid || !found) && !p.retired(k) {
					lines = append(lines, p.line(owner, k))
				}
			}
		}
		return nil
	})
	return lines, err
}

// linesFrom are the lines of a third-party platform.
func (p *Platform) linesFrom(clientID string) (lines []line, err error) {
	err = p.Store.Update(func(tx store.Tx) error {
		keys, err := p.keysOf(tx, clientID)
		for _, k := range keys {
			lines = append(lines, p.line(clientID, k))
		}
		return err
	})
	return lines, err
}

func (p *Platform) line(clientID string, k communicationKey) line {
	return line{key: k.Key, self: p.Issuer, peer: clientID}
}
