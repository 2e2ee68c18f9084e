package office

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// serverAnswered looks at what the authorization server answers.
func (j *judge) serverAnswered(leg string, asked *sim.Message, e sim.Event) {
	status := e.Message.Status
	done := status == http.StatusOK
	if status == http.StatusServiceUnavailable {
		j.Breach(Undisturbed, e, "the authorization server turned %s away", asked.From)
	}
	if done && (leg == LegAuthentication || leg == LegDownload || leg == LegKeys) {
		j.mayBeKept(leg, e)
	}
	switch {
	case leg == LegRegistration && done:
		j.deviceRegistered(asked, e)
	case leg == LegAuthentication && done:
		j.authenticated(asked, e)
	case leg == LegAuthentication && status == http.StatusForbidden, leg == LegDeregistration && (status == http.StatusForbidden || status == http.StatusNotFound):
		j.refused(leg, e)
	case leg == LegDeregistration && done:
		j.deregistered(asked, e)
	case leg == LegAcknowledgement && status == http.StatusNoContent:
		if id := read(asked.Body).DeviceID; asked.From != j.hostOf(id) {
			j.Breach(HonestReport, e, "the authorization server took the word of %s that %s is wiped", asked.From, id)
		}
	case leg == LegDownload && done:
		j.shared(asked, e)
	case leg == LegDownload && status == http.StatusNotFound && j.doubtful[asked.ID]:
		j.Breach(NoGarbage, e, "%s asked for something that nobody shares, for a token that was never given", asked.From)
	case leg == LegRules && done:
		j.rulesAnswered(asked, e)
	}
}

func (j *judge) deviceRegistered(asked *sim.Message, e sim.Event) {
	id := read(asked.Body).DeviceID
	switch was := j.registered[id]; {
	case asked.From == j.hostOf(id):
	case was:
		j.Breach(KeyStays, e, "%s registered %s again", asked.From, id)
	default:
		j.Breach(OwnDevices, e, "%s registered %s", asked.From, id)
	}
	j.registered[id] = true
	delete(j.ended, id)
}

// authenticated judges a token that was given.
func (j *judge) authenticated(asked *sim.Message, e sim.Event) {
	id, answer := read(asked.Body), read(e.Message.Body)
	g := &given{
		user: id.UserName, app: id.AppID, device: id.DeviceID, system: answer.SystemID,
		at: e.At, lifetime: min(time.Duration(answer.ExpiresIn)*time.Second, longest), version: answer.Version,
	}
	j.tokens[answer.AccessToken] = g
	j.book.names(answer.Version, e.At)
	if answer.Version < j.began[e.PID] {
		j.Breach(InForce, e, "version %d judged a request that came under version %d", answer.Version, j.began[e.PID])
	}
	if asked.Injected || asked.From != j.hostOf(id.DeviceID) {
		j.Breach(Possession, e, "%s got a token for %s", asked.From, id.DeviceID)
	}
	if _, ended := j.ended[id.DeviceID]; ended || !j.registered[id.DeviceID] {
		j.Breach(Rights, e, "%s got a token for %s, which is not registered", asked.From, id.DeviceID)
	}
	if rules := j.book.page(answer.Version); rules != nil {
		if !rules.covers(g) {
			j.Breach(Rights, e, "%s got a token for %s and %s on %s, which version %d does not allow", asked.From, id.UserName, id.AppID, id.DeviceID, answer.Version)
		}
		if rules.systemOf(id.AppID) != answer.SystemID || rules.address(answer.SystemID) != answer.SystemAddress {
			j.Breach(OneVersion, e, "an answer names version %d, and an address of another", answer.Version)
		}
	}
	j.sealedWell(answer, e)
	if !j.Stage.Dishonest(asked.From) {
		j.Keep(stage.Secret{
			Value: answer.AccessToken, What: "a token of " + id.DeviceID + " for " + g.system,
			Hosts: append(j.hostsOf(g.system), j.Server.Host.Name(), asked.From), Breaks: AtHome, Bare: UnderTLS,
		})
	}
}

// sealedWell judges how a token is sealed.
func (j *judge) sealedWell(answer message, e sim.Event) {
	parts := strings.Split(answer.AccessToken, ".")
	if len(parts) != 5 {
		j.Breach(Sealed, e, "a token is no compact JWE")
		return
	}
	vector := answer.SystemID + " " + parts[2]
	if j.vectors[vector] {
		j.Breach(FreshVectors, e, "two tokens for %s have one initialization vector", answer.SystemID)
	}
	j.vectors[vector] = true
}

// refused compares refusals with each other.
func (j *judge) refused(leg string, e sim.Event) {
	said := read(e.Message.Body)
	if said.Error == "device_deregistered" {
		return // for the device alone, which has proved who it is
	}
	now := fmt.Sprintf("%d %s %s", e.Message.Status, said.Error, said.Description)
	if before, seen := j.refusals[leg]; seen && before != now {
		j.Breach(NoOracle, e, "one %s is refused otherwise than another", leg)
	}
	j.refusals[leg] = now
}

func (j *judge) deregistered(asked *sim.Message, e sim.Event) {
	said := read(asked.Body)
	if j.userAt(asked.From) != said.UserName {
		j.Breach(OwnDeregistration, e, "%s deregistered %s", asked.From, said.DeviceID)
	}
	if _, already := j.ended[said.DeviceID]; already {
		return
	}
	j.ended[said.DeviceID] = e.At
	for _, g := range j.tokens { //worldlint:allow each is changed alike
		if g.device == said.DeviceID && g.ended == 0 {
			g.ended = e.At
		}
	}
}

// shared judges to whom a token is shared.
func (j *judge) shared(asked *sim.Message, e sim.Event) {
	record := read(e.Message.Body)
	if s := j.systemAt(asked.From); s == nil || s.ID != j.Stage.systemOf(record.AppID) {
		j.Breach(OwnRecords, e, "%s got a token for %s", asked.From, j.Stage.systemOf(record.AppID))
	}
	if host := j.hostOf(record.DeviceID); !j.Stage.Dishonest(host) && !j.brokenInto(j.Stage.systemOf(record.AppID)) {
		j.inside[record.TokenID], j.inside[record.Token] = "the identifier of a token of "+record.DeviceID, "a token of "+record.DeviceID
	}
}

func (j *judge) rulesAnswered(asked *sim.Message, e sim.Event) {
	if asked.From != j.Ann.Name {
		j.Breach(OwnRules, e, "%s got at the rules", asked.From)
	}
	version := read(e.Message.Body).Version
	if asked.Method == http.MethodPut {
		over := strings.Trim(asked.Header.Get("If-Match"), `"`)
		if j.Server.File == nil && over != fmt.Sprint(j.book.inForce()) {
			j.Breach(NoLostUpdate, e, "version %d took the place of a version that its author had not read", version)
		}
	}
	j.book.names(version, e.At)
}
